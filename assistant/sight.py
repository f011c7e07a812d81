"""Words or a picture → pictures: the image space of a library, and how its cosines are made comparable.

A cosine of CLIP between words and pictures lies in a narrow band that differs from model to model and says little by
itself: the nearest of a hundred pictures is near to any question. So a picture's share comes from what the model was
trained to tell (Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021,
arXiv:2103.00020), in both directions: given the picture, these words against captions that fit most pictures a
little; given the words, this picture against the library's average one. A question about a contract wins on neither,
"a red bicycle" wins on the picture that shows it; only then do pictures take part in the fusion.

Knows neither texts nor the fusion.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexers.library import Library
from indexers.protocols import ImageEmbedder
from indexers.types import Pixels, Vectors

_BANK = (
    "a photo",
    "a picture",
    "an image",
    "a drawing",
    "a screenshot",
    "a document with text",
    "a diagram",
    "a person",
    "some people",
    "a place",
    "a landscape",
    "a building",
    "an object",
    "something",
)
_JUDGED = 32
"""The nearest pictures, whose odds are worked out; farther ones are worth less than the last of them."""
_BEFORE_CAPTIONS = 1.0
_BEFORE_PICTURES = 3.0
"""The log-odds by which the words must be ahead of the captions, and the picture of the average one, to be as likely as
not to belong together."""
_ENOUGH = 8
"""So few pictures have no average."""
_SOFTNESS = 4.0
"""By how much the model's temperature is raised where pictures compete: good ones share the first places."""


@dataclass(frozen=True, slots=True)
class Sight:
    """A picture found: its cosine, and its share of what pictures may add to a score, 0–1."""

    cosine: float
    share: float


def shares(cosines: NDArray[np.float32], bank: Vectors, average: float | None, scale: float) -> NDArray[np.float64]:
    """What each of some pictures may add to a score. Pure.

    Args:
        cosines: ``(n,)`` of the pictures with the words.
        bank: ``(n, captions)`` of the pictures with the captions that fit most pictures.
        average: the cosine of the library's average picture with the words; None where there are too few.
        scale: what the model multiplies cosines with to give log-odds.

    Returns:
        ``(n,)``, 0–1: how likely words and picture belong together, less where another picture fits the words better.
    """
    if not len(cosines):
        return np.zeros(0)
    words, others = scale * cosines.astype(np.float64), scale * bank.astype(np.float64)
    highest = others.max(axis=1)
    odds = words - highest - np.log(np.exp(others - highest[:, None]).mean(axis=1)) - _BEFORE_CAPTIONS
    if average is not None:
        odds = np.minimum(odds, words - scale * average - _BEFORE_PICTURES)
    result: NDArray[np.float64] = np.exp((words - words.max()) / _SOFTNESS) / (1 + np.exp(np.clip(-odds, -50, 50)))
    return result


class Sights:
    """Searches the pictures of one library.

    Args:
        library: what is searched.
        images: gives the image model; asked only when the library has pictures in some image space.
    """

    def __init__(self, library: Library, images: Callable[[], ImageEmbedder] | None) -> None:
        self._library = library
        self._images = images
        self._bank: Vectors | None = None
        self._lock = threading.Lock()

    def by_words(self, query: str, depth: int, contents: NDArray[np.int64] | None) -> dict[int, Sight]:
        """The chunks of the pictures nearest to ``query``, within ``contents``; empty where there are none."""
        model = self._model()
        if model is None or not query.strip():
            return {}
        vector = model.embed_texts([query])[0]
        index = self._library.vectors(model.space, model.dim)
        ids, cosines = index.search(vector, depth, contents)
        judged = ids[:_JUDGED]
        with self._library.mutex:
            found, _, vectors = self._library.catalog.vectors(judged.tolist(), model.space)
        order = {int(chunk): row for row, chunk in enumerate(found)}
        rows = [order[int(chunk)] for chunk in judged if int(chunk) in order]
        kept = [i for i, chunk in enumerate(judged) if int(chunk) in order]
        bank = vectors[rows] @ self._captions(model).T if rows else np.zeros((0, len(_BANK)), np.float32)
        average = float(index.centre() @ vector) if len(index) >= _ENOUGH else None
        portions = shares(cosines[kept], bank, average, model.scale)
        share = {int(judged[i]): float(portion) for i, portion in zip(kept, portions, strict=True)}
        return {
            int(chunk): Sight(float(cosine), share.get(int(chunk), 0.0))
            for chunk, cosine in zip(ids, cosines, strict=True)
        }

    def by_picture(self, pixels: Pixels, depth: int, contents: NDArray[np.int64] | None) -> dict[int, Sight]:
        """The chunks of the pictures most like this one; their share is the cosine, squared to part like from alike."""
        model = self._model()
        if model is None:
            return {}
        vector = model.embed_images([model.prepare(pixels)])[0]
        ids, cosines = self._library.vectors(model.space, model.dim).search(vector, depth, contents)
        return {
            int(chunk): Sight(float(cosine), max(0.0, float(cosine)) ** 2)
            for chunk, cosine in zip(ids, cosines, strict=True)
        }

    @property
    def can_see(self) -> bool:
        """Whether there is an image model."""
        return self._images is not None

    def _model(self) -> ImageEmbedder | None:
        """The image model, if the library has pictures in its space."""
        if self._images is None:
            return None
        with self._library.mutex:
            spaces = self._library.catalog.image_spaces()
        if not spaces:
            return None
        model = self._images()
        return model if model.space in spaces else None

    def _captions(self, model: ImageEmbedder) -> Vectors:
        with self._lock:
            if self._bank is None:
                self._bank = model.embed_texts(_BANK)
            return self._bank
