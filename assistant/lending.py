"""Things that several use at once and that are closed when they were given up and the last use is over."""

from __future__ import annotations

import threading
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
        self._given_up: dict[int, Closable] = {}

    @contextmanager
    def use(self, thing: Closable | None) -> Iterator[None]:
        """Keeps ``thing`` from being closed within ``with``; of None there is nothing to keep."""
        if thing is None:
            yield
            return
        with self._lock:
            self._uses[id(thing)] += 1
        try:
            yield
        finally:
            with self._lock:
                self._uses[id(thing)] -= 1
                is_last = self._uses[id(thing)] == 0
                if is_last:
                    del self._uses[id(thing)]
                ended = self._given_up.pop(id(thing), None) if is_last else None
            if ended is not None:
                ended.close()

    def give_up(self, thing: Closable) -> None:
        """Closes ``thing``: now, or when the last of its uses is over. Nobody may begin another use."""
        with self._lock:
            if self._uses[id(thing)]:
                self._given_up[id(thing)] = thing
                return
            del self._uses[id(thing)]
        thing.close()

    def close(self) -> None:
        """Closes what was given up, whether or not it is still used."""
        with self._lock:
            left = list(self._given_up.values())
            self._given_up.clear()
        for thing in left:
            thing.close()
