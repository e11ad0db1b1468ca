"""Distils the detector: YuNet teaches a network of dense convolutions to give out what it gives out, cell by cell."""

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
import people
import scenes
import synthesis
import teachers
from embedder import Block, Down, conv

WIDTH, HEIGHT = 320, 256
STRIDES = (8, 16, 32)
# Class, objectness, box and landmarks: how many numbers a cell gives for each.
EACH = (1, 1, 4, 10)


class Student(nn.Module):
    """`[n, 3, 256, 320]` BGR 0 to 255 to YuNet's twelve maps."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 32, 4, 4, bias=False), nn.BatchNorm2d(32), nn.ReLU())
        self.eight = nn.Sequential(conv(32, 48, 3, 2), nn.ReLU(), Block(48, 32))
        self.sixteen = nn.Sequential(Down(48, 48, 48), Block(48, 48), Block(48, 48))
        self.thirtytwo = nn.Sequential(Down(48, 48, 48), Block(48, 48))
        self.across = nn.ModuleList([conv(48, 48, 1), conv(48, 48, 1)])
        self.join = nn.ModuleList([conv(48, 48, 3) for _ in STRIDES])
        self.heads = nn.ModuleList([nn.Conv2d(48, sum(EACH), 1) for _ in STRIDES])
        for head in self.heads:
            # Few cells have a face in them: say so from the start.
            nn.init.constant_(head.bias[1:2], -4.0)

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Returns 48 channels at each scale."""
        eight = self.eight(self.stem((x - 127.5) / 64))
        sixteen = self.sixteen(eight)
        thirtytwo = self.thirtytwo(sixteen)
        sixteen = self.across[1](sixteen) + functional.interpolate(thirtytwo, scale_factor=2.0)
        eight = self.across[0](eight) + functional.interpolate(sixteen, scale_factor=2.0)
        return [functional.relu(join(at)) for join, at in zip(self.join, (eight, sixteen, thirtytwo))]

    def maps(self, features: list[torch.Tensor]) -> list[torch.Tensor]:
        """Returns the twelve maps, before the sigmoid, `[n, cells, numbers]`."""
        cells = [head(at).flatten(2).transpose(1, 2) for head, at in zip(self.heads, features)]
        return [part for parts in zip(*(torch.split(cell, EACH, 2) for cell in cells)) for part in parts]

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        maps = self.maps(self.features(x))
        return [torch.sigmoid(each) for each in maps[:6]] + maps[6:]


class Scenes:
    """Pictures with no, one or several faces in them."""

    def __init__(self, data: Path, seed: int):
        self.random = np.random.default_rng(seed)
        self.near = synthesis.Faces(data, seed + 1, synthesis.NEAR)
        self.far = synthesis.Faces(data, seed + 2, synthesis.FAR)
        self.backgrounds = scenes.Backgrounds(data, self.random)
        portraits = people.portraits(data / "data" / "faces", "training")
        self.portraits = [_fit(portrait.read(), HEIGHT) for portrait in portraits]

    def picture(self) -> np.ndarray:
        """Returns a scene, 256x320x3."""
        random = self.random
        if random.random() < 0.35:
            out = self._portrait()
        else:
            out = self.backgrounds.picture(WIDTH, HEIGHT).astype(np.float32)
            for _ in range(random.choice([0, 1, 1, 1, 1, 2, 3])):
                self._paste(out)
        if random.random() < 0.35:
            # A camera's 16:9 or a portrait's 3:4 leave the rest of the input black.
            if random.random() < 0.5:
                out[int(HEIGHT * random.uniform(0.6, 0.95)) :] = 0
            else:
                out[:, int(WIDTH * random.uniform(0.55, 0.95)) :] = 0
        out = augment.camera(augment.light(out, random), random)
        return out[:, ::-1] if random.random() < 0.5 else out

    def _portrait(self) -> np.ndarray:
        """A picture for a document: one face that fills it, on a plain ground."""
        random = self.random
        # Whole pictures have what is like a face and is none: collars, necks, hair.
        picture = self.far.picture()[0] if random.random() < 0.4 else self.portraits[random.integers(len(self.portraits))]
        picture = _fit(picture, int(random.uniform(130, HEIGHT)))
        out = np.zeros((HEIGHT, WIDTH, 3), np.float32)
        out[: picture.shape[0], : picture.shape[1]] = picture
        return out

    def _paste(self, out: np.ndarray) -> None:
        random = self.random
        source = self.far if random.random() < 0.7 else self.near
        picture, _ = source.picture()
        # The face is about 77 pixels of the 112x112 crop wide; in the scene 12 to 190.
        wanted = np.exp(random.uniform(np.log(12), np.log(190)))
        factor = wanted / (77 * source.scale)
        matrix = cv2.getRotationMatrix2D((synthesis.SIDE / 2, synthesis.SIDE / 2), random.normal(0, 12), factor)
        target = np.array([random.uniform(0.05, 0.95) * WIDTH, random.uniform(0.05, 0.95) * HEIGHT])
        matrix[:, 2] += target - synthesis.SIDE / 2
        shape = random.random()
        if shape < 0.6:
            matte = scenes.head_matte(synthesis.SIDE, random) if source is self.far else _oval(random)
        else:
            matte = np.ones((synthesis.SIDE, synthesis.SIDE, 1), np.float32)
        if factor < 0.5:
            picture = cv2.blur(picture, (int(1 / factor), int(1 / factor)))
        flags = {"dsize": (WIDTH, HEIGHT), "flags": cv2.INTER_LINEAR}
        opacity = cv2.warpAffine(matte, matrix, **flags)[..., None]
        placed = cv2.warpAffine(augment.light(picture.astype(np.float32), random), matrix, **flags)
        out += opacity * (placed - out)


def _fit(picture: np.ndarray, side: int) -> np.ndarray:
    factor = side / max(picture.shape[:2])
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return cv2.resize(picture, None, fx=factor, fy=factor, interpolation=method)[:HEIGHT, :WIDTH]


def _oval(random: np.random.Generator) -> np.ndarray:
    side = synthesis.SIDE
    y, x = np.mgrid[0:side, 0:side] / side - 0.5
    inside = 1 - (x / random.uniform(0.36, 0.5)) ** 2 - (y / random.uniform(0.44, 0.52)) ** 2
    return np.clip(inside / random.uniform(0.05, 0.3) + 0.3, 0, 1).astype(np.float32)[..., None]


class Teacher:
    """YuNet n, its shape fixed at 320x256."""

    def __init__(self, data: Path):
        self.session = teachers.session(data / "models" / "det_yunet_n_256x320.onnx")
        self.names = [f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in STRIDES]

    def run(self, picture: np.ndarray) -> list[np.ndarray]:
        """Returns the twelve maps of one scene."""
        batch = picture.transpose(2, 0, 1)[None].astype(np.float32)
        return self.session.run(self.names, {self.session.get_inputs()[0].name: batch})


def produce(arrays: list[np.ndarray], data: Path, seed: int, first: int, last: int) -> None:
    """Fills a part of the bank with scenes and what the teacher says of them."""
    source, teacher = Scenes(data, seed + 10 * first), Teacher(data)
    pictures, maps = arrays
    for index in range(first, last):
        pictures[index] = source.picture()
        maps[index] = np.concatenate([part.reshape(-1) for part in teacher.run(pictures[index])])


def sizes() -> list[tuple[int, int]]:
    """Returns the shape of each of the twelve maps: cells, numbers."""
    return [(WIDTH // stride * (HEIGHT // stride), each) for each in EACH for stride in STRIDES]


def losses(made: list[torch.Tensor], goal: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Returns the losses of the scores, boxes and landmarks; cells count as much as the teacher is sure of a face."""
    score = box = points = torch.zeros(())
    for scale in range(3):
        objectness = goal[3 + scale]
        sure = (goal[scale] * objectness).sqrt()
        # Few cells have a face: without the weight, the rest would drown them.
        each = functional.binary_cross_entropy_with_logits(made[3 + scale], objectness, reduction="none")
        focus = (torch.sigmoid(made[3 + scale]) - objectness).abs().detach()
        score = score + ((1 + 20 * objectness) * (focus + 0.05) * each).sum() / len(sure)
        # What the teacher says of the class means something only where it sees an object.
        each = functional.binary_cross_entropy_with_logits(made[scale], goal[scale], reduction="none")
        score = score + (objectness * each).sum() / len(sure)
        certain = sure * (sure > 0.3)
        box = box + (certain * functional.smooth_l1_loss(made[6 + scale], goal[6 + scale], reduction="none", beta=0.1)).sum() / len(sure)
        points = points + (certain * functional.smooth_l1_loss(made[9 + scale], goal[9 + scale], reduction="none", beta=0.1)).sum() / len(sure)
    return score, box, points


def export(student: Student, path: Path) -> None:
    """Writes the network as ONNX, with YuNet's names for its maps."""
    student.eval()
    names = [f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in STRIDES]
    example = torch.zeros(1, 3, HEIGHT, WIDTH)
    torch.onnx.export(student, example, str(path), dynamo=False, opset_version=13, input_names=["picture"], output_names=names)


def main() -> None:
    """Trains for a while and writes `detector.onnx`."""
    options = argparse.ArgumentParser()
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--steps", type=int, default=5000)
    options.add_argument("--batch", type=int, default=24)
    options.add_argument("--bank", type=int, default=16_000)
    options.add_argument("--seed", type=int, default=170)
    options.add_argument("--resume", type=Path, help="go on from these weights, with landmarks counting four times")
    options = options.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(teachers.threads())
    device = "cuda" if torch.cuda.is_available() else "cpu"
    total = sum(cells * each for cells, each in sizes())
    shapes = {"scenes": (np.uint8, (HEIGHT, WIDTH, 3)), "maps": (np.float16, (total,))}
    pictures, answers = bank.fill(options.out, "detector", shapes, options.bank, produce, options.data, options.seed)
    random = np.random.default_rng(options.seed)
    student = Student().to(device, memory_format=torch.channels_last)
    if options.resume:
        student.load_state_dict(torch.load(options.resume))
    emphasis = 4 if options.resume else 1
    optimiser = torch.optim.AdamW(student.parameters(), lr=2e-3, weight_decay=1e-4)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1.5e-3 if options.resume else 3e-3, total_steps=options.steps, pct_start=0.05)
    log, began, running = (options.out / "detector.log").open("a" if options.resume else "w"), time.time(), None
    lengths = [cells * each for cells, each in sizes()]
    for step in range(options.steps):
        chosen = np.sort(random.choice(len(pictures), options.batch, replace=False))
        picture = torch.from_numpy(pictures[chosen]).to(device).permute(0, 3, 1, 2).to(torch.bfloat16)
        parts = torch.split(torch.from_numpy(answers[chosen]).to(device).float(), lengths, 1)
        goal = [part.reshape(options.batch, cells, each) for part, (cells, each) in zip(parts, sizes())]
        with torch.autocast(device, torch.bfloat16):
            features = student.features(picture)
        made = student.maps([feature.float() for feature in features])
        score, box, points = losses(made, goal)
        loss = score + box + emphasis * points
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(student.parameters(), 20.0)
        optimiser.step()
        plan.step()
        now = np.array([score.item(), box.item(), points.item()])
        running = now if running is None else 0.98 * running + 0.02 * now
        if step % 50 == 0 or step + 1 == options.steps:
            row = {"step": step, "seconds": round(time.time() - began), "score, box, landmarks": [round(v, 3) for v in running]}
            print(json.dumps(row), file=log, flush=True)
    torch.save(student.state_dict(), options.out / "detector.pt")
    export(student.cpu(), options.out / "detector.onnx")


if __name__ == "__main__":
    main()
