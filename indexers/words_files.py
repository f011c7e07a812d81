"""The files of a tantivy index: which they are, whether they are whole, and the seal that says so.

tantivy ends each data file with a CRC-32, which it does not check, and has none for the file that says which files
there are. The seal, a file of our own beside them, holds a SHA-256 of what the checksums leave out. It is broken
before a writer begins and made when it has ended, so that a reader finds either a seal that fits or an open one; after
a writer that was killed, an open seal is left, and the checksums alone count.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from indexers.snapshots import read_snapshot, write_snapshot

_FOOTER_MAGIC = 1337
_FOOTER_MOST = 4096
_META = "meta.json"
_SEAL = "seal"
_MANAGED = ".managed.json"
_DATA_FILE = re.compile(r"([0-9a-f]{32})\.(?:(\d+)\.del|\w+)")
_OWN_FILE = re.compile(r"[0-9a-f]{32}\.[\w.]+|meta\.json|\.managed\.json|\.tantivy-[a-z]+\.lock|\.tmp\w+|seal(\.tmp)?")


@dataclass(frozen=True, slots=True)
class Seal:
    """``mark`` names the state of the catalog that the index was made for; ``digest`` is empty while it is open."""

    mark: str
    digest: str


def index_files(folder: Path) -> Iterable[Path]:
    """The files of an index, and no other."""
    return [path for path in folder.iterdir() if _OWN_FILE.fullmatch(path.name) and path.is_file()]


def break_seal(folder: Path, mark: str) -> None:
    """Before files are changed: says that they are about to be what ``mark`` stands for.

    Raises:
        OSError: the seal is as it was.
    """
    write_snapshot(folder / _SEAL, {"mark": mark, "digest": ""}, [])


def seal(folder: Path, mark: str) -> None:
    """After files were changed: nothing is to change them from here on.

    Raises:
        OSError: the seal stays open.
    """
    write_snapshot(folder / _SEAL, {"mark": mark, "digest": _digest(folder)}, [])


def read_seal(folder: Path) -> Seal | None:
    """The seal, None where there is none that is whole."""
    found = read_snapshot(folder / _SEAL)
    return None if found is None else Seal(str(found[0].get("mark")), str(found[0].get("digest")))


def fits(folder: Path, found: Seal) -> bool:
    """Whether the files are those that were sealed; an open seal says nothing about that."""
    try:
        return not found.digest or (found.digest == _digest(folder) and _manages_all(folder))
    except (OSError, ValueError, KeyError, TypeError):  # what is no list of files at all
        return False


def is_damaged(folder: Path) -> bool:
    """Whether a file does not fit the checksum in its footer, which tantivy writes but does not check.

    Each data file ends with JSON that holds the CRC-32 of what is before it, the JSON's length and a magic
    number (4 bytes each, little-endian). What has no such footer is left to the seal, and to tantivy, which refuses
    it.
    """
    for path in index_files(folder):
        try:
            data = memoryview(path.read_bytes())
        except FileNotFoundError:  # a writer merged it away
            continue
        if len(data) < 8 or int.from_bytes(data[-4:], "little") != _FOOTER_MAGIC:
            continue
        body = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
        try:
            expected = json.loads(bytes(data[max(body, 0) : -8]))["crc"]
        except (ValueError, KeyError, TypeError):
            return True
        if zlib.crc32(data[:body]) != expected:
            return True
    return False


def sweep(folder: Path) -> None:
    """Deletes what a killed or failed writer has left. Only for whoever keeps other writers out.

    tantivy never deletes what its own list does not name, and refuses to write a file of deletions that is there
    already: the next commit after a kill would fail, and each one after that.
    """
    segments = _segments(folder)
    for path in index_files(folder):
        is_dead = _DATA_FILE.fullmatch(path.name) is not None and not _is_used(path.name, segments)
        if is_dead or path.name.startswith(".tmp"):
            # A system that keeps open files from being deleted keeps it until the next time.
            with suppress(OSError):
                path.unlink()


def _segments(folder: Path) -> dict[str, str | None]:
    """The segments in use, and the number of the file of deletions of each."""
    meta: dict[str, Any] = json.loads((folder / _META).read_bytes())
    return {
        segment["segment_id"].replace("-", ""): str(segment["deletes"]["opstamp"]) if segment["deletes"] else None
        for segment in meta["segments"]
    }


def _is_used(name: str, segments: dict[str, str | None]) -> bool:
    match = _DATA_FILE.fullmatch(name)
    return match is not None and match[1] in segments and match[2] in (None, segments[match[1]])


def _digest(folder: Path) -> str:
    """Of the list of segments, and of each file in use its name, its size and its footer, which holds its checksum."""
    digest = hashlib.sha256((folder / _META).read_bytes())
    segments = _segments(folder)
    for path in sorted(index_files(folder)):
        if _is_used(path.name, segments):
            with suppress(FileNotFoundError), path.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size - _FOOTER_MOST))
                digest.update(f"{path.name} {size}\n".encode() + _footer(file.read()))
    return digest.hexdigest()


def _manages_all(folder: Path) -> bool:
    """Whether tantivy's list of what it may delete is one, and names all that is in use.

    It is not sealed: what is deleted is struck off the list some time after a writer has ended.
    """
    listed: list[str] = json.loads((folder / _MANAGED).read_bytes())
    segments = _segments(folder)
    return {path.name for path in index_files(folder) if _is_used(path.name, segments)} <= set(listed)


def _footer(end: bytes) -> bytes:
    """The footer at the end of a file, all of ``end`` where there is none."""
    length = int.from_bytes(end[-8:-4], "little") + 8
    return end[-length:] if len(end) >= length else end
