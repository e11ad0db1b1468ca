"""Examples made before training, by several processes, in arrays on disk."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

# Each part has a seed of its own, so their number is fixed: the bank is the same on every machine.
PARTS = 2

# Fills `arrays[...][first:last]` from the data, with a seed.
Producer = Callable[[list[np.ndarray], Path, int, int, int], None]
# What each array is called, its type and the shape of one example.
Shapes = dict[str, tuple[type, tuple[int, ...]]]


def _part(paths: list[Path], produce: Producer, data: Path, seed: int, first: int, last: int) -> None:
    cv2.setNumThreads(1)
    produce([np.lib.format.open_memmap(path, "r+") for path in paths], data, seed, first, last)


def fill(out: Path, network: str, shapes: Shapes, count: int, produce: Producer, data: Path, seed: int) -> list[np.ndarray]:
    """Returns a network's bank of `count` examples; one that an earlier run finished is taken as it is."""
    paths = [out / f"{network}.{name}.npy" for name in shapes]
    if not all(path.exists() for path in paths):
        # Unfinished arrays have another name: a run that was stopped leaves none that look whole.
        unfinished = [path.with_suffix(".part") for path in paths]
        for path, (kind, shape) in zip(unfinished, shapes.values()):
            np.lib.format.open_memmap(path, "w+", kind, (count, *shape)).flush()
        edges = np.linspace(0, count, PARTS + 1).astype(int).tolist()
        workers = [
            multiprocessing.Process(target=_part, args=(unfinished, produce, data, seed, first, last))
            for first, last in zip(edges, edges[1:])
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if any(worker.exitcode != 0 for worker in workers):
            raise SystemExit(f"making the examples for the {network} failed")
        for source, path in zip(unfinished, paths):
            source.rename(path)
    return [np.load(path, mmap_mode="r") for path in paths]
