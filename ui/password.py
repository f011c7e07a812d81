"""The password of the page: whether a request says it, and how often it may be guessed.

HTTP's own way of asking ("Basic"), so that every path of the page is behind it, also those of players and pictures,
and the browser keeps it. It goes over the network as it is: on a network that is not trusted, reach the page through
an encrypted tunnel.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import ipaddress
import time
from collections import deque
from collections.abc import Awaitable, Callable

from indexers.errors import UsageError

SHORTEST = 8
_TRIES = 10
_MINUTE_S = 60.0
_DELAY_S = 1.0
_MOST_CLIENTS = 1000


class Password:
    """Checks what requests say. Used by one event loop.

    Args:
        password: what must be said; by whom does not matter.
        clock: seconds that only grow.
        sleep: waits for so many seconds.

    Raises:
        UsageError: it is too short.
    """

    def __init__(
        self,
        password: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        if len(password) < SHORTEST:
            raise UsageError(f"the password of the page is too short; give one of at least {SHORTEST} characters")
        self._hash = _hashed(password)
        self._clock = clock
        self._sleep = sleep
        self._wrong: dict[str, deque[float]] = {}

    async def status(self, authorization: str | None, client: str) -> int:
        """200 where the password is right, 401 where it is missing or wrong, 429 after too many wrong ones.

        A wrong one waits a second for its answer. After ten of them within a minute nothing is looked at any more, not
        even the right one, until the minute is over.

        Args:
            authorization: the header of that name.
            client: whoever asks, by address.
        """
        client = _network(client)
        if self._is_guessing(client):
            return 429
        if authorization is None:
            return 401
        said = _said(authorization)
        if said is not None and hmac.compare_digest(_hashed(said), self._hash):
            return 200
        self._note(client)
        await self._sleep(_DELAY_S)
        return 401

    def _is_guessing(self, client: str) -> bool:
        wrong = self._wrong.get(client)
        if wrong is None:
            return False
        while wrong and self._clock() - wrong[0] >= _MINUTE_S:
            wrong.popleft()
        if not wrong:
            del self._wrong[client]
        return len(wrong) >= _TRIES

    def _note(self, client: str) -> None:
        if client not in self._wrong and len(self._wrong) >= _MOST_CLIENTS:
            del self._wrong[next(iter(self._wrong))]
        self._wrong.setdefault(client, deque(maxlen=_TRIES)).append(self._clock())


def _network(client: str) -> str:
    """Who is one with ``client``: of version 6, a machine takes any of the addresses of its network that it likes."""
    try:
        number = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return client
    if number.version == 4:
        return str(number)
    if number.ipv4_mapped is not None:
        return str(number.ipv4_mapped)
    return str(ipaddress.ip_network((int(number), 64), strict=False))


def _hashed(password: str) -> bytes:
    # Of one length, so that comparing takes the same time for all.
    return hashlib.sha256(password.encode("utf-8", "surrogatepass")).digest()


def _said(authorization: str) -> str | None:
    """The password in a header; None where there is none."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        pair = base64.b64decode(value.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None
    _user, colon, password = pair.partition(":")
    return password if colon else None
