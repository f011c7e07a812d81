"""An answer and what it rests on, as HTML. Pure; every text of a file, a model or a person is escaped here.

Nothing that is escaped becomes a link, a picture or a style: what the browser loads are addresses of this page alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import PurePath

from assistant.answers import Answer, Citation, Sentence
from assistant.conversations import Found, Turn
from indexers.locators import describe, locator_to_dict, where
from indexers.types import Locator, Media, WholeLocator

_NOWHERE = WholeLocator()
_STEPS = {"search": "searching", "evidence": "weighing sentences", "llm": "writing", "ground": "checking"}


def place_attribute(path: str, locator: Locator, quote: str = "") -> str:
    """The ``data-place`` that a region's event "open" takes."""
    return escape(json.dumps({"path": path, "locator": locator_to_dict(locator), "quote": quote}), quote=True)


def name_of(path: str) -> str:
    """A file's name as people know it; of a document inside another, both."""
    return describe(path, _NOWHERE)


def turn(asked: Turn, thumbnails: Mapping[str, str]) -> str:
    """A question with its answer.

    Args:
        asked: the turn.
        thumbnails: addresses of small pictures, by path.
    """
    return question(asked.question, asked.given) + answer(asked.answer, asked.found, thumbnails)


def question(text: str, given: Sequence[str] = ()) -> str:
    """A question as it was typed, with the names of the files that were given with it."""
    files = "".join(f'<span class="given">{escape(PurePath(path).name)}</span>' for path in given)
    said = f"<p>{escape(text)}</p>" if text else ""
    return f'<article class="question" aria-label="Question">{files}{said}</article>'


def answer(told: Answer, found: Sequence[Found], thumbnails: Mapping[str, str]) -> str:
    """An answer: its sentences with the numbers of their sources, the sources as cards, and how it came about."""
    cited = {citation.number: citation for citation in told.citations}
    said = " ".join(_sentence(sentence, cited) for sentence in told.sentences)
    kind = "abstained" if told.abstained else "answered"
    heading = "<h3>The nearest passages</h3>" if told.abstained and told.citations else ""
    cards = "".join(_card(citation, thumbnails.get(citation.path, "")) for citation in told.citations)
    return (
        f'<article class="answer {kind}" aria-label="Answer">'
        f'<p class="said">{said}</p>{heading}'
        f'{f"""<ol class="cards">{cards}</ol>""" if cards else ""}'
        f"{_account(told, found)}</article>"
    )


def _sentence(sentence: Sentence, cited: Mapping[int, Citation]) -> str:
    chips = "".join(_chip(cited[number]) for number in sentence.citations if number in cited)
    if sentence.supported or not cited:
        return f'<span class="sentence">{escape(sentence.text)}{chips}</span>'
    return f'<span class="sentence unsupported">{escape(sentence.text)}{chips}</span>'


def _chip(citation: Citation) -> str:
    label = escape(f"Source {citation.number}: {citation}", quote=True)
    place = place_attribute(citation.path, citation.locator, citation.quote)
    return (
        f'<button type="button" class="chip" data-act="open" data-place="{place}" '
        f'aria-label="{label}" title="{label}">{citation.number}</button>'
    )


def _card(citation: Citation, thumbnail: str) -> str:
    return (
        f"<li>{card(citation.path, citation.media, citation.locator, citation.quote, thumbnail, citation.number)}</li>"
    )


def card(path: str, media: Media, locator: Locator, text: str, thumbnail: str = "", number: int = 0) -> str:
    """A place as a button that opens it: a small picture where there is one, the file's name, where in it, and text."""
    picture = f'<img src="{escape(thumbnail, quote=True)}" alt="" loading="lazy">' if thumbnail else ""
    count = f'<span class="number">{number}</span>' if number else ""
    place = where(locator)
    return (
        f'<button type="button" class="card {media}" data-act="open" '
        f'data-place="{place_attribute(path, locator, text)}">{picture}'
        f'<span class="about">{count}<span class="name">{escape(name_of(path))}</span>'
        f'<span class="where">{escape(place)}</span></span><span class="quote">{escape(text)}</span></button>'
    )


def _account(told: Answer, found: Sequence[Found]) -> str:
    files = len({place.path for place in found})
    read = f"read {len(found)} passages from {files} {'file' if files == 1 else 'files'}" if found else ""
    wrote = f"written by {told.model}" if told.mode == "llm" else "quoted word for word"
    steps = ", ".join(
        f"{_STEPS[name]} {taken / 1000:.1f} s" for name, taken in told.timings_ms.items() if name in _STEPS
    )
    parts = [part for part in (read, "" if told.abstained else wrote, steps) if part]
    return f'<p class="account">{escape(" · ".join(parts))}</p>' if parts else ""
