"""How long a request may be: what it says of itself is believed at once, and what arrives is counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.formparsers import MultiPartException
from starlette.types import Message, Receive


class NotWhole(MultiPartException):
    """A body that is not read to its end. Of this kind, since whoever reads uploads then deletes what it has written.

    Left alone, a file stays on the disk that was given up in the middle, however large.
    """


class TooLong(NotWhole):
    """More arrived than a request may have."""


def announced(headers: Mapping[str, str]) -> int:
    """Bytes that a request says it has; 0 where it does not say."""
    said = headers.get("content-length", "")
    return int(said) if said.isascii() and said.isdigit() else 0


def limited(receive: Receive, most_bytes: int, on_excess: Callable[[], None], *, is_upload: bool = False) -> Receive:
    """``receive``, which raises ``TooLong`` once the body is longer than ``most_bytes``.

    Args:
        receive: ASGI's.
        most_bytes: the longest body.
        on_excess: called before ``TooLong`` is raised: who reads a body may make another error of it.
        is_upload: raise ``NotWhole`` where the body breaks off.
    """
    arrived = 0
    is_whole = False

    async def counted() -> Message:
        nonlocal arrived, is_whole
        message = await receive()
        if message["type"] == "http.request":
            arrived += len(message.get("body", b""))
            is_whole = not message.get("more_body")
        elif is_upload and not is_whole:
            raise NotWhole("the request broke off")
        if arrived > most_bytes:
            on_excess()
            raise TooLong("the request is too long")
        return message

    return counted
