"""A folder for files that came without one: dropped on the page, they are kept here and added from here.

Nothing that is there is ever overwritten. The same bytes under the same name are the same file; other bytes under a
name that is taken get a number behind it. A file is copied under a name that nobody reads, and gets its own when it is
whole: a full disk leaves nothing behind.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
import unicodedata
from filecmp import cmp
from pathlib import Path

from indexers.disk import because
from indexers.errors import NotWritten, UsageError

_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
_RESERVED = re.compile(r"(?i)(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)")
_LONGEST_BYTES = 200
"""Of a name, so that a number still fits behind it within the 255 that file systems take."""


def keep(source: Path, inbox: Path, name: str = "") -> Path:
    """Copies a file into the folder ``inbox``, which is made for this user alone if it is missing.

    Args:
        source: the file.
        inbox: where to.
        name: what it is to be called there; "" as it is called. Only what any system takes of it is taken.

    Returns:
        Where it lies: an absolute path.

    Raises:
        UsageError: ``source`` is no file that can be read.
        NotWritten: the folder can not be written, or has no room.
    """
    if not source.is_file():
        raise UsageError(f"there is no file {source}")
    try:
        inbox.mkdir(parents=True, exist_ok=True, mode=0o700)
        wanted = inbox.absolute() / safe_name(name or source.name)
        there = _same(source, wanted)
        return there or _copied(source, wanted)
    except PermissionError as error:
        if error.filename is not None and os.fspath(error.filename) == os.fspath(source):
            raise UsageError(f"{source} can not be read: {(error.strerror or 'refused').lower()}") from error
        raise NotWritten(f"{source.name} can not be kept in {inbox}: {because(error)}") from error
    except OSError as error:
        raise NotWritten(f"{source.name} can not be kept in {inbox}: {because(error)}") from error


def safe_name(name: str) -> str:
    r"""A file name that leads nowhere and that any system takes, as near to ``name`` as may be.

    >>> safe_name("../../etc/passwd"), safe_name("a:b?.txt"), safe_name(".hidden"), safe_name("nul.txt")
    ('passwd', 'a_b_.txt', 'hidden', '_nul.txt')
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name).rstrip("/\\"))[-1]
    last = _UNSAFE.sub("_", last.encode("utf-8", "replace").decode())
    # What is hidden is left out where folders are read, and Windows drops dots and spaces at the end.
    last = last.strip(" ").lstrip(".").rstrip(". ") or "file"
    if _RESERVED.match(last):
        last = f"_{last}"
    stem, suffix = _apart(last)
    return _short(stem, _LONGEST_BYTES - len(suffix.encode())) + suffix


def _apart(name: str) -> tuple[str, str]:
    """Stem and suffix; what is longer than suffixes are belongs to the stem."""
    stem, suffix = os.path.splitext(name)  # noqa: PTH122 - Path("a.") has another idea of it
    return (stem, suffix) if len(suffix.encode()) <= 20 else (name, "")


def _short(stem: str, most_bytes: int) -> str:
    return stem.encode()[:most_bytes].decode("utf-8", "ignore")


def _numbered(wanted: Path, number: int) -> Path:
    stem, suffix = _apart(wanted.name)
    return wanted if number == 1 else wanted.with_name(f"{stem} ({number}){suffix}")


def _same(source: Path, wanted: Path) -> Path | None:
    """The file that has the bytes of ``source``, under the name that is wanted or one with a number."""
    number = 1
    while os.path.lexists(place := _numbered(wanted, number)):
        info = place.lstat()
        if stat.S_ISREG(info.st_mode) and info.st_size == source.stat().st_size and cmp(source, place, shallow=False):
            return place
        number += 1
    return None


def _copied(source: Path, wanted: Path) -> Path:
    descriptor, scratch = tempfile.mkstemp(prefix=".locus-", suffix=".part", dir=wanted.parent)
    part = Path(scratch)
    try:
        with os.fdopen(descriptor, "wb") as target, source.open("rb") as opened:
            shutil.copyfileobj(opened, target, 1 << 20)
            target.flush()
            os.fsync(target.fileno())
        return _named(part, wanted)
    finally:
        part.unlink(missing_ok=True)


def _named(part: Path, wanted: Path) -> Path:
    """Gives a whole file the first name that is free; nobody who takes it at the same moment is overwritten."""
    number = 1
    while True:
        place = _numbered(wanted, number)
        try:
            os.link(part, place)
        except FileExistsError:
            number += 1
        except OSError:
            # A file system without second names.
            return _renamed(part, wanted)
        else:
            return place


def _renamed(part: Path, wanted: Path) -> Path:
    number = 1
    while True:
        place = _numbered(wanted, number)
        try:
            place.touch(exist_ok=False, mode=0o600)
        except FileExistsError:
            number += 1
        else:
            part.replace(place)
            return place
