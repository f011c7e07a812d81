"""Which pictures of a film are worth looking at: one for each scene, at most six a minute, the most different ones.

Pictures are compared as thumbnails, by the share of their area that changed. How much change makes a scene depends on
the film: slides differ in a few lines of text where a hand-held camera never stands still, so the threshold follows
what is usual between neighbouring pictures (their median), within bounds.

Pure: it is given thumbnails with their times and knows no decoder. Scenes depend on nothing before the first picture
it is given, so that a film can be read in portions that begin at scenes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import Generic, TypeVar

import numpy as np

from indexers.types import Pixels

THUMBNAIL = (64, 36)
"""Width and height of the pictures that are compared."""
PER_MINUTE = 6
LONGEST_TAKE_S = 120.0
"""A scene that lasts longer is cut, so that every few minutes of a film can be found."""

_CHANGED = 24  # of 255, in any colour
_USUAL = (0.05, 0.05, 0.05)  # share of the area, assumed until the film has shown its own
_REMEMBERED = 20
_TIMES_USUAL = 3.0
_LEAST_CHANGE, _GREATEST_CHANGE = 0.06, 0.5
_BLANK_S = 5.0
_BLANK_SPREAD, _BLACK, _WHITE = 6.0, 24.0, 235.0

_Look = TypeVar("_Look")


@dataclass(slots=True)
class Scene(Generic[_Look]):
    """A scene that begins at second ``start_s``; ``look`` is the picture that stands for it."""

    start_s: float
    look: _Look
    change: float
    blank: bool


class Scenes(Generic[_Look]):
    """Cuts pictures, given in the order of time, into scenes. ``found`` holds them; the last may still go on."""

    def __init__(self) -> None:
        self.found: list[Scene[_Look]] = []
        self._reference: Pixels | None = None  # of the scene that goes on, also if it was left out
        self._reference_s = 0.0
        self._previous: Pixels | None = None
        self._usual: deque[float] = deque(_USUAL, maxlen=_REMEMBERED)

    def begins(self, at: float, thumbnail: Pixels) -> bool:
        """Whether the picture at second ``at`` is to be kept with ``keep``; every picture is shown to this once."""
        previous, self._previous = self._previous, thumbnail
        if previous is None or self._reference is None:
            return True
        threshold = min(max(_TIMES_USUAL * median(self._usual), _LEAST_CHANGE), _GREATEST_CHANGE)
        self._usual.append(changed(previous, thumbnail))
        if self._is_first_glance(at, thumbnail):
            return True
        if is_blank(thumbnail):
            return False
        return changed(self._reference, thumbnail) > threshold or at - self._reference_s >= LONGEST_TAKE_S

    def keep(self, at: float, thumbnail: Pixels, look: _Look) -> None:
        """Takes the picture: a new scene, or a better look at one that began in black."""
        if self._is_first_glance(at, thumbnail):
            self.found[-1].look, self.found[-1].blank = look, False
        else:
            change = 1.0 if self._reference is None else changed(self._reference, thumbnail)
            self.found.append(Scene(at, look, change, is_blank(thumbnail)))
            self._reference_s = at
            self._thin()
        self._reference = thumbnail

    def _is_first_glance(self, at: float, thumbnail: Pixels) -> bool:
        if not self.found or not self.found[-1].blank or is_blank(thumbnail):
            return False
        return at - self.found[-1].start_s <= _BLANK_S

    def _thin(self) -> None:
        """Leaves out the scene that changed least, if its minute has too many; the one before it goes on instead."""
        first = self.found[0].start_s
        minute = (self.found[-1].start_s - first) // 60
        rivals = [scene for scene in self.found[1:] if (scene.start_s - first) // 60 == minute]
        if len(rivals) + (minute == 0) > PER_MINUTE:
            # Of equals the last: an even pace of cuts keeps its beginning.
            least = min(reversed(rivals), key=lambda scene: scene.change)
            self.found = [scene for scene in self.found if scene is not least]


def changed(first: Pixels, second: Pixels) -> float:
    """The share (0–1) of the area of two thumbnails in which they differ visibly."""
    difference = np.abs(first.astype(np.int16) - second.astype(np.int16)).max(axis=2)
    return float((difference > _CHANGED).mean())


def is_blank(thumbnail: Pixels) -> bool:
    """Whether a picture is all black or all white."""
    grey = thumbnail.mean(axis=2)
    return bool(grey.std() < _BLANK_SPREAD and not _BLACK <= grey.mean() <= _WHITE)
