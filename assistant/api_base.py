"""What the groups of the facade's methods share: the parts that do the work, and how their arguments are understood.

Knows no settings; ``api`` makes the parts of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from indexers.errors import OtherModel, UsageError
from indexers.types import MEDIA
from indexers.walk import absolute

if TYPE_CHECKING:
    from assistant.build import Parts

PathLike = Path | str
_Given = TypeVar("_Given")


class AssistantBase:
    """What each group of methods needs; ``Assistant`` makes it."""

    _parts: Parts


def settled(call: Callable[[], _Given]) -> _Given:
    """What ``call`` gives; once more where another process changed the library's text model while it ran."""
    try:
        return call()
    except OtherModel:
        return call()


def listed(paths: Iterable[PathLike] | PathLike) -> list[PathLike]:
    """The paths that were given; one alone is a list of one."""
    return [paths] if isinstance(paths, str | Path) else list(paths)


def under_of(under: PathLike | None) -> str | None:
    """The file or folder that files are narrowed to; None for all."""
    return None if under is None else absolute(under)


def media_of(media: Iterable[str] | None) -> frozenset[str] | None:
    """The kinds of files that they are narrowed to; None for all.

    Raises:
        UsageError: one is unknown, or there is none.
    """
    if media is None:
        return None
    kinds = frozenset([media] if isinstance(media, str) else media)
    unknown = sorted(kinds - set(MEDIA))
    if unknown or not kinds:
        raise UsageError(f"media must be some of {', '.join(MEDIA)}, not {unknown[0] if unknown else 'nothing'!r}")
    return kinds
