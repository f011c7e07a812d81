"""Serving the page and driving a browser, for tests and benchmarks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Playwright, Request, sync_playwright

from assistant import Assistant

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NO_CHROMIUM = "there is no Chromium here (on Debian: apt install chromium)"
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)
"""A browser that asks for nothing by itself, so that what it asks for is the page's doing."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser, where none is open yet."""
    with sync_playwright() as playwright, launched(playwright) as browser:
        yield browser


@contextmanager
def launched(playwright: Playwright, *, hears: Path | None = None) -> Iterator[Browser]:
    """A headless browser; its microphone hears the WAV file ``hears``."""
    options = [*_QUIET]
    if hears is not None:
        options += ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
        options += [f"--use-file-for-fake-audio-capture={hears}"]
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
    try:
        yield browser
    finally:
        browser.close()


@contextmanager
def served(locus: Assistant) -> Iterator[str]:
    """The address at which the page of an assistant is served."""
    with locus.ui(port=0, open_browser=False, block=False) as page:
        yield page.url


class Visit:
    """A page in a tab of its own, with every address that it asked for and every error that it told.

    Args:
        browser: in which.
        url: of the page.
        width: of the window, in pixels.
        dark: whether the system prefers dark.
    """

    def __init__(self, browser: Browser, url: str, *, width: int = 1280, height: int = 800, dark: bool = False) -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", accept_downloads=True
        )
        self.page: Page = self.context.new_page()
        self.requested: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", self._asked)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.page.goto(url)
        self.page.wait_for_selector("#box textarea")
        self._host = urlsplit(url).netloc

    def _asked(self, request: Request) -> None:
        self.requested.append(request.url)

    @property
    def foreign(self) -> list[str]:
        """Addresses of other hosts that were asked for."""
        return [
            url
            for url in self.requested
            if urlsplit(url).scheme in ("http", "https", "ws", "wss") and urlsplit(url).netloc != self._host
        ]

    def ask(self, question: str, *, wait: bool = True) -> None:
        """Types a question and sends it; waits until it has been answered."""
        self.page.fill("#box textarea", question)
        self.page.keyboard.press("Enter")
        if wait:
            self.answered(question)

    def answered(self, question: str) -> None:
        """Waits until a question has been answered, and the page has heard the last of it."""
        self.page.wait_for_function(
            "question => document.querySelector('#live .question')?.textContent.includes(question)"
            " && document.querySelector('#live .answer:not(.busy)') && document.querySelector('#box .submit-button')",
            arg=question,
            timeout=60_000,
        )

    def reload(self) -> None:
        """Loads the page anew, once Gradio has closed the stream of the last event: it complains of one that is cut."""
        self.page.wait_for_timeout(500)
        self.page.reload()

    def violations(self) -> list[dict[str, Any]]:
        """What axe-core finds on the page as it is now."""
        return list(Axe().run(self.page).response["violations"])

    def serious(self) -> list[str]:
        """What axe-core finds that keeps people out, a line each."""
        return [
            f"{each['id']}: {node['html'][:200]}"
            for each in self.violations()
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]

    def close(self) -> None:
        """Closes the tab; a second call does nothing."""
        if not self.page.is_closed():
            self.context.close()
