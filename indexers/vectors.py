"""Nearest neighbours with FAISS: an 8-bit scan finds candidates, 16-bit vectors give the exact cosines.

A scan is bound by memory bandwidth, so what is scanned is one byte per dimension (100,000 × 384: 3 ms on one
core, against 17 ms for 32 bits), and the best few are scored again from the fp16 vectors. Vectors are turned
by a fixed random rotation before they are rounded: after it every coordinate of every model's vectors is
spread like a normal variable of variance 1/dim, so that one fixed range fits all, nothing is trained, and
codes do not drift as vectors come and go. The rounding error of a score then has a known spread, and the
search widens its candidates until no other row can belong to the result.

Rows are only ever appended or marked dead; the dead are dropped when they are a quarter. All that a search
needs hangs on one immutable ``_State`` that a writer replaces in one assignment: searches take no lock, see
either all of an ``add`` or nothing of it, and any number may run while one writer writes.

Knows nothing of texts, models or the catalog: a snapshot that does not fit is refused and built anew.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from indexers.snapshots import read_snapshot, write_snapshot
from indexers.types import Vectors

if TYPE_CHECKING:
    import faiss

FORMAT = 1
BLOCK_ROWS = 16_384  # a multiple of 8: blocks start on a whole byte of the bitmap
EXACT_ROWS = 512  # so few are scored directly: as fast as a scan
MIN_CANDIDATES = 128
MAX_CANDIDATES = 4096  # thousands of near-equal rows: more candidates would only reorder equals
RANGE_SIGMAS = 4.5  # a rotated coordinate lies outside once in 150,000 and is clipped
MARGIN_SIGMAS = 5.0
MIN_DEAD = 1024


@dataclass(frozen=True, slots=True)
class _State:
    """What one search sees. The arrays may be longer than ``rows``: a writer fills them behind that line."""

    rows: int
    ids: NDArray[np.int64]  # (≥ rows,)
    documents: NDArray[np.int64]  # (≥ rows,)
    vectors: NDArray[np.float16]  # (≥ rows, dim), L2-normalised
    alive: NDArray[np.bool_]  # (rows,)
    live: int
    blocks: tuple[faiss.Index, ...]  # BLOCK_ROWS rows of codes each, the last may hold fewer


class FaissIndex:
    """The ``VectorIndex`` of one space, in memory, with snapshots on disk.

    Args:
        dim: Dimensions of the space.
    """

    def __init__(self, dim: int) -> None:
        if dim < 1:
            raise ValueError(f"a vector has at least one dimension, not {dim}")
        self.dim = dim
        self._scale = 127 * math.sqrt(dim) / RANGE_SIGMAS
        # Both the query and the row are rounded: two uniform errors of 1/sqrt(12) of a step.
        self._margin = MARGIN_SIGMAS * math.sqrt(2 / 12) / self._scale
        # Seeded, but it need not come out the same everywhere: codes are never stored.
        normal = np.random.default_rng(dim).standard_normal((dim, dim))
        self._rotation = np.linalg.qr(normal)[0].astype(np.float32)
        self._writing = threading.Lock()
        self._state = self._built(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, dim), np.float16))

    def __len__(self) -> int:
        return self._state.live

    def add(self, ids: NDArray[np.int64], documents: NDArray[np.int64], vectors: Vectors) -> None:
        """Adds ``vectors`` (n, dim) of chunks ``ids`` (n,) of ``documents`` (n,); a known id is replaced.

        Raises:
            ValueError: shapes differ, or a vector is zero or holds NaN or infinity; nothing was added.
        """
        ids, documents = np.asarray(ids, np.int64), np.asarray(documents, np.int64)
        if vectors.shape != (len(ids), self.dim) or ids.shape != documents.shape:
            raise ValueError(f"{len(ids)} ids, {len(documents)} documents, vectors of shape {vectors.shape}")
        halves = _unit(vectors).astype(np.float16)
        # Of an id that comes twice, the last counts.
        last = len(ids) - 1 - np.unique(ids[::-1], return_index=True)[1]
        last.sort()
        with self._writing:
            state = self._appended(self._without(self._state, ids), ids[last], documents[last], halves[last])
            self._state = self._compacted(state)

    def remove(self, ids: NDArray[np.int64]) -> None:
        """Forgets these chunks; unknown ids are ignored."""
        with self._writing:
            self._state = self._compacted(self._without(self._state, np.asarray(ids, np.int64)))

    def search(
        self, query: NDArray[np.float32], k: int, documents: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The ``k`` nearest chunks to ``query`` (dim,): ids and cosines, best first, ties by id.

        The cosines are those of the stored fp16 vectors. Exact unless more than ``MAX_CANDIDATES`` rows (or
        twice ``k``) lie within the scan's rounding error of the last one returned; which of such equals are
        returned is then decided by that error, always in the same way.

        Args:
            query: Any length but zero.
            k: How many; fewer come back if fewer are there.
            documents: Searches only chunks of these documents.

        Raises:
            ValueError: the query has another shape, is zero or holds NaN or infinity.
        """
        if query.shape != (self.dim,):
            raise ValueError(f"a query of shape {query.shape} for {self.dim} dimensions")
        unit = _unit(query[np.newaxis])[0]
        state = self._state
        allowed = state.alive
        if documents is not None:
            allowed = allowed & np.isin(state.documents[: state.rows], documents)
        count = state.live if documents is None else int(np.count_nonzero(allowed))
        wanted = min(k, count)
        if wanted <= 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        if count <= max(EXACT_ROWS, 2 * k):
            rows, scores = _scored(state, np.flatnonzero(allowed), unit)
        else:
            rows, scores = self._found(state, unit, wanted, allowed if count < state.rows else None)
        return state.ids[rows[:wanted]], scores[:wanted]

    def cosines(
        self, query: NDArray[np.float32], ids: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Those of chunks ``ids`` that are here, with their cosines to ``query`` (dim,), best first."""
        state = self._state
        if not len(ids):
            return np.empty(0, np.int64), np.empty(0, np.float32)
        rows = np.flatnonzero(state.alive & np.isin(state.ids[: state.rows], ids))
        rows, scores = _scored(state, rows, _unit(query[np.newaxis])[0])
        return state.ids[rows], scores

    def centre(self) -> NDArray[np.float32]:
        """``(dim,)``: the mean of the vectors, of evenly spread ones where there are many; zero if there are none."""
        state = self._state
        rows = np.flatnonzero(state.alive)
        rows = rows[:: max(1, len(rows) // MAX_CANDIDATES)]
        if not len(rows):
            return np.zeros(self.dim, np.float32)
        mean: NDArray[np.float32] = state.vectors[rows].astype(np.float32).mean(axis=0)
        return mean

    def save(self, path: Path, *, space: str, sequence: int, mark: str = "") -> None:
        """Writes a snapshot of what is there now, which holds all changes up to ``sequence``.

        ``mark`` is for whoever loads it, to know it again.

        Raises:
            OSError: the file that was there before still is.
        """
        state = self._state
        keep: Any = slice(state.rows) if state.live == state.rows else np.flatnonzero(state.alive)
        header = {
            "format": FORMAT,
            "kind": "vectors",
            "space": space,
            "dim": self.dim,
            "rows": state.live,
            "sequence": sequence,
            "mark": mark,
        }
        arrays = (
            state.ids[keep].astype("<i8", copy=False),
            state.documents[keep].astype("<i8", copy=False),
            state.vectors[keep].astype("<f2", copy=False),
        )
        write_snapshot(path, header, [memoryview(array.view(np.uint8).reshape(-1)) for array in arrays])

    @classmethod
    def load(
        cls, path: Path, *, space: str, dim: int, is_known: Callable[[str], bool] = lambda _mark: True
    ) -> tuple[FaissIndex, int] | None:
        """The index of a snapshot and its sequence; None if there is none of this space that is whole and known."""
        snapshot = read_snapshot(path)
        if snapshot is None:
            return None
        header, payload = snapshot
        expected = {"format": FORMAT, "kind": "vectors", "space": space, "dim": dim}
        if {key: header.get(key) for key in expected} != expected or not is_known(str(header.get("mark"))):
            return None
        rows = int(header["rows"])
        ids = np.frombuffer(payload, "<i8", rows)
        documents = np.frombuffer(payload, "<i8", rows, offset=8 * rows)
        vectors = np.frombuffer(payload, "<f2", rows * dim, offset=16 * rows).reshape(rows, dim)
        index = cls(dim)
        index._state = index._built(ids, documents, vectors)
        return index, int(header["sequence"])

    def _found(
        self, state: _State, unit: Vectors, wanted: int, allowed: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """At least ``wanted`` rows by exact score: candidates of the 8-bit scan, as many as it takes."""
        # einsum and not @: waking BLAS's threads for one vector costs more than the product, above all on a
        # busy machine.
        code = self._rounded(np.einsum("j,jk->k", unit, self._rotation))[np.newaxis]
        candidates = max(2 * wanted, MIN_CANDIDATES)
        while True:
            rows, floor = self._scan(state, code, candidates, allowed)
            rows, scores = _scored(state, rows, unit)
            # No row outside has a rounded score above the floor, so none has a true one above this line.
            if scores[wanted - 1] > floor + self._margin or candidates >= max(2 * wanted, MAX_CANDIDATES):
                return rows, scores
            candidates *= 4

    def _scan(
        self, state: _State, code: Vectors, candidates: int, allowed: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.int64], float]:
        """The rows with the best rounded scores, and a score that no other row exceeds."""
        import faiss

        bitmap = None if allowed is None else np.packbits(allowed, bitorder="little")
        found: list[NDArray[np.int64]] = []
        products: list[NDArray[np.float32]] = []
        # FAISS shares out queries, not rows: a second thread would only be waited for. The number is each
        # calling thread's own.
        faiss.omp_set_num_threads(1)
        for number, block in enumerate(state.blocks):
            parameters = None
            if bitmap is not None:
                bits = bitmap[number * BLOCK_ROWS // 8 : (number + 1) * BLOCK_ROWS // 8]
                if not bits.any():
                    continue
                selector = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
                parameters = faiss.SearchParameters()
                parameters.sel = selector
            product, row = block.search(code, min(candidates, block.ntotal), params=parameters)
            real = row[0] >= 0  # -1 stands for "no more"
            found.append(row[0][real] + number * BLOCK_ROWS)
            products.append(product[0][real])
        rows, product = np.concatenate(found), np.concatenate(products)
        if len(rows) < candidates:
            return rows, -math.inf
        best = np.argpartition(-product, candidates - 1)[:candidates]
        return rows[best], float(product[best].min()) / self._scale**2

    def _rounded(self, codes: Vectors) -> Vectors:
        """Rotated units as whole numbers from -127 to 127, which FAISS multiplies as bytes. In place."""
        codes *= self._scale
        np.rint(codes, out=codes)
        return np.clip(codes, -127, 127, out=codes)

    def _built(self, ids: NDArray[np.int64], documents: NDArray[np.int64], vectors: NDArray[np.float16]) -> _State:
        empty = _State(0, ids, documents, vectors, np.empty(0, np.bool_), 0, ())
        return self._extended(empty, len(ids))

    def _appended(
        self,
        state: _State,
        ids: NDArray[np.int64],
        documents: NDArray[np.int64],
        vectors: NDArray[np.float16],
    ) -> _State:
        start, end = state.rows, state.rows + len(ids)
        if end > len(state.ids):
            capacity = max(end, len(state.ids) * 3 // 2)
            state = _State(
                start,
                _grown(state.ids, start, capacity),
                _grown(state.documents, start, capacity),
                _grown(state.vectors, start, capacity),
                state.alive,
                state.live,
                state.blocks,
            )
        # Behind the line that running searches read up to.
        state.ids[start:end] = ids
        state.documents[start:end] = documents
        state.vectors[start:end] = vectors
        return self._extended(state, end)

    def _extended(self, state: _State, end: int) -> _State:
        """The state with the rows up to ``end`` of its arrays taken in: codes made, alive."""
        import faiss

        blocks, start = list(state.blocks), state.rows
        while start < end:
            offset = start % BLOCK_ROWS
            stop = min(end, start - offset + BLOCK_ROWS)
            if offset:  # running searches hold the old one, and FAISS moves its memory when it grows
                blocks[-1] = faiss.clone_index(blocks[-1])
            else:
                quantizer = faiss.ScalarQuantizer.QT_8bit_direct_signed
                blocks.append(faiss.IndexScalarQuantizer(self.dim, quantizer, faiss.METRIC_INNER_PRODUCT))
            blocks[-1].add(self._rounded(state.vectors[start:stop].astype(np.float32) @ self._rotation))
            start = stop
        added = end - state.rows
        alive = np.concatenate([state.alive, np.ones(added, np.bool_)])
        return _State(end, state.ids, state.documents, state.vectors, alive, state.live + added, tuple(blocks))

    @staticmethod
    def _without(state: _State, ids: NDArray[np.int64]) -> _State:
        alive = state.alive & ~np.isin(state.ids[: state.rows], ids)
        live = int(np.count_nonzero(alive))
        if live == state.live:
            return state
        return _State(state.rows, state.ids, state.documents, state.vectors, alive, live, state.blocks)

    def _compacted(self, state: _State) -> _State:
        """The state without its dead rows, once they are many."""
        if state.rows - state.live <= max(MIN_DEAD, state.rows // 4):
            return state
        keep = np.flatnonzero(state.alive)
        return self._built(state.ids[keep], state.documents[keep], state.vectors[keep])


def _scored(state: _State, rows: NDArray[np.int64], unit: Vectors) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """All of ``rows`` with their cosines, best first, ties by id.

    In float64, because rounding the sums to float32 afterwards makes equal vectors equal in score, wherever
    in the matrix they stood (and numpy reads fp16 faster into float64).
    """
    wide = unit.astype(np.float64)
    scores = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), BLOCK_ROWS):  # of a whole library, wide numbers would fill the memory
        some = slice(start, start + BLOCK_ROWS)
        matrix = state.vectors[rows[some]].astype(np.float64)
        norms = np.sqrt(np.einsum("ij,ij->i", matrix, matrix))
        scores[some] = np.einsum("ij,j->i", matrix, wide) / norms
    order = np.lexsort((state.ids[rows], -scores))
    return rows[order], scores[order]


def _unit(vectors: NDArray[Any]) -> Vectors:
    """(n, dim) float32, L2-normalised; what has length 1 within 0.1% stays as it is to the bit.

    Raises:
        ValueError: a vector is zero or not finite.
    """
    wide = np.asarray(vectors, np.float32)
    norms = np.linalg.norm(wide.astype(np.float64), axis=1)
    if not np.all(np.isfinite(norms) & (norms > 0)):
        raise ValueError("a vector is zero or holds NaN or infinity")
    if np.all(np.abs(norms - 1) < 1e-3):
        return wide
    scaled: Vectors = (wide / norms[:, np.newaxis]).astype(np.float32)
    return scaled


def _grown(array: NDArray[Any], rows: int, capacity: int) -> NDArray[Any]:
    larger = np.empty((capacity, *array.shape[1:]), array.dtype)
    larger[:rows] = array[:rows]
    return larger
