"""A file as a small picture for people to look at: a page of a PDF, a photograph, what a film shows at a second.

Runs in the sandbox, as parsers and decoders do, and takes from the decoders how files are opened within limits. What
is made is always a JPEG without metadata, no larger than asked for, so that a browser is never given a picture that a
stranger's program has written. It knows no passages and draws no marks: these are laid over the picture by the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np

from indexers.decoders import FILMS, PICTURES
from indexers.errors import Broken, Unsupported
from indexers.protocols import Source
from indexers.types import Pixels

WIDTHS = (64, 2000)
"""Pixels: the narrowest and the widest picture that is made."""
_TALLEST = 3000
_BYTES = 16 << 20
"""No picture of such a size is larger as JPEG."""
_QUALITY = 85
_START, _END = b"\xff\xd8\xff", b"\xff\xd9"


@dataclass(frozen=True, slots=True)
class Look:
    """What is to be seen of a file.

    Args:
        width: pixels, within ``WIDTHS``; a picture that is smaller is not enlarged, a page is drawn at this width.
        page: of a paged document, from 1; None: its first.
        second: of a film; None: a little after its beginning.
    """

    width: int
    page: int | None = None
    second: float | None = None


def can_be_seen(format_name: str) -> bool:
    """Whether there are previews of files of a format."""
    return format_name == "pdf" or format_name in PICTURES or format_name in FILMS


def preview(source: Source, look: Look) -> bytes:
    """The picture as JPEG.

    Raises:
        FileError: it can not be made; the message is the reason.
    """
    width = min(max(look.width, WIDTHS[0]), WIDTHS[1])
    if source.format == "pdf":
        return _jpeg(_page(source, look.page or 1, width), width, sharp=True)
    if source.format in PICTURES:
        return _jpeg(_picture(source, look.page or 1), width)
    if source.format in FILMS:
        from indexers.decoders.film_frame import frame_at

        return _jpeg(frame_at(source, look.second), width)
    raise Unsupported(f"{source.format} files are not shown as pictures")


def checked(data: bytes) -> bytes:
    """``data``, if it is a JPEG of a size that ``preview`` gives: the child that made it has met a stranger's file.

    Raises:
        ValueError: it is not.
    """
    if len(data) > _BYTES or not (data.startswith(_START) and data.endswith(_END)):
        raise ValueError("no JPEG")
    return data


def _page(source: Source, number: int, width: int) -> Pixels:
    """A page of a PDF, upright and with what is typed into its forms, as wide as ``width`` unless it is very tall."""
    import pypdfium2

    from indexers.parsers.pdf_file import open_document, open_page

    try:
        with open_document(source.path) as document:
            if not 1 <= number <= len(document):
                raise Unsupported(f"there is no page {number}: it has {len(document)}")
            with open_page(document, number - 1) as page:
                across, down = page.get_size()
                if min(across, down) <= 0:
                    raise Broken(f"page {number} has no size")
                bitmap = page.render(scale=min(width / across, _TALLEST / down), rev_byteorder=True)
                try:
                    return np.array(bitmap.to_numpy(), np.uint8)[:, :, :3]
                finally:
                    bitmap.close()
    except pypdfium2.PdfiumError as error:
        raise Broken(f"damaged: page {number} can not be shown") from error


def _picture(source: Source, page: int) -> Pixels:
    """A picture file (of an animation the first frame), or a page of one that has several."""
    from indexers.decoders.picture_file import load, opened, salvaged, whole
    from indexers.decoders.picture_pixels import to_rgb, upright

    if source.format != "tiff":
        return whole(source)[0]
    try:
        with opened(source) as image:
            image.seek(page - 1)
            load(image, source.format)
            return upright(to_rgb(image), 1)  # Pillow turns a TIFF while it loads it
    except Broken as error:
        return salvaged(source, page - 1, error)[0]


def _jpeg(pixels: Pixels, width: int, *, sharp: bool = False) -> bytes:
    """``sharp``: colours are not blurred, as they are in photographs, where nobody sees it."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.thumbnail((width, _TALLEST), Image.Resampling.LANCZOS)
    written = BytesIO()
    image.save(written, "JPEG", quality=_QUALITY, subsampling=0 if sharp else 2)
    return written.getvalue()
