"""What the views of all kinds of sources are made of: texts with the quoted words marked, boxes over pictures. Pure.

Every text is escaped here or in the view that it is handed to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

from indexers.types import Box, Chunk, Locator

_MANY_WORDS = 3000
_PARAGRAPHS = re.compile(r"\n{2,}")


def segments(passage: Chunk) -> Iterator[tuple[Locator, str]]:
    """The parts of a passage whose places are told apart, in order: each place, and the text that stands there."""
    if not passage.places:
        yield passage.locator, passage.body
        return
    ends = [place.start for place in passage.places[1:]] + [len(passage.body)]
    for place, end in zip(passage.places, ends, strict=True):
        yield place.locator, passage.body[place.start : end]


def find(text: str, quote: str) -> tuple[int, int] | None:
    """Where ``quote`` stands in ``text``, whatever white space is between its words; None if it does not.

    >>> find("The rent is  £640\\na year.", "is £640 a year"), find("The rent", "the")
    ((9, 24), None)
    """
    words = quote.split()
    if not words or len(words) > _MANY_WORDS:
        return None
    found = re.search(r"\s+".join(map(re.escape, words)), text)
    return found.span() if found else None


def quoted(passage: Chunk, quote: str) -> tuple[int, int] | None:
    """Where ``quote`` stands in a passage's body. A quote that begins with the table's header stands under it."""
    if passage.header and quote.startswith(passage.header):
        quote = quote[len(passage.header) :]
    return find(passage.body, quote)


def marked(text: str, span: tuple[int, int] | None) -> str:
    """``text`` as HTML, with the characters of ``span`` marked."""
    if span is None or span[0] >= span[1]:
        return escape(text)
    start, end = span
    return f'{escape(text[:start])}<mark class="cited">{escape(text[start:end])}</mark>{escape(text[end:])}'


def paragraphs(text: str, span: tuple[int, int] | None = None) -> str:
    """``text`` as paragraphs, with what lies in ``span`` marked in each."""
    made: list[str] = []
    at = 0
    for gap in [*_PARAGRAPHS.finditer(text), None]:
        end = gap.start() if gap else len(text)
        part = text[at:end]
        if part.strip():
            inside = None if span is None else (max(0, span[0] - at), min(len(part), span[1] - at))
            made.append(f"<p>{marked(part, inside)}</p>")
        at = gap.end() if gap else end
    return "".join(made)


def boxes(over: Sequence[Box]) -> str:
    """Rectangles to be laid over a picture; seen, not read out."""
    if not over:
        return ""
    drawn = "".join(_rectangle(box) for box in over)
    return f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true" focusable="false">{drawn}</svg>'


def _rectangle(box: Box) -> str:
    left, top, right, bottom = (100 * min(max(value, 0.0), 1.0) for value in box)
    size = f'width="{max(0.0, right - left):.3f}" height="{max(0.0, bottom - top):.3f}"'
    return f'<rect class="mark" x="{left:.3f}" y="{top:.3f}" {size} />'


def button(act: str, label: str, *, turn: str = "", at: int | None = None, place: str = "", off: bool = False) -> str:
    """A button of the pane.

    Args:
        act: the event it raises.
        label: what is on it.
        turn: which of the buttons that turn it is, so that it has the focus again afterwards.
        at: where it turns to.
        place: the place that was opened, as an attribute's text.
        off: whether it can not be used now.
    """
    more = f' data-turn="{turn}"' if turn else ""
    more += f' data-at="{at}"' if at is not None else ""
    more += f' data-place="{place}"' if place else ""
    more += " disabled" if off else ""
    return f'<button type="button" data-act="{act}"{more}>{escape(label)}</button>'
