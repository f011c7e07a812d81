"""Serves the page on this machine."""

from __future__ import annotations

import fastapi
import gradio as gr
import uvicorn
from fastapi.staticfiles import StaticFiles

from assistant.api import Assistant
from ui import app, documents, exports
from ui.work import Work


def serve(locus: Assistant, *, host: str = "127.0.0.1", port: int = 7860) -> None:
    """Serves the page until it is interrupted."""
    work = Work(locus)
    web = fastapi.FastAPI()
    web.include_router(exports.routes(locus))
    web.mount("/static", StaticFiles(directory=app.STATIC))
    web.include_router(documents.routes(locus), prefix="/documents")
    gr.mount_gradio_app(
        web,
        app.build(locus, work),
        "/",
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        enable_monitoring=False,
        theme=app.theme(),
        head=app.head(),
    )
    work.start()
    uvicorn.run(web, host=host, port=port, log_level="warning")
