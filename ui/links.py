"""Where the page finds pictures and files of documents: the addresses that ``documents`` answers. Pure.

They are relative to the page, so that it can be served below any address.
"""

from __future__ import annotations

from indexers.types import Locator, Media, PageLocator, TimeLocator

THUMBNAIL_WIDTH = 240
"""Pixels; twice of what is shown, for screens with small pixels."""


def thumbnail(id: int, media: Media, locator: Locator) -> str:
    """A small picture of a place; "" where none says anything: text without pages, and sound."""
    match locator:
        case PageLocator(number):
            return page(id, number, THUMBNAIL_WIDTH)
        case TimeLocator(start_s) if media == "video":
            return still(id, start_s, THUMBNAIL_WIDTH)
    return picture(id, THUMBNAIL_WIDTH) if media in ("image", "video") else ""


def picture(id: int, width: int) -> str:
    """A picture file, or what a film shows near its beginning."""
    return f"documents/{id}/thumbnail?width={width}"


def still(id: int, second: float, width: int) -> str:
    """What a film shows at a second."""
    return f"documents/{id}/thumbnail?second={max(0.0, second):.1f}&width={width}"


def page(id: int, number: int, width: int) -> str:
    """A page (from 1) as a picture."""
    return f"documents/{id}/page/{number}?width={width}"


def original(id: int) -> str:
    """The file itself."""
    return f"documents/{id}/original"


def captions(id: int) -> str:
    """What is said in a recording, for a player."""
    return f"documents/{id}/captions.vtt"
