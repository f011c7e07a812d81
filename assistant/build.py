"""The composition root: the only module that turns ``Settings`` into the parts that work together.

Parts are made when they are first needed: listing files loads no model, searching loads no language model.
"""

from __future__ import annotations

import os
import shlex
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from assistant import models, renewal, text_models
from assistant.absent import why_absent
from assistant.answering import Answerer
from assistant.answers import Event
from assistant.by_picture import PictureSearch
from assistant.conversations import Conversations
from assistant.dictation import dictated, recording
from assistant.file_details import FileDetails, details
from assistant.inventory import Inventory, bytes_below
from assistant.lending import Lending
from assistant.llm import LanguageModel, LlamaCpp
from assistant.llm_server import OpenAIServer
from assistant.part import part as _part
from assistant.previews import Previews
from assistant.prompt import LARGE, SMALL, Style
from assistant.retrieve import Retriever
from assistant.settings import Settings
from assistant.sight import Sights
from assistant.sources import Sources
from assistant.text_parts import TextParts, TextSide
from assistant.why import Asked, Inquiry, Why, before_searching
from indexers.errors import LibraryBroken, LibraryInUse, ModelMissing, NotWritten, UsageError
from indexers.ignore import Ignore
from indexers.library import Library
from indexers.mending import mend_pictures, mend_texts
from indexers.pipeline import Pipeline
from indexers.places import below
from indexers.protocols import ImageEmbedder, Ocr, TextEmbedder, Transcriber
from indexers.reading import FileReader
from indexers.reembedding import ReindexReport
from indexers.reports import AddReport
from indexers.sandbox import Sandbox
from indexers.senses import Senses
from indexers.watch import Watcher

_SMALL_BYTES = 700_000_000
"""A quantised model file below this holds fewer than about a billion parameters."""

_LOOK_S = 20.0
"""The most that making one preview may take: nobody waits longer for a picture."""


class Parts:
    """What an ``Assistant`` is made of, each part made on first use and only once.

    Args:
        settings: what to make.
        create: make the library if it is not there; the user's default one always is.
    """

    def __init__(self, settings: Settings, *, create: bool = True) -> None:
        self._take_on(settings)
        self._create = create
        self.mutex = threading.RLock()
        said = settings.text_model_path or settings.text_model
        self.named_text_model = text_models.origin(said) if said else ""
        self._text_side = TextSide(
            self, said=self.named_text_model, cache_dir=settings.cache_dir, threads=settings.threads or None
        )
        self._lending = Lending()
        self._watchers: weakref.WeakSet[Watcher] = weakref.WeakSet()

    def _take_on(self, settings: Settings) -> None:
        self._settings = settings
        self.way_to_images = f"locus models pull {settings.image_model}"
        self.abstain_below = settings.abstain_below
        self.answer_words = settings.answer_words
        self.hidden = settings.hidden
        models.hub_environment(offline=settings.offline)

    def close(self, patience_s: float | None = None) -> None:
        """Closes what was made; ``patience_s`` is how long to wait for what is being stored (None: to its end)."""
        made = vars(self)
        for name in ("sandbox", "_eyes"):
            if name in made:
                made[name].close()
        if made.get("llm") is not None:
            made["llm"].close()
        self._lending.close()
        if "inventory" in made:
            self.inventory.close()
        if "conversations" in made:
            self.conversations.close()
        if "library" in made:
            self.library.close(patience_s)

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
    def conversations(self) -> Conversations:
        """What was asked of the library and answered."""
        return Conversations(self.library.root / "conversations.sqlite", self._held)

    def _held(self, paths: Sequence[str]) -> Collection[str]:
        with self.library.mutex:
            return self.library.catalog.stamps(paths).keys()

    def follow(self, report: AddReport) -> None:
        """Lets conversations follow what has happened to documents: those that are gone are quoted no more.

        Where that can not be done now, nothing fails: the next change makes up for it, and ``doctor`` tells of damage.
        """
        with suppress(LibraryBroken, LibraryInUse, NotWritten):
            if moves := {file.was: file.path for file in report.files if file.was}:
                self.conversations.moved(moves)
            self.conversations.forget()

    @property
    def inbox(self) -> Path:
        """Where files are kept that came without a lasting place."""
        root = self.library.root
        return self._settings.inbox or root.with_name(f"{root.name}-files")

    @_part
    def inventory(self) -> Inventory:
        """What is looked at again and again: numbers and lists."""
        return Inventory(self.library.root, self.library.at_work, self._settings.cache_dir, self._lacking)

    @property
    def texts(self) -> TextParts:
        """What rests on the text model that the library is bound to now."""
        return self._text_side.current()

    @property
    def embedder(self) -> TextEmbedder:
        """The text model."""
        return self.texts.embedder

    @property
    def pipeline(self) -> Pipeline:
        """What adds and removes files."""
        return self.texts.pipeline

    @property
    def retriever(self) -> Retriever:
        """What searches."""
        return self.texts.retriever

    @property
    def picture_search(self) -> PictureSearch:
        """What searches with a picture."""
        return self.texts.picture_search

    @property
    def answerer(self) -> Answerer:
        """What answers questions."""
        return self.texts.answerer

    def reindex(self, text_model: Path | str, on_progress: Callable[[int, int], None] | None) -> ReindexReport:
        """Binds the library to another text model, which is the one in use from then on."""
        return self._text_side.reindex(text_model, on_progress)

    def text_model(self) -> str:
        """The text model in use, by its name or folder; loads none, and makes no library."""
        root = self._settings.library.expanduser()
        return self._text_side.name(has_library=(root / "catalog.sqlite").is_file())

    @_part
    def sandbox(self) -> Sandbox:
        """Where files are read."""
        settings = self._settings
        return Sandbox(
            timeout_s=settings.read_seconds,
            cpu_s=settings.read_cpu_seconds,
            memory_bytes=settings.read_memory_mb * 1_000_000,
        )

    def watcher(self, on_report: Callable[[AddReport], None], **told: Any) -> Watcher:
        """What keeps the library in step with its folders; ``told`` as ``Watcher`` takes it."""

        def followed(report: AddReport) -> None:
            self.follow(report)
            on_report(report)

        made = Watcher(
            self.library,
            lambda: self.pipeline,
            rescan_s=60.0 * self._settings.rescan_minutes,
            refresh=self.find_models,
            on_report=followed,
            **told,
        )
        self._watchers.add(made)
        return made

    # --- settings ------------------------------------------------------------------------------

    def check(self, settings: Settings) -> None:
        """Whether what the settings name can be had, as far as it would be new and is to be taken on at once.

        Raises:
            UsageError: there is no model of a name, or an address is not one.
            ModelMissing: nothing is at a path.
        """
        changed = self._changed(settings)
        for role in ("image", "speech"):
            if changed & {f"{role}_model", f"{role}_model_path"}:
                given = getattr(settings, f"{role}_model"), getattr(settings, f"{role}_model_path")
                models.find_named(*given, settings.cache_dir)
        if changed & {"llm", "llm_path"} and not settings.llm_url:
            models.find_named(settings.llm, settings.llm_path, settings.cache_dir)
        if settings.llm_url and changed & {"llm_url", "llm_api_key", "allow_remote"}:
            _server(settings).close()

    def apply(self, settings: Settings) -> Settings:
        """Takes on what can be while questions are answered and files read; gives the settings that are in force then.

        A language model that is writing is closed when it is done; the next question loads the new one.

        Raises:
            UsageError, ModelMissing: as ``check``; nothing was changed.
        """
        self.check(settings)
        with self.mutex:
            changed = self._changed(settings)
            if not changed:
                return self._settings
            self._take_on(replace(self._settings, **{name: getattr(settings, name) for name in changed}))
            made = vars(self)
            renewed = renewal.renewed(changed)
            given_up = made.get("llm") if "llm" in renewed else None
            has_senses = "senses" in made
            for name in renewed:
                made.pop(name, None)
            if has_senses:
                # At once: whoever holds the library must not have to wait for what waits for the library.
                senses = self.senses
                if "reader" in made:
                    self.reader.senses = senses
            self._text_side.renew()
            for watcher in self._watchers:
                watcher.rescan_s = 60.0 * settings.rescan_minutes
        if given_up is not None:
            self._lending.give_up(given_up)
        return self._settings

    def _changed(self, settings: Settings) -> set[str]:
        """The settings that differ from those in force and take effect at once."""
        names = {each.name for each in fields(Settings)} & renewal.AT_ONCE
        return {name for name in names if getattr(settings, name) != getattr(self._settings, name)}

    def stream(self, question: str, **options: Any) -> Iterator[Event]:
        """The events of one question; its language model is not closed before the last of them."""
        with ExitStack() as held:
            answerer = self.answerer
            while not held.enter_context(self._lending.use(answerer.llm)):
                answerer = self.answerer  # another one was chosen at this moment
            yield from answerer.stream(question, **options)

    def find_models(self) -> None:
        """Looks for models that were missing: what waits for them is finished by the next ``add``."""
        with self.mutex:
            made = vars(self)
            missing = [name for name in ("_image_folder", "_speech_folder") if made.get(name, "") is None]
            for name in missing:
                del made[name]
            if any(getattr(self, name) is not None for name in missing):
                for name in ("senses", "sights"):
                    made.pop(name, None)
                self.reader.senses = self.senses
                self._text_side.renew()

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

    def has_model(self, role: str) -> bool:
        """Whether a model that looks ("image") or listens ("speech") is there; loads none."""
        return {"image": self._image_folder, "speech": self._speech_folder}[role] is not None

    def transcribe(self, path: Path) -> str:
        """What is said in a recording; a speech model that was missing is looked for once more."""
        source = recording(path)
        if self.senses.speech is None:
            self.find_models()
        return dictated(source, self.sandbox, self.speech)

    @_part
    def _image_folder(self) -> Path | None:
        settings = self._settings
        return models.find_named(settings.image_model, settings.image_model_path, settings.cache_dir)

    @_part
    def _speech_folder(self) -> Path | None:
        settings = self._settings
        return models.find_named(settings.speech_model, settings.speech_model_path, settings.cache_dir)

    def _lacking(self) -> list[models.ModelSpec]:
        """The models of the catalogue that the settings name, and that are not on this machine."""
        chosen = self._settings
        wanted = [(self.text_model(), chosen.text_model_path), (chosen.image_model, chosen.image_model_path)]
        wanted.append((chosen.speech_model, chosen.speech_model_path))
        if not chosen.llm_url:
            wanted.append((chosen.llm, chosen.llm_path))
        names = {name.casefold() for name, path in wanted if path is None}
        specs = [spec for spec in models.CATALOGUE if spec.name.casefold() in names]
        return [spec for spec in specs if models.find(spec, path=None, cache_dir=chosen.cache_dir) is None]

    @_part
    def sights(self) -> Sights:
        """What searches pictures."""
        return Sights(self.library, self.senses.images)

    @_part
    def llm(self) -> LanguageModel | None:
        """What writes answers; None when the settings say "none"."""
        settings = self._settings
        if settings.llm_url:
            return _server(settings)
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

    def warm_up(self, on_step: Callable[[str], None]) -> None:
        """Loads what questions need: the text model with the indexes, then the language model of this machine."""
        on_step("the text model")
        self.retriever.search("locus", 1)
        on_step("the language model")
        if isinstance(self.llm, LlamaCpp):
            self.llm.count_tokens("locus")

    # --- about one file ------------------------------------------------------------------------

    @_part
    def sources(self) -> Sources:
        """The documents as they can be shown."""
        return Sources(self.library, self._why_absent)

    @_part
    def previews(self) -> Previews:
        """What makes pictures of documents."""
        return Previews(self.sources, self._eyes)

    @_part
    def _eyes(self) -> Sandbox:
        settings = self._settings
        return Sandbox(
            workers=2,
            timeout_s=min(_LOOK_S, settings.read_seconds),
            cpu_s=min(_LOOK_S, settings.read_cpu_seconds),
            memory_bytes=settings.read_memory_mb * 1_000_000,
        )

    def file(self, path: str) -> FileDetails:
        """The details of the file at ``path``; raises ``UsageError`` if the library does not hold it."""
        with self.library.mutex:
            found = details(self.library.catalog, path, self._way_to_finish)
        if found is None:
            raise UsageError(self._why_absent(path))
        at_work = self.library.at_work()
        if path in at_work:
            found = replace(found, document=replace(found.document, status=at_work[path]))
        return found

    def why(self, asked: Asked) -> Why:
        """Where a document stands in a search; loads no model where it can not be found at all."""
        before = before_searching(self.library, asked, self._why_absent, self._way_to_finish)
        if isinstance(before, Why):
            return before
        return Inquiry(self.library, self.retriever, self.embedder, self._way_to_finish).why(asked, before)

    def _why_absent(self, path: str) -> str:
        if (status := self.library.at_work().get(path)) is not None:
            return f"{path} is not in the library yet: it is {status}"
        return why_absent(path, self.library.root, self.reader.refusal, self._is_left_out)

    def _is_left_out(self, path: str) -> bool:
        """Whether a file is passed over where its folder is read; as far as is known, which folders those are."""
        with self.library.mutex:
            folders = [folder.path for folder in self.library.catalog.folders()]
        above = [folder for folder in folders if path.startswith(below(folder))]
        return all(Ignore(root, hidden=self.hidden).file(path) for root in above or [os.sep])

    def _way_to_finish(self, model: str, path: str) -> str:
        """The command after which the file at ``path`` no longer waits for a model."""
        names = {"image": self._settings.image_model, "speech": self._settings.speech_model}
        is_there = {"image": self.senses.images, "speech": self.senses.speech}[model] is not None
        with self.library.mutex:
            holder = self.library.catalog.outermost(path)
        return f"locus add {shlex.quote(holder)}" if is_there else f"locus models pull {names[model]}"

    # --- about the whole -----------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Numbers about the library and the models in use; loads no model."""
        with self.library.mutex:
            counts = self.library.catalog.counts()
            documents = self.library.catalog.documents()
            bound = self.library.catalog.binding()
            watched = [folder.path for folder in self.library.catalog.folders(watched=True)]
            damaged = self.library.catalog.damaged()
        states = Counter(document.status.value for document in documents)
        waiting = Counter(model for document in documents for model in document.pending)
        settings = self._settings
        return {
            "library": str(self.library.root),
            "files": counts["files"],
            "chunks": counts["chunks"],
            "statuses": dict(sorted(states.items())),
            "waiting": dict(sorted(waiting.items())),
            "watched": watched,
            "bytes": bytes_below(self.library.root),
            "damaged": [f"{bad.path}: the vector of its chunk {bad.number + 1}" for bad in damaged],
            "text_space": bound.space,
            "text_model": bound.name or self.text_model(),
            "text_model_next": bound.next_model,
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
        if repair or compact:
            self.conversations.forget()
        if compact:
            self.library.compact()
            self.conversations.vacuum()
        with self.library.mutex:
            problems = self.library.catalog.problems()
        problems += self.conversations.problems()
        # Indexes can only be made from a sound catalog.
        return problems or self.library.snapshot_problems()

    def style(self) -> Style:
        """How the language model is led."""
        choice = self._settings.llm_small
        if choice != "auto":
            return SMALL if choice.lower() in ("1", "true", "yes", "on") else LARGE
        path = None if self._settings.llm_url else self._llm_path
        return SMALL if path is None or path.stat().st_size < _SMALL_BYTES else LARGE


def _server(settings: Settings) -> OpenAIServer:
    """The server that the settings name; it is not asked anything yet."""
    return OpenAIServer(
        settings.llm_url,
        model=settings.llm_model,
        api_key=settings.llm_api_key or None,
        allow_remote=settings.allow_remote,
    )
