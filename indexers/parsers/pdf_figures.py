"""What on a PDF's page has to be looked at: the page itself where it holds no text, or the pictures on it.

Used twice, by the parser to say that there is something to look at and by the decoder that renders it, so that both
judge alike. It renders nothing: it walks the objects of a page and takes their places and the number of their pixels.
As that takes as long as reading the page's text, files without a picture of some size are told apart beforehand by
their bytes (``may_hold_figures``).

It does not know drawings made of lines (charts, maps): only their look tells them from rules and frames.
"""

from __future__ import annotations

import mmap
import re
from itertools import islice
from pathlib import Path
from typing import Any

from indexers.parsers.pdf_images import Figure, seen_images
from indexers.parsers.pdf_page import Page, View

_SIDE_POINTS = 72 * 2.5 / 2.54
"""A picture is shown at 2.5 cm or more on both sides; smaller ones are icons, stamps and ornaments."""
_MIN_PIXELS = 100 * 100
_WHOLE_PAGE = 0.85
"""A picture over more than this share of the page is the page: a scan, or what its text stands on."""
_BACKDROP = 0.4
"""A picture over more than this share of the page is what the text stands on, if most lines lie within it."""
_SCAN = 0.7
_FEW_LETTERS = 20
"""Fewer letters and digits than this on a scan (over ``_SCAN`` of the page) are a stamp or a page number."""

_IMAGE = re.compile(rb"/Subtype\s*/Image\b")
_WIDTH, _HEIGHT = (re.compile(rb"/%b\s+(\d+)(?!\d*\s+\d+\s+R\b)" % side) for side in (b"Width", b"Height"))
_DICTIONARY_BYTES = 1000


def may_hold_figures(path: Path) -> bool:
    """Whether the file has images that are large enough, taken together, to be a picture.

    Images are streams, and the dictionaries of streams are never packed away or encrypted. Not seen are images
    within a page's own commands, which are meant for icons.
    """
    pixels = 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for match in _IMAGE.finditer(data):
            start = max(data.rfind(b"obj", max(match.start() - _DICTIONARY_BYTES, 0), match.start()), 0)
            end = data.find(b"stream", match.end(), match.end() + _DICTIONARY_BYTES)
            entries = data[start : end if end > 0 else match.end() + _DICTIONARY_BYTES]
            width, height = _WIDTH.search(entries), _HEIGHT.search(entries)
            # A side that stands elsewhere in the file may have any length.
            known = width is not None and height is not None and max(len(width[1]), len(height[1])) < 10
            pixels += int(width[1]) * int(height[1]) if known and width and height else _MIN_PIXELS
            if pixels >= _MIN_PIXELS:
                return True
    return False


def is_textless(handle: Any, page: Page) -> bool:
    """Whether a page shows something but holds no text of it, so that the page itself has to be looked at.

    Args:
        handle: the open ``pypdfium2.PdfPage``.
        page: what was read from it.
    """
    # Glyphs of a font that does not say what they mean come out as signs, never as letters.
    characters = (character for line in page.lines for character in line.text if character.isalnum())
    letters = sum(1 for _ in islice(characters, _FEW_LETTERS))
    if not letters:
        return not page.blank
    return letters < _FEW_LETTERS and any(image.share(page.view) > _SCAN for image in seen_images(handle, page.view))


def large_figures(handle: Any, view: View) -> list[Figure]:
    """The pictures of a page that are large enough to be one and are not the page itself; largest first."""
    figures = [
        image
        for image in seen_images(handle, view)
        if min(image.right - image.left, image.bottom - image.top) >= _SIDE_POINTS
        and image.pixels >= _MIN_PIXELS
        and image.share(view) <= _WHOLE_PAGE
    ]
    return sorted(figures, key=lambda figure: -figure.share(view))


def is_backdrop(figure: Figure, page: Page) -> bool:
    """Whether the page's text stands on this picture: a scan with a text layer, a slide's background."""
    if figure.share(page.view) <= _BACKDROP:
        return False
    within = [
        figure.left <= (line.left + line.right) / 2 <= figure.right
        and figure.top <= (line.top + line.bottom) / 2 <= figure.bottom
        for line in page.lines
    ]
    return 2 * sum(within) > len(within)
