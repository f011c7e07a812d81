"""What is left of a question whose tab was closed."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from assistant import Assistant
from ui.chat_tab import ChatTab, _Window


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
        with gr.Blocks(analytics_enabled=False), gr.Tabs() as tabs, gr.Tab("Ask"):
            yield ChatTab(desk, tabs)


def test_a_tab_that_is_closed_leaves_nothing(tab: ChatTab) -> None:
    async def closed_after(states: int) -> None:
        window = _Window()
        asking = tab._ask({"text": "What?", "files": []}, window)
        for _ in range(states):
            await anext(asking)
        assert len(tab._conversations.all()) == len(window.asked) == 1
        (stop,) = window.asked.values()
        await asking.aclose()  # type: ignore[attr-defined]
        assert states == 1 or stop.is_set()
        assert tab._conversations.all() == []
        assert window.asked == {}

    asyncio.run(closed_after(1))
    asyncio.run(closed_after(2))


def test_an_answer_stays_and_what_stops_it_does_not(tab: ChatTab) -> None:
    async def asked(text: str) -> None:
        async for _ in tab._ask({"text": text, "files": []}, window):
            pass

    window = _Window()

    asyncio.run(asked("What?\ud83d"))
    (kept,) = tab._conversations.all()
    assert kept.turns == 1
    assert tab._conversations.turns(kept.id)[0].question == "What?\ufffd"
    assert window.asked == {}


def test_what_asks_the_library_is_not_drawn_by_the_thread_that_serves(
    tab: ChatTab, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []

    def watched(draw: Callable[[Any], str]) -> Callable[[Any], str]:
        def drawn(what: Any) -> str:
            threads.append(threading.current_thread())
            return draw(what)

        return drawn

    for name in ("_shown", "_turns"):
        monkeypatch.setattr(tab, name, watched(getattr(tab, name)))

    async def asked() -> None:
        async for _ in tab._ask({"text": "What?", "files": []}, _Window()):
            pass

    asyncio.run(asked())
    assert len(threads) >= 3
    assert threading.main_thread() not in threads
