"""Locators as JSON, as words for people, and joined: the three things that are done with a place.

Kept apart from ``types`` so that the data model stays data.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from indexers.types import (
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


def locator_to_dict(locator: Locator) -> dict[str, Any]:
    """``{"kind": …}`` and the fields of the kind, ready for ``json.dumps``."""
    match locator:
        case PageLocator(page, boxes):
            fields: dict[str, Any] = {"page": page, "boxes": [list(box) for box in boxes]}
        case LinesLocator(first, last):
            fields = {"first": first, "last": last}
        case TimeLocator(start_s, end_s):
            fields = {"start_s": start_s, "end_s": end_s}
        case RegionLocator(box):
            fields = {"box": list(box)}
        case SlideLocator(slide):
            fields = {"slide": slide}
        case SheetLocator(sheet, first_row, last_row):
            fields = {"sheet": sheet, "first_row": first_row, "last_row": last_row}
        case SectionLocator(headings):
            fields = {"headings": list(headings)}
        case WholeLocator():
            fields = {}
    return {"kind": locator.kind, **fields}


def locator_from_dict(data: Mapping[str, Any]) -> Locator:
    """The inverse of ``locator_to_dict``.

    Raises:
        ValueError: the kind is not one of the eight.
    """
    match data["kind"]:
        case "page":
            return PageLocator(data["page"], tuple((b[0], b[1], b[2], b[3]) for b in data["boxes"]))
        case "lines":
            return LinesLocator(data["first"], data["last"])
        case "time":
            return TimeLocator(data["start_s"], data["end_s"])
        case "region":
            left, top, right, bottom = data["box"]
            return RegionLocator((left, top, right, bottom))
        case "slide":
            return SlideLocator(data["slide"])
        case "sheet":
            return SheetLocator(data["sheet"], data["first_row"], data["last_row"])
        case "section":
            return SectionLocator(tuple(data["headings"]))
        case "whole":
            return WholeLocator()
        case kind:
            raise ValueError(f"unknown locator kind {kind!r}")


def join_locators(first: Locator, second: Locator) -> Locator | None:
    """The place of two neighbouring pieces taken together, or None if no single locator can say it.

    Pages, slides, sheets and sections are never crossed.
    """
    if first == second:
        return first
    match first, second:
        case PageLocator(page, boxes), PageLocator(other, more) if page == other:
            return PageLocator(page, boxes + tuple(box for box in more if box not in boxes))
        case LinesLocator(start, end), LinesLocator(start2, end2):
            return LinesLocator(min(start, start2), max(end, end2))
        case TimeLocator(begin, stop), TimeLocator(begin2, stop2):
            return TimeLocator(min(begin, begin2), max(stop, stop2))
        case SheetLocator(sheet, low, high), SheetLocator(sheet2, low2, high2) if sheet == sheet2:
            return SheetLocator(sheet, min(low, low2), max(high, high2))
        case RegionLocator(a), RegionLocator(b):
            return RegionLocator((min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])))
        case _:
            return None


def clock(seconds: float) -> str:
    """Seconds as a player shows them.

    >>> clock(724), clock(3724)
    ('12:04', '1:02:04')
    """
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, secs = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{secs:02}" if hours else f"{minutes}:{secs:02}"


def describe(path: str, locator: Locator) -> str:
    """A place in words: the file's name and where in it.

    >>> describe("/home/me/report.pdf", PageLocator(3))
    'report.pdf, p. 3'
    >>> describe("talk.mp3", TimeLocator(724.0, 738.2))
    'talk.mp3, 12:04–12:18'
    >>> describe("notes.md", LinesLocator(10, 24))
    'notes.md, lines 10–24'
    """
    # A document inside another is "mail.eml!/report.pdf": both names are shown. A folder may be named "important!".
    parts = [path] if "!/" not in path or os.path.lexists(path) else path.split("!/")
    name = " › ".join(PurePath(part).name for part in parts)
    place = where(locator)
    return f"{name}, {place}" if place else name


def where(locator: Locator) -> str:
    """A place within its file in words; empty for the whole of it."""
    match locator:
        case PageLocator(page):
            return f"p. {page}"
        case LinesLocator(first, last):
            return f"line {first}" if first == last else f"lines {first}–{last}"
        case TimeLocator(start_s, end_s):
            return f"{clock(start_s)}–{clock(end_s)}"
        case RegionLocator():
            return "marked region"
        case SlideLocator(slide):
            return f"slide {slide}"
        case SheetLocator(sheet, first_row, last_row):
            rows = f"row {first_row}" if first_row == last_row else f"rows {first_row}–{last_row}"
            return f"{sheet}, {rows}"
        case SectionLocator(headings):
            return f"“{headings[-1]}”" if headings else ""
        case WholeLocator():
            return ""
