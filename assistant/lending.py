"""Things that several use at once and that are closed when they were given up and the last use is over."""

from __future__ import annotations

import threading
import weakref
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Closable(Protocol):
    """What can be closed."""

    def close(self) -> None:
        """Ends it."""


class Lending:
    """Counts the uses of things. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._uses: Counter[int] = Counter()
        self._given_up: weakref.WeakSet[Closable] = weakref.WeakSet()
        self._ending: dict[int, Closable] = {}

    @contextmanager
    def use(self, thing: Closable | None) -> Iterator[bool]:
        """Keeps ``thing`` from being closed within ``with``; false where it was given up before. None can be used."""
        if thing is None:
            yield True
            return
        with self._lock:
            is_there = thing not in self._given_up
            if is_there:
                self._uses[id(thing)] += 1
        try:
            yield is_there
        finally:
            if is_there:
                self._give_back(thing)

    def give_up(self, thing: Closable) -> None:
        """Closes ``thing``: now, or when the last of its uses is over."""
        with self._lock:
            self._given_up.add(thing)
            if id(thing) in self._uses:
                self._ending[id(thing)] = thing
                return
        thing.close()

    def close(self) -> None:
        """Closes what was given up, whether or not it is still used."""
        with self._lock:
            left = list(self._ending.values())
            self._ending.clear()
        for thing in left:
            thing.close()

    def _give_back(self, thing: Closable) -> None:
        with self._lock:
            self._uses[id(thing)] -= 1
            if self._uses[id(thing)]:
                return
            del self._uses[id(thing)]
            ended = self._ending.pop(id(thing), None)
        if ended is not None:
            ended.close()
