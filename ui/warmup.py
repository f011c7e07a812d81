"""Loading the models behind the page, so that the first question is quick."""

from __future__ import annotations

import threading

from assistant.api import Assistant
from indexers.errors import LocusError

_LATEST_S = 3.0
"""When loading begins though no browser has come."""
_DRAWN_S = 1.0
"""How long a browser that has the page is left to draw it."""


class Warmup:
    """Loads the models of an assistant in a thread of its own.

    Args:
        locus: whose models.
    """

    def __init__(self, locus: Assistant) -> None:
        self._locus = locus
        self._state = ""
        self._may_begin = threading.Event()
        self._stopping = threading.Event()
        self._done = threading.Event()

    @property
    def state(self) -> str:
        """What is being loaded, in words for people; "" before and after."""
        return self._state

    @property
    def is_done(self) -> bool:
        """Whether everything was loaded, or could not be."""
        return self._done.is_set()

    def start(self) -> None:
        """Begins once ``hasten`` is called, and soon without. A missing model is told where it is needed, not here."""
        self._state = "Loading the models …"
        threading.Thread(target=self._run, name="locus-warmup", daemon=True).start()

    def hasten(self) -> None:
        """Begins now: a browser has the page. Until then, loading would take the cores from it."""
        self._may_begin.set()

    def stop(self) -> None:
        """Begins with nothing more; what is being loaded is loaded."""
        self._stopping.set()
        self._may_begin.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Waits for the end; whether it was reached."""
        return self._done.wait(timeout_s)

    def _run(self) -> None:
        def note(what: str) -> None:
            if self._stopping.is_set():
                raise _Stopped
            self._state = f"Loading {what} …"

        # A browser that has the page still draws it, and asks for the last of its files.
        if self._may_begin.wait(_LATEST_S):
            self._stopping.wait(_DRAWN_S)
        try:
            self._locus.warm_up(note)
        except (LocusError, _Stopped):
            # Whoever asks is told what is missing; that the page is there does not depend on it.
            pass
        finally:
            self._state = ""
            self._done.set()


class _Stopped(Exception):
    """Nothing more is to be loaded."""
