"""Sources as they are drawn: each kind of the sample library at a place of it, and texts that would be markup."""

import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import Assistant
from assistant.sources import Source
from indexers import types
from indexers.ledger import Ledger
from indexers.types import (
    Chunk,
    Document,
    LinesLocator,
    Locator,
    PageLocator,
    RegionLocator,
    SectionLocator,
    SheetLocator,
    SlideLocator,
    Status,
    TimeLocator,
    WholeLocator,
)
from ui import source_text
from ui.place import Place
from ui.source_parts import find, paragraphs
from ui.source_view import absent, view

DATA = Path(__file__).parents[2] / "data" / "library"
VOID = {"img", "track", "br", "rect"}


class Drawn(HTMLParser):
    """The elements of some HTML, and that each is closed; the texts that are marked."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str]]] = []
        self.marked: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "mark":
            self.marked.append("")

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if "mark" in self.open:
            self.marked[-1] += data

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        return [each for name, each in self.found if name == tag and wanted.items() <= each.items()]

    def classed(self, name: str) -> list[dict[str, str]]:
        return [each for _, each in self.found if name in each.get("class", "").split()]


def drawn(locus: Assistant, name: str, locator: Locator, quote: str = "", at: int | None = None) -> Drawn:
    path = str(DATA / name)
    return Drawn(view(locus.source(path), Place(path, locator, quote), opened=1, at=at))


def made(
    *passages: Chunk, path: str = "/x/file.txt", format: str = "text", media: types.Media = "text", **more: str
) -> Source:
    ledger = Ledger("pages", 3) if format == "pdf" else Ledger()
    return Source(Document(path, media, Status.INDEXED, ledger=ledger), 1, format, passages, **more)


# --- the kinds of the sample library ---------------------------------------------------------------


def test_a_page_has_its_picture_its_boxes_and_its_text(sample: Assistant) -> None:
    boxes = ((0.13, 0.12, 0.81, 0.14), (0.13, 0.14, 0.8, 0.16))
    quote = "The Trust grants to the Lessee the right to lead water out of the River Tamble above the weir"
    shown = drawn(sample, "water-lease.pdf", PageLocator(2, boxes), quote)
    [picture] = shown.all("img")
    id = sample.source(DATA / "water-lease.pdf").id
    assert picture["src"] == f"documents/{id}/page/2?width=1200" and picture["alt"] == "Page 2 of water-lease.pdf"
    marks = shown.all("rect")
    assert [(mark["x"], mark["y"], mark["width"], mark["height"]) for mark in marks] == [
        ("13.000", "12.000", "68.000", "2.000"),
        ("13.000", "14.000", "67.000", "2.000"),
    ]
    assert "p. 2 of 5" in shown.text
    assert [" ".join(text.split()) for text in shown.marked] == [quote]
    assert "3.1 The rent is" in shown.text and "9. Disputes" not in shown.text
    before, after = shown.all("button", **{"data-act": "turn"})
    assert (before["data-at"], after["data-at"]) == ("1", "3") and "disabled" not in {*before, *after}
    assert shown.classed("source")[0]["class"] == "pane source pages"


def test_another_page_bears_no_marks_and_the_last_has_no_next(sample: Assistant) -> None:
    for at, page in ((5, 5), (99, 5), (0, 1)):
        shown = drawn(sample, "water-lease.pdf", PageLocator(2, ((0, 0, 1, 1),)), "The Trust", at)
        assert f"p. {page} of 5" in shown.text and not shown.all("rect") and not shown.marked
        off = [button["data-turn"] for button in shown.all("button") if "disabled" in button]
        assert off == [{5: "next", 1: "previous"}[page]]
        assert shown.classed("source")[0]["data-turned"] == "true"


def test_a_picture_has_its_region_what_is_written_in_it_and_what_is_said_of_it(sample: Assistant) -> None:
    shown = drawn(sample, "bread-table.jpg", RegionLocator((0.7, 0.3, 0.9, 0.4)), "Rye loaf 3.80")
    assert shown.all("img")[0]["src"].endswith("/thumbnail?width=1200")
    assert len(shown.all("rect")) == 1 and shown.marked == ["Rye loaf 3.80"]
    assert shown.text.index("In the picture") < shown.text.index("Spelt loaf") < shown.text.index("About the picture")
    assert not drawn(sample, "bread-table.jpg", WholeLocator()).all("rect")


@pytest.mark.parametrize(("name", "tag"), [("talk-on-the-wheel.mp3", "audio"), ("sluice-repair.mp4", "video")])
def test_a_recording_plays_from_its_second_with_its_transcript(sample: Assistant, name: str, tag: str) -> None:
    cited = TimeLocator(16.0, 19.0)
    shown = drawn(sample, name, cited)
    [player] = shown.all(tag)
    id = sample.source(DATA / name).id
    assert (player["src"], player["data-second"]) == (f"documents/{id}/original", "16.000")
    assert shown.all("track")[0]["src"] == f"documents/{id}/captions.vtt"
    lines = [each for each in shown.all("button") if "data-seek" in each]
    assert len(lines) > 5 and float(lines[0]["data-seek"]) < 2
    assert shown.marked and all(not each.isspace() for each in shown.marked)
    assert "data-second" not in drawn(sample, name, WholeLocator()).all(tag)[0]


def test_lines_have_their_numbers_and_those_of_the_place_are_marked(sample: Assistant) -> None:
    shown = drawn(sample, "mill-memories.txt", LinesLocator(25, 26))
    assert [each["value"] for each in shown.all("li")][:5] == ["1", "2", "3", "4", "5"]
    assert [each["value"] for each in shown.classed("cited") if "value" in each] == ["25", "26"]
    assert shown.marked[0].startswith("of the ladder to the meal floor.") and len(shown.marked) == 2
    # Line 33 is cut between two passages.
    there = next(
        text
        for number, text in source_text.numbered_lines(sample.source(DATA / "mill-memories.txt").passages)
        if number == 33
    )
    assert there.startswith("there. On 9 November 1961")


def test_lines_of_a_program_keep_their_indentation(sample: Assistant) -> None:
    shown = drawn(sample, "wheel_power.py", LinesLocator(15, 17))
    assert shown.marked[2] == "    return 9.81 * flow_m3s * HEAD_M * EFFICIENCY"


def test_values_are_a_table_with_the_rows_of_the_place(sample: Assistant) -> None:
    shown = drawn(sample, "river-levels-2024.csv", LinesLocator(19, 20))
    assert len(shown.all("table")) == 1 and len(shown.classed("cited")) == 2
    assert shown.marked[:6] == ["2024-09-08", "0.53", "0.95", "open", "grinding again", "2024-09-22"]
    assert len(shown.all("th", scope="col")) == 6 and len(shown.all("th", scope="row")) == 26


def test_sheets_are_tables_each_under_its_name(sample: Assistant) -> None:
    shown = drawn(sample, "mill-money.xlsx", SheetLocator("Income", 6, 6))
    assert shown.marked == ["2024", "2968", "1742", "20000", "1130", "25840"]
    assert shown.text.index("Spending") < shown.text.index("Bat survey") < shown.text.index("What the mill brought in")


def test_slides(sample: Assistant) -> None:
    shown = drawn(sample, "open-day-talk.pptx", SlideLocator(3), "Its weight does the work, not its speed")
    assert shown.marked == ["Its weight does the work, not its speed"]
    assert len(shown.classed("slide")) == 6 and "Slide 3 · How the water does it" in shown.text
    assert len(shown.classed("cited-part")) == 1


@pytest.mark.parametrize(
    ("name", "headings", "quote"),
    [
        (
            "waterwheel-contract.docx",
            ("Contract for a New Waterwheel", "4. Delay"),
            "the Millwright allows the Client £120",
        ),
        (
            "heritage-register.html",
            ("Osier Mill, Nether Tamble", "History"),
            "The date stone over the river door reads SY 1827.",
        ),
        ("flour-test-results.eml", (), "In short: five of the six are as they should be."),
        ("river-gauging.ipynb", ("Gauging the river with salt", "What we used", "cell 4"), "1.67"),
    ],
)
def test_the_quoted_sentence_is_marked_in_its_section(
    sample: Assistant, name: str, headings: tuple[str, ...], quote: str
) -> None:
    shown = drawn(sample, name, SectionLocator(headings), quote)
    assert [" ".join(text.split()) for text in shown.marked] == [quote]
    assert len(shown.classed("cited-part")) == 1


def test_a_row_of_a_table_within_a_text_is_marked(sample: Assistant) -> None:
    place = SectionLocator(("Contract for a New Waterwheel", "3. Price and payment"))
    header = "Stage | Falls due | Share | Amount"
    row = "2 | when the timber has been shown and approved in Grünthal | 20 % | £17,280"
    for quote in (row, f"{header}\n{row}"):
        assert drawn(sample, "waterwheel-contract.docx", place, quote).marked == row.split(" | ") or quote != row


def test_a_section_without_the_quote_is_outlined(sample: Assistant) -> None:
    place = SectionLocator(("Contract for a New Waterwheel", "4. Delay"))
    shown = drawn(sample, "waterwheel-contract.docx", place, "words that stand nowhere in it")
    assert not shown.marked and len(shown.classed("cited-part")) == 1


def test_what_is_inside_leads_to_and_fro(sample: Assistant) -> None:
    mail = drawn(sample, "flour-test-results.eml", WholeLocator())
    [inner] = mail.all("button", **{"data-act": "open"})
    assert inner["data-place"].startswith('{"path": "' + str(DATA / "flour-test-results.eml!/flour-tests.csv"))
    shown = drawn(sample, "flour-test-results.eml!/flour-tests.csv", LinesLocator(4, 4))
    [holder] = shown.all("button", **{"data-act": "open"})
    assert str(DATA / "flour-test-results.eml") + '"' in holder["data-place"]
    assert "is inside flour-test-results.eml" in shown.text and shown.marked[0] == "30"
    assert not shown.all("a")


# --- files that are not there, or can not be shown --------------------------------------------------


def test_a_file_that_has_changed_is_shown_as_it_was_read(sample: Assistant) -> None:
    for name, locator in (
        ("water-lease.pdf", PageLocator(2)),
        ("red-bicycle.jpg", WholeLocator()),
        ("talk-on-the-wheel.mp3", TimeLocator(12, 15)),
        ("mill-diary.md", LinesLocator(1, 2)),
    ):
        source = replace(sample.source(DATA / name), obstacle="It has changed since it was read.")
        shown = Drawn(view(source, Place(source.path, locator), opened=1))
        assert "It has changed since it was read. Shown is its text as it was read." in shown.text
        assert not {"img", "audio", "video", "a"} & {tag for tag, _ in shown.found}
        assert len(shown.text) > 250


def test_what_browsers_do_not_play_is_said_and_shown_as_far_as_it_can_be() -> None:
    said = Chunk("Hello there", TimeLocator(3, 4))
    shown = Drawn(
        view(
            made(said, path="/x/film.avi", format="avi", media="video"),
            Place("/x/film.avi", TimeLocator(3, 4)),
            opened=1,
        )
    )
    assert "Browsers do not play files of this kind" in shown.text and "Hello there" in shown.text
    assert shown.all("img")[0]["src"] == "documents/1/thumbnail?second=3.0&width=1200"
    assert not shown.all("video") and not [each for each in shown.all("button") if "data-seek" in each]
    assert shown.all("a")[0]["download"] == "film.avi"


def test_a_document_without_text_says_why() -> None:
    empty = made(path="/x/a.pdf", format="pdf")
    empty = replace(empty, document=replace(empty.document, reason="needs a password"))
    shown = Drawn(view(empty, Place("/x/a.pdf"), opened=1))
    assert "Nothing in it can be searched: needs a password." in shown.text and "p. 1 of 3" in shown.text


def test_of_an_encrypted_document_only_what_is_in_its_way_is_shown_and_what_helps() -> None:
    shut = made(path="/x/a.pdf", format="pdf")
    shut = replace(shut, document=replace(shut.document, status=Status.ENCRYPTED, reason="needs a password"))
    shown = Drawn(view(shut, Place("/x/a.pdf"), opened=1))
    assert "needs a password. Save a copy that opens without a password or key, and add that." in shown.text
    assert not shown.all("img") and not shown.all("nav")


def test_words_that_a_file_no_longer_holds_are_shown_as_they_were_cited(sample: Assistant) -> None:
    now = made(Chunk("The party begins at  20:00\nin the meadow.", LinesLocator(3, 4)))
    at = LinesLocator(3, 4)
    shown = Drawn(view(now, Place(now.path, at, "The party begins at 18:00 <b>in the barn."), opened=1))
    assert "has changed since it was cited. What stood there then: “The party begins at 18:00 <b>in" in shown.text
    same = Drawn(view(now, Place(now.path, at, "The party begins at 20:00 in the meadow."), opened=1))
    assert "has changed" not in same.text
    for hit in sample.search("When does our water lease end?", k=30):
        there = Drawn(view(sample.source(hit.path), Place(hit.path, hit.at, hit.text), opened=1))
        assert "has changed" not in there.text


def test_a_document_that_is_not_held() -> None:
    shown = Drawn(absent("/x/<b>.txt", LinesLocator(3, 4), "This is <i>gone</i>.", opened=2))
    assert "<b>.txt" in shown.text and "lines 3–4" in shown.text and "This is <i>gone</i>." in shown.text
    assert not shown.all("b") and not shown.all("i")
    assert shown.all("button", **{"data-act": "close"})


def test_of_a_long_file_the_lines_around_the_place_are_shown() -> None:
    count = source_text.MOST_LINES * 3
    passages = [Chunk(f"line {number}", LinesLocator(number, number)) for number in range(1, count + 1)]
    source, place = made(*passages), Place("/x/file.txt", LinesLocator(3000, 3001))
    shown = Drawn(view(source, place, opened=1))
    numbers = [int(each["value"]) for each in shown.all("li")]
    assert len(numbers) == source_text.MOST_LINES and numbers == list(range(numbers[0], numbers[-1] + 1))
    assert {3000, 3001} <= set(numbers) and shown.marked == ["line 3000", "line 3001"]
    seen: set[int] = set()
    at: int | None = 0
    while at is not None:
        part = Drawn(view(source, place, opened=1, at=at))
        seen |= {int(each["value"]) for each in part.all("li")}
        later = part.all("button", **{"data-turn": "next"})
        at = int(later[0]["data-at"]) if later else None
    assert seen == set(range(1, count + 1))
    earlier = Drawn(view(source, place, opened=1, at=count)).all("button", **{"data-turn": "previous"})
    assert int(earlier[0]["data-at"]) == count - 2 * source_text.MOST_LINES + 1


# --- texts that would be markup -----------------------------------------------------------------

HOSTILE = (
    "</p></script><img src=x onerror=alert(1)>\"'><a href='http://evil.example/'>x</a> {{7*7}} ${1+1} | , &amp; -->"
)
ALLOWED = {
    *("article", "header", "h2", "h3", "h4", "h5", "h6", "span", "div", "button", "a", "p", "nav", "figure", "img"),
    *("svg", "rect", "details", "summary", "mark", "section", "audio", "video", "track", "ol", "ul", "li", "table"),
    *("thead", "tbody", "tr", "th", "td"),
}


def hostile_sources(text: str) -> list[tuple[Source, Locator]]:
    path = f"/x/{text}"
    headings = (text, text + "2")

    def one(locator: Locator, *, format: str, media: types.Media = "text", header: str = "") -> tuple[Source, Locator]:
        passage = Chunk(text, locator, (types.Place(0, locator),), headings, header)
        more = {"obstacle": text, "inside": path} if format == "epub" else {}
        return made(passage, passage, path=path, format=format, media=media, **more), locator

    return [
        one(PageLocator(1, ((0, 0, 1, 1),)), format="pdf"),
        one(RegionLocator((0, 0, 1, 1)), format="png", media="image"),
        one(TimeLocator(1, 2), format="mp3", media="audio"),
        one(TimeLocator(1, 2), format="mp4", media="video"),
        one(TimeLocator(1, 2), format="avi", media="video"),
        one(LinesLocator(1, 1), format="text"),
        one(LinesLocator(2, 2), format="csv", header=text),
        one(SheetLocator(text, 1, 1), format="xlsx", header=text),
        one(SlideLocator(1), format="pptx"),
        one(SectionLocator(headings), format="docx"),
        one(SectionLocator(headings), format="epub", header=text),
        one(WholeLocator(), format="unknown"),
    ]


def check_inert(html: str) -> None:
    shown = Drawn(html)
    for tag, attributes in shown.found:
        assert tag in ALLOWED
        assert not {
            name for name in attributes if name.startswith("on") or name in ("style", "srcdoc", "id", "action")
        } - {"id"}
        assert attributes.get("id", "source-heading") == "source-heading"
        for name in ("src", "href", "poster"):
            assert re.fullmatch(r"documents/1/[a-z]+[\w/.?=&]*", attributes.get(name, "documents/1/x")), attributes
    assert shown.all("h2") and len(shown.all("article")) == 1


@pytest.mark.parametrize("number", range(12))
def test_names_and_texts_stay_inert(number: int) -> None:
    source, locator = hostile_sources(HOSTILE)[number]
    check_inert(view(source, Place(source.path, locator, HOSTILE), opened=1))
    assert HOSTILE.split("{{")[0].replace(" ", "")[:20] in Drawn(
        view(source, Place(source.path, locator), opened=1)
    ).text.replace(" ", "")


@given(st.text(min_size=1, max_size=30).filter(lambda text: text.strip("./")), st.integers(0, 11), st.text(max_size=10))
def test_whatever_the_text_the_markup_is_ours(text: str, number: int, quote: str) -> None:
    source, locator = hostile_sources(text.replace("/", "").replace("\0", "") or "x")[number]
    check_inert(view(source, Place(source.path, locator, quote), opened=1, at=2))


# --- finding a quote --------------------------------------------------------------------------


@given(
    st.lists(st.text("ab(.*[\\", min_size=1, max_size=4), min_size=1, max_size=6),
    st.text(max_size=5),
    st.text(max_size=5),
)
def test_a_quote_is_found_however_it_is_broken_into_lines(words: list[str], before: str, after: str) -> None:
    found = find(f"{before}{chr(10).join(words)}{after}", "  ".join(words))
    assert found is not None
    start, end = found
    assert f"{before}{chr(10).join(words)}{after}"[start:end].split() == words


def test_no_quote_is_found_in_nothing() -> None:
    assert find("", "x") is find("x", "") is find("x", " \n ") is find("a b", "ab") is None


@given(st.text("a \n<", max_size=30), st.integers(0, 30), st.integers(0, 30))
def test_paragraphs_lose_nothing(text: str, start: int, end: int) -> None:
    shown = Drawn(paragraphs(text, (start, end)))
    assert shown.text.replace("\n", "").replace(" ", "") == text.replace("\n", "").replace(" ", "")


def test_the_file_that_was_opened_again_differs_from_before(sample: Assistant) -> None:
    source = sample.source(DATA / "mill-diary.md")
    place = Place(source.path, LinesLocator(1, 2))
    assert view(source, place, opened=1) != view(source, place, opened=2)
