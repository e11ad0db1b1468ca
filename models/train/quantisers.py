"""Which 128 bytes lose least: `python quantisers.py DATA EMBEDDER.onnx`.

References of the evaluation half are quantised, probes stay floats, as at a kiosk; what has to be learned (axes, codebooks) is
learned on faces recombined from the training half. Rates of so few people are coarse, so the table also has how far scores
move, and how far apart genuine and impostor scores are in units of their spread (d').
"""

import sys
from pathlib import Path

import cv2
import numpy as np

import embedder
import people
import synthesis
import teachers


def unit(rows: np.ndarray) -> np.ndarray:
    """Scales rows to unit length."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def levels(rows: np.ndarray, step: float, low: int, high: int) -> np.ndarray:
    """Rounds to the middle of equal steps, given in units of the values' root mean square."""
    scaled = rows * np.sqrt(rows.shape[1]) / step
    return np.clip(np.floor(scaled), low, high) + 0.5


def codebook(rows: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """k-means in two dimensions (Lloyd)."""
    centres = rows[random.choice(len(rows), count, replace=False)].copy()
    for _ in range(15):
        nearest = ((rows[:, None] - centres[None]) ** 2).sum(-1).argmin(1)
        for index in range(count):
            if (nearest == index).any():
                centres[index] = rows[nearest == index].mean(0)
    return centres


def evaluation_crops(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """Returns aligned crops of the evaluation half and whose they are."""
    detector, crops, names = teachers.Detector(data / "models"), [], []
    stretch = np.array([[128 / 96, 0, -8 * 128 / 96], [0, 128 / 112, 0], [0, 0, 1]])
    for portrait in people.portraits(data / "data" / "faces", "evaluation"):
        picture = portrait.roomy()
        five = detector.largest(picture)
        if five is not None:
            matrix = np.vstack([teachers.similarity(five.astype(np.float32), teachers.ARCFACE), [0, 0, 1]])
            crops.append(cv2.warpAffine(picture, (stretch @ matrix)[:2], (128, 128), flags=cv2.INTER_LINEAR))
            names.append(portrait.person)
    return np.stack(crops), np.array(names)


def main() -> None:
    """Prints the table."""
    data, random = Path(sys.argv[1]), np.random.default_rng(3)
    session = teachers.session(Path(sys.argv[2]))
    def embed(crops: np.ndarray) -> np.ndarray:
        run = lambda crop: session.run(None, {"face": crop.transpose(2, 0, 1)[None].astype(np.float32)})[0].reshape(-1)
        return unit(np.stack([run(crop) for crop in crops]))

    crops, names = evaluation_crops(data)
    rows = embed(crops)
    faces = synthesis.Faces(data, 5)
    known = embed(np.stack([embedder.sample(faces, random) for _ in range(3000)]))
    axes = np.linalg.svd(known, full_matrices=False)[2][:128]
    books = [codebook(known[:, at : at + 2], 256, random) for at in range(0, 256, 2)]

    def product(rows: np.ndarray) -> np.ndarray:
        parts = []
        for at, centres in zip(range(0, 256, 2), books):
            nearest = ((rows[:, None, at : at + 2] - centres[None]) ** 2).sum(-1).argmin(1)
            parts.append(centres[nearest])
        return np.hstack(parts)

    projected = rows @ axes.T
    largest = np.abs(known @ axes.T).max(0)
    ways = {
        "float, 1024 bytes": rows,
        "8 bits each, 256 bytes": levels(rows, 4 / 128, -128, 127),
        "4 bits each, 128 bytes": levels(rows, 0.3352, -8, 7),
        "128 axes (PCA), 8 bits each, 128 bytes": np.round(projected / largest * 127).clip(-127, 127) / 127 * largest @ axes,
        "product quantiser, 2 values in 8 bits, 128 bytes": product(rows),
        "2 bits each, 64 bytes": levels(rows, 0.9957, -2, 1),
    }
    first, second = np.triu_indices(len(rows), 1)
    same = names[first] == names[second]
    exact = (rows @ rows.T)[first, second]
    print(f"{same.sum()} genuine, {(~same).sum()} impostor comparisons")
    print("| reference | FNMR at FMR 1e-2 | 1e-3 | 1e-4 | score moves by (rms) | d' |\n| --- | --- | --- | --- | --- | --- |")
    for name, quantised in ways.items():
        scores = (unit(quantised) @ rows.T)[first, second]
        genuine, impostor = scores[same], np.sort(scores[~same])[::-1]
        cells = []
        for rate in (1e-2, 1e-3, 1e-4):
            threshold = impostor[int(rate * len(impostor))]
            cells.append(f"{100 * (genuine <= threshold).mean():.2f} %")
        moved = np.sqrt(((scores - exact) ** 2).mean())
        apart = (genuine.mean() - impostor.mean()) / np.sqrt((genuine.var() + impostor.var()) / 2)
        print(f"| {name} | {' | '.join(cells)} | {moved:.4f} | {apart:.2f} |")


if __name__ == "__main__":
    main()
