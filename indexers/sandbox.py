"""Parsers in killable children: a hostile file can take its time, its memory or its process, never ours.

A child is a fresh interpreter (``indexers.sandbox_child``), not a fork: this process may hold threads, torch and
faiss. It stays warm and reads many files; it is replaced after a crash or a limit, when its memory has grown, and
after a number of files. What it sends back is decoded from JSON, never unpickled.

It does not know formats or recursion into attachments; which parser reads a file is decided in the child.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self, TypeVar

from indexers.decoded_codec import decode_decoded
from indexers.errors import (
    Broken,
    Empty,
    Encrypted,
    FileError,
    LocusError,
    TooLarge,
    Unreadable,
    Unsupported,
)
from indexers.parsed_codec import decode_parsed
from indexers.protocols import Source
from indexers.sandbox_child import DECODED, EXIT_OUT_OF_MEMORY, HEAD, OUT_OF_MEMORY, PARSED, READY, REFUSED
from indexers.types import Decoded, Parsed, Unread

_Answer = TypeVar("_Answer")

_REFUSALS: dict[str, type[FileError]] = {
    kind.__name__: kind for kind in (Encrypted, Empty, Unsupported, Broken, Unreadable, TooLarge)
}
_START_S = 60.0
_ANSWER_BYTES = 2**31
"""A longer answer is not believed."""
_CPU_SPENT = -int(getattr(signal, "SIGXCPU", 0)) or None
_CRASHED = "the reader crashed on it"


class Sandbox:
    """Reads files in children with limits on time, processor and memory.

    Usable from several threads at once: each call has a child to itself, and at most ``workers`` run at a time.

    Args:
        workers: the most children at work at once.
        timeout_s: seconds one file may take, by the wall clock and of processor time.
        memory_bytes: memory one child may hold; 0 for no limit. (Windows: not limited.)
        file_bytes: size of any file that a child may write.
        files_per_child: files after which a child is replaced.
        parser: ``"module:function"`` of one parser for every file instead of the registry's.
    """

    def __init__(
        self,
        *,
        workers: int = 1,
        timeout_s: float = 60.0,
        memory_bytes: int = 2 * 2**30,
        file_bytes: int = 2**30,
        files_per_child: int = 500,
        parser: str = "",
    ) -> None:
        self._timeout_s = timeout_s
        self._memory_bytes = memory_bytes
        self._limits = json.dumps(
            {
                "cpu_s": timeout_s,
                "memory_bytes": memory_bytes,
                "file_bytes": file_bytes,
                "files_per_child": files_per_child,
                "parser": parser,
            }
        )
        self._turns = threading.BoundedSemaphore(workers)
        self._lock = threading.Lock()
        self._children: set[_Child] = set()
        self._idle: list[_Child] = []
        self._closed = False

    def parse(self, source: Source) -> Parsed:
        """What the parser of ``source.format`` reads from the file.

        Raises:
            FileError: the parser refused it, or it took too much time or memory, or crashed the reader.
            LocusError: no child could be started; that is not the file's fault.
            RuntimeError: the sandbox is closed.
        """
        return self._asked(source, None, 0.0, PARSED, decode_parsed)

    def decode(self, source: Source, what: Unread, start: float) -> Decoded:
        """The portion of the file's pictures, sound or frames that begins at ``start``; raises as ``parse`` does."""
        return self._asked(source, what, start, DECODED, decode_decoded)

    def _asked(
        self, source: Source, what: Unread | None, start: float, wanted: bytes, read: Callable[[bytes], _Answer]
    ) -> _Answer:
        with self._turns:
            child = self._take()
            reusable = False
            try:
                kind, body, retire = child.ask(source, what, start, self._timeout_s)
                reusable = not retire
                return self._result(kind, body, wanted, read)
            except _ChildDeathError as death:
                if self._closed:
                    raise RuntimeError("the sandbox was closed") from death
                raise Broken(self._reason(death)) from death
            finally:
                self._give_back(child, reusable=reusable)

    def close(self) -> None:
        """Ends all children, also those at work. A second call does nothing."""
        with self._lock:
            self._closed = True
            children, self._idle = list(self._children), []
            self._children.clear()
        for child in children:
            child.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take(self) -> _Child:
        with self._lock:
            if self._closed:
                raise RuntimeError("the sandbox is closed")
            # The last used first: the fewest children stay warm, the others are never started.
            while self._idle:
                child = self._idle.pop()
                if child.alive:
                    return child
                self._children.discard(child)
                child.end()
        child = _Child(self._limits)
        with self._lock:
            if not self._closed:
                self._children.add(child)
                return child
        child.end()
        raise RuntimeError("the sandbox is closed")

    def _give_back(self, child: _Child, *, reusable: bool) -> None:
        with self._lock:
            if reusable and not self._closed:
                self._idle.append(child)
                return
            self._children.discard(child)
        child.end()

    def _result(self, kind: bytes, body: bytes, wanted: bytes, read: Callable[[bytes], _Answer]) -> _Answer:
        try:
            if kind == wanted:
                return read(body)
            if kind == REFUSED:
                refusal = json.loads(body)
                raise _REFUSALS.get(refusal["kind"], Broken)(str(refusal["reason"]))
        except (ValueError, KeyError, TypeError) as error:
            raise Broken("the reader gave no sensible answer") from error
        raise Broken(self._memory_reason() if kind == OUT_OF_MEMORY else _CRASHED)

    def _reason(self, death: _ChildDeathError) -> str:
        if death.timed_out or death.status == _CPU_SPENT:
            return f"took longer than {self._timeout_s:g} s to read"
        return self._memory_reason() if death.status == EXIT_OUT_OF_MEMORY else _CRASHED

    def _memory_reason(self) -> str:
        gigabytes = self._memory_bytes / 2**30
        amount = f"{gigabytes:.3g} GB" if gigabytes >= 1 else f"{self._memory_bytes / 2**20:.3g} MB"
        return f"needs more than {amount} of memory to read"


class _ChildDeathError(Exception):
    """The child ended without an answer. ``status``: as in ``Popen.returncode``; ``timed_out``: it was killed."""

    def __init__(self, status: int, *, timed_out: bool) -> None:
        super().__init__(f"exit status {status}")
        self.status = status
        self.timed_out = timed_out


class _Child:
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
                kind, _, _ = self._receive(_START_S)
                if kind != READY:
                    raise _ChildDeathError(0, timed_out=False)
            except _ChildDeathError as death:
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
        return self._process.poll() is None

    def ask(self, source: Source, what: Unread | None, start: float, timeout_s: float) -> tuple[bytes, bytes, bool]:
        """Kind and body of the answer, and whether the child wants to be replaced.

        Raises:
            _ChildDeathError: it ended, or was killed after ``timeout_s`` seconds.
        """
        request = {
            # File names are bytes on Linux; hex carries those that are no valid text.
            "paths": [os.fsencode(path.absolute()).hex() for path in (source.path, *source.beside)],
            "name": source.name,
            "format": source.format,
            "what": what,
            "start": start,
        }
        try:
            _pipe(self._process.stdin).write(json.dumps(request).encode("ascii") + b"\n")
            _pipe(self._process.stdin).flush()
        except OSError as error:
            raise _ChildDeathError(self._wait(), timed_out=False) from error
        return self._receive(timeout_s)

    def _receive(self, timeout_s: float) -> tuple[bytes, bytes, bool]:
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            self._process.kill()

        # A timer rather than select(): pipes can not be selected on Windows.
        timer = threading.Timer(timeout_s, expire)
        timer.daemon = True
        timer.start()
        try:
            answers = _pipe(self._process.stdout)
            head = answers.read(HEAD.size)
            if len(head) == HEAD.size:
                kind, retire, length = HEAD.unpack(head)
                body = answers.read(min(length, _ANSWER_BYTES))
                if len(body) == length:
                    timer.cancel()
                    # Time may have run out this very moment: the answer stands, the child is gone.
                    return kind, body, retire or expired.is_set()
        except (OSError, ValueError) as error:  # closed by another thread
            raise _ChildDeathError(self._wait(), timed_out=expired.is_set()) from error
        finally:
            timer.cancel()
        raise _ChildDeathError(self._wait(), timed_out=expired.is_set())

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
