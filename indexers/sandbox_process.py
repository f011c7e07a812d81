"""One child of the sandbox, seen from the parent: its process, its pipes, and what it is asked over them.

What it may take and what its end means for a file is the sandbox's to know.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, TypeAlias

from indexers.errors import LocusError
from indexers.kept import KEPT, KEPT_ANEW, Kept
from indexers.protocols import Source
from indexers.sandbox_child import HEAD, READY

Wish: TypeAlias = Mapping[str, str | float | None]

_START_S = 60.0
_ANSWER_BYTES = 2**31
"""A longer answer is not believed."""


class ChildDeathError(Exception):
    """The child ended without an answer. ``status``: as in ``Popen.returncode``; ``timed_out``: it was killed."""

    def __init__(self, status: int, *, timed_out: bool) -> None:
        super().__init__(f"exit status {status}")
        self.status = status
        self.timed_out = timed_out


class Child:
    """One child process and its pipes. Used by one thread at a time; ``end`` may be called from any."""

    def __init__(self, limits: str) -> None:
        # A file, not a pipe: nobody has to read it for the child to go on.
        with tempfile.TemporaryFile() as complaints:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                # -P: a json.py in the user's working directory is not to be imported.
                [sys.executable, "-P", "-m", "indexers.sandbox_child", limits],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env=_environment(),
                # Ctrl-C on the terminal is not for the children.
                start_new_session=True,
            )
            try:
                kind, _, _ = self._receive(_START_S, Kept())
                if kind != READY:
                    raise ChildDeathError(0, timed_out=False)
            except ChildDeathError as death:
                self.end()
                complaints.seek(0)
                lines = complaints.read().decode("utf-8", "replace").strip().splitlines()
                raise LocusError(
                    f"the process that reads files does not start: {lines[-1] if lines else death}"
                ) from death
            except BaseException:
                self.end()
                raise

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def ask(self, source: Source, wish: Wish, timeout_s: float, kept: Kept) -> tuple[bytes, bytes, bool]:
        """Kind and body of the answer, and whether the child wants to be replaced.

        What the child keeps of the file before it answers is put into ``kept``. ``wish`` is what the child's ``_serve``
        takes beside the file: nothing for its text, or what is to be decoded or shown of it.

        Raises:
            ChildDeathError: it ended, or was killed after ``timeout_s`` seconds.
        """
        request = {
            # File names are bytes on Linux; hex carries those that are no valid text.
            "paths": [os.fsencode(path.absolute()).hex() for path in (source.path, *source.beside)],
            "name": source.name,
            "format": source.format,
            **wish,
        }
        try:
            _pipe(self._process.stdin).write(json.dumps(request).encode("ascii") + b"\n")
            _pipe(self._process.stdin).flush()
        except OSError as error:
            raise ChildDeathError(self._wait(), timed_out=False) from error
        return self._receive(timeout_s, kept)

    def _receive(self, timeout_s: float, kept: Kept) -> tuple[bytes, bytes, bool]:
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            self._process.kill()

        # A timer rather than select(): pipes can not be selected on Windows.
        timer = threading.Timer(timeout_s, expire)
        timer.daemon = True
        timer.start()
        try:
            message = self._message(_ANSWER_BYTES)
            room = _ANSWER_BYTES
            while message is not None and message[0] in (KEPT, KEPT_ANEW):
                kept.take(*message[:2])
                room -= len(message[1])
                message = self._message(room)
            if message is not None:
                timer.cancel()
                kind, body, retire = message
                # Time may have run out this very moment: the answer stands, the child is gone.
                return kind, body, retire or expired.is_set()
        except (OSError, ValueError) as error:  # closed by another thread
            raise ChildDeathError(self._wait(), timed_out=expired.is_set()) from error
        finally:
            timer.cancel()
        raise ChildDeathError(self._wait(), timed_out=expired.is_set())

    def _message(self, most_bytes: int) -> tuple[bytes, bytes, bool] | None:
        """Kind, body and whether the child wants to be replaced; None if the message is cut off or too long."""
        answers = _pipe(self._process.stdout)
        head = answers.read(HEAD.size)
        if len(head) < HEAD.size:
            return None
        kind, retire, length = HEAD.unpack(head)
        body = answers.read(min(length, most_bytes))
        return (kind, body, retire) if len(body) == length else None

    def _wait(self) -> int:
        # Killed after a moment: a child may have closed its pipe and live on.
        try:
            return self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def end(self) -> None:
        """Kills the child; it holds nothing that has to be saved."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            # Closing stdin writes what is still buffered, to a reader that is no more.
            with suppress(OSError):
                _pipe(pipe).close()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise AssertionError("Popen was asked for this pipe")
    return pipe


def _environment() -> dict[str, str]:
    """Ours, with the import path as it is here and now, and libraries held to one thread."""
    root = str(Path(__file__).resolve().parent.parent)
    # "" is the working directory, where anything may lie about; relative entries would change their meaning.
    path = [root, *(entry for entry in sys.path if Path(entry).is_absolute() and entry != root)]
    # Threads of numeric libraries reserve address space by the core and speed up no parser.
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **threads, "PYTHONPATH": os.pathsep.join(path), "MALLOC_ARENA_MAX": "2"}
