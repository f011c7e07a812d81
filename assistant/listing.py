"""A list of files that is looked at page by page: which of them, in which order, and how each is named. Pure.

A document inside a file is listed as one of its own, under its name in that file and with the file that holds it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

from indexers.catalog_lists import Outline
from indexers.types import Document, Media, Status

PAGE_SIZE = 100

Order: TypeAlias = Literal["name", "folder", "kind", "status"]
ORDERS: tuple[Order, ...] = get_args(Order)

_BY_STATUS = {status: number for number, status in enumerate(Status)}


@dataclass(frozen=True, slots=True)
class Choice:
    """What is asked for.

    Args:
        text: words, each of which must be in the path or the title; letters' case counts for nothing.
        status: only files of this status.
        media: only files of this kind.
        order: what they are sorted by; files that are equal in it, by name and path.
        descending: the other way round.
        page: from 1; one that is beyond the last is the last.
    """

    text: str = ""
    status: Status | None = None
    media: Media | None = None
    order: Order = "name"
    descending: bool = False
    page: int = 1


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of the list.

    Args:
        document: what is listed.
        name: its own, without folders and holders.
        folder: where its file lies on the disk.
        holder: the name of the file that it is inside of; "" for a file of its own.
        is_held: whether the library holds it; else it is about to.
    """

    document: Document
    name: str
    folder: str
    holder: str = ""
    is_held: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the list: its rows, the number of the first (from 1; 0 where there is none), how many there are."""

    first: int
    total: int
    rows: tuple[Listed, ...]

    @property
    def number(self) -> int:
        """Which page it is, from 1."""
        return max(1, -(-self.first // PAGE_SIZE))

    @property
    def pages(self) -> int:
        """How many pages there are, one at least."""
        return max(1, -(-self.total // PAGE_SIZE))


def chosen(outlines: Iterable[Outline], at_work: Mapping[str, Status], choice: Choice) -> list[Outline]:
    """The files that are asked for, in the order that is asked for.

    Args:
        outlines: all files of the library.
        at_work: files that are queued or being read, those among them that the library does not hold yet.
        choice: what is asked for.
    """
    words = choice.text.casefold().split()
    found = [row for row in _overlaid(outlines, at_work) if _is_wanted(row, words, choice)]
    return sorted(found, key=_KEYS[choice.order], reverse=choice.descending)


def page_of(rows: Sequence[Outline], page: int) -> tuple[int, Sequence[Outline]]:
    """The rows of a page and the number of the first."""
    last = max(1, -(-len(rows) // PAGE_SIZE))
    start = (min(max(page, 1), last) - 1) * PAGE_SIZE
    return (start + 1 if rows else 0), rows[start : start + PAGE_SIZE]


def listed(row: Outline, document: Document | None) -> Listed:
    """A row as it is shown; ``document`` is None for a file that is not in the library yet."""
    whole = document or Document(row.path, row.media, row.status, title=row.title)
    holder = os.path.basename(row.holder)  # noqa: PTH119 - plain text, as everywhere here
    return Listed(replace(whole, status=row.status), _name(row), _folder(row), holder, document is not None)


def _overlaid(outlines: Iterable[Outline], at_work: Mapping[str, Status]) -> Iterable[Outline]:
    if not at_work:
        yield from outlines
        return
    new = dict(at_work)
    for row in outlines:
        status = new.pop(row.path, None)
        yield row if status is None else row._replace(status=status)
    for path, status in new.items():
        yield Outline(path, "", path, "text", status, "")


def _is_wanted(row: Outline, words: Sequence[str], choice: Choice) -> bool:
    if choice.status is not None and row.status is not choice.status:
        return False
    if choice.media is not None and row.media != choice.media:
        return False
    if not words:
        return True
    text = f"{row.path}\n{row.title}".casefold()
    return all(word in text for word in words)


def _name(row: Outline) -> str:
    return row.path[len(row.holder) + 2 :] if row.holder else os.path.basename(row.path)  # noqa: PTH119


def _folder(row: Outline) -> str:
    return os.path.dirname(row.file)  # noqa: PTH120


def _by_name(row: Outline) -> tuple[str, str]:
    return _name(row).casefold(), row.path


_KEYS: dict[Order, Callable[[Outline], tuple[str, ...] | tuple[int, str, str]]] = {
    "name": _by_name,
    "folder": lambda row: (_folder(row).casefold(), *_by_name(row)),
    "kind": lambda row: (row.media, *_by_name(row)),
    "status": lambda row: (_BY_STATUS[row.status], *_by_name(row)),
}
