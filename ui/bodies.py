"""How long a request may be: what it says of itself is believed at once, and what arrives is counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.types import Message, Receive


class TooLong(Exception):
    """More arrived than a request may have."""


def announced(headers: Mapping[str, str]) -> int:
    """Bytes that a request says it has; 0 where it does not say."""
    said = headers.get("content-length", "")
    return int(said) if said.isascii() and said.isdigit() else 0


def limited(receive: Receive, most_bytes: int, on_excess: Callable[[], None]) -> Receive:
    """``receive``, which raises ``TooLong`` once the body is longer than ``most_bytes``.

    Args:
        receive: ASGI's.
        most_bytes: the longest body.
        on_excess: called before it is raised: who reads a body may make another error of it.
    """
    arrived = 0

    async def counted() -> Message:
        nonlocal arrived
        message = await receive()
        arrived += len(message.get("body", b""))
        if arrived > most_bytes:
            on_excess()
            raise TooLong
        return message

    return counted
