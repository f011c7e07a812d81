"""A GGUF model and its contexts, straight on llama.cpp's C interface: tokens in, logits out.

The bindings' ``Llama`` class is not used, for three reasons: while it loads it points the whole process's
stdout and stderr at nothing (a neighbouring thread's output is lost), it tokenises a rendered chat so that
"<|im_end|>" inside a document becomes the control token, and it evaluates a prompt without a way to stop.

This module knows no chats, no threads and no stopping: ``assistant.llm`` adds those. A model may be asked to
tokenise from any thread; a context belongs to one thread at a time.
"""

from __future__ import annotations

import ctypes
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexers.errors import ModelFailed, ModelMissing

_log = logging.getLogger(__name__)
_c: ModuleType | None = None
_keep_alive: list[object] = []  # C holds the log callback: Python must not collect it


def _llama_cpp() -> ModuleType:
    """The bindings, imported once, with llama.cpp's chatter sent to this module's debug log."""
    global _c
    if _c is None:
        # GNU OpenMP's threads wait by spinning: beside one other busy process two threads on two cores fell
        # from 105 to 4 tokens/s. With a short spin they kept a third, and lost nothing that could be told from
        # noise when alone. It is read when the library is first loaded, by torch or by llama.cpp.
        if "OMP_WAIT_POLICY" not in os.environ:
            os.environ.setdefault("GOMP_SPINCOUNT", "300")
        import llama_cpp

        @llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
        def to_log(_level: int, text: bytes, _data: object) -> None:
            if line := text.decode("utf-8", "replace").strip():
                _log.debug("%s", line)

        _keep_alive.append(to_log)
        llama_cpp.llama_log_set(to_log, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        _c = llama_cpp
    return _c


class NativeModel:
    """The weights and the vocabulary of one GGUF file.

    Raises:
        ModelMissing: there is no such file.
        ModelFailed: it is not a model that llama.cpp can load.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ModelMissing(f"no language model at {path}: run 'locus models pull' or name another file")
        self._path = path
        self._c = c = _llama_cpp()
        self._handle = c.llama_model_load_from_file(str(path).encode(), model_params(c))
        if not self._handle:
            raise ModelFailed(f"{path} is not a GGUF model that llama.cpp can load: run 'locus models verify'")
        self._vocab = c.llama_model_get_vocab(self._handle)
        self.vocabulary_size: int = c.llama_vocab_n_tokens(self._vocab)
        self.trained_context: int = c.llama_model_n_ctx_train(self._handle)

    def close(self) -> None:
        """Frees the weights. Contexts must be closed before."""
        if self._handle:
            self._c.llama_model_free(self._handle)
            self._handle = None

    def tokenize(self, text: str, *, control: bool = False) -> list[int]:
        """Token ids of ``text``, nothing added.

        Args:
            text: any text.
            control: read "<|im_end|>" and the like as control tokens. Never for text from outside.
        """
        data = text.encode("utf-8", "replace")
        room = len(data) + 1  # a token is at least one byte
        ids = (self._c.llama_token * room)()
        count: int = self._c.llama_tokenize(self._vocab, data, len(data), ids, room, False, control)
        if count < 0:
            raise ModelFailed(f"{self._path.name} could not tokenise a text of {len(text)} characters")
        return list(ids[:count])

    def piece(self, token: int) -> bytes:
        """The bytes of one token: not always whole UTF-8 characters; empty for control tokens."""
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            count: int = self._c.llama_token_to_piece(self._vocab, token, buffer, size, 0, False)
            if count >= 0:
                return buffer.raw[:count]
            size = -count

    def token_text(self, token: int) -> str:
        """How the vocabulary writes a token, control tokens too; "" for the id -1 (the model has none)."""
        return self._c.llama_vocab_get_text(self._vocab, token).decode("utf-8", "replace") if token >= 0 else ""

    def is_control(self, token: int) -> bool:
        """Whether the token steers the model and is no text."""
        return bool(self._c.llama_vocab_is_control(self._vocab, token))

    def ends_turn(self, token: int) -> bool:
        """Whether generation is over with this token."""
        return bool(self._c.llama_vocab_is_eog(self._vocab, token))

    @property
    def bos(self) -> int:
        """The id of the token that begins a text, -1 if there is none."""
        return int(self._c.llama_vocab_bos(self._vocab))

    @property
    def eos(self) -> int:
        """The id of the token that ends a text, -1 if there is none."""
        return int(self._c.llama_vocab_eos(self._vocab))

    @property
    def wants_bos(self) -> bool:
        """Whether every prompt must begin with ``bos``."""
        return bool(self._c.llama_vocab_get_add_bos(self._vocab))

    def chat_template(self) -> str:
        """The file's Jinja chat template.

        Raises:
            ModelFailed: it has none, so it was not made for conversation.
        """
        template: bytes | None = self._c.llama_model_chat_template(self._handle, None)
        if not template:
            raise ModelFailed(f"{self._path.name} holds no chat template: choose an 'instruct' model")
        return template.decode("utf-8", "replace")

    def context(self, *, tokens: int, threads: int, batch: int = 128) -> NativeContext:
        """A fresh context of ``tokens`` cells.

        Raises:
            ModelFailed: there is not enough memory for it.
        """
        c = self._c
        params = c.llama_context_default_params()
        params.n_ctx = tokens
        params.n_batch = params.n_ubatch = batch
        params.n_seq_max = 1
        params.n_threads = params.n_threads_batch = threads
        params.no_perf = True
        handle = c.llama_init_from_model(self._handle, params)
        if not handle:
            raise ModelFailed(f"{self._path.name}: no memory for a context of {tokens} tokens: set a smaller one")
        return NativeContext(c, handle, tokens, batch, self.vocabulary_size)


def model_params(c: Any) -> Any:
    """How weights are laid out: as llama.cpp does by itself, unless that would take it to the processor's AMX tiles.

    Its kernels for these use tiles that are not configured on some machines, virtual ones at least: an illegal
    instruction, with which the process ends, at the first prompt of some length. (The layouts for other processors are
    left out with them.)
    """
    params = c.llama_model_default_params()
    if b"AMX_INT8 = 1" in c.llama_print_system_info():
        params.use_extra_bufts = False
    return params


@dataclass(frozen=True, slots=True)
class Cell:
    """One token of a batch: where it stands, and whether its logits are wanted."""

    token: int
    position: int
    logits: bool = False


class NativeContext:
    """What the model has read: up to ``tokens`` cells of keys and values. Made by ``NativeModel.context``."""

    def __init__(self, c: ModuleType, handle: Any, tokens: int, batch: int, vocabulary_size: int) -> None:
        self._c = c
        self._handle = handle
        self._memory = c.llama_get_memory(handle)
        self._batch = c.llama_batch_init(batch, 0, 1)
        self._vocabulary_size = vocabulary_size
        self.tokens = tokens
        self.batch = batch

    def close(self) -> None:
        """Frees the cells."""
        if self._handle:
            self._c.llama_batch_free(self._batch)
            self._c.llama_free(self._handle)
            self._handle = None

    def read(self, cells: Sequence[Cell]) -> None:
        """Evaluates at most ``batch`` cells.

        Raises:
            ModelFailed: the context is full, or llama.cpp failed.
        """
        batch = self._batch
        batch.n_tokens = len(cells)
        for i, cell in enumerate(cells):
            batch.token[i] = cell.token
            batch.pos[i] = cell.position
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = 0
            batch.logits[i] = cell.logits
        code: int = self._c.llama_decode(self._handle, batch)
        if code:
            why = f"its context of {self.tokens} tokens is full" if code == 1 else f"llama.cpp error {code}"
            raise ModelFailed(f"the language model stopped: {why}")

    def logits(self, index: int) -> NDArray[np.float32]:
        """``(vocabulary,)`` logits of the ``index``-th cell of the last ``read``; the next overwrites them."""
        pointer = self._c.llama_get_logits_ith(self._handle, index)
        return np.ctypeslib.as_array(pointer, shape=(self._vocabulary_size,))

    def keep(self, count: int) -> bool:
        """Forgets all but the first ``count`` cells; False if this model can not do that."""
        return bool(self._c.llama_memory_seq_rm(self._memory, 0, count, -1))

    def clear(self) -> None:
        """Forgets everything."""
        self._c.llama_memory_clear(self._memory, True)
