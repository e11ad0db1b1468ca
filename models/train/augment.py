"""What a kiosk's camera and light do to a face, at random."""

import cv2
import numpy as np


def light(picture: np.ndarray, random: np.random.Generator, strength: float = 1.0) -> np.ndarray:
    """Changes exposure, contrast, colour and the side that the light comes from; float in, float out."""
    height, width = picture.shape[:2]
    out = picture
    if random.random() < 0.8:
        gamma = np.exp(random.normal(0, 0.35 * strength))
        out = 255 * np.power(np.clip(out, 0, 255) / 255, gamma)
        out = (out - 127) * random.uniform(1 - 0.4 * strength, 1 + 0.35 * strength) + 127 + random.normal(0, 22 * strength)
    if random.random() < 0.5:
        out = out * (1 + random.normal(0, 0.09 * strength, 3))
    if random.random() < 0.45:
        x, y = np.linspace(-1, 1, width)[None, :], np.linspace(-1, 1, height)[:, None]
        angle = random.uniform(0, 2 * np.pi)
        ramp = 1 + random.uniform(0.1, 0.75) * strength * (np.cos(angle) * x + np.sin(angle) * y)
        out = out * ramp[..., None].clip(0.08, 2.5)
    if strength >= 1 and random.random() < 0.15:
        out = out * random.uniform(0.15, 0.5)
    if random.random() < 0.15:
        out = np.repeat(out.mean(2, keepdims=True), 3, axis=2)
    return out.astype(np.float32)


def occlude(picture: np.ndarray, random: np.random.Generator, chance: float = 0.15) -> np.ndarray:
    """Covers a part: a mask, a hand, sunglasses, a phone."""
    if random.random() >= chance:
        return picture
    out, (height, width) = picture.copy(), picture.shape[:2]
    colour = random.uniform(0, 255, 3) if random.random() < 0.5 else np.full(3, random.uniform(0, 255))
    kind = random.integers(3)
    if kind == 0:
        top = int(height * random.uniform(0.55, 0.8))
        cv2.ellipse(out, (width // 2, int(height * 0.95)), (int(width * random.uniform(0.3, 0.55)), height - top), 0, 0, 360, colour.tolist(), -1)
    elif kind == 1:
        y = int(height * random.uniform(0.36, 0.48))
        for side in (-1, 1):
            centre = (int(width / 2 + side * width * random.uniform(0.13, 0.2)), y)
            axes = (int(width * random.uniform(0.08, 0.16)), int(height * random.uniform(0.06, 0.12)))
            cv2.ellipse(out, centre, axes, 0, 0, 360, colour.tolist(), -1 if random.random() < 0.6 else 2)
    else:
        x, y = random.uniform(-0.2, 0.9, 2) * [width, height]
        w, h = random.uniform(0.1, 0.5, 2) * [width, height]
        box = cv2.boxPoints(((x + w / 2, y + h / 2), (w, h), random.uniform(0, 90))).astype(int)
        cv2.fillPoly(out, [box], colour.tolist())
    return out


def camera(picture: np.ndarray, random: np.random.Generator, strength: float = 1.0) -> np.ndarray:
    """Blurs, shrinks, adds noise and compresses; float in, uint8 out."""
    height, width = picture.shape[:2]
    out = picture
    if random.random() < 0.3:
        factor = random.uniform(1 - 0.8 * strength, 0.9)
        size = (max(12, int(width * factor)), max(12, int(height * factor)))
        out = cv2.resize(cv2.resize(out, size, interpolation=cv2.INTER_AREA), (width, height), interpolation=int(random.choice([1, 2])))
    if random.random() < 0.25:
        out = cv2.GaussianBlur(out, (0, 0), random.uniform(0.3, 2.2) * strength * width / 128)
    if random.random() < 0.15 * strength:
        length = int(random.integers(3, 11))
        kernel = np.zeros((length, length), np.float32)
        angle = random.uniform(0, np.pi)
        middle, reach = (length - 1) / 2, (length - 1) / 2
        ends = [(int(round(middle + s * reach * np.cos(angle))), int(round(middle + s * reach * np.sin(angle)))) for s in (-1, 1)]
        cv2.line(kernel, ends[0], ends[1], 1.0)
        out = cv2.filter2D(out, -1, kernel / kernel.sum())
    if random.random() < 0.4:
        noise = random.standard_normal((height, width, 3 if random.random() < 0.6 else 1), dtype=np.float32)
        out = out + noise * random.uniform(1, 16) * strength
    out = np.clip(out, 0, 255).astype(np.uint8)
    if random.random() < 0.4:
        quality = int(random.integers(95 - int(80 * strength), 96))
        out = cv2.imdecode(cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    return out
