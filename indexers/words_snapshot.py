"""The word index of one library: opened, brought up to date with the catalog, and made anew where it does not fit.

Where its files can not be written (a read-only disk, a full one) it is made in memory, so that questions are answered
there too. Whoever calls keeps other threads out; the lock keeps other processes out of writing.
"""

from __future__ import annotations

import time
from pathlib import Path

from indexers.catalog import Catalog
from indexers.errors import LibraryInUse, NotWritten
from indexers.lock import WriterLock
from indexers.marks import is_known, new_mark
from indexers.words import TantivyIndex
from indexers.words_files import break_seal, fits, read_seal, seal, sweep

_BATCH = 20_000
"""Chunks read from the catalog at once."""
_LOOKS = 20
_LOOK_AGAIN_S = 0.05
"""How often, and how soon, one looks again while a writer is at work on the files."""


class WordsSnapshot:
    """The word index in ``folder`` that goes with ``catalog``; ``lock`` is the library's."""

    def __init__(self, folder: Path, catalog: Catalog, lock: WriterLock) -> None:
        self._folder = folder
        self._catalog = catalog
        self._lock = lock
        self._index: TantivyIndex | None = None

    def close(self) -> None:
        """Frees what is held."""
        if self._index is not None:
            self._index.close()
            self._index = None

    def current(self) -> TantivyIndex:
        """The index; up to date unless another process is changing the library at this moment.

        That process brings its files up to date itself; until then hits are joined to live chunks.
        """
        if self._index is None:
            self._index = self._opened()
        if self._index is None or self._index.sequence != self._catalog.sequence:
            self._index = self._caught_up(self._index)
        return self._index

    def make_anew(self) -> None:
        """Makes all of it again, without a trace of what was removed. Only for whoever holds the lock.

        Raises:
            NotWritten: the disk refuses.
        """
        try:
            index = self._opened() or TantivyIndex.create(self._folder)
            self._write(index, anew=True)
            sweep(self._folder)
            self._index = index
        except OSError as error:
            raise NotWritten.told(self._folder.parent, error) from error

    def _opened(self) -> TantivyIndex | None:
        """The index in the folder; None if it is absent, damaged, of another version or of another catalog."""
        for _ in range(_LOOKS):
            found = read_seal(self._folder)
            if found is not None and is_known(self._catalog, "words", found.mark) and fits(self._folder, found):
                return TantivyIndex.open(self._folder)
            if read_seal(self._folder) == found:
                return None
            time.sleep(_LOOK_AGAIN_S)
        return None

    def _caught_up(self, index: TantivyIndex | None) -> TantivyIndex:
        try:
            with self._lock.hold():
                if index is None or index.is_in_memory:
                    index = self._opened() or TantivyIndex.create(self._folder)
                self._write(index)
                return index
        except LibraryInUse:
            if index is not None and not index.is_in_memory:
                return index
        except (OSError, NotWritten):
            pass  # it is made in memory
        if index is None or not index.is_in_memory:
            index = TantivyIndex()
        self._take_up(index)
        return index

    def _write(self, index: TantivyIndex, *, anew: bool = False) -> None:
        mark = new_mark(self._catalog, "words")
        break_seal(self._folder, mark)
        try:
            self._take_up(index, anew=anew)
        finally:
            # Gives tantivy's own lock back, which would keep the writers of other processes out.
            index.close()
        seal(self._folder, mark)

    def _take_up(self, index: TantivyIndex, *, anew: bool = False) -> None:
        anew = anew or index.sequence > self._catalog.sequence
        change = self._catalog.changes_since(0 if anew else index.sequence)
        if anew or change.anew:
            index.clear()
        index.remove(change.removed)
        for start in range(0, len(change.added), _BATCH):
            some = self._catalog.chunks(change.added[start : start + _BATCH])
            stored = [chunk for chunk in some.values() if chunk.chunk.body]
            index.add(
                [chunk.id for chunk in stored],
                [chunk.content for chunk in stored],
                [chunk.chunk.text for chunk in stored],
                [chunk.context for chunk in stored],
            )
        index.commit(change.sequence)
