"""How fast are reports indexed, and how much of that is the model? ``Assistant.add`` beside what bounds it.

    python tests/benchmarks/indexing.py --data DIR [--files N] [--rounds N] [--no-plain] [--profile]

Indexes the PDF reports of ``DIR/pdf`` into a throw-away library. Beside it, on exactly the texts that were embedded:
``SentenceTransformer.encode`` as it comes, and the embedder alone, all texts in one call; and ``add`` with vectors that
cost nothing, which is all but the model. They take turns in every round and the best round counts. CPU seconds (of
this process and its readers) are given too, because the wall clock means little on a machine that does other work. The
way of embedding is chosen and loaded before; what that costs on a new machine is said.
"""

from __future__ import annotations

import cProfile
import os
import pstats
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import datasets
import numpy as np
from numpy.typing import NDArray

from assistant import AddReport, Assistant, models
from indexers.protocols import TextEmbedder


class Timed:
    """A ``TextEmbedder`` that keeps what another one is asked to embed and how long that takes."""

    def __init__(self, embedder: TextEmbedder) -> None:
        self._embedder = embedder
        self.space, self.dim, self.max_tokens = embedder.space, embedder.dim, embedder.max_tokens
        self.texts: list[str] = []
        self.calls = 0
        self.embedding_s = 0.0

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._embedder.count_tokens(texts)

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        began = time.perf_counter()
        vectors = self._embedder.embed_passages(texts)
        self.embedding_s += time.perf_counter() - began
        self.calls += 1
        self.texts += texts
        return vectors

    def embed_query(self, text: str) -> NDArray[np.float32]:
        return self._embedder.embed_query(text)


class Weightless(Timed):
    """Gives vectors at once: what is left of ``add`` is all but the model."""

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.random.default_rng(len(texts)).normal(size=(len(texts), self.dim)).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@dataclass(slots=True)
class Cost:
    """Seconds by the wall clock and of the processor, the best of all rounds."""

    wall: float = float("inf")
    cpu: float = float("inf")

    def run(self, work: Callable[[], Any]) -> Any:
        began, used = time.perf_counter(), cpu_seconds()
        result = work()
        self.wall = min(self.wall, time.perf_counter() - began)
        self.cpu = min(self.cpu, cpu_seconds() - used)
        return result


def cpu_seconds() -> float:
    """Of this process and of the children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def pages_of(files: Sequence[Path]) -> int:
    import pypdfium2

    total = 0
    for file in files:
        with pypdfium2.PdfDocument(file) as document:
            total += len(document)
    return total


def indexed(files: Sequence[Path], timed: Timed, profile: cProfile.Profile | None = None) -> AddReport:
    """One ``add`` into a new library, with a new reading process."""
    with tempfile.TemporaryDirectory(prefix="locus-bench-") as scratch, Assistant(scratch) as locus:
        locus._parts.embedder = timed
        if profile is not None:
            return profile.runcall(locus.add, files)
        return locus.add(files)


def load() -> str:
    return " ".join(f"{value:.2f}" for value in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"


def main() -> None:
    """Prints one table."""
    parser = datasets.arguments(__doc__)
    parser.add_argument("--files", type=int, help="only the first so many reports")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--no-plain", action="store_true", help="leave plain encode out, which takes longest")
    parser.add_argument("--profile", action="store_true", help="add where the main thread spent its time")
    options = parser.parse_args()
    files = sorted((options.data / "pdf").glob("*.pdf"))[: options.files]
    pages = pages_of(files)
    print(f"{datasets.machine()}; load {load()}", flush=True)

    with tempfile.TemporaryDirectory() as cache, Assistant(Path(cache) / "library", cache_dir=cache) as locus:
        embedder: Any = locus._parts.embedder
        first = Cost()
        way = first.run(lambda: embedder.choice).passages
        embedder.embed_passages(["warm"] * 8)
        names = ["add", "all but the model", "embedder alone", *([] if options.no_plain else ["plain encode()"])]
        costs = {name: Cost() for name in names}
        plain = None if options.no_plain else plain_model(locus)
        shares: list[float] = []
        profile = cProfile.Profile() if options.profile else None
        for _ in range(options.rounds):
            timed, began = Timed(embedder), time.perf_counter()
            report = costs["add"].run(partial(indexed, files, timed, profile))
            shares.append(timed.embedding_s / (time.perf_counter() - began))
            costs["all but the model"].run(partial(indexed, files, Weightless(embedder)))
            costs["embedder alone"].run(partial(embedder.embed_passages, timed.texts))
            if plain is not None:
                costs["plain encode()"].run(partial(plain.encode, timed.texts))
            print(f"  {timed.calls} calls of the embedder, load {load()}", flush=True)
        chunks = sum(file.chunks for file in report.files)
        assert chunks == len(timed.texts), "all files are new, so every chunk is embedded once"

    print(f"\n{len(files)} reports, {pages} pages, {chunks} chunks; way {way}")
    print(f"choosing and loading the way, once per machine: {first.wall:.1f} s")
    print(f"share of add in which the model is at work: {max(shares):.2f}")
    print(f"{'':<18}{'seconds':>9}{'CPU s':>8}{'pages/s':>9}{'chunks/s':>10}{'add ÷ it':>10}{'by CPU':>8}")
    for name, cost in costs.items():
        rates = f"{pages / cost.wall:>9.1f}{chunks / cost.wall:>10.1f}"
        ratios = f"{cost.wall / costs['add'].wall:>10.2f}{cost.cpu / costs['add'].cpu:>8.2f}"
        print(f"{name:<18}{cost.wall:>9.2f}{cost.cpu:>8.1f}{rates}{ratios}")
    if profile is not None:
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


def plain_model(locus: Assistant) -> Any:
    """sentence-transformers as it comes, on the bundled model."""
    from sentence_transformers import SentenceTransformer

    folder = models.require(models.spec(locus.text_model), path=None, cache_dir=locus.settings.cache_dir)
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


if __name__ == "__main__":
    main()
