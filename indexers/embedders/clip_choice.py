"""Which way of running a CLIP model is fastest on this machine, found by timing once.

Nothing is assumed of a machine. A way is only taken if its vectors are those of open_clip in fp32, cosine at least
0.999 for every sample; that is why all ways share one vector space. The towers are chosen for apart: pictures come by
the thousand, and a query is one short text.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexers.embedders.clip_backends import PLAIN, TOWERS, WAYS, Backend, Tower
from indexers.errors import ModelFailed
from indexers.types import Pixels, Vectors

logger = logging.getLogger(__name__)

MIN_COSINE = 0.999
"""Below this to plain fp32 a way is not faithful."""

_HOPELESS = 4.0
"""A way that takes this many times the best one's time for a single input is not timed further."""
_ROUNDS = 3
_ENOUGH_S = 4.0
"""No further round is begun after this: a large model would keep the user waiting."""
_PICTURES = 8

SAMPLE_TEXTS = (
    "a red bicycle in front of a wall",
    "two dogs on a beach",
    "a table of figures with a bar chart",
    "handwriting",
    "a photo of a crowded market at night, seen from above",
    "Invoice No. 2041, 12 March",
    "the harbour",
    "snow on the roofs of a small town in the mountains, and a church with a green tower in the middle of it",
)


@dataclass(frozen=True, slots=True)
class Choice:
    """The outcome of timing: the way of each tower. Rates and cosines are by tower and way, "image onnx"."""

    image: str
    text: str
    per_s: Mapping[str, float]
    min_cosine: Mapping[str, float]

    def way(self, tower: Tower) -> str:
        """The way that is chosen for a tower."""
        return self.image if tower == "image" else self.text

    def preferring(self, way: str) -> Choice:
        """``way`` in place of a faster one, for each tower that it runs faithfully."""
        image = way if f"image {way}" in self.per_s else PLAIN
        text = way if f"text {way}" in self.per_s else PLAIN
        return Choice(image, text, self.per_s, self.min_cosine)


def choose(ways: Mapping[str, Callable[[], Backend]], samples: Mapping[Tower, NDArray[Any]]) -> Choice:
    """Times the ways one after the other, so that only one is held in memory, and takes the fastest faithful ones.

    Args:
        ways: how each is made, by name, ``PLAIN`` first: the others are compared with it. One that raises
            ``ModelFailed`` is left out.
        samples: inputs of each tower.

    Raises:
        ModelFailed: the plain way does not work.
    """
    trial = _Trial(samples)
    for name, make in ways.items():
        try:
            trial.add(name, make())
        except ModelFailed as error:
            if name == PLAIN:
                raise
            logger.info("%s is left out: %s", name, error)
    image, text = (min(trial.seconds[tower], key=trial.seconds[tower].__getitem__) for tower in TOWERS)
    rates = {f"{tower} {name}": round(1 / each, 1) for tower in TOWERS for name, each in trial.seconds[tower].items()}
    return Choice(image, text, rates, trial.cosines)


class _Trial:
    """What was measured so far; the first way that is added is the reference."""

    def __init__(self, samples: Mapping[Tower, NDArray[Any]]) -> None:
        self._samples = samples
        self._reference: dict[Tower, Vectors] = {}
        self.seconds: dict[Tower, dict[str, float]] = {tower: {} for tower in TOWERS}
        self.cosines: dict[str, float] = {}

    def add(self, name: str, backend: Backend) -> None:
        for tower, inputs in self._samples.items():
            quickest = min(self.seconds[tower].values(), default=float("inf"))
            backend.run(tower, inputs[:1])  # the first run also sets up memory and kernels
            if _seconds(backend, tower, inputs[:1]) > _HOPELESS * quickest:
                logger.info("%s is left out for the %s tower: too slow", name, tower)
                continue
            vectors = backend.run(tower, inputs)
            cosine = float((vectors * self._reference.setdefault(tower, vectors)).sum(axis=1).min())
            self.cosines[f"{tower} {name}"] = round(cosine, 5)
            if cosine >= MIN_COSINE:
                self.seconds[tower][name] = _best_seconds(backend, tower, inputs)


def choice_to_json(choice: Choice) -> dict[str, Any]:
    """For ``Memory.put``."""
    return asdict(choice)


def choice_from_json(data: Any) -> Choice | None:
    """The inverse of ``choice_to_json``; None if the value is not a choice."""
    try:
        choice = Choice(str(data["image"]), str(data["text"]), dict(data["per_s"]), dict(data["min_cosine"]))
    except (TypeError, KeyError, ValueError):
        return None
    return choice if {choice.image, choice.text} <= set(WAYS) else None


def sample_pictures(size: int) -> list[Pixels]:
    """Pictures for timing and comparing: soft and sharp patches of colour, from a fixed seed."""
    from PIL import Image

    chance = np.random.default_rng(0)
    pictures = []
    for index in range(_PICTURES):
        cells = chance.integers(0, 256, (2 + 3 * index, 3 + 2 * index, 3), np.uint8)
        how = Image.Resampling.NEAREST if index % 2 else Image.Resampling.BICUBIC
        pictures.append(np.asarray(Image.fromarray(cells).resize((size, size), how)))
    return pictures


def _best_seconds(backend: Backend, tower: Tower, inputs: NDArray[Any]) -> float:
    """Seconds for one input in the best round: a text alone, as a query is, pictures together."""
    batch = inputs if tower == "image" else inputs[:1]
    best, start = float("inf"), time.perf_counter()
    for _ in range(_ROUNDS):
        best = min(best, _seconds(backend, tower, batch) / len(batch))
        if time.perf_counter() - start > _ENOUGH_S:
            break
    return best


def _seconds(backend: Backend, tower: Tower, inputs: NDArray[Any]) -> float:
    start = time.perf_counter()
    backend.run(tower, inputs)
    return time.perf_counter() - start
