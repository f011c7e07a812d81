"""Lists of files: which, in which order, page by page."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from assistant.listing import ORDERS, PAGE_SIZE, Choice, Page, chosen, listed, page_of
from indexers.catalog_lists import Outline
from indexers.types import Document, Status

ROWS = [
    Outline("/d/b/Zebra.txt", "", "/d/b/Zebra.txt", "text", Status.INDEXED, "Stripes"),
    Outline("/d/c/apple.jpg", "", "/d/c/apple.jpg", "image", Status.PENDING, "apple"),
    Outline("/d/important!/mail.eml", "", "/d/important!/mail.eml", "text", Status.FAILED, "Mail"),
    Outline(
        "/d/important!/mail.eml!/Report.pdf",
        "/d/important!/mail.eml",
        "/d/important!/mail.eml",
        "text",
        Status.INDEXED,
        "The report",
    ),
]


def names(**choice: object) -> list[str]:
    rows = chosen(ROWS, {}, dataclasses.replace(Choice(), **choice))
    return [listed(row, None).name for row in rows]


def test_files_are_sorted_by_each_column_both_ways() -> None:
    assert names() == ["apple.jpg", "mail.eml", "Report.pdf", "Zebra.txt"]
    assert names(descending=True) == ["Zebra.txt", "Report.pdf", "mail.eml", "apple.jpg"]
    assert names(order="folder") == ["Zebra.txt", "apple.jpg", "mail.eml", "Report.pdf"]
    assert names(order="kind") == ["apple.jpg", "mail.eml", "Report.pdf", "Zebra.txt"]
    assert names(order="status") == ["Report.pdf", "Zebra.txt", "apple.jpg", "mail.eml"]


def test_files_are_filtered_by_words_status_and_kind() -> None:
    assert names(text="STRIPES") == ["Zebra.txt"]
    assert names(text="mail report") == ["Report.pdf"]
    assert names(text="mail nothing") == []
    assert names(status=Status.INDEXED) == ["Report.pdf", "Zebra.txt"]
    assert names(media="image", text="apple") == ["apple.jpg"]


def test_a_document_inside_a_file_is_named_with_it() -> None:
    row = listed(ROWS[3], Document(ROWS[3].path, "text", Status.INDEXED))
    assert (row.name, row.holder, row.folder, row.is_held) == ("Report.pdf", "mail.eml", "/d/important!", True)


def test_what_is_being_read_says_so_and_what_is_new_is_there() -> None:
    at_work = {"/d/c/apple.jpg": Status.READING, "/d/new.txt": Status.QUEUED}
    rows = chosen(ROWS, at_work, Choice())
    assert {row.path: row.status for row in rows if row.path in at_work} == at_work
    new = next(row for row in rows if row.path == "/d/new.txt")
    assert not listed(new, None).is_held
    assert [row.path for row in chosen(ROWS, at_work, Choice(status=Status.QUEUED))] == ["/d/new.txt"]
    assert listed(rows[0], Document(rows[0].path, "image", Status.PENDING)).document.status is Status.READING


@given(st.integers(0, 1000), st.integers(-5, 2000))
def test_every_page_is_one_that_is_there(total: int, asked: int) -> None:
    rows = [Outline(f"/{number:04}", "", f"/{number:04}", "text", Status.INDEXED, "") for number in range(total)]
    first, shown = page_of(rows, asked)
    page = Page(first, total, tuple(listed(row, None) for row in shown))
    assert 1 <= page.number <= page.pages
    assert len(shown) <= PAGE_SIZE and bool(shown) == bool(total)
    if 1 <= asked <= page.pages:
        assert page.number == asked
    if shown:
        assert shown[0] is rows[first - 1]


def test_all_pages_hold_each_file_once() -> None:
    rows = [Outline(f"/{number}", "", f"/{number}", "text", Status.INDEXED, "") for number in range(250)]
    for order in ORDERS:
        ordered = chosen(rows, {}, Choice(order=order))
        pages = [page_of(ordered, number)[1] for number in (1, 2, 3)]
        assert sorted(row.path for page in pages for row in page) == sorted(row.path for row in rows)
