"""The tab in which questions are asked: conversations, the answers of the one that is open, and the text box."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import Any

import gradio as gr

from assistant import demo
from assistant.conversations import Turn
from indexers.errors import LocusError
from ui import chat_view, first_visit, render
from ui.chat import Chat, Live
from ui.desk import Desk
from ui.given import sorted_out
from ui.jobs import progress_of
from ui.regions import number_in, region, text_in, whole

_SUGGESTED = 4
_MOST_QUESTION = 20_000
"""Characters of a question."""


class ChatTab:
    """Draws the tab, in the layout that is open, and answers what is done in it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._conversations = desk.locus.conversations
        self._chat = Chat(desk.locus, desk.work, lambda: desk.warmup.state)
        self._stops: dict[str, threading.Event] = {}
        self.opened = gr.State(0)
        with gr.Row(elem_id="ask"):
            with gr.Column(elem_id="conversations-column", scale=1, min_width=200):
                self.list = region("conversations", ("show", "new", "rename", "delete"))
            with gr.Column(elem_id="chat-column", scale=4, min_width=280):
                self.past = region("past", ("open", "suggest", "sample"))
                self.live = region("live", ("open",))
                self.given = region("given")
                self.box = gr.MultimodalTextbox(
                    label="Your question",
                    show_label=False,
                    placeholder="Ask your files; drop a file or a picture here",
                    sources=["upload", "microphone"],
                    file_count="multiple",
                    elem_id="box",
                    max_plain_text_length=_MOST_QUESTION,
                )
        self._wire()

    def _wire(self) -> None:
        self._desk.opens(self.past)
        self._desk.opens(self.live)
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        shown = [self.past, self.live, self.opened, self.list]
        asking = [self.past, self.live, self.box, self.opened, self.list]
        ask: dict[str, Any] = {
            "fn": self._ask,
            "inputs": [self.box, self.opened],
            "outputs": asking,
            "concurrency_limit": None,
            **quiet,
        }
        self.box.submit(**ask)
        # In the browser alone: what will become of the files that are in the box.
        self.box.change(None, self.box, self.given, js="(value) => window.locusGiven(value)", queue=False, **quiet)
        self.box.stop(self._stop, None, None, queue=False, **quiet)
        self.past.suggest(self._suggested, None, self.box, queue=False, **quiet).then(**ask)
        self.past.sample(self._sample, None, self.past, concurrency_limit=None, **quiet)
        self.list.show(self._show, None, shown, **quiet)
        self.list.new(self.load, None, shown, **quiet)
        self.list.rename(self._rename, self.opened, self.list, **quiet)
        self.list.delete(self._delete, self.opened, shown, **quiet)

    def load(self) -> tuple[str, str, int, str]:
        """What a page that is opened shows, and a new conversation."""
        return self._opening(), "", 0, self._listed(0)

    async def _ask(
        self, value: dict[str, Any], conversation: int, request: gr.Request
    ) -> AsyncIterator[tuple[Any, ...]]:
        text = whole(str(value.get("text") or ""))[:_MOST_QUESTION]
        given = sorted_out(text, [Path(each) for each in value["files"]])
        if given.is_empty:
            yield gr.skip(), gr.skip(), gr.skip(), gr.skip(), gr.skip()
            return
        is_new = not conversation and bool(given.text or given.picture or given.recording)
        if is_new:
            try:
                conversation = self._conversations.begin(given.text or " ".join(given.names) or "Spoken question")
            except LocusError as error:
                failed = Live(given.text, given.names, error=str(error))
                yield gr.skip(), self._shown(failed), gr.skip(), gr.skip(), gr.skip()
                return
        past = self._turns(conversation)
        session, stop = request.session_hash or "", threading.Event()
        self._stops[session] = stop
        live = Live(given.text, given.names, doing="Searching")
        busy = gr.update(value=None, submit_btn=False, stop_btn=True)
        try:
            yield past, self._shown(live), busy, conversation, self._listed(conversation)
            async with aclosing(self._chat.ask(given, conversation, stop)) as states:
                async for live in states:
                    yield gr.skip(), self._shown(live), gr.skip(), gr.skip(), gr.skip()
        finally:
            # Also where the tab was closed meanwhile.
            if self._stops.get(session) is stop:
                del self._stops[session]
            if is_new and live.turn is None:
                # Nothing came of it that is worth a place in the list.
                self._conversations.delete(conversation)
                conversation = 0
        idle = gr.update(submit_btn=True, stop_btn=False)
        yield gr.skip(), gr.skip(), idle, conversation, self._listed(conversation)

    def _stop(self, request: gr.Request) -> None:
        if (stop := self._stops.get(request.session_hash or "")) is not None:
            stop.set()

    def _suggested(self, event: gr.EventData) -> dict[str, Any]:
        return {"text": text_in(event, "text"), "files": []}

    def _show(self, event: gr.EventData) -> tuple[str, str, int, str]:
        conversation = number_in(event, "id")
        turns = self._turns(conversation)
        if not turns:
            return self.load()
        return turns, "", conversation, self._listed(conversation)

    def _rename(self, conversation: int, event: gr.EventData) -> str:
        self._conversations.rename(number_in(event, "id"), text_in(event, "title"))
        return self._listed(conversation)

    def _delete(self, conversation: int, event: gr.EventData) -> tuple[Any, ...]:
        self._conversations.delete(number_in(event, "id"))
        if number_in(event, "id") == conversation:
            return self.load()
        return gr.skip(), gr.skip(), gr.skip(), self._listed(conversation)

    async def _sample(self) -> AsyncIterator[str]:
        """Adds the sample library, and says how far that is."""
        job = first_visit.add_sample(self._desk.work)
        if job is not None:
            async for progress in progress_of(job):
                yield chat_view.filling(progress)
        yield chat_view.refused(str(job.error)) if job is not None and job.error else self._opening()

    def _opening(self) -> str:
        held = len(self._desk.locus.files())
        if not held:
            return first_visit.welcome(has_sample=first_visit.sample() is not None)
        return chat_view.opening(held, self._suggestions())

    def _suggestions(self) -> list[str]:
        """Questions that the sample library answers, where the library holds it."""
        sample = first_visit.sample()
        if sample is None or not self._desk.locus.files(under=sample):
            return []
        asked = demo.questions(sample.parent)
        plain = [item["question"] for item in asked if "after" not in item and "abstain" not in item]
        return plain[:_SUGGESTED]

    def _turns(self, conversation: int) -> str:
        turns: list[Turn] = self._conversations.turns(conversation) if conversation else []
        thumbnails = self._desk.thumbnails
        return "".join(render.turn(turn, thumbnails) for turn in turns)

    def _shown(self, live: Live) -> str:
        return chat_view.live(live, self._desk.thumbnails)

    def _listed(self, conversation: int) -> str:
        return chat_view.conversations(self._conversations.all(), conversation, datetime.now().astimezone())
