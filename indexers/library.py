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

A snapshot that is missing, damaged, of another model or of another catalog is dropped and made again from this one,
without embedding anything. Only this module knows where the files are.

There are two connections to the catalog: questions use one, ``writing`` lends the other, so that questions are
answered from what was committed last while files are being added.

Where the disk is read-only, or full, questions are answered all the same: what can not be kept is made in memory.
"""

from __future__ import annotations

import errno
import shlex
import shutil
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
from indexers.disk import is_read_only
from indexers.errors import LibraryInUse, NotWritten, OtherModel, UsageError
from indexers.lock import WriterLock
from indexers.marks import is_known, new_mark
from indexers.types import Status
from indexers.unfinished import Unfinished
from indexers.vectors import FaissIndex
from indexers.words import TantivyIndex
from indexers.words_snapshot import WordsSnapshot

_BATCH = 20_000
"""Chunks read from the catalog at once while a snapshot catches up."""
_SAVE_AFTER = 0.05
"""The vector snapshot is written anew once this share of it has changed: catching up on less is fast."""
_PATIENCE_S = 2.0
"""How long a writer waits for the lock: a reader in another process may hold it to bring the words up to date."""
_DEAD = 1000
_DEAD_SHARE = 0.25
"""What was removed is cleared from the files once it is so many chunks and such a share of those that are left …"""
_SMALL = 5000
"""… and after each removal in a library of so few chunks, where that takes less than a second."""


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
        self.is_read_only = is_read_only(root, "catalog.sqlite", "lock")
        if self.is_read_only and not (root / "catalog.sqlite").exists():
            raise UsageError(f"the library can not be kept in {root}: it is read-only; name another folder")
        self.catalog = Catalog(root / "catalog.sqlite", read_only=self.is_read_only)
        self.mutex = threading.RLock()
        self._changing = threading.RLock()
        self._writer: Catalog | None = None
        self.unfinished = Unfinished(root / "unfinished.sqlite")
        self._activity = Activity(root / "activity.sqlite")
        self._lock = WriterLock(root / "lock")
        self._vectors: dict[str, tuple[FaissIndex, int]] = {}
        self._saved: dict[str, int] = {}
        self._words = WordsSnapshot(root / "words", self.catalog, self._lock)

    def close(self, patience_s: float | None = None) -> None:
        """Closes the catalog and the indexes.

        Args:
            patience_s: how long to wait for a change that another thread makes; None: until it is made. After that all
                is left open to it, and to the end of the process: what was committed is whole.
        """
        if not self._changing.acquire(timeout=-1 if patience_s is None else patience_s):
            return
        try:
            with self.mutex:
                self.catalog.close()
                self.unfinished.close()
                self._activity.close()
                if self._writer is not None:
                    self._writer.close()
                    self._writer = None
                self._words.close()
                self._vectors.clear()
        finally:
            self._changing.release()

    @contextmanager
    def writing(self) -> Iterator[Catalog]:
        """Holds the writer lock, and lends the catalog for changing.

        Raises:
            LibraryInUse: another process changes the library now.
            NotWritten: the library is read-only.
        """
        if self.is_read_only:
            raise NotWritten.told(self.root, OSError(errno.EROFS, "read-only"))
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
            if change.anew:
                index = FaissIndex(dim)
            if change.sequence != reached:
                index.remove(_ids(change.removed))
                _fill(index, self.catalog, change.added, space)
            self._vectors[space] = (index, change.sequence)
            if not self.is_read_only and not self._lock.held:
                # The next one to ask need not make it again.
                with suppress(LibraryInUse, NotWritten):
                    if self._is_worth_saving(space):
                        with self._lock.hold():
                            self.save_vectors(space)
            return index

    def words(self) -> TantivyIndex:
        """The word index; up to date unless another process is changing the library at this moment."""
        with self.mutex:
            return self._words.current()

    def publish(self) -> None:
        """Brings all indexes up to date after a change and saves the vectors where that is worth it."""
        with self.mutex:
            self.words()
            for space, dim in self.catalog.indexed_spaces().items():
                self.vectors(space, dim)
                if self._is_worth_saving(space):
                    self.save_vectors(space)

    def save_vectors(self, space: str) -> None:
        """Writes the snapshot of the vectors, unless there is no room: the catalog has them."""
        with self.mutex:
            index, reached = self._vectors[space]
            path = self._snapshot(space)
            # Where there is no room, it is tried again when it is worth it again, not with each question.
            self._saved[space] = reached
            with suppress(OSError, NotWritten):
                mark = new_mark(self.catalog, path.name)
                index.save(path, space=space, sequence=reached, mark=mark)

    def snapshot_problems(self) -> list[str]:
        """Where the indexes, brought up to date, do not hold what the catalog holds."""
        with self.mutex:
            held = [("word", len(self.words()), self.catalog.count_texts())]
            for space, dim in self.catalog.indexed_spaces().items():
                held.append((space, len(self.vectors(space, dim)), self.catalog.count_vectors(space)))
        return [
            f"the {name} index holds {number} of {chunks} chunks; run: locus doctor --repair"
            for name, number, chunks in held
            if number != chunks
        ]

    def drop_snapshots(self) -> None:
        """Makes all snapshots again from the catalog, without a trace of what was removed.

        Raises:
            LibraryInUse: another process changes the library now.
            NotWritten: the disk refuses.
        """
        with self.writing(), self.mutex:
            try:
                for path in self.root.glob("vectors*.faiss*"):
                    _delete(path)
            except OSError as error:
                raise NotWritten.told(self.root, error) from error
            self._vectors.clear()
            self._saved.clear()
            for space, dim in self.catalog.indexed_spaces().items():
                self.vectors(space, dim)
                self.save_vectors(space)
            self._words.make_anew()

    def compact(self) -> None:
        """Clears what was removed from every file of the library: until then its bytes may still be there.

        Raises:
            LibraryInUse: another process changes the library now, or never stops reading.
            NotWritten: the disk refuses; this takes as much room as the library for a while.
        """
        with self.writing() as catalog:
            self.drop_snapshots()
            catalog.forget_changes()
            self.unfinished.vacuum()
            catalog.vacuum()

    def compact_if_due(self, *, removed: bool = False) -> None:
        """Compacts once that is worth it; ``removed``: somebody has just asked for something to be forgotten."""
        with self.writing() as catalog:
            dead, live = catalog.removed_lately(), catalog.counts()["chunks"]
            is_small = removed and dead + live <= _SMALL
            if dead and (is_small or dead > max(_DEAD, _DEAD_SHARE * live)):
                # What was asked for is done; this is tried again the next time.
                with suppress(LibraryInUse, NotWritten):
                    self.compact()

    def _snapshot(self, space: str) -> Path:
        if space == self.catalog.fact("text_space"):
            return self.root / "vectors.faiss"
        return self.root / f"vectors-{zlib.crc32(space.encode()):08x}.faiss"

    def _forget_gone(self) -> None:
        for space in self._vectors.keys() - self.catalog.spaces().keys():
            self._vectors.pop(space)
            self._saved.pop(space, None)

    def _is_worth_saving(self, space: str) -> bool:
        index, reached = self._vectors[space]
        return reached - self._saved.get(space, 0) > max(200, _SAVE_AFTER * len(index))

    def _load_vectors(self, space: str, dim: int) -> tuple[FaissIndex, int]:
        self._forget_gone()
        path = self._snapshot(space)
        loaded = FaissIndex.load(
            path, space=space, dim=dim, is_known=lambda mark: is_known(self.catalog, path.name, mark)
        )
        if loaded is None or loaded[1] > self.catalog.sequence:
            return FaissIndex(dim), 0
        self._saved[space] = loaded[1]
        return loaded


def _delete(path: Path) -> None:
    """Deletes what is at ``path``, be it a file or not."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _fill(index: FaissIndex, catalog: Catalog, chunks: Sequence[int], space: str) -> None:
    """Adds the vectors of ``chunks`` in ``space``, of those that have one."""
    for start in range(0, len(chunks), _BATCH):
        ids, contents, matrix = catalog.vectors(chunks[start : start + _BATCH], space)
        if len(ids):
            index.add(ids, contents, matrix)


def _ids(ids: tuple[int, ...]) -> NDArray[np.int64]:
    return np.array(ids, dtype=np.int64)
