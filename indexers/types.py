"""The words this project thinks in: where text stands, what was read, what is stored, what was found.

``Document`` → ``Chunk`` (with a ``Locator``) → a vector in a *space* (one embedding model) → ``Hit``.
A parser reads a file into ``Block``s of ``Piece``s; a piece is the smallest run of text whose place in
the source is known, and a chunk is a run of neighbouring pieces, so a chunk's locator is exact by construction.

Everything here is frozen data without behaviour beyond its own JSON. Pages, lines, rows and slides count
from 1, times are seconds, boxes are fractions of the page or picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from indexers.ledger import UNKNOWN, Ledger, Unit, Way

Media: TypeAlias = Literal["text", "image", "audio", "video"]
MEDIA: tuple[Media, ...] = ("text", "image", "audio", "video")

Box: TypeAlias = tuple[float, float, float, float]
"""``(left, top, right, bottom)`` as fractions 0–1 of the page or picture, origin at the top left."""

Vectors: TypeAlias = NDArray[np.float32]
"""``(n, dim)`` float32, L2-normalised."""

Pixels: TypeAlias = NDArray[np.uint8]
"""``(height, width, 3)`` uint8, RGB, upright as a viewer shows it."""

Samples: TypeAlias = NDArray[np.float32]
"""``(n,)`` float32 in -1…1, one channel, ``SAMPLE_RATE`` a second."""

SAMPLE_RATE = 16_000


# --- where text stands -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PageLocator:
    """A page of a paged document, and the boxes that hold the text on it (one per line of text)."""

    kind: ClassVar[str] = "page"
    page: int
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class LinesLocator:
    """Lines ``first`` to ``last`` of a text file, both included."""

    kind: ClassVar[str] = "lines"
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class TimeLocator:
    """A stretch of a recording, in seconds from its start."""

    kind: ClassVar[str] = "time"
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class RegionLocator:
    """A rectangle of a picture."""

    kind: ClassVar[str] = "region"
    box: Box


@dataclass(frozen=True, slots=True)
class SlideLocator:
    """A slide of a presentation (its notes included)."""

    kind: ClassVar[str] = "slide"
    slide: int


@dataclass(frozen=True, slots=True)
class SheetLocator:
    """Rows ``first_row`` to ``last_row`` of a sheet, both included, as the spreadsheet program counts them."""

    kind: ClassVar[str] = "sheet"
    sheet: str
    first_row: int
    last_row: int


@dataclass(frozen=True, slots=True)
class SectionLocator:
    """A part of a document that has no pages of its own: the headings that lead to it, outermost first."""

    kind: ClassVar[str] = "section"
    headings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WholeLocator:
    """The file as a whole."""

    kind: ClassVar[str] = "whole"


Locator: TypeAlias = (
    PageLocator
    | LinesLocator
    | TimeLocator
    | RegionLocator
    | SlideLocator
    | SheetLocator
    | SectionLocator
    | WholeLocator
)


# --- what a parser gives -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Piece:
    """The smallest run of text whose place is known: a line, a paragraph, a row, a spoken segment.

    ``text`` stands verbatim in the source. ``joint`` is what stands between this piece and the next of the
    same block ("\\n" between lines, " " between segments of speech).
    """

    text: str
    locator: Locator
    joint: str = "\n"


@dataclass(frozen=True, slots=True)
class Block:
    """Pieces that belong together: a paragraph, a list, a table, a function.

    ``headings`` lead to the block, outermost first. ``header`` is a table's header row: it is repeated in
    front of every chunk that is cut from the block and is not one of ``pieces``. ``way`` is how it was read.
    """

    pieces: tuple[Piece, ...]
    headings: tuple[str, ...] = ()
    header: str = ""
    way: Way = "text"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A document inside a document: a mail's attachment, a file embedded in a PDF."""

    name: str
    data: bytes


Unread: TypeAlias = Literal["pictures", "sound", "frames"]
"""What only a model can read: pictures and scanned pages, speech, the frames of a film."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a parser read from one file.

    ``coverage`` is the share (0–1) of the file's pages, slides, sheets … that could be read; what is missing
    is said in ``notes``, each one clause a person understands ("pages 3 and 4 hold no text").
    ``metadata`` uses the keys ``author``, ``date`` (ISO 8601), ``subject``, ``keywords``, ``language`` (ISO 639-1),
    ``duration_s`` where they are known. ``unread`` names what is left to the decoders and models. ``extent`` is how
    much there is in all, read or not, where the parser knows it: 14 pages, 3 sheets, 61.5 seconds.
    """

    blocks: tuple[Block, ...]
    title: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    coverage: float = 1.0
    notes: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()
    extent: tuple[Unit, float] | None = None


# --- what a decoder gives, and what models make of it ------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture that models look at: a photograph, a scanned page, a figure on a slide, a frame of a film.

    ``locator`` says where it stands: the picture file itself is ``whole``, a page's picture is on the ``page`` (with
    its box, or none for the page as a whole), a frame has its ``time``.
    """

    pixels: Pixels
    locator: Locator


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """One portion of what a decoder reads: pictures, or samples of sound that begin at the second asked for.

    ``next_start`` is where the next portion begins (a page, a second, …, as the decoder counts); None: this was the
    last. ``notes`` say what could not be read, each a clause.
    """

    pictures: tuple[Picture, ...] = ()
    samples: Samples | None = None
    next_start: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of text in a picture. ``confidence`` is 0–1."""

    text: str
    box: Box
    confidence: float


@dataclass(frozen=True, slots=True)
class Spoken:
    """A stretch of speech; seconds from the start of the samples that were listened to."""

    start_s: float
    end_s: float
    text: str


# --- what is stored ----------------------------------------------------------------------------


class Status(StrEnum):
    """How far a file is, or how reading it ended.

    ``QUEUED`` and ``READING`` pass; ``INDEXED``, ``PARTIAL`` (not all of it could be read) and ``PENDING`` (it is
    found by what there is, and waits for a model) can be found; of the others nothing can.
    """

    QUEUED = "queued"
    READING = "reading"
    INDEXED = "indexed"
    PARTIAL = "partial"
    PENDING = "pending"
    EMPTY = "empty"
    ENCRYPTED = "encrypted"
    UNSUPPORTED = "unsupported"
    FAILED = "failed"

    @property
    def is_found(self) -> bool:
        """Whether something of such a file can be found."""
        return self in (Status.INDEXED, Status.PARTIAL, Status.PENDING)


@dataclass(frozen=True, slots=True)
class Place:
    """From character ``start`` of a chunk's body on, the text stands at ``locator`` (until the next place)."""

    start: int
    locator: Locator


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of one document that is embedded and found as one.

    ``body`` stands verbatim at ``locator``, and ``places`` say line by line (row by row, …) where, so that a
    quoted sentence can be located more closely than its chunk. ``header`` is the table header repeated in
    front of the body, or empty.
    """

    body: str
    locator: Locator
    places: tuple[Place, ...] = ()
    headings: tuple[str, ...] = ()
    header: str = ""

    @property
    def text(self) -> str:
        """What a reader is shown: the body, under its table header if it has one."""
        return f"{self.header}\n{self.body}" if self.header else self.body


@dataclass(frozen=True, slots=True)
class Document:
    """One file of the library (or one document inside a file) and how well it was read."""

    path: str
    media: Media
    status: Status
    reason: str = ""
    title: str = ""
    chunks: int = 0
    coverage: float = 0.0
    pending: tuple[str, ...] = ()
    ledger: Ledger = UNKNOWN

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``locus files --json``."""
        return {
            "path": self.path,
            "media": self.media,
            "status": self.status.value,
            "reason": self.reason,
            "chunks": self.chunks,
            "coverage": self.coverage,
            "pending": list(self.pending),
        }


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that a search found. ``signals`` holds what each retriever gave, absent where it found nothing.

    ``near`` is the part of a recording's or picture's chunk that fits the query best, where one is told apart.
    """

    rank: int
    path: str
    media: Media
    chunk: Chunk
    score: float
    signals: Mapping[str, float]
    chunk_id: int
    title: str = ""
    near: Chunk | None = None

    @property
    def locator(self) -> Locator:
        """Where the chunk stands."""
        return self.chunk.locator

    @property
    def at(self) -> Locator:
        """Where to open it: the second, or the region, at which the query's words stand in it."""
        return (self.near or self.chunk).locator

    @property
    def text(self) -> str:
        """The chunk's text, under its table header if it has one."""
        return self.chunk.text

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``locus search --json``."""
        from indexers.locators import locator_to_dict

        return {
            "rank": self.rank,
            "path": self.path,
            "media": self.media,
            "locator": locator_to_dict(self.locator),
            "text": self.text,
            "score": self.score,
            "signals": dict(self.signals),
        }
