"""Pictures: what people wrote about them, in the file and beside it. What they show is left to models.

A picture of which nothing is said is still found by the words of its name and by its date, so that no readable picture
comes out empty. A picture that can not be opened keeps its name and what is written beside it.
"""

from __future__ import annotations

from pathlib import PurePath

from indexers.decoders.picture_file import opened
from indexers.decoders.picture_frames import page_frames
from indexers.errors import Broken, TooLarge, Unsupported
from indexers.parsers.image_beside import read_beside
from indexers.parsers.image_tags import read_tags
from indexers.parsers.image_words import BY_NAME, Written, date_in_name
from indexers.protocols import Source
from indexers.types import Parsed

_LYING = (5, 6, 7, 8)  # orientations in which width and height change places


def parse_image(source: Source) -> Parsed:
    """Name, captions, keywords, people, place and date of a picture; ``metadata`` has its ``width`` and ``height`` too.

    Raises:
        Broken: the file is no picture that can be opened, and nothing is written about it.
        Unreadable: the operating system refuses the file.
    """
    written = Written(source.name)
    notes: list[str] = []
    for path in source.beside:
        notes += read_beside(path, written)
    if written.says_more_than_its_name():
        source.keep(written.lay_out(), 0.0)
    size: tuple[int, int] | None = None
    pages = 1
    try:
        size, pages = _read_picture(source, written)
    except (Broken, TooLarge, Unsupported) as error:
        if isinstance(error, Broken) and not written.says_more_than_its_name():
            raise
        notes.insert(0, str(error))
    written.add_date(BY_NAME, date_in_name(source.name))
    return Parsed(
        written.lay_out(),
        written.title or PurePath(source.name).stem,
        written.metadata() | ({"width": str(size[0]), "height": str(size[1])} if size else {}),
        coverage=1.0 if size else 0.0,
        notes=tuple(notes),
        unread=("pictures",) if size else (),
        extent=("pages", pages) if pages > 1 else ("pictures", 1),
    )


def _read_picture(source: Source, written: Written) -> tuple[tuple[int, int], int]:
    """Adds what the picture file says; its width and height as a viewer shows it, and how many pages it has."""
    with opened(source) as image, source.path.open("rb") as file:
        orientation = read_tags(image, file, written)
        width, height = image.size
        pages = len(page_frames(image)[0]) if source.format == "tiff" else 1
    return ((height, width) if orientation in _LYING else (width, height)), pages
