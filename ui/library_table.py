"""The table of files of the library tab as HTML, with what is unfolded below a row. Pure; all text is escaped here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Literal

from assistant.coverage import in_short
from assistant.file_details import FileDetails
from assistant.file_facts import facts
from assistant.listing import Choice, Listed, Order, Page
from indexers.senses import waiting
from indexers.types import Document, Status, WholeLocator
from ui.library_view import KINDS, STATES, counted
from ui.markup import attribute, button
from ui.remedies import way_out
from ui.render import place_attribute

_WHOLE = WholeLocator()
_COLUMNS: tuple[tuple[str, Order | None], ...] = (
    ("Name", "name"),
    ("Folder", "folder"),
    ("Kind", "kind"),
    ("Status", "status"),
    ("Read", None),
)


@dataclass(frozen=True, slots=True)
class Unfolded:
    """What is shown below the row of one file: all about it, or whether it is to be removed.

    Args:
        path: which file.
        how: which of the two.
        details: all about it, where that is shown; None where it could not be had.
        said: why it could not be had; when removing, what has to be known about that.
    """

    path: str
    how: Literal["details", "remove"]
    details: FileDetails | None = None
    said: str = ""


def table(page: Page, choice: Choice, unfolded: Unfolded | None) -> str:
    """A page of the files.

    Args:
        page: its rows.
        choice: what was asked for, for the headings to say how it is sorted.
        unfolded: what is shown below one of the rows.
    """
    if not page.rows:
        return '<p class="none">No file of the library is like that.</p>'
    head = "".join(_heading(name, order, choice) for name, order in _COLUMNS)
    rows = "".join(_row(row, unfolded) for row in page.rows)
    # The roles are said, since small screens show rows as cards, which browsers no longer take for a table.
    return (
        f'{_pager(page)}<table role="table" aria-label="Files of the library"><thead role="rowgroup"><tr role="row">'
        f'{head}<th role="columnheader" scope="col"><span class="hidden">Actions</span></th></tr></thead>'
        f'<tbody role="rowgroup">{rows}</tbody></table>{_pager(page) if page.pages > 1 else ""}'
    )


def _heading(name: str, order: Order | None, choice: Choice) -> str:
    if order is None:
        return f'<th role="columnheader" scope="col">{name}</th>'
    is_chosen = choice.order == order
    direction = "descending" if choice.descending else "ascending"
    arrow = ("▼" if choice.descending else "▲") if is_chosen else ""
    sort = f' aria-sort="{direction}"' if is_chosen else ""
    return (
        f'<th role="columnheader" scope="col"{sort}><button type="button" data-act="sort" data-order="{order}">'
        f'{name} <span aria-hidden="true">{arrow}</span></button></th>'
    )


def _pager(page: Page) -> str:
    shown = f"{page.first:,}–{page.first + len(page.rows) - 1:,} of {counted(page.total, 'file')}"
    if page.pages == 1:
        return f'<p class="pager">{counted(page.total, "file")}</p>'
    before = _turn("Previous", page.number - 1, is_there=page.number > 1)
    after = _turn("Next", page.number + 1, is_there=page.number < page.pages)
    return f'<nav class="pager" aria-label="Pages of the list">{before}<span>{shown}</span>{after}</nav>'


def _turn(label: str, page: int, *, is_there: bool) -> str:
    off = "" if is_there else ' aria-disabled="true"'
    return f'<button type="button" data-act="turn" data-page="{page}"{off}>{label}</button>'


def _row(row: Listed, unfolded: Unfolded | None) -> str:
    document = row.document
    is_open = unfolded is not None and unfolded.path == document.path
    below = f'<tr role="row" class="below"><td role="cell" colspan="6">{_below(unfolded)}</td></tr>' if is_open else ""
    return (
        f'<tr role="row"><td role="cell" class="name">{_name(row)}</td>'
        f'<td role="cell" class="folder" title="{attribute(row.folder)}">{escape(row.folder)}</td>'
        f'<td role="cell" class="kind">{_kind(row)}</td>'
        f'<td role="cell" class="status">{_status(document)}</td>'
        f'<td role="cell" class="read">{escape(_read(document))}</td>'
        f'<td role="cell" class="acts">{_acts(row, unfolded if is_open else None)}</td></tr>{below}'
    )


def _name(row: Listed) -> str:
    held_in = f'<span class="faint">in {escape(row.holder)}</span>' if row.holder else ""
    if not row.is_held:
        return f"<span>{escape(row.name)}</span>{held_in}"
    place = place_attribute(row.document.path, _WHOLE)
    return (
        f'<button type="button" class="open" data-act="open" data-place="{place}">{escape(row.name)}</button>{held_in}'
    )


def _kind(row: Listed) -> str:
    return KINDS[row.document.media] if row.is_held and row.document.status is not Status.UNSUPPORTED else ""


def _status(document: Document) -> str:
    clauses = [clause for clause in document.reason.split("; ") if clause and clause not in waiting(document.pending)]
    waits = [f"waits for the {model} model" for model in document.pending]
    is_coming = document.status in (Status.QUEUED, Status.READING)
    kind = "good" if document.status is Status.INDEXED else "" if is_coming or document.status.is_found else "bad"
    state = "" if document.status is Status.PENDING and waits else f"<b>{escape(STATES[document.status])}</b>"
    why = "; ".join([*waits, *clauses])
    return f'<span class="state {kind}">{state}{f"<span>{escape(why)}</span>" if why else ""}</span>'


def _read(document: Document) -> str:
    return in_short(document.ledger) or (counted(document.chunks, "passage") if document.chunks else "")


def _acts(row: Listed, unfolded: Unfolded | None) -> str:
    if not row.is_held:
        return ""
    path, name = row.document.path, row.name
    is_open = str(unfolded is not None).lower()
    more = (
        f'<button type="button" data-act="unfold" data-how="details" data-file="{attribute(path)}" '
        f'aria-expanded="{is_open}" aria-label="{attribute(f"Details: {name}")}">Details</button>'
    )
    if row.document.status is not Status.FAILED or row.holder:
        return more
    return more + button("Try again", "again", name=f"Try again: {name}", file=path)


def _below(unfolded: Unfolded | None) -> str:
    if unfolded is None:
        return ""
    path = unfolded.path
    if unfolded.how == "remove":
        yes = button("Remove from the library", "forget", kind="danger", file=path)
        no = button("Keep it", "unfold", how="details", file=path)
        asked = " ".join(part for part in (_asked(path), unfolded.said) if part)
        return f'<div class="ask" role="group" aria-label="Remove it?"><p>{escape(asked)}</p>{yes}{no}</div>'
    if unfolded.details is None:
        return f'<p class="danger">{escape(unfolded.said)}</p>'
    return details(unfolded.details)


def _asked(path: str) -> str:
    return f"Remove {path} from the library? Answers no longer come from it. The file itself stays on the disk."


def details(found: FileDetails) -> str:
    """All about one file, what is inside it, and what can be done with it."""
    pairs = "".join(_pair(name, value) for name, value in _told(found))
    acts = "" if found.parent else _acts_below(found.path)
    return f'<dl class="details">{pairs}</dl>{_inside(found.inside, found.path)}{acts}'


def _acts_below(path: str) -> str:
    again = button("Read again", "again", name=f"Read again: {path}", file=path)
    remove = button("Remove …", "unfold", name=f"Remove: {path}", how="remove", file=path)
    return f'<p class="acts">{again}{remove}</p>'


def _told(found: FileDetails) -> Iterable[tuple[str, str]]:
    yield "path", found.path
    yield from ((name, value) for name, value in facts(found) if value)
    yield from (("waits for", f"the {model} model") for model in found.document.pending)
    if way := way_out(found.document.status):
        yield "what helps", way


def _pair(name: str, value: str) -> str:
    return f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"


def _inside(inside: Iterable[Document], path: str) -> str:
    rows = "".join(
        f'<li><button type="button" class="open" data-act="open" data-place="{place_attribute(document.path, _WHOLE)}">'
        f"{escape(document.path.removeprefix(path).removeprefix('!/'))}</button> "
        f'<span class="faint">{escape(_said(document))}</span></li>'
        for document in inside
    )
    return f"<h3>Inside it</h3><ul>{rows}</ul>" if rows else ""


def _said(document: Document) -> str:
    return ", ".join(part for part in (STATES[document.status], in_short(document.ledger), document.reason) if part)
