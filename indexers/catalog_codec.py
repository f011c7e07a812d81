"""What the catalog's rows mean: dataclasses to columns and back, and conditions over paths.

Knows no database. Places are kept as compressed JSON, vectors as float16 with a CRC-32.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from indexers.ledger import UNKNOWN, Ledger
from indexers.locators import join_locators, locator_from_dict, locator_to_dict
from indexers.types import Chunk, Document, Locator, Media, PageLocator, Place, Status, WholeLocator


@dataclass(frozen=True, slots=True)
class Content:
    """What reading one file version gave, before it is stored."""

    hash: str
    format: str
    media: Media
    status: Status
    reason: str = ""
    title: str = ""
    metadata: tuple[tuple[str, str], ...] = ()
    coverage: float = 0.0
    pending: tuple[str, ...] = ()
    ledger: Ledger = UNKNOWN


@dataclass(frozen=True, slots=True)
class FileState:
    """What tells whether a file has changed since it was read.

    ``hash``, ``status`` and ``pending`` are its content's; ``beside`` stands for the files that speak of this one
    (captions, subtitles) as they were then. ``attempts`` counts how often this version was tried, ``tried_at`` is when
    (Unix time, seconds).
    """

    content: int
    size: int
    mtime_ns: int
    hash: str
    status: Status
    beside: str = ""
    pending: tuple[str, ...] = ()
    attempts: int = 0
    tried_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Binding:
    """The text model that a library is bound to; "" where nothing is known.

    ``space`` is that of its texts' vectors, ``model`` what the model is found by again: its name, or its folder.
    ``next_space`` and ``next_model`` are those of a change under way: vectors are being made, and none is searched.
    """

    space: str = ""
    model: str = ""
    next_space: str = ""
    next_model: str = ""

    @property
    def name(self) -> str:
        """What the model in force is called, for people."""
        return self.model or model_in(self.space)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Everything that is known of one file, or of one document inside a file.

    ``parent`` is the file that it is inside of. ``size`` is below 0 for a file that the system refused; ``tried_at`` is
    when it was last tried to read, in seconds since 1970, 0 if nobody noted it. ``spaces`` are those in which it has
    vectors, with how many.
    """

    document: Document
    content: int
    format: str
    metadata: Mapping[str, str]
    parent: str | None
    size: int
    mtime_ns: int
    beside: str
    attempts: int
    tried_at: float
    spaces: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A live chunk with the content it belongs to."""

    id: int
    content: int
    number: int
    chunk: Chunk
    context: str
    media: Media
    title: str
    path: str


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to chunks after some sequence number: ``added`` that still live, ``removed`` all.

    ``anew``: that is not known any more; the index is to be emptied, ``added`` are all that live.
    """

    sequence: int
    added: tuple[int, ...]
    removed: tuple[int, ...]
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Damaged:
    """A vector that does not match its checksum: of which chunk (``number`` of the file at ``path``, from 0)."""

    chunk: int
    space: str
    content: int
    number: int
    path: str


def model_in(space: str) -> str:
    """The model's name in the name of its space: "all-MiniLM-L6-v2" of "text:all-MiniLM-L6-v2@53aa51172d14"."""
    return space.removeprefix("text:").partition("@")[0]


def content_row(content: Content) -> tuple[object, ...]:
    """The columns of a content, ``hash`` first."""
    return (
        content.hash,
        content.format,
        content.media,
        content.status.value,
        content.reason,
        content.title,
        json.dumps(dict(content.metadata), ensure_ascii=False),
        content.coverage,
        json.dumps(content.pending),
        content.ledger.to_json(),
    )


def document_of(row: Sequence[Any]) -> Document:
    """A file from its columns: path, media, status, reason, title, coverage, pending, ledger, number of chunks."""
    path, media, status, reason, title, coverage, pending, ledger, chunks = row
    waits = tuple(json.loads(pending))
    return Document(path, media, Status(status), reason, title, chunks, coverage, waits, Ledger.from_json(ledger))


def chunk_row(chunk: Chunk, context: str) -> tuple[object, ...]:
    """The columns of a chunk: body, header, headings, places, context."""
    return chunk.body, chunk.header, json.dumps(chunk.headings, ensure_ascii=False), pack_places(chunk), context


def stored_chunk(row: Sequence[Any]) -> StoredChunk:
    """A chunk from its columns: id, content, number, those of ``chunk_row``, then media, title and path."""
    id_, content, number, body, header, headings, places, context, media, title, path = row
    locator, parts = unpack_places(places)
    chunk = Chunk(body, locator, parts, tuple(json.loads(headings)), header)
    return StoredChunk(id_, content, number, chunk, context, media, title, path)


def pack_places(chunk: Chunk) -> bytes:
    """The chunk's locator and places. A page's boxes are mostly those of its lines: then they are stored once."""
    whole = chunk.locator
    if isinstance(whole, PageLocator) and whole == _page_of(whole.page, chunk.places):
        whole = PageLocator(whole.page)
    data = [locator_to_dict(whole), [[place.start, locator_to_dict(place.locator)] for place in chunk.places]]
    return zlib.compress(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode(), 1)


def unpack_places(packed: bytes) -> tuple[Locator, tuple[Place, ...]]:
    """The inverse of ``pack_places``."""
    whole, parts = json.loads(zlib.decompress(packed))
    places = tuple(Place(start, locator_from_dict(data)) for start, data in parts)
    locator = locator_from_dict(whole)
    if isinstance(locator, PageLocator) and not locator.boxes:
        locator = _page_of(locator.page, places) or locator
    return locator, places


def stands_for_whole(packed: bytes) -> bool:
    """Whether all of a chunk, by its packed places, stands for the file as a whole: no place moves with its text."""
    whole, places = unpack_places(packed)
    return all(isinstance(locator, WholeLocator) for locator in (whole, *(place.locator for place in places)))


def _page_of(page: int, places: Sequence[Place]) -> Locator | None:
    joined: Locator | None = None
    for place in places:
        joined = place.locator if joined is None else join_locators(joined, place.locator)
        if joined is None:
            return None
    return joined if isinstance(joined, PageLocator) and joined.page == page else None


def plain_path(path: str) -> str:
    r"""A path as the catalog can hold it: bytes of a name that are no UTF-8 are written out (``\xff``)."""
    if path.isascii():
        return path
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def range_below(path: str) -> tuple[str, str]:
    """Bounds of the paths below a folder: "/a/b/" ≤ path < "/a/b0", as "0" follows "/"."""
    folder = plain_path(path).rstrip(os.sep)
    return folder + os.sep, folder + chr(ord(os.sep) + 1)
