"""Who may be learned from, and who is kept for measuring.

The split is by person and fixed: people of each set in the order of their names, every other one, the second first.
`python people.py OUT` lays the evaluation half out as `OUT/<set>/<identity>/<image>` for `kiosk evaluate`.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np


@dataclass
class Portrait:
    """One picture; `shape` has the 189 published landmarks in pixels, where there are any."""

    person: str
    path: Path
    shape: np.ndarray | None

    def read(self) -> np.ndarray:
        """Returns the picture, BGR."""
        return cv2.imread(str(self.path), cv2.IMREAD_COLOR)

    def roomy(self) -> np.ndarray:
        """Returns the picture with room around the face, which the ORL set fills its pictures with."""
        picture = self.read()
        if not self.person.startswith("orl-"):
            return picture
        picture = cv2.copyMakeBorder(picture, 24, 24, 24, 24, cv2.BORDER_REPLICATE)
        return cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)


def _landmarks(path: Path) -> np.ndarray | None:
    if not path.exists():
        return None
    lines = path.read_text().split("\n")
    return np.array([[float(v) for v in line.split()[:2]] for line in lines[1 : 1 + int(lines[0])]], np.float32)


def _portraits(faces: Path) -> dict[str, dict[str, list[Portrait]]]:
    """Returns set → person → portraits."""
    sets: dict[str, dict[str, list[Portrait]]] = {"london": {}, "canada": {}, "orl": {}}
    for folder in ("neutral_front", "smiling_front"):
        for path in sorted((faces / "london" / folder).glob("*.jpg")):
            person = "london-" + path.name.split("_")[0]
            sets["london"].setdefault(person, []).append(Portrait(person, path, _landmarks(path.with_suffix(".tem"))))
    for path in sorted((faces / "london" / "canada").glob("*.jpg")):
        person = "canada-" + path.stem
        sets["canada"].setdefault(person, []).append(Portrait(person, path, _landmarks(path.with_suffix(".tem"))))
    for folder in sorted((faces / "orl").iterdir(), key=lambda path: int(path.name[1:])):
        person = "orl-" + folder.name
        sets["orl"][person] = [Portrait(person, path, None) for path in sorted(folder.glob("*.png"))]
    return sets


def half(faces: Path, which: str) -> dict[str, dict[str, list[Portrait]]]:
    """Returns the `training` or the `evaluation` half: set → person → portraits."""
    first = {"evaluation": 0, "training": 1}[which]
    chosen = {}
    for name, people in _portraits(faces).items():
        order = sorted(people, key=lambda person: (len(person), person))
        chosen[name] = {person: people[person] for person in order[first::2]}
    return chosen


def portraits(faces: Path, which: str) -> list[Portrait]:
    """Returns all portraits of one half."""
    groups = half(faces, which).values()
    return [portrait for people in groups for person in people.values() for portrait in person]


def main() -> None:
    """Lays out the evaluation half as links."""
    faces, out = Path(sys.argv[1]), Path(sys.argv[2])
    for name, people in half(faces, "evaluation").items():
        for person, portraits in people.items():
            folder = out / name / person
            folder.mkdir(parents=True, exist_ok=True)
            for portrait in portraits:
                link = folder / portrait.path.name
                if not link.exists():
                    link.symlink_to(portrait.path.resolve())
        print(name, len(people), "people:", " ".join(people))


if __name__ == "__main__":
    main()
