"""The models of the composition root: those that ``Settings`` name, found and made when they are first needed.

A model that is not on this machine is nothing to fail at before it is needed. What rests on the text model, which the
library has a say in, is in ``text_parts``.
"""

from __future__ import annotations

import threading
from pathlib import Path

from assistant import models, renewal
from assistant.llm import LanguageModel, LlamaCpp
from assistant.llm_server import OpenAIServer
from assistant.part import part
from assistant.prompt import LARGE, SMALL, Style
from assistant.settings import Settings
from indexers.errors import ModelMissing
from indexers.protocols import ImageEmbedder, Ocr, Transcriber
from indexers.senses import Senses

_SMALL_BYTES = 700_000_000
"""A quantised model file below this holds fewer than about a billion parameters."""


class ModelParts:
    """The models that look, listen and write. ``build.Parts`` has made what they need."""

    mutex: threading.RLock
    _settings: Settings

    @part
    def ocr(self) -> Ocr:
        """What reads text in pictures."""
        from indexers.ocr import RapidOcr

        return RapidOcr(threads=self._settings.threads or None)

    @part
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

    @part
    def speech(self) -> Transcriber:
        """The speech model of the settings."""
        from indexers.speech import WhisperTranscriber

        settings = self._settings
        folder = self._speech_folder
        if folder is None:
            raise ModelMissing(f"there is no speech model; run: locus models pull {settings.speech_model}")
        return WhisperTranscriber(folder, name=settings.speech_model, threads=settings.threads or None)

    @part
    def senses(self) -> Senses:
        """The models that look and listen, as far as they are on this machine."""
        return Senses(
            ocr=(lambda: self.ocr) if self._settings.ocr else None,
            images=(lambda: self.images) if self._image_folder else None,
            speech=(lambda: self.speech) if self._speech_folder else None,
        )

    @part
    def llm(self) -> LanguageModel | None:
        """What writes answers; None when the settings say "none"."""
        settings = self._settings
        if settings.llm_url:
            return _server(settings)
        path = self._llm_path
        return None if path is None else LlamaCpp(path, name=settings.llm, threads=settings.threads or None)

    def style(self) -> Style:
        """How the language model is led."""
        choice = self._settings.llm_small
        if choice != "auto":
            return SMALL if choice.lower() in ("1", "true", "yes", "on") else LARGE
        path = None if self._settings.llm_url else self._llm_path
        return SMALL if path is None or path.stat().st_size < _SMALL_BYTES else LARGE

    def has_model(self, role: str) -> bool:
        """Whether a model that looks ("image") or listens ("speech") is there; loads none."""
        return {"image": self._image_folder, "speech": self._speech_folder}[role] is not None

    def way_to_get(self, role: str) -> str:
        """The command that gets the model which the settings name for a role."""
        return f"locus models pull {getattr(self._settings, f'{role}_model')}"

    def lacking(self, text_model: str) -> list[models.ModelSpec]:
        """The models of the catalogue that are to be used, and that are not on this machine.

        Args:
            text_model: the one that is to be used; the others are those of the settings.
        """
        chosen = self._settings
        wanted = [(text_model, chosen.text_model_path), (chosen.image_model, chosen.image_model_path)]
        wanted.append((chosen.speech_model, chosen.speech_model_path))
        if not chosen.llm_url:
            wanted.append((chosen.llm, chosen.llm_path))
        names = {name.casefold() for name, path in wanted if path is None}
        specs = [spec for spec in models.CATALOGUE if spec.name.casefold() in names]
        return [spec for spec in specs if models.find(spec, path=None, cache_dir=chosen.cache_dir) is None]

    def check(self, settings: Settings) -> None:
        """Whether what the settings name can be had, as far as it would be new and is to be taken on at once.

        Raises:
            UsageError: there is no model of a name, or an address is not one.
            ModelMissing: nothing is at a path.
        """
        changed = renewal.changed(self._settings, settings)
        for role in ("image", "speech"):
            if changed & {f"{role}_model", f"{role}_model_path"}:
                given = getattr(settings, f"{role}_model"), getattr(settings, f"{role}_model_path")
                models.find_named(*given, settings.cache_dir)
        if changed & {"llm", "llm_path"} and not settings.llm_url:
            models.find_named(settings.llm, settings.llm_path, settings.cache_dir)
        if settings.llm_url and changed & {"llm_url", "llm_api_key", "allow_remote"}:
            _server(settings).close()

    @part
    def _image_folder(self) -> Path | None:
        settings = self._settings
        return models.find_named(settings.image_model, settings.image_model_path, settings.cache_dir)

    @part
    def _speech_folder(self) -> Path | None:
        settings = self._settings
        return models.find_named(settings.speech_model, settings.speech_model_path, settings.cache_dir)

    @part
    def _llm_path(self) -> Path | None:
        settings = self._settings
        if settings.llm.lower() == "none":
            return None
        if settings.llm_path is not None:
            return models.existing(settings.llm_path)
        return models.require(models.spec(settings.llm), path=None, cache_dir=settings.cache_dir)


def _server(settings: Settings) -> OpenAIServer:
    """The server that the settings name; it is not asked anything yet."""
    return OpenAIServer(
        settings.llm_url,
        model=settings.llm_model,
        api_key=settings.llm_api_key or None,
        allow_remote=settings.allow_remote,
    )
