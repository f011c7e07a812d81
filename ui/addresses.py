"""Where the page is served: which socket, which address people open, and by which names it may be asked for.

A page on the web can have its own name resolved to this machine and then talk to the page as if it were its own (DNS
rebinding). Such a request carries that name, so only the names known here are served. Where the page listens on every
address of the machine, any number is served as well: a number can not be rebound. Knows neither HTTP nor Gradio.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from indexers.errors import UsageError

PORT = 7860
_PORTS_TRIED = 20
_LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})


@dataclass(frozen=True, slots=True)
class Address:
    """An address at which the page is served.

    Attributes:
        host: to be written in an address; a number of version 6 in brackets.
        port: its port.
        names: what a browser may call the host.
        is_loopback: whether only this machine reaches it.
        any_number: whether every number is one of the machine's own, as far as is known.
    """

    host: str
    port: int
    names: frozenset[str]
    is_loopback: bool = True
    any_number: bool = False

    @property
    def url(self) -> str:
        """What people open."""
        return f"http://{self.host}:{self.port}/"

    def serves(self, host: str) -> bool:
        """Whether a request that names ``host``, with its port, is meant for the page."""
        name, port = _divided(host.lower())
        if port != str(self.port):
            return False
        return name in self.names or (self.any_number and _number(name) is not None)


def listen(host: str, port: int | None, *, has_password: bool) -> tuple[socket.socket, Address]:
    """A socket that listens at ``host``, and its address.

    Args:
        host: a name or a number; "0.0.0.0" or "::" for every address of the machine.
        port: None: 7860, or the next free one; 0: any that is free.
        has_password: whether who asks must say a password. Without one, only this machine is served.

    Raises:
        UsageError: the host is not this machine, other machines would be served without a password, or the port is
            taken or can not be one.
    """
    if port is not None and not 0 <= port <= 65535:
        raise UsageError(f"there is no port {port}; name one between 0 and 65535")
    family, number = _resolved(host)
    is_loopback = ipaddress.ip_address(number).is_loopback
    if not is_loopback and not has_password:
        raise UsageError(
            f"other machines would reach the page at {host} without a password; "
            "give one (--password, --password-file or the setting ui_password), or leave out --host"
        )
    bound = _bound(family, host, number, port)
    bound.listen(128)
    bound.setblocking(False)
    return bound, _address(host, number, bound.getsockname()[1], is_loopback=is_loopback)


def _resolved(host: str) -> tuple[socket.AddressFamily, str]:
    """The family and the number of a host; of several, one that only this machine reaches, and version 4 first."""
    # A number in brackets is how an address writes it.
    wanted = host.removeprefix("[").removesuffix("]").strip()
    if not wanted:
        raise UsageError("the host is empty; leave out --host for this machine alone")
    try:
        found = socket.getaddrinfo(wanted, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise UsageError(f"there is no host {host!r} ({error}); leave out --host for this machine alone") from error
    numbers = [(family, str(sockname[0]).partition("%")[0]) for family, _, _, _, sockname in found]
    return min(numbers, key=lambda each: (not ipaddress.ip_address(each[1]).is_loopback, each[0] != socket.AF_INET))


def _bound(family: socket.AddressFamily, host: str, number: str, port: int | None) -> socket.socket:
    tried: Iterable[int] = [port] if port is not None else [*range(PORT, PORT + _PORTS_TRIED), 0]
    refusal = ""
    for each in tried:
        bound = socket.socket(family, socket.SOCK_STREAM)
        try:
            if sys.platform == "win32":
                # There, the option that others call "reuse" lets two programs have one port.
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
            else:
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((number, each))
        except OSError as error:
            bound.close()
            refusal = _why_not(error, host, each)
            if error.errno != errno.EADDRINUSE:
                break
        else:
            return bound
    raise UsageError(refusal)


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is taken; name another with --port, or none to take one that is free"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine; leave out --host for this machine alone"
    if error.errno == errno.EACCES:
        return f"the system does not let port {port} of {host} be served; name one above 1023 with --port"
    return f"the page can not be served at {host}, port {port}: {error.strerror or error}"


def _address(host: str, number: str, port: int, *, is_loopback: bool) -> Address:
    shown = _written(number)
    if ipaddress.ip_address(number).is_unspecified:
        own = socket.gethostname().lower()
        names = _LOOPBACK_NAMES | {own, own.partition(".")[0], f"{own.partition('.')[0]}.local"}
        return Address(own, port, names, is_loopback=False, any_number=True)
    if is_loopback:
        return Address(shown, port, _LOOPBACK_NAMES | {shown})
    asked = host.lower()
    names = frozenset({shown} | ({asked} if _number(asked) is None and ":" not in asked else set()))
    return Address(shown, port, names, is_loopback=False)


def _written(number: str) -> str:
    """A number as it stands in an address."""
    return f"[{number}]" if ":" in number else number


def _number(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The number that ``name`` is, as it stands in an address; None for a name."""
    bracketed = name.startswith("[") and name.endswith("]")
    try:
        number = ipaddress.ip_address(name[1:-1] if bracketed else name)
    except ValueError:
        return None
    return number if bracketed == (number.version == 6) else None


def _divided(host: str) -> tuple[str, str]:
    """Name and port of a ``Host``; port 80 is what HTTP means by none."""
    name, colon, port = host.rpartition(":")
    if not colon or port.endswith("]"):
        return host, "80"
    return name, port
