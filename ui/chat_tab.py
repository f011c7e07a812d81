"""The tab in which questions are asked: conversations, the answers of the one that is open, and the text box."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from html import escape
from typing import Any

import gradio as gr

from assistant.conversations import Conversation
from ui import render
from ui.chat import Chat, Live
from ui.desk import Desk
from ui.regions import region


class ChatTab:
    """Draws the tab, in the layout that is open, and answers what is done in it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._conversations = desk.locus.conversations
        self._chat = Chat(desk.locus)
        self._stops: dict[str, threading.Event] = {}
        self.open = gr.State(0)
        with gr.Row(elem_id="ask"):
            with gr.Column(elem_id="conversations-column", scale=1, min_width=200):
                self.list = region("conversations", ("show", "new", "rename", "delete", "export"))
            with gr.Column(elem_id="chat-column", scale=4, min_width=300):
                self.past = region("past", ("open", "suggest"))
                self.live = region("live", ("open",))
                self.box = gr.MultimodalTextbox(
                    label="Your question",
                    show_label=False,
                    placeholder="Ask your files …",
                    sources=["upload", "microphone"],
                    file_count="multiple",
                    elem_id="box",
                    submit_btn=True,
                    stop_btn=False,
                    max_plain_text_length=100_000,
                )
        desk.opens(self.past)
        desk.opens(self.live)
        self.box.submit(
            self._ask,
            [self.box, self.open],
            [self.past, self.live, self.box, self.open, self.list],
            show_progress="hidden",
            concurrency_limit=None,
        )
        self.box.stop(self._stop, None, None, queue=False)
        self.list.show(self._show, None, [self.past, self.live, self.open, self.list], show_progress="hidden")
        self.list.new(self._new, None, [self.past, self.live, self.open, self.list], show_progress="hidden")
        self.list.delete(self._delete, self.open, [self.past, self.live, self.open, self.list], show_progress="hidden")

    def load(self) -> tuple[str, str, int, str]:
        """What a page that is opened shows."""
        return self._new()

    async def _ask(
        self, value: dict[str, Any], conversation: int, request: gr.Request
    ) -> AsyncIterator[tuple[Any, ...]]:
        question = str(value.get("text") or "").strip()
        if not question:
            yield gr.skip(), gr.skip(), gr.skip(), gr.skip(), gr.skip()
            return
        past = self._turns(conversation)
        if not past:
            conversation = conversation or self._conversations.begin(question)
        stop = self._stops[request.session_hash or ""] = threading.Event()
        busy = gr.update(value=None, submit_btn=False, stop_btn=True)
        yield past, _live(Live(question, doing="Searching")), busy, conversation, self._listed(conversation)
        async for live in self._chat.ask(question, conversation, stop):
            yield gr.skip(), _live(live), gr.skip(), gr.skip(), gr.skip()
        idle = gr.update(submit_btn=True, stop_btn=False)
        yield gr.skip(), gr.skip(), idle, gr.skip(), self._listed(conversation)

    def _stop(self, request: gr.Request) -> None:
        if (stop := self._stops.get(request.session_hash or "")) is not None:
            stop.set()

    def _new(self) -> tuple[str, str, int, str]:
        return "", "", 0, self._listed(0)

    def _show(self, event: gr.EventData) -> tuple[str, str, int, str]:
        conversation = int(event.id)
        return self._turns(conversation), "", conversation, self._listed(conversation)

    def _delete(self, conversation: int, event: gr.EventData) -> tuple[Any, ...]:
        self._conversations.delete(int(event.id))
        if int(event.id) == conversation:
            return self._new()
        return gr.skip(), gr.skip(), gr.skip(), self._listed(conversation)

    def _turns(self, conversation: int) -> str:
        return "".join(render.turn(turn, {}) for turn in self._conversations.turns(conversation))

    def _listed(self, conversation: int) -> str:
        rows = "".join(_row(each, is_open=each.id == conversation) for each in self._conversations.all())
        new = '<button type="button" class="new" data-act="new">New conversation</button>'
        return f'{new}<ul aria-label="Conversations">{rows}</ul>'


def _row(conversation: Conversation, *, is_open: bool) -> str:
    current = ' aria-current="true"' if is_open else ""
    title = escape(conversation.title)
    return (
        f'<li><button type="button" class="title" data-act="show" data-id="{conversation.id}"{current}>{title}</button>'
        f'<button type="button" class="icon" data-act="delete" data-id="{conversation.id}" '
        f'aria-label="Delete {escape(conversation.title, quote=True)}">×</button></li>'
    )


def _live(live: Live) -> str:
    asked = render.question(live.question, live.given)
    if live.turn is not None:
        return render.turn(live.turn, {})
    if live.error:
        return f'{asked}<article class="answer failed" role="alert"><p>{escape(live.error)}</p></article>'
    if live.stopped:
        return f'{asked}<article class="answer stopped"><p>Stopped.</p></article>'
    draft = f'<p class="draft">{escape(live.draft)}</p>' if live.draft else ""
    doing = f'<p class="doing">{escape(live.doing)} …</p>'
    return f'{asked}<article class="answer busy" aria-busy="true">{doing}{draft}</article>'
