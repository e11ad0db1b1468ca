"""Faces of people who do not exist, recombined from the training half along the landmarks.

Every training portrait is brought into one frame and, where its 189 landmarks are published, stretched to the mean
shape. A new face takes its texture from one to three people, as a blend or region by region, its shape from others, and
its pose from turning an ellipsoid with a nose on it. What is learned here is what the teacher says of such a picture, so a
picture need not be of anyone, only be like a face.
"""

from pathlib import Path

import cv2
import numpy as np

import people
import teachers

# Pixels along a side of the frame.
SIDE = 208
# Pixels of the frame for one pixel of the 112x112 ArcFace crop: the face alone, and the head with its shoulders.
NEAR, FAR = 1.35, 0.8


class Faces:
    """The training portraits in the frame, and new ones made from them."""

    def __init__(self, data: Path, seed: int, scale: float = NEAR, half: str = "training"):
        self.random, self.scale = np.random.default_rng(seed), scale
        self.five = self.to_frame(teachers.ARCFACE)
        detector = teachers.Detector(data / "models")
        self.real: list[np.ndarray] = []
        parents = []
        for portrait in people.portraits(data / "data" / "faces", half):
            picture = portrait.roomy()
            five = detector.largest(picture)
            if five is None:
                continue
            matrix = teachers.similarity(five, self.five)
            framed = cv2.warpAffine(picture, matrix, (SIDE, SIDE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
            self.real.append(framed)
            if portrait.shape is not None:
                parents.append((framed, portrait.shape @ matrix[:, :2].T + matrix[:, 2]))
        self.shapes = np.stack([shape for _, shape in parents])
        self.mean = self.shapes.mean(0)
        self.field = _field(self.mean)
        grid = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), -1).astype(np.float32)
        self.grid, self.depth = grid, _depth(grid, scale)
        self.textures = []
        for picture, shape in parents:
            self.textures.append(_remap(picture, grid + self._spread(shape - self.mean)))
        self.regions = [self._region(centre, radius) for centre, radius in _REGIONS]

    def to_frame(self, points: np.ndarray) -> np.ndarray:
        """Maps points of the 112x112 crop into the frame."""
        return (points - 56) * self.scale + SIDE / 2

    def _spread(self, displacement: np.ndarray) -> np.ndarray:
        """Spreads displacements of the landmarks over the frame."""
        side = SIDE // 4
        coarse = (self.field @ displacement.astype(np.float32)).reshape(side, side, 2)
        return cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)

    def _region(self, centre: tuple[float, float], radius: tuple[float, float]) -> np.ndarray:
        offset = (self.grid - self.to_frame(np.array(centre, np.float32))) / (np.array(radius, np.float32) * self.scale)
        return np.clip(1.6 - (offset**2).sum(-1), 0, 1)[..., None].astype(np.float32)

    def person(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns a new texture and shape."""
        random, count = self.random, len(self.textures)
        first, second, third = random.choice(count, 3, replace=False)
        weight = random.beta(0.6, 0.6)
        texture = self.textures[first].astype(np.float32)
        style = random.random()
        if style < 0.35:
            texture = weight * texture + (1 - weight) * self.textures[second]
        elif style < 0.85:
            for region in self.regions:
                if random.random() < 0.5:
                    donor = self.textures[random.choice([second, third])].astype(np.float32)
                    # The donor's detail on the first one's skin.
                    donor = donor + cv2.blur(texture, (41, 41)) - cv2.blur(donor, (41, 41))
                    texture += region * (donor - texture)
        if random.random() < 0.4:
            texture += cv2.blur(self.textures[third].astype(np.float32), (61, 61)) - cv2.blur(texture, (61, 61))
        away = self.shapes - self.mean
        mix = random.dirichlet([0.7, 0.7, 0.7])
        shape = sum(part * away[index] for part, index in zip(mix, random.choice(count, 3)))
        shape = shape * random.uniform(0.8, 1.9)
        return np.clip(texture, 0, 255).astype(np.uint8), shape.astype(np.float32)

    def render(self, texture: np.ndarray, shape: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Draws a texture in a shape, posed at random, and says where its five landmarks went.

        A real picture has no shape to put on.
        """
        random = self.random
        move = np.zeros_like(self.grid) if shape is None else self._spread(shape + self._expression())
        yaw, pitch = np.radians(np.clip(random.normal(0, [17, 9]), -42, 42))
        centre = self.grid - SIDE / 2
        x, y, z = centre[..., 0] + move[..., 0], centre[..., 1] + move[..., 1], self.depth
        turned_x, turned_z = x * np.cos(yaw) + z * np.sin(yaw), z * np.cos(yaw) - x * np.sin(yaw)
        turned_y = y * np.cos(pitch) - turned_z * np.sin(pitch)
        forward = (np.stack([turned_x, turned_y], -1) - centre).astype(np.float32)
        # The map back, by fixed-point iteration.
        back = self.grid.copy()
        for _ in range(4):
            back = self.grid - _remap(forward, back)
        at = np.round(self.five).astype(int)
        return _remap(texture, back), self.five + forward[at[:, 1], at[:, 0]]

    def _expression(self) -> np.ndarray:
        """Moves the mouth, the lids and the brows a little."""
        random, points = self.random, self.mean
        moved = np.zeros_like(points)
        for centre, radius, reach in (((56, 92), 18, 4.0), ((38, 52), 10, 1.6), ((74, 52), 10, 1.6), ((56, 40), 26, 2.0)):
            offset = (points - self.to_frame(np.array(centre))) / (radius * self.scale)
            near = np.exp(-(offset**2).sum(-1))[:, None]
            stretch = random.normal(0, reach * self.scale / 2, 2)
            curve = random.normal(0, reach * self.scale / 2)
            moved += near * (offset * stretch + np.stack([np.zeros(len(points)), curve * (offset[:, 0] ** 2 - 0.3)], -1))
        return moved

    def picture(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns one posed face in the frame, a new person's or a training one's, and its five landmarks."""
        if self.random.random() < 0.3:
            return self.render(self.real[self.random.integers(len(self.real))], None)
        return self.render(*self.person())


# Centre and radii of what one donor gives, in the 112x112 crop: eyes, nose, mouth, brows, cheeks, chin.
_REGIONS = [
    ((56, 52), (32, 11)),
    ((56, 68), (13, 15)),
    ((56, 92), (22, 10)),
    ((56, 38), (36, 10)),
    ((32, 76), (14, 18)),
    ((80, 76), (14, 18)),
    ((56, 110), (28, 12)),
]


def _depth(grid: np.ndarray, scale: float) -> np.ndarray:
    """Returns a head's height over the frame, in pixels: an ellipsoid with a nose."""
    x, y = (grid[..., 0] - SIDE / 2) / scale, (grid[..., 1] - SIDE / 2) / scale - 10
    head = 45 * np.sqrt(np.clip(1 - (x / 52) ** 2 - (y / 78) ** 2, 0.0, 1))
    nose = 13 * np.exp(-((x / 8) ** 2) - ((y - 4) / 14) ** 2)
    return cv2.GaussianBlur(((head + nose - 34) * scale).astype(np.float32), (15, 15), 0)


def _field(points: np.ndarray) -> np.ndarray:
    """Returns the matrix that spreads landmark displacements over a coarse frame: a thin-plate spline, smoothed."""
    side = SIDE // 4
    axis = np.linspace(0, SIDE - 1, side)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    # Anchors on the border hold the frame still.
    edge = np.linspace(-20, SIDE + 20, 6)
    anchors = np.array([(x, y) for x in edge for y in edge if min(x, y) < 0 or max(x, y) > SIDE])
    nodes = np.vstack([points, anchors])

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        square = ((a[:, None] - b[None]) ** 2).sum(-1) / SIDE**2
        return square * np.log(square + 1e-9)

    affine = np.hstack([np.ones((len(nodes), 1)), nodes / SIDE])
    system = np.block([[kernel(nodes, nodes) + 3e-3 * np.eye(len(nodes)), affine], [affine.T, np.zeros((3, 3))]])
    inverse = np.linalg.inv(system)[:, : len(points)]
    rows = np.hstack([kernel(grid, nodes), np.ones((len(grid), 1)), grid / SIDE])
    return (rows @ inverse).astype(np.float32)


def _remap(picture: np.ndarray, where: np.ndarray) -> np.ndarray:
    where = where.astype(np.float32)
    return cv2.remap(picture, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
