"""The composition root: the only module that turns ``Settings`` into the parts that work together.

Parts are made when they are first needed: listing files loads no model, searching loads no language model.
"""

from __future__ import annotations

import shlex
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from assistant import models
from assistant.answering import Answerer
from assistant.llm import LanguageModel, LlamaCpp
from assistant.llm_server import OpenAIServer
from assistant.prompt import LARGE, SMALL, Style
from assistant.retrieve import Retriever
from assistant.settings import Settings
from indexers.embedders.text import SentenceEmbedder
from indexers.errors import UsageError
from indexers.library import Library
from indexers.pipeline import Pipeline
from indexers.protocols import TextEmbedder
from indexers.sandbox import Sandbox

_SMALL_BYTES = 700_000_000
"""A quantised model file below this holds fewer than about a billion parameters."""


_Made = TypeVar("_Made")


class _part(Generic[_Made]):  # noqa: N801 - a decorator, as ``property`` is
    """A part that is made when it is first asked for, once even if two threads ask."""

    def __init__(self, make: Callable[[Parts], _Made]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __get__(self, parts: Parts, _owner: type[Parts] | None = None) -> _Made:
        # What is made lies in the object's own dictionary from then on, which is looked into before this.
        with parts.mutex:
            made = vars(parts)
            if self._make.__name__ not in made:
                made[self._make.__name__] = self._make(parts)
            part: _Made = made[self._make.__name__]
            return part


class Parts:
    """What an ``Assistant`` is made of, each part made on first use and only once.

    Args:
        settings: what to make.
        create: make the library if it is not there; the user's default one always is.
    """

    def __init__(self, settings: Settings, *, create: bool = True) -> None:
        self._settings = settings
        self._create = create
        self.mutex = threading.RLock()
        models.hub_environment(offline=settings.offline)

    def close(self) -> None:
        """Closes what was made."""
        made = vars(self)
        if "sandbox" in made:
            self.sandbox.close()
        if made.get("llm") is not None:
            made["llm"].close()
        if "library" in made:
            self.library.close()

    @_part
    def library(self) -> Library:
        """The library of the settings."""
        root = self._settings.library.expanduser().absolute()
        is_default = root == Settings().library.absolute()
        if not self._create and not is_default and not (root / "catalog.sqlite").is_file():
            command = f"locus --library {shlex.quote(str(root))} add PATH"
            raise UsageError(f"there is no library at {root}; make one with: {command}")
        return Library(root)

    @_part
    def embedder(self) -> TextEmbedder:
        """The text embedder of the settings."""
        settings = self._settings
        spec = models.spec(settings.text_model)
        folder = models.require(spec, path=settings.text_model_path, cache_dir=settings.cache_dir)
        return SentenceEmbedder(folder, name=spec.name, cache_dir=settings.cache_dir, threads=settings.threads or None)

    @_part
    def sandbox(self) -> Sandbox:
        """Where files are read."""
        settings = self._settings
        return Sandbox(timeout_s=settings.read_seconds, memory_bytes=settings.read_memory_mb * 1_000_000)

    @_part
    def pipeline(self) -> Pipeline:
        """What adds and removes files."""
        return Pipeline(
            self.library, self.embedder, self.sandbox, max_file_bytes=self._settings.max_file_mb * 1_000_000
        )

    @_part
    def retriever(self) -> Retriever:
        """What searches."""
        self.library.check_space(self.embedder.space)
        return Retriever(self.library, self.embedder)

    @_part
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

    @_part
    def _llm_path(self) -> Path | None:
        settings = self._settings
        if settings.llm.lower() == "none":
            return None
        if settings.llm_path is not None:
            return models.existing(settings.llm_path)
        return models.require(models.spec(settings.llm), path=None, cache_dir=settings.cache_dir)

    @_part
    def answerer(self) -> Answerer:
        """What answers questions."""
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
            "bytes": sum(_bytes(path) for path in self.library.root.rglob("*")),
            "text_space": space,
            "text_model": self._settings.text_model,
            "llm": self._settings.llm_url or str(self._settings.llm_path or self._settings.llm),
            "offline": self._settings.offline,
        }

    def doctor(self, *, mend: bool) -> list[str]:
        """What is wrong with the library; with ``mend``, what can be mended is, and what is left to do is said."""
        space, dim = self._space()
        problems: list[str] = []
        if mend:
            with self.library.writing() as catalog:
                forgotten = catalog.remove_damaged()
            problems = [
                f"{path} was damaged in the library and is forgotten; read it again with: locus add {shlex.quote(path)}"
                for path in _outermost(forgotten)
            ]
            if dim is not None:
                self.library.drop_snapshots(space, dim)
        with self.library.mutex:
            problems += self.library.catalog.problems()
        if dim is not None and not problems:
            # Indexes can only be made from a sound catalog.
            problems += self.library.snapshot_problems(space, dim)
        return problems

    def _space(self) -> tuple[str, int | None]:
        """The space of the library's texts and its dimensions, None while nothing was embedded."""
        with self.library.mutex:
            space = self.library.catalog.fact("text_space") or ""
            return space, self.library.catalog.dim(space)

    def _style(self) -> Style:
        choice = self._settings.llm_small
        if choice != "auto":
            return SMALL if choice.lower() in ("1", "true", "yes", "on") else LARGE
        path = None if self._settings.llm_url else self._llm_path
        return SMALL if path is None or path.stat().st_size < _SMALL_BYTES else LARGE


def _bytes(path: Path) -> int:
    """The size of a file; 0 for a folder, and for a file that another process has just replaced."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


def _outermost(paths: list[str]) -> list[str]:
    """Files without the documents inside them."""
    return [path for path in paths if not any(path.startswith(f"{other}!/") for other in paths)]
