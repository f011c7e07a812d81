"""Pictures of a PDF, rendered by pdfium: pages without text as a whole, and the pictures that stand beside text.

Which these are is judged where the parser judges it (``parsers.pdf_figures``). A picture is cut out of the rendered
page rather than taken out of the file, so that it is upright, cropped and masked as a reader sees it, and every
format that a PDF may hold is read by the one library that shows it.

A portion begins at a page (counted from 0) and ends before ``_PORTION_PIXELS``. Nothing is remembered from one call
to the next: which pictures stood on earlier pages is found out anew, which takes a millisecond a page.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from indexers.errors import Broken
from indexers.parsers.pdf_figures import is_backdrop, is_textless, large_figures
from indexers.parsers.pdf_file import open_document, open_page
from indexers.parsers.pdf_images import Figure
from indexers.parsers.pdf_notes import UNSHOWN, page_note
from indexers.parsers.pdf_page import View, page_view, read_page
from indexers.protocols import Source
from indexers.types import Decoded, PageLocator, Picture, Pixels

_PORTION_PIXELS = 40_000_000
_PORTION_PAGES = 500
_PAGE_FIGURES = 8
_DOCUMENT_FIGURES = 200
_PIXELS_PER_POINT = 200 / 72
_LONGEST_SIDE = 2600
_SHORTEST_SIDE = 32
_IN_PART = "not all pictures are looked at on"
_PLAIN = 16
"""A picture whose lightest and darkest pixel differ by less (of 255) shows nothing."""


def decode_pdf(source: Source, start: float) -> Decoded:
    """The pictures from page index ``start`` on, as many as fit in a portion.

    Raises:
        Encrypted: it does not open with the empty password.
        Broken: pdfium can not read it.
    """
    import pypdfium2

    try:
        with open_document(source.path) as document:
            return _decode(document, int(start))
    except pypdfium2.PdfiumError as error:
        raise Broken("is damaged: its pages can not be shown") from error


@dataclass(slots=True)
class _Portion:
    """What is gathered in one call; ``seen`` are the digests of all pictures up to here, also of earlier portions."""

    seen: set[bytes]
    pictures: list[Picture] = field(default_factory=list)
    pixels: int = 0
    unshown: list[int] = field(default_factory=list)
    in_part: list[int] = field(default_factory=list)

    def finish(self, next_start: int | None) -> Decoded:
        notes = (*page_note(UNSHOWN, self.unshown), *page_note(_IN_PART, self.in_part))
        return Decoded(tuple(self.pictures), next_start=next_start, notes=notes)


@dataclass(frozen=True, slots=True)
class _Shot:
    """A part of a page that is to be rendered: ``figure``, or all of it."""

    view: View
    figure: Figure | None

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in points."""
        if self.figure is None:
            return self.view.size
        return self.figure.right - self.figure.left, self.figure.bottom - self.figure.top

    @property
    def scale(self) -> float:
        """Pixels per point."""
        return min(_PIXELS_PER_POINT, _LONGEST_SIDE / max(self.size))

    @property
    def pixels(self) -> int:
        width, height = self.size
        return int(width * height * self.scale**2)

    def locator(self, number: int) -> PageLocator:
        return PageLocator(number, () if self.figure is None else (self.figure.box(self.view),))


def _decode(document: Any, start: int) -> Decoded:
    import pypdfium2

    portion = _Portion(_seen_before(document, start))
    for index in range(start, len(document)):
        if index - start >= _PORTION_PAGES:
            return portion.finish(index)
        try:
            with open_page(document, index) as page:
                shots, in_part = _shots(page, index, portion.seen)
                pixels = sum(shot.pixels for shot in shots)
                if portion.pixels and portion.pixels + pixels > _PORTION_PIXELS:
                    return portion.finish(index)
                portion.pixels += pixels
                if in_part:
                    portion.in_part.append(index + 1)
                for shot in shots:
                    image = _render(page, shot)
                    if _shows_something(image):
                        portion.pictures.append(Picture(image, shot.locator(index + 1)))
        except pypdfium2.PdfiumError:
            portion.unshown.append(index + 1)
    return portion.finish(None)


def _seen_before(document: Any, end: int) -> set[bytes]:
    """Digests of the pictures on the pages before index ``end``."""
    import pypdfium2

    seen: set[bytes] = set()
    for index in range(min(end, len(document))):
        try:
            with open_page(document, index) as page:
                _new_figures(page, page_view(page), seen)
        except pypdfium2.PdfiumError:
            continue
    return seen


def _new_figures(page: Any, view: View, seen: set[bytes]) -> tuple[list[Figure], bool]:
    """The pictures of a page that are not among those ``seen``, which they are added to, and whether the limit left
    some out."""
    new, too_many = list[Figure](), False
    for figure in large_figures(page, view):
        digest = figure.digest()
        if digest in seen:
            continue
        if len(seen) < _DOCUMENT_FIGURES:
            seen.add(digest)
            new.append(figure)
        else:
            too_many = True
    return new, too_many


def _shots(page: Any, index: int, seen: set[bytes]) -> tuple[list[_Shot], bool]:
    """What is to be rendered of a page: all of it, or its pictures from top to bottom, or nothing.

    And whether some of its pictures are left out, since they are too many or too large.
    """
    read = read_page(page, index + 1)
    figures, too_many = _new_figures(page, read.view, seen)
    if is_textless(page, read):
        return ([_Shot(read.view, None)] if min(read.view.size) > 0 else []), False
    shots: list[_Shot] = []
    room = _PORTION_PIXELS
    figures = [figure for figure in figures if not is_backdrop(figure, read)]
    for figure in figures[:_PAGE_FIGURES]:
        shot = _Shot(read.view, figure)
        room -= shot.pixels
        if room >= 0:
            shots.append(shot)
    ordered = sorted(shots, key=lambda shot: shot.figure.top if shot.figure else 0.0)
    return ordered, too_many or len(shots) < len(figures)


def _render(page: Any, shot: _Shot) -> Pixels:
    """``(height, width, 3)`` uint8, upright."""
    crop = (0.0, 0.0, 0.0, 0.0)
    if shot.figure is not None:
        width, height = shot.view.size
        figure = shot.figure
        crop = (figure.left, height - figure.bottom, width - figure.right, figure.top)
    bitmap = page.render(scale=shot.scale, crop=crop, rev_byteorder=True)
    try:
        pixels: Pixels = np.array(bitmap.to_numpy(), np.uint8)
    finally:
        bitmap.close()
    return pixels


def _shows_something(image: Pixels) -> bool:
    if min(image.shape[:2]) < _SHORTEST_SIDE:
        return False
    return bool((image.max(axis=(0, 1)).astype(int) - image.min(axis=(0, 1)) >= _PLAIN).any())
