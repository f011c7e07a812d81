"""A source in the pane: its heading, what is to be known of it, and the view of its kind at the place. Pure."""

from __future__ import annotations

from html import escape
from pathlib import PurePath

from assistant.sources import Source
from indexers.locators import where
from indexers.types import Chunk, LinesLocator, Locator, PageLocator, SheetLocator, SlideLocator, Status
from ui import links, source_media, source_text
from ui.documents import TYPES
from ui.markup import attribute
from ui.place import Place
from ui.remedies import way_out
from ui.render import name_of, place_attribute

_SHUT = (Status.ENCRYPTED, Status.UNSUPPORTED)
"""Of these nothing can be shown but what is in their way."""
_VALUES = ("csv", "tsv")


def view(source: Source, place: Place, *, opened: int, at: int | None = None) -> str:
    """The pane's content.

    Args:
        source: the document.
        place: what was opened.
        opened: differs from one showing to the next, so that the browser notices it even if all else is the same.
        at: the page or line that was turned to; None: the place has just been opened.
    """
    shown = place_attribute(place.path, place.locator, place.quote)
    kind, body = _body(source, place, shown, at)
    parts = [_notices(source), _since(source, place), _path_of_headings(source, place), body]
    turned = ' data-turned="true"' if at is not None else ""
    return (
        f'<article class="pane source {kind}" aria-labelledby="source-heading" data-opened="{opened}"{turned}>'
        f"{_head(name_of(source.path), where(place.locator), _original(source))}"
        f'<div class="body" tabindex="0" role="group" aria-label="Source">{"".join(parts)}</div></article>'
    )


def absent(path: str, locator: Locator, reason: str, *, opened: int) -> str:
    """The pane for a document that the library does not hold."""
    return (
        f'<article class="pane source absent" aria-labelledby="source-heading" data-opened="{opened}">'
        f"{_head(name_of(path), where(locator), '')}"
        f'<div class="body"><p class="notice" role="status">{escape(reason)}</p></div></article>'
    )


def _head(name: str, at: str, original: str) -> str:
    place = f' <span class="where">{escape(at)}</span>' if at else ""
    return (
        f'<header><h2 id="source-heading" tabindex="-1"><span class="name">{escape(name)}</span>{place}</h2>'
        f'<div class="tools">{original}'
        '<button type="button" class="close" data-act="close" aria-label="Close the source" title="Close (Esc)">'
        "×</button></div></header>"
    )


def _original(source: Source) -> str:
    if source.obstacle:
        return ""
    address = attribute(links.original(source.id))
    if source.format in TYPES:
        return f'<a class="original" href="{address}" target="_blank" rel="noopener noreferrer">Open the original</a>'
    return (
        f'<a class="original" href="{address}" download="{attribute(PurePath(source.path).name)}">Save the original</a>'
    )


def _notices(source: Source) -> str:
    told: list[str] = []
    if source.obstacle:
        rest = " Shown is its text as it was read." if source.passages else ""
        told.append(f'<p class="notice" role="status">{escape(source.obstacle)}{rest}</p>')
    if source.inside:
        holder = place_attribute(source.inside, Place(source.inside).locator)
        name = escape(name_of(source.inside))
        told.append(f'<p><button type="button" data-act="open" data-place="{holder}">Show {name}</button></p>')
    if not source.passages:
        reason = source.document.reason or "no text in it"
        way = way_out(source.document.status)
        told.append(f'<p class="notice">Nothing in it can be searched: {escape(f"{reason}. {way}".rstrip())}</p>')
    inside = "".join(
        f'<li><button type="button" data-act="open" data-place="{place_attribute(path, Place(path).locator)}">'
        f"{escape(path.rpartition('!/')[2])}</button></li>"
        for path in source.holds
    )
    if inside:
        told.append(f'<div class="holds"><h3>Inside it</h3><ul>{inside}</ul></div>')
    return "".join(told)


def _since(source: Source, place: Place) -> str:
    """That the file is another than the one that was cited, with the words that stood in it."""
    words = "".join(place.quote.split())
    if not words or not isinstance(place.locator, LinesLocator) or not source.passages:
        return ""
    if words in "".join("".join(each.text.split()) for each in source.passages):
        return ""
    return (
        '<p class="notice" role="status">This file has changed since it was cited. What stood there then: '
        f"“{escape(place.quote)}”</p>"
    )


def _path_of_headings(source: Source, place: Place) -> str:
    """The headings that lead to the place, where the view of its kind does not show them itself."""
    if not isinstance(place.locator, PageLocator):
        return ""
    headings = next((each.headings for each in source.passages if _holds(each, place.locator)), ())
    return f'<p class="headings">{escape(" › ".join(headings))}</p>' if headings else ""


def _holds(passage: Chunk, locator: Locator) -> bool:
    return locator == passage.locator or any(locator == place.locator for place in passage.places)


def _body(source: Source, place: Place, shown: str, at: int | None) -> tuple[str, str]:
    """The kind of view, and the view."""
    kinds = {type(passage.locator) for passage in source.passages}
    passages = source.passages
    if not passages and source.document.status in _SHUT:
        return "shut", ""
    if source.format == "pdf" or PageLocator in kinds:
        return "pages", source_media.pages(source, place, shown, at)
    if source.document.media == "image":
        return "picture", source_media.picture(source, place)
    if source.document.media in ("audio", "video"):
        return "recording", source_media.recording(source, place)
    if SheetLocator in kinds or source.format in _VALUES:
        values = source.format in _VALUES
        return "table", source_text.tables(passages, place, shown, at, values=values)
    if LinesLocator in kinds:
        return "code" if source.format not in ("text", "markdown") else "prose", source_text.lines(
            passages, place, shown, at
        )
    if SlideLocator in kinds:
        return "slides", source_text.slides(passages, place)
    return "sections", source_text.sections(passages, place)
