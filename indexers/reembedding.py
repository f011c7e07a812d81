"""Another text model for a library: its vectors are made beside those in force, then take their place.

Until the last vector is there the library is bound to the old model: questions are answered with it, and so are files
added with it after an interruption. What was made is kept batch by batch; the same call goes on with the chunks that
lack a vector of the new model. The change itself is one transaction: from then on the library is bound to the new
model, and the old one's vectors are gone.

Files are not read again, and chunks stay as they were cut. A chunk of more tokens than the new model reads is embedded
in windows, each with the chunk's context, and gets their mean, weighted by their tokens and normalised: what a model
with mean pooling would say of the whole if it could read it, as long as its parts do not lean on one another.

Knows no model, and of the library no file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from indexers.adding import check_vectors
from indexers.catalog import Catalog, StoredChunk
from indexers.chunking import embedded_text, windows
from indexers.library import Library
from indexers.protocols import TextEmbedder
from indexers.types import Vectors

_FIRST_CHUNKS = 32
_MOST_CHUNKS = 1024
"""Chunks embedded at once: a model is quicker on many of like length, …"""
_BATCH_S = 4.0
"""… but what was embedded since the last commit is lost by an interruption: about so much work."""
_SHORTEST = 1e-3
"""A mean of unit vectors below this length is no direction: they cancel one another out."""


@dataclass(frozen=True, slots=True)
class ReindexReport:
    """What changing the text model did.

    Attributes:
        changed: whether the library was bound to another model before.
        before: the model before, by its name or folder; "" if there was none.
        text_model: the model now.
        passages: chunks that have a vector of it.
        embedded: those of them that were embedded by this call.
        dropped: the model of an unfinished change that was given up; "" if there was none.
        seconds: how long it took.
    """

    changed: bool
    before: str
    text_model: str
    passages: int
    embedded: int
    dropped: str
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``locus reindex --json``."""
        return asdict(self) | {"seconds": round(self.seconds, 3)}


def reembed(
    library: Library, embedder: TextEmbedder, model: str, on_progress: Callable[[int, int], None] | None = None
) -> ReindexReport:
    """Binds ``library`` to the text model of ``embedder``, embedding what it holds where that is not done yet.

    Args:
        library: questions to it are answered all the while.
        embedder: the new model.
        model: what it is found by again, for the library to remember: its name or its folder.
        on_progress: called with the chunks that have a vector of the new model and those that are to have one.

    Raises:
        LibraryInUse: another process writes to it.
        ModelFailed: the model gave no vectors; what was embedded before is kept.
    """
    started = time.perf_counter()
    with library.writing() as catalog:
        bound = catalog.binding()
        embedded, changed = 0, bound.space != embedder.space
        if changed:
            catalog.prepare(embedder.space, model)
            # What an earlier attempt made may have been damaged since: it is made again.
            catalog.drop_vectors([(bad.chunk, bad.space) for bad in catalog.damaged() if bad.space == embedder.space])
            embedded = _fill(catalog, bound.space, embedder, on_progress or (lambda _done, _total: None))
            library.change_model(catalog, embedder.space, embedder.dim, model)
        else:
            catalog.bind(embedder.space, model)
        passages = catalog.count_vectors(embedder.space)
    dropped = bound.next_model if bound.next_space != embedder.space else ""
    return ReindexReport(changed, bound.name, model, passages, embedded, dropped, time.perf_counter() - started)


def _fill(catalog: Catalog, space: str, embedder: TextEmbedder, on_progress: Callable[[int, int], None]) -> int:
    """Gives all chunks that have a vector in ``space`` one of ``embedder``; how many had none yet."""
    total, done = catalog.count_vectors(space), catalog.count_vectors(embedder.space)
    on_progress(done, total)
    last, size, embedded = -1, _FIRST_CHUNKS, 0
    while ids := catalog.lacking(space, embedder.space, last, size):
        started = time.perf_counter()
        stored = catalog.chunks(ids)
        # One whose file is gone is no longer found by anything, and is left out.
        found = [stored[i] for i in ids if i in stored]
        vectors = embed_chunks(embedder, found)
        with catalog.transaction():
            catalog.add_vectors([chunk.id for chunk in found], embedder.space, vectors)
        last, embedded = ids[-1], embedded + len(found)
        on_progress(done + embedded, total)
        took = time.perf_counter() - started
        size = min(2 * size, _MOST_CHUNKS) if took < _BATCH_S / 2 else max(1, size // 2) if took > _BATCH_S else size
    return embedded


def embed_chunks(embedder: TextEmbedder, chunks: Sequence[StoredChunk]) -> Vectors:
    """``(len(chunks), dim)`` of chunks as the catalog has them, those that are too long for the model in windows.

    Raises:
        ModelFailed: the model gave something that is no direction.
    """
    # All windows of all chunks in one call: the model sorts them by length.
    texts = [embedded_text(stored.chunk, stored.context) for stored in chunks]
    limit, count = embedder.max_tokens, embedder.count_tokens
    pieces = [
        [text] if tokens <= limit else windows(stored.chunk, stored.context, count, limit)
        for stored, text, tokens in zip(chunks, texts, count(texts), strict=True)
    ]
    flat = [piece for some in pieces for piece in some]
    if not flat:
        return np.zeros((0, embedder.dim), np.float32)
    vectors = embedder.embed_passages(flat)
    check_vectors(vectors, len(flat), embedder.dim, embedder.space)
    if len(flat) == len(chunks):
        return vectors
    # Of a chunk embedded whole, the mean of one vector is that vector.
    weights = np.array([max(1, tokens) for tokens in count(flat)], np.float32)
    ends = np.cumsum([len(some) for some in pieces])
    spans = [slice(end - len(some), end) for some, end in zip(pieces, ends, strict=True)]
    return np.stack([_mean(vectors[span], weights[span]) for span in spans])


def _mean(vectors: Vectors, weights: Vectors) -> Vectors:
    """The weighted mean of vectors ``(n, dim)``, of length 1."""
    mean: Vectors = weights @ vectors / weights.sum()
    length = np.linalg.norm(mean)
    whole: Vectors = vectors[0] if len(vectors) == 1 or length < _SHORTEST else mean / length
    return whole
