"""One file → what the library stores of it: reading, as a function of the file alone.

Knows neither the catalog nor a model; the pipeline decides what is read and where it goes.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path, PurePath
from typing import Protocol

from indexers.catalog_codec import Content
from indexers.cleaning import clean_parsed, clean_text
from indexers.errors import FileError, TooLarge, Unreadable, Unsupported
from indexers.media import FileType, sniff
from indexers.parsers import PARSERS
from indexers.protocols import Source
from indexers.types import Attachment, Block, Parsed, Piece, Status, WholeLocator

PARSER_VERSION = 1
"""Raised when parsers or chunking change enough that files should be read again."""
_MAX_DEPTH = 3
"""How deep documents inside documents are followed (a mail in a mail in a mail)."""
_WHY_NOT = {
    "doc": "old Word format: save it as .docx",
    "ppt": "old PowerPoint format: save it as .pptx",
    "unknown": "not a kind of file that Locus reads",
}


class Reader(Protocol):
    """What runs a parser: the sandbox."""

    def parse(self, source: Source) -> Parsed:
        """The parsed file; raises ``FileError``."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A file as it was read: its content, its text, and the documents inside it."""

    path: str
    parent: str | None
    size: int
    mtime_ns: int
    content: Content
    blocks: tuple[Block, ...] = ()
    inner: tuple[Reading, ...] = ()

    def flat(self) -> Iterator[Reading]:
        """This reading, then those inside it."""
        yield self
        for inner in self.inner:
            yield from inner.flat()


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex.

    Raises:
        Unreadable: the operating system refuses the file.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Unreadable(_refusal(error)) from error


def content_key(sha256: str, name: str) -> str:
    """The key under which a content is stored: its bytes and what decides how they are read."""
    return f"{sha256}:{PurePath(name).suffix.lower()}:{PARSER_VERSION}"


def is_current(key: str) -> bool:
    """Whether a stored content was read by these parsers."""
    return key.endswith(f":{PARSER_VERSION}")


def read_file(path: str, size: int, mtime_ns: int, sha256: str, reader: Reader, max_bytes: int) -> Reading:
    """Reads the file at ``path`` and the documents inside it; what is wrong with it becomes its status.

    Raises:
        Unreadable: the system refuses it, or it is not as long or as old as ``size`` and ``mtime_ns`` say.
    """
    reading = _read(Path(path), path, None, size, mtime_ns, sha256, reader, max_bytes, 0)
    try:
        info = Path(path).stat()
    except OSError as error:
        raise Unreadable(_refusal(error)) from error
    if (info.st_size, info.st_mtime_ns) != (size, mtime_ns):
        # Its hash and its text may be of different versions: neither is kept.
        raise Unreadable("it was changed while it was read; add it again")
    return reading


def failed(path: str, size: int, mtime_ns: int, key: str, error: FileError) -> Reading:
    """The reading of a file that could not be read at all."""
    content = Content(key, "unknown", "text", error.status, clean_text(str(error)), PurePath(path).stem)
    return Reading(path, None, size, mtime_ns, content)


def _read(
    file: Path,
    path: str,
    parent: str | None,
    size: int,
    mtime_ns: int,
    sha256: str,
    reader: Reader,
    max_bytes: int,
    depth: int,
) -> Reading:
    name = PurePath(path.rpartition("!/")[2]).name
    key = content_key(sha256, name)
    kind = FileType("unknown", "text", "")
    try:
        if size > max_bytes:
            raise TooLarge(f"larger than the limit of {max_bytes // 1_000_000} MB (setting max_file_mb)")
        kind = sniff(file, name)
        parsed = clean_parsed(_parse(file, name, kind, reader))
    except FileError as error:
        if isinstance(error, Unreadable) and depth == 0:
            raise
        reason = clean_text("; ".join(part for part in (kind.mismatch, str(error)) if part))
        content = Content(key, kind.format, kind.media, error.status, reason, PurePath(name).stem)
        return Reading(path, parent, size, mtime_ns, content)
    inner = tuple(
        _read_inside(attachment, path, mtime_ns, reader, max_bytes, depth)
        for attachment in _named_apart(parsed.attachments)
        if depth < _MAX_DEPTH
    )
    pending = () if kind.media == "text" else (kind.media,)
    notes = [
        *parsed.notes,
        "what is inside it is too deep to be followed" if parsed.attachments and depth >= _MAX_DEPTH else "",
        *(("found by its name only until its model is there",) if pending else ()),
    ]
    missing = [note for note in notes if note]
    reason = "; ".join([kind.mismatch, *missing] if kind.mismatch else missing)
    has_text = any(piece.text.strip() for block in parsed.blocks for piece in block.pieces)
    if not has_text and not inner:
        status = Status.EMPTY
        reason = reason or "no text in it"
    else:
        status = Status.INDEXED if parsed.coverage >= 1 and not missing else Status.PARTIAL
    content = Content(
        key,
        kind.format,
        kind.media,
        status,
        reason,
        parsed.title.strip() or PurePath(name).stem,
        tuple(sorted(parsed.metadata.items())),
        round(parsed.coverage, 4),
        pending,
    )
    return Reading(path, parent, size, mtime_ns, content, parsed.blocks, inner)


def _parse(file: Path, name: str, kind: FileType, reader: Reader) -> Parsed:
    if kind.media != "text":
        # Until its model has looked at it, a picture or recording is found by what it is called.
        words = PurePath(name).stem.replace("_", " ").replace("-", " ")
        return Parsed((Block((Piece(words, WholeLocator()),)),), title=PurePath(name).stem, coverage=0.0)
    if kind.format not in PARSERS:
        raise Unsupported(_WHY_NOT.get(kind.format, f"{kind.format} files are not read"))
    return reader.parse(Source(file, name, kind.format))


def _read_inside(
    attachment: Attachment, parent: str, mtime_ns: int, reader: Reader, max_bytes: int, depth: int
) -> Reading:
    path = f"{parent}!/{attachment.name}"
    sha256 = hashlib.sha256(attachment.data).hexdigest()
    with tempfile.TemporaryDirectory(prefix="locus-") as folder:
        file = Path(folder) / "inside"
        file.write_bytes(attachment.data)
        return _read(file, path, parent, len(attachment.data), mtime_ns, sha256, reader, max_bytes, depth + 1)


def _named_apart(attachments: tuple[Attachment, ...]) -> Iterator[Attachment]:
    """Attachments under names that are plain file names and differ from one another."""
    taken: set[str] = set()
    for attachment in attachments:
        name = "".join(c for c in PurePath(attachment.name.replace("\\", "/")).name if c.isprintable())
        name = name.replace("!", "_").strip()
        if name in ("", ".", ".."):
            name = "unnamed"
        plain = PurePath(name)
        for number in count(2):
            if name not in taken:
                break
            name = f"{plain.stem} ({number}){plain.suffix}"
        taken.add(name)
        yield replace(attachment, name=name)


def _refusal(error: OSError) -> str:
    return f"the system refuses to read it ({(error.strerror or str(error)).lower()})"
