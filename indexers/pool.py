"""Files that were read and cut, on their way to the embedders: how many wait for one another.

Embedders are quick on large batches, and a commit costs a sync of the disk; but what waits is lost when the power
fails, and the model should not wait for the first large file's neighbours.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from indexers.chunking import context_line
from indexers.reading import Reading
from indexers.types import Chunk, Locator, PageLocator, Pixels, WholeLocator

_WORD = re.compile(r"[^\W\d_]{3}")
MOST_CHARACTERS = 240_000
"""Texts are embedded once so much is pooled (some 60,000 tokens): enough to sort by length, little enough to commit
often."""
FIRST_CHARACTERS = 30_000
"""The first pool is smaller and each may be twice the one before: the model does not wait for the first large file's
neighbours."""
MOST_FILES = 500
MOST_PICTURES = 64
MOST_S = 10.0
"""A pool older than this is committed, full or not: so much work is lost at most when the power fails."""


@dataclass(frozen=True, slots=True)
class Part:
    """A content cut into chunks, each with its context line; ``pictures`` are those of chunks, by their index."""

    chunks: list[tuple[Chunk, str]]
    pictures: dict[int, Pixels]
    is_text: bool = True

    @property
    def worded(self) -> list[int]:
        """The chunks that are embedded as text: of a picture's name that is a number, a model makes up a meaning."""
        return [index for index, (chunk, _) in enumerate(self.chunks) if self._has_words(chunk)]

    def _has_words(self, chunk: Chunk) -> bool:
        may_be_number = not self.is_text and isinstance(chunk.locator, WholeLocator)
        return bool(_WORD.search(chunk.body)) if may_be_number else bool(chunk.body)


@dataclass(frozen=True, slots=True)
class Cut:
    """A file as it was read, and the parts of each content in it, by its key."""

    reading: Reading
    parts: Mapping[str, Part]


@dataclass(slots=True)
class Pool:
    """Files that wait to be embedded together; full at ``limit`` characters."""

    limit: int = field(default_factory=lambda: min(FIRST_CHARACTERS, MOST_CHARACTERS))
    files: list[Cut] = field(default_factory=list)
    characters: int = 0
    pictures: int = 0
    since: float = field(default_factory=time.monotonic)

    def put(self, file: Cut) -> None:
        """Takes a file in."""
        if not self.files:
            self.since = time.monotonic()
        self.files.append(file)
        self.characters += sum(len(chunk.text) for part in file.parts.values() for chunk, _ in part.chunks)
        self.pictures += sum(len(part.pictures) for part in file.parts.values())

    @property
    def is_due(self) -> bool:
        """Whether it is time to embed what is in it."""
        if not self.files:
            return False
        full = self.characters >= self.limit or len(self.files) >= MOST_FILES or self.pictures >= MOST_PICTURES
        return full or time.monotonic() - self.since > MOST_S

    def next(self) -> Pool:
        """An empty one for what follows."""
        return Pool(min(2 * self.limit, MOST_CHARACTERS))


def cut(reading: Reading, chunks: list[tuple[Chunk, str]]) -> Part:
    """Chunks and pictures together: a picture goes with the first chunk of its place, else with one of its own."""
    places: dict[Locator, int] = {}
    for index, (chunk, _) in enumerate(chunks):
        places.setdefault(_whole(chunk.locator), index)
    pictures: dict[int, Pixels] = {}
    for picture in reading.pictures:
        index = places.get(picture.locator, len(chunks))
        if index in pictures or index == len(chunks):
            index = len(chunks)
            chunks.append((Chunk("", picture.locator), context_line(reading.content.title, ())))
        pictures[index] = picture.pixels
    return Part(chunks, pictures, reading.content.media == "text")


def _whole(place: Locator) -> Locator:
    """The page that a text stands on: the picture of a scanned page belongs to its text."""
    return PageLocator(place.page) if isinstance(place, PageLocator) else place
