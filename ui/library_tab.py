"""The library tab: what is in the library, what is being done with it, and adding, reading again and removing.

Knows the assistant and the work behind the page; the HTML is made by ``library_view`` and ``library_table``. While the
tab is shown, a timer looks every second at what has changed and sends that and nothing else, so that what a person
is doing in it is not disturbed; while it is not, nothing is done.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gradio as gr

from assistant.listing import ORDERS, Choice
from indexers.errors import LocusError
from indexers.places import below
from indexers.types import MEDIA, Media, Status
from ui import first_visit, library_view
from ui.desk import Desk
from ui.library_table import Unfolded, table
from ui.regions import region

LABEL = "Library"
"""The tab's name, by which it is known that it is the one that is shown."""
_LOOK_S = 1.0
_TABLE_S = 2.0
"""So often the table is made anew at most, while files come in all the time."""
_SIZES_S = 5.0
_LONGEST_TEXT = 300
_PARTS = ("numbers", "models", "folders", "work", "table")


@dataclass
class _Seen:
    """What one browser window shows: kept by its session, changed in place."""

    choice: Choice = field(default_factory=Choice)
    path: str = ""
    how: str = ""
    added: int = 0
    sent: dict[str, str] = field(default_factory=dict)
    version: object = None
    table_at: float = 0.0
    sizes_at: float = 0.0


def build(desk: Desk, tabs: gr.Tabs) -> None:
    """Draws the tab, in the layout that is open; ``tabs`` are those that it is one of."""
    _LibraryTab(desk, tabs)


class _LibraryTab:
    def __init__(self, desk: Desk, tabs: gr.Tabs) -> None:
        self._locus = desk.locus
        self._inventory = desk.locus.inventory
        self._work = desk.work
        self._has_sample = first_visit.sample() is not None
        self._sizes = self._inventory.sizes()
        seen = gr.State(_Seen())
        timer = gr.Timer(_LOOK_S, active=False)
        with gr.Column(elem_id="library"):
            said = gr.HTML("", elem_id="library-said", apply_default_css=False)
            numbers = region("library-numbers", ("sample",))
            work = region("library-work", ("cancel",))
            with gr.Row(elem_id="library-adding"):
                drop = gr.File(
                    label="Drop files here to add them, or press to choose some",
                    file_count="multiple",
                    elem_id="library-drop",
                    height=120,
                )
                put = region("library-put", ("put",), library_view.adding())
            models = region("library-models", ("pull", "finish"))
            folders = region("library-folders", ("unwatch", "compact"))
            choosing = region("library-choosing", ("choose",), library_view.choosing(Choice()))
            files = region("library-files", ("open", "sort", "turn", "unfold", "again", "forget"))
        parts = [numbers, models, folders, work, files]
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "queue": False}
        desk.opens(files)
        tabs.select(self._selected, seen, [timer, *parts], **quiet)
        timer.tick(self._ticked, seen, parts, **quiet)
        drop.upload(self._dropped, [drop, seen], [drop, said, *parts], **quiet)
        put.put(self._put, seen, [said, put, *parts], **quiet)
        # Whoever types on is answered for what was typed last.
        for act in (choosing.choose, files.sort, files.turn):
            act(self._chosen, seen, files, trigger_mode="always_last", **quiet)
        files.unfold(self._unfolded, seen, files, trigger_mode="multiple", **quiet)
        for act in (
            numbers.sample,
            work.cancel,
            models.pull,
            models.finish,
            folders.unwatch,
            folders.compact,
            files.again,
            files.forget,
        ):
            act(self._done, seen, [said, *parts], trigger_mode="multiple", **quiet)

    # --- looking -------------------------------------------------------------------------------

    def _selected(self, seen: _Seen, event: gr.SelectData) -> list[Any]:
        if event.value != LABEL:
            return [gr.Timer(active=False), *(gr.skip() for _ in _PARTS)]
        seen.version = None
        return [gr.Timer(active=True), *self._news(seen, at_once=True)]

    def _ticked(self, seen: _Seen) -> list[Any]:
        return self._news(seen)

    def _news(self, seen: _Seen, *, at_once: bool = False) -> list[Any]:
        """What is to be sent for each part: its HTML, or nothing where that has not changed."""
        now, version = time.monotonic(), self._inventory.version()
        if now - seen.sizes_at >= _SIZES_S:
            seen.sizes_at, self._sizes = now, self._inventory.sizes()
        doing = self._work.doing()
        made = {"work": library_view.work(doing, self._work.following())}
        overview = self._inventory.overview()
        made["numbers"] = library_view.numbers(overview, self._sizes)
        if not overview.files and not any(each.state == "working" for each in doing):
            made["numbers"] += first_visit.welcome(has_sample=self._has_sample)
        missing = self._inventory.missing_models()
        made["models"] = library_view.models(missing, overview.waiting, doing, offline=self._locus.settings.offline)
        made["folders"] = library_view.folders(overview.watched)
        if version != seen.version and (at_once or now - seen.table_at >= _TABLE_S):
            seen.version, seen.table_at = version, now
            made["table"] = self._table(seen) if overview.files else ""
        return [self._changed(seen, part, made.get(part)) for part in _PARTS]

    def _changed(self, seen: _Seen, part: str, html: str | None) -> Any:
        if html is None or seen.sent.get(part, "") == html:
            return gr.skip()
        seen.sent[part] = html
        return html

    def _table(self, seen: _Seen) -> str:
        return table(self._inventory.page(seen.choice), seen.choice, self._below(seen))

    def _below(self, seen: _Seen) -> Unfolded | None:
        """What is unfolded below a row."""
        if not seen.path:
            return None
        if seen.how == "remove":
            return Unfolded(seen.path, "remove", said=self._comes_back(seen.path))
        try:
            return Unfolded(seen.path, "details", self._locus.file(seen.path))
        except LocusError as error:
            return Unfolded(seen.path, "details", said=str(error))

    def _comes_back(self, path: str) -> str:
        """A warning where removing does not last."""
        above = [folder for folder in self._locus.watched() if path.startswith(below(folder))]
        if not above:
            return ""
        return (
            f"Its folder {above[0]} is watched, so it will be read again soon; to leave it out for good, write its "
            "name into a file .locusignore beside it, or stop watching the folder."
        )

    # --- choosing ------------------------------------------------------------------------------

    def _chosen(self, seen: _Seen, event: gr.EventData) -> str:
        seen.choice = _choice(seen.choice, _told(event))
        return self._table_now(seen)

    def _unfolded(self, seen: _Seen, event: gr.EventData) -> str:
        told = _told(event)
        path, how = told.get("path", ""), told.get("how", "")
        is_open = (seen.path, seen.how) == (path, how)
        seen.path, seen.how = ("", "") if is_open or how not in ("details", "remove") else (path, how)
        return self._table_now(seen)

    def _table_now(self, seen: _Seen) -> str:
        seen.table_at = time.monotonic()
        seen.sent["table"] = html = self._table(seen)
        return html

    # --- doing ---------------------------------------------------------------------------------

    def _dropped(self, uploads: list[str] | None, seen: _Seen) -> list[Any]:
        try:
            kept = self._work.take(uploads or [])
            if kept:
                self._work.add(kept, first=True)
            said = library_view.said(f"Adding {library_view.counted(len(kept), 'file')}")
        except LocusError as error:
            said = library_view.said(str(error), failed=True)
        return [None, said, *self._news(seen, at_once=True)]

    def _put(self, seen: _Seen, event: gr.EventData) -> list[Any]:
        told = _told(event)
        try:
            path = Path(told.get("path", "").strip().strip("\"'")).expanduser()
        except RuntimeError as error:
            return self._answer(seen, f"There is no such home folder ({error})", failed=True)
        if (wrong := _wrong(path)) or (told.get("watch") and not path.is_dir()):
            return self._answer(seen, wrong or f"{path} is no folder; only folders are watched", failed=True)
        if told.get("watch"):
            self._work.watch(path)
        else:
            self._work.add([path])
        seen.added += 1
        said = library_view.said(f"Adding {path}")
        return [said, library_view.adding(seen.added), *self._news(seen, at_once=True)]

    def _answer(self, seen: _Seen, line: str, *, failed: bool) -> list[Any]:
        return [library_view.said(line, failed=failed), gr.skip(), *self._news(seen)]

    def _done(self, seen: _Seen, event: gr.EventData) -> list[Any]:
        told = _told(event)
        act, path = told.get("act", ""), told.get("path", "")
        line = ""
        if act == "cancel" and told.get("number", "").isdecimal():
            self._work.cancel(int(told["number"]))
        elif act == "pull" and told.get("model", "").casefold() in {m.name.casefold() for m in self._missing()}:
            line = self._work.pull(told["model"]).label
        elif act == "finish":
            line = self._work.finish().label
        elif act == "compact":
            line = self._work.compact().label
        elif act == "sample" and (job := first_visit.add_sample(self._work)) is not None:
            line = job.label
        elif act == "unwatch" and path in self._locus.watched():
            line = self._work.unwatch(path).label
        elif act == "again" and path:
            line = self._work.retry([path]).label
        elif act == "forget" and path:
            line = self._work.remove([path]).label
            seen.path = seen.how = ""
        seen.version = None
        return [library_view.said(line), *self._news(seen, at_once=True)]

    def _missing(self) -> list[Any]:
        return list(self._inventory.missing_models())


def _told(event: gr.EventData) -> dict[str, str]:
    """What the browser says of an event: anything may stand in it, and only texts are taken."""
    data = event._data if isinstance(event._data, dict) else {}
    return {str(name): value for name, value in data.items() if isinstance(value, str)}


def _choice(before: Choice, told: dict[str, str]) -> Choice:
    """What is asked for after an act; what makes no sense changes nothing."""
    match told.get("act"):
        case "choose":
            states = {status.value: status for status in Status}
            kinds: dict[str, Media] = {kind: kind for kind in MEDIA}
            return replace(
                before,
                text=told.get("text", "")[:_LONGEST_TEXT],
                status=states.get(told.get("status", "")),
                media=kinds.get(told.get("kind", "")),
                page=1,
            )
        case "sort" if (order := told.get("order")) in ORDERS:
            turned = before.order == order and not before.descending
            return replace(before, order=order, descending=turned, page=1)
        case "turn" if told.get("page", "").isdecimal():
            return replace(before, page=int(told["page"][:9]))
        case _:
            return before


def _wrong(path: Path) -> str:
    """Why a path that was typed can not be added; "" if it can."""
    if not str(path) or str(path) == ".":
        return "Write the path of a file or folder"
    try:
        if not path.is_absolute():
            return f"Write the whole path, from the root or from ~ on: {path} could lie anywhere"
        if not path.exists():
            return f"There is no file or folder {path}"
    except (OSError, ValueError) as error:
        return f"That is no path of this machine ({error})"
    return ""
