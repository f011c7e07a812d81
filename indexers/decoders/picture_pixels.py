"""A loaded Pillow image → the pixels that models look at: RGB on white, upright, no side longer than they can use.

Works through the image in bands of rows, so that converting takes little memory beside the decoded image itself,
whatever its mode. Knows no files. Colour profiles are not applied (CMYK is converted by its plain formula): the models
here tell nothing apart by them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from indexers.types import Pixels

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_SIDE = 2600
"""Pixels of the longest side that is given: an A4 page at 220 dots to the inch; smaller print is not read anyway."""

_BAND_PIXELS = 4_000_000
_ORIENTATION_TAG = 0x0112
_WIDE_MODES = ("I", "F")


def to_rgb(image: Image) -> Image:
    """A loaded image of any mode as RGB, transparency on white, no side longer than ``MAX_SIDE``; not yet turned."""
    from PIL import Image as PilImage

    width, height = image.size
    convert = _converter(image)
    # Whole factors by averaging first, a finer filter for the rest: as good as the filter alone, and far quicker.
    factor = max(1, max(width, height) // (2 * MAX_SIDE))
    across, down = min(factor, width), min(factor, height)
    canvas = PilImage.new("RGB", (-(-width // across), -(-height // down)))
    for top, bottom in _bands(width, height, down):
        band = convert(image.crop((0, top, width, bottom)))
        canvas.paste(band.reduce((across, down)) if factor > 1 else band, (0, top // down))
    size = fitted(width, height)
    return canvas if canvas.size == size else canvas.resize(size, PilImage.Resampling.LANCZOS)


def upright(image: Image, orientation: int) -> Pixels:
    """``(height, width, 3)`` uint8 of an RGB image as a viewer shows it.

    Args:
        image: as it is stored.
        orientation: EXIF's number for how the camera was held, 1–8; 1 is upright.
    """
    from PIL.Image import Transpose

    how = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }.get(orientation)
    return np.array(image if how is None else image.transpose(how))


def orientation_of(image: Image) -> int:
    """EXIF's orientation of an image, 1 (upright) where there is none or it makes no sense."""
    import struct

    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except (OSError, SyntaxError, ValueError, TypeError, LookupError, struct.error):  # damaged, as much EXIF is
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def fitted(width: int, height: int) -> tuple[int, int]:
    """The size at which a picture of this size is given.

    >>> fitted(5200, 1300), fitted(640, 480), fitted(1, 60000)
    ((2600, 650), (640, 480), (1, 2600))
    """
    longest = max(width, height)
    if longest <= MAX_SIDE:
        return width, height
    return max(1, round(width * MAX_SIDE / longest)), max(1, round(height * MAX_SIDE / longest))


def _bands(width: int, height: int, step: int) -> Iterator[tuple[int, int]]:
    """First and last (excluded) rows of bands that are a multiple of ``step`` rows high."""
    rows = max(1, _BAND_PIXELS // width // step) * step
    for top in range(0, height, rows):
        yield top, min(height, top + rows)


def _converter(image: Image) -> Callable[[Image], Image]:
    """What makes RGB of a band of ``image``: chosen once, because deep greys are scaled by what all of it holds."""
    if image.mode.startswith("I;16") or image.mode in _WIDE_MODES:
        low, high = _grey_range(image)
        return lambda band: _grey_to_rgb(band, low, high)
    if image.mode == "LAB":
        return _lab_to_rgb
    if image.has_transparency_data or image.mode in ("RGBa", "La"):
        return _on_white
    return lambda band: band.convert("RGB")


def _on_white(band: Image) -> Image:
    from PIL import Image as PilImage

    if band.mode in ("RGBa", "La"):
        band = band.convert(band.mode.upper())  # straight alpha; Pillow converts premultiplied to nothing else
    clear = band.convert("RGBA")
    white = PilImage.new("RGB", clear.size, "white")
    white.paste(clear, mask=clear.getchannel("A"))
    return white


def _grey_range(image: Image) -> tuple[float, float]:
    """Values that become black and white.

    Whole numbers that are not negative go from 0 to the most that their bits can hold (cameras and scanners write 10,
    12 or 14 bits into 16); fractions and negative numbers have no such scale, so that they span from least to most.
    """
    low, high = float("inf"), float("-inf")
    for top, bottom in _bands(*image.size, 1):
        values = np.asarray(image.crop((0, top, image.width, bottom)))
        values = values[np.isfinite(values)]
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
    if low > high:
        return 0.0, 1.0
    if image.mode != "F" and low >= 0:
        return 0.0, float(2 ** max(8, int(high).bit_length()) - 1)
    return (low, high) if high > low else (low, low + 1.0)


def _grey_to_rgb(band: Image, low: float, high: float) -> Image:
    from PIL import Image as PilImage

    values = np.asarray(band).astype(np.float64)
    values = np.nan_to_num(values, nan=low, posinf=high, neginf=low)
    grey = np.clip((values - low) * (255.0 / (high - low)) + 0.5, 0, 255).astype(np.uint8)
    return PilImage.fromarray(grey).convert("RGB")


def _lab_to_rgb(band: Image) -> Image:
    from PIL import ImageCms

    transform = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
    converted = ImageCms.applyTransform(band, transform)
    if converted is None:
        raise AssertionError("applyTransform gives an image unless it works in place")
    return converted
