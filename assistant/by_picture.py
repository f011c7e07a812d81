"""A picture as the query → pictures like it, and what its text, its caption and its neighbours lead to.

The picture is read as any file of the library is, in the sandbox, with the same models; nothing of it is stored. The
pictures nearest to it come first by what they show. What is written in it and about it, and what is written about
its nearest neighbours, are queries of their own: a photograph of a receipt leads to the letter that mentions the shop.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assistant.retrieve import Fused, Retriever
from assistant.sight import Sight, Sights
from indexers.errors import ModelMissing, UsageError
from indexers.filters import Days, Filter
from indexers.library import Library
from indexers.protocols import TextEmbedder
from indexers.reading import FileReader, Reading
from indexers.types import Hit

_OWN = 0.8
"""What is written in the picture or about it leads to texts that count so much, …"""
_NEIGHBOURS = 0.6
"""… and what is written about a picture that is quite like it, so much."""
_ALIKE = 0.6
_MOST_NEIGHBOURS = 3
_QUERY_WORDS = 60


class PictureSearch:
    """Searches one library by pictures.

    Args:
        library: what is searched.
        retriever: searches it by words.
        embedder: the text model whose space the library is in.
        sights: searches its pictures.
        reader: reads the picture.
        way_to_get: the command that gets an image model, for the message where there is none.
    """

    def __init__(
        self,
        library: Library,
        retriever: Retriever,
        embedder: TextEmbedder,
        sights: Sights,
        reader: FileReader,
        way_to_get: str,
    ) -> None:
        self._library = library
        self._retriever = retriever
        self._embedder = embedder
        self._sights = sights
        self._reader = reader
        self._way_to_get = way_to_get

    def search(
        self,
        path: Path,
        query: str,
        k: int,
        *,
        media: frozenset[str] | None = None,
        under: str | None = None,
        days: Days | None = None,
    ) -> list[Hit]:
        """The ``k`` best chunks for the picture at ``path`` (and for ``query``, if there is one), best first.

        Raises:
            UsageError: it is no picture, or can not be read.
            ModelMissing: there is no image model, and nothing is written in the picture or about it.
        """
        reading = self._reader.read_query(path)
        if reading.content.media != "image":
            raise UsageError(f"{path} is no picture")
        if not reading.pictures and not reading.blocks:
            raise UsageError(f"{path} can not be searched with: {reading.content.reason or 'it is empty'}")
        text = _text(reading)
        if not (self._sights.can_see or text or query.strip()):
            raise ModelMissing(f"there is no image model, and no text in {path.name}; run: {self._way_to_get}")
        return self._retriever.joined(
            lambda depth, contents: self._fused(reading, text, query, depth, contents), k, Filter(media, under, days)
        )

    def _fused(
        self, reading: Reading, text: str, query: str, depth: int, contents: NDArray[np.int64] | None
    ) -> list[Fused]:
        sights = self._sights.by_picture(reading.pictures[0].pixels, depth, contents) if reading.pictures else {}
        best: dict[int, Fused] = {}
        _take(best, (Fused(chunk, sight.share, {"image": sight.cosine}) for chunk, sight in sights.items()))
        for weight, words in ((1.0, query), (_OWN, text), *self._neighbours(sights)):
            if words.strip():
                _take(best, self._by_words(words, weight, depth, contents))
        return sorted(best.values(), key=lambda item: (-item.score, item.chunk_id))

    def _by_words(self, words: str, weight: float, depth: int, contents: NDArray[np.int64] | None) -> Iterator[Fused]:
        short = " ".join(words.split()[:_QUERY_WORDS])
        for item in self._retriever.fused(short, self._embedder.embed_query(short), depth, contents):
            yield Fused(item.chunk_id, weight * item.score, item.signals)

    def _neighbours(self, sights: dict[int, Sight]) -> Iterator[tuple[float, str]]:
        """What is written about the pictures that are most like it."""
        alike = [chunk for chunk, sight in sights.items() if sight.share >= _ALIKE]
        alike.sort(key=lambda chunk: -sights[chunk].share)
        with self._library.mutex:
            stored = self._library.catalog.chunks(alike)
        texts = dict.fromkeys(stored[chunk].chunk.text for chunk in alike if chunk in stored)
        for text in [text for text in texts if text.strip()][:_MOST_NEIGHBOURS]:
            yield _NEIGHBOURS, text


def _take(best: dict[int, Fused], found: Iterable[Fused]) -> None:
    """Keeps the higher score of each chunk, and all signals."""
    for item in found:
        known = best.get(item.chunk_id)
        if known is None:
            best[item.chunk_id] = item
        else:
            best[item.chunk_id] = Fused(item.chunk_id, max(known.score, item.score), {**item.signals, **known.signals})


def _text(reading: Reading) -> str:
    """What is written in and about a picture; its file's name, which comes first, tells nothing here."""
    return "\n".join(piece.text for block in reading.blocks[1:] for piece in block.pieces)
