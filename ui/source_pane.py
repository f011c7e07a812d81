"""The pane beside the tabs in which a source opens at its place."""

from __future__ import annotations

import json
from html import escape

import gradio as gr

from assistant.api import Assistant
from ui.regions import region


class SourcePane:
    """The pane; to be made inside the page's layout.

    Args:
        locus: whose documents are shown.
    """

    def __init__(self, locus: Assistant) -> None:
        self._locus = locus
        self.region = region("source", ("close", "turn"), visible="hidden", render=False)

    def opens(self, from_region: gr.HTML) -> None:
        """Makes elements of a region with the act "open" open the place in their ``data-place``."""
        from_region.open(self._opened, None, self.region, show_progress="hidden")

    def _opened(self, event: gr.EventData) -> dict[str, object]:
        place = json.loads(event.place)
        return gr.update(value=f"<div class=pane><p>{escape(str(place))}</p></div>", visible=True)
