"""How long from opening a library of 100,000 chunks to its first answer, and what the checks in it cost.

    python tests/benchmarks/opening.py [--chunks N]

Each figure is of a process of its own: importing is not counted, opening, checking the snapshots and one hybrid search
are. The texts are words by Zipf's law and the vectors made up (``search_100k.py``), stored through the catalog; the
question is embedded by HashingEmbedder, so a real model's loading and its 10 ms come on top. "warm": files are in the
system's cache, as they are when the library was used a moment ago.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import search_100k
import search_library

from indexers.library import Library
from indexers.testing import HashingEmbedder

DIM = 384
ASK = """
import json, sys, time
from pathlib import Path
import faiss, numpy, tantivy
from assistant.retrieve import Retriever
from indexers.library import Library
from indexers.testing import HashingEmbedder
question = sys.argv[2]
embedder = HashingEmbedder(dim=384)
start = time.perf_counter()
library = Library(Path(sys.argv[1]))
opened = time.perf_counter() - start
library.vectors(embedder.space, 384)
vectors = time.perf_counter() - start
library.words()
words = time.perf_counter() - start
hits = Retriever(library, embedder).search(question, 10)
first = time.perf_counter() - start
start = time.perf_counter()
Retriever(library, embedder).search(question, 10)
print(json.dumps([opened, vectors - opened, words - vectors, first, time.perf_counter() - start, len(hits)]))
"""


def asked(root: Path, question: str) -> list[float]:
    root_of_code = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root_of_code}
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(root), question], env=environment, capture_output=True, text=True, check=True
    )
    return list(json.loads(done.stdout))


def timed(name: str, act: Callable[[], object]) -> None:
    start = time.perf_counter()
    act()
    print(f"  {name:<44}{time.perf_counter() - start:7.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=100_000)
    options = parser.parse_args()
    data = search_100k.make(options.chunks, DIM, 200, None)
    embedder = HashingEmbedder(dim=DIM)
    question = data.questions[0]
    with tempfile.TemporaryDirectory(prefix="locus-bench-") as scratch:
        files, root = Path(scratch) / "files", Path(scratch) / "library"
        for number in range(10):
            (files / str(number)).mkdir(parents=True)
        library = Library(root)
        with library.writing() as catalog:
            search_library.fill(catalog, files, data, embedder.space)
            library.publish()
        library.close()
        sizes = {path.name: sum(p.stat().st_size for p in (path, *path.rglob("*"))) for path in root.iterdir()}
        print(f"{os.cpu_count()} cores, {search_100k.processor()}, load {os.getloadavg()[0]:.1f}")
        print(f"{options.chunks:,} chunks; MB: {', '.join(f'{name} {size / 1e6:.0f}' for name, size in sizes.items())}")
        print("seconds                open  vectors    words  to the first answer   the next")
        for label in ("warm", "warm", "warm", "snapshots deleted", "then"):
            if label == "snapshots deleted":
                (root / "vectors.faiss").unlink()
                shutil.rmtree(root / "words")
            opened, vectors, words, first, following, hits = asked(root, question)
            assert hits == 10
            print(f"  {label:<18}{opened:7.3f}  {vectors:7.3f}  {words:7.3f}  {first:19.3f}  {following:9.4f}")
        library = Library(root)
        timed("looking for damaged vectors (locus status)", library.catalog.damaged)
        timed("the whole check (locus doctor)", lambda: library.catalog.problems() + library.snapshot_problems())
        timed("making the indexes anew (doctor --repair)", library.drop_snapshots)
        timed("compacting (doctor --compact)", library.compact)
        library.close()


if __name__ == "__main__":
    main()
