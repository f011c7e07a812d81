"""Importing Gradio: quickly, silently, and without the means to fetch anything.

The variables by which Gradio and the libraries below it are told to be silent are set when an assistant is made, and
that of its folder by ``scratch``; both come before. What is here is to be called before any module that imports Gradio.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from types import ModuleType
from typing import Any, NoReturn

_importing = threading.Lock()


def import_gradio() -> None:
    """Imports Gradio. Safe to call from several threads, and again."""
    with _importing, _no_stubs():
        import gradio
        from gradio import processing_utils, queueing, utils

    async def refuse(*_arguments: object, **_named: object) -> NoReturn:
        raise gradio.Error("Locus fetches nothing from other machines.", print_exception=False)

    # A message to the page may name an address in place of an uploaded file, and Gradio would fetch it. All its ways
    # of fetching files come through this one.
    processing_utils.async_ssrf_protected_get = refuse
    _tell_errors_as_text(utils, queueing)


def _tell_errors_as_text(*modules: ModuleType) -> None:
    """Gradio shows an error's message as HTML: a file's name in it, say, could be a link, or a style for the page."""
    before = modules[0].error_payload
    if before.__module__ == __name__:
        return

    def error_payload(error: BaseException | None, show_error: bool) -> dict[str, Any]:
        told = before(error, show_error)
        return {**told, "error": escape(told["error"])} if isinstance(told["error"], str) else told

    for module in modules:
        module.error_payload = error_payload  # type: ignore[attr-defined]


@contextmanager
def _no_stubs() -> Iterator[None]:
    """Spares Gradio the stubs for type checkers, which it writes beside its own modules each time it is imported.

    They take more than half of the time. It writes none for classes of which Python does not know the file.
    """
    before = inspect.getfile

    def getfile(object: Any) -> str:
        if inspect.isclass(object) and object.__module__.startswith("gradio."):
            raise OSError(f"the file of {object.__qualname__} is not looked for")
        return before(object)

    inspect.getfile = getfile
    try:
        yield
    finally:
        inspect.getfile = before
