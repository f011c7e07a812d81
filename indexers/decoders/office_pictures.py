"""Pictures inside Word documents and presentations, with the headings or the slide that they stand under.

They are found by the parsers' own modules and decoded as picture files are. What a document shows twice is given
once, where it stands first: the archive's checksums tell that without unpacking. A portion begins at a picture
(counted from 0, in the order in which they stand).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import numpy as np

from indexers.decoders.picture_file import whole
from indexers.decoders.picture_pixels import MAX_SIDE
from indexers.errors import FileError, Unsupported
from indexers.media import sniff
from indexers.parsers.archive import open_archive, read_member
from indexers.parsers.office import docx_pictures
from indexers.parsers.office_drawing import Drawn
from indexers.parsers.slides import slide_pictures
from indexers.protocols import Source
from indexers.types import Decoded, Locator, Picture, Pixels, SectionLocator, SlideLocator

_PORTION_PIXELS = 40_000_000
_PICTURES = 200
_SHORTEST_SIDE = 100
_FORMATS = frozenset({"png", "jpeg", "gif", "bmp", "tiff", "webp"})


def decode_docx(source: Source, start: float) -> Decoded:
    """Pictures in the body of a Word document.

    Raises:
        FileError: it is damaged or needs a password.
    """
    with open_archive(source.path) as archive:
        shown = ((SectionLocator(headings), drawn) for drawn, headings in docx_pictures(archive))
        return _decode(archive, shown, int(start))


def decode_pptx(source: Source, start: float) -> Decoded:
    """Pictures on the slides of a presentation.

    Raises:
        FileError: it is damaged or needs a password.
    """
    with open_archive(source.path) as archive:
        shown = ((SlideLocator(number), drawn) for number, drawn in slide_pictures(archive))
        return _decode(archive, shown, int(start))


def _decode(archive: ZipFile, shown: Iterable[tuple[Locator, Drawn]], start: int) -> Decoded:
    pictures: list[Picture] = []
    lost = 0
    found, more = _once(archive, shown)
    room = _PORTION_PIXELS
    for at in range(start, len(found)):
        # The size of the next one is not known before it is decoded, only its limit.
        if pictures and room < MAX_SIDE**2:
            return _portion(pictures, at, lost)
        locator, drawn = found[at]
        try:
            pixels = _pixels(read_member(archive, drawn.part) or b"", drawn)
        except FileError:
            lost += 1
            continue
        if min(pixels.shape[:2]) >= _SHORTEST_SIDE:
            room -= pixels.shape[0] * pixels.shape[1]
            pictures.append(Picture(pixels, locator))
    return _portion(pictures, None, lost, *([f"only its first {_PICTURES} pictures are looked at"] if more else []))


def _portion(pictures: list[Picture], next_start: int | None, lost: int, *notes: str) -> Decoded:
    told = (f"{lost} {'picture' if lost == 1 else 'pictures'} in it could not be read",) if lost else ()
    return Decoded(tuple(pictures), next_start=next_start, notes=(*told, *notes))


def _once(archive: ZipFile, shown: Iterable[tuple[Locator, Drawn]]) -> tuple[list[tuple[Locator, Drawn]], bool]:
    """The pictures without repetitions, as many as are looked at, and whether there are more.

    Links that lead nowhere are left out.
    """
    sizes = {info.filename: (info.CRC, info.file_size) for info in archive.infolist()}
    found: dict[object, tuple[Locator, Drawn]] = {}
    for locator, drawn in shown:
        if drawn.part in sizes:
            found.setdefault((sizes[drawn.part], drawn.crop, drawn.quarters), (locator, drawn))
    return list(found.values())[:_PICTURES], len(found) > _PICTURES


def _pixels(data: bytes, drawn: Drawn) -> Pixels:
    """``(height, width, 3)`` uint8 of a picture as the document shows it.

    Raises:
        FileError: it can not be decoded, or is of a kind that is not looked at.
    """
    with tempfile.TemporaryDirectory(prefix="locus-") as folder:
        path = Path(folder) / f"picture{PurePosixPath(drawn.part).suffix}"
        path.write_bytes(data)
        kind = sniff(path, path.name)
        if kind.format not in _FORMATS:
            raise Unsupported(f"{kind.format} pictures are not looked at")
        pixels, _ = whole(Source(path, path.name, kind.format))
    height, width = pixels.shape[:2]
    left, top, right, bottom = drawn.crop
    rows = slice(round(top * height), round(bottom * height))
    columns = slice(round(left * width), round(right * width))
    return np.ascontiguousarray(np.rot90(pixels[rows, columns], -drawn.quarters))
