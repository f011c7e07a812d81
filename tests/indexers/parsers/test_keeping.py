"""Parsers say what they have while they read; at any moment that is the beginning of what they give in the end."""

import json
import zipfile
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from pathlib import Path

import openpyxl
import pytest
from docx import Document
from pptx import Presentation
from reportlab.pdfgen.canvas import Canvas

from indexers.parsers import keeping, parser_for, pdf, table, xml_lines
from indexers.protocols import Source
from indexers.types import Block, PageLocator, Parsed

COUNT = 12
WORDS = [f"word{number}" for number in range(COUNT)]


class Keeping:
    """Remembers what it was told to keep, as it was then."""

    def __init__(self) -> None:
        self.told: list[tuple[tuple[Block, ...], float, str]] = []

    def __call__(self, blocks: Sequence[Block], coverage: float, where: str = "") -> None:
        self.told.append((tuple(blocks), coverage, where))


def words(blocks: Sequence[Block]) -> list[str]:
    return [word for block in blocks for piece in block.pieces for word in piece.text.split() if word in WORDS]


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_BLOCKS", 2)
    monkeypatch.setattr(keeping, "_STEPS", 2)
    monkeypatch.setattr(table, "_SEGMENT_ROWS", 4)
    monkeypatch.setattr(xml_lines, "_FEED_CHARS", 40)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., tuple[Parsed, Keeping]]:
    def read(
        format_name: str, data: bytes | str | None = None, path: Path = tmp_path / "file"
    ) -> tuple[Parsed, Keeping]:
        if data is not None:
            path.write_bytes(data.encode() if isinstance(data, str) else data)
        parser, keep = parser_for(format_name), Keeping()
        assert parser is not None
        return parser(Source(path, f"file.{format_name}", format_name, keep=keep)), keep

    return read


def check(parsed: Parsed, keep: Keeping) -> None:
    """What was kept grew, was the beginning of the whole, and never claimed more of the file than before."""
    assert words(parsed.blocks) == WORDS
    assert len(keep.told) >= 2
    coverages = [coverage for _, coverage, _ in keep.told]
    assert coverages == sorted(coverages)
    assert 0 <= coverages[0] <= coverages[-1] <= 1
    for blocks, _, where in keep.told:
        assert where
        assert blocks == parsed.blocks[: len(blocks)]
    lengths = [len(words(blocks)) for blocks, _, _ in keep.told]
    assert lengths == sorted(lengths)
    assert lengths[0] < COUNT


@pytest.mark.parametrize(
    ("format_name", "text"),
    [
        ("text", "\n\n".join(WORDS)),
        ("markdown", "\n\n".join(WORDS)),
        ("code", "\n\n".join(f"def f{n}():\n    return {word}" for n, word in enumerate(WORDS))),
        ("json", json.dumps([{"said": f"a {word} b"} for word in WORDS], indent=1)),
        ("jsonl", "\n".join(json.dumps({"said": f"a {word} b"}) for word in WORDS)),
        ("yaml", "\n".join(f"k{n}: {word}" for n, word in enumerate(WORDS))),
        ("xml", "<a>" + "".join(f"<p>so <b>is</b> {word}</p>\n" for word in WORDS) + "</a>"),
        ("xml", "<a>\n" + "".join(f"<p>\n{word}\n</p>\n" for word in WORDS) + "</a>"),
        ("csv", "number,word\n" + "".join(f"{n}, {word} ,\n" for n, word in enumerate(WORDS))),
        ("html", "<body>" + "".join(f"<p>{word}</p>" for word in WORDS) + "</body>"),
        (
            "notebook",
            json.dumps({"cells": [{"cell_type": "code", "source": word, "outputs": [{"text": ""}]} for word in WORDS]}),
        ),
    ],
)
def test_texts(read: Callable[..., tuple[Parsed, Keeping]], format_name: str, text: str) -> None:
    check(*read(format_name, text))


def test_documents(read: Callable[..., tuple[Parsed, Keeping]], tmp_path: Path) -> None:
    document = Document()
    document.add_heading("Heading", 1)
    for word in WORDS:
        document.add_paragraph(word)
    document.save(str(tmp_path / "a.docx"))
    parsed, keep = read("docx", path=tmp_path / "a.docx")
    check(parsed, keep)
    assert keep.told[-1][1:] == (1.0, "the end of its text")

    of = "urn:oasis:names:tc:opendocument:xmlns"
    names = f'xmlns:o="{of}:office:1.0" xmlns:t="{of}:text:1.0"'
    text = "".join(f"<t:p>{word}</t:p>" for word in WORDS)
    with zipfile.ZipFile(tmp_path / "a.odt", "w") as archive:
        archive.writestr("content.xml", f"<o:document {names}><o:body><o:text>{text}</o:text></o:body></o:document>")
    check(*read("odt", path=tmp_path / "a.odt"))


def test_books_and_slides(read: Callable[..., tuple[Parsed, Keeping]], tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.epub", "w") as archive:
        items = "".join(f'<item id="c{n}" href="{n}.html" media-type="x"/>' for n in range(COUNT))
        order = "".join(f'<itemref idref="c{n}"/>' for n in range(COUNT))
        archive.writestr("content.opf", f"<package><manifest>{items}</manifest><spine>{order}</spine></package>")
        for number, word in enumerate(WORDS):
            archive.writestr(f"{number}.html", f"<body><p>{word}</p></body>")
    parsed, keep = read("epub", path=tmp_path / "a.epub")
    check(parsed, keep)
    assert [where for _, _, where in keep.told] == [f"chapter {n} of {COUNT}" for n in range(1, COUNT + 1)]

    presentation = Presentation()
    for word in WORDS:
        presentation.slides.add_slide(presentation.slide_layouts[5]).shapes.title.text = word
    presentation.save(str(tmp_path / "a.pptx"))
    parsed, keep = read("pptx", path=tmp_path / "a.pptx")
    check(parsed, keep)
    assert keep.told[0][1:] == (1 / COUNT, f"slide 1 of {COUNT}")


def test_workbooks(read: Callable[..., tuple[Parsed, Keeping]], tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    first, second = book.active, book.create_sheet("Second")
    assert first is not None
    for number, word in enumerate(WORDS[:9]):
        first.append([number, word])
    for number, word in enumerate(WORDS[9:]):
        second.append([number, word])
    book.save(tmp_path / "a.xlsx")
    parsed, keep = read("xlsx", path=tmp_path / "a.xlsx")
    check(parsed, keep)
    assert [told[1:] for told in keep.told] == [
        (0.0, "row 4 of sheet 1 of 2"),
        (0.0, "row 8 of sheet 1 of 2"),
        (0.5, "sheet 1 of 2"),
        (0.5, "row 3 of sheet 2 of 2"),
        (1.0, "sheet 2 of 2"),
    ]


def test_pages_are_kept_with_their_places(read: Callable[..., tuple[Parsed, Keeping]], tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"))
    for number, word in enumerate(WORDS):
        canvas.drawString(72, 820, f"Running {number}")
        canvas.drawString(72, 500, word)
        canvas.showPage()
    canvas.save()
    parsed, keep = read("pdf", path=tmp_path / "a.pdf")
    assert [told[1:] for told in keep.told] == [(n / COUNT, f"page {n} of {COUNT}") for n in range(1, COUNT + 1)]
    kept = keep.told[4][0]
    assert words(kept) == WORDS[:5]
    places = {piece.text: piece.locator for block in parsed.blocks for piece in block.pieces}
    for number, block in enumerate(kept, 1):
        (piece,) = (piece for piece in block.pieces if piece.text in WORDS)
        assert piece.locator == places[piece.text]
        assert isinstance(piece.locator, PageLocator)
        assert piece.locator.page == number
    # Running lines are made out at the end only.
    assert sum("Running" in piece.text for block in kept for piece in block.pieces) == 5
    assert sum("Running" in piece.text for block in parsed.blocks for piece in block.pieces) == 1


def test_pages_that_can_not_be_read_do_not_count_as_read(
    read: Callable[..., tuple[Parsed, Keeping]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"))
    for word in WORDS[:4]:
        if word != WORDS[1]:
            canvas.drawString(72, 500, word)
        canvas.showPage()
    canvas.save()
    monkeypatch.setattr(pdf, "is_textless", lambda _handle, page: not page.lines)
    _, keep = read("pdf", path=tmp_path / "a.pdf")
    assert [coverage for _, coverage, _ in keep.told] == [0.25, 0.25, 0.5, 0.75]


def test_of_a_mail_the_plain_text_is_kept(read: Callable[..., tuple[Parsed, Keeping]]) -> None:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "a@b.c", "Hello"
    mail.set_content("plain " + " ".join(WORDS))
    mail.add_alternative("<p>and <b>" + " ".join(reversed(WORDS)) + "</b></p>", subtype="html")
    mail.add_attachment(b"x" * 100, "application", "octet-stream", filename="a.bin")
    parsed, keep = read("eml", mail.as_bytes())
    ((blocks, coverage, where),) = keep.told
    assert words(blocks) == WORDS
    assert blocks[0].pieces[0].text == "Subject: Hello"
    assert (coverage, where) == (0.5, "the end of its plain text")
    assert len(parsed.attachments) == 1
