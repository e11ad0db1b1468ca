#!/usr/bin/env python3
"""Makes the fonts of the resident's screen: Noto Sans CJK with only the characters that kiosk/src/ui/text says.

Needs fonttools (pip install fonttools) and the fonts (Debian: fonts-noto-cjk). Run it after changing a sentence:

    python3 kiosk/src/screen/fonts/make.py
"""

import pathlib
import re

from fontTools import subset
from fontTools.ttLib import TTCollection

HERE = pathlib.Path(__file__).parent
TEXT = HERE.parent.parent / "ui" / "text"
FONTS = pathlib.Path("/usr/share/fonts/opentype/noto")

# What either script is drawn with: its sentences, the names of the languages, and the Latin letters.
SCRIPTS = {"hant": ("Noto Sans CJK HK", "zh_hant.rs", "繁體中文"), "hans": ("Noto Sans CJK SC", "zh_hans.rs", "简体中文")}
LATIN = "".join(map(chr, range(0x20, 0x7F))) + "ÀÁÂÃÇÉÊÍÓÔÕÚàáâãçéêíóôõúü’–…«»"


def characters(file):
    literals = re.findall(r'"((?:[^"\\]|\\.)*)"', (TEXT / file).read_text(encoding="utf-8"))
    return set("".join(literals))


def face(path, family):
    for font in TTCollection(path, lazy=True).fonts:
        if font["name"].getBestFamilyName() == family:
            return font
    raise SystemExit(f"{path} has no {family}")


def main():
    for weight in ("Regular", "Bold"):
        for script, (family, file, name) in SCRIPTS.items():
            options = subset.Options()
            options.layout_features = ["kern"]
            options.hinting = False
            options.desubroutinize = False
            # Copyright, trademark, license and its address stay in the file.
            options.name_IDs = [0, 1, 2, 5, 7, 13, 14]
            options.notdef_outline = True
            font = face(FONTS / f"NotoSansCJK-{weight}.ttc", family)
            subsetter = subset.Subsetter(options)
            subsetter.populate(text="".join(sorted(characters(file) | set(name) | set(LATIN))))
            subsetter.subset(font)
            out = HERE / f"{script}-{weight.lower()}.otf"
            subset.save_font(font, str(out), options)
            print(f"{out.name}: {out.stat().st_size} bytes, {len(font.getGlyphOrder())} glyphs")


if __name__ == "__main__":
    main()
