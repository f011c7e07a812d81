"""A library on disk: the catalog and the two snapshots that are derived from it.

::

    library/
      catalog.sqlite     the truth
      vectors.faiss      snapshot of the texts' vectors, carries the change number it reaches
      vectors-….faiss    the same of another space: pictures
      words/             tantivy's files, carry theirs
      unfinished.sqlite  what slow models gave for files that are not in the catalog yet
      activity.sqlite    what is queued and being read at this moment
      lock               held by the one writer

The texts' vectors are those of one model, which the library is bound to; ``reembedding`` makes those of another beside
them, and they are searched from the moment at which they take their place.

A snapshot that is missing, damaged, of another model or ahead of the catalog is dropped and made again from it,
without embedding anything. Only this module knows where the files are.

There are two connections to the catalog: questions use one, ``writing`` lends the other, so that questions are
answered from what was committed last while files are being added.
"""

from __future__ import annotations

import shlex
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexers.activity import Activity
from indexers.catalog import Catalog
from indexers.catalog_codec import model_in
from indexers.errors import LibraryInUse, OtherModel, UsageError
from indexers.lock import WriterLock
from indexers.types import Status
from indexers.unfinished import Unfinished
from indexers.vectors import FaissIndex
from indexers.words import TantivyIndex

_BATCH = 20_000
"""Chunks read from the catalog at once while a snapshot catches up."""
_SAVE_AFTER = 0.05
"""The vector snapshot is written anew once this share of it has changed: catching up on less is fast."""
_PATIENCE_S = 2.0
"""How long a writer waits for the lock: a reader in another process may hold it to bring the words up to date."""


class Library:
    """The library in folder ``root``, created if missing.

    Safe to use from several threads: searches run side by side and beside one change. ``mutex`` is held while
    ``catalog`` is used; whoever holds it must not call ``writing``.

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
        self.catalog = Catalog(root / "catalog.sqlite")
        self.mutex = threading.RLock()
        self._changing = threading.RLock()
        self._writer: Catalog | None = None
        self.unfinished = Unfinished(root / "unfinished.sqlite")
        self._activity = Activity(root / "activity.sqlite")
        self._lock = WriterLock(root / "lock")
        self._vectors: dict[str, tuple[FaissIndex, int]] = {}
        self._saved: dict[str, int] = {}
        self._words: TantivyIndex | None = None
        if self.catalog.created:
            # What lies here belonged to a catalog that is gone, and its change numbers would be taken for ours.
            with suppress(LibraryInUse), self._lock.hold():
                for snapshot in root.glob("vectors*.faiss"):
                    snapshot.unlink(missing_ok=True)
                self._empty_words()

    def close(self) -> None:
        """Closes the catalog and the indexes."""
        with self._changing, self.mutex:
            self.catalog.close()
            self.unfinished.close()
            self._activity.close()
            if self._writer is not None:
                self._writer.close()
                self._writer = None
            if self._words is not None:
                self._words.close()
                self._words = None
            self._vectors.clear()

    @contextmanager
    def writing(self) -> Iterator[Catalog]:
        """Holds the writer lock, and lends the catalog for changing.

        Raises:
            LibraryInUse: another process changes the library now.
        """
        with self._changing, self._lock.hold(_PATIENCE_S):
            if self._writer is None:
                self._writer = Catalog(self.root / "catalog.sqlite")
            yield self._writer

    @property
    def activity(self) -> Activity:
        """Where the writer tells what it is doing."""
        return self._activity

    def at_work(self) -> Mapping[str, Status]:
        """Files that are queued or being read now, by whichever process."""
        return self._activity.states() if self._lock.held or self._lock.is_taken() else {}

    def use_space(self, space: str, model: str = "") -> None:
        """Says which text model the library's texts are embedded with, the first time for good.

        Args:
            space: the space of its vectors.
            model: what it is found by again, its name or its folder; remembered with the first.

        Raises:
            OtherModel: they were embedded with another one.
            LibraryInUse: another process changes the library now.
        """
        with self.writing() as catalog:
            bound = catalog.binding()
            if bound.space == space:
                if model and not bound.model:
                    catalog.set_fact("text_model", model)
            elif bound.space not in catalog.spaces():
                catalog.bind(space, model)
        self.check_space(space)

    def check_space(self, space: str) -> None:
        """Refuses a model that the library's texts were not embedded with.

        Raises:
            OtherModel: they were embedded with another one.
        """
        with self.mutex:
            bound = self.catalog.binding()
            is_other = bound.space not in ("", space) and bound.space in self.catalog.spaces()
        if is_other:
            raise OtherModel(
                f"this library is bound to the text model {bound.name}, not to {model_in(space)}; "
                f"to change it run: locus reindex --text-model {shlex.quote(model_in(space))}"
            )

    def text_vectors(self, space: str, dim: int) -> FaissIndex:
        """The vector index of the texts, which must be in ``space``, up to date with the catalog.

        Raises:
            OtherModel: they are in the space of another model, perhaps since a moment ago.
        """
        with self.mutex:
            self.check_space(space)
            index = self.vectors(space, dim)
            try:
                # Another process may have changed the model while the index was brought up to date.
                self.check_space(space)
            except OtherModel:
                self._vectors.pop(space, None)
                raise
            return index

    def change_model(self, catalog: Catalog, space: str, dim: int, model: str) -> None:
        """Binds the library to the text model of ``space``, in which all its texts have a vector by now.

        The index is made before, so that questions do not wait for it.

        Args:
            catalog: as ``writing`` lends it.
            space: the space of its vectors.
            dim: their dimensions.
            model: what it is found by again.
        """
        index, reached = FaissIndex(dim), catalog.sequence
        _fill(index, catalog, catalog.changes_since(0).added, space)
        with self.mutex:
            catalog.bind(space, model)
            # Left here, it would not be taken for the new one: it names its space.
            with suppress(OSError):
                (self.root / "vectors.faiss").unlink(missing_ok=True)
            self._forget_gone()
            self._vectors[space] = (index, reached)
        self.publish()

    def vectors(self, space: str, dim: int) -> FaissIndex:
        """The vector index of ``space``, up to date with the catalog."""
        with self.mutex:
            index, reached = self._vectors.get(space) or self._load_vectors(space, dim)
            change = self.catalog.changes_since(reached)
            if change.sequence != reached:
                index.remove(_ids(change.removed))
                _fill(index, self.catalog, change.added, space)
            self._vectors[space] = (index, change.sequence)
            return index

    def words(self) -> TantivyIndex:
        """The word index; up to date unless another process is changing the library at this moment.

        Raises:
            LibraryInUse: there is none yet, and another process is changing the library.
        """
        with self.mutex:
            if self._words is None:
                self._words = TantivyIndex.open(self.root / "words")
            if self._words is None:
                with self._lock.hold():
                    self._words = TantivyIndex.open_or_create(self.root / "words")
            if self._words.sequence != self.catalog.sequence:
                # Another process that is changing the library brings the words up to date itself; until then hits
                # are joined to live chunks.
                with suppress(LibraryInUse), self._lock.hold():
                    self._catch_up_words(self._words)
            return self._words

    def publish(self) -> None:
        """Brings all indexes up to date after a change and saves the vectors where that is worth it."""
        with self.mutex:
            self.words()
            for space, dim in self.catalog.indexed_spaces().items():
                index = self.vectors(space, dim)
                behind = self._vectors[space][1] - self._saved.get(space, 0)
                if behind > max(200, _SAVE_AFTER * len(index)):
                    self.save_vectors(space)

    def save_vectors(self, space: str) -> None:
        """Writes the snapshot of the vectors, unless there is no room: the catalog has them."""
        with self.mutex:
            index, reached = self._vectors[space]
            with suppress(OSError):
                index.save(self._snapshot(space), space=space, sequence=reached)
                self._saved[space] = reached

    def snapshot_problems(self) -> list[str]:
        """Where the indexes, brought up to date, do not hold what the catalog holds."""
        with self.mutex:
            held = [("word", len(self.words()), self.catalog.count_texts())]
            for space, dim in self.catalog.indexed_spaces().items():
                held.append((space, len(self.vectors(space, dim)), self.catalog.count_vectors(space)))
        return [
            f"the {name} index holds {number} of {chunks} chunks; run `locus doctor --mend`"
            for name, number, chunks in held
            if number != chunks
        ]

    def drop_snapshots(self) -> None:
        """Makes all snapshots again from the catalog."""
        with self.writing(), self.mutex:
            for space, dim in self.catalog.indexed_spaces().items():
                self._drop_vectors(space)
                self.vectors(space, dim)
                self.save_vectors(space)
            self._empty_words()
            self.words()

    def _snapshot(self, space: str) -> Path:
        if space == self.catalog.fact("text_space"):
            return self.root / "vectors.faiss"
        return self.root / f"vectors-{zlib.crc32(space.encode()):08x}.faiss"

    def _forget_gone(self) -> None:
        for space in self._vectors.keys() - self.catalog.spaces().keys():
            self._vectors.pop(space)
            self._saved.pop(space, None)

    def _drop_vectors(self, space: str) -> None:
        self._snapshot(space).unlink(missing_ok=True)
        self._vectors.pop(space, None)
        self._saved.pop(space, None)

    def _empty_words(self) -> None:
        if self._words is None:
            self._words = TantivyIndex.open_or_create(self.root / "words")
        try:
            self._words.clear()
            self._words.commit(0)
        finally:
            self._words.close()

    def _load_vectors(self, space: str, dim: int) -> tuple[FaissIndex, int]:
        self._forget_gone()
        loaded = FaissIndex.load(self._snapshot(space), space=space, dim=dim)
        if loaded is None:
            return FaissIndex(dim), 0
        if loaded[1] > self.catalog.sequence:
            # The catalog was put back to an older one. Left here, the file would seem right once it has grown.
            with suppress(LibraryInUse), self._lock.hold():
                self._drop_vectors(space)
            return FaissIndex(dim), 0
        self._saved[space] = loaded[1]
        return loaded

    def _catch_up_words(self, words: TantivyIndex) -> None:
        try:
            if words.sequence > self.catalog.sequence:
                words.clear()
                words.commit(0)
            change = self.catalog.changes_since(words.sequence)
            words.remove(change.removed)
            for start in range(0, len(change.added), _BATCH):
                some = self.catalog.chunks(change.added[start : start + _BATCH])
                stored = [chunk for chunk in some.values() if chunk.chunk.body]
                words.add(
                    [chunk.id for chunk in stored],
                    [chunk.content for chunk in stored],
                    [chunk.chunk.text for chunk in stored],
                    [chunk.context for chunk in stored],
                )
            words.commit(change.sequence)
        finally:
            # Gives tantivy's own lock back, which would keep the writers of other processes out.
            words.close()


def _fill(index: FaissIndex, catalog: Catalog, chunks: Sequence[int], space: str) -> None:
    """Adds the vectors of ``chunks`` in ``space``, of those that have one."""
    for start in range(0, len(chunks), _BATCH):
        ids, contents, matrix = catalog.vectors(chunks[start : start + _BATCH], space)
        if len(ids):
            index.add(ids, contents, matrix)


def _ids(ids: tuple[int, ...]) -> NDArray[np.int64]:
    return np.array(ids, dtype=np.int64)
