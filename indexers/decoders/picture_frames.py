"""Picture files that hold several pictures: the pages of a TIFF, the frames of an animation.

Pages are read one after the other, in portions; a damaged page is said in a note and the next one is read. An
animation is no film: it shows one thing that moves, so that a few frames, evenly spread and only where they differ
from those before them, say all of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from indexers.decoders.picture_file import DAMAGE, load, opened, salvaged
from indexers.decoders.picture_pixels import orientation_of, to_rgb, upright
from indexers.errors import Broken, FileError
from indexers.protocols import Source
from indexers.types import Decoded, Locator, PageLocator, Picture, Pixels, TimeLocator, WholeLocator

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

ANIMATED = ("gif", "webp", "png", "avif")
"""Formats of pictures that may move."""

_PORTION_PIXELS = 20_000_000
_MAX_PAGES = 2000
_SUBFILE_TAG = 254
_NO_PAGE = 0b101  # bits of TIFF's NewSubfileType: a smaller copy of another page, a mask of one

_MAX_FRAMES = 5
_MAX_ANIMATION_PIXELS = 500_000_000  # that are decoded to find frames that differ
_UNSAID_MS = 100  # how long viewers show a frame that does not say
_GRID = 32
_MOVED = 24  # of 255: what a colour of a cell must change by
_MOVED_CELLS = _GRID * _GRID // 50


def decode_pages(source: Source, start: int) -> Decoded:
    """Pages of a TIFF from page ``start`` (counted from 0) on, as many as make a portion.

    Raises:
        FileError: nothing of its only page can be read.
    """
    pictures: list[Picture] = []
    pixels = 0
    with opened(source) as image:
        pages, notes = page_frames(image)
        for at in range(start, len(pages)):
            if pixels >= _PORTION_PIXELS:
                return Decoded(tuple(pictures), next_start=at)
            try:
                image.seek(pages[at])
                load(image, source.format)
                page = upright(to_rgb(image), 1)  # Pillow turns a TIFF while it loads it
            except (*DAMAGE, FileError) as error:
                if pictures:  # these first; the damaged one begins the next portion
                    return Decoded(tuple(pictures), next_start=at)
                return _damaged_page(source, pages, at, notes, error)
            pictures.append(Picture(page, _page_locator(pages, at)))
            pixels += page.size // 3
    return Decoded(tuple(pictures), notes=notes)


def page_frames(image: ImageFile) -> tuple[list[int], tuple[str, ...]]:
    """Frames of a TIFF that are pages of their own, and a note if these are not all."""
    from PIL.TiffImagePlugin import TiffImageFile

    pages: list[int] = []
    notes: tuple[str, ...] = ()
    for frame in range(_MAX_PAGES + 1):
        if frame == _MAX_PAGES:
            notes = (f"only the first {_MAX_PAGES} pages are read",)
            break
        try:
            image.seek(frame)
        except EOFError:
            break
        except DAMAGE:
            notes = (f"damaged after page {frame}",)
            break
        kind = image.tag_v2.get(_SUBFILE_TAG, 0) if isinstance(image, TiffImageFile) else 0
        if not (isinstance(kind, int) and kind & _NO_PAGE):
            pages.append(frame)
    # Raw photographs have nothing but a small copy where other programs look.
    return pages or [0], notes


def _page_locator(pages: list[int], at: int) -> Locator:
    return PageLocator(pages[at] + 1) if len(pages) > 1 else WholeLocator()


def _damaged_page(source: Source, pages: list[int], at: int, notes: tuple[str, ...], error: Exception) -> Decoded:
    """What can be saved of the page, or a note; the next page begins the next portion."""
    pictures: tuple[Picture, ...] = ()
    reason = error if isinstance(error, FileError) else Broken(f"the picture is damaged ({error})")
    try:
        if not isinstance(reason, Broken):
            raise reason
        pixels, flaws = salvaged(source, pages[at], reason)
        pictures = (Picture(pixels, _page_locator(pages, at)),)
    except FileError as final:
        if len(pages) == 1:
            raise
        flaws = (str(final),)
    if len(pages) > 1:
        flaws = tuple(f"page {pages[at] + 1}: {flaw}" for flaw in flaws)
    last = at + 1 == len(pages)
    return Decoded(pictures, next_start=None if last else at + 1, notes=(*flaws, *notes) if last else flaws)


def later_frames(source: Source, first: Pixels) -> tuple[list[Picture], tuple[str, ...]]:
    """A few frames of an animation after its ``first``, each with the time for which it is shown; notes.

    None of a picture that does not move.
    """
    found: list[Picture] = []
    seen = [_grid(first)]
    number = 0
    try:
        with opened(source) as image:
            count = int(getattr(image, "n_frames", 1))
            count = min(count, max(1, _MAX_ANIMATION_PIXELS // (image.width * image.height)))
            wanted = {count * part // _MAX_FRAMES for part in range(1, _MAX_FRAMES)} - {0}
            clock_ms = 0.0
            for number in range(max(wanted, default=-1) + 1):
                image.seek(number)
                load(image, source.format)
                shown_ms = _shown_ms(image)
                if number in wanted:
                    pixels = upright(to_rgb(image), orientation_of(image))
                    grid = _grid(pixels)
                    if all(_differ(grid, other) for other in seen):
                        seen.append(grid)
                        place = TimeLocator(clock_ms / 1000, (clock_ms + shown_ms) / 1000)
                        found.append(Picture(pixels, place))
                clock_ms += shown_ms
    except FileError:
        return found, (f"the animation is damaged after {number} of its frames",)
    return found, ()


def _shown_ms(image: ImageFile) -> float:
    said = image.info.get("duration", 0)
    return float(said) if isinstance(said, int | float) and 0 < said < 3_600_000 else _UNSAID_MS


def _grid(pixels: Pixels) -> NDArray[np.int16]:
    """``(_GRID, _GRID, 3)``: the picture, coarsely."""
    from PIL import Image

    return np.asarray(Image.fromarray(pixels).resize((_GRID, _GRID), Image.Resampling.BOX)).astype(np.int16)


def _differ(one: NDArray[np.int16], other: NDArray[np.int16]) -> bool:
    return int(np.count_nonzero((np.abs(one - other) > _MOVED).any(axis=2))) > _MOVED_CELLS
