"""``locus files``: the list of what is in the library, one folder of it, or one file in full."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assistant import show, show_files
from assistant.api import Assistant
from assistant.cli_common import Json, MediaOption, Under, kinds, opened, why_nothing
from indexers.catalog_codec import plain_path
from indexers.errors import UsageError
from indexers.walk import absolute


def files(
    context: typer.Context,
    path: Annotated[
        Path | None, typer.Argument(metavar="[PATH]", help="One file in full (or mail.eml!/a.pdf), or a folder.")
    ] = None,
    as_json: Json = False,
    media: MediaOption = None,
    under: Under = None,
) -> None:
    """List what is in the library and how well it was read; one file in full."""
    if path is not None and under is not None:
        raise UsageError("give a path or --under, not both: they mean the same for a folder")
    with opened(context) as locus:
        if path is not None and not _is_folder(locus, path):
            found = locus.file(path)
            if as_json:
                show.json_out(found.to_dict())
            else:
                show_files.details(found)
            return
        under = path or under
        documents = locus.files(media=kinds(media), under=under)
        if as_json:
            show.json_out([document.to_dict() for document in documents])
        else:
            show_files.documents(documents)
        if not documents and not as_json:
            why_nothing(locus, media, under)


def _is_folder(locus: Assistant, path: Path) -> bool:
    """Whether the library holds files below ``path`` and none at it."""
    below = locus.files(under=path)
    return bool(below) and below[0].path != plain_path(absolute(path))
