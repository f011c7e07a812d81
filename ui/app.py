"""The page: its tabs, the source pane beside them, and what is done when it is opened."""

from __future__ import annotations

from html import escape
from pathlib import Path

import gradio as gr

from assistant.api import Assistant
from ui import chat_tab, library_tab, search_tab, settings_tab
from ui.chat_tab import ChatTab
from ui.desk import Desk
from ui.regions import region
from ui.source_pane import SourcePane
from ui.warmup import Warmup
from ui.work import Work

STATIC = Path(__file__).parent / "static"
FONT = ["system-ui", "Segoe UI", "Roboto", "Helvetica Neue", "Noto Sans", "sans-serif"]
MONO = ["ui-monospace", "Cascadia Mono", "Menlo", "DejaVu Sans Mono", "monospace"]
_UPLOADS_S = (3600, 86_400)
"""How often it is looked for uploads that are not needed any more, and how old they are then. What was added from them
was copied."""


def build(locus: Assistant, work: Work, warmup: Warmup) -> gr.Blocks:
    """The page for one assistant."""
    blocks: gr.Blocks
    with gr.Blocks(title="Locus", analytics_enabled=False, fill_width=True, delete_cache=_UPLOADS_S) as blocks:
        pane = SourcePane(locus)
        desk = Desk(locus, work, pane, warmup)
        region("banner", value=f"<h1>Locus</h1><p>{escape(_short(locus.settings.library))}</p>")
        with gr.Row(elem_id="columns"):
            with (
                gr.Column(elem_id="main", scale=3, min_width=320),
                gr.Tabs(elem_id="tabs", overflow_behavior="wrap") as tabs,
            ):
                with gr.Tab(chat_tab.LABEL, id="ask"):
                    chat = ChatTab(desk, tabs)
                with gr.Tab("Search", id="search"):
                    search_tab.build(desk, tabs)
                with gr.Tab("Library", id="library"):
                    library_tab.build(desk, tabs)
                with gr.Tab("Settings", id="settings"):
                    settings_tab.build(desk)
            with gr.Column(elem_id="source-column", scale=2, min_width=320):
                pane.region.render()  # type: ignore[no-untyped-call]
        chat.opens_with(blocks)
    return blocks


def _short(path: Path) -> str:
    """A path as people write it: what is below their home folder begins with "~"."""
    full = path.expanduser().absolute()
    return f"~/{full.relative_to(Path.home())}" if full.is_relative_to(Path.home()) else str(full)


def theme() -> gr.themes.Base:
    """Gradio's plain theme with the fonts of the system, so that none is fetched."""
    return gr.themes.Base(font=FONT, font_mono=MONO)


def head() -> str:
    """The page's theme, then its own styles and scripts: every file of ``static``, in the order of their names."""
    styles = "".join(f'<link rel="stylesheet" href="static/{path.name}">' for path in sorted(STATIC.glob("*.css")))
    scripts = "".join(f'<script src="static/{path.name}"></script>' for path in sorted(STATIC.glob("*.js")))
    return f'<script src="theme.js"></script>{styles}{scripts}'
