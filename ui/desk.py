"""What the tabs of one page share: the assistant, the work in the background, and the pane in which sources open."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from assistant.api import Assistant
from indexers.types import Locator, Media
from ui import links
from ui.source_pane import SourcePane
from ui.warmup import Warmup
from ui.work import Work


@dataclass(frozen=True, slots=True)
class Desk:
    """What a tab is built on.

    Args:
        locus: the assistant.
        work: what is done in the background: adding, watching, downloading.
        pane: where sources open.
        warmup: the models that are being loaded.
    """

    locus: Assistant
    work: Work
    pane: SourcePane
    warmup: Warmup

    def thumbnails(self, path: str, media: Media, locator: Locator) -> str:
        """The address of a small picture of a place; "" where there is none."""
        id = self.locus.ids([path]).get(path)
        return "" if id is None else links.thumbnail(id, media, locator)

    def opens(self, region: gr.HTML) -> None:
        """Makes elements of ``region`` (made with the act "open") open the place in their ``data-place``."""
        self.pane.opens(region)
