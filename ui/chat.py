"""One question of the chat from the text box to the answer on the page, as states that are shown one after the other.

Knows neither Gradio nor HTML: ``chat_tab`` shows what this gives.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace

from assistant.answers import Answer, Answered, Event, Retrieved, Token
from assistant.api import Assistant
from assistant.conversations import Found, Turn
from indexers.errors import LocusError
from ui.line import Line, in_thread

_WRITING = "Writing a draft, which is checked before it counts"
_SHOWN_EVERY_S = 0.08
"""A draft is shown anew so often at most: faster is not read, and costs."""


@dataclass(frozen=True, slots=True)
class Live:
    """A question that is being answered: ``doing`` says what goes on, ``draft`` is unchecked."""

    question: str
    given: tuple[str, ...] = ()
    doing: str = ""
    draft: str = ""
    turn: Turn | None = None
    stopped: bool = False
    error: str = ""


class Chat:
    """Answers the questions of all tabs.

    Args:
        locus: whom they are put to.
    """

    def __init__(self, locus: Assistant) -> None:
        self._locus = locus
        self._line = Line()

    async def ask(
        self, question: str, conversation: int, stop: threading.Event, *, under: str | None = None
    ) -> AsyncIterator[Live]:
        """The states of one question; the last holds the turn, as it was kept, or says why there is none.

        Args:
            question: as typed.
            conversation: where the turn is kept.
            stop: set it, and the model ends within a token.
            under: only answer from this file.
        """
        live = Live(question)
        ticket = object()
        try:
            async for before in self._line.wait(ticket):
                yield replace(
                    live, doing=f"Waiting for {before} {'question' if before == 1 else 'questions'} before this"
                )
            yield replace(live, doing="Searching")
            async for state in self._answered(live, conversation, stop, under):
                yield state
        except LocusError as error:
            yield replace(live, doing="", draft="", error=str(error))
        finally:
            await self._line.leave(ticket)

    async def _answered(
        self, live: Live, conversation: int, stop: threading.Event, under: str | None
    ) -> AsyncIterator[Live]:
        conversations = self._locus.conversations
        earlier = [turn.answer.question for turn in await asyncio.to_thread(conversations.turns, conversation)]
        found: tuple[Found, ...] = ()
        shown = 0.0
        clock = asyncio.get_running_loop().time

        def stream() -> Iterator[Event]:
            return self._locus.stream(live.question, earlier=earlier, under=under, cancelled=stop.is_set)

        async for event in in_thread(stream):
            if stop.is_set():
                yield replace(live, doing="", draft="", stopped=True)
                return
            if isinstance(event, Retrieved):
                found = tuple(Found.of(hit) for hit in event.hits)
                live = replace(live, doing=_reading(found))
                yield live
            elif isinstance(event, Token):
                live = replace(
                    live, doing="Writing a draft, which is checked before it counts", draft=live.draft + event.text
                )
                if clock() - shown >= _SHOWN_EVERY_S:
                    shown = clock()
                    yield live
            elif isinstance(event, Answered):
                turn = await asyncio.to_thread(self._kept, conversation, live, event.answer, found)
                yield replace(live, doing="", draft="", turn=turn)

    def _kept(self, conversation: int, live: Live, answer: Answer, found: Sequence[Found]) -> Turn:
        return self._locus.conversations.keep(conversation, Turn(live.question, answer, tuple(found), live.given))


def _reading(found: Sequence[Found]) -> str:
    files = len({place.path for place in found})
    passages = "1 passage" if len(found) == 1 else f"{len(found)} passages"
    return f"Reading {passages} from {files} {'file' if files == 1 else 'files'}"
