"""What the command line shows of files: a row for each, one in full, and where one stood in a search."""

from __future__ import annotations

import os
from collections.abc import Sequence

from rich.markup import escape

from assistant.coverage import in_short
from assistant.file_details import FileDetails
from assistant.file_facts import facts
from assistant.show import output
from assistant.why import RETRIEVERS, Standing, Why
from indexers.locators import where
from indexers.senses import waiting
from indexers.types import Document

_NAME = 22
_WIDEST = 36
"""Columns of a table that how much was read may take; longer ones push the rest of their row to the right."""


def documents(found: Sequence[Document]) -> None:
    """Files, a row for each: status, passages, how much was read, path, reason.

    On a terminal each folder is named once, above its files, so that rows are short; on a pipe each row has its path.
    """
    console = output()
    amounts = [in_short(document.ledger) for document in found]
    wide = min(_WIDEST, max(map(len, amounts), default=0))
    last = ""
    for document, amount in zip(found, amounts, strict=True):
        name = document.path
        if console.is_terminal:
            folder, name = _apart(document.path)
            if folder != last:
                console.print(f"[bold]{escape(folder)}[/bold]")
            last = folder
        line = f"{document.status.value:<11}  {document.chunks:5}  {amount:<{wide}}  {name}"
        console.print(f"{escape(line)}[dim]{escape(_reason(document))}[/dim]")


def _apart(path: str) -> tuple[str, str]:
    """Folder and name of a file; a document inside one is named with the file around it."""
    folder, name = os.path.split(path)
    while folder.endswith("!") and not os.path.isdir(folder):  # noqa: PTH112 - "mail.eml!/report.pdf"
        folder, holder = os.path.split(folder)
        name = f"{holder}/{name}"
    return folder, name


def _reason(document: Document) -> str:
    """What is wrong, then what it waits for, which says the same in fewer words."""
    waits = waiting(document.pending)
    clauses = [clause for clause in document.reason.split("; ") if clause and clause not in waits]
    pending = f"  (waits for: {', '.join(document.pending)})" if document.pending else ""
    return f"{'  ' if clauses else ''}{'; '.join(clauses)}{pending}"


def details(found: FileDetails) -> None:
    """Everything about one file, one name and value a line."""
    console = output()
    console.print(f"[bold]{escape(found.path)}[/bold]")
    waits = (("waits for", f"the {model} model; run: {way}") for model, way in found.ways.items())
    for name, value in (*facts(found), *waits):
        console.print(f"  {name:<{_NAME}}{escape(value)}")
    for at, document in enumerate(found.inside):
        inner = document.path.removeprefix(found.path).removeprefix("!/")
        reason = f"  {document.reason}" if document.reason else ""
        amount = in_short(document.ledger)
        told = f"{document.status.value}, {amount}" if amount else document.status.value
        console.print(f"  {'inside' if not at else '':<{_NAME}}{escape(inner)}[dim]{escape(f'  {told}{reason}')}[/dim]")


def why(found: Why) -> None:
    """Where one document stood in a search, and in one sentence what cut it off."""
    console = output()
    console.print(f"[bold]{escape(found.path)}[/bold]")
    console.print(f"  {escape(found.sentence)}")
    if found.fused is not None:
        for name in RETRIEVERS:
            # Texts, and all files where there is no image model, have no place among pictures.
            if name != "image" or name in found.standings:
                console.print(f"  {name:<10}{escape(_standing(found.standings.get(name)))}")
        console.print(f"  {'fused':<10}{escape(_standing(found.fused))}")
    if found.cutoff is not None:
        console.print(f"  {'last hit':<10}rank {found.k}, score {found.cutoff:.3f}")


def _standing(standing: Standing | None) -> str:
    if standing is None:
        return "not found"
    place = where(standing.locator)
    at = f", its best place {place}" if place else ""
    return f"rank {standing.rank:,} of {standing.of:,}, score {standing.score:.3f}{at}"
