"""``Assistant``: the facade that the command line, the page and other programs use.

Here it is opened and closed, and here are its settings, its models and its page. What is done with files is in
``api_library``, looking at them in ``api_files``, searching and asking in ``api_asking``; they see no settings.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from assistant import capacity, models, page
from assistant import settings as settings_
from assistant.api_asking import AssistantAsking
from assistant.api_base import PathLike
from assistant.api_files import AssistantFiles
from assistant.api_library import AssistantLibrary
from assistant.capacity import Machine
from assistant.page import Page
from assistant.settings import InForce, Settings
from assistant.watching import Watching

_HEEDED_EVERY_S = 0.5
"""How often an interrupt is looked for while nothing is to be done."""

_PATIENCE_S = 5.0
"""How long closing waits for watching to store what it has read."""


class Assistant(AssistantLibrary, AssistantFiles, AssistantAsking):
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

    # --- models --------------------------------------------------------------------------------

    def models(self) -> list[dict[str, Any]]:
        """The model catalogue, and which of it is on this machine."""
        return [row.to_dict() for row in models.installed(self.settings.cache_dir, self._model_paths())]

    @property
    def text_model(self) -> str:
        """The text model in use, by its name or folder."""
        return self._parts.text_model()

    @property
    def named_text_model(self) -> str:
        """The text model that the settings name; "" where they leave it to the library."""
        return self._parts.named_text_model

    def has_model(self, role: str) -> bool:
        """Whether there is a model for a role: "image" (what pictures show) or "speech" (what is said)."""
        return self._parts.has_model(role)

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
        return self._parts.way_to_get(role)

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
