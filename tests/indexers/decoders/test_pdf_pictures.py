"""Pictures of PDFs: which are given, where they stand, and that their pixels are what a reader sees there."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, RectangleObject, StreamObject
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from indexers.decoders import decoder_for, pdf_pictures
from indexers.decoders.pdf_pictures import decode_pdf
from indexers.errors import Broken, Encrypted
from indexers.parsers.pdf import parse_pdf
from indexers.protocols import Source
from indexers.types import Decoded, PageLocator, Parsed, Picture

WIDTH, HEIGHT = A4
CM = 72 / 2.54
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
CORNERS = (RED, GREEN, BLUE, WHITE)

PageContent = Callable[[Canvas], None]


def quarters(*colours: tuple[int, int, int], size: int = 200) -> ImageReader:
    """A picture of four plain quarters: left top, right top, left bottom, right bottom."""
    pixels = np.zeros((size, size, 3), np.uint8)
    half = size // 2
    for at, colour in enumerate(colours):
        pixels[half * (at // 2) : half * (at // 2 + 1), half * (at % 2) : half * (at % 2 + 1)] = colour
    return ImageReader(Image.fromarray(pixels))


PHOTO = quarters(*CORNERS)


def prose(canvas: Canvas) -> None:
    for line in range(5):
        canvas.drawString(72, HEIGHT - 60 - 14 * line, f"Line {line} of a page that holds enough text.")


def photo(left: float, bottom: float, width: float, height: float, image: ImageReader = PHOTO) -> PageContent:
    return lambda canvas: canvas.drawImage(image, left, bottom, width, height)


def both(*parts: PageContent) -> PageContent:
    def page(canvas: Canvas) -> None:
        for part in parts:
            part(canvas)

    return page


def draw(*pages: PageContent) -> PdfWriter:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    for page in pages:
        page(canvas)
        canvas.showPage()
    canvas.save()
    return PdfWriter(clone_from=PdfReader(buffer))


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[PdfWriter], Source]:
    def save(writer: PdfWriter) -> Source:
        path = tmp_path / "file.pdf"
        with path.open("wb") as file:
            writer.write(file)
        return Source(path, path.name, "pdf")

    return save


@pytest.fixture
def read(saved) -> Callable[..., tuple[Parsed, list[Picture]]]:
    def read(*pages: PageContent) -> tuple[Parsed, list[Picture]]:
        source = saved(draw(*pages))
        return parse_pdf(source), decode_all(source)

    return read


def decode_all(source: Source) -> list[Picture]:
    return [picture for portion in portions(source) for picture in portion.pictures]


def portions(source: Source) -> list[Decoded]:
    found = [decode_pdf(source, 0)]
    while (start := found[-1].next_start) is not None:
        found.append(decode_pdf(source, start))
    return found


def corners(picture: Picture) -> tuple[tuple[int, ...], ...]:
    """The colours a bit inside the four corners, in the order of ``quarters``."""
    height, width = picture.pixels.shape[:2]
    places = [(row, column) for row in (height // 8, height * 7 // 8) for column in (width // 8, width * 7 // 8)]
    return tuple(tuple(int(value) // 250 * 255 for value in picture.pixels[place]) for place in places)


def pages(pictures: Sequence[Picture]) -> list[int]:
    return [picture.locator.page for picture in pictures]


def test_the_registry_leads_here():
    assert decoder_for("pictures", "pdf") is decode_pdf


# --- pages without text ------------------------------------------------------------------------


def test_a_scan_comes_back_as_a_whole_page(read):
    parsed, pictures = read(photo(0, 0, WIDTH, HEIGHT))
    assert (parsed.blocks, parsed.unread, parsed.coverage) == ((), ("pictures",), 0.0)
    assert parsed.notes == ("no text on page 1",)
    (scan,) = pictures
    assert scan.locator == PageLocator(1)
    assert scan.pixels.shape == (2339, 1654, 3)
    assert scan.pixels.dtype == np.uint8
    assert corners(scan) == CORNERS


def test_pages_with_and_without_text_are_told_apart(read):
    parsed, pictures = read(prose, photo(0, 0, WIDTH, HEIGHT), prose, lambda canvas: canvas.rect(99, 99, 99, 99))
    assert [picture.locator for picture in pictures] == [PageLocator(2), PageLocator(4)]
    assert (parsed.notes, parsed.coverage) == (("no text on pages 2 and 4",), 0.5)


def test_a_page_number_on_a_scan_is_no_text_of_it(read):
    parsed, pictures = read(both(photo(0, 0, WIDTH, HEIGHT), lambda canvas: canvas.drawString(290, 30, "Page 12")))
    assert [piece.text for block in parsed.blocks for piece in block.pieces] == ["Page 12"]
    assert parsed.notes == ("no text on page 1",)
    assert [picture.locator for picture in pictures] == [PageLocator(1)]


def test_few_words_without_a_scan_are_text(read):
    parsed, pictures = read(both(lambda canvas: canvas.drawString(290, 430, "Part II"), photo(20, 20, 30, 30)))
    assert (parsed.unread, parsed.coverage, pictures) == ((), 1.0, [])


def test_a_searchable_scan_has_its_text(read):
    def hidden_text(canvas: Canvas) -> None:
        text = canvas.beginText(72, 600)
        text.setTextRenderMode(3)
        text.textLines("The words of the scan, which somebody\nhas read by machine before.")
        canvas.drawText(text)

    parsed, pictures = read(both(photo(0, 0, WIDTH, HEIGHT), hidden_text), both(photo(60, 60, 480, 700), hidden_text))
    assert (parsed.unread, parsed.coverage, pictures) == ((), 1.0, [])


def test_glyphs_without_a_meaning_are_no_text(saved):
    writer = draw(lambda canvas: canvas.drawString(72, 500, "glyphs that the file gives no letters for"))
    meanings = StreamObject()
    meanings.set_data(
        b"/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00> <FF> endcodespacerange "
        b"1 beginbfrange <00> <FF> <E000> endbfrange endcmap end"
    )
    for font in writer.pages[0]["/Resources"]["/Font"].values():
        font.get_object()[NameObject("/ToUnicode")] = writer._add_object(meanings)
    parsed = parse_pdf(saved(writer))
    assert (parsed.blocks, parsed.unread, parsed.notes) == ((), ("pictures",), ("no text on page 1",))


def test_a_page_that_shows_nothing_gives_nothing(read):
    def white(canvas: Canvas) -> None:
        canvas.setFillColorRGB(1, 1, 1)
        canvas.rect(0, 0, WIDTH, HEIGHT, stroke=0, fill=1)

    def beyond_the_edge(canvas: Canvas) -> None:
        canvas.rect(10, HEIGHT + 50, 100, 100, fill=1)

    parsed, pictures = read(prose, white, lambda canvas: None, beyond_the_edge)
    assert pictures == []
    assert parsed.notes == ("no text on page 2",)


@pytest.mark.parametrize(
    ("rotation", "expected"),
    [(0, CORNERS), (90, (BLUE, RED, WHITE, GREEN)), (180, CORNERS[::-1]), (270, (GREEN, WHITE, RED, BLUE))],
)
def test_pages_are_upright(saved, rotation, expected):
    writer = draw(photo(0, 0, WIDTH, HEIGHT))
    writer.pages[0].rotation = rotation
    (scan,) = decode_all(saved(writer))
    assert corners(scan) == expected
    assert (scan.pixels.shape[0] > scan.pixels.shape[1]) == (rotation in (0, 180))


def test_large_pages_are_bounded(saved):
    writer = draw(lambda canvas: canvas.line(0, 0, 5000, 9000))
    writer.pages[0].mediabox = RectangleObject((0, 0, 5000, 9000))
    (scan,) = decode_all(saved(writer))
    assert max(scan.pixels.shape) == 2600


# --- pictures beside text ----------------------------------------------------------------------


def test_a_picture_is_cut_out_where_it_stands(read):
    parsed, pictures = read(prose, both(prose, photo(100, 200, 300, 150)))
    assert (parsed.unread, parsed.coverage, parsed.notes) == (("pictures",), 1.0, ())
    (picture,) = pictures
    assert picture.locator.page == 2
    (box,) = picture.locator.boxes
    assert box == pytest.approx(
        (100 / WIDTH, (HEIGHT - 350) / HEIGHT, 400 / WIDTH, (HEIGHT - 200) / HEIGHT), abs=0.0001
    )
    assert corners(picture) == CORNERS
    assert picture.pixels.shape[:2] == pytest.approx((150 * 200 / 72, 300 * 200 / 72), abs=3)


@pytest.mark.parametrize(
    ("rotation", "expected"),
    [(0, CORNERS), (90, (BLUE, RED, WHITE, GREEN)), (180, CORNERS[::-1]), (270, (GREEN, WHITE, RED, BLUE))],
)
@pytest.mark.parametrize("shifted", [False, True])
def test_a_picture_on_a_turned_and_cropped_page(saved, rotation, expected, shifted):
    writer = draw(both(prose, photo(100, 200, 300, 150)))
    page = writer.pages[0]
    if shifted:
        page.mediabox = RectangleObject((-40, -30, WIDTH, HEIGHT))
        page.cropbox = RectangleObject((50, 100, WIDTH - 30, HEIGHT))
    page.rotation = rotation
    (picture,) = decode_all(saved(writer))
    assert corners(picture) == expected


@pytest.mark.parametrize("nesting", [1, 2])
def test_pictures_inside_forms_are_found_where_they_are_seen(read, nesting):
    def page(canvas: Canvas) -> None:
        canvas.beginForm("f0")
        canvas.translate(10, 20)
        canvas.scale(2, 1)
        photo(5, 5, 100, 120)(canvas)
        canvas.endForm()
        for level in range(1, nesting):
            canvas.beginForm(f"f{level}")
            canvas.translate(3, 4)
            canvas.doForm(f"f{level - 1}")
            canvas.endForm()
        prose(canvas)
        canvas.translate(50, 100)
        canvas.doForm(f"f{nesting - 1}")

    _, (picture,) = read(page)
    ((left, _, right, bottom),) = picture.locator.boxes
    moved = (nesting - 1) * 3, (nesting - 1) * 4
    assert (left * WIDTH, right * WIDTH) == pytest.approx((70 + moved[0], 270 + moved[0]), abs=0.1)
    assert (1 - bottom) * HEIGHT == pytest.approx(125 + moved[1], abs=0.1)
    assert corners(picture) == CORNERS


@pytest.mark.parametrize("in_form", [False, True])
def test_what_is_clipped_away_is_not_shown(read, in_form):
    def clipped(canvas: Canvas) -> None:
        canvas.translate(10, 0)
        canvas.scale(2, 1)
        path = canvas.beginPath()
        path.rect(100, 0, 150, 600)
        canvas.clipPath(path, stroke=0)
        photo(0, 0, 200, 400)(canvas)

    def page(canvas: Canvas) -> None:
        prose(canvas)
        if in_form:
            canvas.beginForm("form")
            clipped(canvas)
            canvas.endForm()
            canvas.translate(20, 0)
            canvas.doForm("form")
        else:
            canvas.translate(20, 0)
            clipped(canvas)

    _, (picture,) = read(page)
    ((left, _, right, _),) = picture.locator.boxes
    assert (left * WIDTH, right * WIDTH) == pytest.approx((230, 430), abs=0.1)
    assert corners(picture) == (GREEN, GREEN, WHITE, WHITE)


def test_small_pictures_are_no_pictures(read):
    icons = both(photo(100, 300, 2.4 * CM, 9 * CM), photo(300, 300, 9 * CM, 2.4 * CM))
    few_pixels = photo(100, 100, 100, 100, quarters(*CORNERS, size=20))
    parsed, pictures = read(both(prose, icons, few_pixels))
    assert (parsed.unread, pictures) == ((), [])


def test_a_plain_area_is_no_picture(read):
    _, pictures = read(both(prose, photo(100, 300, 200, 200, quarters(BLUE, BLUE, BLUE, BLUE))))
    assert pictures == []


def test_a_logo_on_every_page_is_given_once(read):
    other = quarters(*CORNERS[::-1])
    letter = both(prose, photo(400, 60, 90, 90))
    _, pictures = read(letter, both(letter, photo(100, 300, 200, 200, other)), letter)
    assert [(picture.locator.page, corners(picture)) for picture in pictures] == [(1, CORNERS), (2, CORNERS[::-1])]


def test_strips_of_one_picture_are_one(read):
    strips = [photo(100, 200 + 20 * n, 300, 20, quarters(*CORNERS, size=100 + 2 * n)) for n in range(10)]
    _, (picture,) = read(both(prose, *strips))
    ((left, top, right, bottom),) = picture.locator.boxes
    assert ((right - left) * WIDTH, (bottom - top) * HEIGHT) == pytest.approx((300, 200), abs=0.1)


def test_pictures_apart_stay_apart(read):
    others = [photo(100 + 160 * n, 200, 150, 150, quarters(*CORNERS, size=200 + 2 * n)) for n in range(3)]
    _, pictures = read(both(prose, *others))
    assert len(pictures) == 3


def test_only_the_largest_of_a_page_and_the_first_of_a_document(saved, monkeypatch):
    monkeypatch.setattr(pdf_pictures, "_PAGE_FIGURES", 2)
    monkeypatch.setattr(pdf_pictures, "_DOCUMENT_FIGURES", 4)
    sizes = (110, 80, 140)
    page = [
        both(prose, *(photo(150 * n, 300 + 50 * n, size, size, quarters(*CORNERS, size=200 + 10 * p + 2 * n))
                      for n, size in enumerate(sizes)))
        for p in range(3)
    ]  # fmt: skip
    [portion] = portions(saved(draw(prose, *page)))
    pictures = portion.pictures
    assert pages(pictures) == [2, 2, 3]
    assert portion.notes == ("not all pictures are looked at on pages 2–4",)
    assert [round(picture.pixels.shape[1] * 72 / 200, -1) for picture in pictures] == [140, 110, 140]


# --- portions, damage --------------------------------------------------------------------------


def test_portions_give_what_one_would(saved, monkeypatch):
    logo = both(prose, photo(400, 60, 90, 90))
    scan = photo(0, 0, WIDTH, HEIGHT, quarters(*CORNERS[::-1]))
    source = saved(draw(logo, scan, scan, logo, prose, scan, logo, scan))
    monkeypatch.setattr(pdf_pictures, "_PIXELS_PER_POINT", 50 / 72)
    (whole,) = portions(source)
    monkeypatch.setattr(pdf_pictures, "_PORTION_PIXELS", 300_000)
    by_pixels = portions(source)
    monkeypatch.setattr(pdf_pictures, "_PORTION_PAGES", 1)
    by_pages = portions(source)
    assert [portion.next_start for portion in by_pixels] == [2, 5, 7, None]
    assert len(by_pages) == 8
    assert pages(whole.pictures) == [1, 2, 3, 6, 8]
    for cut in (by_pixels, by_pages):
        pictures = [picture for portion in cut for picture in portion.pictures]
        assert [picture.locator for picture in pictures] == [picture.locator for picture in whole.pictures]
        assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(pictures, whole.pictures, strict=True))


def test_the_end_is_an_empty_portion(saved):
    source = saved(draw(prose))
    found = decode_pdf(source, 7)
    assert (found.pictures, found.next_start) == ((), None)


def test_a_damaged_page_is_named_and_passed_over(saved, monkeypatch):
    import pypdfium2

    def failing(page, shot):
        if next(calls) == 1:
            raise pypdfium2.PdfiumError("damaged")
        return render(page, shot)

    calls = iter(range(9))
    render = pdf_pictures._render
    monkeypatch.setattr(pdf_pictures, "_render", failing)
    found = decode_pdf(saved(draw(*[photo(0, 0, WIDTH, HEIGHT)] * 3)), 0)
    assert (pages(found.pictures), found.notes) == ([1, 3], ("can not show page 2",))


def test_a_password_is_asked_for(saved):
    writer = draw(photo(0, 0, WIDTH, HEIGHT))
    writer.encrypt("open sesame", algorithm="AES-256")
    with pytest.raises(Encrypted, match=r"^needs a password$"):
        decode_pdf(saved(writer), 0)


def test_an_owner_password_does_not_matter(saved):
    writer = draw(both(prose, photo(100, 300, 200, 200)))
    writer.encrypt("", "owner", algorithm="AES-128")
    source = saved(writer)
    assert parse_pdf(source).unread == ("pictures",)
    assert len(decode_all(source)) == 1


def test_garbage_is_broken(tmp_path):
    path = tmp_path / "garbage.pdf"
    path.write_bytes(b"%PDF-1.7\n" + b"garbage " * 100)
    with pytest.raises(Broken, match="damaged"):
        decode_pdf(Source(path, path.name, "pdf"), 0)
