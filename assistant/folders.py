"""The folders by which a search is narrowed: those that were added, what lies right below them, and others. Pure."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence

from indexers.places import below

_MOST = 200
"""More folders than these nobody looks through: the fullest are given."""


def folders(paths: Iterable[str], added: Sequence[str]) -> list[tuple[str, int]]:
    """Folders with the numbers of files at any depth below them, sorted by path; of those alike, the outer one.

    Args:
        paths: of all files, absolute.
        added: folders that were added as a whole, or are watched.

    >>> folders(["/a/x/1", "/a/x/2", "/a/y/3", "/b/4"], ["/a"])
    [('/a', 3), ('/a/x', 2), ('/a/y', 1), ('/b', 1)]
    """
    inside = [below(folder) for folder in added]
    found: Counter[str] = Counter()
    for path in paths:
        holders = [start for start in inside if path.startswith(start)]
        steps = {start.rstrip(os.sep) or os.sep for start in holders}
        for start in holders:
            step, _, deeper = path[len(start) :].partition(os.sep)
            steps.update([start + step] if deeper else [])
        found.update(steps or {os.path.dirname(path)})  # noqa: PTH120
    fullest = sorted(found.items(), key=lambda each: (-each[1], each[0]))[:_MOST]
    return sorted(each for each in fullest if not _is_alike(*each, found))


def _is_alike(folder: str, files: int, found: Counter[str]) -> bool:
    """Whether a folder holds all that the one around it does: then choosing it changes nothing."""
    return found.get(os.path.dirname(folder)) == files and os.path.dirname(folder) != folder  # noqa: PTH120
