"""What the commands share: the library that was asked for, and interrupts that are heeded."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ParamSpec

import typer

from assistant.api import Assistant

_State = ParamSpec("_State")

INTERRUPTED = 130

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(slots=True)
class Options:
    """The options that come before any command."""

    library: Path | None = None
    debug: bool = False


@contextmanager
def opened(context: typer.Context, *, create: bool = False, **settings: Any) -> Iterator[Assistant]:
    """The assistant of a command; only ``add`` makes a library that is not there (a mistyped one stays unmade)."""
    options: Options = context.find_root().obj
    with Assistant(options.library, create=create, **settings) as locus:
        yield locus


@contextmanager
def heeded(on_progress: Callable[_State, None] | None) -> Iterator[Callable[_State, None]]:
    """Ends work at its next sign of progress even where a library swallowed the interrupt (as torch's export does)."""
    pressed = threading.Event()

    def press(_signal: int, _frame: object) -> None:
        pressed.set()
        raise KeyboardInterrupt

    def heeding(*state: _State.args, **named: _State.kwargs) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        if on_progress is not None:
            on_progress(*state, **named)

    before = signal.signal(signal.SIGINT, press)
    try:
        yield heeding
    finally:
        signal.signal(signal.SIGINT, before)
