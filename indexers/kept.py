"""What a parser has read so far, on its way out of the sandbox, so that a limit or a crash does not take it along.

Both ends are here. In the child a ``Keeper`` is the ``keep`` of a ``Source``: it sends each block once, as the parser
comes by it, and the answer in the end holds only the blocks that were not sent yet. In the parent a ``Kept`` holds
these messages as they came and decodes them once it is known what they are for: the beginning of the answer, or all
that there will ever be.

It does not know pipes or processes; a message is a kind and a body, which is an encoded ``Parsed``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from operator import is_
from typing import get_args

from indexers.decoders import DECODERS
from indexers.parsed_codec import decode_parsed, encode_parsed
from indexers.types import Block, Parsed, Unread

PARSED, REST = b"P", b"T"
"""Kinds of answers: all that was read, or what comes after the blocks that were kept."""
KEPT, KEPT_ANEW = b"K", b"A"
"""Kinds of messages before the answer: further blocks, or blocks in place of all before (a parser began again)."""

_MOST_BYTES = 64 * 2**20
"""Once so much is kept of a file, the rest of it comes only with the answer."""
_WHERE_CHARS = 80
_LEFT_OUT: dict[Unread, str] = {
    "pictures": "its pictures were not looked at",
    "sound": "it was not listened to",
    "frames": "its pictures were not looked at",
}


class Keeper:
    """Sends on what a parser gives it to keep (``Source.keep``).

    Args:
        send: takes the kind and the body of a message.
    """

    def __init__(self, send: Callable[[bytes, bytes], None]) -> None:
        self._send = send
        self._sent: list[Block] = []
        self._bytes = 0

    def __call__(self, blocks: Sequence[Block], coverage: float, where: str = "") -> None:
        """Sends the blocks that were not sent yet, and how far the parser is."""
        if self._bytes > _MOST_BYTES:
            return
        known = len(self._sent)
        goes_on = not known or (len(blocks) >= known and blocks[known - 1] is self._sent[-1])
        if not goes_on:
            self._sent = []
        fresh = tuple(blocks[len(self._sent) :])
        body = encode_parsed(Parsed(fresh, coverage=coverage, notes=(where,)))
        self._send(KEPT if goes_on else KEPT_ANEW, body)
        self._bytes += len(body)
        self._sent += fresh

    def answer(self, parsed: Parsed) -> tuple[bytes, bytes]:
        """Kind and body of the answer; blocks that were sent are not sent again if they stand as they were."""
        known = len(self._sent)
        if known and len(parsed.blocks) >= known and all(map(is_, self._sent, parsed.blocks)):
            return REST, encode_parsed(replace(parsed, blocks=parsed.blocks[known:]))
        return PARSED, encode_parsed(parsed)


class Kept:
    """What has come of one file before its answer."""

    def __init__(self) -> None:
        self._messages: list[bytes] = []

    def take(self, kind: bytes, body: bytes) -> None:
        """Puts a message with the others, or in their place."""
        if kind == KEPT_ANEW:
            self._messages.clear()
        self._messages.append(body)

    def with_rest(self, body: bytes) -> Parsed:
        """The whole, from an answer of the kind ``REST``.

        Raises:
            ValueError: a message makes no sense.
        """
        rest = decode_parsed(body)
        before = [block for message in self._messages for block in decode_parsed(message).blocks]
        return replace(rest, blocks=(*before, *rest.blocks))

    def partial(self, reason: str, format_name: str) -> Parsed | None:
        """What there is of a file of which no more will come; None if that is no text.

        What decoders would read of it is left out: what was too much for the parser may be too much for them.

        Args:
            reason: why it ended.
            format_name: of the file.
        """
        parts: list[Parsed] = []
        with suppress(ValueError):  # from there on nothing is to be believed
            for message in self._messages:
                parts.append(decode_parsed(message))
        blocks = tuple(block for part in parts for block in part.blocks if block.pieces)
        if not blocks:
            return None
        where = " ".join(parts[-1].notes)[:_WHERE_CHARS]
        notes = [reason, f"what was read up to {where} is kept" if where else "what was read before is kept"]
        notes += [_LEFT_OUT[what] for what in get_args(Unread) if (what, format_name) in DECODERS]
        coverage = min(max(parts[-1].coverage, 0.0), 1.0)
        return Parsed(blocks, coverage=coverage, notes=tuple(dict.fromkeys(notes)))
