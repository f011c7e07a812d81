"""Makes the binary files of the sample library from the plain texts beside it.

``library/`` holds the papers of a watermill that never was; the demo indexes that folder. What a person
would have as text (diary, script, saved page …) is written by hand. What a person would have as PDF, Word,
PowerPoint, Excel or mail is made here, from ``sources/``, and committed as well: the demo needs none of these
libraries, and a change to a text can be read as a change to a text.

    python data/make_library.py [FOLDER]

Every date and id is fixed, so the same sources and library versions give the same bytes. The markup of the
sources is the least that does: ``#`` and ``##`` headings, ``-`` bullets, ``|`` table rows (the first is the
header), ``>`` speaker notes, ``<<page>>`` page breaks; everything else is a paragraph.
"""

from __future__ import annotations

import re
import sys
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_string, policy
from email.message import EmailMessage
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, TypeAlias

DATA = Path(__file__).resolve().parent
SOURCES = DATA / "sources"
LIBRARY = DATA / "library"

Kind: TypeAlias = Literal["title", "heading", "bullets", "table", "notes", "page", "paragraph"]
MARKS: dict[str, Kind] = {
    "# ": "title",
    "##": "heading",
    "- ": "bullets",
    "| ": "table",
    "> ": "notes",
    "<<": "page",
}

GREEN = "2F4F3E"
CREAM = "F7F3E8"
WATER = "7FA8B8"
OAK = "8A6642"


@dataclass(frozen=True, slots=True)
class Element:
    """A part of a document; ``rows`` is filled for tables (cells) and bullets (one cell each)."""

    kind: Kind
    text: str = ""
    rows: tuple[tuple[str, ...], ...] = ()


def read_source(path: Path) -> list[Element]:
    """The elements of a source text, in order."""

    def kind_of(line: str) -> Kind:
        return MARKS.get(line[:2], "paragraph")

    elements = []
    lines = path.read_text(encoding="utf-8").splitlines()
    for blank, block in groupby(lines, lambda line: not line.strip()):
        if blank:
            continue
        for kind, run in groupby(block, kind_of):
            part = list(run)
            if kind == "table":
                rows = tuple(tuple(cell.strip() for cell in line.strip("|").split("|")) for line in part)
                elements.append(Element(kind, rows=rows))
            elif kind == "bullets":
                elements.append(Element(kind, rows=tuple((line[2:],) for line in part)))
            else:
                elements.append(Element(kind, " ".join(line.lstrip("#> ") for line in part)))
    return elements


# --- PDF -----------------------------------------------------------------------------------------


def _pdf_styles() -> dict[str, Any]:
    from reportlab.lib.colors import HexColor
    from reportlab.lib.styles import ParagraphStyle

    body = ParagraphStyle("body", fontName="Times-Roman", fontSize=12.5, leading=18, spaceAfter=9)
    bold = ParagraphStyle("bold", body, fontName="Times-Bold")
    green = HexColor(f"#{GREEN}")
    return {
        "paragraph": body,
        "title": ParagraphStyle("title", bold, fontSize=24, leading=30, textColor=green),
        "heading": ParagraphStyle("heading", bold, fontSize=15, leading=20, spaceBefore=12, textColor=green),
        "cell": ParagraphStyle("cell", body, fontSize=11.5, leading=15, spaceAfter=0),
        "head": ParagraphStyle("head", bold, fontSize=11.5, leading=15, spaceAfter=0),
    }


def _pdf_table(rows: tuple[tuple[str, ...], ...], width: float, styles: dict[str, Any]) -> Any:
    """A ruled table as wide as the text (``width`` in points), its first row shaded."""
    from reportlab.lib.colors import HexColor
    from reportlab.platypus import Paragraph, Table, TableStyle

    shares = [0.3, 0.7] if len(rows[0]) == 2 else [0.34, 0.33, 0.33]
    cells = [[Paragraph(cell, styles["cell" if r else "head"]) for cell in row] for r, row in enumerate(rows)]
    rules = [
        ("GRID", (0, 0), (-1, -1), 0.5, HexColor("#A9A491")),
        ("BACKGROUND", (0, 0), (-1, 0), HexColor("#E6E2D3")),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ]
    table = Table(cells, colWidths=[width * share for share in shares], style=TableStyle(rules), repeatRows=1)
    table.spaceBefore, table.spaceAfter = 4, 14
    return table


def make_pdf(source: Path, target: Path) -> None:
    """A4 pages with a running foot, and a bookmark for every heading."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import cm
    from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate

    elements = read_source(source)
    title = elements[0].text
    styles = _pdf_styles()

    def foot(canvas: Any, document: Any) -> None:
        canvas.setFont("Times-Italic", 9)
        canvas.drawString(2.6 * cm + 6, 1.5 * cm, f"{title} – Osier Mill")
        canvas.drawRightString(A4[0] - 2.6 * cm - 6, 1.5 * cm, f"Page {document.page}")

    def bookmark(flowable: Any) -> None:
        """Marks where a heading came to stand: only the layout knows on which page that is."""
        kind = getattr(getattr(flowable, "style", None), "name", "")
        if kind in ("title", "heading"):
            key = f"h{document.seq.nextf('heading')}"
            document.canv.bookmarkPage(key)
            document.canv.addOutlineEntry(flowable.getPlainText(), key, int(kind == "heading"))

    sides = {"leftMargin": 2.6 * cm, "rightMargin": 2.6 * cm}
    ends = {"topMargin": 2.4 * cm, "bottomMargin": 2.6 * cm}
    signed = {"title": title, "author": "Tamble Navigation Trust"}
    document = SimpleDocTemplate(str(target), pagesize=A4, invariant=1, **sides, **ends, **signed)
    document.afterFlowable = bookmark
    story: list[Any] = []
    for element in elements:
        if element.kind == "table":
            story.append(_pdf_table(element.rows, document.width - 12, styles))
        elif element.kind == "page":
            story.append(PageBreak())
        else:
            story.append(Paragraph(element.text, styles[element.kind]))
    document.build(story, onFirstPage=foot, onLaterPages=foot)


# --- Word, PowerPoint, Excel ---------------------------------------------------------------------


def _settle(target: Path, when: datetime) -> None:
    """Rewrites an Office file with ``when`` in place of the moment it was made."""
    stamp = when.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    with zipfile.ZipFile(target) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stamp, content)
            entry = zipfile.ZipInfo(name, date_time=(when.year, when.month, when.day, 12, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)


def _sign(properties: Any, title: str, author: str, when: datetime) -> None:
    """Fills in what both python-docx and python-pptx call core properties."""
    properties.title, properties.author, properties.last_modified_by = title, author, author
    properties.created = properties.modified = when
    properties.comments = ""


def make_docx(source: Path, target: Path) -> None:
    """A letter-like document: title, numbered headings, ruled tables."""
    from docx import Document
    from docx.shared import Pt, RGBColor

    document = Document()
    document.styles["Normal"].font.name = "Georgia"
    document.styles["Normal"].font.size = Pt(10.5)
    for name in ("Title", "Heading 1"):
        document.styles[name].font.name = "Georgia"
        document.styles[name].font.color.rgb = RGBColor.from_string(GREEN)
    elements = read_source(source)
    for element in elements:
        if element.kind == "title":
            document.add_heading(element.text, level=0)
        elif element.kind == "heading":
            document.add_heading(element.text, level=1)
        elif element.kind == "table":
            table = document.add_table(len(element.rows), len(element.rows[0]), style="Table Grid")
            for r, row in enumerate(element.rows):
                for c, text in enumerate(row):
                    run = table.cell(r, c).paragraphs[0].add_run(text)
                    run.bold = r == 0
            document.add_paragraph()
        else:
            document.add_paragraph(element.text)
    when = datetime(2023, 2, 14, 12, tzinfo=UTC)
    _sign(document.core_properties, elements[0].text, "Wenzel Adler", when)
    document.save(str(target))
    _settle(target, when)


def _draw_wheel(slide: Any) -> None:
    """The wheel, its spokes and the water, out of plain shapes at the right of a slide."""
    from math import cos, pi, sin

    from pptx.dml.color import RGBColor
    from pptx.enum.shapes import MSO_CONNECTOR, MSO_SHAPE
    from pptx.util import Inches

    x, y, radius = 8.1, 3.2, 1.15  # centre and radius in inches

    def shape(form: Any, left: float, top: float, width: float, height: float, colour: str) -> None:
        drawn = slide.shapes.add_shape(form, Inches(left), Inches(top), Inches(width), Inches(height))
        drawn.fill.solid()
        drawn.fill.fore_color.rgb = RGBColor.from_string(colour)
        drawn.line.fill.background()

    shape(MSO_SHAPE.RECTANGLE, 9.0, y - 0.1, 1.0, 0.25, WATER)
    shape(MSO_SHAPE.RECTANGLE, 6.3, y + 1.1, 3.7, 0.25, WATER)
    shape(MSO_SHAPE.DONUT, x - radius, y - radius, 2 * radius, 2 * radius, OAK)
    for spoke in range(8):
        angle = spoke * pi / 8
        dx, dy = radius * cos(angle), radius * sin(angle)
        line = slide.shapes.add_connector(
            MSO_CONNECTOR.STRAIGHT, Inches(x - dx), Inches(y - dy), Inches(x + dx), Inches(y + dy)
        )
        line.line.color.rgb = RGBColor.from_string(OAK)


def _add_slide(show: Any, element: Element) -> Any:
    """An empty slide under ``element`` as its heading, in the colours of the show."""
    from pptx.dml.color import RGBColor
    from pptx.util import Inches, Pt

    opening = element.kind == "title"
    slide = show.slides.add_slide(show.slide_layouts[0 if opening else 1])
    slide.background.fill.solid()
    slide.background.fill.fore_color.rgb = RGBColor.from_string(CREAM)
    heading, body = slide.shapes.title, slide.placeholders[1]
    top, width = (1.6, 8.8) if opening else (0.35, 5.7)
    heading.left, heading.top, heading.width, heading.height = map(Inches, (0.6, top, 8.8, 0.9))
    body.left, body.top, body.width, body.height = map(Inches, (0.6, top + 1.1, width, 4.3 - top))
    heading.text_frame.text = element.text
    font = heading.text_frame.paragraphs[0].font
    font.name, font.size, font.color.rgb = "Georgia", Pt(34), RGBColor.from_string(GREEN)
    return slide


def make_pptx(source: Path, target: Path) -> None:
    """A slide for each heading: bullets on it, what is said in its notes."""
    from pptx import Presentation
    from pptx.util import Inches, Pt

    show = Presentation()
    show.slide_width, show.slide_height = Inches(10), Inches(5.625)
    elements = read_source(source)
    slide: Any = None
    for element in elements:
        if element.kind in ("title", "heading"):
            slide = _add_slide(show, element)
        elif element.kind == "notes":
            slide.notes_slide.notes_text_frame.text = element.text
        else:
            frame = slide.placeholders[1].text_frame
            frame.text = "\n".join(row[0] for row in element.rows) or element.text
            for paragraph in frame.paragraphs:
                paragraph.font.name, paragraph.font.size = "Georgia", Pt(20)
        if element.text == "How the water does it":
            _draw_wheel(slide)
    when = datetime(2024, 5, 9, 21, tzinfo=UTC)
    _sign(show.core_properties, elements[0].text, "Ines Calloway", when)
    show.save(str(target))
    _settle(target, when)


def make_xlsx(source: Path, target: Path) -> None:
    """A sheet for each heading: its paragraph as a title row, an empty row, the header row, rows, sums."""
    from openpyxl import Workbook
    from openpyxl.styles import Font, PatternFill

    book = Workbook()
    book.remove(book.active)
    for element in read_source(source):
        if element.kind == "heading":
            sheet = book.create_sheet(element.text)
        elif element.kind == "paragraph":
            sheet.append([element.text])
            sheet["A1"].font = Font(name="Georgia", size=14, bold=True, color=GREEN)
        elif element.kind == "table":
            sheet.append([])
            sheet.append(list(element.rows[0]))
            for cell in sheet[3]:
                cell.font, cell.fill = Font(bold=True), PatternFill("solid", fgColor="E6E2D3")
            for row in element.rows[1:]:
                sheet.append([int(cell) if cell.isdigit() else cell or None for cell in row])
            for cell in sheet[sheet.max_row]:
                cell.font = Font(bold=True)
            for amounts in sheet.iter_cols(min_row=4, min_col=2):
                sheet.column_dimensions[amounts[0].column_letter].width = 16
                for cell in amounts:
                    cell.number_format = "#,##0"
            sheet.column_dimensions["A"].width = 26
            sheet.freeze_panes = "B4"
    book.properties.creator = "Ines Calloway"
    book.save(target)
    _settle(target, datetime(2025, 12, 30, 12, tzinfo=UTC))


# --- mail ----------------------------------------------------------------------------------------


def make_mail(source: Path, attachment: Path, target: Path) -> None:
    """A plain mail with one table attached."""
    draft = message_from_string(source.read_text(encoding="utf-8"), policy=policy.default)
    mail = EmailMessage()
    for name, value in draft.items():
        mail[name] = value
    mail.set_content(str(draft.get_payload()), cte="quoted-printable")
    mail.add_attachment(attachment.read_bytes(), maintype="text", subtype="csv", filename=attachment.name, cte="base64")
    mail.set_boundary("==osier-mill==")
    target.write_bytes(mail.as_bytes())


def main(folder: Path = LIBRARY) -> None:
    """Writes all five files into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    make_pdf(SOURCES / "water-lease.md", folder / "water-lease.pdf")
    make_docx(SOURCES / "waterwheel-contract.md", folder / "waterwheel-contract.docx")
    make_pptx(SOURCES / "open-day-talk.md", folder / "open-day-talk.pptx")
    make_xlsx(SOURCES / "mill-money.md", folder / "mill-money.xlsx")
    table = SOURCES / "flour-tests.csv"
    make_mail(SOURCES / "flour-test-results.txt", table, folder / "flour-test-results.eml")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:2]))
