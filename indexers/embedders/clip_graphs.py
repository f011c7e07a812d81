"""The exported graphs of a CLIP model, kept in the cache folder.

A graph's name holds the model's hash and the versions of the libraries that made it, and its own hash is remembered:
weights with a flipped bit load without complaint. A graph that is missing or damaged is exported again.
"""

from __future__ import annotations

import hashlib
import os
import threading
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from indexers.embedders.choice import Memory, library_versions
from indexers.embedders.clip_backends import TOWERS, Tower, export_tower, load_model
from indexers.embedders.clip_layout import ClipLayout
from indexers.embedders.layout import sha256_of
from indexers.errors import ModelFailed


class GraphCache:
    """One model's graphs. Calls from several threads are allowed."""

    def __init__(self, layout: ClipLayout, folder: Path, memory: Memory, sha256: str) -> None:
        """``folder`` is made when a graph is written; ``sha256`` is the model's."""
        versions = hashlib.sha256(f"{library_versions()} {open_clip_version()}".encode()).hexdigest()[:8]
        self._layout = layout
        self._folder = folder
        self._memory = memory
        self._stem = f"{sha256[:16]}-{versions}"
        self._lock = threading.Lock()

    def path(self, tower: Tower) -> Path:
        """The tower's graph, exported now if it is not there as it was written.

        Raises:
            ModelFailed: this architecture can not be exported, or the folder can not be written.
        """
        graph = self._path(tower)
        with self._lock:
            if not self._is_sound(graph):
                self._export()
        return graph

    def _path(self, tower: Tower) -> Path:
        return self._folder / f"{self._stem}-{tower}.onnx"

    def _is_sound(self, graph: Path) -> bool:
        return graph.is_file() and self._memory.get(graph.name) == sha256_of(graph)

    def _export(self) -> None:
        """Both towers at once: loading the model takes longer than a second graph."""
        model = load_model(self._layout, precision="fp32", device="cpu")
        for tower in TOWERS:
            graph = self._path(tower)
            temporary = graph.with_name(f"{graph.name}.{os.getpid()}.tmp")
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                export_tower(model, self._layout, tower, temporary)
                digest = sha256_of(temporary)
                temporary.replace(graph)
            except OSError as error:
                raise ModelFailed(f"the exported model can not be kept in {self._folder}: {error}") from error
            finally:
                with suppress(OSError):
                    temporary.unlink(missing_ok=True)
            self._memory.put(graph.name, digest)


def open_clip_version() -> str:
    """The version of open_clip, read without importing it."""
    return f"open-clip-torch={version('open-clip-torch')}"
