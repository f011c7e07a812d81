"""A place in a document as the browser names it: believed only as far as it makes sense. Pure.

What the page gave out as ``data-place`` comes back from the browser, where anything may have been put into it.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, TypeGuard

from indexers.locators import locator_from_dict
from indexers.types import (
    Box,
    LinesLocator,
    Locator,
    PageLocator,
    RegionLocator,
    SectionLocator,
    SheetLocator,
    SlideLocator,
    TimeLocator,
    WholeLocator,
)

_PATH_CHARS = 8192
_QUOTE_CHARS = 20_000
_JSON_CHARS = 500_000
_MOST = 10**9
_NOWHERE = WholeLocator()


@dataclass(frozen=True, slots=True)
class Place:
    """A document and where in it; ``quote`` are the words that stand there, "" where nobody says."""

    path: str
    locator: Locator = _NOWHERE
    quote: str = ""


def read_place(text: object) -> Place:
    """The place in ``text``, JSON as ``render.place_attribute`` makes it. Of a locator without sense, the whole file.

    Raises:
        ValueError: it names no document.
    """
    if not isinstance(text, str) or len(text) > _JSON_CHARS:
        raise ValueError("no place")
    try:
        data = json.loads(text)
    except RecursionError as error:
        raise ValueError("no place") from error
    path = data.get("path") if isinstance(data, dict) else None
    if not (_is_text(path) and len(path) <= _PATH_CHARS and PurePath(path).is_absolute()) or "\0" in path:
        raise ValueError("no path")
    quote = data.get("quote")
    return Place(path, _locator(data.get("locator")), quote[:_QUOTE_CHARS] if _is_text(quote) else "")


def read_number(text: object) -> int | None:
    """A whole number that the browser names; None for anything else."""
    if isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) <= 9:
        return int(text)
    return None


def _locator(data: Any) -> Locator:
    try:
        locator = locator_from_dict(data)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return _NOWHERE
    return locator if _makes_sense(locator) else _NOWHERE


def _makes_sense(locator: Locator) -> bool:
    match locator:
        case PageLocator(page, boxes):
            return _counts(page) and all(map(_is_box, boxes))
        case LinesLocator(first, last):
            return _counts(first, last)
        case TimeLocator(start_s, end_s):
            return _is_number(start_s) and _is_number(end_s) and 0 <= start_s <= _MOST
        case RegionLocator(box):
            return _is_box(box)
        case SlideLocator(slide):
            return _counts(slide)
        case SheetLocator(sheet, first_row, last_row):
            return _is_text(sheet) and _counts(first_row, last_row)
        case SectionLocator(headings):
            return all(map(_is_text, headings))
        case WholeLocator():
            return True


def _is_text(value: object) -> TypeGuard[str]:
    """Whether it is a string that can be written: JSON can name halves of characters."""
    return isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value)


def _counts(*values: object) -> bool:
    return all(isinstance(value, int) and not isinstance(value, bool) and 0 < value < _MOST for value in values)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_box(box: Box) -> bool:
    return all(_is_number(value) and -1 <= value <= 2 for value in box)
