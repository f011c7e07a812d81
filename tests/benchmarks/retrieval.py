"""Does the right place come first? Hybrid search beside vectors alone and words alone, in one run.

    python tests/benchmarks/retrieval.py --data DIR [xquad qed spans pdf]

``xquad``, ``qed``: each paragraph a file; share of questions whose file is first / in the first five.
``spans``: recall of the gold characters in the top five chunks, averaged over questions.
``pdf``: share of questions that name one report for which that report is first.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import datasets
import numpy as np

from assistant import Assistant
from indexers.types import LinesLocator

DEPTH = 100
Ranking = list[int]


class Systems:
    """The three ways to rank the chunks of one library."""

    names = ("hybrid", "dense", "words")

    def __init__(self, locus: Assistant) -> None:
        self.parts = locus._parts
        self.vectors = self.parts.library.vectors(self.parts.embedder.space, self.parts.embedder.dim)
        self.index = self.parts.library.words()
        self.catalog = self.parts.library.catalog

    def rank(self, question: str) -> dict[str, Ranking]:
        """Chunk ids, best first, by system."""
        vector = self.parts.embedder.embed_query(question)
        ids, _ = self.vectors.search(vector, DEPTH)
        word_ids, _ = self.index.search(question, DEPTH)
        fused = [item.chunk_id for item in self.parts.retriever.fused(question, vector, DEPTH)]
        return {"hybrid": fused, "dense": ids.tolist(), "words": word_ids.tolist()}


def first_and_five(found: Iterable[bool | int]) -> str:
    ranks = np.array(list(found))
    return f"first {np.mean(ranks == 0):.3f}   first five {np.mean(ranks < 5):.3f}"


def paragraphs(collection: datasets.Collection) -> None:
    with datasets.library(collection.passages) as (locus, paths):
        systems = Systems(locus)
        numbers = {str(path): number for number, path in enumerate(paths)}
        ranks: dict[str, list[int]] = defaultdict(list)
        for question in collection.questions:
            for name, ids in systems.rank(question.text).items():
                live = systems.catalog.chunks(ids)
                files = list(dict.fromkeys(numbers[live[i].path] for i in ids if i in live))
                ranks[name].append(files.index(question.passage) if question.passage in files else DEPTH)
    print(f"\n{collection.name}: {len(collection.passages)} files, {len(collection.questions)} questions")
    for name in Systems.names:
        print(f"  {name:<8} {first_and_five(ranks[name])}")


def gold_spans(data: Path) -> None:
    corpora, questions = datasets.spans(data)
    recalls: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with tempfile.TemporaryDirectory(prefix="locus-bench-") as scratch, Assistant(scratch) as locus:
        locus.add(corpora)
        systems = Systems(locus)
        starts = {str(path): line_starts(path.read_text(encoding="utf-8")) for path in corpora}
        by_name = {path.stem: str(path) for path in corpora}
        texts = {str(path): path.read_text(encoding="utf-8") for path in corpora}
        for corpus, question, gold in questions:
            for name, ids in systems.rank(question).items():
                live = systems.catalog.chunks(ids[:5])
                got: set[int] = set()
                for i in ids[:5]:
                    if live[i].path == by_name[corpus] and isinstance(live[i].chunk.locator, LinesLocator):
                        begin = found_at(
                            texts[live[i].path], live[i].chunk.body, starts[live[i].path], live[i].chunk.locator
                        )
                        got.update(range(begin, begin + len(live[i].chunk.body)))
                wanted = {c for start, end in gold for c in range(start, end)}
                recalls[name][corpus].append(len(wanted & got) / len(wanted))
    print(f"\nspans: {len(corpora)} corpora in one library, {len(questions)} questions, recall in the top 5 chunks")
    for name in Systems.names:
        every = [value for values in recalls[name].values() for value in values]
        each = "  ".join(f"{corpus} {np.mean(values):.3f}" for corpus, values in sorted(recalls[name].items()))
        print(f"  {name:<8} {np.mean(every):.3f}   {each}")


def line_starts(text: str) -> list[int]:
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    return starts


def found_at(text: str, body: str, starts: list[int], locator: LinesLocator) -> int:
    """Where in its file a chunk's body stands; its locator says from which line on."""
    at = text.find(body.partition("\n")[0], starts[locator.first - 1])
    assert 0 <= at < starts[locator.last], f"a chunk does not stand at lines {locator.first}–{locator.last}"
    return at


def named_reports(data: Path) -> None:
    files, questions = datasets.reports(data)
    ranks: dict[str, list[int]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="locus-bench-") as scratch, Assistant(scratch) as locus:
        locus.add(files)
        systems = Systems(locus)
        for question, wanted in questions:
            for name, ids in systems.rank(question).items():
                live = systems.catalog.chunks(ids)
                found = list(dict.fromkeys(Path(live[i].path).name for i in ids if i in live))
                ranks[name].append(found.index(wanted) if wanted in found else DEPTH)
    print(f"\npdf: {len(files)} reports, {len(questions)} questions that name one of them")
    for name in Systems.names:
        print(f"  {name:<8} {first_and_five(ranks[name])}")


def main() -> None:
    parser = datasets.arguments(__doc__)
    parser.add_argument("parts", nargs="*", default=["xquad", "qed", "spans", "pdf"])
    options = parser.parse_args()
    print(datasets.machine())
    parts: dict[str, Callable[[], None]] = {
        "xquad": lambda: paragraphs(datasets.xquad(options.data)),
        "qed": lambda: paragraphs(datasets.qed(options.data)),
        "spans": lambda: gold_spans(options.data),
        "pdf": lambda: named_reports(options.data),
    }
    for part in options.parts:
        parts[part]()


if __name__ == "__main__":
    main()
