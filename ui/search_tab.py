"""The search tab: places in files that fit words or a picture, without a language model.

Knows the assistant; the HTML is made by ``search_view``. What is searched for comes with each event, from the form or
from the button for more: nothing is remembered between them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

import gradio as gr

from indexers.errors import LocusError
from ui import search_view as view
from ui.desk import Desk
from ui.regions import number_in, region, text_in
from ui.search_view import Results, Wanted

LABEL = "Search"
"""The tab's name, by which it is known that it is the one that is shown."""
_SUBMIT = f"() => {{ document.getElementById('{view.FORM}').requestSubmit(); }}"


def build(desk: Desk, tabs: gr.Tabs) -> None:
    """Draws the tab, in the layout that is open; ``tabs`` are those that it is one of."""
    _SearchTab(desk, tabs)


class _SearchTab:
    def __init__(self, desk: Desk, tabs: gr.Tabs) -> None:
        self._desk = desk
        self._locus = desk.locus
        chosen = gr.State("")
        with gr.Column(elem_id="search"):
            with gr.Row(elem_id="search-asking", equal_height=False):
                with gr.Column(elem_id="search-words", scale=3, min_width=280):
                    form = region("search-box", ("search",), view.form())
                    folders = region("search-folders")
                picture = gr.File(
                    label="Search with a picture",
                    file_types=["image"],
                    elem_id="search-picture",
                    height=104,
                    scale=1,
                    min_width=200,
                )
            said = region("search-said")
            results = region("search-results", ("open", "search", "more"))
        desk.opens(results)
        found = [said, results, chosen]
        for asking in (form.search, results.search, results.more):
            asking(
                self._search,
                picture,
                found,
                show_progress="hidden",
                concurrency_limit=None,
                api_visibility="private",
            )
        # With what else stands in the form.
        picture.upload(None, None, None, js=_SUBMIT, api_visibility="private")
        tabs.select(self._shown, chosen, folders, show_progress="hidden", queue=False, api_visibility="private")

    def _shown(self, chosen: str, event: gr.SelectData) -> object:
        if event.value != LABEL:
            return gr.skip()
        try:
            return view.folders(self._locus.folders(), chosen)
        except LocusError:
            return ""  # whoever searches is told

    def _search(self, picture: str | None, event: gr.EventData) -> Iterator[tuple[str, str, str]]:
        wanted, k = wanted_in(event, Path(picture).name if picture else ""), number_in(event, "k")
        if not (wanted.query or picture):
            yield view.asking(), "", wanted.under
            return
        if not k:
            yield view.busy(), "", wanted.under
        try:
            yield *self._found(wanted, picture, min(max(k, view.MORE), view.MOST)), wanted.under
        except LocusError as error:
            yield view.failed(str(error)), "", wanted.under

    def _found(self, wanted: Wanted, picture: str | None, k: int) -> tuple[str, str]:
        started = time.perf_counter()
        hits = self._locus.search(
            wanted.query,
            k=k + 1,
            image=picture,
            media=wanted.kinds or None,
            under=wanted.under or None,
            since=wanted.since,
            until=wanted.until,
        )
        days = self._locus.days({hit.path for hit in hits})
        taken = time.perf_counter() - started
        shown = view.distinct(hits[:k])
        results = Results(wanted, shown, days, k, more=len(hits) > k and k < view.MOST, seconds=taken)
        notes = self._notes(wanted, is_vain=not hits)
        if hits:
            return view.said(results), view.found(results, self._desk.thumbnails, notes)
        return view.said(results), view.nothing(wanted, notes, is_empty=not self._locus.folders())

    def _notes(self, wanted: Wanted, *, is_vain: bool) -> list[str]:
        """What a person should know of a search for pictures."""
        if self._locus.has_model("image"):
            return []
        if wanted.picture:
            return ["What the picture shows was left out: there is no image model yet. The Settings tab downloads it."]
        if "image" in wanted.kinds or is_vain:
            return ["Pictures are found by their text and names only until there is an image model (Settings tab)."]
        return []


def wanted_in(event: gr.EventData, picture: str = "") -> Wanted:
    """What an event asks for; what makes no sense in it is left out, since it comes from the browser."""
    days: list[date | None] = [None, None]
    for number, name in enumerate(("since", "until")):
        with suppress(ValueError):
            days[number] = date.fromisoformat(text_in(event, name))
    kinds = view.kinds_of([name for name in view.KINDS if text_in(event, name)])
    query = text_in(event, "query").replace("\0", " ").strip()[: view.LONGEST]
    return Wanted(query, kinds, text_in(event, "under").replace("\0", ""), days[0], days[1], picture)
