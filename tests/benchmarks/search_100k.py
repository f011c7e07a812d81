"""How fast and how exact the two search indexes are, on made-up data of realistic shape.

    OMP_NUM_THREADS=1 python tests/benchmarks/search_100k.py
    python tests/benchmarks/search_100k.py --chunks 1000000 --queries 50
    python tests/benchmarks/search_100k.py --text ~/Documents/notes

Vectors are a mixture of clusters with a common direction (as those of embedders are), words follow Zipf's law
or come from the ``*.txt`` and ``*.md`` files under ``--text``. No model, no network; the embedding of the
query is not part of what is timed. "both" is vectors, then words, "two threads" both at once; "CPU" is the time
that the process computed, which tells the program from its neighbours on a busy machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from indexers.vectors import FaissIndex
from indexers.words import TantivyIndex

K = 50  # what a fusing caller asks of each index
CHUNKS_PER_DOCUMENT = 10


@dataclass(frozen=True, slots=True)
class Data:
    texts: list[str]
    vectors: NDArray[np.float32]  # (chunks, dim)
    questions: list[str]
    queries: NDArray[np.float32]  # (queries, dim)
    documents: NDArray[np.int64]  # (chunks,)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--text", type=Path, help="chunk the text files of this folder instead of making words")
    options = parser.parse_args()

    data = make(options.chunks, options.dim, options.queries, options.text)
    print(f"{platform.machine()}, {processor()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{len(data.texts):,} chunks, {options.dim} dimensions, {len(data.questions)} queries, k = {K}\n")
    with tempfile.TemporaryDirectory() as folder:
        vectors, words = build(data, Path(folder))
        report_recall(data, vectors)
        report_search(data, vectors, words)
        words.close()


def make(chunks: int, dim: int, queries: int, folder: Path | None) -> Data:
    random = np.random.default_rng(0)
    texts, questions = zipf_texts(random, chunks, queries) if folder is None else real_texts(folder, chunks, queries)
    chunks = len(texts)
    topics = random.standard_normal((max(chunks // 200, 1), dim)).astype(np.float32) + 0.3
    vectors = np.empty((chunks, dim), np.float32)
    for start in range(0, chunks, 10_000):
        part = vectors[start : start + 10_000]
        # The topics' sizes are as uneven as those of real collections.
        chosen = (len(topics) * random.random(len(part)) ** 2).astype(int)
        part[:] = topics[chosen] + 0.9 * random.standard_normal(part.shape, np.float32)
    normalise(vectors)
    near = vectors[random.integers(0, chunks, queries)]
    asked = normalise(near + 0.05 * random.standard_normal(near.shape, np.float32))
    return Data(texts, vectors, questions, asked, np.arange(chunks, dtype=np.int64) // CHUNKS_PER_DOCUMENT)


def normalise(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def zipf_texts(random: np.random.Generator, chunks: int, queries: int) -> tuple[list[str], list[str]]:
    """Chunks of 120 words and questions of 9, of which the commonest third stand for "what is the …"."""
    vocabulary = 50_000
    letters = np.array(list("etaoinshrdlucmfwygpbvk"))
    words = np.array(["".join(random.choice(letters, length)) for length in random.integers(2, 11, vocabulary)])
    words[: len(ENGLISH)] = ENGLISH
    cumulative = np.cumsum(1 / (np.arange(vocabulary) + 2.7))

    def drawn(shape: tuple[int, int], low: float = 0.0) -> NDArray[np.int64]:
        return np.searchsorted(cumulative, random.uniform(low, cumulative[-1], shape))

    texts = []
    for start in range(0, chunks, 10_000):
        texts += [" ".join(row) for row in words[drawn((min(10_000, chunks - start), 120))]]
    content = drawn((queries, 6), low=float(cumulative[len(ENGLISH)]))
    questions = [" ".join([*words[random.integers(0, len(ENGLISH), 3)], *words[row]]) for row in content]
    return texts, questions


def real_texts(folder: Path, chunks: int, queries: int) -> tuple[list[str], list[str]]:
    """Pieces of 700 characters of the files, repeated if they are too few; questions are 8 words of a piece."""
    files = sorted(path for suffix in ("*.txt", "*.md") for path in folder.expanduser().rglob(suffix))
    text = "\n".join(path.read_text("utf-8", "replace") for path in files)
    if not text:
        sys.exit(f"no .txt or .md files under {folder}")
    pieces = [text[start : start + 700] for start in range(0, len(text), 700)]
    texts = [pieces[number % len(pieces)] for number in range(chunks)]
    random = np.random.default_rng(1)
    asked = [pieces[number].split() for number in random.integers(0, len(pieces), queries)]
    return texts, [" ".join(words[len(words) // 2 :][:8]) for words in asked]


def build(data: Data, folder: Path) -> tuple[FaissIndex, TantivyIndex]:
    ids = np.arange(len(data.texts), dtype=np.int64)
    vectors = FaissIndex(data.vectors.shape[1])
    words = TantivyIndex.open_or_create(folder / "words")
    step = 1000

    def add_vectors() -> None:
        for start in range(0, len(ids), step):
            part = slice(start, start + step)
            vectors.add(ids[part], data.documents[part], data.vectors[part])

    def add_words() -> None:
        for start in range(0, len(ids), step):
            part = slice(start, start + step)
            titles = [f"document {number}" for number in data.documents[part]]
            words.add(ids[part].tolist(), data.documents[part].tolist(), data.texts[part], titles)
        words.commit(1)

    print(f"{'vectors: build':<38}{seconds(add_vectors):>9.2f} s")
    snapshot = folder / "vectors"
    print(f"{'vectors: save':<38}{seconds(lambda: vectors.save(snapshot, space='s', sequence=1)):>9.2f} s")
    load = seconds(lambda: FaissIndex.load(snapshot, space="s", dim=vectors.dim))
    print(f"{'vectors: load':<38}{load:>9.2f} s")
    print(f"{'vectors: file':<38}{snapshot.stat().st_size / 1e6:>9.1f} MB")
    print(f"{'words: build':<38}{seconds(add_words):>9.2f} s")
    print(f"{'words: open':<38}{seconds(lambda: TantivyIndex.open(folder / 'words')):>9.2f} s")
    size = sum(path.stat().st_size for path in (folder / "words").iterdir())
    print(f"{'words: files':<38}{size / 1e6:>9.1f} MB\n")
    return vectors, words


def report_recall(data: Data, vectors: FaissIndex) -> None:
    found = 0
    for query in data.queries:
        exact = np.lexsort((np.arange(len(data.vectors)), -(data.vectors @ query)))[:10]
        found += len(set(exact.tolist()) & set(vectors.search(query, 10)[0].tolist()))
    print(f"{'recall@10 against exact fp32':<38}{found / (10 * len(data.queries)):>9.4f}\n")


def report_search(data: Data, vectors: FaissIndex, words: TantivyIndex) -> None:
    print(f"{'one search, ms':<38}{'p50':>9}{'p95':>9}{'CPU p50':>9}")
    documents = np.unique(data.documents)
    random = np.random.default_rng(2)
    pairs = list(zip(data.queries, data.questions, strict=True))
    with ThreadPoolExecutor(1) as pool:
        for label, share in (("", 0.0), (", 1% of documents", 0.01), (", 50% of documents", 0.5)):
            only = random.choice(documents, max(int(share * len(documents)), 1), replace=False) if share else None
            numbers = None if only is None else only.tolist()

            def dense(query: NDArray[np.float32], only: NDArray[np.int64] | None = only) -> None:
                vectors.search(query, K, only)

            def sparse(question: str, numbers: list[int] | None = numbers) -> None:
                words.search(question, K, numbers)

            def both(pair: tuple[NDArray[np.float32], str]) -> None:
                dense(pair[0])
                sparse(pair[1])

            def threads(pair: tuple[NDArray[np.float32], str]) -> None:
                future = pool.submit(dense, pair[0])
                sparse(pair[1])
                future.result()

            show("vectors" + label, dense, data.queries)
            show("words" + label, sparse, data.questions)
            show("both" + label, both, pairs)
            show("both, two threads" + label, threads, pairs)


def show(label: str, search: Callable[[Any], None], inputs: Iterable[Any]) -> None:
    wall, used = [], []
    for value in inputs:
        search(value)  # warm: the second time counts
        start, start_used = time.perf_counter(), time.process_time()
        search(value)
        wall.append((time.perf_counter() - start) * 1000)
        used.append((time.process_time() - start_used) * 1000)
    figures = np.percentile(wall, 50), np.percentile(wall, 95), np.percentile(used, 50)
    print(f"{label:<38}" + "".join(f"{figure:>9.2f}" for figure in figures))


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def processor() -> str:
    """The processor's name where the system tells it."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"


ENGLISH = """the of and to in a is that for it as was with be by on not he i this are or his from at which but have an
had they you were their one all we can her has there been if more when will would who so no she other its may these
what them than some him time into only do such my new about out also two any up first could our then most see me
should after said your very between made many over did down way under where even because each just those""".split()


if __name__ == "__main__":
    main()
