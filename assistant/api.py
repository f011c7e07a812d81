"""``Assistant``: the facade that the command line, the page and other programs use."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from assistant import capacity, models, page
from assistant import settings as settings_
from assistant.answers import Answer, Answered, Event, Retrieved, Sentence
from assistant.capacity import Machine
from assistant.conversations import Conversations
from assistant.file_details import FileDetails
from assistant.folders import folders
from assistant.inbox import keep
from assistant.inventory import Inventory
from assistant.nearest import pointed
from assistant.page import Page
from assistant.settings import InForce, Settings
from assistant.sources import Original, Source
from assistant.watching import Watching
from assistant.why import Asked, Why
from indexers.activity import overlaid
from indexers.errors import OtherModel, UsageError
from indexers.filters import Days
from indexers.pipeline import AddReport, Progress
from indexers.previews import Look
from indexers.reembedding import ReindexReport
from indexers.types import MEDIA, Document, Hit
from indexers.walk import absolute

PathLike = Path | str
_Given = TypeVar("_Given")
_HEEDED_EVERY_S = 0.5
"""How often an interrupt is looked for while nothing is to be done."""

_PATIENCE_S = 5.0
"""How long closing waits for watching to store what it has read."""


class Assistant:
    """A library and what is needed to ask it.

    Opening is cheap: models load when they are first used. Safe to use from several threads.

    Args:
        library: its folder; None: the user's default library.
        create: make the library if it is missing. If false, one that is not there (and is not the user's default) is
            an error, told when it is first needed.
        settings: any of ``assistant.settings.Settings`` by name, before the environment and the settings file.

    Raises:
        UsageError: a setting is wrong, or the folder can not be one.
        LibraryBroken: the catalog can not be read.

    >>> with Assistant("~/my-library") as locus:            # doctest: +SKIP
    ...     locus.add(["~/Papers"])
    ...     print(locus.ask("When does the lease end?").text)
    """

    def __init__(self, library: PathLike | None = None, *, create: bool = True, **settings: Any) -> None:
        self._said = {"library": library, **settings}
        self._running = self._later = settings_.read(self._said)
        self._changing = threading.Lock()
        from assistant.build import Parts

        self._parts = Parts(self.settings, create=create)
        self._watching: list[Watching] = []
        if create:
            self._parts.library  # noqa: B018 - opens it, so that a folder that can not be one is told at once

    def __enter__(self) -> Assistant:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self, patience_s: float | None = None) -> None:
        """Ends watching, the reading processes and the language model, and closes the library.

        Args:
            patience_s: how long to wait for passages that are being embedded and stored; None: until they are. What
                was not stored then is read again the next time. Whoever did not wait ends the process by ``os._exit``:
                a model that is at work does not bear the interpreter's own end.
        """
        for watching in self._watching:
            # Whoever is reading a file still then is stopped by the end of the processes that read.
            watching.stop(_PATIENCE_S if patience_s is None else patience_s)
        self._parts.close(patience_s)

    # --- settings ------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._running.settings

    @property
    def settings_file(self) -> Path:
        """The settings file in force, whether or not it is there."""
        return self._running.file

    def settings_in_force(self) -> list[InForce]:
        """Every setting with its value, where that is from, what it means, and what it will be after a restart."""
        return settings_.in_force(self._running, self._later)

    def setting_problem(self, name: str, value: object) -> str:
        """Why a setting can not have this value, in a clause for a person; "" if it can."""
        return settings_.problem(name, value)

    def change_settings(self, changes: Mapping[str, Any]) -> list[str]:
        """Writes settings into the settings file and takes on what the file says, as far as that can be at once.

        What an argument or the environment says stays in force before the file. A language model that is writing an
        answer goes on to its end. Without ``changes`` the file is only read again.

        Args:
            changes: values by name; None takes the line away, so that the default holds.

        Returns:
            The settings that differ from those in force until Locus is started again.

        Raises:
            UsageError: a name is unknown, a value can not be what it must be, or the file can not be read; neither the
                file nor what is in force was changed, as with the other errors.
            ModelMissing: nothing is at the path of a model.
            NotWritten: the file can not be written.
        """
        with self._changing:
            if changes:
                loaded = settings_.change(changes, self._said, check=self._parts.check)
            else:
                loaded = settings_.read(self._said)
            now = self._parts.apply(loaded.settings)
            held = {name for name in loaded.sources if getattr(now, name) != getattr(loaded.settings, name)}
            before = self._running.sources
            sources = {name: before[name] if name in held else source for name, source in loaded.sources.items()}
            self._running, self._later = replace(loaded, settings=now, sources=sources), loaded
            return sorted(held)

    # --- what is in the library ----------------------------------------------------------------

    def add(
        self, paths: Iterable[PathLike] | PathLike, *, on_progress: Callable[[Progress], None] | None = None
    ) -> AddReport:
        """Indexes files and folders; what is unchanged costs a look, what is gone from a folder is forgotten.

        Raises:
            UsageError: a path does not exist; nothing was changed.
            LibraryInUse: another process writes to the library.
            ModelMissing: there is no text model.
        """
        return self._added(_listed(paths), on_progress)

    def finish(self, *, on_progress: Callable[[Progress], None] | None = None) -> AddReport:
        """Looks at and listens to what waited for a model that is there now; ``add`` does so too.

        Models that came since the library was opened are found.

        Raises:
            LibraryInUse: another process writes to the library.
        """
        self._parts.find_models()
        return self._added([], on_progress)

    def _added(
        self, paths: list[PathLike], on_progress: Callable[[Progress], None] | None, again: Sequence[str] = ()
    ) -> AddReport:
        report = _settled(lambda: self._parts.pipeline.add(paths, on_progress, again=again))
        self._parts.follow(report)
        return report

    def retry(
        self, paths: Iterable[PathLike] | PathLike, *, on_progress: Callable[[Progress], None] | None = None
    ) -> AddReport:
        """Reads files of the library again although they have not changed, or could not be read.

        Args:
            paths: files; folders for all that the library holds below them. Of a document inside a file, that file.
            on_progress: as in ``add``.

        Raises:
            UsageError: the library holds nothing at one of the paths, or the file is gone; nothing was changed.
            LibraryInUse: another process writes to the library.
        """
        known = self._known(paths)
        for path in known:
            if not os.path.lexists(path):
                raise UsageError(f"{path} is no longer on the disk; bring it back, or remove it from the library")
        return self._added([*known], on_progress, known)

    def _known(self, paths: Iterable[PathLike] | PathLike) -> list[str]:
        """The files of the library at and below ``paths``."""
        catalog, found = self._parts.library.catalog, dict[str, None]()
        with self._parts.library.mutex:
            for path in map(absolute, _listed(paths)):
                below = catalog.paths_under(path)
                if not below and (holder := catalog.outermost(path)) != path:
                    below = [holder]
                if not below:
                    raise UsageError(f"the library holds nothing at {path}; see `locus files`")
                found.update(dict.fromkeys(below))
        return list(found)

    def keep(self, path: PathLike, name: str = "") -> Path:
        """Copies a file that has no lasting place into the folder for such files (the setting ``inbox``).

        Nothing there is overwritten: the same file is kept once, another of the same name gets a number behind it.

        Args:
            path: the file.
            name: what it is to be called; "" as it is called.

        Returns:
            Where it lies from now on, to be given to ``add``.

        Raises:
            UsageError: it is no file.
            NotWritten: there is no room, or the folder can not be written.
        """
        return keep(Path(absolute(path)), self._parts.inbox, name)

    def reindex(self, text_model: PathLike, *, on_progress: Callable[[int, int], None] | None = None) -> ReindexReport:
        """Binds the library to another text model: embeds all passages with it, then answers with it.

        Questions are answered with the old model until then, here and in other processes. An interruption leaves the
        library with the old one; the same call goes on from there. The model in force gives up what was begun.

        Args:
            text_model: a name of the catalogue, or a folder with a sentence-transformers model.
            on_progress: called with the passages that are embedded and those that are to be.

        Raises:
            UsageError: there is no such model.
            ModelMissing: it is not on this machine.
            LibraryInUse: another process writes to the library.
        """
        return self._parts.reindex(text_model, on_progress)

    def remove(self, paths: Iterable[PathLike] | PathLike) -> int:
        """Forgets files and everything below folders; gives how many documents are gone. The files stay on disk.

        What was quoted from them in conversations is forgotten too.

        Raises:
            UsageError: the library holds nothing at one of the paths; nothing was changed.
            LibraryInUse: another process writes to the library, or keeps a conversation just now.
            LibraryBroken: the conversations are damaged.
        """
        listed = _listed(paths)
        for path in listed:
            with self._parts.library.mutex:
                if not self._parts.library.catalog.paths_under(absolute(path)):
                    raise UsageError(f"the library holds nothing at {absolute(path)}; see `locus files`")
        removed = self._parts.pipeline.remove(listed)
        self._parts.conversations.forget()
        return removed

    def files(self, *, media: Iterable[str] | None = None, under: PathLike | None = None) -> list[Document]:
        """Every file of the library and how well it was read, sorted by path."""
        library = self._parts.library
        with library.mutex:
            known = library.catalog.documents(media=_media(media), under=_under(under))
        return overlaid(known, library.at_work(), _under(under), new=media is None)

    def folders(self) -> list[tuple[str, int]]:
        """Folders to narrow a search by, each with the number of files below it, sorted by path."""
        library = self._parts.library
        with library.mutex:
            paths = library.catalog.paths_under(os.sep)
            added = [folder.path for folder in library.catalog.folders()]
        return folders(paths, added)

    def days(self, paths: Iterable[str]) -> dict[str, str]:
        """The day of each document, by its path, as ``search`` takes it: "2024-05-17", or only "2024-05" or "2024"."""
        with self._parts.library.mutex:
            known = self._parts.library.catalog.days_of(list(paths))
        return {
            path: own or datetime.fromtimestamp(changed_ns / 1e9).astimezone().date().isoformat()
            for path, (own, changed_ns) in known.items()
        }

    def file(self, path: PathLike) -> FileDetails:
        """Everything about one file, or about a document inside one ("mail.eml!/report.pdf").

        Raises:
            UsageError: the library does not hold it; the message says why.
        """
        return self._parts.file(absolute(path))

    def ids(self, paths: Iterable[PathLike]) -> dict[str, int]:
        """The id of the document at each of ``paths`` that the library holds: what its file is asked for by."""
        return self._parts.sources.ids(absolute(path) for path in paths)

    def source(self, document: PathLike | int) -> Source:
        """A document as it can be shown: its text in order, as it was read, and whether its file is still that.

        Args:
            document: a file, a document inside one ("mail.eml!/report.pdf"), or an id.

        Raises:
            NotHeld: the library does not hold it; the message says why.
        """
        sources = self._parts.sources
        return sources.by_id(document) if isinstance(document, int) else sources.source(absolute(document))

    def original(self, id: int) -> Original:
        """The file of a document, to be opened as long as it is what was read. Its ``path`` is where it is.

        Raises:
            NotHeld: no document of the library has this id.
            NotAsRead: its file has changed since it was read, is gone, or is inside another one.
        """
        return self._parts.sources.original(id)

    def preview(self, id: int, *, page: int | None = None, second: float | None = None, width: int = 1000) -> bytes:
        """A picture of a document as JPEG: of a page (from 1), a picture file, or a film at a second.

        Args:
            id: of the document.
            page: of a PDF, or of a picture file with pages.
            second: of a film; None: a little after its beginning.
            width: pixels, 64 to 2000; a picture that is smaller is not enlarged.

        Raises:
            NotHeld, NotAsRead: as ``original``.
            FileError: nothing of it can be seen.
        """
        return self._parts.previews.preview(id, Look(width, page, second))

    def status(self) -> dict[str, Any]:
        """Numbers about the library and the models in use, ready for JSON."""
        return self._parts.status()

    @property
    def inventory(self) -> Inventory:
        """The library in numbers and its files page by page, cheap enough to be looked at every second."""
        return self._parts.inventory

    def doctor(
        self, *, repair: bool = False, compact: bool = False, on_repair: Callable[[str], None] | None = None
    ) -> list[str]:
        """What is wrong with the library, one line each.

        Args:
            repair: first embed again what was damaged, from the text that is stored, and make the indexes anew.
            compact: clear what was removed from every file of the library; done now and then without being asked.
            on_repair: told what was repaired, a line at a time.

        Raises:
            LibraryInUse: another process changes the library now.
            NotWritten: the disk is full, or the library read-only.
            ModelMissing: a vector of a text is damaged, and its model is not there.
        """
        return self._parts.doctor(repair=repair, compact=compact, on_repair=on_repair or (lambda _line: None))

    @property
    def text_model(self) -> str:
        """The text model in use, by its name or folder."""
        return self._parts.text_model()

    @property
    def named_text_model(self) -> str:
        """The text model that the settings name; "" where they leave it to the library."""
        return self._parts.named_text_model

    # --- keeping in step -----------------------------------------------------------------------

    def watch(
        self,
        paths: Iterable[PathLike] | PathLike = (),
        *,
        poll: bool | None = None,
        on_report: Callable[[AddReport], None] = lambda _report: None,
        on_progress: Callable[[Progress], None] | None = None,
        on_note: Callable[[str], None] = lambda _line: None,
        gives_way: Callable[[], bool] = lambda: False,
    ) -> Watching:
        """Keeps the library in step with folders, in the background, until what it gives is stopped.

        The folders are remembered: without ``paths``, those named before are watched. Asking goes on meanwhile.

        Args:
            paths: folders to be watched from now on, beside those that are already.
            poll: look through these folders again and again rather than being told by the system; None: where the
                system is not told (network drives).
            on_report: is told what was done; from another thread, as the others.
            on_progress: is told how far a long piece of work is.
            on_note: is told, in a line, what a person should know: a folder that is out of reach.
            gives_way: asked between files; while true, the library is left to what else is asked of this assistant.

        Raises:
            UsageError: a path is no folder, or no folder was ever named.
            ModelMissing: there is no text model.
        """
        folders = [absolute(path) for path in _listed(paths)]
        for folder in folders:
            if not Path(folder).is_dir():
                raise UsageError(f"{folder} is no folder; name one to be watched")
        if folders:
            with self._parts.library.writing() as catalog:
                for folder in folders:
                    catalog.watch_folder(folder, poll=bool(poll))
        if not self.watched():
            raise UsageError("no folder is watched yet; name one: locus watch DIR")
        self._parts.pipeline  # noqa: B018 - a model that is missing is told at once
        watcher = self._parts.watcher(
            on_report=on_report, on_progress=on_progress, on_note=on_note, gives_way=gives_way
        )
        self._watching = [each for each in self._watching if each.is_running]
        self._watching.append(Watching(watcher))
        return self._watching[-1]

    def watched(self) -> list[str]:
        """The folders that the library is kept in step with, sorted."""
        with self._parts.library.mutex:
            return [folder.path for folder in self._parts.library.catalog.folders(watched=True)]

    def unwatch(self, paths: Iterable[PathLike] | PathLike) -> int:
        """Leaves folders to themselves from now on; what the library holds of them stays. Gives how many were watched.

        Raises:
            LibraryInUse: another process writes to the library.
        """
        with self._parts.library.writing() as catalog:
            return sum(catalog.unwatch_folder(absolute(path)) for path in _listed(paths))

    # --- the page ------------------------------------------------------------------------------

    def ui(
        self,
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        password: str | None = None,
        open_browser: bool = True,
        block: bool = True,
    ) -> Page:
        """Serves the page on which people ask in a browser.

        Args:
            host: where it is served; other than this machine alone only with a password.
            port: None: 7860, or the next free one; 0: any that is free.
            password: what everybody must say who opens it; None: the setting ``ui_password``, "": nothing.
            open_browser: open it.
            block: return when it has ended, as Ctrl-C makes it; else at once, with what ends it.

        Raises:
            UsageError: the host is not this machine, the port is taken, or a password is missing or too short.
            NotWritten: there is no room for what is uploaded to it.
        """
        served = page.start(
            self,
            host=host,
            port=port,
            password=self.settings.ui_password if password is None else password,
            max_upload_mb=self.settings.max_upload_mb,
            open_browser=open_browser,
        )
        if block:
            with served:
                while not served.wait(_HEEDED_EVERY_S):
                    pass
        return served

    # --- models --------------------------------------------------------------------------------

    def models(self) -> list[dict[str, Any]]:
        """The model catalogue, and which of it is on this machine."""
        return [row.to_dict() for row in models.installed(self.settings.cache_dir, self._model_paths())]

    def pull(
        self, name: str, *, revision: str | None = None, on_progress: Callable[[int, int], None] | None = None
    ) -> Path:
        """Downloads a model and checks it; gives where it is.

        Raises:
            UsageError: there is no model of that name.
            ModelMissing: it can not be had: offline is set, its revision is not known, or the download failed.
        """
        return models.pull(
            models.spec(name),
            cache_dir=self.settings.cache_dir,
            offline=self.settings.offline,
            revision=revision,
            progress=on_progress,
        )

    def warm_up(self, on_step: Callable[[str], None] = lambda _what: None) -> None:
        """Loads the models that questions need, so that the first one is answered as quickly as the next.

        Args:
            on_step: is told what is loaded next, in words for people.

        Raises:
            ModelMissing: one of them is not on this machine.
            ModelFailed: one of them could not be loaded.
        """
        self._parts.warm_up(on_step)

    def way_to_get(self, role: str) -> str:
        """The command that gets the model which the settings name for a role: "image" or "speech"."""
        return f"locus models pull {asdict(self.settings)[f'{role}_model']}"

    def machine(self) -> Machine:
        """The memory and the cores of this machine, by which a language model is chosen (see ``capacity``)."""
        return capacity.machine(self.settings.threads)

    def verify_models(self) -> list[dict[str, Any]]:
        """The check of every installed model's files against the hashes that are known."""
        named = self._model_paths()
        rows = [row for row in models.installed(self.settings.cache_dir, named) if row.path]
        return [
            models.verify(Path(row.path or ""), models.spec(row.name), is_named=row.name in named).to_dict()
            for row in rows
        ]

    def _model_paths(self) -> dict[str, Path]:
        chosen = self.settings
        named = {
            chosen.text_model: chosen.text_model_path,
            chosen.image_model: chosen.image_model_path,
            chosen.speech_model: chosen.speech_model_path,
            chosen.llm: chosen.llm_path,
        }
        return {name: path for name, path in named.items() if path is not None}

    # --- asking --------------------------------------------------------------------------------

    def search(
        self,
        query: str = "",
        *,
        k: int = 10,
        image: PathLike | None = None,
        media: Iterable[str] | None = None,
        under: PathLike | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> list[Hit]:
        """The ``k`` best places for ``query``, best first.

        Args:
            query: plain words; may be empty where there is an ``image``.
            k: the most hits.
            image: a picture to search by: those like it are found, and what is written in it and about it leads on.
            media: only these of "text", "image", "audio", "video".
            under: only this file, or files below this folder.
            since: only documents of this day or later: the one that they bear, else that on which the file was changed.
                One that bears a month or a year is of each of its days.
            until: only documents of this day or earlier.

        Raises:
            UsageError: nothing to search for, or a filter that can not be.
            ModelMissing: there is no text model, or none for pictures.
        """
        _check(query, k, may_be_empty=image is not None)
        kinds, folder, days = _media(media), _under(under), _days(since, until)
        if image is not None:
            picture = Path(absolute(image))
            if not picture.is_file():
                raise UsageError(f"there is no picture {picture}")
            if not self._is_empty():
                by_picture = _settled(
                    lambda: self._parts.picture_search.search(picture, query, k, media=kinds, under=folder, days=days)
                )
                return pointed(by_picture, query)
        if self._is_empty():
            return []
        by_words = _settled(lambda: self._parts.retriever.search(query, k, media=kinds, under=folder, days=days))
        return pointed(by_words, query)

    def why(
        self,
        query: str,
        path: PathLike,
        *,
        k: int = 10,
        media: Iterable[str] | None = None,
        under: PathLike | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> Why:
        """Where the document at ``path`` stands in a search by words, and what cut it off.

        Args:
            query: plain words, as in ``search``.
            path: a file, or a document inside one ("mail.eml!/report.pdf"). The library need not hold it.
            k: as in ``search``; so are the filters.
            media: only these of "text", "image", "audio", "video".
            under: only this file, or files below this folder.
            since: only documents of this day or later.
            until: only documents of this day or earlier.

        Raises:
            UsageError: nothing to search for, a filter that can not be, or the path is a folder's.
            ModelMissing: there is no text model.
        """
        _check(query, k)
        asked = Asked(query, absolute(path), k, _media(media), _under(under), _days(since, until))
        return _settled(lambda: self._parts.why(asked))

    def ask(self, question: str, **options: Any) -> Answer:
        """The answer to ``question``; options as in ``stream``."""
        answer: Answer | None = None
        for event in self.stream(question, **options):
            if isinstance(event, Answered):
                answer = event.answer
        assert answer is not None, "a stream always ends with an answer"
        return answer

    def stream(
        self,
        question: str,
        *,
        earlier: Sequence[str] = (),
        media: Iterable[str] | None = None,
        under: PathLike | None = None,
        since: date | None = None,
        until: date | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[Event]:
        """The events of one question: ``Retrieved``, ``Token``s of an unchecked draft, ``Answered``.

        Args:
            question: as typed.
            earlier: the questions before it in the conversation (``Answer.question`` of each), oldest first.
            media: only answer from these of "text", "image", "audio", "video".
            under: only answer from this file, or from files below this folder.
            since: only answer from documents of this day or later, as in ``search``.
            until: only answer from documents of this day or earlier.
            cancelled: asked between tokens; once true, writing ends.

        Raises:
            UsageError: the question is empty, or a filter that can not be.
            ModelMissing: there is no text model.
        """
        kinds, folder, days = _media(media), _under(under), _days(since, until)
        if question.strip() and self._is_empty():
            yield from _nothing_held(question)
        else:
            yield from _settled(
                lambda: _begun(
                    self._parts.stream(
                        question, earlier=earlier, media=kinds, under=folder, days=days, cancelled=cancelled
                    )
                )
            )

    def transcribe(self, path: PathLike) -> str:
        """What is said in a recording (its first five minutes), to be asked with; "" if nothing is. Nothing is stored.

        Raises:
            UsageError: there is no such file, or no sound in it.
            ModelMissing: there is no speech model.
            ModelFailed: the speech model failed.
        """
        file = Path(absolute(path))
        if not file.is_file():
            raise UsageError(f"there is no recording {file}")
        return self._parts.transcribe(file)

    def has_model(self, role: str) -> bool:
        """Whether there is a model for a role: "image" (what pictures show) or "speech" (what is said)."""
        return self._parts.has_model(role)

    @property
    def conversations(self) -> Conversations:
        """The conversations that are kept in the library; what documents say is in them only as long as it is held."""
        return self._parts.conversations

    def _is_empty(self) -> bool:
        """Whether there is nothing to find: then no model is loaded, nor missed."""
        with self._parts.library.mutex:
            return not self._parts.library.catalog.counts()["chunks"]


def _settled(call: Callable[[], _Given]) -> _Given:
    """What ``call`` gives; once more where another process changed the library's text model while it ran."""
    try:
        return call()
    except OtherModel:
        return call()


def _begun(events: Iterator[Event]) -> Iterator[Event]:
    """The events, of which the first has happened: the library has been searched."""
    first = next(events)

    def all_of_them() -> Iterator[Event]:
        yield first
        yield from events

    return all_of_them()


def _check(query: str, k: int, *, may_be_empty: bool = False) -> None:
    if not query.strip() and not may_be_empty:
        raise UsageError("the query is empty; give some words to search for")
    if k < 1:
        raise UsageError("k must be at least 1")


def _nothing_held(question: str) -> Iterator[Event]:
    from assistant.answering import EMPTY_LIBRARY

    yield Retrieved(question, ())
    said = (Sentence(EMPTY_LIBRARY, False),)
    yield Answered(Answer(question, EMPTY_LIBRARY, False, True, "quotes", said, (), "", {"total": 0.0}))


def _listed(paths: Iterable[PathLike] | PathLike) -> list[PathLike]:
    return [paths] if isinstance(paths, str | Path) else list(paths)


def _under(under: PathLike | None) -> str | None:
    return None if under is None else absolute(under)


def _media(media: Iterable[str] | None) -> frozenset[str] | None:
    if media is None:
        return None
    kinds = frozenset([media] if isinstance(media, str) else media)
    unknown = sorted(kinds - set(MEDIA))
    if unknown or not kinds:
        raise UsageError(f"media must be some of {', '.join(MEDIA)}, not {unknown[0] if unknown else 'nothing'!r}")
    return kinds


def _days(since: date | None, until: date | None) -> Days | None:
    first, last = (day.date() if isinstance(day, datetime) else day for day in (since, until))
    if first is not None and last is not None and first > last:
        raise UsageError(f"no day is both since {first} and until {last}; exchange the two")
    return None if first is None and last is None else Days(first, last)
