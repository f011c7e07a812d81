"""Parsers in killable children: a hostile file can take its time, its memory or its process, never ours.

A child is a fresh interpreter (``indexers.sandbox_child``), not a fork: this process may hold threads, torch and
faiss. It stays warm and reads many files; it is replaced after a crash or a limit, when its memory has grown, and
after a number of files. What it sends back is decoded from JSON, never unpickled. What a parser keeps while it reads
(``Source.keep``) is there even if the child is killed: the file is then given as far as it was read.

It does not know formats or recursion into attachments; which parser reads a file is decided in the child.
"""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self, TypeVar

from indexers.decoded_codec import decode_decoded
from indexers.errors import (
    Broken,
    Empty,
    Encrypted,
    FileError,
    TooLarge,
    Unreadable,
    Unsupported,
)
from indexers.kept import PARSED, REST, Kept
from indexers.parsed_codec import decode_parsed
from indexers.previews import Look, checked
from indexers.protocols import Source
from indexers.sandbox_child import DECODED, EXIT_OUT_OF_MEMORY, OUT_OF_MEMORY, REFUSED, SHOWN
from indexers.sandbox_process import Child, ChildDeathError, Wish
from indexers.types import Decoded, Parsed, Unread

_Answer = TypeVar("_Answer")

_REFUSALS: dict[str, type[FileError]] = {
    kind.__name__: kind for kind in (Encrypted, Empty, Unsupported, Broken, Unreadable, TooLarge)
}
_CPU_SPENT = -int(getattr(signal, "SIGXCPU", 0)) or None
_CRASHED = "the reader crashed on it"


class Sandbox:
    """Reads files in children with limits on time, processor and memory.

    Usable from several threads at once: each call has a child to itself, and at most ``workers`` run at a time.

    Args:
        workers: the most children at work at once.
        timeout_s: seconds one file may take by the wall clock.
        cpu_s: seconds of processor time one file may take, rounded up to the next; None: as ``timeout_s``. (Windows:
            not limited.)
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
        cpu_s: float | None = None,
        memory_bytes: int = 2 * 2**30,
        file_bytes: int = 2**30,
        files_per_child: int = 500,
        parser: str = "",
    ) -> None:
        self._timeout_s = timeout_s
        self._cpu_s = timeout_s if cpu_s is None else cpu_s
        self._memory_bytes = memory_bytes
        self._limits = json.dumps(
            {
                "cpu_s": self._cpu_s,
                "memory_bytes": memory_bytes,
                "file_bytes": file_bytes,
                "files_per_child": files_per_child,
                "parser": parser,
            }
        )
        self._turns = threading.BoundedSemaphore(workers)
        self._lock = threading.Lock()
        self._children: set[Child] = set()
        self._idle: list[Child] = []
        self._closed = False

    def parse(self, source: Source) -> Parsed:
        """What the parser of ``source.format`` reads from the file.

        If it took too much time or memory, or crashed the reader, what was kept of it until then, with the reason as a
        note; so too if the parser found it broken further on.

        Raises:
            FileError: the parser refused it, or nothing of it could be kept.
            LocusError: no child could be started; that is not the file's fault.
            RuntimeError: the sandbox is closed.
        """
        kept = Kept()
        try:
            return self._asked(source, {}, {PARSED: decode_parsed, REST: kept.with_rest}, kept)
        except Broken as error:
            partial = kept.partial(str(error), source.format)
            if partial is None:
                raise
            return partial

    def decode(self, source: Source, what: Unread, start: float) -> Decoded:
        """The portion of the file's pictures, sound or frames that begins at ``start``.

        Raises:
            FileError: the decoder refused it, or it took too much time or memory, or crashed the reader.
            LocusError, RuntimeError: as ``parse``.
        """
        return self._asked(source, {"what": what, "start": start}, {DECODED: decode_decoded}, Kept())

    def preview(self, source: Source, look: Look) -> bytes:
        """A picture of the file for people to look at, as JPEG.

        Raises:
            FileError: there is nothing to be seen, or it took too much time or memory, or crashed the reader.
            LocusError, RuntimeError: as ``parse``.
        """
        wish = {"width": look.width, "page": look.page, "second": look.second}
        return self._asked(source, wish, {SHOWN: checked}, Kept())

    def _asked(
        self,
        source: Source,
        wish: Wish,
        readers: Mapping[bytes, Callable[[bytes], _Answer]],
        kept: Kept,
    ) -> _Answer:
        with self._turns:
            child = self._take()
            reusable = False
            try:
                kind, body, retire = child.ask(source, wish, self._timeout_s, kept)
                answer = self._result(kind, body, readers)
                reusable = not retire
            except (ValueError, KeyError, TypeError) as error:
                raise Broken("the reader gave no sensible answer") from error
            except ChildDeathError as death:
                if self._closed:
                    raise RuntimeError("the sandbox was closed") from death
                raise Broken(self._reason(death)) from death
            finally:
                self._give_back(child, reusable=reusable)
        if isinstance(answer, FileError):
            raise answer
        return answer

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

    def _take(self) -> Child:
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
        child = Child(self._limits)
        with self._lock:
            if not self._closed:
                self._children.add(child)
                return child
        child.end()
        raise RuntimeError("the sandbox is closed")

    def _give_back(self, child: Child, *, reusable: bool) -> None:
        with self._lock:
            if reusable and not self._closed:
                self._idle.append(child)
                return
            self._children.discard(child)
        child.end()

    def _result(
        self, kind: bytes, body: bytes, readers: Mapping[bytes, Callable[[bytes], _Answer]]
    ) -> _Answer | FileError:
        """What was read, or why it was not; raises ValueError, KeyError or TypeError for what is neither."""
        if kind in readers:
            return readers[kind](body)
        if kind == REFUSED:
            refusal = json.loads(body)
            return _REFUSALS.get(refusal["kind"], Broken)(str(refusal["reason"]))
        if kind == OUT_OF_MEMORY:
            return Broken(self._memory_reason())
        raise ValueError(f"unknown kind of answer {kind!r}")

    def _reason(self, death: ChildDeathError) -> str:
        if death.timed_out:
            return f"took longer than {self._timeout_s:g} s to read"
        if death.status == _CPU_SPENT:
            return f"took more than {self._cpu_s:g} s of processor time to read"
        return self._memory_reason() if death.status == EXIT_OUT_OF_MEMORY else _CRASHED

    def _memory_reason(self) -> str:
        gigabytes = self._memory_bytes / 2**30
        amount = f"{gigabytes:.3g} GB" if gigabytes >= 1 else f"{self._memory_bytes / 2**20:.3g} MB"
        return f"needs more than {amount} of memory to read"
