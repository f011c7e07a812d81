"""The page in a real browser, on the sample library, with the bundled models.

Starts its servers itself. Every visit is watched: what it asks other hosts for, and every error that the browser tells.
"""

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pages import CHROMIUM, NO_CHROMIUM, Visit, launched, served
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from assistant import Assistant

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:gradio.*"),
]
DATA = Path(__file__).parents[2] / "data" / "library"
MODELS = Path(__file__).parents[1] / "models"
LEASE = "When does our water lease end?"


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    with launched(playwright) as opened:
        yield opened


@pytest.fixture(scope="module")
def url(sample_library: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page of a copy of the sample library, with the bundled language model."""
    root = tmp_path_factory.mktemp("page") / "library"
    shutil.copytree(sample_library, root)
    with Assistant(root) as locus, served(locus) as address:
        yield address


@pytest.fixture
def visit(browser: Browser, url: str) -> Iterator[Callable[..., Visit]]:
    """Opens the page in a tab; afterwards, no tab has asked another host for anything or told an error."""
    opened: list[Visit] = []

    def open_it(address: str = url, **options: Any) -> Visit:
        opened.append(Visit(browser, address, **options))
        return opened[-1]

    yield open_it
    for each in opened:
        each.close()
        assert each.foreign == []
        assert each.errors == []


def test_an_answer_streams_with_its_citations(visit: Callable[..., Visit]) -> None:
    here = visit()
    here.page.evaluate(
        """() => { window.shown = []; new MutationObserver(() => {
            const now = document.querySelector('#live .doing')?.textContent;
            if (now && window.shown.at(-1) !== now) window.shown.push(now);
        }).observe(document.body, {subtree: true, childList: true, characterData: true}); }"""
    )
    here.ask(LEASE)
    expect(here.page.locator("#live .said")).to_contain_text("28 September 2046")
    sentences = here.page.locator("#live .sentence")
    assert sentences.count() >= 1
    for sentence in sentences.all():
        assert sentence.locator("button.chip").count() >= 1
    shown = here.page.evaluate("window.shown")
    assert any(doing.startswith("Searching") for doing in shown)
    assert any(doing.startswith("Reading 8 passages from ") for doing in shown)
    expect(here.page.locator("#live .account")).to_contain_text("read 8 passages")


def test_a_citation_of_a_pdf_opens_its_page_with_the_passage_marked(visit: Callable[..., Visit]) -> None:
    here = visit()
    here.ask(LEASE)
    here.page.locator("#live .card", has_text="28 September 2046").first.click()
    picture = here.page.locator("#source figure img")
    expect(picture).to_have_attribute("alt", "Page 2 of water-lease.pdf")
    here.page.wait_for_function("document.querySelector('#source figure img').naturalWidth > 400")
    place = json.loads(here.page.locator("#live .card", has_text="2046").first.get_attribute("data-place") or "")
    page, marks = picture.bounding_box(), here.page.locator("#source .canvas rect.mark").all()
    assert page is not None and len(marks) == len(place["locator"]["boxes"]) == 2
    for mark, box in zip(marks, place["locator"]["boxes"], strict=True):
        seen = mark.bounding_box()
        assert seen is not None
        assert (seen["x"] - page["x"]) / page["width"] == pytest.approx(box[0], abs=0.02)
        assert (seen["y"] - page["y"]) / page["height"] == pytest.approx(box[1], abs=0.02)
        assert seen["width"] / page["width"] == pytest.approx(box[2] - box[0], abs=0.04)
    here.page.get_by_role("button", name="Next ›").click()
    expect(picture).to_have_attribute("alt", "Page 3 of water-lease.pdf")
    assert here.page.locator("#source .canvas rect.mark").count() == 0


def test_a_citation_of_a_recording_plays_from_its_second(visit: Callable[..., Visit]) -> None:
    here = visit()
    here.ask("Who freed the seized spill hatch?")
    here.page.locator("#live .chip").first.click()
    here.page.wait_for_function("document.querySelector('#source audio')?.currentTime > 29")
    assert here.page.evaluate("document.querySelector('#source audio').currentTime") < 35
    expect(here.page.locator("#source .transcript .cited")).to_contain_text("Nora Whitlock")
    here.page.locator("#source .transcript button", has_text="In February 2025").click()
    here.page.wait_for_function("document.querySelector('#source audio').currentTime >= 46")


def test_a_citation_of_a_picture_outlines_its_region(visit: Callable[..., Visit]) -> None:
    here = visit()
    here.ask("What does a spelt loaf cost?")
    card = here.page.locator("#live .card", has_text="bread-table.jpg").first
    place = json.loads(card.get_attribute("data-place") or "")
    assert place["locator"]["kind"] == "region"
    here.page.wait_for_function("document.querySelector('#live .card.image img').naturalWidth > 100")
    card.click()
    here.page.wait_for_function("document.querySelector('#source figure img')?.naturalWidth > 200")
    picture = here.page.locator("#source figure img").bounding_box()
    outline = here.page.locator("#source .canvas rect.mark").bounding_box()
    assert picture is not None and outline is not None
    left, top, _, bottom = place["locator"]["box"]
    assert (outline["x"] - picture["x"]) / picture["width"] == pytest.approx(left, abs=0.02)
    assert (outline["y"] - picture["y"]) / picture["height"] == pytest.approx(top, abs=0.02)
    assert outline["height"] / picture["height"] == pytest.approx(bottom - top, abs=0.04)


def test_search_shows_places_by_kind_without_a_language_model(visit: Callable[..., Visit]) -> None:
    here = visit()
    here.page.get_by_role("tab", name="Search").click()
    here.page.fill("#search-query", "red bicycle at the door")
    here.page.keyboard.press("Enter")
    results = here.page.locator("#search-results")
    expect(results.get_by_role("heading", name="Pictures")).to_be_visible()
    picture = results.locator(".card.image", has_text="red-bicycle.jpg")
    picture.first.click()
    expect(here.page.locator("#source h2")).to_contain_text("red-bicycle.jpg")
    here.page.wait_for_function("document.querySelector('#source figure img')?.naturalWidth > 200")


def test_it_abstains_and_shows_what_is_nearest(visit: Callable[..., Visit]) -> None:
    here = visit()
    here.ask("What is the password of the wireless network at the mill?")
    expect(here.page.locator("#live .abstained .said")).to_contain_text("does not seem to hold the answer")
    expect(here.page.locator("#live .sources")).to_have_text("The nearest passages, which may not answer it")
    assert here.page.locator("#live .card").count() >= 1


def test_a_follow_up_is_understood_and_conversations_are_kept_renamed_exported_and_deleted(
    visit: Callable[..., Visit],
) -> None:
    here = visit()
    here.ask("How much money did the open days bring in in 2024?")
    here.ask("And in 2023?")
    expect(here.page.locator("#live .understood")).to_contain_text("bring in in 2023?")
    here.reload()
    listed = here.page.locator("#conversations")
    listed.get_by_role("button", name="How much money did").first.click()
    expect(here.page.locator("#past .question")).to_have_count(2)
    listed.locator(".open .more > summary").click()
    with here.page.expect_download() as download:
        listed.get_by_text("Export as Markdown").click()
    exported = Path(download.value.path()).read_text(encoding="utf-8")
    assert "## And in 2023?" in exported and "mill-money.xlsx" in exported
    listed.locator(".open input[name=title]").fill("Money of the mill <b>")
    listed.get_by_role("button", name="Rename").click()
    expect(listed.locator(".open .title")).to_contain_text("Money of the mill <b>")
    listed.locator(".open .more > summary").click()
    listed.locator(".open .sure > summary").click()
    listed.get_by_role("button", name="Delete conversation").click()
    expect(listed).not_to_contain_text("Money of the mill")
    expect(here.page.locator("#past")).to_contain_text("Ask your files")


def test_the_keyboard_alone_asks_opens_and_comes_back(visit: Callable[..., Visit]) -> None:
    here = visit()
    here.page.keyboard.press("/")
    here.page.keyboard.type(LEASE)
    here.page.keyboard.press("Enter")
    here.answered(LEASE)
    here.page.locator("#live .chip").first.focus()
    here.page.keyboard.press("Enter")
    expect(here.page.locator("#source h2")).to_be_focused()
    here.page.keyboard.press("Escape")
    expect(here.page.locator("#source article")).to_have_count(0)
    expect(here.page.locator("#live .chip").first).to_be_focused()


def background(page: Page) -> list[int]:
    told = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return [int(part) for part in told.removeprefix("rgb(").removesuffix(")").split(",")]


def test_it_is_dark_where_the_system_is_or_the_settings_say_so(
    visit: Callable[..., Visit], sample_library: Path
) -> None:
    assert min(background(visit().page)) > 200
    here = visit(dark=True)
    here.page.wait_for_selector("body.dark")
    here.page.wait_for_function("getComputedStyle(document.body).backgroundColor === 'rgb(23, 22, 20)'")
    with Assistant(sample_library, llm="none", theme="dark") as locus, served(locus) as address:
        other = visit(address)
        other.page.wait_for_function("getComputedStyle(document.body).backgroundColor === 'rgb(23, 22, 20)'")
        other.close()  # before its server


@pytest.mark.parametrize("width", [360, 1920])
def test_nothing_is_cut_off_at_any_width(visit: Callable[..., Visit], width: int) -> None:
    here = visit(width=width, height=740)
    here.ask(LEASE)
    for tab in ("Ask", "Search", "Library", "Settings"):
        here.page.get_by_role("tab", name=tab).click()
        here.page.wait_for_timeout(300)
        assert here.page.evaluate("document.documentElement.scrollWidth") <= width, tab
    here.page.get_by_role("tab", name="Ask").click()
    here.page.locator("#live .chip").first.click()
    here.page.wait_for_selector("#source article")
    box = here.page.locator("#source article").bounding_box()
    assert box is not None and box["width"] <= width
    if width == 360:
        assert box["width"] > 330  # it covers the screen


@pytest.mark.parametrize("dark", [False, True])
def test_nothing_serious_keeps_people_out(visit: Callable[..., Visit], dark: bool) -> None:
    here = visit(dark=dark)
    here.ask(LEASE)
    here.page.locator("#live .chip").first.click()
    here.page.wait_for_selector("#source article")
    here.page.locator("#live summary").click()
    assert here.serious() == []
    here.ask("Who freed the seized spill hatch?")
    here.page.locator("#live .chip").first.click()
    here.page.wait_for_selector("#source audio")
    here.page.get_by_role("tab", name="Search").click()
    here.page.fill("#search-query", "red bicycle")
    here.page.keyboard.press("Enter")
    here.page.wait_for_selector("#search-results .card")
    assert here.serious() == []
    for tab in ("Library", "Settings"):
        here.page.get_by_role("tab", name=tab).click()
        here.page.wait_for_timeout(800)
        assert here.serious() == [], tab


def test_stopping_ends_the_answer(browser: Browser, written_by: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with written_by(lambda _: "word " * 100_000) as locus, served(locus) as address:
        fast = locus._parts.llm.stream

        def slow(*args: Any, **options: Any) -> Iterator[str]:
            for word in fast(*args, **options):
                time.sleep(0.05)
                yield word

        monkeypatch.setattr(locus._parts.llm, "stream", slow)
        here = Visit(browser, address)
        here.ask(LEASE, wait=False)
        here.page.wait_for_selector("#live .draft")
        here.page.locator("#box .stop-button").click()
        expect(here.page.locator("#live .stopped")).to_contain_text("Stopped")
        expect(here.page.locator("#box .submit-button")).to_be_visible()
        assert len(locus._parts.llm.written) < 200
        here.close()
        assert here.foreign == [] and here.errors == []


def test_a_dropped_file_is_indexed_and_answers(browser: Browser, own_copy: Path, tmp_path: Path) -> None:
    note = tmp_path / "shed.txt"
    note.write_text("The lease of the boat shed ends on 3 March 2031.\n")
    with Assistant(own_copy, llm="none") as locus, served(locus) as address:
        here = Visit(browser, address)
        here.page.locator("#box input[type=file]").set_input_files(note)
        expect(here.page.get_by_role("listitem", name="File thumbnail")).to_be_visible()
        here.ask("When does the lease of the boat shed end?")
        expect(here.page.locator("#live .said")).to_contain_text("3 March 2031")
        assert [Path(each.path).name for each in locus.files() if "shed" in each.path] == ["shed.txt"]
        here.page.locator("#live .chip").first.click()
        expect(here.page.locator("#source h2")).to_contain_text("shed.txt")
        here.close()
        assert here.foreign == [] and here.errors == []


def test_a_question_is_spoken(playwright: Playwright, own_copy: Path) -> None:
    settings = {"llm": "none", "speech_model_path": MODELS / "whisper"}
    with (
        launched(playwright, hears=MODELS / "talk.wav") as browser,
        Assistant(own_copy, **settings) as locus,
        served(locus) as address,
    ):
        here = Visit(browser, address)
        here.page.get_by_role("button", name="Record audio").click()
        here.page.wait_for_selector("#box [aria-label='Stop recording']")
        here.page.wait_for_timeout(5000)
        here.page.get_by_role("button", name="Stop recording").click()
        expect(here.page.locator("#given")).to_contain_text("is your question")
        here.page.locator("#box .submit-button").click()
        expect(here.page.locator("#live .question")).to_contain_text("ferry", timeout=30_000)
        expect(here.page.locator("#live .answer:not(.busy)")).to_be_visible(timeout=30_000)
        here.close()
        assert here.foreign == [] and here.errors == []


def test_a_watched_folder_shows_its_files_without_a_reload(browser: Browser, own_copy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "Inbox"
    folder.mkdir()
    (folder / "first.txt").write_text("The ferry leaves at nine.\n")
    with Assistant(own_copy, llm="none") as locus, served(locus) as address:
        here = Visit(browser, address)
        here.page.get_by_role("tab", name="Library").click()
        form = here.page.locator("#library-put form")
        form.locator("input[name=file]").fill(str(folder))
        form.locator("input[name=watch]").check()
        form.get_by_role("button", name="Add").click()
        files = here.page.locator("#library-files")
        expect(files).to_contain_text("first.txt", timeout=30_000)
        expect(here.page.locator("#library-folders")).to_contain_text(str(folder))
        (folder / "second.txt").write_text("The lighthouse was built in 1888.\n")
        expect(files).to_contain_text("second.txt", timeout=30_000)
        (folder / "first.txt").unlink()
        expect(files).not_to_contain_text("first.txt", timeout=30_000)
        here.close()
        assert here.foreign == [] and here.errors == []


def test_an_empty_library_says_what_to_do_and_takes_in_the_sample(browser: Browser, tmp_path: Path) -> None:
    with Assistant(tmp_path / "library", llm="none") as locus, served(locus) as address:
        here = Visit(browser, address)
        expect(here.page.locator("#past")).to_contain_text("Your library is empty")
        here.page.get_by_role("button", name="Add the sample library").first.click()
        suggestion = here.page.locator("#past .suggestion").first
        expect(suggestion).to_be_visible(timeout=120_000)
        suggestion.click()
        expect(here.page.locator("#live .said")).to_contain_text("28 September 2046", timeout=60_000)
        here.close()
        assert here.foreign == [] and here.errors == []


# --- nothing calls out, nothing gets in -----------------------------------------------------------


@pytest.fixture
def canary() -> Iterator[tuple[str, list[str]]]:
    """A server on another port, and every address that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def test_no_answer_and_no_name_makes_the_browser_call_out(
    browser: Browser, own_copy: Path, tmp_path: Path, fake_llm: Any, canary: tuple[str, list[str]]
) -> None:
    address, asked = canary
    folder = tmp_path / "evil"
    folder.mkdir()
    markup = (
        f'<img src="{address}/img"><script src="{address}/js"></script><style>@import "{address}/css"</style>'
        f'![x]({address}/md) <svg onload="fetch(\'{address}/svg\')"> {{{{value}}}} ${{fetch("{address}/tpl")}}'
    )
    name = f"<img src=x onerror=fetch('{address.replace('/', '⁄')}')>.txt"
    (folder / name).write_text(f"The zebra password is {markup} as everybody knows.\n")
    (folder / "page.html").write_text(f"<title>{markup}</title><p>The zebra crossing {markup} is closed.</p>")
    (folder / "table.csv").write_text(f'zebra,"{markup.replace(chr(34), chr(34) * 2)}"\nstripe,2\n')
    with Assistant(own_copy, llm="none", llm_small="false") as locus:
        vars(locus._parts)["llm"] = fake_llm(lambda _: f"The zebra password is {markup} [1].")
        locus.add(folder)
        with served(locus) as url:
            here = Visit(browser, url)
            dialogs: list[str] = []
            here.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
            here.ask(f"What is the zebra password {markup}?")
            for card in here.page.locator("#live ol.cards .card").all()[:4]:
                card.click()
                here.page.wait_for_selector("#source article")
                here.page.wait_for_timeout(200)
            here.page.get_by_role("tab", name="Search").click()
            here.page.fill("#search-query", f"zebra {markup}"[:900])
            here.page.keyboard.press("Enter")
            here.page.wait_for_selector("#search-results .card")
            here.page.get_by_role("tab", name="Library").click()
            expect(here.page.locator("#library-files")).to_contain_text("page.html")
            assert here.page.locator("img[src=x], svg[onload], #main style, #source style").count() == 0
            here.close()
            # Even what would try is kept from it by the browser: nobody but the page is asked.
            assert asked == [] and here.foreign == [] and dialogs == []


def test_another_site_can_neither_read_nor_write_nor_frame_the_page(
    browser: Browser, url: str, canary: tuple[str, list[str]]
) -> None:
    address, _ = canary
    context = browser.new_context()
    page = context.new_page()
    page.goto(address)
    told = page.evaluate(
        """async (url) => {
            const tries = {};
            for (const [name, path, options] of [
                ['read', '', {}],
                ['config', 'config', {}],
                ['join', 'gradio_api/queue/join', {method: 'POST', body: '{}'}],
                ['upload', 'gradio_api/upload', {method: 'POST', body: new FormData()}],
                ['document', 'documents/1/original', {}],
            ]) {
                try { tries[name] = (await fetch(url + path, options)).status; } catch { tries[name] = 'refused'; }
                try {
                    const answer = await fetch(url + path, {...options, mode: 'no-cors'});
                    tries[name + ' blind'] = answer.type;
                } catch { tries[name + ' blind'] = 'refused'; }
            }
            const frame = document.createElement('iframe');
            frame.src = url;
            document.body.append(frame);
            await new Promise((done) => { frame.onload = done; setTimeout(done, 3000); });
            try { tries.frame = frame.contentDocument === null ? 'refused' : frame.contentDocument.title; }
            catch { tries.frame = 'refused'; }
            const image = new Image();
            tries.image = await new Promise((done) => {
                image.onload = () => done('loaded'); image.onerror = () => done('refused');
                image.src = url + 'documents/1/thumbnail?width=100';
            });
            return tries;
        }""",
        url,
    )
    context.close()
    assert {told[name] for name in ("read", "config", "join", "upload", "document", "frame", "image")} == {"refused"}
