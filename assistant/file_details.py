"""Everything that the library knows of one file, or of one document inside a file.

Knows the catalog and the disk; no model is loaded.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from indexers.catalog_codec import StoredFile
from indexers.catalog_reader import CatalogReader
from indexers.ledger import Ledger
from indexers.types import Document

_MARK = re.compile(r":(?:-|\d+:\d+)$")


@dataclass(frozen=True, slots=True)
class FileDetails:
    """One file of the library in full.

    Args:
        document: what the list of files says of it.
        format: as its content tells ("pdf").
        metadata: author, date, language … as far as the file says them.
        size: in bytes as it was read; None where the system refused it.
        modified: when it was changed last, as it was read; None likewise.
        is_there: whether it is on the disk now.
        attempts: how often this version of it was tried to read; ``tried_at`` is when last, None if nobody noted it.
        spaces: the spaces in which it has vectors, with how many.
        inside: the documents inside it.
        parent: the file that it is inside of.
        beside: names of the files beside it that were read with it: captions, subtitles.
        ways: for each model that it waits for, the command that helps.
    """

    document: Document
    format: str
    metadata: Mapping[str, str]
    size: int | None
    modified: datetime | None
    is_there: bool
    attempts: int
    tried_at: datetime | None
    spaces: Mapping[str, int]
    inside: tuple[Document, ...]
    parent: str | None
    beside: tuple[str, ...]
    ways: Mapping[str, str]

    @property
    def path(self) -> str:
        """Where it is; of a document inside a file "mail.eml!/report.pdf"."""
        return self.document.path

    @property
    def ledger(self) -> Ledger:
        """How well it was read."""
        return self.document.ledger

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``locus files --json PATH``."""
        return {
            **self.document.to_dict(),
            "title": self.document.title,
            "format": self.format,
            "metadata": dict(self.metadata),
            "size": self.size,
            "modified": _iso(self.modified),
            "is_there": self.is_there,
            "attempts": self.attempts,
            "tried_at": _iso(self.tried_at),
            "spaces": dict(self.spaces),
            "ledger": self.ledger.to_dict(),
            "inside": [document.path for document in self.inside],
            "parent": self.parent,
            "beside": list(self.beside),
            "ways": dict(self.ways),
        }


def details(catalog: CatalogReader, path: str, way_to_finish: Callable[[str, str], str]) -> FileDetails | None:
    """The details of the file at ``path``, an absolute path; None if the library does not hold it.

    Args:
        catalog: of the library; its mutex is held.
        path: of a file, or "mail.eml!/report.pdf".
        way_to_finish: the command after which a file, by its path, no longer waits for a model.
    """
    stored = catalog.stored_file(path)
    if stored is None:
        return None
    was_read = stored.size >= 0
    return FileDetails(
        stored.document,
        stored.format,
        stored.metadata,
        stored.size if was_read else None,
        datetime.fromtimestamp(stored.mtime_ns / 1e9, UTC) if was_read else None,
        os.path.exists(catalog.outermost(stored.document.path)),  # noqa: PTH110 - Path.exists may raise
        stored.attempts,
        datetime.fromtimestamp(stored.tried_at, UTC) if stored.tried_at else None,
        stored.spaces,
        tuple(catalog.documents(under=path)[1:]),
        stored.parent,
        _beside(stored),
        {model: way_to_finish(model, stored.document.path) for model in stored.document.pending},
    )


def _beside(stored: StoredFile) -> tuple[str, ...]:
    """Names out of the stamp of the files beside one: each with its size and time, "-" for one that was gone."""
    return tuple(_MARK.sub("", part) for part in stored.beside.split("/") if part)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
