"""One file → what the library stores of it: reading, as a function of the file and of the models that perceive.

Knows neither the catalog nor which vectors come of it; the pipeline decides what is read and where it goes.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path, PurePath
from typing import Protocol

from indexers.accounts import drawn_up
from indexers.beside import companions
from indexers.catalog_codec import Content, FileState, plain_path
from indexers.cleaning import clean_parsed, clean_text
from indexers.errors import Changed, FileError, TooLarge, Unreadable, Unsupported
from indexers.ledger import Ledger
from indexers.media import FileType, sniff
from indexers.parsers import PARSERS
from indexers.places import NOT_REGULAR, Bounds, open_regular
from indexers.protocols import Source
from indexers.senses import Perceived, Senses, Task, left_to, perceive, waiting
from indexers.types import Attachment, Block, Decoded, Parsed, Picture, Status, Unread
from indexers.unfinished import FORGETFUL, Unfinished

PARSER_VERSION = 3
"""Raised when parsers or chunking change enough that files should be read again."""
_UNHASHED = "size-"
_MAX_DEPTH = 3
_PORTION = 1 << 20
"""How deep documents inside documents are followed (a mail in a mail in a mail)."""
_WHY_NOT = {
    "doc": "old Word format: save it as .docx",
    "ppt": "old PowerPoint format: save it as .pptx",
    "unknown": "not a kind of file that Locus reads",
    **dict.fromkeys(
        ("zip", "tar", "gzip", "bzip2", "xz", "zstd", "7z", "rar"), "archives are not unpacked: add what is in it"
    ),
}


class Reader(Protocol):
    """What runs parsers and decoders: the sandbox."""

    def parse(self, source: Source) -> Parsed:
        """The parsed file; raises ``FileError``."""

    def decode(self, source: Source, what: Unread, start: float) -> Decoded:
        """A portion of its pictures or sound; raises ``FileError``."""


@dataclass(frozen=True, slots=True)
class Version:
    """A file as it was when it was looked at.

    ``sha256`` is of its bytes. ``beside`` are the files that speak of it, ``beside_stamp`` tells their versions apart
    at a glance, ``beside_sha256`` is of what they hold; both are empty where there are none.
    """

    path: str
    size: int
    mtime_ns: int
    sha256: str
    beside: tuple[str, ...] = ()
    beside_stamp: str = ""
    beside_sha256: str = ""

    @property
    def key(self) -> str:
        """What its content is stored under."""
        return content_key(self.sha256, self.path, self.beside_sha256)


@dataclass(frozen=True, slots=True)
class Reading:
    """A file as it was read: its content, its text, its pictures, and the documents inside it.

    ``pictures`` are as the image model's ``prepare`` gives them.
    """

    version: Version
    parent: str | None
    content: Content
    blocks: tuple[Block, ...] = ()
    pictures: tuple[Picture, ...] = ()
    inner: tuple[Reading, ...] = ()

    @property
    def path(self) -> str:
        """Where it was read."""
        return self.version.path

    def flat(self) -> Iterator[Reading]:
        """This reading, then those inside it."""
        yield self
        for inner in self.inner:
            yield from inner.flat()


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex.

    Raises:
        Unreadable: the operating system refuses the file, or makes up what is in it.
        Unsupported: it is a device, a pipe or a socket.
    """
    told, read = hashlib.sha256(), 0
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            # Files of the system itself (below /proc, say) hold more than they tell, some without an end.
            while read <= size and (portion := file.read(min(_PORTION, size + 1 - read))):
                told.update(portion)
                read += len(portion)
            if read > size == os.fstat(file.fileno()).st_size:
                raise Unreadable("it holds more than it tells, as files of the system itself do")
    except OSError as error:
        raise Unreadable(_refusal(error)) from error
    return told.hexdigest()


def regular(path: str) -> os.stat_result:
    """What the system says of a file.

    Raises:
        Unreadable: the system refuses it, or its name can not be stored.
        Unsupported: it is a device, a pipe or a socket.
    """
    if plain_path(path) != path:
        raise Unreadable("its name is not valid text")
    try:
        info = Path(path).stat()
    except FileNotFoundError as error:
        raise Unreadable("the link leads nowhere" if os.path.lexists(path) else "it is no longer there") from error
    except OSError as error:
        raise Unreadable(f"the system refuses it ({(error.strerror or 'error').lower()})") from error
    if not stat.S_ISREG(info.st_mode):
        raise Unsupported(NOT_REGULAR)
    return info


def stamp(paths: Sequence[str]) -> str:
    """Sizes and times of files that speak of another, "" for none; a file that is not there counts as that."""
    found = []
    for path in paths:
        try:
            info = Path(path).stat()
            found.append(f"{PurePath(path).name}:{info.st_size}:{info.st_mtime_ns}")
        except OSError:
            found.append(f"{PurePath(path).name}:-")
    return plain_path("/".join(found))


def digest_of(paths: Sequence[str]) -> str:
    """SHA-256 over the names and bytes of files, "" for none.

    Raises:
        Unreadable: the operating system refuses one.
    """
    if not paths:
        return ""
    parts = [f"{plain_path(PurePath(path).name)}:{digest(Path(path))}" for path in paths]
    return hashlib.sha256("/".join(parts).encode()).hexdigest()


def content_key(sha256: str, name: str, beside_sha256: str = "") -> str:
    """The key under which a content is stored: its bytes and what decides how they are read."""
    told = f"+{beside_sha256}" if beside_sha256 else ""
    return f"{sha256}{told}:{PurePath(name).suffix.lower()}:{PARSER_VERSION}"


def is_current(key: str) -> bool:
    """Whether a stored content was read by these parsers."""
    return key.endswith(f":{PARSER_VERSION}")


def unhashed(info: os.stat_result) -> str:
    """Stands for the hash of a file that is not worth reading: its size and date."""
    return f"{_UNHASHED}{info.st_size}-{info.st_mtime_ns}"


def is_unhashed(key: str) -> bool:
    """Whether a content was stored by ``unhashed``: the file was too large."""
    return key.startswith(_UNHASHED)


def failed(path: str, error: FileError) -> Reading:
    """The reading of a file that could not be read at all. It has a size that no file has: it is looked at again."""
    version = Version(path, -1, 0, f"refused:{path}")
    return Reading(version, None, _unread(version, FileType("unknown", "text", ""), error))


@dataclass(frozen=True, slots=True)
class _Watch:
    """The caller's part while a file is read."""

    cancelled: Callable[[], bool]
    tell: Callable[[str], None]


class FileReader:
    """Reads files, one a call; usable from several threads.

    Args:
        reader: what runs parsers and decoders.
        senses: the models that look and listen.
        unfinished: where their work is kept until a file is whole.
        max_bytes: larger files are not read …
        max_media_bytes: … nor recordings and films larger than this, which are read a portion at a time.
    """

    def __init__(
        self, reader: Reader, senses: Senses, unfinished: Unfinished, *, max_bytes: int, max_media_bytes: int = 0
    ) -> None:
        self._reader = reader
        self.senses = senses
        self._unfinished = unfinished
        self._max_bytes = max_bytes
        self._max_media_bytes = max_media_bytes

    def refusal(self, path: Path, size: int) -> TooLarge | None:
        """Why a file of this size is not read; None if it is. Looks into the file only where that decides."""
        limit = self._max_bytes
        if size > limit and self._max_media_bytes > limit and _is_recording(path):
            limit = self._max_media_bytes
        setting = "max_file_mb" if limit == self._max_bytes else "max_media_mb"
        return (
            TooLarge(f"larger than the limit of {limit // 1_000_000} MB (setting {setting})") if size > limit else None
        )

    def is_unchanged(
        self, known: FileState | None, path: str, beside: tuple[str, ...], info: os.stat_result | None = None
    ) -> bool:
        """Whether nothing is to be read anew of the file at ``path``, by its size and time and what is known of it."""
        if known is None or known.beside != stamp(beside) or not is_current(known.hash):
            return False
        try:
            info = info or Path(path).stat()
        except OSError:
            return False
        if (known.size, known.mtime_ns) != (info.st_size, info.st_mtime_ns):
            return False
        # The limit may have been raised since a file was too large.
        return not is_unhashed(known.hash) or self.refusal(Path(path), info.st_size) is not None

    def version(self, path: str, info: os.stat_result, beside: tuple[str, ...]) -> Version:
        """The file at ``path`` as it is now, ``beside`` the files that speak of it.

        Raises:
            Unreadable: the system refuses one of them.
        """
        if self.refusal(Path(path), info.st_size) is not None:
            # Not worth a hash: its size and date tell it apart well enough.
            return Version(path, info.st_size, info.st_mtime_ns, unhashed(info))
        # The stamp first: what changes from here on is noticed when the file has been read.
        mark = stamp(beside)
        return Version(path, info.st_size, info.st_mtime_ns, digest(Path(path)), beside, mark, digest_of(beside))

    def read(
        self,
        version: Version,
        cancelled: Callable[[], bool] = lambda: False,
        tell: Callable[[str], None] = lambda _where: None,
    ) -> Reading:
        """Reads a file and the documents inside it; what is wrong with it becomes its status.

        ``cancelled`` is asked, and ``tell`` told where they are, while models look and listen.

        Raises:
            Unreadable: the system refuses it.
            Changed: it is not as long or as old as ``version`` says.
            Cancelled: ``cancelled`` said so while models were at work.
        """
        reading = self._read(Path(version.path), version, None, _Watch(cancelled, tell), 0)
        try:
            info = Path(version.path).stat()
        except OSError as error:
            raise Unreadable(_refusal(error)) from error
        now = (info.st_size, info.st_mtime_ns, stamp(version.beside))
        if now != (version.size, version.mtime_ns, version.beside_stamp):
            # Its hash and its text may be of different versions: neither is kept.
            raise Changed("it was changed while it was read; add it again")
        return reading

    def read_query(self, path: Path) -> Reading:
        """Reads a file that is searched with, not stored.

        Raises:
            Unreadable: the system refuses it.
        """
        try:
            info = path.stat()
            names = os.listdir(path.parent)  # noqa: PTH208 - names, not paths
        except OSError as error:
            raise Unreadable(_refusal(error)) from error
        found = (path.parent / name for name in companions(str(path), names))
        beside = tuple(str(other) for other in found if other.is_file() and Bounds(()).hold(str(other)))
        version = Version(str(path), info.st_size, info.st_mtime_ns, "", beside, stamp(beside))
        return self.read(version)

    def _read(self, file: Path, version: Version, parent: str | None, watch: _Watch, depth: int) -> Reading:
        name = PurePath(version.path.rpartition("!/")[2]).name
        kind = FileType("unknown", "text", "")
        try:
            too_large = self.refusal(file, version.size)
            if too_large is not None:
                raise too_large
            kind = sniff(file, name)
            source = Source(file, name, kind.format, tuple(Path(path) for path in version.beside))
            seen = self._perceived(source, version, watch)
        except FileError as error:
            if isinstance(error, Unreadable) and depth == 0:
                raise
            return Reading(version, parent, _unread(version, kind, error))
        parsed = seen.parsed
        inner = tuple(
            self._read_inside(attachment, version, watch, depth)
            for attachment in _named_apart(parsed.attachments)
            if depth < _MAX_DEPTH
        )
        missing = [note for note in parsed.notes if note]
        if parsed.attachments and depth >= _MAX_DEPTH:
            missing.append("what is inside it is too deep to be followed")
        left_out = [*missing, *left_to(seen.pending), *self._not_looked_at(parsed)]
        if kind.media != "text":
            missing += waiting(seen.pending)
        content = _content(version.key, name, kind, seen, missing, left_out, has_more=bool(inner or seen.pictures))
        return Reading(version, parent, content, parsed.blocks, seen.pictures, inner)

    def _perceived(self, source: Source, version: Version, watch: _Watch) -> Perceived:
        unsupported = why_not(source.format)
        if unsupported is not None:
            raise unsupported
        parsed = clean_parsed(self._reader.parse(source))
        if not parsed.unread:
            return Perceived(parsed)
        memo = self._unfinished.memo(version.sha256, plain_path(version.path)) if version.sha256 else FORGETFUL
        seen = perceive(Task(source, self._reader.decode, self.senses, memo, watch.cancelled, watch.tell), parsed)
        return replace(seen, parsed=clean_parsed(seen.parsed))

    def _not_looked_at(self, parsed: Parsed) -> list[str]:
        off = self.senses.ocr is None and {"pictures", "frames"}.intersection(parsed.unread)
        return ["text in pictures is not read (setting ocr)"] if off else []

    def _read_inside(self, attachment: Attachment, holder: Version, watch: _Watch, depth: int) -> Reading:
        sha256 = hashlib.sha256(attachment.data).hexdigest()
        path = f"{holder.path}!/{attachment.name}"
        version = Version(path, len(attachment.data), holder.mtime_ns, sha256)
        with tempfile.TemporaryDirectory(prefix="locus-") as folder:
            file = Path(folder) / "inside"
            file.write_bytes(attachment.data)
            return self._read(file, version, holder.path, watch, depth + 1)


def _unread(version: Version, kind: FileType, error: FileError) -> Content:
    """The content of a file, or a document inside one, of which nothing can be read."""
    name = PurePath(version.path.rpartition("!/")[2])
    reason = clean_text("; ".join(part for part in (kind.mismatch, str(error)) if part))
    return Content(
        version.key, kind.format, kind.media, error.status, reason, name.stem, ledger=Ledger(skipped=(reason,))
    )


def _content(
    key: str,
    name: str,
    kind: FileType,
    seen: Perceived,
    missing: Sequence[str],
    left_out: Sequence[str],
    *,
    has_more: bool,
) -> Content:
    parsed, pending = seen.parsed, seen.pending
    reason = "; ".join([kind.mismatch, *missing] if kind.mismatch else missing)
    has_text = any(piece.text.strip() for block in parsed.blocks for piece in block.pieces)
    if not has_text and not has_more and not pending:
        status = Status.EMPTY
        reason = reason or "no text in it"
    elif pending and kind.media != "text":
        status = Status.PENDING
    else:
        status = Status.INDEXED if parsed.coverage >= 1 and not missing else Status.PARTIAL
    return Content(
        key,
        kind.format,
        kind.media,
        status,
        reason,
        parsed.title.strip() or PurePath(name).stem,
        tuple(sorted(parsed.metadata.items())),
        round(parsed.coverage, 4),
        pending,
        drawn_up(parsed, seen.shown, pending, left_out),
    )


def why_not(format_name: str) -> Unsupported | None:
    """Why files of this format are not read; None if they are."""
    if format_name in PARSERS:
        return None
    return Unsupported(_WHY_NOT.get(format_name, f"{format_name} files are not read"))


def _is_recording(path: Path) -> bool:
    try:
        return sniff(path).media in ("audio", "video")
    except FileError:
        return False


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
