"""Commands that change a library as a whole."""

from __future__ import annotations

from typing import Annotated

import typer

from assistant import show, show_progress
from assistant.cli_common import INTERRUPTED, Json, heeded, opened


def reindex(
    context: typer.Context,
    text_model: Annotated[
        str,
        typer.Option(
            "--text-model", metavar="NAME|FOLDER", help="A model of `locus models`, or a sentence-transformers folder."
        ),
    ],
    as_json: Json = False,
) -> None:
    """Embed the library with another text model; questions are answered with the old one until that is done."""
    with opened(context) as locus:
        try:
            with show_progress.passages_progress() as on_progress, heeded(on_progress) as heeding:
                report = locus.reindex(text_model, on_progress=heeding)
        except KeyboardInterrupt:
            show.note(
                "interrupted; the library answers as before, what was embedded is kept, "
                "and the same command goes on from there"
            )
            raise typer.Exit(INTERRUPTED) from None
        if as_json:
            show.json_out(report.to_dict())
        else:
            show.reindexed(report)
        if locus.named_text_model not in ("", report.text_model):
            show.note(f"the settings name another text model, {locus.named_text_model}: take it out of them")
