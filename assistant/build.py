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
from assistant.by_picture import PictureSearch
from assistant.llm import LanguageModel, LlamaCpp
from assistant.llm_server import OpenAIServer
from assistant.prompt import LARGE, SMALL, Style
from assistant.retrieve import Retriever
from assistant.settings import Settings
from assistant.sight import Sights
from indexers.embedders.text import SentenceEmbedder
from indexers.errors import ModelMissing, UsageError
from indexers.library import Library
from indexers.mending import mend_pictures, mend_texts
from indexers.pipeline import Pipeline
from indexers.protocols import ImageEmbedder, Ocr, TextEmbedder, Transcriber
from indexers.reading import FileReader
from indexers.sandbox import Sandbox
from indexers.senses import Senses

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
        return Pipeline(self.library, self.embedder, self.reader)

    @_part
    def reader(self) -> FileReader:
        """What reads files."""
        settings = self._settings
        return FileReader(
            self.sandbox,
            self.senses,
            self.library.unfinished,
            max_bytes=settings.max_file_mb * 1_000_000,
            max_media_bytes=settings.max_media_mb * 1_000_000,
        )

    @_part
    def senses(self) -> Senses:
        """The models that look and listen, as far as they are on this machine."""
        return Senses(
            ocr=(lambda: self.ocr) if self._settings.ocr else None,
            images=(lambda: self.images) if self._image_folder else None,
            speech=(lambda: self.speech) if self._speech_folder else None,
        )

    @_part
    def ocr(self) -> Ocr:
        """What reads text in pictures."""
        from indexers.ocr import RapidOcr

        return RapidOcr(threads=self._settings.threads or None)

    @_part
    def images(self) -> ImageEmbedder:
        """The image embedder of the settings."""
        from indexers.embedders.clip import ClipEmbedder

        settings = self._settings
        folder = self._image_folder
        if folder is None:
            raise ModelMissing(f"there is no image model; run: locus models pull {settings.image_model}")
        return ClipEmbedder(
            folder, name=settings.image_model, cache_dir=settings.cache_dir, threads=settings.threads or None
        )

    @_part
    def speech(self) -> Transcriber:
        """The speech model of the settings."""
        from indexers.speech import WhisperTranscriber

        settings = self._settings
        folder = self._speech_folder
        if folder is None:
            raise ModelMissing(f"there is no speech model; run: locus models pull {settings.speech_model}")
        return WhisperTranscriber(folder, name=settings.speech_model, threads=settings.threads or None)

    @_part
    def _image_folder(self) -> Path | None:
        return self._found(self._settings.image_model, self._settings.image_model_path)

    @_part
    def _speech_folder(self) -> Path | None:
        return self._found(self._settings.speech_model, self._settings.speech_model_path)

    def _found(self, name: str, path: Path | None) -> Path | None:
        if name.lower() == "none":
            return None
        if path is not None:
            return models.existing(path)
        return models.find(models.spec(name), path=None, cache_dir=self._settings.cache_dir)

    @_part
    def retriever(self) -> Retriever:
        """What searches."""
        self.library.check_space(self.embedder.space)
        return Retriever(self.library, self.embedder, self.sights)

    @_part
    def sights(self) -> Sights:
        """What searches pictures."""
        return Sights(self.library, self.senses.images)

    @_part
    def picture_search(self) -> PictureSearch:
        """What searches with a picture."""
        way = f"locus models pull {self._settings.image_model}"
        return PictureSearch(self.library, self.retriever, self.embedder, self.sights, self.reader, way)

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
            documents = self.library.catalog.documents()
            damaged = self.library.catalog.damaged()
            space = self.library.catalog.fact("text_space") or ""
        states = Counter(document.status.value for document in documents)
        waiting = Counter(model for document in documents for model in document.pending)
        settings = self._settings
        return {
            "library": str(self.library.root),
            "files": counts["files"],
            "chunks": counts["chunks"],
            "statuses": dict(sorted(states.items())),
            "waiting": dict(sorted(waiting.items())),
            "bytes": sum(_bytes(path) for path in self.library.root.rglob("*")),
            "damaged": [f"{bad.path}: the vector of its chunk {bad.number + 1}" for bad in damaged],
            "text_space": space,
            "text_model": settings.text_model,
            "image_model": str(self._image_folder or ""),
            "speech_model": str(self._speech_folder or ""),
            "llm": settings.llm_url or str(settings.llm_path or settings.llm),
            "offline": settings.offline,
        }

    def doctor(
        self, *, repair: bool = False, compact: bool = False, on_repair: Callable[[str], None] = lambda _line: None
    ) -> list[str]:
        """What is wrong with the library; with ``repair``, what is left after what can be repaired was."""
        if repair:
            for line in mend_texts(self.library, lambda: self.embedder):
                on_repair(line)
            for line in mend_pictures(self.library, lambda: self.pipeline):
                on_repair(line)
            self.library.drop_snapshots()
        if compact:
            self.library.compact()
        with self.library.mutex:
            problems = self.library.catalog.problems()
        # Indexes can only be made from a sound catalog.
        return problems or self.library.snapshot_problems()

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
