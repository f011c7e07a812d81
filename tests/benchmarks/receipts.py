"""Is the right receipt found among scanned ones, asked for by company and total? ``Assistant.search`` over OCR.

    python tests/benchmarks/receipts.py --data DIR [--library DIR]

Indexes the pictures of ``DIR/ocr/img`` (as SROIE has them; ``key/`` says company and total) into a library, a
throw-away one unless it is named, and searches for each receipt with the words a person would type. Receipts of the
same company and total count as the right one for each other.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import datasets

from assistant import Assistant

WORDINGS = (
    "receipt from {company}, total {total}",
    "{company} {total}",
    "How much was the {company} receipt of {total}?",
)


def asked(key: dict[str, str]) -> tuple[str, str]:
    return key["company"], key["total"]


@contextmanager
def opened(path: Path | None) -> Iterator[Assistant]:
    with tempfile.TemporaryDirectory() as scratch, Assistant(path or scratch, llm="none") as locus:
        yield locus


def main() -> None:
    parser = datasets.arguments(__doc__)
    parser.add_argument("--library", type=Path)
    options = parser.parse_args()
    print(datasets.machine())
    folder = options.data / "ocr"
    keys = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((folder / "key").glob("*.json"))}
    keys = {name: key for name, key in keys.items() if key.get("company") and key.get("total")}
    with opened(options.library) as locus:
        began = time.perf_counter()
        report = locus.add(folder / "img")
        each = (time.perf_counter() - began) / max(1, len(report.files))
        print(f"{len(report.files)} receipts, {each:.1f} s each, {len(report.failed)} failed")
        for wording in WORDINGS:
            first = fifth = 0
            for key in keys.values():
                same = {other for other, its in keys.items() if asked(its) == asked(key)}
                found = list(dict.fromkeys(Path(hit.path).stem for hit in locus.search(wording.format(**key), k=30)))
                first += found[0] in same
                fifth += bool(same.intersection(found[:5]))
            print(
                f"{wording!r}: right receipt first {first / len(keys):.3f}, in the first five {fifth / len(keys):.3f}"
            )


if __name__ == "__main__":
    main()
