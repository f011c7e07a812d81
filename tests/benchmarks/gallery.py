"""Is the right picture first in a gallery of 64, for pairs of colour and shape that the tiny CLIP never saw?

    python tests/benchmarks/gallery.py [--galleries N]

Each gallery holds a picture of every pair that was kept out of training and of trained ones to make it 64, under names
that tell nothing. It is indexed with ``locus add`` and searched with ``locus search --json``, by the tests' own CLIP
(``tests/models/clip``): "a red star" and so on.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import datasets
import numpy as np
from PIL import Image

from assistant import cli

MODELS = Path(__file__).resolve().parents[1] / "models"
SIZE = 64


def locus(library: Path, *command: str) -> str:
    """What the command line writes."""
    out = io.StringIO()
    with redirect_stdout(out):
        if code := cli.run(["--library", str(library), *command]):
            raise SystemExit(code)
    return out.getvalue()


def is_first(library: Path, pair: tuple[str, str], name: str) -> bool:
    """Whether the picture called ``name`` is the first hit for the words of ``pair``."""
    hits: list[dict[str, Any]] = json.loads(locus(library, "search", f"a {' '.join(pair)}", "-k", "1", "--json"))
    return bool(hits) and Path(hits[0]["path"]).name == name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--galleries", type=int, default=4)
    options = parser.parse_args()
    sys.path.insert(0, str(MODELS))
    import shapes

    os.environ |= {"LOCUS_LLM": "none", "LOCUS_OFFLINE": "1", "LOCUS_IMAGE_MODEL_PATH": str(MODELS / "clip")}
    print(datasets.machine())
    right: dict[str, list[bool]] = {"never seen": [], "seen in training": []}
    for seed in range(options.galleries):
        chance = np.random.default_rng(100 + seed)
        seen = [shapes.TRAINED[i] for i in chance.permutation(len(shapes.TRAINED))[: SIZE - len(shapes.HELD_OUT)]]
        names = [f"{number:03}.png" for number in chance.permutation(SIZE)]
        with tempfile.TemporaryDirectory() as scratch:
            files, library = Path(scratch) / "gallery", Path(scratch) / "library"
            files.mkdir()
            pairs = [*shapes.HELD_OUT, *seen]
            for name, pixels in zip(names, shapes.gallery(pairs, chance), strict=True):
                Image.fromarray(pixels).save(files / name)
            locus(library, "add", str(files))
            # As many of the trained ones as of the others: each search opens the library anew.
            for number, pair in enumerate(pairs[: 2 * len(shapes.HELD_OUT)]):
                kind = "never seen" if number < len(shapes.HELD_OUT) else "seen in training"
                right[kind].append(is_first(library, pair, names[number]))
    for kind, found in right.items():
        print(f"pairs {kind}: right picture first {np.mean(found):.3f} of {len(found)}, in galleries of {SIZE}")


if __name__ == "__main__":
    main()
