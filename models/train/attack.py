"""Distils the attack classifier: two MiniFASNets and drawn attacks teach one network of dense convolutions."""

import argparse
import json
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional

import attacks
import augment
import bank
import scenes
import synthesis
import teachers
from embedder import Block, Down, conv

SIDE = 80
# The face's box in the 112x112 crop, as the detector draws it on average: left, top, width, height.
BOX = (15.4, 12.1, 77.3, 107.4)
# How much of the surroundings the student and the second teacher see.
NARROW, WIDE = 2.7, 4.0
# How far light and camera may go: what a kiosk's quality check lets through.
STRENGTH = 0.45
PRINT, BONA_FIDE, SCREEN = 0, 1, 2
CLASS = {"matte-print": PRINT, "halftone-print": PRINT, "telephone": SCREEN, "monitor": SCREEN}


class Student(nn.Module):
    """`[n, 3, 80, 80]` BGR 0 to 255, the face's box enlarged 2.7 times, to three logits: print, bona fide, screen."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(3, 32, 3, 2),
            nn.ReLU(),
            conv(32, 64, 3, 2),
            nn.ReLU(),
            Block(64, 48),
            Down(64, 96, 96),
            Block(96, 96),
            Block(96, 96),
            Down(96, 128, 128),
            Block(128, 128),
            conv(128, 192, 1),
            nn.ReLU(),
        )
        self.head = nn.Linear(192, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.body((x - 127.5) / 64)
        return self.head(x.mean((2, 3)))


class Views:
    """Pictures of heads, living or copied, as the networks see them."""

    def __init__(self, data: Path, seed: int, half: str = "training"):
        self.random = np.random.default_rng(seed)
        # The widest view is 4 boxes: far enough out for it.
        self.faces = synthesis.Faces(data, seed + 1, 0.62, half)
        self.backgrounds = scenes.Backgrounds(data, self.random)

    def scene(self, species: str | None) -> tuple[np.ndarray, np.ndarray]:
        """Returns a bona fide head and shoulders, or an attack with them, and the landmarks."""
        random, side = self.random, synthesis.SIDE
        picture, five = self.faces.picture()
        picture = picture.astype(np.float32)
        if random.random() < 0.4:
            matte = scenes.head_matte(side, random)
            # The matte is drawn for the far frame; this one shows more.
            matte = cv2.warpAffine(matte, cv2.getRotationMatrix2D((side / 2, side / 2), 0, 0.62 / synthesis.FAR), (side, side))[..., None]
            behind = cv2.GaussianBlur(self.backgrounds.picture(side, side).astype(np.float32), (0, 0), random.uniform(0.1, 6))
            picture = behind + matte * (picture - behind)
        picture = augment.light(picture, random, STRENGTH)
        if species is not None:
            picture = attacks.SPECIES[species](np.clip(picture, 0, 255), random).astype(np.float32)
            picture = augment.light(picture, random, STRENGTH)
        return picture, five

    def view(self, species: str | None) -> tuple[np.ndarray, np.ndarray]:
        """Returns the narrow and the wide crop of one scene."""
        random, side = self.random, synthesis.SIDE
        picture, five = self.scene(species)
        shift = five.mean(0) - self.faces.five.mean(0)
        spread = random.normal(1, 0.05)
        crops = []
        for enlargement in (NARROW, WIDE):
            width, height = BOX[2] * self.faces.scale * enlargement * spread, BOX[3] * self.faces.scale * enlargement * spread
            # A crop that would leave the picture is made smaller, as the kiosk does.
            fit = min(1.0, (side - 1) / width, (side - 1) / height)
            width, height = width * fit, height * fit
            centre = self.faces.to_frame(np.array([BOX[0] + BOX[2] / 2, BOX[1] + BOX[3] / 2])) + shift
            left = np.clip(centre[0] - width / 2, 0, side - width)
            top = np.clip(centre[1] - height / 2, 0, side - height)
            matrix = np.array([[width / SIDE, 0, left], [0, height / SIDE, top]])
            crops.append(cv2.warpAffine(picture, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE))
        state = random.bit_generator.state
        out = []
        for crop in crops:
            # The same camera for both crops.
            random.bit_generator.state = state
            out.append(augment.camera(crop, random, STRENGTH))
        return out[0], out[1]


def produce(arrays: list[np.ndarray], data: Path, seed: int, first: int, last: int) -> None:
    """Fills a part of the bank: crops, what they show, and what the teachers say."""
    views, teacher, random = Views(data, seed + 10 * first), teachers.Attack(data / "models"), np.random.default_rng(seed + first)
    crops, answers = arrays
    for index in range(first, last):
        species = None if random.random() < 0.5 else str(random.choice(list(attacks.SPECIES)))
        narrow, wide = views.view(species)
        said = teacher.run(*(view.transpose(2, 0, 1)[None].astype(np.float32) for view in (narrow, wide)))[0]
        truth = np.zeros(3, np.float32)
        truth[BONA_FIDE if species is None else CLASS[species]] = 1
        crops[index] = narrow
        # The teachers know living faces; drawn attacks they do not know.
        answers[index] = 0.6 * truth + 0.4 * said if species is None else 0.9 * truth + 0.1 * said


def export(student: Student, path: Path) -> None:
    """Writes the network as ONNX."""
    student.eval()
    example = torch.zeros(1, 3, SIDE, SIDE)
    torch.onnx.export(student, example, str(path), dynamo=False, opset_version=13, input_names=["face"], output_names=["logits"])


def main() -> None:
    """Trains for a while and writes `attack.onnx`."""
    options = argparse.ArgumentParser()
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--steps", type=int, default=2000)
    options.add_argument("--batch", type=int, default=64)
    options.add_argument("--bank", type=int, default=24_000)
    options.add_argument("--seed", type=int, default=171)
    options = options.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(teachers.threads())
    device = "cuda" if torch.cuda.is_available() else "cpu"
    shapes = {"crops": (np.uint8, (SIDE, SIDE, 3)), "answers": (np.float32, (3,))}
    views, answers = bank.fill(options.out, "attack", shapes, options.bank, produce, options.data, options.seed)
    random = np.random.default_rng(options.seed)
    student = Student().to(device, memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(student.parameters(), lr=2e-3, weight_decay=5e-4)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=options.steps, pct_start=0.05)
    log, began, running = (options.out / "attack.log").open("w"), time.time(), None
    for step in range(options.steps):
        chosen = np.sort(random.choice(len(views), options.batch, replace=False))
        crops = views[chosen][:, :, ::-1] if step % 2 else views[chosen]
        face = torch.from_numpy(np.ascontiguousarray(crops)).to(device).permute(0, 3, 1, 2).to(torch.bfloat16)
        goal = torch.from_numpy(answers[chosen]).to(device)
        with torch.autocast(device, torch.bfloat16):
            made = student(face)
        loss = functional.cross_entropy(made.float(), goal)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(student.parameters(), 5.0)
        optimiser.step()
        plan.step()
        right = ((made.argmax(1) == BONA_FIDE) == (goal.argmax(1) == BONA_FIDE)).float().mean().item()
        now = np.array([loss.item(), right])
        running = now if running is None else 0.98 * running + 0.02 * now
        if step % 50 == 0 or step + 1 == options.steps:
            print(json.dumps({"step": step, "seconds": round(time.time() - began), "loss": round(running[0], 4), "right": round(running[1], 4)}), file=log, flush=True)
    torch.save(student.state_dict(), options.out / "attack.pt")
    export(student.cpu(), options.out / "attack.onnx")


if __name__ == "__main__":
    main()
