"""One question of the chat from the text box to the answer on the page, as states that are shown one after the other.

Knows neither Gradio nor HTML: ``chat_tab`` shows what this gives.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

from assistant.answers import Answer, Answered, Citation, Event, Retrieved, Token
from assistant.api import Assistant
from assistant.conversations import Found, Turn
from indexers.errors import LocusError, ModelMissing, UsageError
from indexers.reports import AddReport, Progress
from indexers.types import Hit
from ui.given import Given
from ui.jobs import progress_of
from ui.line import Line, in_thread
from ui.remedies import way_out
from ui.work import Job, Work

_WRITING = "Writing a draft, which is checked before it counts"
_SHOWN_EVERY_S = 0.08
"""A draft is shown anew so often at most: faster is not read, and costs."""
_LOOK_EVERY_S = 0.2
_HELD = "Waiting until another program is done with the library"
_UNSEEN = (
    "What the picture shows was left out, since there is no image model yet: only words in it were searched for. "
    "The Library tab downloads the model."
)
_ALIKE = 12
"""Places that a picture finds."""


@dataclass(frozen=True, slots=True)
class Live:
    """A question that is being answered: ``doing`` says what goes on, ``draft`` is unchecked.

    ``added`` says what became of files that came with it; ``turn`` is there once it has been answered.
    """

    question: str
    given: tuple[str, ...] = ()
    doing: str = ""
    draft: str = ""
    added: tuple[str, ...] = ()
    turn: Turn | None = None
    stopped: bool = False
    error: str = ""


class Chat:
    """Answers the questions of all tabs.

    Args:
        locus: whom they are put to.
        work: adds files that come with them.
        loading: which model is being loaded, in words; "" once all are.
    """

    def __init__(self, locus: Assistant, work: Work, loading: Callable[[], str] = lambda: "") -> None:
        self._locus = locus
        self._work = work
        self._loading = loading
        self._line = Line()

    async def ask(self, given: Given, conversation: int, stop: threading.Event) -> AsyncGenerator[Live]:
        """The states of one question; the last one says how it ended: with a turn, which is kept, or why without.

        Args:
            given: what was sent.
            conversation: where the turn is kept.
            stop: set it, and it ends soon: writing within a token.
        """
        live = Live(given.text, given.names)
        ticket = object()
        try:
            if given.recording is not None:
                yield replace(live, doing="Listening")
                said = await asyncio.to_thread(self._locus.transcribe, given.recording)
                if not said:
                    raise UsageError("nothing was heard in the recording; speak closer to the microphone, or type")
                live = replace(live, question=said)
            kept = await asyncio.to_thread(self._work.take, given.documents) if given.documents else []
            async for state in self._taken(live, kept, stop):
                live = replace(live, added=state.added)
                yield state
                if state.stopped:
                    return
            if not (live.question or given.picture):
                yield replace(live, doing="")
                return
            async for before in self._line.wait(ticket, _LOOK_EVERY_S):
                if stop.is_set():
                    yield replace(live, doing="", stopped=True)
                    return
                others = "1 question" if before == 1 else f"{before} questions"
                yield replace(live, doing=f"Waiting for {others} before this")
            while (what := self._loading()) and not stop.is_set():
                yield replace(live, doing=what.removesuffix(" …"))
                await asyncio.sleep(_LOOK_EVERY_S)
            yield replace(live, doing="Searching")
            steps = (
                self._found(live, given.picture, conversation)
                if given.picture is not None
                else self._answered(live, conversation, stop, kept[0] if len(kept) == 1 else None)
            )
            async with aclosing(steps) as states:
                async for state in states:
                    yield state
        except ModelMissing as error:
            yield replace(live, doing="", draft="", error=f"{error} (or get it in the Library tab)")
        except LocusError as error:
            yield replace(live, doing="", draft="", error=str(error))
        finally:
            # Whoever closes the tab stops what was asked in it.
            stop.set()
            await self._line.leave(ticket)

    async def _answered(
        self, live: Live, conversation: int, stop: threading.Event, under: Path | None
    ) -> AsyncGenerator[Live]:
        turns = await asyncio.to_thread(self._locus.conversations.turns, conversation)
        earlier = [turn.answer.question for turn in turns if turn.answer.question]
        found: tuple[Found, ...] = ()
        shown = 0.0

        def stream() -> Iterator[Event]:
            return self._locus.stream(live.question, earlier=earlier, under=under, cancelled=stop.is_set)

        async with aclosing(in_thread(stream)) as events:
            async for event in events:
                if stop.is_set():
                    yield replace(live, doing="", draft="", stopped=True)
                    return
                if isinstance(event, Retrieved):
                    found = tuple(Found.of(hit) for hit in event.hits)
                    live = replace(live, doing=_reading(found))
                    yield live
                elif isinstance(event, Token):
                    live = replace(live, doing=_WRITING, draft=live.draft + event.text)
                    if perf_counter() - shown >= _SHOWN_EVERY_S:
                        shown = perf_counter()
                        yield live
                elif isinstance(event, Answered):
                    turn = Turn(live.question, event.answer, found, live.given)
                    yield replace(live, doing="", draft="", turn=await self._kept(conversation, turn))

    async def _found(self, live: Live, picture: Path, conversation: int) -> AsyncGenerator[Live]:
        began = perf_counter()
        if not await asyncio.to_thread(self._locus.has_model, "image"):
            live = replace(live, added=(*live.added, _UNSEEN))
        hits = await asyncio.to_thread(self._locus.search, live.question, image=picture, k=_ALIKE)
        answer = _by_picture(live.question, hits, 1000 * (perf_counter() - began))
        yield replace(live, doing="", turn=await self._kept(conversation, Turn(live.question, answer, (), live.given)))

    async def _taken(self, live: Live, documents: Sequence[Path], stop: threading.Event) -> AsyncGenerator[Live]:
        """Adds what came with a question, and tells how far that is; the last state says what became of it."""
        if not documents:
            return
        job: Job = self._work.add(documents, first=True)
        async for progress in progress_of(job):
            if stop.is_set():
                self._work.cancel(job.number)
                yield replace(live, doing="", stopped=True)
                return
            yield replace(live, doing=_HELD if job.state == "held" else _progress(progress))
        if job.error is not None:
            raise job.error
        assert job.report is not None, "it has ended without an error"
        yield replace(live, added=_outcome(job.report))

    async def _kept(self, conversation: int, turn: Turn) -> Turn:
        return await asyncio.to_thread(self._locus.conversations.keep, conversation, turn)


def _reading(found: Sequence[Found]) -> str:
    files = len({place.path for place in found})
    passages = "1 passage" if len(found) == 1 else f"{len(found)} passages"
    return f"Reading {passages} from {files} {'file' if files == 1 else 'files'}"


def _progress(progress: Progress | None) -> str:
    if progress is None or not progress.path:
        return "Taking files in"
    part = f", {progress.part}" if progress.part else ""
    return f"Reading {Path(progress.path).name}{part} ({progress.files} of {progress.files_total})"


def _outcome(report: AddReport) -> tuple[str, ...]:
    """A line for each file that was added, or why it was not."""
    lines = []
    for file in report.files:
        name = Path(file.path).name
        reason = f": {file.reason}" if file.reason else ""
        if file.change == "failed":
            lines.append(" ".join(filter(None, (f"{name} could not be read{reason}.", way_out(file.status)))))
        elif file.change == "unchanged":
            lines.append(f"{name} is in the library already")
        else:
            passages = "1 passage" if file.chunks == 1 else f"{file.chunks:,} passages"
            lines.append(f"{name} is in the library now, {passages}{reason}")
    return tuple(lines)


def _by_picture(words: str, hits: Sequence[Hit], took_ms: float) -> Answer:
    """Places that a picture led to, as an answer without sentences: nothing is claimed of them."""
    citations = tuple(Citation(number, hit.path, hit.media, hit.at, hit.text) for number, hit in enumerate(hits, 1))
    return Answer(words, "", bool(hits), not hits, "quotes", (), citations, "", {"search": took_ms, "total": took_ms})
