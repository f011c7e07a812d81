"""A conversation as the tokens a model reads, and the bytes it writes as text.

Text from documents is only ever text: the model's chat template is rendered around placeholders and the
contents are tokenised apart, so "<|im_end|>" in a file can not end a message.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from assistant.llm_native import NativeModel
from indexers.errors import ModelFailed, UsageError


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


def prompt_tokens(model: NativeModel, messages: Sequence[Message]) -> list[int]:
    """The chat template with the contents in it, as token ids; control tokens come from the template alone.

    A last message of the assistant is left open, so that the model continues it.

    Raises:
        UsageError: there is no message.
        ModelFailed: the model has no template, or it refuses these messages.
    """
    from jinja2 import TemplateError
    from llama_cpp.llama_chat_format import Jinja2ChatFormatter

    if not messages:
        raise UsageError("a language model needs at least one message")
    begun = messages[-1].content if messages[-1].role == "assistant" else ""
    turns: list[tuple[str, str]] = [(m.role, m.content) for m in (messages[:-1] if begun else messages)]
    # Letters and digits only, so that a template that trims or splits leaves the mark whole; random, so that
    # no document can hold it.
    mark = os.urandom(8).hex()
    formatter = Jinja2ChatFormatter(
        model.chat_template(), eos_token=model.token_text(model.eos), bos_token=model.token_text(model.bos)
    )

    def rendered(turns: Sequence[tuple[str, str]]) -> str:
        marked = [{"role": role, "content": f"{mark}x{i}x"} for i, (role, _) in enumerate(turns)]
        return str(formatter(messages=marked).prompt)

    try:
        try:
            text = rendered(turns)
        except (TemplateError, ValueError):
            # Some templates refuse a system message: it then leads the first question.
            turns = _without_system(turns)
            text = rendered(turns)
    except (TemplateError, ValueError) as error:
        raise ModelFailed(f"the model's chat template does not take these messages: {error}") from error

    head, *parts = text.split(mark)
    tokens = model.tokenize(head, control=True)
    for part in parts:
        _, index, after = part.split("x", 2)
        tokens += model.tokenize(turns[int(index)][1])
        tokens += model.tokenize(after, control=True)
    if model.wants_bos and tokens[:1] != [model.bos]:
        tokens.insert(0, model.bos)
    return tokens + model.tokenize(begun)


def _without_system(turns: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    system = "\n\n".join(content for role, content in turns if role == "system")
    rest = [turn for turn in turns if turn[0] != "system"]
    if rest and system:
        rest[0] = (rest[0][0], f"{system}\n\n{rest[0][1]}")
    return rest


def decoded(pieces: Iterable[bytes], stop: Sequence[str]) -> Iterator[str]:
    """Bytes to text in whole characters, up to the first stop string; what may become one is held back."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    held = ""
    for piece in pieces:
        held += decoder.decode(piece)
        found = [at for s in stop if (at := held.find(s)) >= 0]
        if found:
            if text := held[: min(found)]:
                yield text
            return
        wait = max((n for s in stop for n in range(1, len(s)) if held.endswith(s[:n])), default=0)
        if text := held[: len(held) - wait]:
            yield text
            held = held[len(text) :]
    if held := held + decoder.decode(b"", final=True):
        yield held
