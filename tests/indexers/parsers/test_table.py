import csv
import datetime
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexers.errors import Broken, Empty
from indexers.parsers.table import parse_csv, parse_workbook
from indexers.protocols import Source
from indexers.types import Block, LinesLocator, Parsed, SheetLocator


def parsed_csv(tmp_path: Path, text: str, format_name: str = "csv") -> Parsed:
    file = tmp_path / "file"
    file.write_bytes(text.encode())
    return parse_csv(Source(file, "a.csv", format_name))


def parsed_book(tmp_path: Path, fill: Callable[[openpyxl.Workbook], None]) -> Parsed:
    book = openpyxl.Workbook()
    fill(book)
    file = tmp_path / "file"
    book.save(file)
    return parse_workbook(Source(file, "a.xlsx", "xlsx"))


def texts(block: Block) -> list[str]:
    return [piece.text for piece in block.pieces]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    lines = ["part,size,price", "hub,3,1.50", "rim,9,2.25"]
    lines = [line.replace(",", delimiter) for line in lines]
    (block,) = parsed_csv(tmp_path, "\r\n".join(lines)).blocks
    assert block.header == lines[0]
    assert texts(block) == lines[1:]
    assert [piece.locator for piece in block.pieces] == [LinesLocator(2, 2), LinesLocator(3, 3)]


def test_commas_in_semicolon_files_divide_nothing(tmp_path: Path) -> None:
    text = "Year;Month;Revenue;Costs;\n2022;1;123;-123;\n2023;2;143,1;-814,38;\n"
    (block,) = parsed_csv(tmp_path, text).blocks
    assert block.header == "Year;Month;Revenue;Costs;"


def test_a_quoted_newline_does_not_end_a_record(tmp_path: Path) -> None:
    text = 'part,note,size\nhub,"two\nlines, ""quoted""",3\n\nrim,one,9\n'
    (block,) = parsed_csv(tmp_path, text).blocks
    assert texts(block) == ['hub,"two\nlines, ""quoted""",3', "rim,one,9"]
    assert [piece.locator for piece in block.pieces] == [LinesLocator(2, 3), LinesLocator(5, 5)]
    assert block.pieces[0].joint == "\n\n"


def test_a_quote_that_never_closes_costs_one_record(tmp_path: Path) -> None:
    rows = [f"row {number},{number}" for number in range(500)]
    (block,) = parsed_csv(tmp_path, 'name,size\n"open,1\n' + "\n".join(rows)).blocks
    assert texts(block) == ['"open,1', *rows]


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("a,b\n1,2\n", "a,b"),
        ("name,town\nAda,London\nAlan,Wilmslow\n", "name,town"),
        ("region,2022,2023\nnorth,1.5,2.5\nsouth,3,4\n", "region,2022,2023"),
        ("1,2\n3,4\n", ""),
        ("x,x,x\nx,x,x\n", ""),
        ("Ada,1815\nAlan,1912\n", ""),
        ("yes,b\nno,c\nyes,d\n", ""),
        ("only,a,header\n", ""),
    ],
)
def test_a_header_is_told_from_data(tmp_path: Path, text: str, header: str) -> None:
    parsed = parsed_csv(tmp_path, text)
    assert parsed.blocks[-1].header == header
    kept = [line for block in parsed.blocks for line in texts(block)]
    assert ([header] if header else []) + kept == text.strip().split("\n")


def test_a_title_over_the_table_is_not_its_header(tmp_path: Path) -> None:
    title, table = parsed_csv(tmp_path, "Stanley Cups,,\nTeam,Town,Cups\nBlues,STL,1\nFlyers,PHI,2\n").blocks
    assert texts(title) == ["Stanley Cups,,"]
    assert table.header == "Team,Town,Cups"


def test_prose_is_no_table(tmp_path: Path) -> None:
    text = "Dear all,\nthe mill, the wheel, and the hub\nare fine.\n\nYours\n"
    parsed = parsed_csv(tmp_path, text)
    assert [texts(block) for block in parsed.blocks] == [text.split("\n")[:3], ["Yours"]]


@pytest.mark.parametrize("text", ["\n", ",,,\n,,,\n", '"",""\n"",""\n'])
def test_a_table_of_nothing_is_empty(tmp_path: Path, text: str) -> None:
    with pytest.raises(Empty):
        parsed_csv(tmp_path, text)


CELL = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]) | st.sampled_from(',;"\n'), max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=12))
def test_records_stand_on_their_lines(tmp_path: Path, rows: list[list[str]]) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    lines = buffer.getvalue().split("\n")
    try:
        parsed = parsed_csv(tmp_path, buffer.getvalue())
    except Empty:
        assert not any(cell.strip(" ,;\"\n|\t'") for row in rows for cell in row) or not "".join(lines).strip()
        return
    for block in parsed.blocks:
        for piece in block.pieces:
            assert isinstance(piece.locator, LinesLocator)
            assert piece.text == "\n".join(lines[piece.locator.first - 1 : piece.locator.last]).rstrip()


def test_a_sheet_with_two_tables(tmp_path: Path) -> None:
    def fill(book: openpyxl.Workbook) -> None:
        sheet = book.active
        assert sheet is not None
        sheet.title = "Parts"
        rows = {3: ["Inventory"], 4: ["part", None, "size"], 5: ["hub", None, 3], 6: ["rim", None, 9.5]}
        rows |= {9: ["paid", "on"], 10: [True, datetime.datetime(2024, 5, 1)]}
        for row, cells in rows.items():
            for column, cell in enumerate(cells, 3):
                sheet.cell(row, column, cell)

    title, parts, paid = parsed_book(tmp_path, fill).blocks
    assert texts(title) == ["Inventory"]
    assert (parts.headings, parts.header, texts(parts)) == (("Parts",), "part | size", ["hub | 3", "rim | 9.5"])
    assert [piece.locator for piece in parts.pieces] == [SheetLocator("Parts", 5, 5), SheetLocator("Parts", 6, 6)]
    assert (paid.header, texts(paid)) == ("paid | on", ["TRUE | 2024-05-01"])
    assert paid.pieces[0].locator == SheetLocator("Parts", 10, 10)


def test_cells_are_written_as_a_person_sees_them(tmp_path: Path) -> None:
    cells = [
        (12.0, "12"),
        (0.1 + 0.2, "0.3"),
        (1234567.25, "1234567.25"),
        (datetime.datetime(2024, 5, 1, 13, 30), "2024-05-01 13:30:00"),
        (datetime.date(2024, 5, 1), "2024-05-01"),
        (datetime.time(13, 30), "13:30:00"),
        (datetime.timedelta(hours=30), "30:00:00"),
        ("two\nlines", "two lines"),
        (False, "FALSE"),
    ]

    def fill(book: openpyxl.Workbook) -> None:
        for cell, _ in cells:
            book.worksheets[0].append([cell])

    parsed = parsed_book(tmp_path, fill)
    assert [text for block in parsed.blocks for text in texts(block)] == [text for _, text in cells]


def test_a_header_above_a_blank_row_belongs_to_the_numbers_below(tmp_path: Path) -> None:
    def fill(book: openpyxl.Workbook) -> None:
        for row in (["In millions", "Sales", "Costs"], [], ["North", 3, 4], ["South", 5, 6]):
            book.worksheets[0].append(row)

    head, body = parsed_book(tmp_path, fill).blocks
    assert texts(head) == [body.header] == ["In millions | Sales | Costs"]
    assert body.pieces[0].locator == SheetLocator("Sheet", 3, 3)


def test_hidden_sheets_are_read_and_empty_ones_skipped(tmp_path: Path) -> None:
    def fill(book: openpyxl.Workbook) -> None:
        hidden = book.create_sheet("Secret")
        hidden["A1"] = "words"
        hidden.sheet_state = "hidden"

    (block,) = parsed_book(tmp_path, fill).blocks
    assert (block.headings, texts(block)) == (("Secret",), ["words"])


def test_a_long_table_keeps_its_header_and_its_rows(tmp_path: Path) -> None:
    def fill(book: openpyxl.Workbook) -> None:
        book.worksheets[0].append(["part", "size"])
        for number in range(4500):
            book.worksheets[0].append([f"part {number}", number])

    parsed = parsed_book(tmp_path, fill)
    assert {block.header for block in parsed.blocks} == {"part | size"}
    pieces = [piece for block in parsed.blocks for piece in block.pieces]
    assert [piece.text for piece in pieces] == [f"part {number} | {number}" for number in range(4500)]
    assert [piece.locator for piece in pieces] == [SheetLocator("Sheet", row, row) for row in range(2, 4502)]


def test_a_workbook_of_nothing_is_empty(tmp_path: Path) -> None:
    with pytest.raises(Empty):
        parsed_book(tmp_path, lambda book: None)


def test_a_damaged_workbook_is_broken(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    openpyxl.Workbook().save(buffer)
    with zipfile.ZipFile(buffer) as archive:
        names = archive.namelist()
    file = tmp_path / "file"
    for data in (buffer.getvalue()[:2000], b"PK\x03\x04", b""):
        file.write_bytes(data)
        with pytest.raises(Broken):
            parse_workbook(Source(file, "a.xlsx", "xlsx"))
    with zipfile.ZipFile(buffer) as archive, zipfile.ZipFile(file, "w") as damaged:
        for name in names:
            damaged.writestr(name, b"<x" if "sheet1" in name else archive.read(name))
    with pytest.raises(Broken):
        parse_workbook(Source(file, "a.xlsx", "xlsx"))
