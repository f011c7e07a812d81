"""``locus models``: what models there are, downloading and checking them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from assistant import show, show_progress
from assistant.api import Assistant
from assistant.cli_common import INTERRUPTED, Json, heeded, opened
from indexers.errors import UsageError

models_app = typer.Typer(invoke_without_command=True)


@models_app.callback(invoke_without_command=True)
def models_root(context: typer.Context, as_json: Json = False) -> None:
    """What models there are; download and check them. Without a command: list them."""
    if context.invoked_subcommand is None:
        models_list(context, as_json)


@models_app.command("list")
def models_list(context: typer.Context, as_json: Json = False) -> None:
    """Show which models are installed, which the settings use, and how to get the others."""
    with opened(context) as locus:
        chosen = _in_use(locus)
        rows = [{**row, "used": row["name"].casefold() in chosen} for row in locus.models()]
        if as_json:
            show.json_out(rows)
        else:
            show.models(rows)


def _in_use(locus: Assistant) -> set[str]:
    """What the settings name, the models among it; a server that writes answers takes the place of a model."""
    named = asdict(locus.settings) | ({"llm": "none"} if locus.settings.llm_url else {})
    return {value.casefold() for value in [*named.values(), locus.text_model] if isinstance(value, str)}


@models_app.command("pull")
def models_pull(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument()] = None,
    revision: Annotated[str | None, typer.Option(help="The commit to take, for models that are not pinned.")] = None,
) -> None:
    """Download a model; after an interruption the same command goes on from there."""
    with opened(context) as locus:
        if name is None:
            raise UsageError(f"which model? there are: {', '.join(row['name'] for row in locus.models())}")
        try:
            with show_progress.bytes_progress(name) as on_progress:
                path = locus.pull(name, revision=revision, on_progress=on_progress)
        except KeyboardInterrupt:
            show.note("interrupted; what arrived is kept, and the same command goes on from there")
            raise typer.Exit(INTERRUPTED) from None
        show.note(f"{name} is in {path}")
        role = next(row["role"] for row in locus.models() if row["name"].casefold() == name.casefold())
        has_library = (locus.settings.library.expanduser() / "catalog.sqlite").is_file()
        waiting = sum(role in document.pending for document in locus.files()) if has_library else 0
        if waiting:
            show.note(f"finishing {waiting} {'file' if waiting == 1 else 'files'} that waited for a model …")
            with show_progress.progress() as on_indexed, heeded(on_indexed) as heeding:
                show.added(locus.finish(on_progress=heeding))


@models_app.command("verify")
def models_verify(context: typer.Context, as_json: Json = False) -> None:
    """Check the files of installed models against their hashes."""
    with opened(context) as locus:
        rows = locus.verify_models()
    if as_json:
        show.json_out(rows)
    else:
        show.verified(rows)
    if any(row["state"] in ("altered", "incomplete") for row in rows):
        raise typer.Exit(1)
