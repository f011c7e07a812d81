"""Stand-ins for models, for tests and for trying the pipeline out: small, deterministic, and honest about it.

``HashingEmbedder`` knows no meaning and no word order. It ranks by shared words only, which is enough to tell
a right passage from a wrong one in a test, and it gives the same vectors on every machine and every run.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexers.embedders.text import SentenceEmbedder
from indexers.types import Vectors

_WORD = re.compile(r"\w+")
_BLOCK_BITS = 512
"""What one blake2b digest gives: a sign for each of 512 dimensions."""


class HashingEmbedder:
    """A ``TextEmbedder`` that needs no model: every word is a fixed pseudo-random direction of ±1s.

    A text is the normalised sum of its words, so the cosine of two texts is about the share of words they have
    in common, give or take ``1 / sqrt(dim)``. Words are compared without regard to case and are not weighted.

    Example:
        >>> embedder = HashingEmbedder(dim=256)
        >>> red, bike, tax = embedder.embed_passages(["a red bicycle", "the red bicycle", "income tax rates"])
        >>> bool(red @ bike > 0.5 > abs(red @ tax))
        True
    """

    def __init__(self, dim: int = 64, max_tokens: int = 256) -> None:
        self._dim = dim
        self._max_tokens = max_tokens

    @property
    def space(self) -> str:
        """Named as what it is, so that its vectors are never taken for a model's."""
        return f"text:hashing-{self._dim}"

    @property
    def dim(self) -> int:
        """Dimensions of a vector."""
        return self._dim

    @property
    def max_tokens(self) -> int:
        """The most words of a text that are read; the rest is ignored, as a model would."""
        return self._max_tokens

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Words of each text."""
        return [len(_WORD.findall(text)) for text in texts]

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """``(len(texts), dim)`` float32, L2-normalised, in the order of ``texts``."""
        if not texts:
            return np.empty((0, self._dim), np.float32)
        return np.stack([self._embed(text) for text in texts])

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """``(dim,)`` float32, L2-normalised. A text without words gets a direction of its own, not zeros."""
        return self._embed(text)

    def _embed(self, text: str) -> NDArray[np.float32]:
        words = _WORD.findall(text.casefold())[: self._max_tokens]
        total = np.zeros(self._dim, np.int64)
        for word in words:
            total += _direction(word, self._dim)
        if not total.any():
            total += _direction("", self._dim)
        return (total / np.linalg.norm(total)).astype(np.float32)


class UnloadedModel(SentenceEmbedder):
    """The ``SentenceEmbedder`` of a model's folder whose weights are hashed, so that spaces are told apart, not loaded.

    It ranks as a ``HashingEmbedder`` of as many dimensions as the folder says. ``texts`` are those it embedded so far.
    """

    def __init__(self, model_dir: Path, *, name: str, cache_dir: Path, threads: int | None = None) -> None:
        super().__init__(model_dir, name=name, cache_dir=cache_dir, threads=threads)
        self._hashing = HashingEmbedder(self.dim)
        self.texts: list[str] = []

    @property
    def max_tokens(self) -> int:
        """As ``HashingEmbedder``."""
        return self._hashing.max_tokens

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """As ``HashingEmbedder``."""
        return self._hashing.count_tokens(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """As ``HashingEmbedder``."""
        self.texts += texts
        return self._hashing.embed_passages(texts)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """As ``HashingEmbedder``."""
        return self._hashing.embed_query(text)


@lru_cache(maxsize=65_536)
def _direction(word: str, dim: int) -> NDArray[np.int8]:
    """``(dim,)`` of ±1: the bits of as many blake2b digests of the word as it takes."""
    data = word.encode("utf-8", "surrogatepass")
    blocks = -(-dim // _BLOCK_BITS)
    digests = b"".join(blake2b(data, salt=block.to_bytes(16, "little")).digest() for block in range(blocks))
    bits = np.unpackbits(np.frombuffer(digests, np.uint8))[:dim]
    signs: NDArray[np.int8] = bits.astype(np.int8) * 2 - 1
    signs.setflags(write=False)
    return signs
