"""Question → hits: every space and the words searched together and fused.

Fusion is a convex sum of two scores that are normalised by what they could be at most, not by what this query
happened to give: the cosine as it is, and BM25 divided by the score of a passage that held every word of the query to
saturation. (Normalising by theoretical bounds: Bruch, Gai, Ingber, "An Analysis of Fusion Functions for Hybrid
Retrieval", 2022, arXiv:2210.11934.)

The weight follows the query: words count in proportion to the best passage's BM25, that is to how much telling weight
of the query the library answers at all. A long question whose rare words stand together in one passage is decided by
words; one whose words are common, or scattered over passages that each hold a few, by meaning. No fixed weight did
well on all of four collections of questions; this rule beats either retriever alone on three and is within their
noise on the fourth (``tests/benchmarks/retrieval.py``).

Pictures take part by what they show: where the image model says that the words fit a picture (``sight``), its chunk
gets a part of what its text leaves open, so that a photograph with a telling caption is before one without, and one
that shows the thing is level with a text about it.

Knows no LLM. Every hit is joined to a live chunk, so that a stale snapshot is never cited.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from assistant.sight import Sight, Sights
from indexers.catalog import StoredChunk
from indexers.filters import EVERYTHING, Days, Filter
from indexers.library import Library
from indexers.protocols import TextEmbedder
from indexers.types import Hit
from indexers.words import TantivyIndex

WORDS_PER_SCORE = 0.07
"""Weight of the words, relative to the cosine's, for each point of the best passage's BM25."""
LENT = 0.8
"""What a word counts for a document that stands in another of its chunks, of what it counted in the best one."""
SHORT = 8
"""Chunks of a document that is about one thing: a letter, a receipt."""
SIGHT = 0.6
"""The most that a picture gets for what it shows, of what its text leaves open: about the score of a good passage."""
DEPTH = 100
"""Candidates that each retriever gives to the fusion."""
_TRIES = 5
"""How often the indexes are asked, where each time a change to the library has taken away what they had found."""


@dataclass(frozen=True, slots=True)
class Fused:
    """A chunk with its fused score and what each retriever gave."""

    chunk_id: int
    score: float
    signals: dict[str, float]


def fuse(
    dense: dict[int, float],
    words: dict[int, float],
    ceiling: float,
    cosines: dict[int, float],
    sights: Mapping[int, Sight] = MappingProxyType({}),
    lent: Mapping[int, float] = MappingProxyType({}),
) -> list[Fused]:
    """Fuses the rankings. Pure.

    Args:
        dense: chunk → cosine, of those that the vector search found.
        words: chunk → BM25, of those that the word search found.
        ceiling: the most that BM25 could give for this query.
        cosines: chunk → cosine of those that the vector search did not find.
        lent: chunk → BM25 that its document gains by words which stand in different chunks of it.
        sights: chunk → what the picture in it shows, of those that the image search found.

    Returns:
        Best first; ties by chunk id, so that results repeat.
    """
    weight = WORDS_PER_SCORE * max(words.values(), default=0.0)
    fused: list[Fused] = []
    for chunk_id in dense.keys() | words.keys() | sights.keys():
        cosine = dense.get(chunk_id, cosines.get(chunk_id, 0.0))
        held = words.get(chunk_id, 0.0) + LENT * lent.get(chunk_id, 0.0)
        share = min(1.0, held / ceiling) if ceiling > 0 else 0.0
        score = (cosine + weight * share) / (1 + weight)
        signals = {name: found[chunk_id] for name, found in (("dense", dense), ("words", words)) if chunk_id in found}
        if (sight := sights.get(chunk_id)) is not None:
            score += (1 - score) * SIGHT * sight.share
            signals["image"] = sight.cosine
        fused.append(Fused(chunk_id, score, signals))
    return sorted(fused, key=lambda item: (-item.score, item.chunk_id))


class Retriever:
    """Searches one library.

    Args:
        library: what is searched.
        embedder: the text model whose space the library is in.
        sights: searches its pictures.
    """

    def __init__(self, library: Library, embedder: TextEmbedder, sights: Sights | None = None) -> None:
        self._library = library
        self._embedder = embedder
        self._sights = sights or Sights(library, None)

    def search(
        self,
        query: str,
        k: int,
        *,
        media: Iterable[str] | None = None,
        under: str | None = None,
        days: Days | None = None,
    ) -> list[Hit]:
        """The ``k`` best chunks for ``query``, best first, one hit for each file that holds the chunk.

        Args:
            query: plain words.
            k: the most hits.
            media: only these kinds of files.
            under: only the file or folder of this absolute path.
            days: only documents of these days.
        """
        return self.search_vector(query, self._embedder.embed_query(query), k, media=media, under=under, days=days)

    def search_vector(
        self,
        query: str,
        vector: NDArray[np.float32],
        k: int,
        *,
        media: Iterable[str] | None = None,
        under: str | None = None,
        days: Days | None = None,
    ) -> list[Hit]:
        """As ``search``, with the query's vector given."""
        passing = Filter(None if media is None else frozenset(media), under, days)
        return self.joined(lambda depth, contents: self.fused(query, vector, depth, contents), k, passing)

    def joined(
        self,
        rank: Callable[[int, NDArray[np.int64] | None], list[Fused]],
        k: int,
        passing: Filter = EVERYTHING,
    ) -> list[Hit]:
        """The ``k`` best that live of what ``rank`` gives, joined to their text and files.

        Args:
            rank: asks the indexes for so many candidates of each, within these contents (None: all), best first.
            k: the most hits.
            passing: only documents that pass this filter.
        """
        for _ in range(_TRIES):
            before = self._sequence()
            contents = self.contents(passing)
            nowhere = contents is not None and not len(contents)
            hits, all_live = ([], True) if nowhere else self._ranked(rank, k, contents, passing)
            # Where a new version of a file came meanwhile, the old one is gone and the new one was not looked for.
            if self._sequence() == before or (all_live and self._live(contents, passing)):
                break
        return hits

    def _live(self, contents: NDArray[np.int64] | None, passing: Filter) -> bool:
        now = self.contents(passing)
        return contents is None or now is None or bool(np.isin(contents, now).all())

    def _ranked(
        self,
        rank: Callable[[int, NDArray[np.int64] | None], list[Fused]],
        k: int,
        contents: NDArray[np.int64] | None,
        passing: Filter,
    ) -> tuple[list[Hit], bool]:
        depth = max(DEPTH, 4 * k)
        while True:
            fused = rank(depth, contents)
            hits, all_live = self._joined(fused, k, passing)
            # What was deleted since it was indexed takes places in the ranking until the library is told: look deeper.
            if len(hits) == k or len(fused) < depth:
                return hits, all_live
            depth *= 4

    def _sequence(self) -> int:
        with self._library.mutex:
            return self._library.catalog.sequence

    def contents(self, passing: Filter) -> NDArray[np.int64] | None:
        """The contents that pass a filter; None where all do."""
        if passing.is_open:
            return None
        with self._library.mutex:
            return self._library.catalog.contents_matching(media=passing.media, under=passing.under, days=passing.days)

    def fused(
        self, query: str, vector: NDArray[np.float32], depth: int, contents: NDArray[np.int64] | None = None
    ) -> list[Fused]:
        """Chunks for ``query``, best first: the best ``depth`` of each retriever, within ``contents``."""
        vectors = self._library.text_vectors(self._embedder.space, self._embedder.dim)
        index = self._library.words()
        ids, cosines = vectors.search(vector, depth, contents)
        word_ids, scores = index.search(query, depth, None if contents is None else contents.tolist())
        dense = dict(zip(ids.tolist(), cosines.tolist(), strict=True))
        words = dict(zip(word_ids.tolist(), scores.tolist(), strict=True))
        sights = self._sights.by_words(query, depth, contents)
        missing = np.array([i for i in words.keys() | sights.keys() if i not in dense], dtype=np.int64)
        known, more = vectors.cosines(vector, missing)
        lent = self._lent(query, index, words, [*dense.keys() | words.keys()])
        return fuse(
            dense, words, index.ceiling(query), dict(zip(known.tolist(), more.tolist(), strict=True)), sights, lent
        )

    def _lent(self, query: str, index: TantivyIndex, words: Mapping[int, float], chunks: list[int]) -> dict[int, float]:
        """What the chunks of a short document gain by rare words that its best chunk for the words lacks.

        All alike, so that the order within a document stays as it was. A long one holds many words somewhere.
        """
        with self._library.mutex:
            contents = self._library.catalog.contents_of(chunks)
            long = self._library.catalog.longer_than(set(contents.values()), SHORT)
        best: dict[int, int] = {}
        for chunk in sorted(words, key=lambda chunk: -words[chunk]):
            if chunk in contents and contents[chunk] not in long:
                best.setdefault(contents[chunk], chunk)
        gained = index.elsewhere(query, list(best.values()), list(best))
        return {chunk: gained[best[content]] for chunk, content in contents.items() if best.get(content) in gained}

    def _joined(self, fused: list[Fused], k: int, passing: Filter) -> tuple[list[Hit], bool]:
        """The first ``k`` of a fused ranking that still live, and whether all that were looked at did."""
        hits: list[Hit] = []
        all_live = True
        # Of one moment: no two versions of a file stand side by side.
        with self._library.mutex, self._library.catalog.reading():
            for start in range(0, len(fused), max(k, 16)):
                some = fused[start : start + max(k, 16)]
                live = self._library.catalog.chunks([item.chunk_id for item in some])
                all_live = all_live and len(live) == len(some)
                for item in some:
                    if item.chunk_id in live:
                        hits += self._copies(item, live[item.chunk_id], passing, len(hits))
                if len(hits) >= k:
                    break
        return hits[:k], all_live

    def _copies(self, item: Fused, stored: StoredChunk, passing: Filter, before: int) -> list[Hit]:
        """A hit for each file that holds the chunk, is there, and passes the filters."""
        paths = self._library.catalog.paths_of(
            stored.content, media=passing.media, under=passing.under, days=passing.days
        )
        present = [path for path in paths if self._is_there(path)]
        return [
            Hit(before + i, path, stored.media, stored.chunk, item.score, item.signals, item.chunk_id, stored.title)
            for i, path in enumerate(present, 1)
        ]

    def _is_there(self, path: str) -> bool:
        """Whether the file at ``path``, or the file that the document ``path`` is inside of, is on the disk."""
        if os.path.exists(path):  # noqa: PTH110 - Path.exists raises where the system refuses to tell
            return True
        # "mail.eml!/report.pdf" is inside "mail.eml"; but "important!/report.pdf" lies in a folder, and is gone.
        holders = (path[: mark.start()] for mark in re.finditer("!/", path))
        holder = next((some for some in holders if self._library.catalog.file_state(some) is not None), None)
        return holder is not None and os.path.exists(holder)  # noqa: PTH110
