"""The pane: what a click opens, and what is made of clicks that nobody could have made."""

import json
from pathlib import Path

import gradio as gr
import pytest

from assistant import Assistant
from ui.place import Place
from ui.regions import region
from ui.source_pane import SourcePane

DATA = Path(__file__).parents[2] / "data" / "library"


@pytest.fixture
def pane(sample: Assistant) -> SourcePane:
    with gr.Blocks():
        pane = SourcePane(sample)
        pane.opens(region("list", ("open",)))
    return pane


def event(**data: object) -> gr.EventData:
    return gr.EventData(None, data)


def place(name: str, **locator: object) -> str:
    return json.dumps({"path": str(DATA / name), "locator": locator, "quote": ""})


def test_a_click_opens_the_place_and_another_turns_it(pane: SourcePane) -> None:
    lease = place("water-lease.pdf", kind="page", page=2, boxes=[[0, 0, 1, 0.5]])
    opened = pane._answer(event(act="open", place=lease))
    assert "p. 2 of 5" in opened and "<rect" in opened
    turned = pane._answer(event(act="turn", place=lease, at="3"))
    assert "p. 3 of 5" in turned and "<rect" not in turned
    assert pane._answer(event(act="open", place=lease)) != opened


@pytest.mark.parametrize(
    "data", [{}, {"place": None}, {"place": "junk"}, {"place": 5}, {"place": json.dumps({"path": "../x"})}]
)
def test_what_names_nothing_leaves_the_pane_as_it_is(pane: SourcePane, data: dict[str, object]) -> None:
    assert pane._answer(event(**data)) == gr.skip()
    assert pane._answer(gr.EventData(None, None)) == gr.skip()


def test_a_page_number_without_sense_is_none(pane: SourcePane) -> None:
    lease = place("water-lease.pdf", kind="page", page=2, boxes=[])
    assert "p. 2 of 5" in pane._answer(event(place=lease, at="x"))
    assert "p. 5 of 5" in pane._answer(event(place=lease, at="999999999"))


@pytest.mark.parametrize("path", ["/etc/passwd", str(DATA), "/nowhere", f"{DATA}/water-lease.pdf!/x", "//etc/passwd"])
def test_of_what_is_not_in_the_library_nothing_is_told(pane: SourcePane, path: str) -> None:
    shown = pane.show(Place(path))
    assert "This is not in the library any more" in shown
    assert "root:" not in shown and "<img" not in shown
