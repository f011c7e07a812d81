"""Makes the pictures of the page in the README: the sample library, asked in a real browser.

    python data/make_screenshots.py

Writes ``data/pictures/page-*.png``. Needs Chromium (on Debian: ``apt install chromium``).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from assistant import Assistant

DATA = Path(__file__).resolve().parent
PICTURES = DATA / "pictures"
SIZE = {"width": 1280, "height": 760}
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars"]


def opened(browser: Browser, url: str, *, dark: bool) -> Page:
    """The page in a new window."""
    page = browser.new_page(viewport=SIZE, color_scheme="dark" if dark else "light")  # type: ignore[arg-type]
    page.goto(url)
    page.wait_for_selector(".opening")
    return page


def ask(page: Page, question: str) -> None:
    """Asks, and waits for the answer."""
    page.fill("#box textarea", question)
    page.keyboard.press("Enter")
    page.wait_for_function(
        "question => document.querySelector('#live .question')?.textContent.includes(question)"
        " && document.querySelector('#live .answer:not(.busy)')",
        arg=question,
    )


def main() -> None:
    """Indexes the sample library once and takes both pictures."""
    with tempfile.TemporaryDirectory(prefix="locus-pictures-") as scratch, sync_playwright() as playwright:
        os.environ["HOME"] = scratch
        library = Path(scratch) / "Mill library"
        with Assistant(library, llm="none") as locus:
            locus.add(DATA / "library")
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
            with locus.ui(port=0, open_browser=False, block=False) as served:
                page = opened(browser, served.url, dark=False)
                ask(page, "When does our water lease end?")
                page.locator("#live .card", has_text="28 September 2046").click()
                page.mouse.move(0, 0)
                page.wait_for_function("document.querySelector('#source img')?.naturalWidth > 100")
                page.wait_for_timeout(800)
                page.screenshot(path=PICTURES / "page-lease.png")
                page = opened(browser, served.url, dark=True)
                ask(page, "Who freed the seized spill hatch?")
                page.locator("#live .chip").first.click()
                page.mouse.move(0, 0)
                page.wait_for_function("document.querySelector('#source audio')?.readyState > 0")
                page.wait_for_timeout(800)
                page.screenshot(path=PICTURES / "page-talk.png")
            browser.close()


if __name__ == "__main__":
    main()
