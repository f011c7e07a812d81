"""What is left of a question whose tab was closed."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from assistant import Assistant
from ui.chat_tab import ChatTab

REQUEST: Any = SimpleNamespace(session_hash="s")


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[ChatTab]:
    with Assistant(tmp_path / "library", llm="none") as locus:
        desk: Any = SimpleNamespace(
            locus=locus,
            work=None,
            warmup=SimpleNamespace(state=""),
            opens=lambda _region: None,
            thumbnails=lambda *_: "",
        )
        with gr.Blocks(analytics_enabled=False):
            yield ChatTab(desk)


def test_a_tab_that_is_closed_leaves_nothing(tab: ChatTab) -> None:
    async def closed_after(states: int) -> None:
        asking = tab._ask({"text": "What?", "files": []}, 0, REQUEST)
        for _ in range(states):
            await anext(asking)
        assert len(tab._conversations.all()) == len(tab._stops) == 1
        stop = tab._stops["s"]
        await asking.aclose()  # type: ignore[attr-defined]
        assert states == 1 or stop.is_set()
        assert tab._conversations.all() == []
        assert tab._stops == {}

    asyncio.run(closed_after(1))
    asyncio.run(closed_after(2))


def test_an_answer_stays_and_what_stops_it_does_not(tab: ChatTab) -> None:
    async def asked(text: str) -> None:
        async for _ in tab._ask({"text": text, "files": []}, 0, REQUEST):
            pass

    asyncio.run(asked("What?\ud83d"))
    (kept,) = tab._conversations.all()
    assert kept.turns == 1
    assert tab._conversations.turns(kept.id)[0].question == "What?\ufffd"
    assert tab._stops == {}
