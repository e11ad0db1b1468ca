"""Distils the embedder: face-reidentification-retail-0095 is cut down and taught to be itself again.

A network that starts from nothing learns the few people there are to learn from by heart (measured: README.md). So the
student starts from the teacher: its inverted residual blocks lose the channels that matter least, their PReLUs become
leaky ReLUs, which `tract` fuses (each has one slope a layer, so nothing is lost), and the parts that `tract` is slow at, the stem and the second
stride, are replaced by dense convolutions. Then all of it learns to give out what the teacher gives out, after every
block and at the end, on faces and on pictures that are not quite faces.
"""

import argparse
import json
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional

import augment
import bank
import synthesis
import teachers

# Where the embedder wants the landmarks: the ArcFace points, stretched to 128x128 as the teacher's authors do.
LAYOUT = (teachers.ARCFACE - [8, 0]) * [128 / 96, 128 / 112]
# Channels inside the blocks of each stage, and before the embedding; the teacher has 128, 256, 256 and 512.
MIDDLE, LAST = (96, 192, 224), 448
# The teacher's stream after its stem, after each block, and after each stride.
TAPS = list(range(1, 16))


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


class Inverted(nn.Module):
    """One of the teacher's blocks with fewer channels: widen, filter, narrow, and weigh the channels."""

    def __init__(self, teacher: teachers.Block, middle: int):
        super().__init__()
        inputs, outputs = teacher.widen[0].shape[1], teacher.narrow[0].shape[0]
        keep = teacher.importance().argsort(descending=True)[:middle].sort().values
        stride = teacher.stride
        self.widen = _taken(nn.Conv2d(inputs, middle, 1), teacher.widen, keep)
        self.filter = _taken(nn.Conv2d(middle, middle, 3, stride, 1, groups=middle), teacher.filter, keep)
        self.narrow = nn.Conv2d(middle, outputs, 1)
        self.narrow.weight.data, self.narrow.bias.data = teacher.narrow[0][:, keep].clone(), teacher.narrow[1].clone()
        self.slopes = [float(slope) for slope in teacher.slopes]
        self.squeeze = _taken(nn.Conv2d(outputs, outputs // 8, 1), teacher.squeeze)
        self.excite = _taken(nn.Conv2d(outputs // 8, outputs, 1), teacher.excite)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = functional.leaky_relu(self.widen(x), self.slopes[0])
        y = self.narrow(functional.leaky_relu(self.filter(y), self.slopes[1]))
        weigh = functional.leaky_relu(self.squeeze(y.mean((2, 3), keepdim=True)), self.slopes[2])
        y = y * torch.sigmoid(self.excite(weigh))
        return x + y if self.residual else y


def _taken(made: nn.Conv2d, weights: tuple[torch.Tensor, torch.Tensor], keep: torch.Tensor | None = None) -> nn.Conv2d:
    keep = torch.arange(len(weights[0])) if keep is None else keep
    made.weight.data, made.bias.data = weights[0][keep].clone(), weights[1][keep].clone()
    return made


class Student(nn.Module):
    """`[n, 3, 128, 128]` BGR 0 to 255 to `[n, 256]`."""

    def __init__(self, teacher: teachers.Embedder) -> None:
        super().__init__()
        blocks, head = teacher.blocks(), teacher.head()
        first = nn.Sequential(conv(3, 32, 3, 2), nn.LeakyReLU(0.2), conv(32, 96, 3, 2), nn.LeakyReLU(0.2), conv(96, 64, 1))
        # The teacher's stream is small here: starting there saves a thousand steps.
        nn.init.constant_(first[-1][1].weight, 0.2)
        middle = [MIDDLE[0]] * 4 + [0] + [MIDDLE[1]] * 6 + [2 * MIDDLE[2]] + [MIDDLE[2]] * 2
        parts = [Down(64, 160, 128) if width == 0 else Inverted(block, width) for block, width in zip(blocks, middle)]
        self.parts = nn.ModuleList([first, *parts])
        keep = head.importance().argsort(descending=True)[:LAST].sort().values
        self.wide = _taken(nn.Conv2d(128, LAST, 1), head.widen, keep)
        self.slope = float(head.slopes[0])
        self.gather = _taken(nn.Conv2d(LAST, LAST, 8, groups=LAST), head.filter, keep)
        self.embed = nn.Conv2d(LAST, 256, 1, bias=False)
        self.embed.weight.data = head.narrow[0][:, keep].clone()

    def finish(self, x: torch.Tensor) -> torch.Tensor:
        """From the last block to the embedding."""
        return self.embed(self.gather(functional.leaky_relu(self.wide(x), self.slope))).flatten(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = (x - 127.5) / 64
        for part in self.parts:
            x = part(x)
        return self.finish(x)

    def streams(self, x: torch.Tensor, forced: list[torch.Tensor] | None) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Returns the embedding and what every part gives, each fed with the teacher's stream if `forced`."""
        x, outputs = (x - 127.5) / 64, []
        for index, part in enumerate(self.parts):
            outputs.append(part(x))
            x = forced[index] if forced is not None else outputs[-1]
        return self.finish(x), outputs


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


def produce(arrays: list[np.ndarray], data: Path, seed: int, first: int, last: int) -> None:
    """Fills a part of the bank with crops."""
    faces, random = synthesis.Faces(data, seed + first), np.random.default_rng(seed + first + 1)
    for index in range(first, last):
        arrays[0][index] = sample(faces, random)


def mixed(face: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    """Blends some of the faces with others and swaps pieces: the teacher has an answer to those too."""
    count, other = len(face) // 4, torch.from_numpy(random.permutation(len(face)))
    share = torch.from_numpy(random.uniform(0.2, 0.8, (count, 1, 1, 1))).to(face)
    face = face.clone()
    face[:count] = share * face[:count] + (1 - share) * face[other[:count]]
    for index in range(count, 2 * count):
        left, top = random.integers(0, 96, 2)
        right, bottom = left + random.integers(16, 96), top + random.integers(16, 96)
        face[index, :, top:bottom, left:right] = face[other[index], :, top:bottom, left:right]
    return face


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
    options.add_argument("--steps", type=int, default=2000)
    options.add_argument("--batch", type=int, default=48)
    options.add_argument("--seed", type=int, default=169)
    options.add_argument("--bank", type=int, default=80_000, help="crops made beforehand")
    options = options.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(teachers.threads())
    device = "cuda" if torch.cuda.is_available() else "cpu"
    shapes = {"crops": (np.uint8, (128, 128, 3))}
    (crops_bank,) = bank.fill(options.out, "embedder", shapes, options.bank, produce, options.data, options.seed)
    random = np.random.default_rng(options.seed)
    teacher = teachers.Embedder(options.data / "models").to(device, torch.bfloat16)
    student = Student(teachers.Embedder(options.data / "models")).to(device, memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(student.parameters(), lr=1e-3, weight_decay=1e-4)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1.5e-3, total_steps=options.steps, pct_start=0.1)
    log, began, running = (options.out / "embedder.log").open("w"), time.time(), None
    apart = options.steps // 4
    for step in range(options.steps):
        # Pictures are channels-last in memory, and stay so. Mirrored faces are new faces.
        crops = crops_bank[np.sort(random.choice(len(crops_bank), options.batch, replace=False))]
        crops = crops[:, :, ::-1] if step % 2 else crops
        face = torch.from_numpy(np.ascontiguousarray(crops)).to(device).permute(0, 3, 1, 2).to(torch.bfloat16)
        face = mixed(face, random)
        goal, streams = teacher.run(face, TAPS)
        with torch.autocast(device, torch.bfloat16):
            made, outputs = student.streams(face, streams if step < apart else None)
        hints = torch.stack([functional.mse_loss(o.float(), s.float()) / s.float().var() for o, s in zip(outputs, streams)])
        cosine = functional.cosine_similarity(made.float(), goal.float()).mean()
        # What every block gives out keeps counting: the embedding alone could be learned by heart.
        loss = 6 * (1 - cosine) + hints.sum()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(student.parameters(), 5.0)
        optimiser.step()
        plan.step()
        now = np.array([cosine.item(), hints[0].item(), hints[3].item(), hints[4].item(), hints[10].item(), hints[14].item()])
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
