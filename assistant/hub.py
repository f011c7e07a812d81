"""One file from a hub of models over HTTP, continued where an earlier try broke off.

Knows addresses and bytes, nothing of models: what a file must be is for ``downloads`` to say. The hub's own client is
not used because it begins every file anew after a broken connection: each process of it writes to a name of its own.

Nothing is sent but the name of the file: no token, no account. The hub answers with a redirect to where its
bytes lie; only HTTPS hosts of the hub itself are followed to. ``HF_ENDPOINT`` names a mirror, as it does for the hub's
client; a mirror may send on to any HTTPS host, or to itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import httpx

from indexers.errors import ModelMissing

_HUB = "https://huggingface.co"
_HUB_DOMAINS = ("huggingface.co", "hf.co")
_TIMEOUT_S = 30.0
_PARTIAL_CONTENT = 206
_RANGE_NOT_SATISFIABLE = 416
_ERROR_NUMBER = re.compile(r"\[Errno -?\d+\] ")
_MEANINGS = {401: "it is not there, or not open to all", 403: "it is not open to all", 404: "it is not there"}


def fetch(repository: str, revision: str, name: str, part: Path, report: Callable[[int], None]) -> None:
    """Adds to ``part`` what it lacks of a file.

    What is there from before is continued (RFC 9110, range requests). A commit never changes, so no validator is sent
    with the request; whether the pieces make the right file is told by its hash.

    Args:
        repository: its id, such as ``someone/model``.
        revision: the commit.
        name: the file's path in the repository.
        part: where it goes; whole when this returns.
        report: told the bytes that were there from before, then those of every piece that arrives.

    Raises:
        ModelMissing: the hub can not be reached, does not have it, broke off, or sends on to a host that is not asked;
            what arrived is kept.
        OSError: ``part`` can not be written.
    """
    base = (os.environ.get("HF_ENDPOINT") or _HUB).rstrip("/")
    told = f"{name} of {repository} can not be downloaded from {base}"
    try:
        with _client(base, told) as client:
            address = f"{base}/{repository}/resolve/{revision}/{quote(name)}"
            _append(client, address, revision, part, report, told)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        kept = "; what arrived is kept, the same command goes on from there" if part.exists() else ""
        raise ModelMissing(f"{told}: {_reason(error)}{kept}") from error


def _client(base: str, told: str) -> httpx.Client:
    def check(request: httpx.Request) -> None:
        if not _may_be_asked(request.url, base):
            raise ModelMissing(f"{told}: it sends on to {request.url.host}, which is not asked")

    try:
        # Without compression, so that the bytes of a range are bytes of the file.
        headers = {"Accept-Encoding": "identity", "User-Agent": "locus"}
        hooks = {"request": [check]}
        return httpx.Client(headers=headers, timeout=_TIMEOUT_S, follow_redirects=True, event_hooks=hooks)
    except (ImportError, ValueError) as error:  # a proxy of the environment that can not be used
        raise ModelMissing(f"{told}: {error}") from error


def _may_be_asked(url: httpx.URL, base: str) -> bool:
    mirror = httpx.URL(base)
    if (url.scheme, url.host, url.port) == (mirror.scheme, mirror.host, mirror.port):
        return True
    if url.scheme != "https":
        return False
    return base != _HUB or any(url.host == domain or url.host.endswith(f".{domain}") for domain in _HUB_DOMAINS)


def _append(
    client: httpx.Client, address: str, revision: str, part: Path, report: Callable[[int], None], told: str
) -> None:
    """Adds to ``part`` what it lacks."""
    start = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={start}-"} if start else {}
    with client.stream("GET", address, headers=headers) as response:
        if response.status_code == _RANGE_NOT_SATISFIABLE and start:
            report(start)  # nothing comes after it
            return
        if not response.is_success:
            meaning = _MEANINGS.get(response.status_code, "it does not work at the moment")
            raise ModelMissing(f"{told}: {meaning} ({response.status_code})")
        commits = [each.headers.get("X-Repo-Commit", revision) for each in (*response.history, response)]
        if any(commit != revision for commit in commits):
            raise ModelMissing(f"{told}: it offers another commit than {revision}")
        goes_on = response.status_code == _PARTIAL_CONTENT
        if goes_on and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise ModelMissing(f"{told}: it sends another part of the file than was asked for")
        if goes_on:
            report(start)
        with part.open("ab" if goes_on else "wb") as file:
            for piece in response.iter_bytes():
                file.write(piece)
                report(len(piece))
            file.flush()
            os.fsync(file.fileno())


def _reason(error: Exception) -> str:
    """What went wrong, in words for a person; the library's own errors may have none."""
    match error:
        case httpx.TimeoutException():
            return "no answer in time"
        case httpx.ConnectError():
            return f"it can not be reached ({_ERROR_NUMBER.sub('', str(error))})"
        case httpx.RemoteProtocolError() | httpx.ReadError():
            return "the connection broke"
        case httpx.TooManyRedirects():
            return "it redirects without end"
        case _:
            return str(error) or type(error).__name__
