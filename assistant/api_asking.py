"""The methods of the facade that find and answer: searching, asking, what is dictated, and conversations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from assistant.answers import Answer, Answered, Event, Retrieved, Sentence
from assistant.api_base import AssistantBase, PathLike, media_of, settled, under_of
from assistant.conversations import Conversations
from assistant.nearest import pointed
from assistant.why import Asked, Why
from indexers.errors import UsageError
from indexers.filters import Days
from indexers.types import Hit
from indexers.walk import absolute


class AssistantAsking(AssistantBase):
    """What asks a library."""

    def search(
        self,
        query: str = "",
        *,
        k: int = 10,
        image: PathLike | None = None,
        media: Iterable[str] | None = None,
        under: PathLike | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> list[Hit]:
        """The ``k`` best places for ``query``, best first.

        Args:
            query: plain words; may be empty where there is an ``image``.
            k: the most hits.
            image: a picture to search by: those like it are found, and what is written in it and about it leads on.
            media: only these of "text", "image", "audio", "video".
            under: only this file, or files below this folder.
            since: only documents of this day or later: the one that they bear, else that on which the file was changed.
                One that bears a month or a year is of each of its days.
            until: only documents of this day or earlier.

        Raises:
            UsageError: nothing to search for, or a filter that can not be.
            ModelMissing: there is no text model, or none for pictures.
        """
        _check(query, k, may_be_empty=image is not None)
        kinds, folder, days = media_of(media), under_of(under), _days(since, until)
        if image is not None:
            picture = Path(absolute(image))
            if not picture.is_file():
                raise UsageError(f"there is no picture {picture}")
            if not self._is_empty():
                by_picture = settled(
                    lambda: self._parts.picture_search.search(picture, query, k, media=kinds, under=folder, days=days)
                )
                return pointed(by_picture, query)
        if self._is_empty():
            return []
        by_words = settled(lambda: self._parts.retriever.search(query, k, media=kinds, under=folder, days=days))
        return pointed(by_words, query)

    def why(
        self,
        query: str,
        path: PathLike,
        *,
        k: int = 10,
        media: Iterable[str] | None = None,
        under: PathLike | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> Why:
        """Where the document at ``path`` stands in a search by words, and what cut it off.

        Args:
            query: plain words, as in ``search``.
            path: a file, or a document inside one ("mail.eml!/report.pdf"). The library need not hold it.
            k: as in ``search``; so are the filters.
            media: only these of "text", "image", "audio", "video".
            under: only this file, or files below this folder.
            since: only documents of this day or later.
            until: only documents of this day or earlier.

        Raises:
            UsageError: nothing to search for, a filter that can not be, or the path is a folder's.
            ModelMissing: there is no text model.
        """
        _check(query, k)
        asked = Asked(query, absolute(path), k, media_of(media), under_of(under), _days(since, until))
        return settled(lambda: self._parts.file_questions.why(asked))

    def ask(self, question: str, **options: Any) -> Answer:
        """The answer to ``question``; options as in ``stream``."""
        answer: Answer | None = None
        for event in self.stream(question, **options):
            if isinstance(event, Answered):
                answer = event.answer
        assert answer is not None, "a stream always ends with an answer"
        return answer

    def stream(
        self,
        question: str,
        *,
        earlier: Sequence[str] = (),
        media: Iterable[str] | None = None,
        under: PathLike | None = None,
        since: date | None = None,
        until: date | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[Event]:
        """The events of one question: ``Retrieved``, ``Token``s of an unchecked draft, ``Answered``.

        Args:
            question: as typed.
            earlier: the questions before it in the conversation (``Answer.question`` of each), oldest first.
            media: only answer from these of "text", "image", "audio", "video".
            under: only answer from this file, or from files below this folder.
            since: only answer from documents of this day or later, as in ``search``.
            until: only answer from documents of this day or earlier.
            cancelled: asked between tokens; once true, writing ends.

        Raises:
            UsageError: the question is empty, or a filter that can not be.
            ModelMissing: there is no text model.
        """
        kinds, folder, days = media_of(media), under_of(under), _days(since, until)
        if question.strip() and self._is_empty():
            yield from _nothing_held(question)
        else:
            yield from settled(
                lambda: _begun(
                    self._parts.stream(
                        question, earlier=earlier, media=kinds, under=folder, days=days, cancelled=cancelled
                    )
                )
            )

    def transcribe(self, path: PathLike) -> str:
        """What is said in a recording (its first five minutes), to be asked with; "" if nothing is. Nothing is stored.

        Raises:
            UsageError: there is no such file, or no sound in it.
            ModelMissing: there is no speech model.
            ModelFailed: the speech model failed.
        """
        file = Path(absolute(path))
        if not file.is_file():
            raise UsageError(f"there is no recording {file}")
        return self._parts.transcribe(file)

    @property
    def conversations(self) -> Conversations:
        """The conversations that are kept in the library; what documents say is in them only as long as it is held."""
        return self._parts.conversations

    def _is_empty(self) -> bool:
        """Whether there is nothing to find: then no model is loaded, nor missed."""
        with self._parts.library.mutex:
            return not self._parts.library.catalog.counts()["chunks"]


def _check(query: str, k: int, *, may_be_empty: bool = False) -> None:
    if not query.strip() and not may_be_empty:
        raise UsageError("the query is empty; give some words to search for")
    if k < 1:
        raise UsageError("k must be at least 1")


def _begun(events: Iterator[Event]) -> Iterator[Event]:
    """The events, of which the first has happened: the library has been searched."""
    first = next(events)

    def all_of_them() -> Iterator[Event]:
        yield first
        yield from events

    return all_of_them()


def _nothing_held(question: str) -> Iterator[Event]:
    from assistant.answering import EMPTY_LIBRARY

    yield Retrieved(question, ())
    said = (Sentence(EMPTY_LIBRARY, False),)
    yield Answered(Answer(question, EMPTY_LIBRARY, False, True, "quotes", said, (), "", {"total": 0.0}))


def _days(since: date | None, until: date | None) -> Days | None:
    first, last = (day.date() if isinstance(day, datetime) else day for day in (since, until))
    if first is not None and last is not None and first > last:
        raise UsageError(f"no day is both since {first} and until {last}; exchange the two")
    return None if first is None and last is None else Days(first, last)
