"""Pictures in Word documents and presentations: which are given, under what they stand, and how they are shown."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from docx import Document
from docx.oxml import parse_xml
from docx.shared import Inches as DocxInches
from PIL import Image
from pptx import Presentation
from pptx.util import Inches

from indexers.decoders import decoder_for, office_pictures
from indexers.decoders.office_pictures import decode_docx, decode_pptx
from indexers.errors import Broken, Empty, Encrypted
from indexers.parsers.office import parse_docx
from indexers.parsers.office_drawing import drawn_pictures
from indexers.parsers.slides import parse_pptx
from indexers.protocols import Decoder, Source
from indexers.types import Decoded, Picture, SectionLocator, SlideLocator

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
CORNERS = (RED, GREEN, BLUE, WHITE)


def quarters(*colours: tuple[int, int, int], size: int = 120, kind: str = "PNG") -> io.BytesIO:
    """A picture file of four plain quarters: left top, right top, left bottom, right bottom."""
    half = size // 2
    pixels = np.zeros((2 * half, 2 * half, 3), np.uint8)
    for at, colour in enumerate(colours or CORNERS):
        pixels[half * (at // 2) : half * (at // 2 + 1), half * (at % 2) : half * (at % 2 + 1)] = colour
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    file.seek(0)
    return file


def corners(picture: Picture) -> tuple[tuple[int, ...], ...]:
    height, width = picture.pixels.shape[:2]
    places = [(row, column) for row in (height // 8, height * 7 // 8) for column in (width // 8, width * 7 // 8)]
    return tuple(tuple(int(value) // 225 * 255 for value in picture.pixels[place]) for place in places)


def portions(decode: Decoder, source: Source) -> list[Decoded]:
    found = [decode(source, 0)]
    while (start := found[-1].next_start) is not None:
        found.append(decode(source, start))
    return found


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[object], Source]:
    def save(document: object) -> Source:
        kind = "pptx" if hasattr(document, "slides") else "docx"
        path = tmp_path / f"file.{kind}"
        document.save(str(path))
        return Source(path, path.name, kind)

    return save


def replaced(source: Source, changes: dict[str, bytes]) -> Source:
    """The same file with other contents for the members whose names end so."""
    with zipfile.ZipFile(source.path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(source.path, "w") as file:
        for name, data in members.items():
            file.writestr(name, next((new for end, new in changes.items() if name.endswith(end)), data))
    return source


def test_the_registry_leads_here():
    assert decoder_for("pictures", "docx") is decode_docx
    assert decoder_for("pictures", "pptx") is decode_pptx


# --- docx --------------------------------------------------------------------------------------


def test_docx_pictures_stand_under_their_headings(saved):
    document = Document()
    document.add_picture(quarters())
    document.add_heading("Results", 1)
    document.add_heading("Field work", 2)
    document.add_paragraph("text").add_run().add_picture(quarters(*CORNERS[::-1], kind="JPEG"))
    document.add_heading("Table", 1)
    table = document.add_table(2, 2)
    table.cell(1, 1).paragraphs[0].add_run().add_picture(quarters(GREEN, RED, GREEN, RED, kind="BMP"))
    source = saved(document)
    assert parse_docx(source).unread == ("pictures",)
    (found,) = portions(decode_docx, source)
    assert [(picture.locator, corners(picture)) for picture in found.pictures] == [
        (SectionLocator(), CORNERS),
        (SectionLocator(("Results", "Field work")), CORNERS[::-1]),
        (SectionLocator(("Table",)), (GREEN, RED, GREEN, RED)),
    ]
    assert found.pictures[0].pixels.dtype == np.uint8
    assert found.notes == ()


def test_docx_of_pictures_alone_is_not_empty(saved):
    document = Document()
    document.add_picture(quarters())
    parsed = parse_docx(saved(document))
    assert (parsed.blocks, parsed.unread) == ((), ("pictures",))


def test_docx_without_pictures_leaves_nothing_to_be_looked_at(saved):
    document = Document()
    document.add_paragraph("text")
    source = saved(document)
    assert parse_docx(source).unread == ()
    assert decode_docx(source, 0).pictures == ()


def test_docx_pictures_are_given_once_and_not_when_small(saved):
    document = Document()
    for size in (120, 98, 120, 140):
        document.add_picture(quarters(size=size), width=DocxInches(1))
    (found,) = portions(decode_docx, saved(document))
    assert [picture.pixels.shape for picture in found.pictures] == [(120, 120, 3), (140, 140, 3)]


def test_docx_headers_are_not_looked_at(saved):
    document = Document()
    document.add_paragraph("text")
    document.sections[0].header.paragraphs[0].add_run().add_picture(quarters())
    source = saved(document)
    assert parse_docx(source).unread == ()
    assert decode_docx(source, 0).pictures == ()


def test_docx_pictures_of_old_markup_and_layout_tables(saved):
    document = Document()
    document.add_picture(quarters(size=200))
    link = document.paragraphs[-1]._p.xpath(".//a:blip/@r:embed")[0]
    document.paragraphs[-1]._p.getparent().remove(document.paragraphs[-1]._p)
    document.add_heading("Old", 1)
    cell = document.add_table(1, 1).cell(0, 0)
    cell.paragraphs[0].add_run()._r.append(
        parse_xml(
            '<w:pict xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
            'xmlns:v="urn:schemas-microsoft-com:vml" '
            'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
            f'<v:shape id="s1"><v:imagedata id="x" r:id="{link}"/></v:shape></w:pict>'
        )
    )
    (picture,) = decode_docx(saved(document), 0).pictures
    assert (picture.locator, corners(picture)) == (SectionLocator(("Old",)), CORNERS)


def test_docx_pictures_are_cropped_and_turned_as_shown(saved):
    document = Document()
    for size in (400, 402, 404):
        document.add_picture(quarters(size=size))
    first, second, third = (paragraph._p for paragraph in document.paragraphs)
    namespace = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    first.xpath(".//pic:blipFill/a:blip")[0].addnext(parse_xml(f'<a:srcRect {namespace} l="50000"/>'))
    second.xpath(".//pic:spPr/a:xfrm")[0].set("rot", "5400000")
    third.xpath(".//pic:spPr/a:xfrm")[0].set("rot", "-5400000")
    found = decode_docx(saved(document), 0).pictures
    assert found[0].pixels.shape == (400, 200, 3)
    assert [corners(picture) for picture in found] == [
        (GREEN, GREEN, WHITE, WHITE),
        (BLUE, RED, WHITE, GREEN),
        (GREEN, WHITE, RED, BLUE),
    ]


def test_damaged_pictures_are_counted(saved):
    document = Document()
    for size in (120, 122, 124):
        document.add_picture(quarters(size=size))
    source = replaced(saved(document), {"image1.png": b"no picture", "image3.png": b"%PDF-1.7 no picture"})
    found = decode_docx(source, 0)
    assert [picture.pixels.shape for picture in found.pictures] == [(122, 122, 3)]
    assert found.notes == ("2 pictures in it could not be read",)


def test_metafiles_are_left_out(saved):
    document = Document()
    document.add_picture(quarters())
    source = saved(document)
    with zipfile.ZipFile(source.path) as file:
        links = file.read("word/_rels/document.xml.rels").replace(b"image1.png", b"image1.emf")
    replaced(source, {"document.xml.rels": links})
    with pytest.raises(Empty):
        parse_docx(source)
    assert decode_docx(source, 0).pictures == ()


# --- pptx --------------------------------------------------------------------------------------


def test_pptx_pictures_stand_on_their_slides(saved):
    deck = Presentation()
    slides = [deck.slides.add_slide(deck.slide_layouts[6]) for _ in range(3)]
    slides[0].shapes.add_textbox(0, 0, Inches(1), Inches(1)).text_frame.text = "text"
    slides[1].shapes.add_picture(quarters(), 0, 0)
    group = slides[2].shapes.add_group_shape().shapes.add_group_shape()
    group.shapes.add_picture(quarters(*CORNERS[::-1]), 0, 0)
    slides[2].shapes.add_picture(quarters(), 0, 0)
    source = saved(deck)
    assert parse_pptx(source).unread == ("pictures",)
    (found,) = portions(decode_pptx, source)
    assert [(picture.locator, corners(picture)) for picture in found.pictures] == [
        (SlideLocator(2), CORNERS),
        (SlideLocator(3), CORNERS[::-1]),
    ]


def test_pptx_follows_the_order_of_the_slides(saved):
    deck = Presentation()
    for size in (120, 140):
        deck.slides.add_slide(deck.slide_layouts[6]).shapes.add_picture(quarters(size=size), 0, 0)
    order = deck.slides._sldIdLst
    order.insert(0, order[1])
    found = decode_pptx(saved(deck), 0).pictures
    assert [(picture.locator, picture.pixels.shape[0]) for picture in found] == [
        (SlideLocator(1), 140),
        (SlideLocator(2), 120),
    ]


def test_pptx_of_pictures_alone_is_not_empty(saved):
    deck = Presentation()
    deck.slides.add_slide(deck.slide_layouts[6]).shapes.add_picture(quarters(), 0, 0)
    parsed = parse_pptx(saved(deck))
    assert (parsed.blocks, parsed.unread) == ((), ("pictures",))


def test_pptx_layouts_and_backgrounds_are_not_looked_at(saved):
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    slide.shapes.add_textbox(0, 0, Inches(1), Inches(1)).text_frame.text = "text"
    _, layout_link = slide.slide_layout.part.get_or_add_image_part(quarters())
    _, slide_link = slide.part.get_or_add_image_part(quarters())
    for element, link in ((slide.slide_layout._element, layout_link), (slide._element, slide_link)):
        element.cSld.insert(
            0,
            parse_xml(
                '<p:bg xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
                'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
                'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><p:bgPr><a:blipFill>'
                f'<a:blip r:embed="{link}"/></a:blipFill></p:bgPr></p:bg>'
            ),
        )
    source = saved(deck)
    assert parse_pptx(source).unread == ()
    assert decode_pptx(source, 0).pictures == ()


def test_a_damaged_slide_does_not_hide_the_others(saved):
    deck = Presentation()
    for size in (120, 140):
        deck.slides.add_slide(deck.slide_layouts[6]).shapes.add_picture(quarters(size=size), 0, 0)
    source = replaced(saved(deck), {"slides/slide1.xml": b"<not xml"})
    assert [picture.locator for picture in decode_pptx(source, 0).pictures] == [SlideLocator(2)]


# --- portions, limits, protection --------------------------------------------------------------


def test_portions_give_what_one_would(saved, monkeypatch):
    document = Document()
    for size in (200, 202, 90, 200, 204):
        document.add_picture(quarters(size=size))
    source = saved(document)
    (whole,) = portions(decode_docx, source)
    monkeypatch.setattr(office_pictures, "_PORTION_PIXELS", office_pictures.MAX_SIDE**2 + 50_000)
    cut = portions(decode_docx, source)
    assert [portion.next_start for portion in cut] == [2, None]
    assert [len(portion.pictures) for portion in cut] == [2, 1]
    sizes = [picture.pixels.shape[0] for portion in cut for picture in portion.pictures]
    assert sizes == [picture.pixels.shape[0] for picture in whole.pictures] == [200, 202, 204]


def test_only_so_many_pictures_are_looked_at(saved, monkeypatch):
    monkeypatch.setattr(office_pictures, "_PICTURES", 2)
    document = Document()
    for size in (120, 120, 122):
        document.add_picture(quarters(size=size))
    assert decode_docx(saved(document), 0).notes == ()
    document.add_picture(quarters(size=124))
    decoded = decode_docx(saved(document), 0)
    assert [picture.pixels.shape[0] for picture in decoded.pictures] == [120, 122]
    assert decoded.notes == ("only its first 2 pictures are looked at",)


def test_large_pictures_are_scaled_down(saved):
    file = io.BytesIO()
    Image.new("L", (5200, 300), 7).save(file, "PNG")
    document = Document()
    document.add_picture(file)
    (picture,) = decode_docx(saved(document), 0).pictures
    assert picture.pixels.shape == (150, 2600, 3)


@pytest.mark.parametrize("decode", [decode_docx, decode_pptx])
def test_damage_and_passwords(decode, tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(Broken):
        decode(Source(path, path.name, "x"), 0)
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le"))
    with pytest.raises(Encrypted):
        decode(Source(path, path.name, "x"), 0)


@pytest.mark.parametrize(
    ("margins", "crop"),
    [
        ('l="10000" t="20000" r="30000" b="40000"', (0.1, 0.2, 0.7, 0.6)),
        ('l="10%" r="25.5%"', (0.1, 0.0, 0.745, 1.0)),
        ('l="60000" r="60000"', (0.0, 0.0, 1.0, 1.0)),
        ('l="-5000" t="much"', (0.0, 0.0, 1.0, 1.0)),
    ],
)
def test_margins_that_are_cut_off(margins, crop):
    markup = f'<a:blipFill xmlns:a="a" xmlns:r="r"><a:blip r:embed="rId1"/><a:srcRect {margins}/></a:blipFill>'
    ((drawn),) = drawn_pictures(parse_xml(markup), {"rId1": "media/1.png"})
    assert drawn.crop == pytest.approx(crop)
