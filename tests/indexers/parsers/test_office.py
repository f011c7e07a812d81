"""Word, OpenDocument and slides: what is read, in which order, and how damage is named."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from docx import Document
from docx.oxml import parse_xml
from pptx import Presentation
from pptx.util import Inches

from indexers.errors import Broken, Empty, Encrypted
from indexers.parsers import archive
from indexers.parsers.office import parse_docx
from indexers.parsers.opendocument import parse_odt
from indexers.parsers.slides import parse_pptx
from indexers.protocols import Source
from indexers.types import Parsed, SectionLocator, SlideLocator

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
ODF = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"'
)


def source(path: Path, format_name: str) -> Source:
    return Source(path, path.name, format_name)


def texts(parsed: Parsed) -> list[str]:
    return [piece.text for block in parsed.blocks for piece in block.pieces]


def read_docx(document: object, tmp_path: Path) -> Parsed:
    path = tmp_path / "a.docx"
    document.save(str(path))  # type: ignore[attr-defined]
    return parse_docx(source(path, "docx"))


def write_zip(path: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in members.items():
            file.writestr(name, text)
    return path


# --- docx --------------------------------------------------------------------------------------


def test_docx_keeps_document_order_and_heading_path(tmp_path: Path) -> None:
    document = Document()
    document.add_heading("Lease", 0)
    document.add_heading("Terms", 1)
    document.add_heading("Duration", 2)
    document.add_paragraph("It ends in May.")
    document.add_paragraph("first", style="List Bullet")
    document.add_paragraph("second", style="List Bullet")
    document.add_heading("Rent", 1)
    table = document.add_table(3, 2)
    for cell, text in zip(table._cells, ["Month", "Rent", "May", "900", "June", "950"], strict=True):
        cell.text = text
    document.core_properties.title = ""
    document.core_properties.author = "A. Writer"
    parsed = read_docx(document, tmp_path)
    assert [(b.headings, [p.text for p in b.pieces], b.header) for b in parsed.blocks] == [
        (("Lease", "Terms", "Duration"), ["It ends in May."], ""),
        (("Lease", "Terms", "Duration"), ["first", "second"], ""),
        (("Lease", "Rent"), ["May | 900", "June | 950"], "Month | Rent"),
    ]
    assert parsed.blocks[0].pieces[0].locator == SectionLocator(("Lease", "Terms", "Duration"))
    assert parsed.title == "Lease"
    assert parsed.metadata["author"] == "A. Writer"


def test_docx_keeps_insertions_and_leaves_out_deletions_and_hidden_text(tmp_path: Path) -> None:
    document = Document()
    paragraph = document.add_paragraph("It costs ")
    for run in (
        f'<w:ins {W} w:id="1"><w:r><w:t>900</w:t></w:r></w:ins>',
        f'<w:del {W} w:id="2"><w:r><w:delText>800</w:delText></w:r></w:del>',
        f'<w:moveFrom {W} w:id="3"><w:r><w:t>gone</w:t></w:r></w:moveFrom>',
        f"<w:r {W}><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r>",
        f'<w:hyperlink {W}><w:r><w:t xml:space="preserve"> euros</w:t></w:r></w:hyperlink>',
    ):
        paragraph._p.append(parse_xml(run))
    assert texts(read_docx(document, tmp_path)) == ["It costs 900 euros"]


def test_docx_reads_text_boxes_once_and_alternative_text(tmp_path: Path) -> None:
    document = Document()
    paragraph = document.add_paragraph("body")
    box = "<w:txbxContent><w:p><w:r><w:t>in the box</w:t></w:r></w:p></w:txbxContent>"
    paragraph._p.append(
        parse_xml(
            f'<w:r {W} xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
            'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
            'xmlns:v="urn:schemas-microsoft-com:vml"><mc:AlternateContent>'
            f'<mc:Choice Requires="wps"><w:drawing><wp:docPr id="1" name="x" descr="A red bicycle"/>{box}'
            f"</w:drawing></mc:Choice><mc:Fallback><w:pict><v:textbox>{box}</v:textbox></w:pict>"
            "</mc:Fallback></mc:AlternateContent></w:r>"
        )
    )
    assert texts(read_docx(document, tmp_path)) == ["body", "A red bicycle", "in the box"]


def test_docx_alternative_text_of_pictures(tmp_path: Path) -> None:
    document = Document()
    for number, (said, title) in enumerate([("A red bicycle", "In May"), ("Picture 1", ""), ("", "A boat")]):
        paragraph = document.add_paragraph(f"text {number}")
        paragraph._p.append(
            parse_xml(
                f'<w:r {W} xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"><w:drawing>'
                f'<wp:docPr id="1" name="Picture 1" descr="{said}" title="{title}"/></w:drawing></w:r>'
            )
        )
    assert texts(read_docx(document, tmp_path)) == ["text 0", "A red bicycle", "In May", "text 1", "text 2", "A boat"]


def test_docx_merged_cells_once_and_nested_tables_flow(tmp_path: Path) -> None:
    document = Document()
    table = document.add_table(2, 3)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "wide"
    table.cell(0, 2).text = "end"
    for at in range(3):
        table.cell(1, at).text = f"c{at}"
    outer = document.add_table(1, 2)
    outer.cell(0, 0).text = "left"
    inner = outer.cell(0, 1).add_table(2, 2)
    for cell, text in zip(inner._cells, ["k", "v", "x", "7"], strict=True):
        cell.text = text
    parsed = read_docx(document, tmp_path)
    assert (parsed.blocks[0].header, parsed.blocks[0].pieces[0].text) == ("wide |  | end", "c0 | c1 | c2")
    assert [(b.header, [p.text for p in b.pieces]) for b in parsed.blocks[1:]] == [
        ("", ["left"]),
        ("k | v", ["x | 7"]),
    ]


def test_docx_leaves_out_what_word_does_not_show(tmp_path: Path) -> None:
    paragraph = "<w:p><w:r><w:t>{}</w:t></w:r></w:p>".format
    merged = "<w:tcPr><w:vMerge{}/></w:tcPr>".format
    rows = "".join(
        f"<w:tr><w:tc>{merged(mark)}{paragraph(text)}</w:tc><w:tc>{paragraph(number)}</w:tc></w:tr>"
        for mark, text, number in ((' w:val="restart"', "shown", "1"), ("", "covered", "2"))
    )
    body = (
        '<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><mc:Choice>'
        f"{paragraph('new')}</mc:Choice><mc:Fallback>{paragraph('old')}</mc:Fallback></mc:AlternateContent>"
        f"<w:tbl>{rows}</w:tbl>"
    )
    xml = f"<w:document {W}><w:body>{body}</w:body></w:document>"
    path = write_zip(tmp_path / "x.docx", {"word/document.xml": xml})
    assert texts(parse_docx(source(path, "docx"))) == ["new", "shown | 1", "2"]


def test_docx_headers_footers_and_comments_follow_once(tmp_path: Path) -> None:
    document = Document()
    document.sections[0].header.paragraphs[0].text = "Confidential"
    document.sections[0].footer.paragraphs[0].text = "17"
    document.add_section().header.is_linked_to_previous = False
    document.sections[1].header.paragraphs[0].text = "Confidential"
    run = document.add_paragraph("text").runs[0]
    document.add_comment(run, text="Really?", author="B")
    assert texts(read_docx(document, tmp_path)) == ["text", "Confidential", "Really?"]


def test_docx_heading_by_outline_level_and_localised_style(tmp_path: Path) -> None:
    document = Document()
    style = document.styles["Heading 1"]
    style.element.set(style.element.nsmap["w"].join("{}") + "styleId", "berschrift1")
    document.add_paragraph("Kapitel")._p.get_or_add_pPr().append(parse_xml(f'<w:pStyle {W} w:val="berschrift1"/>'))
    document.add_paragraph("Teil")._p.get_or_add_pPr().append(parse_xml(f'<w:outlineLvl {W} w:val="1"/>'))
    document.add_paragraph("Text")
    assert read_docx(document, tmp_path).blocks[0].headings == ("Kapitel", "Teil")


def test_docx_heading_without_text_below_is_kept(tmp_path: Path) -> None:
    document = Document()
    document.add_heading("Only", 1)
    document.add_heading("Headings", 1)
    assert texts(read_docx(document, tmp_path)) == ["Only", "Headings"]


def test_docx_without_text_is_empty(tmp_path: Path) -> None:
    with pytest.raises(Empty, match="no text"):
        read_docx(Document(), tmp_path)


@pytest.mark.parametrize("parse", [parse_docx, parse_pptx, parse_odt])
def test_damaged_and_protected_archives(parse: object, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(Broken, match="damaged"):
        parse(source(path, "x"))  # type: ignore[operator]
    write_zip(path, {"hello.txt": "no document"})
    with pytest.raises(Broken, match="damaged"):
        parse(source(path, "x"))  # type: ignore[operator]
    name = "EncryptedPackage".encode("utf-16-le")
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + name)
    with pytest.raises(Encrypted, match="password"):
        parse(source(path, "x"))  # type: ignore[operator]


def test_every_truncation_of_a_docx_is_a_file_error(tmp_path: Path) -> None:
    document = Document()
    document.add_paragraph("text")
    buffer = io.BytesIO()
    document.save(buffer)
    data, path = buffer.getvalue(), tmp_path / "cut.docx"
    for end in range(1, len(data) - 1, len(data) // 40):
        path.write_bytes(data[:end])
        with pytest.raises(Broken):
            parse_docx(source(path, "docx"))


def test_zip_bombs_are_refused_before_unpacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_zip(tmp_path / "bomb.docx", {"word/document.xml": " " * 5_000_000})
    monkeypatch.setattr(archive, "MAX_UNPACKED_MB", 4)
    with pytest.raises(Broken, match="unpacks to more than 4 MB"):
        parse_docx(source(path, "docx"))
    monkeypatch.setattr(archive, "MAX_UNPACKED_MB", 100)
    monkeypatch.setattr(archive, "_RATIO_COUNTS_FROM_MB", 1)
    with pytest.raises(Broken, match="times its size"):
        parse_docx(source(path, "docx"))


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("top secret")
    xml = (
        f'<!DOCTYPE d [<!ENTITY e SYSTEM "{secret.as_uri()}">]>'
        f"<w:document {W}><w:body><w:p><w:r><w:t>seen &e;</w:t></w:r></w:p></w:body></w:document>"
    )
    path = write_zip(tmp_path / "x.docx", {"word/document.xml": xml})
    assert texts(parse_docx(source(path, "docx"))) == ["seen"]


# --- odt ---------------------------------------------------------------------------------------


def write_odt(path: Path, body: str, **members: str) -> Path:
    content = (
        f"<office:document-content {ODF}><office:automatic-styles>"
        '<style:style style:name="P9" style:parent-style-name="Title"/></office:automatic-styles>'
        f"<office:body><office:text>{body}</office:text></office:body></office:document-content>"
    )
    return write_zip(path, {"content.xml": content, **members})


def test_odt_reads_headings_lists_tables_and_notes(tmp_path: Path) -> None:
    row = "<table:table-row>{}</table:table-row>".format
    cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>".format
    body = (
        '<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes><text:p text:style-name="P9">Book'
        '</text:p><text:h text:outline-level="1">One</text:h><text:p>a<text:s text:c="2"/>b\n   c<text:note>'
        "<text:note-citation>1</text:note-citation><text:note-body><text:p>the note</text:p></text:note-body>"
        "</text:note>!</text:p><text:list><text:list-item><text:p>x</text:p></text:list-item><text:list-item>"
        "<text:p>y</text:p></text:list-item></text:list><table:table><table:table-header-rows>"
        f"{row(cell('1998') + cell('1999'))}</table:table-header-rows>{row(cell('5') + cell('6'))}</table:table>"
    )
    date = "<office:meta><dc:date>2024-05-01T10:00:00</dc:date></office:meta>"
    meta = f"<office:document-meta {ODF}>{date}</office:document-meta>"
    parsed = parse_odt(source(write_odt(tmp_path / "a.odt", body, **{"meta.xml": meta}), "odt"))
    assert [(b.headings, [p.text for p in b.pieces], b.header) for b in parsed.blocks] == [
        (("Book", "One"), ["a  b c!"], ""),
        (("Book", "One"), ["x", "y"], ""),
        (("Book", "One"), ["5 | 6"], "1998 | 1999"),
        ((), ["the note"], ""),
    ]
    assert (parsed.title, parsed.metadata) == ("Book", {"date": "2024-05-01T10:00:00"})


def test_odt_pictures_count_by_what_is_said_of_them(tmp_path: Path) -> None:
    frame = (
        "<draw:frame xmlns:draw='d' xmlns:svg='s'><svg:title>{}</svg:title><svg:desc>{}</svg:desc></draw:frame>".format
    )
    body = (
        f"<text:p>before{frame('A boat', 'It is blue')}</text:p><text:p>{frame('image1.png', '')}after</text:p>"
        f"<table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell><table:table-cell>"
        f"<text:p>b{frame('A gull', 'A gull')}</text:p></table:table-cell></table:table-row></table:table>"
    )
    parsed = parse_odt(source(write_odt(tmp_path / "a.odt", body), "odt"))
    assert texts(parsed) == ["before", "A boat", "It is blue", "after", "a | b A gull"]


def test_encrypted_odt(tmp_path: Path) -> None:
    manifest = '<manifest:manifest xmlns:manifest="m"><manifest:encryption-data/></manifest:manifest>'
    path = write_odt(tmp_path / "a.odt", "", **{"META-INF/manifest.xml": manifest})
    with pytest.raises(Encrypted, match="password"):
        parse_odt(source(path, "odt"))


# --- pptx --------------------------------------------------------------------------------------


def test_pptx_reads_slides_in_reading_order_with_notes(tmp_path: Path) -> None:
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    for text, left, top in (("bottom", 1, 5), ("right", 5, 2), ("left", 1, 2)):
        slide.shapes.add_textbox(Inches(left), Inches(top), Inches(2), Inches(1)).text_frame.text = text
    slide.shapes.title.text = "Plan"
    slide.notes_slide.notes_text_frame.text = "say hello"
    hidden = deck.slides.add_slide(deck.slide_layouts[5])
    hidden._element.set("show", "0")
    table = hidden.shapes.add_table(2, 2, Inches(1), Inches(1), Inches(4), Inches(1)).table
    for at, text in enumerate(["Name", "Age", "Ann", "41"]):
        table.cell(at // 2, at % 2).text = text
    deck.slides.add_slide(deck.slide_layouts[5]).shapes.title.text = "The end"
    deck.save(str(tmp_path / "a.pptx"))
    parsed = parse_pptx(source(tmp_path / "a.pptx", "pptx"))
    assert texts(parsed) == ["left", "right", "bottom", "say hello", "Ann | 41", "The end"]
    assert [piece.locator for b in parsed.blocks for piece in b.pieces] == [SlideLocator(n) for n in (1, 1, 1, 1, 2, 3)]
    assert parsed.blocks[0].headings == ("Plan",)
    assert parsed.blocks[4].header == "Name | Age"
    assert (parsed.title, parsed.coverage) == ("Plan", 1.0)


def test_pptx_charts_and_groups(tmp_path: Path) -> None:
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE

    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    data = CategoryChartData()
    data.categories = ["North", "South"]
    data.add_series("Sales", (4.0, 2.5))
    chart = slide.shapes.add_chart(
        XL_CHART_TYPE.COLUMN_CLUSTERED, Inches(1), Inches(3), Inches(4), Inches(3), data
    ).chart
    chart.has_title = True
    chart.chart_title.text_frame.text = "By region"
    group = slide.shapes.add_group_shape()
    inner = group.shapes.add_group_shape()
    inner.shapes.add_textbox(Inches(1), Inches(1), Inches(1), Inches(1)).text_frame.text = "deep"
    deck.save(str(tmp_path / "a.pptx"))
    parsed = parse_pptx(source(tmp_path / "a.pptx", "pptx"))
    assert texts(parsed) == ["deep", "By region", "North | 4", "South | 2.5"]
    assert parsed.blocks[-1].header == "Sales"


def test_pptx_alternative_text_stands_on_its_slide(tmp_path: Path) -> None:
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    for said in ("A red bicycle", "A picture containing text Description automatically generated", "image3.png"):
        box = slide.shapes.add_textbox(Inches(1), Inches(1), Inches(1), Inches(1))
        box._element.xpath(".//p:cNvPr")[0].set("descr", said)
    deck.save(str(tmp_path / "a.pptx"))
    (block,) = parse_pptx(source(tmp_path / "a.pptx", "pptx")).blocks
    assert [(piece.text, piece.locator) for piece in block.pieces] == [("A red bicycle", SlideLocator(1))]


def test_pptx_without_text_is_empty(tmp_path: Path) -> None:
    deck = Presentation()
    deck.slides.add_slide(deck.slide_layouts[6])
    deck.save(str(tmp_path / "a.pptx"))
    with pytest.raises(Empty):
        parse_pptx(source(tmp_path / "a.pptx", "pptx"))
