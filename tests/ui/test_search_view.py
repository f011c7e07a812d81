"""The search tab's HTML: what is found is shown by kind, and no text in it becomes markup."""

import re
from datetime import date
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.wording import content_stems
from indexers.types import Chunk, Hit, LinesLocator, Locator, Media, TimeLocator, WholeLocator
from ui import search_view as view
from ui.search_view import Results, Wanted

HOSTILE = "<img src=https://example.org/x onerror=alert(1)> \"' & </button> wheel"


def hit(
    rank: int = 1,
    path: str = "/f/a.txt",
    media: Media = "text",
    text: str = "The wheel turns.",
    at: Locator | None = None,
) -> Hit:
    return Hit(rank, path, media, Chunk(text, at or LinesLocator(1, 2)), 0.5, {}, rank)


def no_thumbnails(path: str, media: Media, locator: Locator) -> str:
    return ""


def results(*hits: Hit, query: str = "wheel", more: bool = False, **options: object) -> Results:
    return Results(Wanted(query), hits, {"/f/a.txt": "2024-05-17"}, more=more, **options)  # type: ignore[arg-type]


class Tags(HTMLParser):
    """The tags of a page, each with its attributes, and the text between."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, "every tag is closed in turn"

    def handle_data(self, data: str) -> None:
        self.text += data


# --- what was found ----------------------------------------------------------------------------


def test_places_are_shown_by_kind_that_of_the_best_first() -> None:
    html = view.found(
        results(
            hit(1, "/f/talk.mp3", "audio", at=TimeLocator(724, 738)),
            hit(2),
            hit(3, "/f/b.jpg", "image", at=WholeLocator()),
            hit(4, "/f/c.mp4", "video", at=TimeLocator(3, 4)),
        ),
        no_thumbnails,
    )
    titles = re.findall(r"<h3>(.*?) <span class=\"number\">(\d)</span></h3>", html)
    assert titles == [("Sound and film", "2"), ("Documents", "1"), ("Pictures", "1")]
    assert "12:04–12:18" in html and "0:03–0:04" in html
    assert '<time datetime="2024-05-17">17 May 2024</time>' in html


def test_a_card_is_a_button_that_opens_its_place() -> None:
    (button,) = [told for tag, told in Tags(view.found(results(hit()), no_thumbnails)).tags if tag == "button"]
    assert button["data-act"] == "open" and button["type"] == "button"
    assert button["data-place"] == (
        '{"path": "/f/a.txt", "locator": {"kind": "lines", "first": 1, "last": 2}, "quote": "The wheel turns."}'
    )


def test_thumbnails_are_shown_where_there_are_some() -> None:
    def thumbnails(path: str, media: Media, locator: Locator) -> str:
        return f"documents/7?{media}&x=\"'" if media == "image" else ""

    html = view.found(results(hit(), hit(2, "/f/b.jpg", "image")), thumbnails)
    pictures = [told for tag, told in Tags(html).tags if tag == "img"]
    assert pictures == [{"src": "documents/7?image&x=\"'", "alt": "", "loading": "lazy"}]


def test_what_shows_the_same_again_is_left_out() -> None:
    whole, part = WholeLocator(), TimeLocator(1, 2)
    hits = [
        hit(1, "/a.jpg", "image", at=whole), hit(2, "/a.jpg", "image"), hit(3, "/t.mp3", "audio", at=whole),
        hit(4, "/t.mp3", "audio", at=part), hit(5, "/x", at=LinesLocator(1, 1)), hit(6, "/x", at=LinesLocator(2, 2)),
        hit(7, "/y", at=whole), hit(8, "/y", at=whole),
    ]  # fmt: skip
    assert [each.rank for each in view.distinct(hits)] == [1, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (results(seconds=0.5), "Nothing found."),
        (results(hit(), seconds=0.123), "1 place in 1 file · 0.12 s"),
        (results(hit(), hit(2), hit(3, "/b"), more=True), "The best 3 places in 2 files · 0.00 s"),
        (Results(Wanted(picture="<b>.png"), [hit()], {}), "1 place in 1 file, like <b>.png · 0.00 s"),
    ],
)
def test_how_much_was_found_is_said(found: Results, told: str) -> None:
    assert Tags(view.said(found)).text == told


def test_more_asks_for_the_same_again() -> None:
    wanted = Wanted('a "b"', frozenset({"image"}), "/f", date(2024, 5, 17), None)
    html = view.found(Results(wanted, [hit()], {}, 40, more=True), no_thumbnails)
    told = Tags(html).tags[-1][1]
    assert {name: told[name] for name in told if name.startswith("data-")} == {
        "data-act": "more", "data-query": 'a "b"', "data-under": "/f", "data-since": "2024-05-17", "data-image": "on",
        "data-k": "60",
    }  # fmt: skip
    assert 'data-act="more"' not in view.found(results(hit()), no_thumbnails)


def test_where_nothing_is_found_is_said_what_to_try() -> None:
    assert "The library is empty" in view.nothing(Wanted("x"), is_empty=True)
    assert "Try other words" in view.nothing(Wanted("x")) and "without filters" not in view.nothing(Wanted("x"))
    wanted = Wanted("x", frozenset({"audio", "image"}), "/f<b>", date(2024, 5, 17), date(2024, 6, 1))
    html = view.nothing(wanted, ["Get <i>a</i> model."])
    assert "pictures and sound, in /f&lt;b&gt;, from 17 May 2024, to 1 June 2024" in html
    assert 'data-act="search" data-query="x"' in html and "&lt;i&gt;" in html


@pytest.mark.parametrize(
    ("day", "words"),
    [("2024-05-07", "7 May 2024"), ("2024-12", "December 2024"), ("2024", "2024"), ("2024-00-01", "2024-00-01"),
     ("2024-13", "2024-13"), ("", ""), ("soon", "soon"), ("20-ab-01", "20-ab-01")],
)  # fmt: skip
def test_days_in_words(day: str, words: str) -> None:
    assert view.day_in_words(day) == words


# --- the form ----------------------------------------------------------------------------------


def test_every_field_has_a_label() -> None:
    parsed = Tags(view.form() + view.folders([("/f", 3), ("/f/sub", 1)]))
    named = {told.get("for") for tag, told in parsed.tags if tag == "label"}
    assert "search-query" in named
    inputs = [told for tag, told in parsed.tags if tag in ("input", "select")]
    assert [told["name"] for told in inputs] == ["query", "text", "image", "audio", "video", "since", "until", "under"]
    assert inputs[-1]["form"] == "search-form" and not parsed.open


def test_folders_are_shown_below_the_one_they_lie_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    found = [("/home/anna/Papers", 1200), ("/home/anna/Papers/2024 <b>", 3), ("/other", 1)]
    html = view.folders(found, chosen="/other")
    assert Tags(html).text == "In all folders~/Papers (1,200)\u20032024 <b> (3)/other (1)"
    assert '<option value="/other" selected>' in html and "&lt;b&gt;" in html
    assert view.folders(found[:1]) == view.folders([]) == ""


def test_all_kinds_are_as_good_as_none() -> None:
    assert view.kinds_of(["text", "image", "audio", "video"]) == view.kinds_of(["film", ""]) == frozenset()
    assert view.kinds_of(["image", "film"]) == {"image"}


# --- hostile texts -----------------------------------------------------------------------------


def test_no_text_becomes_markup() -> None:
    hits = [hit(1, f"/f/{HOSTILE}.txt", text=HOSTILE), hit(2, "/f/b.jpg", "image", HOSTILE)]
    wanted = Wanted(HOSTILE, frozenset({"image"}), HOSTILE, date(2024, 5, 17), None, HOSTILE)
    days = dict.fromkeys((each.path for each in hits), HOSTILE)
    drawn = Results(wanted, hits, days, more=True)
    for html in (
        view.said(drawn),
        view.found(drawn, lambda *_: HOSTILE, [HOSTILE]),
        view.nothing(wanted, [HOSTILE]),
        view.failed(HOSTILE),
        view.folders([(HOSTILE, 1), (f"{HOSTILE}/x", 1)], HOSTILE),
    ):
        parsed = Tags(html)
        assert not parsed.open
        for tag, told in parsed.tags:
            assert tag in (
                "p",
                "section",
                "h3",
                "span",
                "ol",
                "li",
                "button",
                "img",
                "mark",
                "time",
                "label",
                "select",
                "option",
            )
            assert not any(name.startswith("on") for name in told)
            assert tag != "img" or told["src"] == HOSTILE


@given(st.text(), st.text())
def test_marking_changes_no_text(text: str, query: str) -> None:
    parsed = Tags(view.marked(text, frozenset(content_stems(query))))
    line = " ".join(text.split())
    shown = parsed.text.removeprefix("… ").removesuffix(" …") if len(line) > 200 else parsed.text
    assert shown in line and {tag for tag, _ in parsed.tags} <= {"mark"}
    assert len(shown) <= 200


# --- the words of the query --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "query", "html"),
    [
        ("The wheel turned.", "do wheels turn?", "The <mark>wheel</mark> <mark>turned</mark>."),
        ("Łódź & Co.", "lodz", "<mark>Łódź</mark> &amp; Co."),
        ("a 10-Q form", "10-q", "a <mark>10-Q</mark> form"),
        ("The wheel.", "", "The wheel."),
        ("", "wheel", ""),
        ("The\n  wheel\tturns", "wheel", "The <mark>wheel</mark> turns"),
    ],
)
def test_the_words_of_the_query_are_marked_in_every_form(text: str, query: str, html: str) -> None:
    assert view.marked(text, frozenset(content_stems(query))) == html


def test_a_long_passage_is_shown_where_most_of_the_words_stand() -> None:
    text = (
        "The wheel is here. " + "Nothing of that kind. " * 30 + "Here the wheel turns and turns. " + "And so on. " * 30
    )
    html = view.marked(text, frozenset(content_stems("wheel turns")))
    assert "<mark>wheel</mark> <mark>turns</mark> and <mark>turns</mark>" in html
    assert html.startswith("… ") and html.endswith(" …")
    assert not view.marked(text, frozenset()).startswith("…")
