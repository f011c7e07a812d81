"""What is shown of an answer; above all, that no text of a file or of a model becomes markup."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.answers import Answer, Citation, Sentence
from assistant.conversations import GONE, Found, Turn
from indexers.types import LinesLocator, PageLocator, TimeLocator, WholeLocator
from ui import render

HOSTILE = '<img src="http://evil.example/x.png" onerror=alert(1)>"\'><script>alert(2)</script>[a](http://evil.example)'
TAGS = {"article", "h3", "h4", "p", "span", "button", "ol", "ul", "li", "details", "summary", "img"}


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(html: str) -> Tags:
    tags = Tags()
    tags.feed(html)
    return tags


def answer(**changes: object) -> Answer:
    citations = (
        Citation(1, "/home/me/lease.pdf", "text", PageLocator(2, ((0.1, 0.2, 0.9, 0.3),)), "ends on 28 September 2046"),
        Citation(2, "/home/me/talk.mp3", "audio", TimeLocator(29.4, 35.0), "the hatch was freed"),
    )
    sentences = (Sentence("It ends on 28 September 2046.", True, (1,)), Sentence("The hatch was freed.", True, (2, 1)))
    known = Answer("When?", "…", True, False, "quotes", sentences, citations, "", {"search": 120.0, "total": 400.0})
    return replace(known, **changes)


def none(*_: object) -> str:
    return ""


def test_every_sentence_carries_its_chips_which_say_where_they_lead():
    tags = parsed(render.answer(answer(), (), none))
    chips = [attrs for tag, attrs in tags.found if attrs.get("class") == "chip"]
    assert [chip["aria-label"] for chip in chips] == [
        "Source 1: lease.pdf, p. 2",
        "Source 2: talk.mp3, 0:29–0:35",
        "Source 1: lease.pdf, p. 2",
    ]
    assert json.loads(chips[1]["data-place"] or "") == {
        "path": "/home/me/talk.mp3",
        "locator": {"kind": "time", "start_s": 29.4, "end_s": 35.0},
        "quote": "the hatch was freed",
    }


def test_what_is_not_supported_looks_different_and_says_so():
    told = answer(grounded=False, sentences=(Sentence("The moon is cheese.", False),))
    html = render.answer(told, (), none)
    assert "unsupported" in html and "not supported by your files" in html
    assert "unsupported" not in render.answer(answer(), (), none)


def test_an_abstention_shows_the_nearest_passages_as_what_they_are():
    told = answer(grounded=False, abstained=True, sentences=(Sentence("It does not hold the answer.", False),))
    tags = parsed(render.answer(told, (), none))
    assert "The nearest passages, which may not answer it" in tags.text
    assert "not supported" not in tags.text
    assert "quoted word for word" not in tags.text
    assert sum(attrs.get("data-act") == "open" for _, attrs in tags.found) == 2


def test_it_is_told_what_was_read_who_wrote_and_how_long_it_took():
    found = (
        Found("/a.md", "text", LinesLocator(1, 4), "first"),
        Found("/a.md", "text", LinesLocator(9, 9), "second"),
        Found("/b.md", "text", LinesLocator(1, 1), "third"),
    )
    timings = {"search": 120.0, "evidence": 20.0, "llm": 2400.0, "ground": 4.0, "total": 2600.0}
    text = parsed(render.answer(answer(mode="llm", model="Tiny-1B", timings_ms=timings), found, none)).text
    assert (
        "read 3 passages from 2 files · written by Tiny-1B, each sentence checked · searching 0.1 s, writing 2.4 s"
        in text
    )
    assert (
        "quoted word for word, since the draft did not stand the check"
        in parsed(render.answer(answer(timings_ms=timings), found, none)).text
    )


def test_places_that_a_picture_led_to_claim_nothing():
    tags = parsed(render.answer(answer(sentences=()), (), none))
    assert "Nearest to the picture" in tags.text
    assert "word for word" not in tags.text


def test_a_follow_up_says_how_it_was_understood_and_a_plain_question_does_not():
    kept = Turn("And in 2023?", answer(question="How much in 2023?"))
    assert "Understood as: How much in 2023?" in render.turn(kept, none)
    assert "Understood as" not in render.turn(Turn("  When? ", answer()), none)


def test_what_came_from_a_removed_file_is_said_to_be_gone():
    html = render.answer(answer(sentences=(Sentence(GONE, True, (1,)),)), (), none)
    assert 'class="sentence gone"' in html


def test_pictures_are_seen_on_cards_and_only_from_addresses_of_this_page():
    html = render.answer(answer(), (), lambda path, media, locator: f'documents/7/thumbnail?p={media}&x="')
    images = [attrs for tag, attrs in parsed(html).found if tag == "img"]
    assert [image["src"] for image in images] == [
        'documents/7/thumbnail?p=text&x="',
        'documents/7/thumbnail?p=audio&x="',
    ]
    assert all(image["alt"] == "" for image in images)


def check_inert(html: str) -> None:
    tags = parsed(html)
    for tag, attrs in tags.found:
        assert tag in TAGS, tag
        assert not [name for name in attrs if name.startswith("on") or name in ("href", "style", "srcset")]
        assert tag != "img" or (attrs["src"] or "").startswith("documents/")
    assert not re.search(r"<(?!/?(?:{})\b)".format("|".join(TAGS)), html)


@pytest.mark.parametrize("abstained", [True, False])
@given(
    text=st.one_of(st.text(max_size=60), st.just(HOSTILE)),
    path=st.one_of(st.text(min_size=1, max_size=30), st.just(HOSTILE)),
)
def test_no_text_becomes_markup(text: str, path: str, abstained: bool):
    citation = Citation(1, path, "image", WholeLocator(), text)
    told = Answer(text, text, True, abstained, "llm", (Sentence(text, not abstained, (1,)),), (citation,), text, {})
    found = (Found(path, "video", TimeLocator(0, 1), text, text),)
    check_inert(render.turn(Turn(text, told, found, (path,)), lambda *_: "documents/1/thumbnail"))
