"""What the library tab makes of what a browser sends, which may be anything."""

import gradio as gr
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import Assistant
from assistant.listing import Choice
from indexers.types import Status
from ui import library_tab
from ui.desk import Desk
from ui.source_pane import SourcePane
from ui.warmup import Warmup
from ui.work import Work


def event(**data: object) -> gr.EventData:
    return gr.EventData(None, data)


@pytest.fixture(scope="module")
def tab(sample: Assistant) -> library_tab._LibraryTab:
    with gr.Blocks(), gr.Tabs() as tabs, gr.Tab(library_tab.LABEL):
        return library_tab._LibraryTab(Desk(sample, Work(sample), SourcePane(sample), Warmup(sample)), tabs)


def test_choices_are_taken_as_far_as_they_make_sense() -> None:
    choice = library_tab._choice(Choice(page=3), {"act": "choose", "text": "a", "status": "failed", "kind": "image"})
    assert choice == Choice("a", Status.FAILED, "image")
    assert library_tab._choice(choice, {"act": "choose", "status": "x'; DROP", "kind": "nothing"}) == Choice()
    once = library_tab._choice(Choice(page=3), {"act": "sort", "order": "name"})
    assert (once.order, once.descending, once.page) == ("name", True, 1)
    assert library_tab._choice(once, {"act": "sort", "order": "folder"}).descending is False
    assert library_tab._choice(once, {"act": "turn", "page": "12"}).page == 12
    for odd in ({"act": "sort", "order": "x"}, {"act": "turn", "page": "-1"}, {"act": "turn", "page": "²"}, {}):
        assert library_tab._choice(once, odd) == once


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=30) | st.integers() | st.none() | st.lists(st.text())))
def test_anything_may_be_sent(data: dict[str, object]) -> None:
    told = library_tab._told(gr.EventData(None, {**data, "act": "choose"}))
    library_tab._choice(Choice(), {**told, "act": "turn"})
    library_tab._choice(Choice(), told)
    assert library_tab._told(gr.EventData(None, None)) == {}


def test_paths_that_were_typed_are_refused_in_one_line() -> None:
    assert library_tab._path("  ")[1] == "Write the path of a file or folder"
    assert library_tab._path("docs/a.txt")[1].startswith("Write the whole path")
    assert library_tab._path("/no/such/thing")[1] == "There is no file or folder /no/such/thing"
    assert "no path of this machine" in library_tab._path("~nobody-of-that-name/x")[1]
    assert library_tab._path("/a\0b")[1] != ""
    assert library_tab._path(' "/tmp" ')[1] == "" and library_tab._path("~")[1] == ""


def test_only_what_has_changed_is_sent(tab: library_tab._LibraryTab) -> None:
    seen = library_tab._Seen()
    timer, *parts = tab._selected(seen, gr.SelectData(None, {"value": "Library", "index": 2}))
    assert timer.active and any("water-lease.pdf" in str(part) for part in parts)
    assert all(not isinstance(part, str) for part in tab._ticked(seen))
    away = tab._selected(seen, gr.SelectData(None, {"value": "Ask", "index": 0}))
    assert away[0].active is False and all(not isinstance(part, str) for part in away[1:])


def test_a_file_is_unfolded_and_folded(tab: library_tab._LibraryTab, sample: Assistant) -> None:
    seen = library_tab._Seen()
    path = next(each.path for each in sample.files() if each.path.endswith("water-lease.pdf"))
    assert "5 pages" in tab._unfolded(seen, event(act="unfold", how="details", file=path)).partition("<dl")[2]
    asked = tab._unfolded(seen, event(act="unfold", how="remove", file=path))
    assert 'data-act="forget"' in asked
    assert "<dl" in tab._unfolded(seen, event(act="unfold", how="details", file=path))
    assert "<dl" not in tab._unfolded(seen, event(act="unfold", how="details", file=path))
    assert "<dl" not in tab._unfolded(seen, event(act="unfold", how="details", file="/etc/passwd"))


def test_wrong_paths_are_told_and_nothing_is_begun(tab: library_tab._LibraryTab, sample: Assistant) -> None:
    seen = library_tab._Seen()
    _, said, *_ = tab._put(seen, event(act="put", file="/no/such/thing"))
    assert "There is no file or folder" in said and "danger" in said
    path = sample.files()[0].path
    assert "only folders are watched" in tab._put(seen, event(act="put", file=path, watch="yes"))[1]
    for odd in ({"act": "pull", "model": "x"}, {"act": "unwatch", "file": "/x"}, {"act": "cancel", "number": "x"}):
        tab._done(seen, event(**odd))
    assert tab._work.doing() == []
