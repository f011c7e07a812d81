"""``locus ui``: the page in the browser, until it is interrupted."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from assistant import show
from assistant.cli_common import INTERRUPTED, opened
from indexers.errors import UsageError

_SLOW_S = 1.5
_LONGEST_BYTES = 4096


def ui(
    context: typer.Context,
    host: Annotated[
        str, typer.Option("--host", metavar="H", help="Serve other machines too, at this address; needs a password.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option("--port", metavar="P", help="[default: 7860, or the next that is free]")
    ] = None,
    ask_password: Annotated[
        bool, typer.Option("--password", help="Ask here for a password, which the page then asks for.")
    ] = False,
    password_file: Annotated[
        Path | None, typer.Option("--password-file", metavar="F", help="Take the password from a file's first line.")
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser.")] = False,
) -> None:
    """Open the page: ask, see, and open every source at its place. Serves this machine alone unless told otherwise."""
    if ask_password and password_file is not None:
        raise UsageError("give --password or --password-file, not both")
    password = _from_file(password_file) if password_file is not None else None
    if ask_password:
        password = str(typer.prompt("Password of the page", hide_input=True, confirmation_prompt=True, err=True))
    codes: list[int] = []
    ended = threading.Event()

    def end(number: int, _frame: FrameType | None) -> None:
        codes.append(128 + number)
        if not ended.is_set():
            ended.set()
            if number == signal.SIGINT:
                slow.start()
        # What was stored is safe however this ends: who can not wait for what is under way may kill it.
        signal.signal(number, signal.SIG_DFL)

    slow = threading.Timer(_SLOW_S, show.note, ["storing what is under way; once more ends it at once"])
    slow.daemon = True

    with opened(context, create=True) as locus:
        before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            with locus.ui(host=host, port=port, password=password, open_browser=not no_browser, block=False) as page:
                show.note(f"Locus is at {page.url} (Ctrl-C ends it)")
                while not (ended.wait(0.2) or page.wait(0)):
                    pass
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    slow.cancel()
    # Asked to end by whoever started it: that is how serving ends.
    if codes and codes[0] == INTERRUPTED:
        raise typer.Exit(INTERRUPTED)


def _from_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            line = file.readline(_LONGEST_BYTES)
        # Editors on Windows put a byte order mark before UTF-8.
        password = line.decode("utf-8-sig").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the password file {path} can not be read: {error}") from error
    if not password:
        raise UsageError(f"the password file {path} begins with an empty line; write the password in it")
    return password
