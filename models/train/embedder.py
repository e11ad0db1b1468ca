"""Distils the embedder: face-reidentification-retail-0095 teaches a network of dense convolutions.

No weight is copied. The student's stages give out what the teacher's stages give out (the same 64 or 128 channels at
the same places), so each stage first learns alone, fed with the teacher's own input to it, and then all learn together to
make the teacher's embedding.
"""

import argparse
import json
import multiprocessing
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional

import augment
import synthesis
import teachers

# Where the embedder wants the landmarks: the ArcFace points, stretched to 128x128 as the teacher's authors do.
LAYOUT = (teachers.ARCFACE - [8, 0]) * [128 / 96, 128 / 112]
# The teacher's stream after its stem, first stage, second stride, second stage, third stride and third stage.
TAPS = [1, 5, 6, 12, 13, 15]


def conv(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Sequential:
    """A convolution with its normalisation, which the export folds into it."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs))


class Block(nn.Module):
    """Adds 1x1(relu(3x3(x))) to x."""

    def __init__(self, channels: int, middle: int):
        super().__init__()
        self.wide, self.back = conv(channels, middle, 3), conv(middle, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.back(functional.relu(self.wide(x)))


class Down(nn.Module):
    """Halves the sides."""

    def __init__(self, inputs: int, middle: int, outputs: int):
        super().__init__()
        self.wide, self.back = conv(inputs, middle, 3, 2), conv(middle, outputs, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.back(functional.relu(self.wide(x)))


class Student(nn.Module):
    """`[n, 3, 128, 128]` BGR 0 to 255 to `[n, 256]`."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList(
            [
                nn.Sequential(conv(3, 32, 3, 2), nn.ReLU(), Down(32, 64, 64)),
                nn.Sequential(Block(64, 48), Block(64, 48)),
                Down(64, 128, 128),
                nn.Sequential(*[Block(128, 128) for _ in range(3)]),
                Down(128, 192, 128),
                nn.Sequential(*[Block(128, 192) for _ in range(2)]),
            ]
        )
        self.head = nn.Sequential(
            conv(128, 384, 1),
            nn.ReLU(),
            nn.Conv2d(384, 384, 8, groups=384, bias=False),
            nn.BatchNorm2d(384),
            nn.Conv2d(384, 256, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = (x - 127.5) / 64
        for stage in self.stages:
            x = stage(x)
        return self.head(x).flatten(1)

    def streams(self, x: torch.Tensor, forced: list[torch.Tensor] | None) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Returns the embedding and what every stage gives, each fed with the teacher's stream if `forced`."""
        x, outputs = (x - 127.5) / 64, []
        for index, stage in enumerate(self.stages):
            outputs.append(stage(x))
            x = forced[index] if forced is not None else outputs[-1]
        return self.head(x).flatten(1), outputs


def sample(faces: synthesis.Faces, random: np.random.Generator) -> np.ndarray:
    """Returns one augmented crop, 128x128x3."""
    picture, five = faces.picture()
    # Detectors disagree about landmarks by a few hundredths of the eyes' distance.
    spread = 1.0 if random.random() < 0.8 else 3.0
    matrix = teachers.similarity(five + random.normal(0, spread, (5, 2)), faces.five)
    stretch = np.array([[128 / 96, 0, -8 * 128 / 96], [0, 128 / 112, 0], [0, 0, 1]])
    unframe = np.array([[1, 0, -synthesis.SIDE / 2], [0, 1, -synthesis.SIDE / 2]]) / synthesis.NEAR
    unframe = np.vstack([unframe + [[0, 0, 56], [0, 0, 56]], [0, 0, 1]])
    whole = (stretch @ unframe @ np.vstack([matrix, [0, 0, 1]]))[:2]
    crop = cv2.warpAffine(picture, whole, (128, 128), flags=cv2.INTER_LINEAR).astype(np.float32)
    if random.random() < 0.5:
        crop = crop[:, ::-1]
    crop = augment.light(crop, random)
    crop = augment.occlude(crop, random)
    return augment.camera(crop, random)


def produce(data: Path, seed: int, bank: Path, first: int, last: int) -> None:
    """Fills a part of the bank with crops."""
    cv2.setNumThreads(1)
    faces, random = synthesis.Faces(data, seed + first), np.random.default_rng(seed + first + 1)
    crops = np.lib.format.open_memmap(bank, "r+")
    for index in range(first, last):
        crops[index] = sample(faces, random)


def fill(data: Path, seed: int, bank: Path, count: int) -> np.ndarray:
    """Returns a bank of crops, made by as many processes as there are cores."""
    np.lib.format.open_memmap(bank, "w+", np.uint8, (count, 128, 128, 3)).flush()
    parts = np.linspace(0, count, teachers.threads() + 1).astype(int)
    workers = []
    for first, last in zip(parts, parts[1:]):
        arguments = (data, seed, bank, int(first), int(last))
        workers.append(multiprocessing.Process(target=produce, args=arguments))
        workers[-1].start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    return np.load(bank, mmap_mode="r")


def export(student: Student, path: Path) -> None:
    """Writes the network as ONNX."""
    student.eval()
    example = torch.zeros(1, 3, 128, 128)
    torch.onnx.export(student, example, str(path), dynamo=False, opset_version=13, input_names=["face"], output_names=["embedding"])


def main() -> None:
    """Trains for a while and writes `embedder.onnx`."""
    options = argparse.ArgumentParser()
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--steps", type=int, default=6000)
    options.add_argument("--batch", type=int, default=48)
    options.add_argument("--seed", type=int, default=169)
    options.add_argument("--bank", type=int, default=80_000, help="crops made beforehand")
    options = options.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(teachers.threads())
    device = "cuda" if torch.cuda.is_available() else "cpu"
    bank = fill(options.data, options.seed, options.out / "embedder.bank.npy", options.bank)
    random = np.random.default_rng(options.seed)
    teacher = teachers.Embedder(options.data / "models").to(device, torch.bfloat16)
    student = Student().to(device, memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(student.parameters(), lr=2e-3, weight_decay=1e-4)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2.5e-3, total_steps=options.steps, pct_start=0.06)
    log, began, running = (options.out / "embedder.log").open("w"), time.time(), None
    apart = options.steps // 6
    for step in range(options.steps):
        # Pictures are channels-last in memory, and stay so. Mirrored faces are new faces.
        crops = bank[np.sort(random.choice(len(bank), options.batch, replace=False))]
        crops = crops[:, :, ::-1] if step % 2 else crops
        face = torch.from_numpy(np.ascontiguousarray(crops)).to(device).permute(0, 3, 1, 2).to(torch.bfloat16)
        goal, streams = teacher.run(face, TAPS)
        with torch.autocast(device, torch.bfloat16):
            made, outputs = student.streams(face, streams if step < apart else None)
        hints = [functional.mse_loss(o.float(), s.float()) / s.float().var() for o, s in zip(outputs, streams)]
        cosine = functional.cosine_similarity(made.float(), goal.float()).mean()
        # The hints fade once the stages work together: what counts is the embedding.
        weight = 1.0 if step < apart else 0.5 * (1 - step / options.steps) ** 2
        loss = 4 * (1 - cosine) + weight * sum(hints)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(student.parameters(), 5.0)
        optimiser.step()
        plan.step()
        now = np.array([cosine.item()] + [hint.item() for hint in hints])
        running = now if running is None else 0.98 * running + 0.02 * now
        if step % 50 == 0 or step + 1 == options.steps:
            row = {"step": step, "seconds": round(time.time() - began), "cosine": round(running[0], 4), "hints": [round(h, 3) for h in running[1:]]}
            print(json.dumps(row), file=log, flush=True)
        if step % 500 == 499:
            torch.save(student.state_dict(), options.out / "embedder.pt")
    torch.save(student.state_dict(), options.out / "embedder.pt")
    export(student.cpu(), options.out / "embedder.onnx")


if __name__ == "__main__":
    main()
