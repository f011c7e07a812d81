"""Documents of the library as they can be shown: their text as it was read, and their files as they lie on the disk.

A document is known by the id of its content in the catalog: a file that was moved keeps it. Only what the library holds
can be opened, and only while it is what was read: a file that has changed since is no source of what was said of it.

Knows the catalog and the disk. It opens no document but as bytes; what makes pictures of them is ``previews``.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path, PurePath
from typing import cast

from indexers.catalog_contents import Copy
from indexers.errors import FileError, UsageError
from indexers.library import Library
from indexers.locators import describe
from indexers.places import open_regular
from indexers.types import Chunk, Document, Media, WholeLocator


class NotHeld(UsageError):
    """The library holds no such document."""


class NotAsRead(UsageError):
    """The library holds the document, but its file can not be given: it has changed, is gone, or is inside another."""


@dataclass(frozen=True, slots=True)
class Source:
    """A document as it can be shown.

    Args:
        document: what the list of files says of it.
        id: its content's, by which its file is asked for.
        format: as its content tells ("pdf").
        passages: its text in order, as it was read.
        inside: the file that it is inside of; "" for a file of its own.
        obstacle: why the file can not be opened, as a sentence; "" if it can: it is there, and is what was read.
        holds: paths of the documents inside it.
    """

    document: Document
    id: int
    format: str
    passages: tuple[Chunk, ...]
    inside: str = ""
    obstacle: str = ""
    holds: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Where it is; of a document inside a file "mail.eml!/report.pdf"."""
        return self.document.path


@dataclass(frozen=True, slots=True)
class Original:
    """A file of the library, as it was when it was read: size in bytes, time in nanoseconds."""

    path: Path
    format: str
    media: Media
    size: int
    mtime_ns: int

    @property
    def mark(self) -> str:
        """Changes whenever the file does."""
        return f"{self.size:x}-{self.mtime_ns:x}"

    def open(self) -> BufferedReader:
        """The file, open for reading.

        Raises:
            NotAsRead: it is not what was read any more.
        """
        try:
            file = open_regular(self.path)
        except (OSError, FileError) as error:
            raise NotAsRead(_gone(str(self.path))) from error
        info = os.fstat(file.fileno())
        if (info.st_size, info.st_mtime_ns) != (self.size, self.mtime_ns):
            file.close()
            raise NotAsRead(_changed(str(self.path)))
        return file


class Sources:
    """The documents of a library. Safe to use from several threads.

    Args:
        library: which.
        why_absent: says why the library does not hold what is at a path.
    """

    def __init__(self, library: Library, why_absent: Callable[[str], str]) -> None:
        self._library = library
        self._why_absent = why_absent

    def ids(self, paths: Iterable[str]) -> dict[str, int]:
        """The id of each of ``paths`` that the library holds."""
        with self._library.mutex:
            return self._library.catalog.contents_at(paths)

    def source(self, path: str) -> Source:
        """The document at an absolute path, or inside a file.

        Raises:
            NotHeld: the library does not hold it; the message says why.
        """
        with self._library.mutex:
            catalog = self._library.catalog
            stored = catalog.stored_file(path)
            if stored is not None:
                passages = tuple(catalog.passages(stored.content))
                holds = tuple(catalog.children(stored.document.path))
                inside = catalog.outermost(stored.document.path) if stored.parent else ""
        if stored is None:
            raise NotHeld(self._why_absent(path))
        copy = Copy(stored.document.path, stored.parent, stored.size, stored.mtime_ns)
        obstacle = _obstacle(copy, inside)
        return Source(stored.document, stored.content, stored.format, passages, inside, obstacle, holds)

    def by_id(self, id: int) -> Source:
        """As ``source``, by the document's id: of several files that hold the same, one that can be opened.

        Raises:
            NotHeld: no document of the library has this id.
        """
        return self.source(self._best(id)[0].path)

    def original(self, id: int) -> Original:
        """The file of a document.

        Raises:
            NotHeld: no document of the library has this id.
            NotAsRead: its file has changed since it was read, is gone, or is inside another one.
        """
        copy, obstacle = self._best(id)
        if obstacle:
            raise NotAsRead(obstacle)
        with self._library.mutex:
            format_name, media = self._library.catalog.format_of(id)
        return Original(Path(copy.path), format_name, cast("Media", media), copy.size, copy.mtime_ns)

    def _best(self, id: int) -> tuple[Copy, str]:
        """The first file of a content that can be opened, or the first of all and why it can not."""
        with self._library.mutex:
            copies = self._library.catalog.copies(id)
            holders = {copy.path: self._library.catalog.outermost(copy.path) for copy in copies if copy.parent}
        if not copies:
            raise NotHeld("the library holds no such document; search again")
        judged = [(copy, _obstacle(copy, holders.get(copy.path, ""))) for copy in copies]
        return next((each for each in judged if not each[1]), judged[0])


def _obstacle(copy: Copy, inside: str) -> str:
    """Why a file can not be opened, as a sentence; "" if it can."""
    if inside:
        return f"{PurePath(copy.path.rpartition('!/')[2]).name} is inside {PurePath(inside).name}: open that file."
    try:
        info = os.stat(copy.path)  # noqa: PTH116 - a path that is none is not there
    except (OSError, ValueError):
        return _gone(copy.path)
    return "" if (info.st_size, info.st_mtime_ns) == (copy.size, copy.mtime_ns) else _changed(copy.path)


def _gone(path: str) -> str:
    return f"{describe(path, WholeLocator())} is no longer at {PurePath(path).parent}, or can not be read."


def _changed(path: str) -> str:
    name = describe(path, WholeLocator())
    return f"{name} has changed since it was read; read it again with: locus add {shlex.quote(path)}"
