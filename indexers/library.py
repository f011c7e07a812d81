"""A library on disk: the catalog and the two snapshots that are derived from it.

::

    library/
      catalog.sqlite     the truth
      vectors.faiss      snapshot of the vectors, carries the change number it reaches
      words/             tantivy's files, carry theirs
      lock               held by the one writer

A snapshot that is missing, damaged or of another model is dropped and made again from the catalog, without embedding
anything. Only this module knows where the files are.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexers.catalog import Catalog
from indexers.errors import LibraryBroken, LibraryInUse, UsageError
from indexers.lock import WriterLock
from indexers.vectors import FaissIndex
from indexers.words import TantivyIndex

_BATCH = 20_000
"""Chunks read from the catalog at once while a snapshot catches up."""
_SAVE_AFTER = 0.05
"""The vector snapshot is written anew once this share of it has changed: catching up on less is fast."""


class Library:
    """The library in folder ``root``, created if missing.

    Safe to use from several threads: searches run side by side, changes one at a time.

    Raises:
        LibraryBroken: the catalog can not be read.
        UsageError: ``root`` can not be a folder.
    """

    def __init__(self, root: Path) -> None:
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise UsageError(f"the library can not be kept in {root}: {error.strerror}; name another folder") from error
        self.root = root
        try:
            self.catalog = Catalog(root / "catalog.sqlite")
        except OSError as error:
            raise LibraryBroken(f"the catalog in {root} can not be opened: {error.strerror}") from error
        self.mutex = threading.RLock()
        self._lock = WriterLock(root / "lock")
        self._vectors: dict[str, tuple[FaissIndex, int]] = {}
        self._saved: dict[str, int] = {}
        self._words: TantivyIndex | None = None

    def close(self) -> None:
        """Closes the catalog and the indexes."""
        with self.mutex:
            self.catalog.close()
            self._vectors.clear()
            self._words = None

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Holds the writer lock.

        Raises:
            LibraryInUse: another process changes the library now.
        """
        with self.mutex, self._lock:
            yield

    def use_space(self, space: str) -> None:
        """Says which embedding model the library's texts are embedded with, the first time for good.

        Raises:
            UsageError: they were embedded with another one.
        """
        if self.catalog.counts()["vectors"] == 0:
            self.catalog.set_fact("text_space", space)
        self.check_space(space)

    def check_space(self, space: str) -> None:
        """Refuses a model that the library's texts were not embedded with.

        Raises:
            UsageError: they were embedded with another one.
        """
        with self.mutex:
            known = self.catalog.fact("text_space")
        if known not in (None, space):
            raise UsageError(
                f"this library was made with the text model {known}, the settings name {space}: "
                "set the model back, or start a new library with --library"
            )

    def vectors(self, space: str, dim: int) -> FaissIndex:
        """The vector index of ``space``, up to date with the catalog."""
        with self.mutex:
            index, reached = self._vectors.get(space) or self._load_vectors(space, dim)
            change = self.catalog.changes_since(reached)
            if change.sequence != reached:
                index.remove(_ids(change.removed))
                for start in range(0, len(change.added), _BATCH):
                    ids, contents, matrix = self.catalog.vectors(change.added[start : start + _BATCH], space)
                    if len(ids):
                        index.add(ids, contents, matrix)
            self._vectors[space] = (index, change.sequence)
            return index

    def words(self) -> TantivyIndex:
        """The word index; up to date unless another process is changing the library at this moment."""
        with self.mutex:
            if self._words is None:
                self._words = TantivyIndex.open_or_create(self.root / "words")
            if self._words.sequence != self.catalog.sequence:
                # Another process that is changing the library brings the words up to date itself; until then hits
                # are joined to live chunks.
                with suppress(LibraryInUse), self._lock:
                    self._catch_up_words(self._words)
            return self._words

    def publish(self, space: str, dim: int) -> None:
        """Brings both indexes up to date after a change and saves the vectors where that is worth it."""
        index = self.vectors(space, dim)
        self.words()
        reached = self._vectors[space][1]
        behind = reached - self._saved.get(space, 0)
        if behind > max(200, _SAVE_AFTER * len(index)):
            self.save_vectors(space)

    def save_vectors(self, space: str) -> None:
        """Writes the snapshot of the vectors."""
        index, reached = self._vectors[space]
        index.save(self.root / "vectors.faiss", space=space, sequence=reached)
        self._saved[space] = reached

    def snapshot_problems(self, space: str, dim: int) -> list[str]:
        """Where the indexes, brought up to date, do not hold what the catalog holds."""
        chunks = self.catalog.counts()["chunks"]
        held = {"vector": len(self.vectors(space, dim)), "word": len(self.words())}
        return [
            f"the {name} index holds {number} of {chunks} chunks; run `locus doctor --mend`"
            for name, number in held.items()
            if number != chunks
        ]

    def drop_snapshots(self, space: str, dim: int) -> None:
        """Makes both snapshots again from the catalog."""
        with self.writing():
            (self.root / "vectors.faiss").unlink(missing_ok=True)
            self._vectors.pop(space, None)
            self._saved.pop(space, None)
            self.vectors(space, dim)
            self.save_vectors(space)
            if self._words is None:
                self._words = TantivyIndex.open_or_create(self.root / "words")
            self._words.clear()
            self._words.commit(0)
            self._catch_up_words(self._words)

    def _load_vectors(self, space: str, dim: int) -> tuple[FaissIndex, int]:
        loaded = FaissIndex.load(self.root / "vectors.faiss", space=space, dim=dim)
        if loaded is None or loaded[1] > self.catalog.sequence:
            return FaissIndex(dim), 0
        self._saved[space] = loaded[1]
        return loaded

    def _catch_up_words(self, words: TantivyIndex) -> None:
        if words.sequence > self.catalog.sequence:
            words.clear()
            words.commit(0)
        change = self.catalog.changes_since(words.sequence)
        words.remove(change.removed)
        for start in range(0, len(change.added), _BATCH):
            stored = list(self.catalog.chunks(change.added[start : start + _BATCH]).values())
            words.add(
                [chunk.id for chunk in stored],
                [chunk.content for chunk in stored],
                [chunk.chunk.text for chunk in stored],
                [chunk.context for chunk in stored],
            )
        words.commit(change.sequence)


def _ids(ids: tuple[int, ...]) -> NDArray[np.int64]:
    return np.array(ids, dtype=np.int64)
