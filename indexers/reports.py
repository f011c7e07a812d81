"""What adding files tells: a report per file, and how far it is. Plain data, ready for JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from indexers.types import Media, Status

Change = Literal["added", "updated", "unchanged", "moved", "removed", "failed"]
CHANGES: tuple[Change, ...] = get_args(Change)


@dataclass(frozen=True, slots=True)
class FileReport:
    """What ``add`` did with one file, or with one document inside a file; ``was`` is where one that moved lay."""

    path: str
    media: Media
    change: Change
    status: Status
    reason: str = ""
    chunks: int = 0
    was: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "path": self.path,
            "media": self.media,
            "change": self.change,
            "status": self.status.value,
            "reason": self.reason,
            "chunks": self.chunks,
        }


@dataclass(frozen=True, slots=True)
class AddReport:
    """A status per file, in the order in which the files were given; ``left`` are those that were not begun."""

    files: tuple[FileReport, ...]
    seconds: float
    left: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[FileReport, ...]:
        """The files of which nothing can be found."""
        return tuple(file for file in self.files if file.change == "failed")

    def count(self, change: Change) -> int:
        """How many files ended that way."""
        return sum(file.change == change for file in self.files)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``locus add --json``."""
        return {
            **{kind: self.count(kind) for kind in CHANGES},
            "seconds": round(self.seconds, 3),
            "files": [file.to_dict() for file in self.files],
        }


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an ``add`` is. ``path`` was finished last; while a file takes long, it is that, and ``part`` is where."""

    files: int
    files_total: int
    chunks: int
    bytes: int
    bytes_total: int
    path: str
    part: str = ""
