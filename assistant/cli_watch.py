"""``locus watch``: the library kept in step with folders, told line by line, until it is interrupted."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from assistant import show
from assistant.cli_common import INTERRUPTED, Json, opened
from indexers.errors import UsageError
from indexers.reports import AddReport


def watch(
    context: typer.Context,
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="[DIR]…", help="Folders to watch; none: those named before.")
    ] = None,
    poll: Annotated[
        bool, typer.Option("--poll", help="Look again and again, where the system is told of no changes.")
    ] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Watch these folders no longer, and end.")] = False,
    which: Annotated[bool, typer.Option("--list", help="Show which folders are watched, and end.")] = False,
    as_json: Json = False,
) -> None:
    """Keep the library in step with folders, until interrupted. The folders are remembered."""
    named = folders or []
    with opened(context, create=not (forget or which)) as locus:
        if which:
            show.listed(locus.watched(), as_json=as_json)
        elif forget:
            if not locus.unwatch(named):
                raise UsageError("none of these folders is watched; see: locus watch --list")
        else:
            ended = threading.Event()

            def end(number: int, _frame: FrameType | None) -> None:
                codes.append(128 + number)
                ended.set()

            codes: list[int] = []
            before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
            try:
                with locus.watch(named, poll=poll, on_report=_told(as_json), on_note=show.note) as watching:
                    show.note(f"watching {', '.join(locus.watched())}; Ctrl-C ends it")
                    while not (ended.wait(0.2) or watching.wait(0)):
                        pass
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)
            # Asked to end by whoever started it: that is how watching ends.
            if codes and codes[0] == INTERRUPTED:
                raise typer.Exit(INTERRUPTED)


def _told(as_json: bool) -> Callable[[AddReport], None]:
    def on_report(report: AddReport) -> None:
        if as_json:
            for file in report.files:
                if file.change != "unchanged":
                    sys.stdout.write(json.dumps(file.to_dict(), ensure_ascii=False) + "\n")
            sys.stdout.flush()
        else:
            show.synced(report)

    return on_report
