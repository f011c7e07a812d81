"""Words read on scanned receipts, and the time a page takes.

    python tests/benchmarks/ocr.py --data DIR

The folder holds ``ocr/img/*.jpg``, ``ocr/box/*.csv`` (a line of text a row: eight numbers for its corners, then the
text) and ``ocr/key/*.json`` (the company and the total of each). A word counts as found if it stands in what was read,
as often as in the receipt, case and the punctuation at its ends aside.
"""

from __future__ import annotations

import json
import string
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from datasets import arguments, machine
from PIL import Image

from indexers.ocr import RapidOcr


@dataclass(frozen=True, slots=True)
class Receipt:
    """A scanned receipt, the words on it, and what it is about."""

    image: Path
    words: Counter[str]
    company: str
    total: str


def words(text: str) -> Counter[str]:
    """The words of ``text``, small, without punctuation at their ends."""
    return Counter(word for part in text.split() if (word := part.strip(string.punctuation).casefold()))


def receipts(data: Path) -> list[Receipt]:
    """All receipts of the folder."""
    found = []
    for image in sorted((data / "ocr" / "img").glob("*.jpg")):
        rows = (data / "ocr" / "box" / f"{image.stem}.csv").read_text(encoding="utf-8", errors="replace").splitlines()
        text = " ".join(row.split(",", 8)[8] for row in rows if row.count(",") >= 8)
        key = json.loads((data / "ocr" / "key" / f"{image.stem}.json").read_text(encoding="utf-8"))
        found.append(Receipt(image, words(text), key.get("company", ""), key.get("total", "")))
    return found


def squeezed(text: str) -> str:
    """``text`` without case, spaces and punctuation, so that a name is found however it was set."""
    return "".join(sign for sign in text.casefold() if sign.isalnum())


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--threads", type=int, help="of the processor (default: all cores)")
    options = parser.parse_args()
    ocr = RapidOcr(threads=options.threads)
    ocr.read(np.full((64, 64, 3), 255, np.uint8))  # loads the networks
    found = wanted = companies = totals = 0
    wall = cpu = 0.0
    pages = receipts(options.data)
    for page in pages:
        pixels = np.asarray(Image.open(page.image).convert("RGB"))
        wall, cpu = wall - time.perf_counter(), cpu - time.process_time()
        lines = ocr.read(pixels)
        wall, cpu = wall + time.perf_counter(), cpu + time.process_time()
        text = "\n".join(line.text for line in lines)
        found += (words(text) & page.words).total()
        wanted += page.words.total()
        companies += squeezed(page.company) in squeezed(text)
        totals += page.total in text
    print(machine(), ocr.name, sep="\n")
    print(f"words found          {found / wanted:.3f} of {wanted}")
    print(f"company, total found {companies} and {totals} of {len(pages)}")
    print(f"a page               {wall / len(pages):.2f} s ({cpu / len(pages):.2f} s of processor time)")


if __name__ == "__main__":
    main()
