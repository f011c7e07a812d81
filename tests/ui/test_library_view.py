"""The library tab as HTML: nothing of a name or an error becomes markup, and what can be done is a button."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from assistant.file_details import FileDetails
from assistant.inventory import MissingModel, Overview, Sizes
from assistant.listing import Choice, Listed, Page
from indexers.ledger import Ledger, Share
from indexers.reports import Progress
from indexers.types import Document, Status
from ui import first_visit, library_view
from ui.jobs import Doing
from ui.library_table import Unfolded, table

HOSTILE = "\"><img src=//evil/x onerror=alert(1)><script>alert(1)</script>'`&amp;</td></table>${1}"
TAGS = {
    *("p", "h2", "h3", "h4", "b", "span", "code", "div", "section", "nav", "ul", "li", "dl", "dt", "dd", "button"),
    *("table", "thead", "tbody", "tr", "th", "td", "form", "label", "input", "select", "option", "progress"),
}


class Seen(HTMLParser):
    """Collects tags and attributes, and checks that what is opened is closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "input":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def inert(html: str) -> Seen:
    seen = Seen(html)
    assert {tag for tag, _ in seen.tags} <= TAGS
    for tag, attributes in seen.tags:
        assert not any(name.startswith("on") or name in ("style", "src", "href") for name in attributes)
        assert "data-path" not in attributes  # which Gradio takes for an upload
        if tag == "button":
            assert attributes["type"] in ("button", "submit")
    return seen


def document(path: str, status: Status = Status.INDEXED, **more: object) -> Document:
    return Document(path, "text", status, **more)  # type: ignore[arg-type]


def details(text: str) -> FileDetails:
    ledger = Ledger("pages", 3, (Share("text", 2, 900),), 2, 0, 1, (text,))
    whole = document(text, Status.PARTIAL, reason=text, title=text, pending=("image",), ledger=ledger)
    moment = datetime(2026, 5, 1, tzinfo=UTC)
    inner = (document(f"{text}!/{text}"),)
    return FileDetails(
        whole, "pdf", {"author": text}, 9, moment, False, 2, moment, {"s": 1}, inner, None, (text,), {"image": text}
    )


def everything(text: str) -> list[str]:
    rows = (
        Listed(document(text, Status.FAILED, reason=text), text, text, ""),
        Listed(document(text, pending=("image",), reason=text), text, text, text),
        Listed(document(text, Status.QUEUED), text, text, "", is_held=False),
    )
    page = Page(101, 5000, rows)
    job = Doing(3, None, text, "working", Progress(1, 2, 0, 5, 10, text, text), text, text)
    missing = [MissingModel("image", text, 5, 2, True, text), MissingModel("llm", text, 5, 0, False, text)]
    return [
        table(page, Choice(text=text), None),
        table(page, Choice(), Unfolded(text, "details", details(text))),
        table(page, Choice(), Unfolded(text, "details", said=text)),
        table(page, Choice(descending=True), Unfolded(text, "remove", said=text)),
        library_view.work([job, Doing(4, None, text, "failed", said=text)], Doing(0, None, text, "held", said=text)),
        library_view.models(missing, {"image": 1, "speech": 2}, [], offline=False),
        library_view.folders([text]),
        library_view.choosing(Choice(text=text)),
        library_view.said(text, failed=True),
    ]


def test_hostile_names_stay_text() -> None:
    for html in everything(HOSTILE):
        seen = inert(html)
        told = seen.text + "".join(value or "" for _, attributes in seen.tags for value in attributes.values())
        assert "alert(1)" in told and "<script" not in html


@given(st.text(max_size=40))
def test_any_text_stays_text(text: str) -> None:
    for html in everything(text):
        inert(html)


def test_numbers_are_told_in_the_order_of_status() -> None:
    overview = Overview({Status.FAILED: 1, Status.INDEXED: 20_000}, 91, {}, (), ())
    text = inert(library_view.numbers(overview, Sizes(1_500_000, 0, 0))).text
    assert "Files20,001Passages91Library on the disk1.5 MBDownloaded models0 bytes" in text
    assert text.endswith("20,000 indexed1 failed") and "Memory" not in text
    assert "Memory in use120.0 MB" in library_view.numbers(overview, Sizes(1, 1, 123_456_789)).replace("</dt><dd>", "")


def test_what_is_still_to_be_read_is_no_error_and_several_wait() -> None:
    coming = document("/d/a.txt", Status.QUEUED)
    html = table(Page(1, 1, (Listed(coming, "a.txt", "/d"),)), Choice(), None)
    assert "<b>queued</b>" in html and "bad" not in html
    shown = inert(library_view.numbers(Overview({Status.PENDING: 2}, 2, {}, (), ()), Sizes(1, 0, 0))).text
    assert shown.endswith("2 wait for a model")
    shown = inert(library_view.numbers(Overview({Status.PENDING: 1}, 1, {}, (), ()), Sizes(1, 0, 0))).text
    assert shown.endswith("1 waits for a model")


def test_what_another_program_holds_up_goes_on_by_itself_and_a_folder_that_is_gone_is_said_as_it_is() -> None:
    by = "the library /l is being changed by process 7 (locus); "
    busy = f"waiting: {by}try again when it is done"
    shown = inert(library_view.work([], Doing(0, None, "Changes", "held", said=busy))).text
    assert shown.endswith(
        "the library /l is being changed by process 7 (locus); this goes on by itself when that is done"
    )
    shown = inert(library_view.work([], Doing(0, None, "Changes", "held", said="the folder /f is out of reach"))).text
    assert shown.endswith("Changesthe folder /f is out of reach")


def test_details_say_what_helps() -> None:
    found = details("x")
    shut = replace(found, document=replace(found.document, status=Status.ENCRYPTED))
    unfolded = Unfolded(shut.path, "details", shut)
    html = table(Page(1, 1, (Listed(shut.document, "x", "/"),)), Choice(), unfolded)
    assert "what helps" in html and "Save a copy that opens without a password" in html


def test_a_row_says_its_status_once_and_what_it_waits_for() -> None:
    waits = document("/d/a.jpg", Status.PENDING, pending=("image",), reason="found by its words and name only")
    page = Page(1, 1, (Listed(waits, "a.jpg", "/d"),))
    html = table(page, Choice(), None)
    assert "waits for the image model" in html and ">waits for a model<" not in html
    assert 'aria-sort="ascending"' in html and html.count("aria-sort") == 1
    buttons = [attributes["data-act"] for tag, attributes in inert(html).tags if tag == "button"]
    assert buttons == ["sort", "sort", "sort", "sort", "open", "unfold"]
    failed = Page(1, 1, (Listed(document("/d/a.pdf", Status.FAILED), "a.pdf", "/d"),))
    assert 'data-act="again"' in table(failed, Choice(), None)
    coming = Page(1, 1, (Listed(document("/d/a.pdf", Status.QUEUED), "a.pdf", "/d", is_held=False),))
    assert 'data-act="open"' not in table(coming, Choice(), None)


def test_pages_are_turned_where_there_are_some() -> None:
    rows = tuple(Listed(document(f"/{n}"), str(n), "/") for n in range(100))
    first, last = table(Page(1, 250, rows), Choice(), None), table(Page(201, 250, rows[:50]), Choice(), None)
    assert "1–100 of 250 files" in first and "201–250 of 250 files" in last
    assert re.findall(r'data-page="(\d+)"( aria-disabled)?', first)[:2] == [("0", " aria-disabled"), ("2", "")]
    assert re.findall(r'data-page="(\d+)"( aria-disabled)?', last)[:2] == [("2", ""), ("4", " aria-disabled")]
    assert "No file" in table(Page(0, 0, ()), Choice(), None)


def test_removing_asks_first_and_says_what_stays() -> None:
    page = Page(1, 1, (Listed(document("/d/a.txt"), "a.txt", "/d"),))
    html = table(page, Choice(), Unfolded("/d/a.txt", "remove", said="It comes back."))
    assert "Remove /d/a.txt from the library?" in html and "stays on the disk. It comes back." in html
    assert 'data-act="forget"' in html
    assert 'data-act="forget"' not in table(page, Choice(), Unfolded("/d/a.txt", "details", details("/d/a.txt")))


def test_work_is_told_with_its_pace() -> None:
    job = Doing(
        7, None, "Adding docs", "working", Progress(3, 10, 0, 30, 100, "/d/a.mp3", "12:04"), "3 files/s", "soon"
    )
    html = library_view.work([job], None)
    assert "3 of 10 files · 3 files/s · soon" in html and "a.mp3, 12:04" in html
    assert 'max="100" value="30"' in html and 'data-act="cancel" data-number="7" aria-label="Stop: Adding docs"' in html
    pull = Doing(8, None, "Downloading X", "working", Progress(0, 1, 0, 300_000_000, 600_000_000, "X"))
    assert "300.0 MB of 600.0 MB" in library_view.work([pull], None)
    assert 'aria-label="Dismiss: X"' in library_view.work([Doing(9, None, "X", "done", said="1 added")], None)
    assert library_view.work([], None) == ""


def test_a_missing_model_says_who_waits_and_how_to_get_it() -> None:
    model = MissingModel("image", "CLIP", 600_000_000, 0, True, "locus models pull CLIP")
    begun = MissingModel("speech", "W", 150_000_000, 60_000_000, True, "")
    html = library_view.models([model, begun], {"image": 5}, [], offline=False)
    assert "5 files wait for it" in html and 'data-act="pull" data-model="CLIP"' in html
    assert "Go on (60.0 MB are here)" in html
    coming = [Doing(1, ("pull", "clip"), "Downloading CLIP", "working")]
    assert "is being downloaded" in library_view.models([model], {}, coming, offline=False)
    assert "Downloads are off" in library_view.models([model], {}, [], offline=True)
    assert 'data-act="finish"' in library_view.models([], {"image": 1}, [], offline=False)
    assert library_view.models([], {}, [], offline=False) == ""


def test_a_first_visit_offers_the_sample_where_there_is_one() -> None:
    assert 'data-act="sample"' in inert_welcome(has_sample=True)
    assert "button" not in inert_welcome(has_sample=False)
    folder = first_visit.sample()
    assert folder is not None and (folder / "water-lease.pdf").is_file()


def inert_welcome(*, has_sample: bool) -> str:
    html = first_visit.welcome(has_sample=has_sample)
    inert(html)
    return html
