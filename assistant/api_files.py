"""The methods of the facade that look at the library: its files, what was read of them, their pictures, its numbers."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from assistant.api_base import AssistantBase, PathLike, media_of, under_of
from assistant.file_details import FileDetails
from assistant.folders import folders
from assistant.inventory import Inventory
from assistant.sources import Original, Source
from indexers.activity import overlaid
from indexers.previews import Look
from indexers.types import Document
from indexers.walk import absolute


class AssistantFiles(AssistantBase):
    """What tells of a library and changes nothing."""

    def files(self, *, media: Iterable[str] | None = None, under: PathLike | None = None) -> list[Document]:
        """Every file of the library and how well it was read, sorted by path."""
        library = self._parts.library
        with library.mutex:
            known = library.catalog.documents(media=media_of(media), under=under_of(under))
        return overlaid(known, library.at_work(), under_of(under), new=media is None)

    def folders(self) -> list[tuple[str, int]]:
        """Folders to narrow a search by, each with the number of files below it, sorted by path."""
        library = self._parts.library
        with library.mutex:
            paths = library.catalog.paths_under(os.sep)
            added = [folder.path for folder in library.catalog.folders()]
        return folders(paths, added)

    def days(self, paths: Iterable[str]) -> dict[str, str]:
        """The day of each document, by its path, as ``search`` takes it: "2024-05-17", or only "2024-05" or "2024"."""
        with self._parts.library.mutex:
            known = self._parts.library.catalog.days_of(list(paths))
        return {
            path: own or datetime.fromtimestamp(changed_ns / 1e9).astimezone().date().isoformat()
            for path, (own, changed_ns) in known.items()
        }

    def file(self, path: PathLike) -> FileDetails:
        """Everything about one file, or about a document inside one ("mail.eml!/report.pdf").

        Raises:
            UsageError: the library does not hold it; the message says why.
        """
        return self._parts.file_questions.file(absolute(path))

    def ids(self, paths: Iterable[PathLike]) -> dict[str, int]:
        """The id of the document at each of ``paths`` that the library holds: what its file is asked for by."""
        return self._parts.sources.ids(absolute(path) for path in paths)

    def source(self, document: PathLike | int) -> Source:
        """A document as it can be shown: its text in order, as it was read, and whether its file is still that.

        Args:
            document: a file, a document inside one ("mail.eml!/report.pdf"), or an id.

        Raises:
            NotHeld: the library does not hold it; the message says why.
        """
        sources = self._parts.sources
        return sources.by_id(document) if isinstance(document, int) else sources.source(absolute(document))

    def original(self, id: int) -> Original:
        """The file of a document, to be opened as long as it is what was read. Its ``path`` is where it is.

        Raises:
            NotHeld: no document of the library has this id.
            NotAsRead: its file has changed since it was read, is gone, or is inside another one.
        """
        return self._parts.sources.original(id)

    def preview(self, id: int, *, page: int | None = None, second: float | None = None, width: int = 1000) -> bytes:
        """A picture of a document as JPEG: of a page (from 1), a picture file, or a film at a second.

        Args:
            id: of the document.
            page: of a PDF, or of a picture file with pages.
            second: of a film; None: a little after its beginning.
            width: pixels, 64 to 2000; a picture that is smaller is not enlarged.

        Raises:
            NotHeld, NotAsRead: as ``original``.
            FileError: nothing of it can be seen.
        """
        return self._parts.previews.preview(id, Look(width, page, second))

    def status(self) -> dict[str, Any]:
        """Numbers about the library and the models in use, ready for JSON."""
        return self._parts.status()

    @property
    def inventory(self) -> Inventory:
        """The library in numbers and its files page by page, cheap enough to be looked at every second."""
        return self._parts.inventory
