"""What the catalog knows of one content: where it lies, and its text in order, as it was read.

For showing a source: the passages as they are stored, and the stamps by which a file on the disk is known again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from indexers.catalog_codec import plain_path, unpack_places
from indexers.catalog_folders import CatalogFolders
from indexers.types import Chunk

_MANY = 500


@dataclass(frozen=True, slots=True)
class Copy:
    """A file, or a document inside one (``parent``), that holds a content: size and time (ns) as it was read."""

    path: str
    parent: str | None
    size: int
    mtime_ns: int


class CatalogContents(CatalogFolders):
    """The contents of a catalog."""

    def contents_at(self, paths: Iterable[str]) -> dict[str, int]:
        """The content of each of ``paths`` that is known."""
        given = {plain_path(path): path for path in paths}
        wanted = list(given)
        found: dict[str, int] = {}
        for start in range(0, len(wanted), _MANY):
            some = wanted[start : start + _MANY]
            rows = self._rows(
                f"SELECT path, content FROM files WHERE path IN ({','.join('?' * len(some))})",  # noqa: S608
                some,
            )
            found.update({given[path]: content for path, content in rows})
        return found

    def copies(self, content: int) -> list[Copy]:
        """Everything that holds this content, files of their own first; empty if there is no such content."""
        rows = self._rows(
            "SELECT path, parent, size, mtime_ns FROM files WHERE content=? ORDER BY parent IS NOT NULL, path",
            (content,),
        )
        return [Copy(*row) for row in rows]

    def copy_at(self, path: str) -> Copy | None:
        """The file at ``path``, or the document inside one."""
        rows = self._rows("SELECT path, parent, size, mtime_ns FROM files WHERE path=?", (plain_path(path),))
        return Copy(*rows[0]) if rows else None

    def passages(self, content: int) -> list[Chunk]:
        """The chunks of a content in order."""
        rows = self._rows(
            "SELECT body, header, headings, places FROM chunks WHERE content=? ORDER BY number", (content,)
        )
        found: list[Chunk] = []
        for body, header, headings, packed in rows:
            locator, places = unpack_places(packed)
            found.append(Chunk(body, locator, places, tuple(json.loads(headings)), header))
        return found

    def format_of(self, content: int) -> tuple[str, str]:
        """Format and media of a content, both "" if there is no such content."""
        rows = self._rows("SELECT format, media FROM contents WHERE id=?", (content,))
        return (str(rows[0][0]), str(rows[0][1])) if rows else ("", "")
