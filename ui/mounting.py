"""The web program of the page: Gradio's, with the page's own files and the documents beside it. Knows no addresses."""

from __future__ import annotations

import fastapi
import gradio as gr
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles

from assistant.api import Assistant
from ui import app, documents, exports, settings_view
from ui.warmup import Warmup
from ui.work import Work

_ICON = app.STATIC / "favicon.svg"
_SESSIONS = 200
"""Windows that are remembered, each with some 200 kB: every one that was opened and closed again counts until then."""


def mounted(locus: Assistant, work: Work, warmup: Warmup, *, max_upload_bytes: int) -> fastapi.FastAPI:
    """The program for one assistant.

    Args:
        locus: the assistant.
        work: what is done in the background.
        warmup: the models that are being loaded.
        max_upload_bytes: the most that one file may have.
    """
    web = fastapi.FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    web.add_api_route("/favicon.ico", _icon, methods=["GET", "HEAD"])
    web.add_api_route("/manifest.json", _manifest)
    web.add_api_route("/theme.js", lambda: _script(settings_view.theme_script(locus.settings.theme)))
    # In place of the script by which Gradio fits the frame around a page: no frame may hold this one.
    web.add_api_route("/static/js/iframeResizer.contentWindow.min.js", lambda: _script(""))
    web.include_router(exports.routes(locus))
    web.mount("/static", StaticFiles(directory=app.STATIC))
    web.include_router(documents.routes(locus), prefix="/documents")
    blocks = app.build(locus, work, warmup)
    # Gradio sets this where it serves a page itself. Without it, a message to the page may name any file of this
    # machine in place of an uploaded one, which would then be copied to where it can be read.
    blocks.has_launched = True
    blocks.state_session_capacity = _SESSIONS
    gr.mount_gradio_app(
        web,
        blocks,
        "/",
        footer_links=[],
        run_history=False,
        root_path="",
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        enable_monitoring=False,
        max_file_size=max_upload_bytes,
        theme=app.theme(),
        head=app.head(),
    )
    return web


def _icon() -> FileResponse:
    return FileResponse(_ICON, media_type="image/svg+xml")


def _manifest() -> JSONResponse:
    icon = {"src": "favicon.ico", "sizes": "any", "type": "image/svg+xml"}
    return JSONResponse({"name": "Locus", "start_url": "./", "display": "browser", "icons": [icon]})


def _script(text: str) -> PlainTextResponse:
    return PlainTextResponse(text, media_type="text/javascript", headers={"Cache-Control": "no-store"})
