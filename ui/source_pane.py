"""The pane beside the tabs in which a source opens at its place.

What is asked of it comes from the browser and is believed as far as ``place`` does. What it shows is made by
``source_view``; closing it, the focus, and where a player begins are the browser's to do (``static/source.js``).
"""

from __future__ import annotations

from itertools import count
from typing import Any

import gradio as gr

from assistant.api import Assistant
from assistant.sources import NotHeld
from ui.place import Place, read_number, read_place
from ui.regions import region
from ui.source_view import absent, view

_GONE = (
    "This is not in the library any more: its file was removed, renamed or moved. If it was moved, it is found again "
    "by opening the conversation, or searching, anew."
)


class SourcePane:
    """The pane; to be made inside the page's layout.

    Args:
        locus: whose documents are shown.
    """

    def __init__(self, locus: Assistant) -> None:
        self._locus = locus
        self._opened = count(1)
        self.region = region("source", ("close", "turn", "open"), render=False)
        # In the browser alone, so that it closes at once and also where the program is gone.
        self.region.close(
            None, None, self.region, js="() => ''", show_progress="hidden", api_visibility="private", queue=False
        )
        self._shown_by(self.region.turn)
        self.opens(self.region)

    def opens(self, from_region: gr.HTML) -> None:
        """Makes elements of a region with the act "open" open the place in their ``data-place``."""
        self._shown_by(from_region.open)

    def show(self, place: Place, at: int | None = None) -> str:
        """The pane with a place, turned to a page or line of its document if ``at`` names one."""
        opened = next(self._opened)
        # First by its id: of what the library does not hold, nothing on the disk is looked at.
        if place.path not in self._locus.ids([place.path]):
            return absent(place.path, place.locator, _GONE, opened=opened)
        try:
            return view(self._locus.source(place.path), place, opened=opened, at=at)
        except NotHeld as error:
            return absent(place.path, place.locator, str(error), opened=opened)

    def _shown_by(self, event: Any) -> None:
        event(self._answer, None, self.region, show_progress="hidden", api_visibility="private", queue=False)

    def _answer(self, event: gr.EventData) -> Any:
        given = event._data if isinstance(event._data, dict) else {}
        try:
            place = read_place(given.get("place"))
        except ValueError:
            return gr.skip()
        return self.show(place, read_number(given.get("at")))
