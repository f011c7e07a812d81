"""Files made to harm, read as they are read in earnest: in the sandbox, by the parsers of their formats."""

import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import openpyxl
import pytest
from pptx import Presentation

from indexers.errors import Broken, FileError
from indexers.library import Library
from indexers.pipeline import Pipeline
from indexers.protocols import Source
from indexers.reading import FileReader
from indexers.sandbox import Sandbox
from indexers.senses import Senses
from indexers.testing import HashingEmbedder
from indexers.types import Parsed

WINDOWS = sys.platform == "win32"
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
OF = "urn:oasis:names:tc:opendocument:xmlns"


def texts(parsed: Parsed) -> list[str]:
    return [piece.text for block in parsed.blocks for piece in block.pieces]


def write_zip(path: Path, members: Mapping[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in members.items():
            file.writestr(name, text, zipfile.ZIP_STORED if name == "mimetype" else None)
    return path


def write_pdf(path: Path, contents: list[bytes], pages: list[int]) -> Path:
    """A PDF by hand; ``pages`` says which of ``contents`` each page shows."""
    streams = [zlib.compress(content, 9) for content in contents]
    first_page = 4 + len(streams)
    kids = " ".join(f"{first_page + at} 0 R" for at in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        *(b"<< /Filter /FlateDecode /Length %d >> stream\n%s\nendstream" % (len(data), data) for data in streams),
        *(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Resources << /Font << /F 3 0 R >> >>"
            b" /Contents %d 0 R >>" % (4 + shown)
            for shown in pages
        ),
    ]
    data, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj %s endobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    path.write_bytes(
        data
        + b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
        + b"trailer << /Root 1 0 R /Size %d >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, len(data))
    )
    return path


def shown(text: str) -> bytes:
    return b"BT /F 12 Tf 72 500 Td (%s) Tj ET" % text.encode()


# --- limits ------------------------------------------------------------------------------------


def test_pages_that_share_one_huge_stream_cost_their_file_what_follows_them(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (files / "a.txt").write_text("a red bicycle")
    huge = b"BT /F 1 Tf 1 0 0 1 0 0 Tm " + b"(endless words of no use) Tj " * 2_000_000 + b"ET"
    write_pdf(files / "m.pdf", [shown("the lease ends in May"), shown("the rent is paid"), huge], [0, 1, *[2] * 50])
    (files / "z.txt").write_text("a blue boat")
    assert (files / "m.pdf").stat().st_size < 400_000
    library = Library(tmp_path / "library")
    with Sandbox(timeout_s=4.0) as sandbox:
        reader = FileReader(sandbox, Senses(), library.unfinished, max_bytes=10**8)
        report = Pipeline(library, HashingEmbedder(), reader).add([files])
    told = {Path(file.path).name: (file.status.value, file.reason) for file in report.files}
    assert told["a.txt"] == told["z.txt"] == ("indexed", "")
    status, reason = told["m.pdf"]
    assert status == "partial"
    assert reason == (
        "took longer than 4 s to read; what was read up to page 2 of 52 is kept; its pictures were not looked at"
    )
    (document,) = (document for document in library.catalog.documents() if document.path.endswith(".pdf"))
    assert document.coverage == pytest.approx(2 / 52, abs=1e-4)
    ids = library.words().search("lease rent", 10)[0].tolist()
    assert [c.chunk.locator.page for c in library.catalog.chunks(ids).values()] == [1, 2]  # type: ignore[union-attr]
    library.close()


@pytest.mark.skipif(WINDOWS, reason="no limit of memory there")
def test_a_sheet_that_is_a_bomb_costs_the_sheets_after_it(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["the lease", "ends in May"])
    book.create_sheet("Second")
    book.save(tmp_path / "a.xlsx")
    row = "<row>" + "<c><v>1</v></c>" * 1000 + "</row>"
    sheet = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
    with zipfile.ZipFile(tmp_path / "a.xlsx") as before:
        members = {name: before.read(name).decode() for name in before.namelist()}
    write_zip(tmp_path / "b.xlsx", members | {"xl/worksheets/sheet2.xml": sheet.format(row * 3000)})
    assert (tmp_path / "b.xlsx").stat().st_size < 1_000_000
    with Sandbox(memory_bytes=100 * 2**20) as sandbox:
        parsed = sandbox.parse(Source(tmp_path / "b.xlsx", "b.xlsx", "xlsx"))
        assert texts(parsed) == ["the lease | ends in May"]
        assert parsed.coverage == 0.5
        assert parsed.notes == ("needs more than 100 MB of memory to read", "what was read up to sheet 1 of 2 is kept")
        assert texts(sandbox.parse(Source(tmp_path / "a.xlsx", "a.xlsx", "xlsx"))) == texts(parsed)


def test_a_document_that_unpacks_to_much_more_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.docx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, file.open("word/document.xml", "w") as member:
        for _ in range(102):
            member.write(b" " * 2**20)
    with Sandbox() as sandbox, pytest.raises(Broken, match="over 200 times its size"):
        sandbox.parse(Source(path, path.name, "docx"))


# --- entities, external references -------------------------------------------------------------

_MEMBERS = {
    "docx": (
        "word/document.xml",
        f"<w:document {W}><w:body><w:p><w:r><w:t>seen {{}}</w:t></w:r></w:p></w:body></w:document>",
    ),
    "odt": (
        "content.xml",
        f'<o:document xmlns:o="{OF}:office:1.0" xmlns:t="{OF}:text:1.0"><o:body><o:text><t:p>seen {{}}</t:p></o:text>'
        "</o:body></o:document>",
    ),
    "ods": (
        "content.xml",
        f'<office:document-content xmlns:office="{OF}:office:1.0" xmlns:text="{OF}:text:1.0" '
        f'xmlns:table="{OF}:table:1.0"><office:body><office:spreadsheet><table:table table:name="S"><table:table-row>'
        '<table:table-cell office:value-type="string"><text:p>seen {}</text:p></table:table-cell></table:table-row>'
        "</table:table></office:spreadsheet></office:body></office:document-content>",
    ),
    "xlsx": (
        "xl/worksheets/sheet1.xml",
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row>'
        '<c t="str"><v>seen {}</v></c></row></sheetData></worksheet>',
    ),
    "pptx": (
        "ppt/slides/slide1.xml",
        f'<p:sld xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" {A}><p:cSld><p:spTree>'
        '<p:nvGrpSpPr><p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/><p:sp><p:nvSpPr>'
        '<p:cNvPr id="2" name=""/><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr/><p:txBody><a:bodyPr/><a:p><a:r>'
        "<a:t>seen {}</a:t></a:r></a:p></p:txBody></p:sp></p:spTree></p:cSld></p:sld>",
    ),
    "epub": ("c.html", "<html><body><p>seen {}</p></body></html>"),
    "xml": ("", "<r><p>so <b>seen</b> {}</p></r>"),
    "svg": ("", '<svg xmlns="http://www.w3.org/2000/svg"><text>seen {}</text></svg>'),
    "html": ("", "<html><body><p>seen {}</p></body></html>"),
}
_LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
_ATTACKS = {
    "none": "",
    "a billion laughs": f'<!DOCTYPE x [<!ENTITY l0 "laughter">{_LAUGHS}]>',
    "an external entity": '<!DOCTYPE x [<!ENTITY l9 SYSTEM "{secret}">]>',
    "an external subset": '<!DOCTYPE x SYSTEM "{secret}">',
    "a parameter entity": '<!DOCTYPE x [<!ENTITY % p SYSTEM "{secret}"> %p;]>',
}


def _attacked(folder: Path, kind: str, attack: str) -> Source:
    """A file of a kind with a document type that defines the entity ``l9``, which its text holds."""
    member, document = _MEMBERS[kind]
    head = _ATTACKS[attack].format(secret=(folder / "secret.dtd").as_uri())
    xml = f'<?xml version="1.0"?>{head}' + document.format("&l9;" if "ENTITY" in head else "")
    path = folder / f"file.{kind}"
    if not member:
        path.write_text(xml)
        return Source(path, path.name, "xml" if kind == "svg" else kind)
    members: dict[str, str | bytes] = {member: xml}
    if kind == "epub":
        package = (
            '<package><manifest><item id="c" href="c.html"/></manifest><spine><itemref idref="c"/></spine></package>'
        )
        members["content.opf"] = package
    if kind == "ods":
        members = {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": "<manifest/>",
            **members,
        }
    if kind in ("xlsx", "pptx"):
        if kind == "xlsx":
            openpyxl.Workbook().save(path)
        else:
            presentation = Presentation()
            presentation.slides.add_slide(presentation.slide_layouts[6])
            presentation.save(str(path))
        with zipfile.ZipFile(path) as before:
            members = {name: before.read(name) for name in before.namelist()} | members
    return Source(write_zip(path, members), path.name, kind)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(timeout_s=20.0, memory_bytes=500_000_000) as sandbox:
        yield sandbox


@pytest.mark.parametrize("kind", _MEMBERS)
def test_the_files_of_these_tests_are_read_without_the_attack(sandbox: Sandbox, tmp_path: Path, kind: str) -> None:
    assert " ".join(texts(sandbox.parse(_attacked(tmp_path, kind, "none")))).split()[-1:] == ["seen"]


@pytest.mark.parametrize("attack", [attack for attack in _ATTACKS if attack != "none"])
@pytest.mark.parametrize("kind", _MEMBERS)
def test_entities_are_not_expanded_and_nothing_is_fetched(
    sandbox: Sandbox, tmp_path: Path, kind: str, attack: str
) -> None:
    (tmp_path / "secret.dtd").write_text('<!ENTITY l9 "topsecret"> topsecret')
    try:
        said = " ".join(texts(sandbox.parse(_attacked(tmp_path, kind, attack))))
    except FileError as error:
        # What refuses such a file says so; it did not run into a limit.
        assert isinstance(error, Broken)
        assert "took longer" not in str(error)
        assert "memory" not in str(error)
    else:
        assert "seen" in said
        assert "topsecret" not in said
        assert said.count("laughter") <= 1
