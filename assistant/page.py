"""The page of an assistant, found by name.

The page stands above the assistant and imports it; that the assistant can nevertheless open it is a convenience to
people, who know only this package. So nothing here is imported from it, and without it everything else works.
"""

from __future__ import annotations

import importlib
import threading
import webbrowser
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from assistant.api import Assistant


class Page(Protocol):
    """A page that is being served."""

    url: str
    """What people open."""
    is_loopback: bool
    """Whether only this machine reaches it."""

    def wait(self, timeout_s: float | None = None) -> bool:
        """Waits until the page is served no longer; whether that is so."""

    def close(self) -> None:
        """Ends it; the assistant stays open."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def start(
    locus: Assistant, *, host: str, port: int | None, password: str, max_upload_mb: int, open_browser: bool
) -> Page:
    """Serves the page; see ``Assistant.ui``."""
    server = importlib.import_module("ui.server")
    page: Page = server.start(locus, host=host, port=port, password=password, max_upload_mb=max_upload_mb)
    if open_browser:
        threading.Thread(target=_open, args=(page.url,), name="locus-browser", daemon=True).start()
    return page


def _open(url: str) -> None:
    """Opens a browser in a window; one that would take the terminal is left alone, and so is a machine without."""
    try:
        browser = webbrowser.get()
        if type(browser) is not webbrowser.GenericBrowser:
            browser.open(url)
    except webbrowser.Error:
        pass
