"""The address under which a conversation is downloaded as a text."""

from __future__ import annotations

import fastapi
from fastapi.responses import PlainTextResponse, Response

from assistant.api import Assistant
from indexers.errors import LocusError


def routes(locus: Assistant) -> fastapi.APIRouter:
    """``/conversations/{id}.md``."""
    router = fastapi.APIRouter()

    @router.get("/conversations/{conversation}.md")
    def markdown(conversation: int) -> Response:
        try:
            text = locus.conversations.markdown(conversation)
        except LocusError as error:
            return PlainTextResponse(f"{error}\n", status_code=404)
        name = f"conversation-{conversation}.md"
        return Response(
            text, media_type="text/markdown", headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )

    return router
