"""The chat in a real browser, as people use it: other conversations meanwhile, back, reload, files dropped anywhere."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pages import CHROMIUM, NO_CHROMIUM, Visit, chromium, served
from playwright.sync_api import Browser, expect

from assistant import Assistant

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:gradio.*"),
]
LEASE = "When does our water lease end?"
LOAF = "What does a spelt loaf cost?"
SHED = "The lease of the boat shed ends on 3 March 2031."
DROP = """([at, name, text]) => {
    const carried = new DataTransfer();
    carried.items.add(new File([text], name, {type: 'text/plain'}));
    for (const kind of ['dragover', 'drop'])
        document.querySelector(at).dispatchEvent(
            new DragEvent(kind, {dataTransfer: carried, bubbles: true, cancelable: true}));
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def slow(written_by: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Assistant]:
    """An assistant that writes for seconds, so that there is a meanwhile."""
    with written_by(lambda _: "word " * 60) as locus:
        fast: Callable[..., Iterator[str]] = locus._parts.llm.stream

        def slowly(*args: Any, **options: Any) -> Iterator[str]:
            for word in fast(*args, **options):
                time.sleep(0.05)
                yield word

        monkeypatch.setattr(locus._parts.llm, "stream", slowly)
        yield locus


def test_another_conversation_is_shown_alone_while_one_is_answered_and_both_are_kept(
    browser: Browser, slow: Assistant
) -> None:
    with served(slow) as address:
        here = Visit(browser, address)
        here.ask(LEASE)
        here.page.get_by_role("button", name="New conversation").click()
        expect(here.page.locator("#past .opening")).to_be_visible()
        here.ask(LOAF, wait=False)
        here.page.wait_for_selector("#live .draft")
        here.page.locator("#conversations").get_by_role("button", name=LEASE).click()
        expect(here.page.locator("#past .question")).to_contain_text(LEASE)
        expect(here.page.locator("#live")).to_be_empty()
        expect(here.page.locator("#box .submit-button")).to_be_visible()
        here.page.wait_for_timeout(4000)
        expect(here.page.locator("#live")).to_be_empty()
        here.page.locator("#conversations").get_by_role("button", name=LOAF).click()
        expect(here.page.locator("#past .question")).to_contain_text(LOAF)
        expect(here.page.locator("#past .answer")).to_be_visible()
        here.close()
        assert here.errors == []


def test_whoever_comes_back_to_a_question_under_way_sees_it_go_on(browser: Browser, slow: Assistant) -> None:
    with served(slow) as address:
        here = Visit(browser, address)
        here.ask(LEASE, wait=False)
        here.page.wait_for_selector("#live .draft")
        here.page.get_by_role("button", name="New conversation").click()
        expect(here.page.locator("#live")).to_be_empty()
        here.page.locator("#conversations").get_by_role("button", name=LEASE).click()
        expect(here.page.locator("#box .stop-button")).to_be_visible()
        here.answered(LEASE)
        expect(here.page.locator("#past .question, #live .question")).to_have_count(1)
        expect(here.page.locator("#box .submit-button")).to_be_visible()
        here.close()
        assert here.errors == []


def test_what_is_sent_while_an_answer_is_written_stays_in_the_box(browser: Browser, slow: Assistant) -> None:
    with served(slow) as address:
        here = Visit(browser, address)
        here.ask(LEASE, wait=False)
        here.page.wait_for_selector("#live .draft")
        here.page.fill("#box textarea", LOAF)
        here.page.keyboard.press("Enter")
        here.answered(LEASE)
        expect(here.page.locator("#box textarea")).to_have_value(LOAF)
        here.page.locator("#box textarea").press("Enter")
        here.answered(LOAF)
        here.close()
        assert here.errors == []


def test_reload_back_and_forward_find_the_conversation_again(browser: Browser, own_copy: Path) -> None:
    with Assistant(own_copy, llm="none") as locus, served(locus) as address:
        here = Visit(browser, address)
        here.ask(LEASE)
        expect(here.page).to_have_url(re.compile("#conversation-1$"))
        here.page.get_by_role("button", name="New conversation").click()
        expect(here.page.locator("#box textarea")).to_be_focused()
        here.ask(LOAF)
        expect(here.page).to_have_url(re.compile("#conversation-2$"))
        here.reload()
        expect(here.page.locator("#past .question")).to_contain_text(LOAF)
        here.page.go_back()
        expect(here.page.locator("#past .opening")).to_be_visible()
        here.page.go_back()
        expect(here.page.locator("#past .question")).to_contain_text(LEASE)
        here.page.go_forward()
        here.page.go_forward()
        expect(here.page.locator("#past .question")).to_contain_text(LOAF)
        here.close()
        assert here.errors == []


def test_a_conversation_that_another_tab_has_deleted_is_gone_on_with_as_a_new_one(
    browser: Browser, own_copy: Path
) -> None:
    with Assistant(own_copy, llm="none") as locus, served(locus) as address:
        here = Visit(browser, address)
        here.ask(LEASE)
        [first] = locus.conversations.all()
        locus.conversations.delete(first.id)
        here.ask(LOAF)
        expect(here.page.locator("#live .said")).to_be_visible()
        assert [each.title for each in locus.conversations.all()] == [LOAF]
        here.close()
        assert here.errors == []


def test_a_file_dropped_anywhere_on_the_page_goes_to_where_files_are_taken(browser: Browser, own_copy: Path) -> None:
    with Assistant(own_copy, llm="none") as locus, served(locus) as address:
        here = Visit(browser, address)
        here.page.evaluate(DROP, ["#past", "shed.txt", SHED])
        expect(here.page.locator("#given")).to_contain_text("shed.txt is added to the library")
        here.page.locator("#box textarea").press("Enter")
        expect(here.page.locator("#live")).to_contain_text("shed.txt is in the library now, 1 passage")
        expect(here.page.locator("#live .next")).to_be_visible()
        expect(here.page.locator("#given")).to_be_empty()
        here.page.get_by_role("tab", name="Library").click()
        here.page.evaluate(DROP, ["#library-numbers", "boat.txt", "The boat lies in the reeds."])
        expect(here.page.locator("#library-work")).to_contain_text("Adding boat.txt")
        expect(here.page.locator("#library-files")).to_contain_text("boat.txt")
        here.close()
        assert here.errors == []


def test_an_empty_library_offers_the_sample_also_after_a_question(browser: Browser, tmp_path: Path) -> None:
    with Assistant(tmp_path / "library", llm="none") as locus, served(locus) as address:
        here = Visit(browser, address)
        offer = here.page.locator("#past").get_by_role("button", name="Add the sample library")
        shade = offer.evaluate("at => getComputedStyle(at).backgroundColor")
        assert shade == "rgb(11, 107, 98)"  # it looks like a button
        here.ask(LEASE)
        expect(here.page.locator("#live").get_by_role("button", name="Add the sample library")).to_be_visible()
        note = tmp_path / "note.txt"
        note.write_text(SHED)
        here.page.get_by_role("button", name="New conversation").click()
        expect(here.page.locator("#past .welcome")).to_be_visible()
        locus.add(note)
        here.page.get_by_role("tab", name="Search").click()
        here.page.get_by_role("tab", name="Ask").click()
        expect(here.page.locator("#past .opening")).to_contain_text("holds 1 file.")
        here.close()
        assert here.errors == []


def test_a_question_as_long_as_a_page_leaves_room_for_its_answer(browser: Browser, own_copy: Path) -> None:
    with Assistant(own_copy, llm="none") as locus, served(locus) as address:
        here = Visit(browser, address)
        here.ask(f"{LEASE} " * 150, wait=False)
        here.page.wait_for_selector("#live .answer:not(.busy)", timeout=60_000)
        box = here.page.locator("#live .question p.long").bounding_box()
        assert box is not None and box["height"] < 260
        here.close()
        assert here.errors == []
