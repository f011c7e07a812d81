"""One picture file: opened within limits, decoded, and saved as far as it goes when it is damaged.

Pillow decodes, from an allow-list of formats: the one that the content was found to be and no other, so that nothing
(PostScript least of all) is tried because a file calls itself a picture. HEIC needs the package ``pi-heif``.

What a file claims to hold is checked before memory is taken for it. A file that is cut off gives what is there, with a
note, since half a photograph is still found by what it shows. Knows nothing of pages and animations.
"""

from __future__ import annotations

import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from io import BufferedReader
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from indexers.decoders.picture_pixels import MAX_SIDE, fitted, orientation_of, to_rgb, upright
from indexers.errors import Broken, TooLarge, Unreadable, Unsupported
from indexers.protocols import Source
from indexers.types import Pixels

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

_PILLOW_NAMES = {
    "png": "PNG",
    "jpeg": "JPEG",
    "webp": "WEBP",
    "gif": "GIF",
    "bmp": "BMP",
    "tiff": "TIFF",
    "heic": "HEIF",
    "avif": "AVIF",
    "jp2": "JPEG2000",
    "ico": "ICO",
}

_MAX_PIXELS = 150_000_000
"""Pixels that are decoded: 600 MB as Pillow holds them."""
_MAX_PIXELS_OF = {"webp": 80_000_000, "avif": 80_000_000, "heic": 80_000_000, "jp2": 80_000_000}
"""Less where the library needs more than 10 bytes a pixel."""
_MAX_CLAIMED_OF = {"jpeg": 1_000_000_000, "jp2": 200_000_000}
"""More where the format can be scaled down while it is decoded: only the time it takes is a limit."""

_LARGE_READ = 1 << 20

DAMAGE = (
    *(
        OSError,
        EOFError,
        SyntaxError,
        ValueError,
        TypeError,
        LookupError,
        ArithmeticError,
        RuntimeError,
        AssertionError,
    ),
    *(struct.error, zlib.error),
)
"""What Pillow and pi-heif raise over damaged files, each seen to; ``MemoryError`` is the sandbox's to judge."""


@contextmanager
def opened(source: Source, *, salvage: bool = False) -> Iterator[ImageFile]:
    """The picture file, opened but not yet decoded; damage that shows while it is open becomes ``Broken``.

    Args:
        source: of one of the formats of this module.
        salvage: whether decoding goes as far as it can instead of stopping at the first damage.

    Raises:
        Broken: it can not be opened, or is damaged.
        TooLarge: it has more pixels than fit in memory.
        Unsupported: a library that is needed is not installed.
        Unreadable: the operating system refuses the file.
    """
    from PIL import Image, ImageFile, UnidentifiedImageError

    name = _pillow_name(source.format)
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        file = _File(source.path.open("rb", buffering=0))
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from error
    with file, warnings.catch_warnings(), _pixel_limit(_claimed_limit(source.format)):
        warnings.simplefilter("ignore")  # of tags and sizes; what matters comes as an error
        ImageFile.LOAD_TRUNCATED_IMAGES = salvage
        try:
            with Image.open(file, formats=(name,)) as image:
                yield image
        except Image.DecompressionBombError as error:
            raise TooLarge(_bomb(file, name, _claimed_limit(source.format))) from error
        except UnidentifiedImageError as error:
            raise Broken("the head of the picture is damaged or missing") from error
        except DAMAGE as error:
            lines = str(error).splitlines() or [type(error).__name__]
            raise Broken(f"the picture is damaged ({lines[0][:100]})") from error
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = before


class _File(BufferedReader):
    """A file of which no more is asked than it has: Python takes memory for what a damaged length asks for."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _LARGE_READ:
            size = min(size, max(0, os.fstat(self.fileno()).st_size - self.tell()))
        return super().read(size)


def _pillow_name(format_name: str) -> str:
    """Pillow's name of a format, once what decodes it is there.

    Raises:
        Unsupported: it is not.
    """
    from PIL import features

    if format_name == "heic":
        try:
            import_module("pi_heif").register_heif_opener()
        except ImportError as error:
            raise Unsupported("HEIC is not read here: save it as JPEG, or pip install pi-heif") from error
    if format_name == "avif" and not features.check("avif"):
        raise Unsupported("this Pillow reads no AVIF: save it as JPEG, or pip install --upgrade pillow")
    if format_name not in _PILLOW_NAMES:
        raise Unsupported(f"no decoder for the pictures of {format_name} files")
    return _PILLOW_NAMES[format_name]


def _bomb(file: BinaryIO, name: str, limit: int) -> str:
    """Why a picture was refused, with its dimensions: opening it again decodes nothing."""
    from PIL import Image

    try:
        with _pixel_limit(None), Image.open(file, formats=(name,)) as image:
            width, height = image.size
    except DAMAGE:
        width = height = 0
    # What an icon or an animation holds may be larger than it says at its head.
    return _too_many(width, height, limit) if width * height > limit else "a picture inside it is far too large"


@contextmanager
def _pixel_limit(pixels: int | None) -> Iterator[None]:
    from PIL import Image

    before = Image.MAX_IMAGE_PIXELS
    # Pillow warns above it and refuses above its double.
    Image.MAX_IMAGE_PIXELS = None if pixels is None else pixels // 2
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _claimed_limit(format_name: str) -> int:
    return _MAX_CLAIMED_OF.get(format_name) or _MAX_PIXELS_OF.get(format_name, _MAX_PIXELS)


def whole(source: Source) -> tuple[Pixels, tuple[str, ...]]:
    """Pixels of the picture (of an animation's first frame) and what is amiss with them."""
    try:
        with opened(source) as image:
            load(image, source.format)
            return upright(to_rgb(image), orientation_of(image)), ()
    except Broken as error:
        return salvaged(source, 0, error)


def load(image: ImageFile, format_name: str) -> None:
    """Decodes, at a smaller size where the format can do so by itself.

    Raises:
        TooLarge: it would not fit.
    """
    from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile

    width, height = image.size
    decoded = width * height
    # All of a progressive picture is held before the first pixel is known, so that scaling saves nothing.
    if format_name == "jpeg" and not image.info.get("progressive"):
        image.draft(None, fitted(width, height))
        decoded = image.width * image.height
    elif isinstance(image, Jpeg2KImageFile):
        halvings = min(_jp2_levels(image), max(1, max(width, height) // MAX_SIDE).bit_length() - 1)
        image.reduce = halvings
        decoded >>= 2 * halvings
    limit = _MAX_PIXELS_OF.get(format_name, _MAX_PIXELS)
    if decoded > limit:
        raise TooLarge(_too_many(width, height, limit))
    image.load()


def _jp2_levels(image: ImageFile) -> int:
    """How often a JPEG 2000 picture can be halved while it is decoded; 0 if its head does not say."""
    if image.fp is None:
        return 0
    image.fp.seek(0)
    head = image.fp.read(1 << 16)
    start = head.find(b"\xff\x4f\xff\x51")  # where the code stream begins
    style = head.find(b"\xff\x52", max(0, start))  # its coding style: length, flags, order, layers, mixing, levels
    return head[style + 9] if start >= 0 and 0 <= style < len(head) - 9 else 0


def _too_many(width: int, height: int, limit: int) -> str:
    return f"it is {width:,} × {height:,} pixels, more than {limit // 10**6} million"


def salvaged(source: Source, frame: int, error: Broken) -> tuple[Pixels, tuple[str, ...]]:
    """As ``whole``, of a damaged file.

    Raises:
        Broken: ``error``, if there is nothing to be seen.
    """
    with opened(source, salvage=True) as image:
        if frame:
            image.seek(frame)
        load(image, source.format)
        picture = to_rgb(image)
        orientation = orientation_of(image)
    stored = np.asarray(picture)
    below = _empty_rows(stored)
    if below == len(stored):
        raise error
    above = _empty_rows(stored[::-1]) if source.format == "bmp" else 0  # written from the foot up
    if not below and not above:
        note = "damaged: parts of it may be missing"
    elif orientation != 1:
        note = "cut off: a part is missing"
    else:
        note = f"cut off: the {'lower' if below else 'upper'} part is missing"
    return upright(picture, orientation), (note,)


def _empty_rows(pixels: Pixels) -> int:
    """Rows at the end that are all of one colour: where a picture is cut off, decoders leave what was there before."""
    filled = np.flatnonzero((pixels != pixels[-1, 0]).any(axis=(1, 2)))
    return len(pixels) - (int(filled[-1]) + 1 if filled.size else 0)
