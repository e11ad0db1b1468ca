"""Draws attacks on the evaluation half, to measure with: `python draw_attacks.py DATA OUT [COUNT]`.

Writes `OUT/<species>/*.png`, and as many bona fide pictures to `OUT/bona-fide`. They come from the same drawing code as the
attacks that were learned from, of other people: an error rate on them says what the network learned, not what it would do
before paper and telephones.
"""

import sys
from pathlib import Path

import cv2

import attack
import attacks
import augment


def main() -> None:
    """Draws them."""
    data, out = Path(sys.argv[1]), Path(sys.argv[2])
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 200
    views = attack.Views(data, 7, "evaluation")
    for species in [None, *attacks.SPECIES]:
        folder = out / (species or "bona-fide")
        folder.mkdir(parents=True, exist_ok=True)
        for index in range(count):
            picture = augment.camera(views.scene(species)[0], views.random, attack.STRENGTH)
            # As large as a face before a kiosk is.
            picture = cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(str(folder / f"{index:04}.png"), picture)
        print(folder)


if __name__ == "__main__":
    main()
