"""An answer and what it rests on, as HTML. Pure; every text of a file, a model or a person is escaped here.

Nothing that is escaped becomes a link, a picture or a style: what the browser loads are addresses of this page alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TypeAlias

from assistant.answers import Answer, Citation, Sentence
from assistant.conversations import GONE, Found, Turn
from indexers.locators import describe, locator_to_dict, where
from indexers.types import Locator, Media, WholeLocator

Thumbnails: TypeAlias = Callable[[str, Media, Locator], str]
"""Path, kind and place → the address of a small picture of it; "" where there is none."""

_STEPS = {"search": "searching", "evidence": "weighing sentences", "llm": "writing", "ground": "checking"}
_MEDIA = {"text": "Document", "image": "Picture", "audio": "Recording", "video": "Film"}
_NOTICED_MS = 50
_LONG, _LINES = 700, 8
"""Characters and lines of a question that is shown whole."""
_QUOTED = 300
"""Characters of a passage on a card."""


def place_attribute(path: str, locator: Locator, quote: str = "") -> str:
    """The value of ``data-place``, which a region's event "open" takes."""
    return escape(json.dumps({"path": path, "locator": locator_to_dict(locator), "quote": quote}), quote=True)


def name_of(path: str) -> str:
    """A file's name as people know it; of a document inside another, both."""
    return describe(path, WholeLocator())


def turn(asked: Turn, thumbnails: Thumbnails, between: str = "") -> str:
    """A question with its answer; ``between`` them, HTML that belongs to neither."""
    completed = asked.answer.question if asked.answer.question != " ".join(asked.question.split()) else ""
    asking = question(asked.question, asked.given, completed)
    return asking + between + answer(asked.answer, asked.found, thumbnails)


def question(text: str, given: Sequence[str] = (), completed: str = "") -> str:
    """A question as typed, the names of files that came with it, and how it was understood where that differs."""
    files = "".join(f'<span class="given">{escape(name)}</span>' for name in given)
    # One that fills the screen is scrolled, also by the keyboard, so that its answer is seen.
    scrolled = ' class="long" tabindex="0"' if len(text) > _LONG or text.count("\n") > _LINES else ""
    said = f"<p{scrolled}>{escape(text)}</p>" if text else ""
    understood = f'<p class="understood">Understood as: {escape(completed)}</p>' if completed and text else ""
    return f'<article class="question"><h3 class="unseen">You asked</h3>{files}{said}{understood}</article>'


def answer(told: Answer, found: Sequence[Found], thumbnails: Thumbnails) -> str:
    """An answer: its sentences with the numbers of their sources, the sources as cards, and how it came about."""
    cited = {citation.number: citation for citation in told.citations}
    said = " ".join(_sentence(sentence, cited, told) for sentence in told.sentences)
    kind = "abstained" if told.abstained else "answered"
    return (
        f'<article class="answer {kind}"><h3 class="unseen">Answer</h3>'
        f"{f'<p class=said>{said}</p>' if said else ''}{_sources(told, thumbnails)}"
        f"{_account(told, found)}{_read(found, thumbnails, is_open=told.abstained and not told.citations)}</article>"
    )


def _sentence(sentence: Sentence, cited: Mapping[int, Citation], told: Answer) -> str:
    chips = "".join(_chip(cited[number]) for number in sentence.citations if number in cited)
    if sentence.text == GONE:
        return f'<span class="sentence gone">{escape(sentence.text)}</span>'
    if sentence.supported or told.abstained:
        return f'<span class="sentence">{_with(sentence.text, chips)}</span>'
    note = ' <span class="note">not supported by your files</span>'
    return f'<span class="sentence unsupported">{_with(sentence.text, chips)}{note}</span>'


def _with(text: str, chips: str) -> str:
    """A sentence with its chips, which do not come to stand on a line without its last word."""
    before, blank, last = text.rpartition(" ")
    return f'{escape(before)}{blank}<span class="together">{escape(last)}{chips}</span>' if chips else escape(text)


def _chip(citation: Citation) -> str:
    label = escape(f"Source {citation.number}: {citation}", quote=True)
    place = place_attribute(citation.path, citation.locator, citation.quote)
    return (
        f'<button type="button" class="chip" data-act="open" data-place="{place}" '
        f'aria-label="{label}" title="{label}">{citation.number}</button>'
    )


def _sources(told: Answer, thumbnails: Thumbnails) -> str:
    if not told.citations:
        return ""
    heading = "Sources"
    if told.abstained:
        heading = "The nearest passages, which may not answer it"
    elif not told.sentences:
        heading = "Nearest to the picture"
    cards = "".join(
        "<li>"
        + card(
            citation.path,
            citation.media,
            citation.locator,
            citation.quote,
            thumbnails(citation.path, citation.media, citation.locator),
            citation.number,
        )
        + "</li>"
        for citation in told.citations
    )
    return f'<h4 class="sources">{heading}</h4><ol class="cards">{cards}</ol>'


def _read(found: Sequence[Found], thumbnails: Thumbnails, *, is_open: bool) -> str:
    """What was read, out of the way unless there is nothing else to look at."""
    if not found:
        return ""
    cards = "".join(
        "<li>"
        + card(place.path, place.media, place.locator, place.text, thumbnails(place.path, place.media, place.locator))
        + "</li>"
        for place in found
    )
    summary = f"<summary>What was read ({len(found)})</summary>"
    return f'<details class="read"{" open" if is_open else ""}>{summary}<ul class="cards">{cards}</ul></details>'


def card(path: str, media: Media, locator: Locator, text: str, thumbnail: str = "", number: int = 0) -> str:
    """A place as a button that opens it: a small picture where there is one, the file's name, where in it, and text."""
    picture = f'<img src="{escape(thumbnail, quote=True)}" alt="" loading="lazy">' if thumbnail else ""
    count = f'<span class="number">{number}</span> ' if number else ""
    place = where(locator) or _MEDIA[media]
    short = text if len(text) <= _QUOTED else text[:_QUOTED].rstrip() + "…"
    return (
        f'<button type="button" class="card {media}" data-act="open" '
        f'data-place="{place_attribute(path, locator, text)}">{picture}'
        f'<span class="about">{count}<span class="name">{escape(name_of(path))}</span> '
        f'<span class="where">{escape(place)}</span></span> <span class="quote">{escape(short)}</span></button>'
    )


def _account(told: Answer, found: Sequence[Found]) -> str:
    """What was read, who wrote, and how long each step took."""
    files = len({place.path for place in found})
    passages = "1 passage" if len(found) == 1 else f"{len(found)} passages"
    read = f"read {passages} from {files} {'file' if files == 1 else 'files'}" if found else ""
    parts = [part for part in (read, _who_wrote(told), _steps(told.timings_ms)) if part]
    return f'<p class="account">{escape(" · ".join(parts))}</p>' if parts else ""


def _who_wrote(told: Answer) -> str:
    if told.abstained or not told.sentences:
        return ""
    if told.mode == "llm":
        return f"written by {told.model}, each sentence checked"
    return "quoted word for word" + (", since the draft did not stand the check" if "llm" in told.timings_ms else "")


def _steps(timings_ms: Mapping[str, float]) -> str:
    """How long each step took, of those that took long enough to be noticed."""
    noticed = [(name, taken) for name, taken in timings_ms.items() if name in _STEPS and taken >= _NOTICED_MS]
    return ", ".join(f"{_STEPS[name]} {taken / 1000:.1f} s" for name, taken in noticed)
