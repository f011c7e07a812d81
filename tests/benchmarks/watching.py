"""Watched folders under load: a burst of small files, and real files of all kinds at once.

    python tests/benchmarks/watching.py --files 10000
    python tests/benchmarks/watching.py --files 10000 --hashing     # the embedder's share left out
    python tests/benchmarks/watching.py --data DIR DIR

A burst is written into a folder that is watched already; then a fifth of it is renamed, a fifth changed, a fifth
deleted. Printed are the seconds from the last write until the library is in step, what the events alone left different
from the disk (looked at before folders are looked through again), and the highest memory of this process and its
children.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from assistant import Assistant
from indexers.testing import HashingEmbedder

WORDS = (
    "mill water wheel lease grain sluice river stone spelt flour bread ledger meadow lantern harbour bicycle".split()
)


def text(number: int, version: int = 1) -> str:
    """A short note that no other one is like."""
    said = " ".join(WORDS[(number * (step + 3) + step) % len(WORDS)] for step in range(12))
    return f"Note {number}, version {version}.\n\n{said}. The number of this note is {number * 7919 % 1_000_003}.\n"


def differences(locus: Assistant, folder: Path) -> int:
    """Files that the library holds and the disk does not, or the other way, or in another version."""
    with locus._parts.library.mutex:
        known = locus._parts.library.catalog.file_states(str(folder))
    there = {str(path): path.stat() for path in folder.rglob("*") if path.is_file()}
    wrong = known.keys() ^ there.keys()
    changed = [p for p in known.keys() & there.keys() if known[p].mtime_ns != there[p].st_mtime_ns]
    return len(wrong) + len(changed)


def settled(locus: Assistant, folder: Path, quiet_s: float = 80.0) -> float:
    """Waits until the library is in step, or nothing has come nearer for ``quiet_s``; gives the seconds that took."""
    started = time.perf_counter()
    last, since = -1, time.perf_counter()
    while (left := differences(locus, folder)) and time.perf_counter() - since < quiet_s:
        if left != last:
            last, since = left, time.perf_counter()
        time.sleep(0.25)
    return time.perf_counter() - started


def megabytes() -> str:
    """The highest memory of this process and of its largest child."""
    own, child = (resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return f"{own:.0f} MB, the largest reader {child:.0f} MB"


def burst(locus: Assistant, folder: Path, files: int) -> None:
    """Writes, renames, changes and deletes ``files`` files."""

    def told(what: str, number: int) -> None:
        seconds = settled(locus, folder)
        print(f"{what}: {number} files in step {seconds:.1f} s after the last write, {differences(locus, folder)} lost")

    for number in range(files):
        (folder / f"{number % 100:02}").mkdir(exist_ok=True)
        (folder / f"{number % 100:02}" / f"{number}.txt").write_text(text(number))
    told("written", files)
    fifth = files // 5
    for number in range(fifth):
        path = folder / f"{number % 100:02}" / f"{number}.txt"
        path.rename(path.with_name(f"renamed {number}.txt"))
    for number in range(fifth, 2 * fifth):
        (folder / f"{number % 100:02}" / f"{number}.txt").write_text(text(number, 2))
    for number in range(2 * fifth, 3 * fifth):
        (folder / f"{number % 100:02}" / f"{number}.txt").unlink()
    told("renamed, changed, deleted", 3 * fifth)
    (folder / "00").rename(folder / "moved")
    told("a folder moved", files // 100)


def statuses(locus: Assistant, folder: Path, sources: list[Path]) -> None:
    """Copies folders of real files into the watched one and prints how each file ended."""
    for source in sources:
        shutil.copytree(source, folder / source.name)
    started = time.perf_counter()
    count, since = -1, time.perf_counter()
    while time.perf_counter() - since < 15:
        documents = locus.files()
        busy = [d for d in documents if d.status in ("queued", "reading")]
        if len(documents) != count or busy:
            count, since = len(documents), time.perf_counter()
        time.sleep(0.5)
    documents = locus.files()
    print(f"{count} documents, {time.perf_counter() - started - 15:.0f} s")
    for status, number in Counter(d.status.value for d in documents).most_common():
        print(f"  {status:<12} {number}")
    reasons = Counter(d.reason for d in documents if d.status in ("failed", "empty", "unsupported", "encrypted"))
    for reason, number in reasons.most_common():
        print(f"    {number:4} {reason}")


def main() -> None:
    """Runs what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=0)
    parser.add_argument("--hashing", action="store_true", help="a stand-in in place of the text model")
    parser.add_argument("--data", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root, Assistant(Path(root) / "library", llm="none") as locus:
        if options.hashing:
            locus._parts._text_side._embedder = lambda *_: HashingEmbedder(384)  # type: ignore[assignment]
        folder = Path(root) / "watched"
        folder.mkdir()
        with locus.watch(folder, on_note=lambda line: print(line, file=sys.stderr)):
            time.sleep(2)
            if options.files:
                burst(locus, folder, options.files)
            if options.data:
                statuses(locus, folder, options.data)
        print(f"highest memory: {megabytes()}")


if __name__ == "__main__":
    main()
