"""Pictures of the library's documents for people to look at, kept for a while once they are made.

They are made in a sandbox of their own, so that looking does not wait for files that are being read. It knows nothing
of what is shown beside them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace

from assistant.sources import NotAsRead, Sources
from indexers.errors import Unsupported
from indexers.previews import WIDTHS, Look, can_be_seen
from indexers.protocols import Source as File
from indexers.sandbox import Sandbox

_KEPT_BYTES = 32 << 20
_STEP = 20
"""Pixels: widths are rounded up to these, so that a window that is dragged does not ask for each anew."""

_Key = tuple[int, str, Look]


class Previews:
    """Makes previews. Safe to use from several threads.

    Args:
        sources: the documents.
        sandbox: where files are opened.
        kept_bytes: memory for those that were made.
    """

    def __init__(self, sources: Sources, sandbox: Sandbox, *, kept_bytes: int = _KEPT_BYTES) -> None:
        self._sources = sources
        self._sandbox = sandbox
        self._room = kept_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, bytes] = OrderedDict()

    def preview(self, id: int, look: Look) -> bytes:
        """A picture of a document, as JPEG.

        Raises:
            NotHeld, NotAsRead: as ``Sources.original``.
            FileError: nothing of it can be seen.
        """
        original = self._sources.original(id)
        if not can_be_seen(original.format):
            raise Unsupported(f"{original.format} files are not shown as pictures")
        least, most = WIDTHS
        look = replace(look, width=min(max(-(-look.width // _STEP) * _STEP, least), most))
        key = (id, original.mark, look)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = self._sandbox.preview(File(original.path, original.path.name, original.format), look)
        if self._sources.original(id) != original:
            raise NotAsRead(f"{original.path.name} changed while it was looked at; read it again")
        self._keep(key, made)
        return made

    def _keep(self, key: _Key, made: bytes) -> None:
        with self._lock:
            self._room += len(self._kept.pop(key, b""))
            self._kept[key] = made
            self._room -= len(made)
            while self._room < 0:
                self._room += len(self._kept.popitem(last=False)[1])
