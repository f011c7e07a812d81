"""The composition root: the only module that turns ``Settings`` into the parts that work together.

Parts are made when they are first needed: listing files loads no model, searching loads no language model.
"""

from __future__ import annotations

import threading
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any

from assistant import models
from assistant.answering import Answerer
from assistant.llm import LanguageModel, LlamaCpp
from assistant.llm_server import OpenAIServer
from assistant.prompt import LARGE, SMALL, Style
from assistant.retrieve import Retriever
from assistant.settings import Settings
from indexers.embedders.text import SentenceEmbedder
from indexers.library import Library
from indexers.pipeline import Pipeline
from indexers.protocols import TextEmbedder
from indexers.sandbox import Sandbox

_SMALL_BYTES = 700_000_000
"""A quantised model file below this holds fewer than about a billion parameters."""


class Parts:
    """What an ``Assistant`` is made of, each part made on first use and only once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._mutex = threading.RLock()
        self.library = Library(settings.library.expanduser().absolute())

    def close(self) -> None:
        """Closes what was made."""
        made = vars(self)
        if "sandbox" in made:
            self.sandbox.close()
        if made.get("llm") is not None:
            self.llm.close()  # type: ignore[union-attr]
        self.library.close()

    @cached_property
    def embedder(self) -> TextEmbedder:
        """The text embedder of the settings."""
        settings = self._settings
        with self._mutex:
            spec = models.spec(settings.text_model)
            folder = models.require(spec, path=settings.text_model_path, cache_dir=settings.cache_dir)
            return SentenceEmbedder(
                folder, name=spec.name, cache_dir=settings.cache_dir, threads=settings.threads or None
            )

    @cached_property
    def sandbox(self) -> Sandbox:
        """Where files are read."""
        settings = self._settings
        return Sandbox(timeout_s=settings.read_seconds, memory_bytes=settings.read_memory_mb * 1_000_000)

    @cached_property
    def pipeline(self) -> Pipeline:
        """What adds and removes files."""
        return Pipeline(
            self.library, self.embedder, self.sandbox, max_file_bytes=self._settings.max_file_mb * 1_000_000
        )

    @cached_property
    def retriever(self) -> Retriever:
        """What searches."""
        with self._mutex:
            self.library.check_space(self.embedder.space)
            return Retriever(self.library, self.embedder)

    @cached_property
    def llm(self) -> LanguageModel | None:
        """What writes answers; None when the settings say "none"."""
        settings = self._settings
        if settings.llm_url:
            return OpenAIServer(
                settings.llm_url,
                model=settings.llm_model,
                api_key=settings.llm_api_key or None,
                allow_remote=settings.allow_remote,
            )
        path = self._llm_path
        return None if path is None else LlamaCpp(path, name=settings.llm, threads=settings.threads or None)

    @cached_property
    def _llm_path(self) -> Path | None:
        settings = self._settings
        if settings.llm.lower() == "none":
            return None
        if settings.llm_path is not None:
            return models.existing(settings.llm_path)
        return models.require(models.spec(settings.llm), path=None, cache_dir=settings.cache_dir)

    @cached_property
    def answerer(self) -> Answerer:
        """What answers questions."""
        with self._mutex:
            return Answerer(
                self.retriever,
                self.embedder,
                lambda word: self.library.words().weight(word),
                llm=self.llm,
                style=self._style(),
                abstain_below=self._settings.abstain_below,
            )

    # --- about the whole -----------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Numbers about the library and the models in use; loads no model."""
        with self.library.mutex:
            counts = self.library.catalog.counts()
            states = Counter(document.status.value for document in self.library.catalog.documents())
            space = self.library.catalog.fact("text_space") or ""
        return {
            "library": str(self.library.root),
            "files": counts["files"],
            "chunks": counts["chunks"],
            "statuses": dict(sorted(states.items())),
            "bytes": sum(path.stat().st_size for path in self.library.root.rglob("*") if path.is_file()),
            "text_space": space,
            "text_model": self._settings.text_model,
            "llm": self._settings.llm_url or str(self._settings.llm_path or self._settings.llm),
            "offline": self._settings.offline,
        }

    def doctor(self, *, mend: bool) -> list[str]:
        """What is wrong with the library; with ``mend``, the snapshots are first made anew from the catalog."""
        with self.library.mutex:
            problems = self.library.catalog.problems()
        space = self.library.catalog.fact("text_space") or ""
        dim = self.library.catalog.dim(space)
        if dim is not None:
            if mend:
                self.library.drop_snapshots(space, dim)
            problems += self.library.snapshot_problems(space, dim)
        return problems

    def _style(self) -> Style:
        choice = self._settings.llm_small
        if choice != "auto":
            return SMALL if choice.lower() in ("1", "true", "yes", "on") else LARGE
        path = None if self._settings.llm_url else self._llm_path
        return SMALL if path is None or path.stat().st_size < _SMALL_BYTES else LARGE
