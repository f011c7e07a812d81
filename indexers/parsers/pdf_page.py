"""One page of a PDF as lines of text with boxes: the only module that talks to pdfium's text API.

Positions come out in points of the *visible* page: origin at the top left, after /Rotate and the crop box, so
nothing downstream knows that PDF space has its origin at the bottom and may be turned. It does not know
paragraphs, tables or headers (``pdf_layout``).

pdfium's raw API is called per line, not per character: the boxes of a line's characters are united by pdfium
itself (``FPDFText_GetRect``), which is an order of magnitude fewer calls than one box a character.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from indexers.types import Box

_HYPHEN = "\ufffe"
"""What pdfium puts for a hyphen at the end of a line, leaving the line break itself out."""

_BREAKS = re.compile(r"(\r\n|\r|\n|\ufffe)")
# Control characters but tab, lone surrogates, and the non-characters that pdfium gives for unmapped glyphs.
_DIRT = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")

_MANY_RECTS = 16
"""Some producers place every glyph on its own: of a line with more rectangles than this, a sample is measured."""
_ASCENT, _DESCENT = 0.72, 0.21
"""How far ink reaches from the baseline, as shares of the font's height (the usual of Latin text fonts)."""


def clean(text: str) -> str:
    """``text`` without what is no text: control characters and lone surrogates; ends stripped."""
    return _DIRT.sub("", text).strip()


@dataclass(frozen=True, slots=True)
class Line:
    """A run of text on one baseline. All positions in points of the visible page, y downwards."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    baseline: float
    size: float
    """Height of the font as it is shown, in points."""
    upright: bool = True
    """Whether the text runs from left to right on the visible page."""


@dataclass(frozen=True, slots=True)
class View:
    """How PDF user space is seen: the visible rectangle (user space, points) and the clockwise rotation (degrees)."""

    left: float
    bottom: float
    right: float
    top: float
    rotation: int

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the visible page in points."""
        width, height = self.right - self.left, self.top - self.bottom
        return (height, width) if self.rotation in (90, 270) else (width, height)

    def point(self, x: float, y: float) -> tuple[float, float]:
        """A point of user space on the visible page."""
        match self.rotation:
            case 90:
                return y - self.bottom, x - self.left
            case 180:
                return self.right - x, y - self.bottom
            case 270:
                return self.top - y, self.right - x
            case _:
                return x - self.left, self.top - y


@dataclass(frozen=True, slots=True)
class Page:
    """The lines of one page (``number`` counts from 1) in reading order.

    ``blank`` says that nothing is drawn within its bounds, so that there was nothing to read.
    """

    number: int
    view: View
    lines: tuple[Line, ...] = ()
    blank: bool = False

    def box(self, line: Line) -> Box:
        """Where ``line`` stands, as fractions of the visible page."""
        width, height = self.view.size
        # 5 decimals are a hundredth of a point: finer than any pixel, short when stored.
        left, right = max(line.left / width, 0.0), min(line.right / width, 1.0)
        top, bottom = max(line.top / height, 0.0), min(line.bottom / height, 1.0)
        return (round(left, 5), round(top, 5), round(right, 5), round(bottom, 5))


def page_view(page: Any) -> View:
    """How an open ``pypdfium2.PdfPage`` is seen."""
    left, bottom, right, top = page.get_bbox()
    return View(left, bottom, right, top, page.get_rotation())


def read_page(page: Any, number: int) -> Page:
    """The text of an open ``pypdfium2.PdfPage``; lines wholly outside the visible page are left out.

    Raises:
        pypdfium2.PdfiumError: pdfium can not read the page's content.
    """
    view = page_view(page)
    width, height = view.size
    if width <= 0 or height <= 0:
        return Page(number, view)
    textpage = page.get_textpage()
    try:
        reader = _TextReader(textpage.raw, view)
        lines = tuple(
            line
            for line in reader.lines()
            if line.right > 0 and line.left < width and line.bottom > 0 and line.top < height
        )
    finally:
        textpage.close()
    return Page(number, view, lines, blank=not lines and not _draws(page, view))


def _draws(page: Any, view: View) -> bool:
    """Whether anything at all is drawn within the visible page."""
    import pypdfium2.raw as pdfium

    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    for at in range(pdfium.FPDFPage_CountObjects(page.raw)):
        thing = pdfium.FPDFPage_GetObject(page.raw, at)
        if not pdfium.FPDFPageObj_GetBounds(thing, left, bottom, right, top):
            return True  # nothing says that it can not be seen
        if left.value < view.right and right.value > view.left and bottom.value < view.top and top.value > view.bottom:
            return True
    return False


class _TextReader:
    """Cuts a pdfium text page into lines. The ctypes cells are made once: they are most of the cost of a call."""

    def __init__(self, raw: Any, view: View) -> None:
        import pypdfium2.raw as pdfium

        self._pdfium = pdfium
        self._raw = raw
        self._view = view
        self._cells = tuple(ctypes.c_double() for _ in range(4))
        self._refs = tuple(ctypes.byref(cell) for cell in self._cells)
        self._matrix = pdfium.FS_MATRIX()

    def lines(self) -> Iterator[Line]:
        count = self._pdfium.FPDFText_CountChars(self._raw)
        if count <= 0:
            return
        text = self._all_text(count)
        # Characters without Unicode are missing from the text, so its indices may run behind those of the boxes.
        aligned = len(text) == count
        start = 0
        parts = _BREAKS.split(text)
        for part, separator in zip(parts[::2], [*parts[1::2], ""], strict=True):
            content = clean(part + ("-" if separator == _HYPHEN else ""))
            if content:
                lead = len(part) - len(part.lstrip())
                first, last = start + lead, start + len(part.rstrip()) - 1 + (separator == _HYPHEN)
                if not aligned:
                    first, last = self._char_index(first), self._char_index(last)
                line = self._line(content, first, last)
                if line is not None:
                    yield line
            start += len(part) + len(separator)

    def _all_text(self, count: int) -> str:
        # Twice the characters, as one outside the basic plane takes two UTF-16 units; one more for the end.
        units = 2 * count + 1
        buffer = (ctypes.c_ushort * units)()
        written = self._pdfium.FPDFText_GetText(self._raw, 0, count, buffer)
        raw = ctypes.string_at(buffer, 2 * max(written - 1, 0))
        return raw.decode("utf-16-le", "surrogatepass")

    def _char_index(self, text_index: int) -> int:
        return int(self._pdfium.FPDFText_GetCharIndexFromTextIndex(self._raw, text_index))

    def _line(self, text: str, first: int, last: int) -> Line | None:
        if first < 0 or last < first:
            return None
        size, upright = self._font(first)
        rects = self._pdfium.FPDFText_CountRects(self._raw, first, last - first + 1)
        sampled = upright and size > 0 and rects > _MANY_RECTS
        step = rects // (_MANY_RECTS // 2) if sampled else 1
        # The last first, so that a sample always holds both ends of the line.
        box = self._united_box([rects - 1, *range(0, rects, step)] if rects else [])
        if box is None:
            return None
        (x1, y1), (x2, y2) = self._view.point(box[0], box[1]), self._view.point(box[2], box[3])
        left, right, top, bottom = min(x1, x2), max(x1, x2), min(y1, y2), max(y1, y2)
        baseline = bottom
        if upright and self._pdfium.FPDFText_GetCharOrigin(self._raw, first, self._refs[0], self._refs[1]):
            _, y = self._view.point(self._cells[0].value, self._cells[1].value)
            if top - size <= y <= bottom + size:
                baseline = y
        if sampled:
            top, bottom = min(top, baseline - _ASCENT * size), max(bottom, baseline + _DESCENT * size)
        return Line(text, left, top, right, bottom, baseline, size or max(bottom - top, 1.0), upright)

    def _united_box(self, indices: Iterable[int]) -> tuple[float, float, float, float] | None:
        """Left, bottom, right, top (user space) of the rectangles last counted, or None if none has a place."""
        get_rect, raw, refs = self._pdfium.FPDFText_GetRect, self._raw, self._refs
        x1, top, x2, bottom = self._cells
        corners = [(x1.value, bottom.value, x2.value, top.value) for index in indices if get_rect(raw, index, *refs)]
        # A sum carries any infinity or NaN along: one look for all.
        if not corners or not math.isfinite(sum(map(sum, corners))):
            return None
        lefts, bottoms, rights, tops = zip(*corners, strict=True)
        box = (min(lefts), min(bottoms), max(rights), max(tops))
        return box if box[2] > box[0] else None

    def _font(self, index: int) -> tuple[float, bool]:
        """The shown height of the font (points, 0 if unknown) and whether it runs left to right."""
        nominal = self._pdfium.FPDFText_GetFontSize(self._raw, index)
        matrix = self._matrix
        if not self._pdfium.FPDFText_GetMatrix(self._raw, index, ctypes.byref(matrix)):
            return 0.0, True
        direction = math.degrees(math.atan2(matrix.b, matrix.a)) - self._view.rotation
        upright = abs((direction + 180) % 360 - 180) < 10
        size = nominal * math.hypot(matrix.c, matrix.d)
        return (size if math.isfinite(size) else 0.0), upright
