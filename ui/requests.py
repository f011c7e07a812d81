"""Which requests the page answers. Pure; ``security`` asks this of every request before anything else sees it.

What is open is listed, and everything else is closed: Gradio brings routes that fetch addresses for whoever asks, edit
programs, show monitoring and describe an interface, of which the page needs none.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ui.addresses import Address

PAGE = "/"
CONFIG = "/config"
UPLOAD = "/gradio_api/upload"
UPLOADED = "/gradio_api/file="
DOCUMENTS = "/documents/"
HEARTBEAT = "/gradio_api/heartbeat/"
ASSETS = "/assets/"
_READING = frozenset({"GET", "HEAD"})
_READ = frozenset(
    {
        PAGE,
        CONFIG,
        "/favicon.ico",
        "/gradio_api/app_id",
        "/gradio_api/queue/data",
        "/gradio_api/upload_progress",
        "/manifest.json",
        "/theme.css",
        "/theme.js",
    }
)
_READ_BELOW = (ASSETS, "/conversations/", DOCUMENTS, HEARTBEAT, "/static/")
_WRITTEN = frozenset(
    {
        UPLOAD,
        "/gradio_api/cancel",
        "/gradio_api/queue/join",
        "/gradio_api/reset",
        "/gradio_api/run/predict",
    }
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not answered: a status of HTTP, and a line for whoever reads it."""

    status: int
    line: str


def stranger(method: str, path: str, headers: Mapping[str, str], hosts: list[str], address: Address) -> Refusal | None:
    """Why a request does not come from the page itself, or from a person who opens it; None if it does.

    A request without ``Origin`` and ``Sec-Fetch-Site`` is answered: browsers send them with everything that changes
    something, and a program of this machine that leaves them out could as well write what it likes into them.

    Args:
        method: HTTP's.
        path: what is asked for.
        headers: of the request, by their names in small letters.
        hosts: every ``Host`` that it names.
        address: where the page is served.
    """
    if len(hosts) != 1 or not address.serves(hosts[0]):
        return Refusal(421, f"This is not the address of Locus. Open {address.url}")
    origin = headers.get("origin")
    if origin is not None and origin.lower() != f"http://{hosts[0].lower()}":
        return Refusal(403, "Other pages may not use Locus.")
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not _is_opened(method, path, headers):
        return Refusal(403, "Other pages may not use Locus.")
    return None


def closed(method: str, path: str, uploads: Path) -> Refusal | None:
    """Why there is nothing at ``path``; None if there may be.

    Args:
        method: HTTP's.
        path: what is asked for, decoded.
        uploads: the folder of what was uploaded, the only one from which Gradio may give files.
    """
    if "\\" in path or "\0" in path or any(part in (".", "..") for part in path.split("/")):
        return Refusal(404, "There is nothing here.")
    if method in _READING:
        if path in _READ or path.startswith(_READ_BELOW):
            return None
        if path.startswith(UPLOADED) and _is_below(path.removeprefix(UPLOADED), uploads):
            return None
    if path in _WRITTEN:
        return None if method == "POST" else Refusal(405, "Nothing can be read here.")
    if method not in _READING and (path in _READ or path.startswith(_READ_BELOW)):
        return Refusal(405, "Nothing can be sent here.")
    return Refusal(404, "There is nothing here.")


def _is_opened(method: str, path: str, headers: Mapping[str, str]) -> bool:
    """Whether a link elsewhere, or a bookmark, opens the page in a window of its own."""
    return (
        method == "GET"
        and path == PAGE
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )


def _is_below(path: str, folder: Path) -> bool:
    if not path.startswith(os.sep) and not Path(path).is_absolute():
        return False
    real = os.path.realpath(path)
    return Path(real).is_relative_to(os.path.realpath(folder)) and Path(real).is_file()
