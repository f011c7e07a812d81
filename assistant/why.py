"""Why a search found a document, or did not: where it stood in each retriever, and what cut it off.

The search itself is run as it always is; beside it, every chunk of the library is ranked, so that ranks are exact
however deep they are. That takes about as long as reading all vectors once: a question for people, not a step of
answering.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from assistant.retrieve import Fused, Retriever
from indexers.catalog_codec import StoredFile
from indexers.errors import UsageError
from indexers.filters import Days, Filter
from indexers.library import Library
from indexers.locators import locator_to_dict
from indexers.protocols import TextEmbedder
from indexers.types import Document, Hit, Locator, Status

Verdict: TypeAlias = Literal["found", "below", "filtered", "gone", "pending", "unread", "absent"]
RETRIEVERS = ("dense", "words", "image")
MOST_HITS = 1000
"""The most hits that the command line shows."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The best place of a document in one ranking: ``rank`` (from 1) of ``of`` chunks, its score, where it is."""

    rank: int
    of: int
    score: float
    locator: Locator

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"rank": self.rank, "of": self.of, "score": self.score, "locator": locator_to_dict(self.locator)}


@dataclass(frozen=True, slots=True)
class Why:
    """Where a document stood in a search.

    Args:
        query: as it was asked.
        path: of the document.
        k: how many hits were asked for.
        verdict: "found"; "below" the first ``k``; "filtered" out; "gone" from the disk; "pending": nothing of it can
            be searched until a model is there; "unread": it could not be read; "absent" from the library.
        sentence: the same in words, with the way out.
        standings: its best chunk in each retriever ("dense", "words", "image") that found it, over all that was
            searched: the whole library, or what the filters leave of it if the document is among that.
        fused: the same in the fused ranking.
        rank: of its best hit; None if a search shows none of it.
        cutoff: the score of the hit at rank ``k``; None where there are fewer.
        lacking: words of the query that are nowhere in it.
    """

    query: str
    path: str
    k: int
    verdict: Verdict
    sentence: str
    standings: Mapping[str, Standing] = field(default_factory=dict)
    fused: Standing | None = None
    rank: int | None = None
    cutoff: float | None = None
    lacking: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``locus search --why --json``."""
        return {
            "query": self.query,
            "path": self.path,
            "k": self.k,
            "verdict": self.verdict,
            "sentence": self.sentence,
            "standings": {name: standing.to_dict() for name, standing in self.standings.items()},
            "fused": None if self.fused is None else self.fused.to_dict(),
            "rank": self.rank,
            "cutoff": self.cutoff,
            "lacking": list(self.lacking),
        }


@dataclass(frozen=True, slots=True)
class Asked:
    """A search, and the document that is asked about (an absolute path, or "mail.eml!/report.pdf")."""

    query: str
    path: str
    k: int
    media: frozenset[str] | None = None
    under: str | None = None
    days: Days | None = None


def before_searching(
    library: Library, asked: Asked, why_absent: Callable[[str], str], way_to_finish: Callable[[str, str], str]
) -> Why | StoredFile:
    """Why nothing of the document can be found whatever the query is; or what the library knows of it.

    Args:
        library: what is searched.
        asked: the search.
        why_absent: says of a path why the library does not hold it.
        way_to_finish: the command after which a file, by its path, no longer waits for a model.

    Raises:
        UsageError: the path is a folder's.
    """
    with library.mutex:
        stored = library.catalog.stored_file(asked.path)
        inside = library.catalog.documents(under=asked.path)
    if stored is None:
        if inside:
            raise UsageError(f"{asked.path} is a folder; name one of its {len(inside)} files")
        return Why(asked.query, asked.path, asked.k, "absent", why_absent(asked.path))
    document = stored.document
    if document.chunks:
        return stored
    if document.status in (Status.QUEUED, Status.READING):
        verdict, sentence = _verdict("unread", f"it is not read yet ({document.status.value})")
    elif document.pending:
        verdict, sentence = _verdict("pending", f"nothing of it can be searched: {_waits(document, way_to_finish)}")
    elif document.status.is_found:
        number = len(inside) - 1
        what = "one document" if number == 1 else f"{number} documents" if number else "nothing that can be found"
        verdict, sentence = _verdict("unread", f"it has no text of its own and holds {what}")
    else:
        reason = document.reason or "no reason is known"
        verdict, sentence = _verdict("unread", f"nothing of it could be read, it is {document.status.value}: {reason}")
    return Why(asked.query, asked.path, asked.k, verdict, sentence)


class Inquiry:
    """Explains the searches of one library.

    Args:
        library: what is searched.
        retriever: searches it.
        embedder: the text model whose space the library is in.
        way_to_finish: the command after which a file, by its path, no longer waits for a model.
    """

    def __init__(
        self,
        library: Library,
        retriever: Retriever,
        embedder: TextEmbedder,
        way_to_finish: Callable[[str, str], str],
    ) -> None:
        self._library = library
        self._retriever = retriever
        self._embedder = embedder
        self._way_to_finish = way_to_finish

    def why(self, asked: Asked, stored: StoredFile) -> Why:
        """Where the document ``stored``, which has chunks, stands."""
        filtered = self._filtered(asked, stored)
        vector = self._embedder.embed_query(asked.query)
        contents = None if filtered else self._retriever.contents(Filter(asked.media, asked.under, asked.days))
        with self._library.mutex:
            texts = self._library.catalog.texts_of(stored.content)
            everything = self._library.catalog.counts()["chunks"]
        ranking = self._retriever.fused(asked.query, vector, everything, contents)
        standings = {name: s for name in RETRIEVERS if (s := self._standing(ranking, texts.keys(), name)) is not None}
        fused = self._standing(ranking, texts.keys())
        hits = self._hits(asked, vector, asked.k)
        found = next((hit for hit in hits if hit.path == asked.path), None)
        if found is not None and fused is not None:
            fused = Standing(found.rank, fused.of, found.score, found.locator)
        words = "\n".join(f"{context}\n{text}" for text, context in texts.values())
        lacking = tuple(self._library.words().lacking(asked.query, words))
        rank = None if found is None else found.rank
        if found is not None:
            verdict, sentence = _verdict("found", f"it was found at rank {found.rank}")
        elif filtered:
            verdict, sentence = _verdict("filtered", filtered)
        elif not self._is_there(stored):
            verdict, sentence = _verdict("gone", "the file is gone from the disk: hits in it are not shown")
        else:
            reach = self._reach(asked, vector, standings, fused)
            rank = None if reach is None else reach[0]
            verdict, sentence = _verdict("below", _below(asked, reach, fused))
            sentence += _of_words("words" in standings, lacking)
        if verdict != "found" and stored.document.pending:
            sentence += f"; {_waits(stored.document, self._way_to_finish)}"
        inner = next((hit for hit in hits if hit.path.startswith(f"{asked.path}!/")), None)
        if verdict != "found" and inner is not None:
            sentence += f"; inside it {inner.path.removeprefix(asked.path)[2:]} was found at rank {inner.rank}"
        cutoff = hits[-1].score if len(hits) == asked.k else None
        return Why(asked.query, asked.path, asked.k, verdict, sentence, standings, fused, rank, cutoff, lacking)

    def _filtered(self, asked: Asked, stored: StoredFile) -> str:
        """How a filter leaves the document out; "" if none does."""
        catalog = self._library.catalog
        with self._library.mutex:
            if asked.path not in catalog.paths_of(stored.content, media=asked.media):
                kinds = ",".join(sorted(asked.media or ()))
                return f"it is left out by --media {kinds}: its kind is {stored.document.media}"
            if asked.path not in catalog.paths_of(stored.content, under=asked.under):
                return f"it is left out by --under {asked.under}: it does not lie there"
            if asked.path not in catalog.paths_of(stored.content, days=asked.days):
                day, changed_ns = catalog.days_of([asked.path])[asked.path]
                changed = datetime.fromtimestamp(changed_ns / 1e9).astimezone()
                told = f"it is dated {day}" if day else f"it was changed on {changed:%Y-%m-%d}"
                return f"it is left out by --since or --until: {told}"
        return ""

    def _is_there(self, stored: StoredFile) -> bool:
        with self._library.mutex:
            return os.path.exists(self._library.catalog.outermost(stored.document.path))  # noqa: PTH110

    def _standing(self, ranking: Sequence[Fused], own: Iterable[int], name: str | None = None) -> Standing | None:
        """The best of a document's chunks by what one retriever gave, or by the fused score."""
        mine = frozenset(own)
        scores = {item.chunk_id: score for item in ranking if (score := _score(item, name)) is not None}
        best = min(
            (chunk for chunk in scores if chunk in mine), key=lambda chunk: (-scores[chunk], chunk), default=None
        )
        if best is None:
            return None
        before = sum((-score, chunk) < (-scores[best], best) for chunk, score in scores.items())
        with self._library.mutex:
            live = self._library.catalog.chunks([best])
        return Standing(before + 1, len(scores), scores[best], live[best].chunk.locator) if best in live else None

    def _hits(self, asked: Asked, vector: NDArray[np.float32], k: int) -> list[Hit]:
        return self._retriever.search_vector(
            asked.query, vector, k, media=asked.media, under=asked.under, days=asked.days
        )

    def _reach(
        self, asked: Asked, vector: NDArray[np.float32], standings: Mapping[str, Standing], fused: Standing | None
    ) -> tuple[int, int] | None:
        """The rank of the document's best hit, and how many hits must be asked for to see it.

        None if no search shows so many. A search for more hits looks at more candidates, which may change scores and
        with them ranks: what is said is tried.
        """
        if fused is None:
            return None
        nearest = min((standing.rank for standing in standings.values()), default=1)
        k = max(asked.k + 1, fused.rank, math.ceil(nearest / 4))
        while k <= MOST_HITS:
            rank = self._rank(asked, vector, k)
            if rank is not None:
                enough = rank > asked.k and self._rank(asked, vector, rank) is not None
                return rank, rank if enough else k
            k *= 2
        return None

    def _rank(self, asked: Asked, vector: NDArray[np.float32], k: int) -> int | None:
        return next((hit.rank for hit in self._hits(asked, vector, k) if hit.path == asked.path), None)


def _verdict(verdict: Verdict, sentence: str) -> tuple[Verdict, str]:
    return verdict, sentence


def _score(item: Fused, name: str | None) -> float | None:
    return item.score if name is None else item.signals.get(name)


def _below(asked: Asked, reach: tuple[int, int] | None, fused: Standing | None) -> str:
    if reach is not None:
        return f"it is found at rank {reach[0]}, below the first {asked.k}: use -k {reach[1]}"
    if fused is None:
        return "neither its meaning nor its words can be searched: it has no text"
    return f"its best passage is at rank {fused.rank:,} of {fused.of:,}, beyond what a search shows"


def _of_words(has_words: bool, lacking: Sequence[str]) -> str:
    told = ", ".join(lacking)
    if not has_words:
        return f"; no word of the query is in it (it lacks {told})" if told else ""
    return f"; it lacks the words {told}" if told else ""


def _waits(document: Document, way_to_finish: Callable[[str, str], str]) -> str:
    models = " and ".join(document.pending)
    ways = ", ".join(dict.fromkeys(way_to_finish(model, document.path) for model in document.pending))
    return f"it waits for the {models} model{'s' if len(document.pending) > 1 else ''}; run: {ways}"
