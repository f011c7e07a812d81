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

from assistant.inventory import Overview
from assistant.listing import ORDERS, Choice
from indexers.errors import LocusError
from indexers.places import below
from indexers.types import MEDIA, Media, Status
from ui import first_visit, library_view
from ui.desk import Desk
from ui.jobs import ENDED, Doing, Job
from ui.library_table import Unfolded, table
from ui.regions import number_in, region, whole

LABEL = "Library"
"""The tab's name, by which it is known that it is the one that is shown."""
_LOOK_S = 1.0
_TABLE_S = 2.0
"""So often the table is made anew at most, while files come in all the time."""
_SIZES_S = 5.0
_LONGEST_TEXT = 300
_PARTS = ("said", "numbers", "models", "folders", "work", "table")


@dataclass
class _Seen:
    """What one browser window shows: kept by its session, changed in place."""

    choice: Choice = field(default_factory=Choice)
    path: str = ""
    how: str = ""
    added: int = 0
    line: str = ""
    has_failed: bool = False
    over: int = 0
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
        self._overview: tuple[object, Overview] | None = None
        seen = gr.State(_Seen())
        timer = gr.Timer(_LOOK_S, active=False)
        with gr.Column(elem_id="library"):
            said = region("library-said", (), library_view.said(""))
            numbers = region("library-numbers", ("sample",))
            work = region("library-work", ("cancel",))
            with gr.Row(elem_id="library-adding", equal_height=False):
                drop = gr.File(
                    label="Add files (copies are kept)",
                    file_count="multiple",
                    elem_id="library-drop",
                    height=150,
                )
                put = region("library-put", ("put",), library_view.adding())
            models = region("library-models", ("pull", "finish"))
            folders = region("library-folders", ("unwatch", "compact"))
            choosing = region("library-choosing", ("choose",), library_view.choosing(Choice()))
            files = region("library-files", ("open", "sort", "turn", "unfold", "again", "forget"))
        parts = [said, numbers, models, folders, work, files]
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "queue": False}
        desk.opens(files)
        tabs.select(self._selected, seen, [timer, *parts], **quiet)
        timer.tick(self._ticked, seen, parts, **quiet)
        drop.upload(self._dropped, [drop, seen], [drop, *parts], **quiet)
        put.put(self._put, seen, [put, *parts], **quiet)
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
            act(self._done, seen, parts, trigger_mode="multiple", **quiet)

    # --- looking -------------------------------------------------------------------------------

    def _selected(self, seen: _Seen, event: gr.SelectData) -> list[Any]:
        if event.value != LABEL:
            return [gr.Timer(active=False), *(gr.skip() for _ in _PARTS)]
        if not seen.sent:
            # What was over before the page was opened is no news.
            seen.over = max((each.number for each in self._work.doing() if each.state in ENDED), default=0)
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
        made = {"said": self._said(seen, doing), "work": library_view.work(doing, self._work.following())}
        if self._overview is None or self._overview[0] != version:
            self._overview = version, self._inventory.overview()
        overview = self._overview[1]
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

    def _said(self, seen: _Seen, doing: list[Doing]) -> str:
        """What came of the last act, and of work once it is over."""
        ended = [each for each in doing if each.state in ENDED and each.number > seen.over]
        if ended:
            last = max(ended, key=lambda each: each.number)
            seen.over = last.number
            seen.line, seen.has_failed = f"{last.label}: {last.said}", last.state == "failed"
        return library_view.said(seen.line, failed=seen.has_failed)

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
        path, how = told.get("file", ""), told.get("how", "")
        is_open = (seen.path, seen.how, how) == (path, "details", "details")
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
                seen.line, seen.has_failed = self._work.add(kept, first=True).label, False
        except LocusError as error:
            seen.line, seen.has_failed = str(error), True
        return [None, *self._news(seen, at_once=True)]

    def _put(self, seen: _Seen, event: gr.EventData) -> list[Any]:
        told = _told(event)
        path, wrong = _path(told.get("file", ""))
        if not wrong and told.get("watch") and not path.is_dir():
            wrong = f"{path} is no folder; only folders are watched"
        if wrong:
            seen.line, seen.has_failed = wrong, True
            return [gr.skip(), *self._news(seen)]
        job = self._work.watch(path) if told.get("watch") else self._work.add([path])
        seen.line, seen.has_failed = job.label, False
        seen.added += 1
        return [library_view.adding(seen.added), *self._news(seen, at_once=True)]

    def _done(self, seen: _Seen, event: gr.EventData) -> list[Any]:
        told = _told(event)
        act, path = told.get("act", ""), told.get("file", "")
        job: Job | None = None
        if act == "cancel":
            self._work.cancel(number_in(event, "number"))
        elif act == "pull" and told.get("model", "").casefold() in self._missing():
            job = self._work.pull(told["model"])
        elif act == "finish":
            job = self._work.finish()
        elif act == "compact":
            job = self._work.compact()
        elif act == "sample":
            job = first_visit.add_sample(self._work)
        elif act == "unwatch" and path in self._locus.watched():
            job = self._work.unwatch(path)
        elif act == "again" and path:
            job = self._work.retry([path])
        elif act == "forget" and path:
            job = self._work.remove([path])
            seen.path = seen.how = ""
        if job is not None:
            seen.line, seen.has_failed = job.label, False
        seen.version = None
        return self._news(seen, at_once=True)

    def _missing(self) -> set[str]:
        return {model.name.casefold() for model in self._inventory.missing_models()}


def _told(event: gr.EventData) -> dict[str, str]:
    """What the browser says of an event: anything may stand in it, and only texts are taken."""
    data = event._data if isinstance(event._data, dict) else {}
    return {str(name): whole(value) for name, value in data.items() if isinstance(value, str)}


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


def _path(typed: str) -> tuple[Path, str]:
    """The path that was typed, and why it can not be added; "" if it can."""
    text = typed.strip().strip("\"'")
    if not text:
        return Path(), "Write the path of a file or folder"
    try:
        path = Path(text).expanduser()
        if not path.is_absolute():
            return path, f"Write the whole path, from the root or from ~ on: {path} could lie anywhere"
        return path, "" if path.exists() else f"There is no file or folder {path}"
    except (OSError, ValueError, RuntimeError) as error:
        return Path(), f"{text} is no path of this machine ({error})"
