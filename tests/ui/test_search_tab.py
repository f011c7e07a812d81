"""What is done in the search tab, without a browser: what comes from it is not believed, and errors are one line."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from assistant import Assistant
from ui import search_view as view
from ui.search_tab import _SearchTab, wanted_in
from ui.search_view import Wanted


def event(**fields: Any) -> gr.EventData:
    return gr.EventData(None, fields)


def tab_of(locus: Assistant) -> _SearchTab:
    desk: Any = SimpleNamespace(locus=locus, opens=lambda _region: None, thumbnails=lambda *_: "")
    with gr.Blocks(analytics_enabled=False), gr.Tabs() as tabs, gr.Tab("Search"):
        return _SearchTab(desk, tabs)


@pytest.fixture(scope="module")
def tab(sample: Assistant) -> _SearchTab:
    return tab_of(sample)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[_SearchTab]:
    with Assistant(tmp_path / "library", llm="none") as locus:
        yield tab_of(locus)


# --- what comes from the browser ---------------------------------------------------------------


def test_the_fields_of_the_form_are_read() -> None:
    told = event(query=" wheel ", text="on", image="on", under="/f", since="2024-05-17", until="", act="search")
    assert wanted_in(told, "a.png") == Wanted(
        "wheel", frozenset({"text", "image"}), "/f", date(2024, 5, 17), None, "a.png"
    )


def test_what_the_button_for_more_holds_is_read_as_the_form_is() -> None:
    wanted = Wanted("wheel", frozenset({"audio"}), "/f", date(2024, 5, 17), date(2024, 6, 1))
    assert wanted_in(event(**wanted.fields, k="40")) == wanted
    assert wanted_in(event(**Wanted("wheel").fields)) == Wanted("wheel")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"query": None, "under": 3, "since": ["2024-05-17"], "text": {}, "k": "9"},
        {"since": "17.5.2024", "until": "2024-99-99"},
        {"since": "", "until": "\0"},
        {"film": "on", "under": "\0"},
    ],
)
def test_what_makes_no_sense_is_left_out(fields: dict[str, Any]) -> None:
    assert wanted_in(event(**fields)) == Wanted()


def test_a_query_has_a_length_at_most() -> None:
    assert len(wanted_in(event(query="x" * 100_000)).query) == view.LONGEST
    assert wanted_in(event(query="a\0b")).query == "a b"


# --- searching ---------------------------------------------------------------------------------


def test_it_says_that_it_searches_and_then_what_it_found(tab: _SearchTab) -> None:
    first, (said, found, _) = tab._search(None, event(query="When does our water lease end?"))
    assert first == (view.busy(), "", "")
    assert "The best " in said and "water-lease.pdf" in found and "<mark>lease</mark>" in found
    assert 'data-act="more"' in found


def test_more_shows_more_and_keeps_what_is_there_meanwhile(tab: _SearchTab) -> None:
    ((_, first, _),) = tab._search(None, event(query="the mill", text="on", k="20"))
    ((_, more, _),) = tab._search(None, event(query="the mill", text="on", k="40"))
    assert first.count('class="card ') <= 20 < more.count('class="card ') <= 40


@pytest.mark.parametrize("k", ["0", "-5", "1e9", "999999999999", "x"])
def test_how_many_are_shown_is_bounded(tab: _SearchTab, k: str) -> None:
    *_, (said, found, _) = tab._search(None, event(query="mill", k=k))
    assert 1 <= found.count('class="card ') <= view.MOST and "failed" not in said


def test_filters_narrow(tab: _SearchTab) -> None:
    *_, (said, found, under) = tab._search(None, event(query="mill", image="on"))
    assert "<h3>Pictures" in found and "<h3>Documents" not in found and under == ""
    *_, (said, found, under) = tab._search(None, event(query="mill", under="/nowhere"))
    assert "Nothing found" in said and "The filters leave nothing: in /nowhere" in found and under == "/nowhere"
    *_, (said, found, _) = tab._search(None, event(query="mill", since="2999-01-01"))
    assert "Nothing found" in said and "from 1 January 2999" in found


@pytest.mark.parametrize(
    ("fields", "line"),
    [({"query": "mill", "since": "2024-05-18", "until": "2024-05-17"}, "no day is both since 2024-05-18 and until")],
)
def test_what_can_not_be_searched_is_one_line(tab: _SearchTab, fields: dict[str, str], line: str) -> None:
    *_, (said, found, _) = tab._search(None, event(**fields))
    assert line in said and 'class="failed"' in said and found == ""


def test_nothing_is_searched_for_nothing(tab: _SearchTab) -> None:
    assert list(tab._search(None, event(query="  "))) == [(view.asking(), "", "")]


def test_an_empty_library_says_so(empty: _SearchTab) -> None:
    *_, (said, found, _) = empty._search(None, event(query="mill"))
    assert "Nothing found" in said and "The library is empty" in found


def test_a_picture_is_searched_with(tab: _SearchTab, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "red").save(tmp_path / "red.png")
    *_, (said, found, _) = tab._search(str(tmp_path / "red.png"), event(query="mill"))
    assert "like red.png" in said and "there is no image model yet" in found
    *_, (said, _, _) = tab._search(str(tmp_path / "red.png"), event())
    assert 'class="failed"' in said and "locus models pull" in said
    (tmp_path / "text.png").write_text("A text.")
    *_, (said, _, _) = tab._search(str(tmp_path / "text.png"), event())
    assert "is no picture" in said


# --- folders -----------------------------------------------------------------------------------


def selected(value: str) -> gr.SelectData:
    return gr.SelectData(None, {"index": 1, "value": value})


def test_folders_are_looked_up_when_the_tab_is_shown(empty: _SearchTab, tmp_path: Path) -> None:
    assert empty._shown("", selected("Search")) == ""
    for name in ("a/1.txt", "b/2.txt"):
        (tmp_path / "files" / name).parent.mkdir(parents=True)
        (tmp_path / "files" / name).write_text("Bees and ferries.")
    empty._locus.add(tmp_path / "files")
    html = empty._shown(str(tmp_path / "files" / "b"), selected("Search"))
    assert isinstance(html, str) and html.count("<option") == 4 and 'b" selected>' in html
    assert empty._shown("", selected("Library")) == gr.skip()
