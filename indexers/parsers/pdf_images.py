"""The images on a page of a PDF and where they are seen: the only module that walks pdfium's page objects.

pdfium gives an image the matrix that places its unit square, in the space of the form that it stands in, so the
matrices of the forms around it are multiplied in. Places come out in points of the visible page, as in ``pdf_page``.
It does not know which images matter (``pdf_figures``).
"""

from __future__ import annotations

import ctypes
import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, TypeAlias

from indexers.parsers.pdf_page import View
from indexers.types import Box

_TOUCHING_POINTS = 1.5
_DEPTH = 8  # of forms in forms
_IMAGES = 5_000  # of one page
_CLIP_POINTS = 200

_Matrix: TypeAlias = tuple[float, float, float, float, float, float]
_Corners: TypeAlias = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture on a page, in points of the visible page, y downwards; perhaps made of several images side by side.

    ``pixels`` is how many its images have; ``images`` are pdfium's handles of them, which live as long as the page.
    """

    left: float
    top: float
    right: float
    bottom: float
    pixels: int
    images: tuple[Any, ...]

    def share(self, view: View) -> float:
        """How much of the visible page it covers (0–1)."""
        width, height = view.size
        return (self.right - self.left) * (self.bottom - self.top) / (width * height)

    def box(self, view: View) -> Box:
        """Where it stands, as fractions of the visible page."""
        width, height = view.size
        left, top, right, bottom = self.left / width, self.top / height, self.right / width, self.bottom / height
        return (round(left, 5), round(top, 5), round(right, 5), round(bottom, 5))

    def digest(self) -> bytes:
        """The same for the same picture wherever it stands, at whatever size."""
        import pypdfium2.raw as pdfium

        found = hashlib.blake2b(digest_size=16)
        for image in self.images:
            size = pdfium.FPDFImageObj_GetImageDataRaw(image, None, 0)
            data = (ctypes.c_ubyte * size)()
            pdfium.FPDFImageObj_GetImageDataRaw(image, data, size)
            found.update(b"%d %d " % (_pixels(image), size))
            found.update(data)
        return found.digest()


def seen_images(handle: Any, view: View) -> list[Figure]:
    """The images on the visible page; those that lie side by side, as strips and tiles of a scan do, as one."""
    import pypdfium2.raw as pdfium

    figures = []
    count, get = pdfium.FPDFPage_CountObjects(handle.raw), partial(pdfium.FPDFPage_GetObject, handle.raw)
    found = _images(count, get, (1, 0, 0, 1, 0, 0), 0)
    for image, matrix, clip in islice(found, _IMAGES):
        corners = _seen_corners(matrix, clip, view)
        if corners is not None:
            figures.append(Figure(*corners, _pixels(image), (image,)))
    for _ in range(2):
        figures = _joined(figures, vertically=True)
        figures = _joined(figures, vertically=False)
    return figures


def _images(
    count: int, get: Callable[[int], Any], matrix: _Matrix, depth: int
) -> Iterator[tuple[Any, _Matrix, _Corners | None]]:
    """Each image, also inside forms: its handle, what places its unit square in user space, and where it is clipped."""
    import pypdfium2.raw as pdfium

    image, form, kind_of = pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_FORM, pdfium.FPDFPageObj_GetType
    for at in range(count):
        thing = get(at)
        kind = kind_of(thing)
        if kind == image or (kind == form and depth < _DEPTH):
            own = pdfium.FS_MATRIX()
            if not pdfium.FPDFPageObj_GetMatrix(thing, own):
                continue
            placed = _times((own.a, own.b, own.c, own.d, own.e, own.f), matrix)
            if kind == image:
                yield thing, placed, _clip(thing, matrix)
            else:
                inner, get_inner = pdfium.FPDFFormObj_CountObjects(thing), partial(pdfium.FPDFFormObj_GetObject, thing)
                yield from _images(inner, get_inner, placed, depth + 1)


def _times(first: _Matrix, then: _Matrix) -> _Matrix:
    """The matrix that does what ``first`` does and then what ``then`` does (PDF 32000-1, 8.3.4)."""
    a, b, c, d, e, f = first
    g, h, i, j, k, m = then
    return (a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + m)


def _apply(matrix: _Matrix, x: float, y: float) -> tuple[float, float]:
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f


def _seen_corners(matrix: _Matrix, clip: _Corners | None, view: View) -> _Corners | None:
    """Left, top, right, bottom of what is seen of an image, in points of the visible page; None if nothing is."""
    places = [view.point(*_apply(matrix, x, y)) for x, y in ((0, 0), (1, 0), (0, 1), (1, 1))]
    bounds = [_bounds(places), (0.0, 0.0, *view.size)]
    if clip is not None:
        bounds.append(_bounds([view.point(clip[0], clip[1]), view.point(clip[2], clip[3])]))
    seen = _common(bounds)
    return seen if math.isfinite(sum(seen)) and seen[0] < seen[2] and seen[1] < seen[3] else None


def _bounds(points: Sequence[tuple[float, float]]) -> _Corners:
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _common(bounds: Sequence[_Corners]) -> _Corners:
    lefts, tops, rights, bottoms = zip(*bounds, strict=True)
    return max(lefts), max(tops), min(rights), min(bottoms)


def _clip(thing: Any, matrix: _Matrix) -> _Corners | None:
    """The rectangle (user space) around what clips an image; None where nothing does, or something intricate."""
    import pypdfium2.raw as pdfium

    clip = pdfium.FPDFPageObj_GetClipPath(thing)
    bounds = []
    for at in range(pdfium.FPDFClipPath_CountPaths(clip) if clip else 0):
        points = []
        x, y = ctypes.c_float(), ctypes.c_float()
        count = pdfium.FPDFClipPath_CountPathSegments(clip, at)
        for number in range(count if count <= _CLIP_POINTS else 0):
            segment = pdfium.FPDFClipPath_GetPathSegment(clip, at, number)
            if pdfium.FPDFPathSegment_GetPoint(segment, x, y):
                points.append(_apply(matrix, x.value, y.value))
        if points:
            bounds.append(_bounds(points))
    return _common(bounds) if bounds else None


def _pixels(image: Any) -> int:
    import pypdfium2.raw as pdfium

    width, height = ctypes.c_uint(), ctypes.c_uint()
    known = pdfium.FPDFImageObj_GetImagePixelSize(image, width, height)
    return width.value * height.value if known else 0


def _joined(figures: Sequence[Figure], *, vertically: bool) -> list[Figure]:
    """Figures that follow one another without a gap, with both other edges in line, made one."""

    def edges(figure: Figure) -> tuple[int, int]:
        sides = (figure.left, figure.right) if vertically else (figure.top, figure.bottom)
        return round(sides[0] / _TOUCHING_POINTS), round(sides[1] / _TOUCHING_POINTS)

    def begins(figure: Figure) -> float:
        return figure.top if vertically else figure.left

    joined: list[Figure] = []
    for figure in sorted(figures, key=lambda figure: (edges(figure), begins(figure))):
        last = joined[-1] if joined else None
        if last is not None and edges(last) == edges(figure):
            end = last.bottom if vertically else last.right
            if begins(figure) - end <= _TOUCHING_POINTS:
                joined[-1] = _union(last, figure)
                continue
        joined.append(figure)
    return joined


def _union(one: Figure, other: Figure) -> Figure:
    return Figure(
        min(one.left, other.left),
        min(one.top, other.top),
        max(one.right, other.right),
        max(one.bottom, other.bottom),
        one.pixels + other.pixels,
        (*one.images, *other.images),
    )
