"""The seams: what an engine must do to take the place of the one that comes with Locus.

Each is small on purpose. Indexing and querying are different calls, never a mode.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from indexers.types import Block, Decoded, Parsed, Pixels, Samples, Spoken, TextLine, Vectors


class Keep(Protocol):
    """Takes what a parser has read so far: should the parser be ended by a limit or a crash, this much is kept."""

    def __call__(self, blocks: Sequence[Block], coverage: float, where: str = "") -> None:
        """Keeps ``blocks``: all that were read, those of earlier calls included and unchanged.

        Args:
            blocks: from the beginning of the file; nothing in them is changed any more.
            coverage: share (0–1) of the file that they come from.
            where: they reach up to here ("page 12 of 300"); "" if there is no word for it.
        """


def keep_nothing(blocks: Sequence[Block], coverage: float, where: str = "") -> None:
    """The ``Keep`` of a source that is read where nothing can end it."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a parser is given: a readable regular file, the name it is known by, and its format.

    ``name`` is the file's own name ("report.pdf"); ``path`` may be a temporary file for a document inside another.
    ``format`` is one of the names of ``indexers.media``. ``beside`` are files that speak of this one: captions of a
    picture, subtitles of a recording. ``keep`` is called by a parser now and then (each page, a thousand rows …); what
    it was told last is all that is left of the file if the parser does not come to its end.
    """

    path: Path
    name: str
    format: str
    beside: tuple[Path, ...] = ()
    keep: Keep = field(default=keep_nothing, repr=False, compare=False)


class Parser(Protocol):
    """Reads one file. Runs in a child process; imports its libraries inside the call."""

    def __call__(self, source: Source) -> Parsed:
        """The text of ``source`` with its places.

        Raises:
            FileError: it can not be read; the message is the reason.
        """


class Decoder(Protocol):
    """Makes pixels or samples of one file, a portion at a time. Runs in a child process, as a parser does."""

    def __call__(self, source: Source, start: float) -> Decoded:
        """The portion that begins at ``start``: 0 is the beginning, every other value was a ``next_start``.

        Raises:
            FileError: nothing more can be read; the message is the reason.
        """


class TextEmbedder(Protocol):
    """Texts to vectors of one space."""

    @property
    def space(self) -> str:
        """Name of the vector space: changes whenever vectors stop being comparable."""

    @property
    def dim(self) -> int:
        """Dimensions of a vector."""

    @property
    def max_tokens(self) -> int:
        """The most tokens of a text that are read, special tokens not counted."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens not counted."""

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """``(len(texts), dim)`` float32, L2-normalised, in the order of ``texts``."""

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """``(dim,)`` float32, L2-normalised."""


class ImageEmbedder(Protocol):
    """Pictures and texts to vectors of one space, which is never compared with another."""

    @property
    def space(self) -> str:
        """Name of the vector space: changes whenever vectors stop being comparable."""

    @property
    def dim(self) -> int:
        """Dimensions of a vector."""

    @property
    def scale(self) -> float:
        """What a cosine is multiplied with to give the model's own log-odds (CLIP's temperature, inverted)."""

    def prepare(self, pixels: Pixels) -> Pixels:
        """The picture as the model sees it, small: ``(size, size, 3)`` uint8. Needs no weights."""

    def embed_images(self, prepared: Sequence[Pixels]) -> Vectors:
        """``(len(prepared), dim)`` float32, L2-normalised, of pictures as ``prepare`` gives them."""

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """``(len(texts), dim)`` float32, L2-normalised."""


class Ocr(Protocol):
    """Text in pictures."""

    @property
    def name(self) -> str:
        """Changes whenever the same picture may give another text."""

    def read(self, pixels: Pixels) -> list[TextLine]:
        """The lines of text, in the order in which a person reads them; empty when there are none."""


class Transcriber(Protocol):
    """Speech to text."""

    @property
    def name(self) -> str:
        """Changes whenever the same speech may give another text."""

    def transcribe(self, samples: Samples, language: str | None) -> tuple[str, Iterator[Spoken]]:
        """The language (ISO 639-1, found out if ``language`` is None, "" if nothing is spoken) and what is said.

        The stretches come one after the other while the model works, so that a caller can stop between them.
        """


class VectorIndex(Protocol):
    """Nearest neighbours by inner product over chunk ids."""

    def add(self, ids: NDArray[np.int64], documents: NDArray[np.int64], vectors: Vectors) -> None:
        """Adds vectors of chunks ``ids``; ``documents[i]`` is the document that chunk ``ids[i]`` belongs to."""

    def remove(self, ids: NDArray[np.int64]) -> None:
        """Forgets these chunks; unknown ids are ignored."""

    def search(
        self, query: NDArray[np.float32], k: int, documents: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The ``k`` nearest chunks, best first: ids and cosines, fewer if the index holds fewer.

        ``documents`` restricts the search itself to chunks of these documents.
        """


class WordIndex(Protocol):
    """BM25 over chunk ids."""

    def add(self, ids: Sequence[int], documents: Sequence[int], texts: Sequence[str], titles: Sequence[str]) -> None:
        """Adds chunks; ``titles[i]`` is the document's title and headings, searched along with the text."""

    def remove(self, ids: Sequence[int]) -> None:
        """Forgets these chunks; unknown ids are ignored."""

    def search(
        self, query: str, k: int, documents: Sequence[int] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The ``k`` best chunks, best first: ids and BM25 scores.

        ``query`` is plain words, never query syntax. ``documents`` restricts the search itself.
        """
