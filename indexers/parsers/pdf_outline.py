"""A PDF's outline: the headings that it names, and the lines of a page that they lead to."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from indexers.parsers.pdf_page import Page, clean

_OUTLINE_ENTRIES = 10_000
_HEADING_CHARS = 120
_HEADING_DEPTH = 6


@dataclass(frozen=True, slots=True)
class Heading:
    """An entry of the outline: the titles that lead to it, its page (from 1) and the place there, if it names one.

    The place is in PDF user space (points), as the page's view is not known before the page is read.
    """

    path: tuple[str, ...]
    page: int
    place: tuple[float, float] | None


def read_outline(document: Any) -> Iterator[Heading]:
    """The outline in its own order. Entries without a title or a page lend their titles only to those below them."""
    path: list[str] = []
    for entry in islice(document.get_toc(max_depth=_HEADING_DEPTH), _OUTLINE_ENTRIES):
        try:
            title = " ".join(clean(entry.get_title()).split())[:_HEADING_CHARS]
        except UnicodeDecodeError:
            title = ""
        path[entry.level :] = [title]
        target = entry.get_dest()
        index = target.get_index() if target is not None else None
        if title and index is not None:
            yield Heading(tuple(filter(None, path)), index + 1, _target_place(target))


def _target_place(target: Any) -> tuple[float, float] | None:
    """The point (user space) that an outline entry leads to; None if it only names the page."""
    import pypdfium2.raw as pdfium

    has_x, has_y, has_zoom = (ctypes.c_int() for _ in range(3))
    x, y, zoom = (ctypes.c_float() for _ in range(3))
    located = pdfium.FPDFDest_GetLocationInPage(target.raw, has_x, has_y, has_zoom, x, y, zoom)
    return (x.value, y.value) if located and has_y.value else None


def heading_lines(page: Page, headings: Sequence[Heading]) -> dict[int, tuple[str, ...]]:
    """Line index → the heading path from there on, for the entries of the outline that lead to this page.

    A heading is the first line that holds its title, else the first line at its height, else the page's first
    line; an entry below all lines begins after the last one.
    """
    words = [_words(line.text) for line in page.lines] if headings else []
    starts: dict[int, tuple[str, ...]] = {}
    at = 0
    for heading in headings:
        at = _heading_line(page, words, heading, at)
        starts[at] = heading.path
    return starts


def _heading_line(page: Page, words: Sequence[str], heading: Heading, at: int) -> int:
    """Index of the line that ``heading`` leads to, at or after ``at``; ``len(words)`` if it is below all lines."""
    title = _words(heading.path[-1])
    for index in range(at, len(words)):
        if title and title in words[index] and len(words[index]) < len(title) + 20:
            return index
    if heading.place is None:
        return at
    _, top = page.view.point(*heading.place)
    return next((i for i in range(at, len(words)) if page.lines[i].bottom >= top), len(words))


def _words(text: str) -> str:
    return " ".join(text.casefold().split())
