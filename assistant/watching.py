"""A library that is being kept in step with folders, by a thread of its own, until it is told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from indexers.watch import Watcher


class Watching:
    """What ``Assistant.watch`` gives; stopped by ``stop``, by the end of a ``with``, or when the assistant is closed.

    Args:
        watcher: what does the work.
        on_end: called once, from the thread, when the work has ended.
    """

    def __init__(self, watcher: Watcher, on_end: Callable[[], None] = lambda: None) -> None:
        self._watcher = watcher
        self._on_end = on_end
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="locus-watch", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether folders are watched still."""
        return self._thread.is_alive()

    def stop(self, patience_s: float | None = None) -> None:
        """Ends watching; what is being stored is stored, what is being read is left to the next time.

        Args:
            patience_s: how long to wait for the end, which the reading of one file may hold up; None: until it comes.
        """
        self._watcher.stop()
        if threading.current_thread() is not self._thread:
            self._thread.join(patience_s)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Waits until watching has ended; whether it has.

        Raises:
            LocusError: what made it end.
        """
        self._thread.join(timeout_s)
        if self._error is not None:
            raise self._error
        return not self._thread.is_alive()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            self._watcher.run()
        except BaseException as error:  # noqa: BLE001 - told by wait(), in the thread that asks
            self._error = error
        finally:
            self._on_end()
