"""Changes lines of a settings file and leaves all others, comments and their order, as they are.

The file is replaced as a whole or not at all: what is new is written beside it, synced and renamed. It may hold a key,
so a new one is readable by its owner alone; an old one keeps its mode, and a link to a file stays one. Two who change
the file at once wait for each other. What the settings are, and which values they may have, is for the caller to say.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import tomlkit
from tomlkit.exceptions import TOMLKitError

from indexers.disk import because
from indexers.errors import LibraryInUse, NotWritten, UsageError
from indexers.lock import WriterLock

Plain: TypeAlias = bool | int | float | str

_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""The byte order mark that editors on Windows put before UTF-8."""
_PATIENCE_S = 5.0


def edit(path: Path, changes: Mapping[str, Plain | None], check: Callable[[dict[str, Any]], None]) -> None:
    """Gives settings the values of ``changes``; None takes the line away. A file that is not there is made.

    Args:
        path: the file.
        changes: new values by name.
        check: is told all values that the file would have then; what it raises leaves the file as it was.

    Raises:
        UsageError: the file can not be read, or somebody else is changing it.
        NotWritten: it can not be written; it is as it was.
    """
    target = Path(os.path.realpath(path))
    with _alone(target, path):
        old = _text(target, path)
        new = _changed(old, changes, path, check)
        if new != old:
            try:
                _replace(target, new.encode())
            except OSError as error:
                raise _not_written(path, error) from error


def _text(target: Path, path: Path) -> str:
    try:
        return target.read_bytes().decode()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise _not_read(path, error) from error


def _changed(old: str, changes: Mapping[str, Plain | None], path: Path, check: Callable[[dict[str, Any]], None]) -> str:
    """The text of the file with the changes; line ends and a byte order mark stay as they were."""
    mark = _MARK if old.startswith(_MARK) else ""
    ending = "\r\n" if "\r\n" in old else "\n"
    try:
        document = tomlkit.parse(old.removeprefix(_MARK).replace("\r\n", "\n"))
        for name, value in changes.items():
            if value is not None:
                document[name] = value
            elif name in document:
                del document[name]
        text = tomlkit.dumps(document)
        values = tomlkit.parse(text).unwrap()
    except (TOMLKitError, ValueError) as error:
        raise _not_read(path, error) from error
    check(values)
    return mark + text.replace("\n", ending)


def _replace(target: Path, data: bytes) -> None:
    """Puts a file of these bytes in the place of ``target``; after a crash at any time one of the two is whole."""
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o600
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    aside = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.chmod(mode)
        aside.replace(target)
    except OSError:
        aside.unlink(missing_ok=True)
        raise


@contextmanager
def _alone(target: Path, path: Path) -> Iterator[None]:
    """Keeps others from changing the file. The lock file stays: who deleted it would let two in."""
    with ExitStack() as held:
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            held.enter_context(WriterLock(target.with_name(f".{target.name}.lock")).hold(_PATIENCE_S))
        except LibraryInUse as error:
            raise UsageError(f"the settings file {path} is being changed by another program; try again") from error
        except NotWritten as error:
            raise _not_written(path, error.__cause__) from error
        except OSError as error:
            raise _not_written(path, error) from error
        yield


def _not_read(path: Path, error: Exception) -> UsageError:
    return UsageError(f"the settings file {path} can not be read, and was left as it is: {error}")


def _not_written(path: Path, error: BaseException | None) -> NotWritten:
    why = "the disk refuses"
    if isinstance(error, OSError):
        is_read_only = error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
        why = "it or its folder is read-only; make it writable" if is_read_only else because(error)
    return NotWritten(f"the settings file {path} can not be written: {why}; it is as it was")
