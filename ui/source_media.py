"""Sources that are seen and heard: pages and pictures with the place outlined, players with their transcript. Pure.

What is said or written in them stands beside them as text, so that nothing is only seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from assistant.sources import Source
from indexers.decoders import FILMS
from indexers.locators import clock
from indexers.previews import can_be_seen
from indexers.types import Box, Chunk, PageLocator, RegionLocator, TimeLocator, WholeLocator
from ui import links
from ui.documents import TYPES
from ui.markup import attribute
from ui.place import Place
from ui.source_parts import boxes, button, find, paragraphs, quoted, segments
from ui.transcript import Line, lines

WIDTH = 1200
"""Pixels of a page or picture: twice of what a pane is wide, for screens with small pixels."""


# --- pages -------------------------------------------------------------------------------------


def pages(source: Source, place: Place, shown: str, at: int | None) -> str:
    """A page as it looks, with the place marked on it, and its text.

    Args:
        source: a document that has pages.
        place: what was opened.
        shown: the place as an attribute's text.
        at: the page that was turned to; None: that of the place.
    """
    cited = place.locator.page if isinstance(place.locator, PageLocator) else 1
    count = page_count(source)
    number = min(max(at if at is not None else cited, 1), max(count, cited))
    here = place.locator.boxes if isinstance(place.locator, PageLocator) and number == cited else ()
    picture = ""
    if not source.obstacle and can_be_seen(source.format):
        address = links.page(source.id, number, WIDTH)
        picture = _figure(address, f"Page {number} of {_name(source)}", here)
    text = _page_text(source.passages, number, place.quote if number == cited else "")
    if picture:
        text = f'<details class="text"><summary>Text of this page</summary>{text}</details>'
    before = button("turn", "‹ Previous", turn="previous", at=number - 1, place=shown, off=number <= 1)
    after = button("turn", "Next ›", turn="next", at=number + 1, place=shown, off=number >= count)
    told = f'<span class="count" role="status">p. {number} of {count}</span>'
    return f'<nav class="pages" aria-label="Pages">{before}{told}{after}</nav>{picture}{text}'


def page_count(source: Source) -> int:
    """How many pages a document has, as far as it is known: at least as many as hold text."""
    ledger = source.document.ledger
    told = int(ledger.total or 0) if ledger.unit == "pages" else 0
    return max([told, 1, *(each.page for passage in source.passages for each in _page_locators(passage))])


def _page_locators(passage: Chunk) -> Iterable[PageLocator]:
    return (locator for locator, _ in segments(passage) if isinstance(locator, PageLocator))


def _page_text(passages: Sequence[Chunk], number: int, quote: str) -> str:
    made: list[str] = []
    for passage in passages:
        text = "".join(
            part for locator, part in segments(passage) if isinstance(locator, PageLocator) and locator.page == number
        )
        if text.strip():
            made.append(paragraphs(text, find(text, quote)))
    return "".join(made) or "<p>There is no text on this page.</p>"


def _figure(address: str, name: str, here: Sequence[Box]) -> str:
    """A picture with boxes over it; what it shows stands beside it as text."""
    picture = f'<img src="{attribute(address)}" alt="{attribute(name)}">'
    failed = '<p class="failed notice" role="status" hidden>This can not be shown as a picture; its text is below.</p>'
    return f'<figure class="seen"><div class="canvas">{picture}{boxes(here)}</div>{failed}</figure>'


# --- pictures ----------------------------------------------------------------------------------


def picture(source: Source, place: Place) -> str:
    """A picture with the region outlined, then what is written in it and what is said of it."""
    here = (place.locator.box,) if isinstance(place.locator, RegionLocator) else ()
    shown = ""
    if not source.obstacle and can_be_seen(source.format):
        shown = _figure(links.picture(source.id, WIDTH), _name(source), here)
    written = [passage for passage in source.passages if not isinstance(passage.locator, WholeLocator)]
    about = [passage for passage in source.passages if isinstance(passage.locator, WholeLocator)]
    return shown + _texts("In the picture", written, place.quote) + _texts("About the picture", about, place.quote)


def _texts(title: str, passages: Sequence[Chunk], quote: str) -> str:
    if not passages:
        return ""
    body = "".join(paragraphs(passage.body, quoted(passage, quote)) for passage in passages)
    return f"<section><h3>{escape(title)}</h3>{body}</section>"


# --- recordings --------------------------------------------------------------------------------


def recording(source: Source, place: Place) -> str:
    """A player that begins at the place, and the transcript, whose lines lead to their seconds."""
    spoken = lines(source.passages)
    cited = place.locator if isinstance(place.locator, TimeLocator) else None
    plays = not source.obstacle and source.format in TYPES
    about = [passage for passage in source.passages if isinstance(passage.locator, WholeLocator)]
    head = _player(source, cited, captioned=bool(spoken)) if plays else _still(source, cited)
    return head + _transcript(spoken, cited, plays=plays) + _texts("About this recording", about, place.quote)


def _player(source: Source, cited: TimeLocator | None, *, captioned: bool) -> str:
    kind = "video" if source.format in FILMS else "audio"
    start_s = cited.start_s if cited else 0.0
    second = f' data-second="{start_s:.3f}"' if cited else ""
    poster = ""
    if kind == "video":
        poster = f' playsinline poster="{attribute(links.still(source.id, start_s, WIDTH))}"'
    track = ""
    if captioned:
        track = f'<track kind="captions" label="Captions" src="{attribute(links.captions(source.id))}">'
    address = attribute(links.original(source.id))
    return (
        f'<div class="player"><{kind} controls preload="metadata" src="{address}"{second}{poster} '
        f'aria-label="{attribute(_name(source))}">{track}</{kind}>'
        f'<p class="failed notice" role="alert" hidden>This browser can not play the file. '
        f'<a href="{address}" target="_blank" rel="noopener noreferrer">Open the original</a> in another program.</p>'
        f"</div>"
    )


def _still(source: Source, cited: TimeLocator | None) -> str:
    """What is shown of a recording that browsers do not play."""
    if source.obstacle:
        return ""
    shown = ""
    if can_be_seen(source.format):
        shown = _figure(links.still(source.id, cited.start_s if cited else 0.0, WIDTH), _name(source), ())
    return (
        f'{shown}<p class="notice">Browsers do not play files of this kind: save the original, and open it there.</p>'
    )


def _transcript(spoken: Sequence[Line], cited: TimeLocator | None, *, plays: bool) -> str:
    if not spoken:
        return ""
    made: list[str] = []
    chapter = ""
    for line in spoken:
        if line.chapter and line.chapter != chapter:
            chapter = line.chapter
            made.append(f'<li class="chapter">{escape(chapter)}</li>')
        here = cited is not None and line.start_s < cited.end_s and cited.start_s < line.end_s
        made.append(f"<li{' class=cited' if here else ''}>{_spoken(line, here=here, plays=plays)}</li>")
    return f'<section class="transcript"><h3>Transcript</h3><ol>{"".join(made)}</ol></section>'


def _spoken(line: Line, *, here: bool, plays: bool) -> str:
    text = f"<mark>{escape(line.text)}</mark>" if here else escape(line.text)
    kind = '<span class="kind">On screen:</span> ' if line.on_screen else ""
    body = f'<span class="time">{clock(line.start_s)}</span><span class="words">{kind}{text}</span>'
    if not plays:
        return f'<div class="line">{body}</div>'
    seek = f'data-seek="{line.start_s:.3f}" data-until="{line.end_s:.3f}"'
    seen = ' data-seen="true"' if line.on_screen else ""
    return f'<button type="button" class="line" {seek}{seen}>{body}</button>'


def _name(source: Source) -> str:
    return source.path.rpartition("/")[2]
