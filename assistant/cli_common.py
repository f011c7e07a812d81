"""What the commands share: the library that was asked for, filters, and interrupts that are heeded."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, ParamSpec

import typer

from assistant import show
from assistant.api import Assistant
from indexers.types import MEDIA

_State = ParamSpec("_State")

INTERRUPTED = 130

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
MediaOption = Annotated[
    str | None, typer.Option("--media", metavar="KINDS", help=f"Only these, with commas between: {','.join(MEDIA)}.")
]
Under = Annotated[Path | None, typer.Option("--under", metavar="P", help="Only this file, or files below this folder.")]

Since = Annotated[
    datetime | None,
    typer.Option(
        "--since", metavar="DAY", formats=["%Y-%m-%d"], help="Only what is of this day (2024-05-17) or later."
    ),
]
Until = Annotated[
    datetime | None,
    typer.Option("--until", metavar="DAY", formats=["%Y-%m-%d"], help="Only what is of this day or earlier."),
]


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


def kinds(media: str | None) -> list[str] | None:
    """The kinds that ``--media`` names."""
    return None if media is None else [kind.strip() for kind in media.split(",") if kind.strip()]


def why_nothing(locus: Assistant, media: str | None, under: Path | None, *, is_dated: bool = False) -> None:
    """A hint where nothing could be found: the library is empty, or a filter leaves nothing of it."""
    if not locus.files():
        show.note("the library is empty; fill it with: locus add PATH")
    elif under is not None and not locus.files(under=under):
        show.note(f"the library holds nothing at {under}; see: locus files")
    elif media is not None and not locus.files(media=kinds(media), under=under):
        show.note(f"the library holds no files of this kind: {media}")
    elif is_dated:
        show.note("perhaps nothing in the library is of these days: try without --since and --until")


@contextmanager
def heeded(on_progress: Callable[_State, None] | None) -> Iterator[Callable[_State, None]]:
    """Ends work that was begun at its next sign of progress, when what is being embedded is stored; twice, at once.

    Heeds Ctrl-C, and the signal by which a system asks programs to end.
    """
    begun, pressed = threading.Event(), threading.Event()

    def press(_signal: int, _frame: object) -> None:
        if pressed.is_set() or not begun.is_set():
            pressed.set()
            raise KeyboardInterrupt
        pressed.set()
        show.note("storing what is under way; once more ends it at once")

    def heeding(*state: _State.args, **named: _State.kwargs) -> None:
        # Also where a library has swallowed the interrupt, as torch's export does.
        if pressed.is_set():
            raise KeyboardInterrupt
        begun.set()
        if on_progress is not None:
            on_progress(*state, **named)

    before = {each: signal.signal(each, press) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield heeding
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
