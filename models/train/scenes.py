"""What stands behind a face, and how a face gets there."""

from pathlib import Path

import cv2
import numpy as np


class Backgrounds:
    """Pictures without faces: photographs of QR codes cut to pieces, and drawn nonsense."""

    def __init__(self, data: Path, random: np.random.Generator):
        self.random = random
        paths = sorted(path for path in (data / "data" / "qr").rglob("*") if path.suffix in (".png", ".jpg"))
        read = (cv2.imread(str(path), cv2.IMREAD_COLOR) for path in paths)
        self.photographs = [picture for picture in read if picture is not None and min(picture.shape[:2]) >= 64]

    def picture(self, width: int, height: int) -> np.ndarray:
        """Returns a background of a size, uint8."""
        random, kind = self.random, self.random.random()
        if kind < 0.45:
            source = self.photographs[random.integers(len(self.photographs))]
            across = int(random.uniform(0.3, 1.0) * min(source.shape[1], source.shape[0] * width / height))
            down = max(1, int(across * height / width))
            x, y = random.integers(source.shape[1] - across + 1), random.integers(max(1, source.shape[0] - down + 1))
            out = cv2.resize(source[y : y + down, x : x + across], (width, height), interpolation=cv2.INTER_AREA)
        else:
            out = np.zeros((height, width, 3), np.float32) + random.uniform(0, 255, 3)
            for octave in (2, 4, 9, 20, 45) if kind < 0.85 else (2,):
                grain = random.normal(0, 60 / np.sqrt(octave), (octave, octave, 3)).astype(np.float32)
                out += cv2.resize(grain, (width, height), interpolation=cv2.INTER_CUBIC)
            out = np.clip(out, 0, 255).astype(np.uint8)
        for _ in range(random.poisson(2.5) if random.random() < 0.6 else 0):
            self._draw(out)
        return out

    def _draw(self, out: np.ndarray) -> None:
        """Draws a shape: an ellipse is as much like a head as nothing that is one should be."""
        random, (height, width) = self.random, out.shape[:2]
        colour, at = random.uniform(0, 255, 3).tolist(), (int(random.uniform(0, width)), int(random.uniform(0, height)))
        reach, thickness = random.uniform(4, width / 3), int(random.choice([-1, 1, 2, 5]))
        kind = random.integers(4)
        if kind == 0:
            cv2.ellipse(out, at, (int(reach), int(reach * random.uniform(0.5, 1.6))), random.uniform(0, 180), 0, 360, colour, thickness)
        elif kind == 1:
            corner = (int(at[0] + reach), int(at[1] + reach * random.uniform(0.3, 2)))
            cv2.rectangle(out, at, corner, colour, thickness)
        elif kind == 2:
            cv2.line(out, at, (int(random.uniform(0, width)), int(random.uniform(0, height))), colour, max(1, thickness))
        else:
            text = "".join(chr(random.integers(33, 126)) for _ in range(random.integers(1, 9)))
            cv2.putText(out, text, at, cv2.FONT_HERSHEY_SIMPLEX, reach / 40, colour, max(1, thickness))


def head_matte(side: int, random: np.random.Generator) -> np.ndarray:
    """Returns the opacity of a head and its shoulders in the far frame, 0 to 1."""
    y, x = np.mgrid[0:side, 0:side] / side - 0.5
    head = (x / random.uniform(0.2, 0.3)) ** 2 + ((y + 0.06) / random.uniform(0.3, 0.4)) ** 2
    shoulders = (x / random.uniform(0.4, 0.52)) ** 2 + ((y - 0.55) / random.uniform(0.3, 0.42)) ** 2
    softness = random.uniform(0.06, 0.3)
    return np.clip((1 - np.minimum(head, shoulders)) / softness + 0.5, 0, 1).astype(np.float32)[..., None]
