"""PDFs drawn by reportlab; turned, cropped and outlined by pypdf; read back and checked by their pixels."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import Fit, RectangleObject
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from indexers.errors import Broken, Empty, Encrypted
from indexers.parsers import pdf
from indexers.parsers.pdf import parse_pdf
from indexers.protocols import Source
from indexers.types import PageLocator, Parsed, Piece

WIDTH, HEIGHT = A4


def draw(*pages: Callable[[Canvas], None], **canvas_options) -> PdfWriter:
    """A PDF of one page a function, ready to be changed."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, **canvas_options)
    for page in pages:
        page(canvas)
        canvas.showPage()
    canvas.save()
    return PdfWriter(clone_from=PdfReader(buffer))


def at(*lines: tuple[float, float, str], size: float = 12) -> Callable[[Canvas], None]:
    """Draws texts with their baselines at ``(x, y from the top, text)`` in points."""

    def page(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", size)
        for x, y, text in lines:
            canvas.drawString(x, HEIGHT - y, text)

    return page


def column(*lines: str, x: float = 72, top: float = 150, pitch: float = 14) -> list[tuple[float, float, str]]:
    return [(x, top + pitch * index, line) for index, line in enumerate(lines)]


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Parsed]:
    def read(writer: PdfWriter, name: str = "file.pdf") -> Parsed:
        path = tmp_path / name
        with path.open("wb") as file:
            writer.write(file)
        return parse_pdf(Source(path, name, "pdf"))

    return read


def pieces(parsed: Parsed) -> list[Piece]:
    return [piece for block in parsed.blocks for piece in block.pieces]


def texts(parsed: Parsed) -> list[list[str]]:
    return [[piece.text for piece in block.pieces] for block in parsed.blocks]


# --- places ------------------------------------------------------------------------------------


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("cropped", [False, True])
@pytest.mark.parametrize("shifted", [False, True])
def test_boxes_hold_the_ink_of_their_line(read, tmp_path, rotation, cropped, shifted):
    writer = draw(at((100, 200, "First line of text"), (130, 300, "Second"), (300, 500, "Third, quite far (gypsy)")))
    page = writer.pages[0]
    if shifted:  # a media box whose corner is not at 0, 0
        page.mediabox = RectangleObject((-40, -30, WIDTH, HEIGHT))
        page.cropbox = RectangleObject((-40, -30, WIDTH, HEIGHT))
    if cropped:
        page.cropbox = RectangleObject((50, 200, WIDTH - 30, HEIGHT - 100))
    page.rotation = rotation
    found = pieces(read(writer))
    assert {piece.text for piece in found} == {"First line of text", "Second", "Third, quite far (gypsy)"}

    ink = rendered(tmp_path / "file.pdf")
    outside = ink.copy()
    for piece in found:
        rows, columns = pixels(piece, ink)
        inside = ink[rows, columns]
        assert inside.mean() > 0.1, f"no ink where {piece.text!r} should be"
        # Tight: ink near every edge of the box.
        assert inside[:, :12].any() and inside[:, -12:].any() and inside[:12].any() and inside[-12:].any()
        outside[rows, columns] = False
    assert not outside.any(), "ink outside all boxes"


def rendered(path: Path) -> np.ndarray:
    """Where page 1 is inked: bool, 3 pixels a point."""
    document = pypdfium2.PdfDocument(path)
    try:
        grey = document[0].render(scale=3, grayscale=True).to_numpy()
        return grey.reshape(grey.shape[0], -1) < 128
    finally:
        document.close()


def pixels(piece: Piece, ink: np.ndarray) -> tuple[slice, slice]:
    assert isinstance(piece.locator, PageLocator)
    ((left, top, right, bottom),) = piece.locator.boxes
    height, width = ink.shape
    return (
        slice(max(int(top * height) - 3, 0), int(bottom * height) + 4),
        slice(max(int(left * width) - 3, 0), int(right * width) + 4),
    )


def test_a_line_of_single_glyphs_has_the_same_box(read):
    def spaced(canvas: Canvas) -> None:
        x = 100.0
        for glyph in "Every glyph is placed alone":
            canvas.drawString(x, HEIGHT - 200, glyph)
            x += canvas.stringWidth(glyph)

    whole = pieces(read(draw(at((100, 200, "Every glyph is placed alone")))))
    single = pieces(read(draw(spaced)))
    assert [piece.text for piece in single] == ["Every glyph is placed alone"]
    assert single[0].locator.boxes[0] == pytest.approx(whole[0].locator.boxes[0], abs=0.003)


def test_text_outside_the_visible_page_is_left_out(read):
    writer = draw(at((100, 200, "seen"), (100, 700, "cropped away")))
    writer.pages[0].cropbox = RectangleObject((0, HEIGHT / 2, WIDTH, HEIGHT))
    assert texts(read(writer)) == [["seen"]]


def test_pages_are_counted_from_one(read):
    found = pieces(read(draw(at((72, 300, "one")), at((72, 300, "two")))))
    assert [(piece.text, piece.locator.page) for piece in found] == [("one", 1), ("two", 2)]


# --- layout ------------------------------------------------------------------------------------


def test_paragraphs_part_at_gaps_indents_and_sizes(read):
    def page(canvas: Canvas) -> None:
        at((72, 100, "A heading"), size=18)(canvas)
        at(*column("The first paragraph has a line", "and another.", top=120))(canvas)
        at(*column("The second comes after a gap", "and goes on", "to its end.", top=162))(canvas)
        at((90, 204, "An indented third begins"), *column("and ends.", top=218))(canvas)

    assert texts(read(draw(page))) == [
        ["A heading"],
        ["The first paragraph has a line", "and another."],
        ["The second comes after a gap", "and goes on", "to its end."],
        ["An indented third begins", "and ends."],
    ]


def test_columns_are_read_one_after_the_other(read):
    left = [f"left column line {n} with words" for n in range(8)]
    right = [f"right column line {n} with words" for n in range(8)]
    found = texts(read(draw(at(*column(*left), *column(*right, x=320)))))
    assert found == [left, right]


def test_cells_of_a_row_become_one_line(read):
    rows = [("Total net sales", "94,836", "97,278"), ("Cost of sales", "52,860", "54,719")]
    cells = [(x, 200 + 14 * n, cell) for n, row in enumerate(rows) for x, cell in zip((72, 350, 450), row, strict=True)]
    found = read(draw(at(*cells)))
    assert texts(found) == [["Total net sales 94,836 97,278", "Cost of sales 52,860 54,719"]]
    left, _, right, _ = pieces(found)[0].locator.boxes[0]
    assert left * WIDTH == pytest.approx(72, abs=2)
    assert right * WIDTH > 475


def test_cells_of_two_lines_find_their_rows(read):
    cells = [(300, 200, "April 1,"), (305, 212, "2023"), (400, 200, "March 26,"), (405, 212, "2022")]
    assert texts(read(draw(at(*cells)))) == [["April 1, March 26,", "2023 2022"]]


def test_running_lines_stay_once(read):
    def page(number: int) -> Callable[[Canvas], None]:
        return at((72, 40, "Annual report"), (72, 400, f"What page {number} says"), (300, 810, f"{number} of 6"))

    found = read(draw(*map(page, range(1, 7))))
    said = [piece.text for piece in pieces(found)]
    assert said == ["Annual report", "What page 1 says", "1 of 6"] + [f"What page {n} says" for n in range(2, 7)]


def test_figures_that_only_look_alike_stay(read):
    amounts = [14, 93, 55, 21, 78, 36]
    found = read(draw(*(at((72, 60, f"Sales were {amount} euros")) for amount in amounts)))
    assert [piece.text for piece in pieces(found)] == [f"Sales were {amount} euros" for amount in amounts]


def test_lines_that_repeat_on_three_pages_only_stay(read):
    assert len(pieces(read(draw(*[at((72, 40, "Letter"))] * 3)))) == 3


def test_a_hyphen_at_the_end_of_a_line_stays(read):
    found = read(draw(at(*column("This is a most extraordi-", "nary sentence."))))
    assert texts(found) == [["This is a most extraordi-", "nary sentence."]]
    first, second = (piece.locator.boxes[0] for piece in pieces(found))
    assert first[3] <= second[1]


# --- outline -----------------------------------------------------------------------------------


def test_headings_come_from_the_outline(read):
    writer = draw(
        at(
            (72, 100, "1 Methods"),
            (72, 120, "body"),
            (72, 400, "Samples"),
            (72, 420, "of blood"),
            (72, 700, "and soil"),
        ),
        at((72, 100, "continued"), (72, 400, "after the place")),
    )
    methods = writer.add_outline_item(title="Methods", page_number=0)
    writer.add_outline_item(title="Samples", page_number=0, parent=methods, fit=Fit.xyz(top=HEIGHT - 390))
    writer.add_outline_item(title="Results, renamed", page_number=1, fit=Fit.xyz(top=HEIGHT - 385))
    leads = {piece.text: block.headings for block in read(writer).blocks for piece in block.pieces}
    assert leads == {
        "1 Methods": ("Methods",),
        "body": ("Methods",),
        "Samples": ("Methods", "Samples"),
        "of blood": ("Methods", "Samples"),
        "and soil": ("Methods", "Samples"),
        "continued": ("Methods", "Samples"),
        "after the place": ("Results, renamed",),
    }


def test_headings_are_bounded(read):
    writer = draw(at((72, 100, "text")))
    parent = None
    for _ in range(30):
        parent = writer.add_outline_item(title="long " * 1000, page_number=0, parent=parent)
    (block,) = read(writer).blocks
    assert 0 < len(block.headings) <= 6
    assert max(map(len, block.headings)) <= 120


# --- metadata ----------------------------------------------------------------------------------


def test_metadata_is_named_as_the_contract_says(read):
    writer = draw(at((72, 100, "text")))
    writer.add_metadata(
        {
            "/Title": "A Theory of Bicycles",
            "/Author": "Ada",
            "/Subject": "Engines",
            "/Keywords": "a, b",
            "/CreationDate": "D:20230505060216-04'00'",
        }
    )
    found = read(writer)
    assert found.title == "A Theory of Bicycles"
    assert found.metadata == {
        "author": "Ada",
        "subject": "Engines",
        "keywords": "a, b",
        "date": "2023-05-05T06:02:16-04:00",
    }


# --- what can not be read ----------------------------------------------------------------------


def box(canvas: Canvas) -> None:
    canvas.rect(100, 100, 300, 300, fill=1)


def test_pages_without_text_are_named(read):
    found = read(draw(at((72, 100, "text")), box, at((72, 100, "more")), box, box, at((72, 100, "last"))))
    assert found.notes == ("no text on pages 2, 4 and 5",)
    assert found.coverage == pytest.approx(0.5)


def test_many_pages_without_text_are_a_range(read):
    found = read(draw(at((72, 100, "text")), *[box] * 14))
    assert found.notes == ("no text on pages 2–15",)


def test_blank_pages_are_not_missed(read):
    found = read(draw(at((72, 100, "text")), lambda canvas: None))
    assert (found.coverage, found.notes) == (1.0, ())


def test_no_text_at_all_is_left_to_be_looked_at(read):
    found = read(draw(box, box))
    assert (found.blocks, found.unread, found.coverage) == ((), ("pictures",), 0.0)
    assert found.notes == ("no text on pages 1 and 2",)


def test_blank_pages_alone_are_empty(read):
    def beyond_the_edge(canvas: Canvas) -> None:
        canvas.rect(WIDTH + 20, 100, 300, 300, fill=1)

    with pytest.raises(Empty, match=r"^no text: only blank pages$"):
        read(draw(lambda canvas: None, beyond_the_edge))


def test_text_alone_leaves_nothing_to_be_looked_at(read):
    assert read(draw(at((72, 100, "text")))).unread == ()


def test_attachments_come_along_even_without_text(read):
    writer = draw(box)
    writer.add_attachment("note.txt", b"inside")
    writer.add_attachment("dir\\other.bin", bytes(range(256)))
    found = read(writer)
    assert {a.name: a.data for a in found.attachments} == {"note.txt": b"inside", "other.bin": bytes(range(256))}
    assert found.coverage == 0.0


def test_attachments_are_bounded(read, monkeypatch):
    monkeypatch.setattr(pdf, "_ATTACHED_BYTES", 10)
    writer = draw(at((72, 100, "text")))
    writer.add_attachment("a.txt", b"x" * 8)
    writer.add_attachment("b.txt", b"x" * 8)
    found = read(writer)
    assert len(found.attachments) == 1
    assert found.notes == ("1 attachment could not be read",)


def test_a_password_is_asked_for(read):
    writer = draw(at((72, 100, "secret")))
    writer.encrypt("open sesame", algorithm="AES-256")
    with pytest.raises(Encrypted, match=r"^needs a password$"):
        read(writer)


def test_an_owner_password_does_not_matter(read):
    writer = draw(at((72, 100, "not secret")))
    writer.encrypt("", "owner", algorithm="AES-128")
    assert texts(read(writer)) == [["not secret"]]


def test_what_is_typed_into_a_form_is_read(read):
    def form(canvas: Canvas) -> None:
        canvas.drawString(72, 700, "Name:")
        canvas.acroForm.textfield(name="name", value="Grace Hopper", x=120, y=690, width=200, height=20)

    assert "Grace Hopper" in " ".join(piece.text for piece in pieces(read(draw(form))))


def test_garbage_is_broken(tmp_path):
    path = tmp_path / "garbage.pdf"
    path.write_bytes(b"%PDF-1.7\n" + b"garbage " * 100)
    with pytest.raises(Broken, match="damaged"):
        parse_pdf(Source(path, path.name, "pdf"))


def test_pypdf_rescues_what_pdfium_refuses(tmp_path, monkeypatch):
    path = tmp_path / "file.pdf"
    with path.open("wb") as file:
        draw(at((72, 100, "still"), (72, 120, "here")), at((72, 100, "too"))).write(file)

    def refuse(*_: object) -> None:
        raise pypdfium2.PdfiumError("refused", err_code=3)

    monkeypatch.setattr(pypdfium2, "PdfDocument", refuse)
    found = parse_pdf(Source(path, path.name, "pdf"))
    assert [(piece.text, piece.locator) for piece in pieces(found)] == [
        ("still", PageLocator(1)),
        ("here", PageLocator(1)),
        ("too", PageLocator(2)),
    ]
    assert found.notes == ("is damaged; its text was recovered without places on the page",)


def test_what_neither_reader_understands_is_broken(tmp_path, monkeypatch):
    path = tmp_path / "file.pdf"
    with path.open("wb") as file:
        draw(at((72, 100, "text"))).write(file)
    path.write_bytes(path.read_bytes().replace(b"/FlateDecode", b"/FloteDecode"))

    def refuse(*_: object) -> None:
        raise pypdfium2.PdfiumError("refused", err_code=3)

    monkeypatch.setattr(pypdfium2, "PdfDocument", refuse)
    with pytest.raises(Broken, match="damaged"):
        parse_pdf(Source(path, path.name, "pdf"))
