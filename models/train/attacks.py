"""Presentation attacks, drawn: what a printed or displayed face does to a camera's picture (ISO/IEC 30107-3 species).

Each takes a picture of a head and shoulders, float BGR, and returns what a camera would see of its copy. They are models of
attacks, not attacks: a network that knows them has seen no paper and no telephone.
"""

import cv2
import numpy as np

import augment


def matte_print(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """An office print: fewer colours, flatter, with grain and a little bent."""
    levels = random.uniform(5, 24)
    out = cv2.GaussianBlur(picture, (0, 0), random.uniform(0.5, 1.6))
    dither = random.uniform(-0.5, 0.5, out.shape[:2])[..., None] * 255 / levels
    out = np.round((out + dither) * levels / 255) * 255 / levels
    black, white = random.uniform(20, 75), random.uniform(170, 245)
    out = black + out * (white - black) / 255
    grain = random.normal(0, 1, out.shape[:2]).astype(np.float32)
    out = out + (cv2.GaussianBlur(grain, (0, 0), random.uniform(0.6, 1.8)) * random.uniform(3, 14))[..., None]
    out = out * (1 + random.normal(0, 0.06, 3))
    return _frame(_bend(out, random), random, np.full(3, random.uniform(190, 250)))


def halftone_print(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A press or ink-jet print: a screen of dots in each ink, at its own angle."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    pitch = random.uniform(2.1, 5.0)
    out = np.empty_like(picture)
    for channel, angle in enumerate(np.radians([15, 75, 45]) + random.uniform(0, 1.5)):
        u, v = (x * np.cos(angle) + y * np.sin(angle)) / pitch, (y * np.cos(angle) - x * np.sin(angle)) / pitch
        dots = 0.25 * (np.cos(2 * np.pi * u) + np.cos(2 * np.pi * v)) + 0.5
        sharp = random.uniform(2, 6)
        out[..., channel] = 255 / (1 + np.exp(-sharp * (picture[..., channel] / 255 - dots) * 4))
    mixed = random.uniform(0.25, 0.8)
    out = cv2.GaussianBlur(mixed * out + (1 - mixed) * picture, (0, 0), random.uniform(0.4, 1.0))
    return _frame(_bend(30 + out * 0.8, random), random, np.full(3, random.uniform(180, 250)))


def telephone(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A small bright screen with its black edge, its grid of pixels and somebody's lamp in its glass."""
    out = _grid(picture, random, random.uniform(1.6, 3.6))
    out = _lamp(out, random, 0.6)
    return _frame(out, random, random.uniform(0, 35, 3), wide=random.uniform(0.5, 0.95))


def monitor(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A large screen: moire between its pixels and the camera's, banding, a raised black, no edge to be seen."""
    out = _grid(picture, random, random.uniform(2.2, 7.0))
    height, width = out.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    for _ in range(random.integers(1, 3)):
        angle, period = random.uniform(0, np.pi), random.uniform(5, 40)
        bend = random.normal(0, 4) * np.sin(x / width * np.pi * random.uniform(0.5, 2))
        wave = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle) + bend) / period)
        out = out * (1 + (wave * random.uniform(0.02, 0.13))[..., None] * random.uniform(0.4, 1, 3))
    if random.random() < 0.4:
        band = np.sin(2 * np.pi * y / height * random.uniform(0.5, 3) + random.uniform(0, 6)) * random.uniform(0.05, 0.2)
        out = out * (1 + band[..., None])
    return _lamp(out, random, 0.3)


SPECIES = {"matte-print": matte_print, "halftone-print": halftone_print, "telephone": telephone, "monitor": monitor}


def _grid(picture: np.ndarray, random: np.random.Generator, pitch: float) -> np.ndarray:
    """Red, green and blue stripes with dark gaps between the rows, turned a little, bluish, and never quite black."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    angle = random.normal(0, 0.12)
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    depth, out = random.uniform(0.08, 0.45), np.empty_like(picture)
    for channel in range(3):
        stripes = 0.5 + 0.5 * np.cos(2 * np.pi * (u / pitch + channel / 3))
        rows = 0.5 + 0.5 * np.cos(2 * np.pi * v / pitch)
        out[..., channel] = picture[..., channel] * (1 - depth + depth * stripes * (0.5 + 0.5 * rows) * 1.6)
    gain = np.array([random.uniform(1.0, 1.25), 1.0, random.uniform(0.8, 1.02)])
    gamma = random.uniform(0.8, 1.3)
    out = 255 * (np.clip(out, 0, 255) / 255) ** gamma * gain
    return random.uniform(4, 40) + out * random.uniform(0.75, 1.05)


def _lamp(picture: np.ndarray, random: np.random.Generator, chance: float) -> np.ndarray:
    """The reflection of a light in glass."""
    if random.random() >= chance:
        return picture
    height, width = picture.shape[:2]
    spot = np.zeros((height, width), np.float32)
    at = (int(random.uniform(0, width)), int(random.uniform(0, height)))
    axes = (int(random.uniform(6, width / 4)), int(random.uniform(4, height / 4)))
    cv2.ellipse(spot, at, axes, random.uniform(0, 180), 0, 360, 1.0, -1)
    spot = cv2.GaussianBlur(spot, (0, 0), random.uniform(2, 16)) * random.uniform(40, 220)
    return picture + spot[..., None]


def _bend(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Paper that does not lie flat."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    shift = random.normal(0, 5) * np.sin(np.pi * x / width * random.uniform(0.6, 1.6) + random.uniform(0, 3))
    out = cv2.remap(picture.astype(np.float32), x, y + shift.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    shade = 1 + random.normal(0, 0.07) * np.cos(np.pi * x / width * random.uniform(0.6, 1.6))
    return out * shade[..., None]


def _frame(picture: np.ndarray, random: np.random.Generator, colour: np.ndarray, wide: float | None = None) -> np.ndarray:
    """The edge of the paper or the telephone, where the camera sees it; what is behind it is the picture's own border."""
    wide = wide or random.uniform(0.6, 1.6)
    if wide > 1.2:
        return picture
    height, width = picture.shape[:2]
    box = cv2.boxPoints(((width / 2 + random.normal(0, 6), height / 2 + random.normal(0, 6)), (width * wide, height * random.uniform(wide, wide * 1.25)), random.normal(0, 5)))
    inside = np.zeros((height, width), np.uint8)
    cv2.fillPoly(inside, [box.astype(int)], 1)
    rim = cv2.dilate(inside, np.ones((3, 3), np.uint8), iterations=int(random.integers(2, 9)))
    behind = cv2.GaussianBlur(picture[::-1].copy(), (0, 0), 12) * random.uniform(0.3, 1.4) + random.normal(0, 25, 3)
    behind = augment.light(behind.astype(np.float32), random, 0.5)
    return np.where(inside[..., None] == 1, picture, np.where(rim[..., None] == 1, colour, behind))
