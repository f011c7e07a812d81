"""The tab in which questions are asked: conversations, the answers of the one that is open, and the text box."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
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
from ui.given import Given, sorted_out
from ui.jobs import progress_of
from ui.regions import number_in, region, text_in, whole

LABEL = "Ask"
"""The tab's name, by which it is known that it is the one that is shown."""
_SUGGESTED = 4
_MOST_QUESTION = 20_000
"""Characters of a question."""
_BOX_LINES = 8
"""As high the text box grows; then it is scrolled."""


@dataclass
class _Window:
    """What one browser window shows: kept by its session, changed in place.

    ``opened`` is the conversation that is shown, 0 for one that is not begun; ``asked`` are those that a question is
    being answered in, shown or not, each with what stops it.
    """

    opened: int = 0
    is_untouched: bool = True
    asked: dict[int, threading.Event] = field(default_factory=dict)


class ChatTab:
    """Draws the tab, in the layout that is open, and answers what is done in it.

    Args:
        desk: what it is built on.
        tabs: those that it is one of.
    """

    def __init__(self, desk: Desk, tabs: gr.Tabs) -> None:
        self._desk = desk
        self._conversations = desk.locus.conversations
        self._chat = Chat(desk.locus, desk.work, lambda: desk.warmup.state)
        self._window = gr.State(_Window())
        with gr.Row(elem_id="ask"):
            with gr.Column(elem_id="conversations-column", scale=1, min_width=200):
                self._list = region("conversations", ("show", "new", "rename", "delete"))
            with gr.Column(elem_id="chat-column", scale=4, min_width=280):
                self._past = region("past", ("open", "suggest", "sample"))
                self._live = region("live", ("open", "suggest", "sample"))
                self._given = region("given")
                self._box = gr.MultimodalTextbox(
                    label="Your question",
                    show_label=False,
                    placeholder="Ask your files; drop a file or a picture here",
                    sources=["upload", "microphone"],
                    file_count="multiple",
                    elem_id="box",
                    max_lines=_BOX_LINES,
                    max_plain_text_length=_MOST_QUESTION,
                )
        self._wire(tabs)

    def _wire(self, tabs: gr.Tabs) -> None:
        past, live, box, listed, window = self._past, self._live, self._box, self._list, self._window
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        shown = [past, live, box, listed]
        # Several at a time: while one is being answered, another conversation may be opened and asked in.
        ask: dict[str, Any] = {
            "fn": self._ask,
            "inputs": [box, window],
            "outputs": [past, live, box, self._given, listed],
            "concurrency_limit": None,
            "trigger_mode": "multiple",
            **quiet,
        }
        tabs.select(self._selected, window, past, queue=False, **quiet)
        box.submit(**ask)
        # In the browser alone: what will become of the files that are in the box.
        box.change(None, box, self._given, js="(value) => window.locusGiven(value)", queue=False, **quiet)
        box.stop(self._stop, window, None, queue=False, **quiet)
        for each in (past, live):
            self._desk.opens(each)
            each.suggest(self._suggested, None, box, queue=False, **quiet).then(**ask)
            each.sample(self._sample, window, [past, live], concurrency_limit=None, **quiet)
        # Not in the line of those that ask: whoever opens a conversation and asks at once, asks in that one.
        listed.show(self._show, window, shown, queue=False, **quiet)
        listed.new(self._load, window, shown, queue=False, **quiet)
        listed.rename(self._rename, window, listed, queue=False, **quiet)
        listed.delete(self._delete, window, shown, queue=False, **quiet)

    def opens_with(self, blocks: gr.Blocks) -> None:
        """Begins a new conversation whenever the page is opened."""
        shown = [self._past, self._live, self._box, self._list]
        blocks.load(self._load, self._window, shown, show_progress="hidden", api_visibility="private")

    # --- opening -------------------------------------------------------------------------------

    def _load(self, window: _Window) -> tuple[Any, ...]:
        """What a page that is opened shows, and a new conversation."""
        window.opened, window.is_untouched = 0, True
        return self._opening(), "", self._button(window), self._listed(window)

    def _selected(self, window: _Window, event: gr.SelectData) -> Any:
        """Says anew how much there is to ask, for it may have been added in another tab of the page."""
        return self._opening() if event.value == LABEL and window.is_untouched else gr.skip()

    def _show(self, window: _Window, event: gr.EventData) -> tuple[Any, ...]:
        conversation = number_in(event, "id")
        if not self._is_kept(conversation):
            return self._load(window)
        window.opened, window.is_untouched = conversation, False
        turns = self._turns(conversation)
        if not turns and conversation not in window.asked:
            turns = chat_view.kept_nothing()
        return turns, "", self._button(window), self._listed(window)

    def _rename(self, window: _Window, event: gr.EventData) -> str:
        try:
            self._conversations.rename(number_in(event, "id"), text_in(event, "title"))
        except LocusError as error:
            return self._listed(window, str(error))
        return self._listed(window)

    def _delete(self, window: _Window, event: gr.EventData) -> tuple[Any, ...]:
        conversation = number_in(event, "id")
        if (stop := window.asked.get(conversation)) is not None:
            stop.set()
        try:
            self._conversations.delete(conversation)
        except LocusError as error:
            return gr.skip(), gr.skip(), gr.skip(), self._listed(window, str(error))
        if conversation == window.opened:
            return self._load(window)
        return gr.skip(), gr.skip(), gr.skip(), self._listed(window)

    # --- asking --------------------------------------------------------------------------------

    async def _ask(self, value: dict[str, Any], window: _Window) -> AsyncIterator[tuple[Any, ...]]:
        skipped = gr.skip()
        text = whole(str(value.get("text") or ""))[:_MOST_QUESTION]
        given = sorted_out(text, [Path(each) for each in value["files"]])
        if given.is_empty:
            yield skipped, skipped, gr.update(value=None), skipped, skipped
            return
        if window.opened in window.asked:
            # What was typed meanwhile stays in the box.
            yield skipped, skipped, skipped, skipped, skipped
            return
        try:
            conversation, is_new = self._begun(given, window)
        except LocusError as error:
            yield skipped, self._shown(Live(given.text, given.names, error=str(error))), skipped, skipped, skipped
            return
        stop = window.asked[conversation] = threading.Event()
        window.opened, window.is_untouched = conversation, False
        busy = gr.update(value=None, submit_btn=False, stop_btn=True)
        is_first, past, shown = True, "", ""
        try:
            async with aclosing(self._chat.ask(given, conversation, stop)) as states:
                # Its place in the line is taken before anything is shown: who comes first is answered first. What is
                # shown is drawn by a thread: it asks the library, which may be long in being compacted.
                async for live in states:
                    shown = await asyncio.to_thread(self._shown, live)
                    if is_first:
                        is_first = False
                        past = await asyncio.to_thread(self._turns, conversation)
                        yield past, shown, busy, "", self._listed(window)
                    # Another conversation may be shown by now; this one is answered and kept nevertheless.
                    elif window.opened == conversation:
                        yield skipped, shown, skipped, skipped, skipped
        finally:
            # Also where the tab was closed meanwhile.
            window.asked.pop(conversation, None)
            was_shown = window.opened == conversation
            if is_new and not self._conversations.turns(conversation):
                # Nothing came of it that is worth a place in the list.
                self._conversations.delete(conversation)
                if was_shown:
                    window.opened = 0
        if was_shown:
            yield past, shown, gr.update(submit_btn=True, stop_btn=False), skipped, self._listed(window)
        else:
            yield skipped, skipped, skipped, skipped, self._listed(window)

    def _begun(self, given: Given, window: _Window) -> tuple[int, bool]:
        """The conversation in which a question is asked, and whether it was begun for it; 0 where nothing is asked."""
        if self._is_kept(window.opened):
            return window.opened, False
        if not (given.text or given.picture or given.recording):
            return 0, False
        return self._conversations.begin(given.text or " ".join(given.names) or "Spoken question"), True

    def _stop(self, window: _Window) -> None:
        if (stop := window.asked.get(window.opened)) is not None:
            stop.set()

    def _suggested(self, event: gr.EventData) -> dict[str, Any]:
        return {"text": text_in(event, "text"), "files": []}

    async def _sample(self, window: _Window) -> AsyncIterator[tuple[Any, Any]]:
        """Adds the sample library, and says how far that is, as long as nothing else is shown."""
        window.opened, window.is_untouched = 0, True
        job = first_visit.add_sample(self._desk.work)
        if job is not None:
            async for progress in progress_of(job):
                if window.is_untouched:
                    yield chat_view.filling(progress), ""
        if window.is_untouched:
            refused = chat_view.refused(str(job.error)) if job is not None and job.error else ""
            yield refused + self._opening(), ""

    # --- drawing -------------------------------------------------------------------------------

    def _opening(self) -> str:
        held = len(self._desk.locus.files())
        if not held:
            return self._welcome()
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

    def _is_kept(self, conversation: int) -> bool:
        return any(each.id == conversation for each in self._conversations.all())

    def _button(self, window: _Window) -> Any:
        """The text box as it is for what is shown: with a button that sends, or one that stops."""
        is_asked = window.opened in window.asked
        return gr.update(submit_btn=not is_asked, stop_btn=is_asked)

    def _shown(self, live: Live) -> str:
        shown = chat_view.live(live, self._desk.thumbnails)
        is_vain = live.turn is not None and live.turn.answer.abstained and not live.turn.found
        return shown + self._welcome() if is_vain and not self._desk.locus.files() else shown

    def _welcome(self) -> str:
        return first_visit.welcome(has_sample=first_visit.sample() is not None)

    def _listed(self, window: _Window, trouble: str = "") -> str:
        now = datetime.now().astimezone()
        return chat_view.conversations(self._conversations.all(), window.opened, now, trouble)
