"""Every error that Locus raises on purpose.

::

    LocusError                      exit code 1; str() is one clear line with the way out
    ├── UsageError                  2   an empty question, an unknown path, a setting out of range
    │   ├── OtherModel                  the library's texts were embedded with another text model
    │   ├── NotHeld                     the library holds no such document (``assistant.sources``)
    │   └── NotAsRead                   its file has changed, is gone, or is inside another (``assistant.sources``)
    ├── ModelMissing                4   a model that is needed is not on this machine
    ├── LibraryInUse                5   another process writes to the library
    ├── LibraryBroken                   the catalog itself can not be read
    ├── NotWritten                      the disk refuses: it is full, or read-only; what was stored is safe
    ├── ModelFailed                     a model or a model server did not do its work
    └── FileError                       one file could not be read; carries the ``Status`` it gets
        ├── Encrypted
        ├── Empty
        ├── Unsupported
        ├── Broken
        ├── Unreadable
        │   └── Changed
        └── TooLarge

Foreign errors are wrapped where they arise, with ``raise … from``; only the command line and the page turn
errors into prose. "Nothing found" is an answer, not an error.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from indexers.disk import because, trouble
from indexers.types import Status


class LocusError(Exception):
    """The root: catch this to catch everything that Locus raises on purpose."""

    exit_code: ClassVar[int] = 1


class UsageError(LocusError):
    """The call can not be carried out as it was made."""

    exit_code = 2


class OtherModel(UsageError):
    """The library is bound to another text model than the one at hand."""


class ModelMissing(LocusError):
    """A model that is needed is not installed."""

    exit_code = 4


class LibraryInUse(LocusError):
    """Another process holds the library's writer lock."""

    exit_code = 5


class LibraryBroken(LocusError):
    """The catalog can not be opened or fails its integrity check."""


class NotWritten(LocusError):
    """The disk that the library is on refuses to be written: it is full, or read-only. What was stored is safe."""

    @classmethod
    def told(cls, library: Path, error: OSError | None = None) -> NotWritten:
        """The error with the reason and the way out; without the system's own ``error``, the disk is tried."""
        why = trouble(library) if error is None or error.errno is None else because(error)
        why = why or "the disk gave an error; see that it has room and is sound, and try again"
        return cls(f"the library {library} can not be written: {why}; what was stored before is safe")


class ModelFailed(LocusError):
    """A model is there but could not be loaded or gave no result."""


class FileError(LocusError):
    """One file could not be read. Its neighbours are not touched by this.

    The message is the reason alone, one clause without the path ("needs a password").
    """

    status: ClassVar[Status] = Status.FAILED


class Encrypted(FileError):
    """The file asks for a password."""

    status = Status.ENCRYPTED


class Empty(FileError):
    """The file holds no text."""

    status = Status.EMPTY


class Unsupported(FileError):
    """No parser reads this kind of file."""

    status = Status.UNSUPPORTED


class Broken(FileError):
    """The file is damaged, or reading it took more time or memory than a file may take."""


class Unreadable(FileError):
    """The operating system refuses the file."""


class Changed(Unreadable):
    """The file changed while it was read: what was read of it may be of two versions."""


class TooLarge(FileError):
    """The file is larger than the settings allow."""
