"""One question of a conversation with its answer: as data, as JSON, as Markdown, and without what is gone. Pure.

Knows neither the file in which conversations are kept nor how an answer comes about.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from assistant.answers import Answer
from indexers.locators import locator_from_dict, locator_to_dict
from indexers.types import Hit, Locator, Media

GONE = "(This was taken from a file that is no longer in the library.)"
_TEXT = 400
"""Characters kept of a passage that was read and not cited."""
_NEVER = datetime.min.replace(tzinfo=UTC)
_SURROGATES = re.compile("[\ud800-\udfff]")
_MARKUP = re.compile(r"([\\`*_\[\]<>~|])")
_OPENS = re.compile(r"^([#+=-]|\d+(?=[.)]))")


@dataclass(frozen=True, slots=True)
class Found:
    """A place that was read for an answer: ``text`` is the beginning of the passage there."""

    path: str
    media: Media
    locator: Locator
    text: str
    title: str = ""

    @classmethod
    def of(cls, hit: Hit) -> Found:
        """The place of a hit."""
        return cls(hit.path, hit.media, hit.at, hit.text[:_TEXT], hit.title)


@dataclass(frozen=True, slots=True)
class Turn:
    """A question as it was typed, the files that were given with it, the answer, and what was read for it.

    ``id`` is 0 until it is kept; ``asked`` is in UTC.
    """

    question: str
    answer: Answer
    found: tuple[Found, ...] = ()
    given: tuple[str, ...] = ()
    asked: datetime = _NEVER
    id: int = 0

    @property
    def quoted(self) -> frozenset[str]:
        """The paths of the documents whose text is in it."""
        return frozenset(
            {citation.path for citation in self.answer.citations if citation.quote}
            | {place.path for place in self.found}
        )


def without(turn: Turn, gone: Collection[str]) -> Turn:
    """A turn without what comes from the documents at the paths ``gone``.

    Citations of them stay, without their words, so that the numbers of the others do. A sentence that rests on one of
    them goes, even if it rests on others too: it may join what each of them says. So does one of a model that rests
    on nothing, since the model had read them all.
    """
    if turn.quoted.isdisjoint(gone):
        return turn
    lost = {citation.number for citation in turn.answer.citations if citation.path in gone}
    is_written = turn.answer.mode == "llm"
    sentences = tuple(
        replace(sentence, text=GONE)
        if lost.intersection(sentence.citations) or (is_written and not sentence.citations)
        else sentence
        for sentence in turn.answer.sentences
    )
    answer = replace(
        turn.answer,
        text=" ".join(sentence.text for sentence in sentences),
        sentences=sentences,
        citations=tuple(
            replace(citation, quote="") if citation.path in gone else citation for citation in turn.answer.citations
        ),
    )
    return replace(turn, answer=answer, found=tuple(place for place in turn.found if place.path not in gone))


def relocated(turn: Turn, moves: Mapping[str, str]) -> Turn:
    """A turn whose places lie where their files were moved to; ``moves`` are new paths by old ones."""
    answer = replace(
        turn.answer,
        citations=tuple(
            replace(citation, path=moves.get(citation.path, citation.path)) for citation in turn.answer.citations
        ),
    )
    found = tuple(replace(place, path=moves.get(place.path, place.path)) for place in turn.found)
    return replace(turn, answer=answer, found=found, given=tuple(moves.get(path, path) for path in turn.given))


# --- as it is kept -----------------------------------------------------------------------------


def storable(text: str) -> str:
    """A text as a database can hold it: halves of characters (of names that are no UTF-8) are replaced."""
    return _SURROGATES.sub("\ufffd", text)


def encoded(turn: Turn) -> tuple[str, str, str]:
    """The answer, what was read, and what was given, each as JSON."""
    found = [
        {
            "path": place.path,
            "media": place.media,
            "locator": locator_to_dict(place.locator),
            "text": place.text,
            "title": place.title,
        }
        for place in turn.found
    ]
    return _json(turn.answer.to_dict()), _json(found), _json(turn.given)


def decoded(number: int, asked: str, question: str, answer: str, found: str, given: str) -> Turn:
    """The inverse of ``encoded``.

    Raises:
        ValueError, KeyError, TypeError: it was not made by that.
    """
    places = tuple(
        Found(place["path"], place["media"], locator_from_dict(place["locator"]), place["text"], place["title"])
        for place in json.loads(found)
    )
    told = Answer.from_dict(json.loads(answer))
    return Turn(question, told, places, tuple(json.loads(given)), datetime.fromisoformat(asked), number)


def _json(data: Any) -> str:
    return storable(json.dumps(data, ensure_ascii=False))


# --- as a text ---------------------------------------------------------------------------------


def markdown(title: str, turns: Collection[Turn]) -> str:
    """A conversation as Markdown: each answer with its sources. No text in it is markup, nor an image or a link."""
    return "\n".join([f"# {plain(title)}", *(line for turn in turns for line in _lines(turn))]) + "\n"


def plain(text: str) -> str:
    """A text on one line of Markdown that shows what it says.

    >>> plain("1. see ![me](https://example.org/a.png)")
    '1\\\\. see !\\\\[me\\\\](https://example.org/a.png)'
    """
    line = _MARKUP.sub(r"\\\1", " ".join(text.split()))
    # A number or sign at its beginning would make a list or a heading of it.
    return _OPENS.sub(lambda opens: f"{opens[1]}\\" if opens[1].isdigit() else f"\\{opens[1]}", line)


def _lines(turn: Turn) -> Iterator[str]:
    yield f"\n## {plain(turn.question) or 'Search with a picture'}\n"
    if turn.asked != _NEVER:
        yield f"Asked on {turn.asked:%Y-%m-%d at %H:%M} UTC\n"
    if turn.given:
        yield f"With: {', '.join(plain(path) for path in turn.given)}\n"
    for sentence in turn.answer.sentences:
        numbers = "".join(f" [{number}]" for number in sentence.citations)
        doubt = "" if sentence.supported or turn.answer.abstained or sentence.text == GONE else " (not supported)"
        yield f"{plain(sentence.text)}{numbers}{doubt}"
    if turn.answer.citations:
        yield "\nThe nearest passages:\n" if turn.answer.abstained else ""
    for citation in turn.answer.citations:
        quote = plain(citation.quote)
        yield f"{citation.number}. {plain(str(citation))}" + (f": “{quote}”" if quote else "")
