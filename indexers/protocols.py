"""The seams: what an engine must do to take the place of the one that comes with Locus.

Each is small on purpose. Indexing and querying are different calls, never a mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from indexers.types import Parsed, Vectors


@dataclass(frozen=True, slots=True)
class Source:
    """What a parser is given: a readable regular file, the name it is known by, and its format.

    ``name`` is the file's own name ("report.pdf"); ``path`` may be a temporary file for a document inside another.
    ``format`` is one of the names of ``indexers.media``.
    """

    path: Path
    name: str
    format: str


class Parser(Protocol):
    """Reads one file. Runs in a child process; imports its libraries inside the call."""

    def __call__(self, source: Source) -> Parsed:
        """The text of ``source`` with its places.

        Raises:
            FileError: it can not be read; the message is the reason.
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
