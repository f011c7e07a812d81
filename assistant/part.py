"""A part of something larger that is made when it is first asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

_Made = TypeVar("_Made")


class Guarded(Protocol):
    """What parts are of: an object with a lock for their making, which their making may take again."""

    @property
    def mutex(self) -> threading.RLock:
        """The lock."""


class part(Generic[_Made]):  # noqa: N801 - a decorator, as ``property`` is
    """A part that is made when it is first asked for, once even if two threads ask."""

    def __init__(self, make: Callable[[Any], _Made]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __get__(self, whole: Guarded, _owner: type[object] | None = None) -> _Made:
        # What is made lies in the object's own dictionary from then on, which is looked into before this.
        with whole.mutex:
            made = vars(whole)
            if self._make.__name__ not in made:
                made[self._make.__name__] = self._make(whole)
            part: _Made = made[self._make.__name__]
            return part
