"""The settings tab: forms that change the settings file, the models, and what is in force.

What is drawn is for ``settings_view`` and ``models_view``, what a setting may be for ``assistant.settings``. The forms
show what is in force whenever the page is opened: a file that was edited by hand meanwhile is read again then.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any, cast

import gradio as gr

from assistant.settings import InForce
from indexers.errors import LocusError
from ui import models_view, settings_view
from ui.desk import Desk
from ui.pulls import Downloader, Pulls
from ui.regions import region, text_in
from ui.settings_fields import ANSWERS, APPEARANCE, FOLDERS, GROUPS, MODELS, Group, changes, entered
from ui.settings_view import Told

_LOOK_S = 1.0
"""How often a download is looked at."""
_SHOW_THEME = "(name) => { window.locusTheme?.(name); }"
_SHOW_THEME_UNLESS_ASKED = "(name) => { if (!/[?&]__theme=/.test(location.search)) window.locusTheme?.(name); }"
"""An address that asks for a theme goes before the setting, until another is saved."""
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "queue": False}


class SettingsTab:
    """Draws the tab, in the layout that is open, and answers what is done in it."""

    def __init__(self, desk: Desk) -> None:
        self._locus = desk.locus
        self._pulls = Pulls(cast(Downloader, desk.work))
        drawn = self._drawn()
        with gr.Column(elem_id="settings"):
            self._answers = region("settings-answers", ("save", "default"), drawn[0])
            self._models = region("settings-models", ("save", "default", "use", "pull"), drawn[1])
            self._going = region("settings-pulls", ("pull",))
            self._folders = region("settings-folders", ("save", "default"), drawn[2])
            self._appearance = region("settings-appearance", ("save", "default"), drawn[3])
            self._about = region("settings-about", (), drawn[4])
        self._theme = gr.Textbox(desk.locus.settings.theme, visible=False)
        self._timer = gr.Timer(_LOOK_S, active=False)
        self.outputs = [self._answers, self._models, self._folders, self._appearance, self._about, self._theme]
        """What ``refresh`` gives values for."""
        self._wire()

    def refresh(self) -> tuple[str, ...]:
        """Reads the settings file again and shows what is in force."""
        try:
            self._locus.change_settings({})
        except LocusError as error:
            return self._shown(None, Told(failed=str(error)))
        return self._shown(None, Told())

    def _wire(self) -> None:
        show = {"fn": None, "inputs": self._theme, "outputs": None, "js": _SHOW_THEME, **_QUIET}
        opened = gr.on(None, self.refresh, None, self.outputs, **_QUIET)
        opened.then(**{**show, "js": _SHOW_THEME_UNLESS_ASKED})
        gr.on(None, self._progress, None, [self._going, self._timer], **_QUIET)
        for each in (self._answers, self._models, self._folders, self._appearance):
            each.save(self._save, None, self.outputs, **_QUIET).then(**show)
            each.default(self._default, None, self.outputs, **_QUIET).then(**show)
        self._models.use(self._use, None, self.outputs, **_QUIET)
        for each in (self._models, self._going):
            each.pull(self._pull, None, [self._going, self._timer], **_QUIET)
        self._timer.tick(self._tick, None, [self._going, self._timer, *self.outputs], **_QUIET)

    # --- changing ------------------------------------------------------------------------------

    def _save(self, event: gr.EventData) -> tuple[str, ...]:
        group = GROUPS.get(text_in(event, "group"))
        if group is None:
            return self._shown(None, Told())
        form = {name: text_in(event, name) for name in event._data if isinstance(name, str)}
        rows = self._rows()
        said = entered(group, form, rows)
        changed = changes(group, said, rows)
        wrong = {
            name: problem
            for name, value in changed.items()
            if value is not None and (problem := self._locus.setting_problem(name, value))
        }
        if wrong:
            shown = {name: said[name] for name in changed if name != "llm_api_key"}
            return self._shown(group, Told(shown, wrong, failed="Nothing was saved: see above what to mend."))
        return self._changed(group, changed, {name: said[name] for name in changed})

    def _default(self, event: gr.EventData) -> tuple[str, ...]:
        name = text_in(event, "name")
        group = next((each for each in GROUPS.values() if name in [field.name for field in each.all()]), None)
        return self._shown(None, Told()) if group is None else self._changed(group, {name: None}, {})

    def _use(self, event: gr.EventData) -> tuple[str, ...]:
        name = text_in(event, "name")
        role = next((row["role"] for row in self._locus.models() if row["name"] == name), "llm")
        if role == "text" or (role == "llm" and name != "none" and not self._is_here(name)):
            return self._shown(None, Told())
        changed: dict[str, str | None] = {models_view.SETTINGS[role]: name}
        rows = self._rows()
        # A path or a server goes before the name.
        before = ("llm_path", "llm_url") if role == "llm" else (f"{models_view.SETTINGS[role]}_path",)
        changed |= {each: None for each in before if rows[each].is_in_file}
        return self._changed(MODELS, changed, {})

    def _is_here(self, name: str) -> bool:
        return any(row["name"] == name and row["installed"] for row in self._locus.models())

    def _changed(self, group: Group, changed: Mapping[str, str | None], said: Mapping[str, str]) -> tuple[str, ...]:
        if not changed:
            return self._shown(group, Told(said="Nothing was changed."))
        try:
            waiting = self._locus.change_settings(changed)
        except LocusError as error:
            at_one = {next(iter(changed)): str(error)} if len(changed) == 1 and said else {}
            shown = {name: value for name, value in said.items() if name != "llm_api_key"}
            return self._shown(group, Told(shown, at_one, failed="" if at_one else str(error)))
        when = datetime.now().strftime("%H:%M:%S")
        later = " It takes effect when Locus is started again." if set(changed) & set(waiting) else ""
        return self._shown(group, Told(said=f"Saved at {when}.{later}"))

    # --- showing -------------------------------------------------------------------------------

    def _rows(self) -> dict[str, InForce]:
        return {row.name: row for row in self._locus.settings_in_force()}

    def _shown(self, group: Group | None, told: Told) -> tuple[str, ...]:
        return (*self._drawn(group, told), self._locus.settings.theme)

    def _drawn(self, group: Group | None = None, told: Told | None = None) -> tuple[str, ...]:
        """The regions; ``told`` belongs to the form of ``group``, or to the first if to none."""
        rows = self._rows()
        of = {(group or ANSWERS).name: told or Told()}

        def form(each: Group) -> str:
            return settings_view.form(each, rows, of.get(each.name, Told()))

        return (
            settings_view.section(ANSWERS.heading, form(ANSWERS)),
            settings_view.section(MODELS.heading, self._models_table(rows), form(MODELS)),
            settings_view.section(FOLDERS.heading, form(FOLDERS)),
            settings_view.section(APPEARANCE.heading, form(APPEARANCE)),
            settings_view.section("About", settings_view.about(_version(), self._places(rows), list(rows.values()))),
        )

    def _models_table(self, rows: Mapping[str, InForce]) -> str:
        values = {name: row.value for name, row in rows.items()}
        fixed = {
            role: f"chosen by {rows[name].source}"
            for role, setting in models_view.SETTINGS.items()
            for name in (setting, f"{setting}_path")
            if rows[name].is_fixed
        }
        if rows["llm_url"].is_fixed:
            fixed["llm"] = f"chosen by {rows['llm_url'].source}"
        used = models_view.in_use(values, self._locus.text_model)
        return models_view.table(self._locus.models(), used, self._locus.machine(), fixed)

    def _places(self, rows: Mapping[str, InForce]) -> dict[str, str]:
        return {
            "Library": str(rows["library"].value),
            "Settings": str(self._locus.settings_file),
            "Downloaded models": str(rows["cache_dir"].value),
        }

    # --- downloads -----------------------------------------------------------------------------

    def _pull(self, event: gr.EventData) -> tuple[str, Any]:
        name = text_in(event, "name")
        if any(row["name"] == name for row in self._locus.models()):
            self._pulls.begin(name)
        return self._progress()

    def _progress(self) -> tuple[str, Any]:
        # Asked first: what ends meanwhile is then looked at once more.
        is_busy = self._pulls.is_busy
        return models_view.pulls(self._pulls.going()), gr.update(active=is_busy)

    def _tick(self) -> tuple[Any, ...]:
        going, timer = self._progress()
        if timer["active"]:
            return going, timer, *(gr.skip() for _ in self.outputs)
        return going, timer, *self._shown(None, Told())


def _version() -> str:
    try:
        return version("locus-assistant")
    except PackageNotFoundError:  # run from its folder
        return ""


def build(desk: Desk) -> SettingsTab:
    """Draws the tab, in the layout that is open."""
    return SettingsTab(desk)
