"""Paths that changed and are not taken yet: a file is taken when its size and time have been still for a moment.

Programs write in bursts, save by writing aside and renaming, and move things in two steps: what is noticed is only a
hint, and what counts is how the file lies on the disk once it is still. Knows neither folders nor the library.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

STILL_S = 1.0
"""How long a file must not change before it is read."""
PATIENCE_S = 3.0
"""How long what is still waits for the rest of what changed with it, as the other half of a move."""

Sight: TypeAlias = tuple[int, int, int] | None
"""Size, time (ns) and inode of a file; None where there is none."""


def sight(path: str) -> Sight:
    """What lies at ``path`` now."""
    try:
        info = os.stat(path)  # noqa: PTH116 - often, for many
    except OSError:
        return None
    return info.st_size, info.st_mtime_ns, info.st_ino


@dataclass(slots=True)
class _Seen:
    sight: Sight
    since: float


class Settling:
    """Paths on their way to being still.

    Args:
        clock: gives seconds, as ``time.monotonic``.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, _Seen] = {}
        self._waiting_since: float | None = None

    def __len__(self) -> int:
        return len(self._seen)

    def put(self, paths: Iterable[str], *, still: bool = False) -> None:
        """Something happened at these paths; ``still``: long enough ago."""
        since = self._clock() - (STILL_S if still else 0)
        for path in paths:
            seen, now = self._seen.get(path), sight(path)
            if seen is None or seen.sight != now:
                self._seen[path] = _Seen(now, since)

    def take(self) -> list[str]:
        """The paths that are still by now, the last that changed first; none while others are about to be."""
        now = self._clock()
        ripe = [path for path, seen in self._seen.items() if self._is_still(path, seen, now)]
        if not ripe:
            self._waiting_since = None
            return []
        if self._waiting_since is None:
            self._waiting_since = now
        if len(ripe) < len(self._seen) and now - self._waiting_since < PATIENCE_S:
            return []
        self._waiting_since = None
        taken = {path: self._seen.pop(path).since for path in ripe}
        return sorted(taken, key=lambda path: (-taken[path], path))

    @staticmethod
    def _is_still(path: str, seen: _Seen, now: float) -> bool:
        if now - seen.since < STILL_S:
            return False
        latest = sight(path)
        if latest != seen.sight:
            seen.sight, seen.since = latest, now
            return False
        return True
