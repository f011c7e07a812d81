"""What the catalog tells of many files at once, for lists of them that are looked at often: cheap, and no more.

A list of 20,000 files is filtered and sorted by a few words of each; only of those that are shown is all read.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from indexers.catalog_codec import document_of
from indexers.catalog_folders import CatalogFolders
from indexers.types import Document, Media, Status

_MANY = 500
"""Values bound to one statement."""


class Outline(NamedTuple):
    """A file by what lists are filtered and sorted by.

    ``holder`` is what it is inside of, or ""; ``file`` is the file on the disk: itself, else the outermost holder.
    """

    path: str
    holder: str
    file: str
    media: Media
    status: Status
    title: str


class CatalogLists(CatalogFolders):
    """The lists of a catalog."""

    def outlines(self) -> list[Outline]:
        """Every file of the library, those inside others included, sorted by path."""
        states = {status.value: status for status in Status}
        rows = self._rows(
            "SELECT f.path, f.parent, c.media, c.status, c.title FROM files f JOIN contents c ON c.id = f.content "
            "ORDER BY f.path"
        )
        holders = {row[0]: row[1] for row in rows if row[1]}

        def outermost(path: str) -> str:
            while path in holders:
                path = holders[path]
            return path

        return [
            Outline(path, holder or "", outermost(path) if holder else path, media, states[state], title)
            for path, holder, media, state, title in rows
        ]

    def documents_at(self, paths: Sequence[str]) -> dict[str, Document]:
        """Those of ``paths`` that the library holds, in full, by path."""
        found: dict[str, Document] = {}
        for start in range(0, len(paths), _MANY):
            some = paths[start : start + _MANY]
            rows = self._rows(
                "SELECT f.path, c.media, c.status, c.reason, c.title, c.coverage, c.pending, c.ledger, "  # noqa: S608
                "(SELECT COUNT(*) FROM chunks k WHERE k.content = c.id) FROM files f "
                f"JOIN contents c ON c.id = f.content WHERE f.path IN ({','.join('?' * len(some))})",
                some,
            )
            found.update((row[0], document_of(row)) for row in rows)
        return found

    def states_at(self, paths: Sequence[str]) -> dict[str, Status]:
        """The status of those of ``paths`` that the library holds, by path."""
        found: dict[str, Status] = {}
        for start in range(0, len(paths), _MANY):
            some = paths[start : start + _MANY]
            rows = self._rows(
                "SELECT f.path, c.status FROM files f JOIN contents c ON c.id = f.content "  # noqa: S608
                f"WHERE f.path IN ({','.join('?' * len(some))})",
                some,
            )
            found.update((path, Status(state)) for path, state in rows)
        return found

    def states(self) -> dict[Status, int]:
        """How many files have each status."""
        rows = self._rows(
            "SELECT c.status, COUNT(*) FROM files f JOIN contents c ON c.id = f.content GROUP BY c.status"
        )
        return {Status(state): number for state, number in rows}

    def count_waiting(self) -> dict[str, int]:
        """How many files wait for each model."""
        rows = self._rows(
            "SELECT c.pending, COUNT(*) FROM files f JOIN contents c ON c.id = f.content WHERE c.pending != '[]' "
            "GROUP BY c.pending"
        )
        waiting: Counter[str] = Counter()
        for pending, number in rows:
            waiting.update(dict.fromkeys(json.loads(pending), number))
        return dict(sorted(waiting.items()))

    def count_chunks(self) -> int:
        """How many passages there are."""
        return int(self._rows("SELECT COUNT(*) FROM chunks")[0][0])
