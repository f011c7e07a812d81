"""Picture files → upright RGB pixels of a size that models use.

A scan of many pages comes a few pages at a time; of an animation come the first frame and a few later ones that
differ. What people wrote about a picture is not read here (``indexers.parsers.image`` does that).
"""

from __future__ import annotations

from indexers.decoders.picture_file import whole
from indexers.decoders.picture_frames import ANIMATED, decode_pages, later_frames
from indexers.protocols import Source
from indexers.types import Decoded, Picture, WholeLocator


def decode_picture(source: Source, start: float) -> Decoded:
    """The picture, pages of it from page ``start`` (counted from 0) on, or its first and some later frames.

    Raises:
        Broken: nothing of it can be decoded.
        TooLarge: it has more pixels than fit in memory.
        Unsupported: a library that is needed is not installed.
        Unreadable: the operating system refuses the file.
    """
    if source.format == "tiff":
        return decode_pages(source, int(start))
    pixels, notes = whole(source)
    pictures = [Picture(pixels, WholeLocator())]
    if not notes and source.format in ANIMATED:
        later, notes = later_frames(source, pixels)
        pictures += later
    return Decoded(tuple(pictures), notes=notes)
