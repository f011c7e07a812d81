"""The composition root: turns ``Settings`` into the parts that work together; for models it is ``build_models``.

Parts are made when they are first needed: listing files loads no model, searching loads no language model.
"""

from __future__ import annotations

import shlex
import threading
import weakref
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from assistant import doctor, models, renewal, text_models
from assistant.answering import Answerer
from assistant.answers import Event
from assistant.build_models import ModelParts
from assistant.by_picture import PictureSearch
from assistant.conversations import Conversations
from assistant.dictation import dictated, recording
from assistant.file_questions import FileQuestions
from assistant.inventory import Inventory
from assistant.lending import Lending
from assistant.llm import LlamaCpp
from assistant.part import part
from assistant.previews import Previews
from assistant.retrieve import Retriever
from assistant.settings import Settings
from assistant.sight import Sights
from assistant.sources import Sources
from assistant.status import InUse, status
from assistant.text_parts import TextParts, TextSide
from indexers.errors import LibraryBroken, LibraryInUse, NotWritten, UsageError
from indexers.library import Library
from indexers.pipeline import Pipeline
from indexers.protocols import TextEmbedder
from indexers.reading import FileReader
from indexers.reembedding import ReindexReport
from indexers.reports import AddReport
from indexers.sandbox import Sandbox
from indexers.watch import Watcher

_LOOK_S = 20.0
"""The most that making one preview may take: nobody waits longer for a picture."""


class Parts(ModelParts):
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
        for name in ("inventory", "conversations"):
            if name in made:
                made[name].close()
        if "library" in made:
            self.library.close(patience_s)

    @part
    def library(self) -> Library:
        """The library of the settings."""
        root = self._settings.library.expanduser().absolute()
        is_default = root == Settings().library.absolute()
        if not self._create and not is_default and not (root / "catalog.sqlite").is_file():
            command = f"locus --library {shlex.quote(str(root))} add PATH"
            raise UsageError(f"there is no library at {root}; make one with: {command}")
        return Library(root)

    @part
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

    @part
    def inventory(self) -> Inventory:
        """What is looked at again and again: numbers and lists."""
        return Inventory(
            self.library.root, self.library.at_work, self._settings.cache_dir, lambda: self.lacking(self.text_model())
        )

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

    @part
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

    def apply(self, settings: Settings) -> Settings:
        """Takes on what can be while questions are answered and files read; gives the settings that are in force then.

        A language model that is writing is closed when it is done; the next question loads the new one.

        Raises:
            UsageError, ModelMissing: as ``check``; nothing was changed.
        """
        self.check(settings)
        with self.mutex:
            changed = renewal.changed(self._settings, settings)
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

    @part
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

    def transcribe(self, path: Path) -> str:
        """What is said in a recording; a speech model that was missing is looked for once more."""
        source = recording(path)
        if self.senses.speech is None:
            self.find_models()
        return dictated(source, self.sandbox, self.speech)

    @part
    def sights(self) -> Sights:
        """What searches pictures."""
        return Sights(self.library, self.senses.images)

    def warm_up(self, on_step: Callable[[str], None]) -> None:
        """Loads what questions need: the text model with the indexes, then the language model of this machine."""
        on_step("the text model")
        self.retriever.search("locus", 1)
        on_step("the language model")
        if isinstance(self.llm, LlamaCpp):
            self.llm.count_tokens("locus")

    # --- files ---------------------------------------------------------------------------------

    @part
    def file_questions(self) -> FileQuestions:
        """What knows about single files."""
        return FileQuestions(self)

    @part
    def sources(self) -> Sources:
        """The documents as they can be shown."""
        return Sources(self.library, self.file_questions.why_absent)

    @part
    def previews(self) -> Previews:
        """What makes pictures of documents."""
        return Previews(self.sources, self._eyes)

    @part
    def _eyes(self) -> Sandbox:
        settings = self._settings
        return Sandbox(
            workers=2,
            timeout_s=min(_LOOK_S, settings.read_seconds),
            cpu_s=min(_LOOK_S, settings.read_cpu_seconds),
            memory_bytes=settings.read_memory_mb * 1_000_000,
        )

    # --- about the whole -----------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Numbers about the library and the models in use; loads no model."""
        settings = self._settings
        return status(
            self.library,
            InUse(
                text=self.text_model(),
                image=str(self._image_folder or ""),
                speech=str(self._speech_folder or ""),
                llm=settings.llm_url or str(settings.llm_path or settings.llm),
                offline=settings.offline,
            ),
        )

    def doctor(
        self, *, repair: bool = False, compact: bool = False, on_repair: Callable[[str], None] = lambda _line: None
    ) -> list[str]:
        """What is wrong with the library; with ``repair``, what is left after what can be repaired was."""
        if repair:
            doctor.repair(self.library, lambda: self.embedder, lambda: self.pipeline, on_repair)
        if repair or compact:
            self.conversations.forget()
        if compact:
            doctor.compact(self.library, self.conversations)
        return doctor.problems(self.library, self.conversations)
