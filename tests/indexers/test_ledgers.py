"""Ledgers of real files, as reading gives them: real parsers and decoders, models that are fakes."""

import io
import wave
from collections.abc import Callable, Iterator, Sequence
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pptx
import pytest
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from indexers import reading
from indexers.decoders import decoder_for
from indexers.errors import Broken
from indexers.ledger import Ledger
from indexers.library import Library
from indexers.parsers import parser_for
from indexers.pipeline import Pipeline
from indexers.protocols import Source
from indexers.reading import FileReader
from indexers.senses import Senses
from indexers.testing import HashingEmbedder
from indexers.types import Decoded, Parsed, Pixels, Samples, Spoken, TextLine, Unread, Vectors
from indexers.unfinished import Unfinished

SAMPLES = Path(__file__).parents[2] / "data" / "library"


class InProcess:
    """Parses and decodes here; ``fail_from`` is where decoding breaks off."""

    def __init__(self) -> None:
        self.fail_from = float("inf")

    def parse(self, source: Source) -> Parsed:
        parser = parser_for(source.format)
        assert parser is not None
        return parser(source)

    def decode(self, source: Source, what: Unread, start: float) -> Decoded:
        if start >= self.fail_from:
            raise Broken("damaged here")
        decoder = decoder_for(what, source.format)
        assert decoder is not None
        return decoder(source, start)


class DarkOcr:
    """Reads a line in a picture that is dark in its middle, nothing in others."""

    name = "dark"

    def read(self, pixels: Pixels) -> list[TextLine]:
        height, width = pixels.shape[:2]
        dark = pixels[height // 2, width // 2].max() < 100
        return [TextLine("twenty sacks of flour", (0.1, 0.4, 0.9, 0.6), 0.9)] if dark else []


class Bright:
    """An image model whose vectors all mean the same."""

    space, dim, scale = "clip:bright", 2, 10.0

    def prepare(self, pixels: Pixels) -> Pixels:
        return pixels[:2, :2]

    def embed_images(self, prepared: Sequence[Pixels]) -> Vectors:
        return np.tile(np.array([[1, 0]], np.float32), (len(prepared), 1))

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        return np.tile(np.array([[1, 0]], np.float32), (len(texts), 1))


class Halves:
    """Hears a sentence in the first half of each window."""

    name = "halves"

    def transcribe(self, samples: Samples, language: str | None) -> tuple[str, Iterator[Spoken]]:
        return "en", iter([Spoken(0.0, len(samples) / 32_000, "the wheel turns")])


Read = Callable[..., Ledger]


@pytest.fixture
def reader() -> InProcess:
    return InProcess()


@pytest.fixture
def read(tmp_path: Path, reader: InProcess) -> Iterator[Read]:
    """Reads a file with the models named; gives its ledger."""
    unfinished = Unfinished(tmp_path / "unfinished.sqlite")
    images, speech = Bright(), Halves()

    def call(path: Path, *models: str, beside: tuple[str, ...] = (), inside: str = "") -> Ledger:
        senses = Senses(
            ocr=DarkOcr if "ocr" in models else None,
            images=(lambda: images) if "image" in models else None,
            speech=(lambda: speech) if "speech" in models else None,
        )
        files = FileReader(reader, senses, unfinished, max_bytes=10**8)
        info = path.stat()
        version = reading.Version(
            str(path), info.st_size, info.st_mtime_ns, "", beside, reading.stamp(beside), reading.digest_of(beside)
        )
        found = [part for part in files.read(version).flat() if part.path.endswith(inside)]
        return found[-1 if inside else 0].content.ledger

    yield call
    unfinished.close()


def told(ledger: Ledger) -> tuple[Any, ...]:
    """Unit, total, covered, empty, unread."""
    return ledger.unit, ledger.total, ledger.covered, ledger.empty, ledger.unread


def by(ledger: Ledger) -> dict[str, float]:
    return {share.way: share.amount for share in ledger.read}


def scan(dark: bool) -> ImageReader:
    picture = Image.new("RGB", (850, 1100), "white")
    picture.paste((20, 20, 20) if dark else (200, 180, 60), (200, 300, 650, 800))
    data = io.BytesIO()
    picture.save(data, "PNG")
    data.seek(0)
    return ImageReader(data)


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    """Four pages: text, a scan with words, a blank page, a scan that only shows something."""
    path = tmp_path / "mixed.pdf"
    canvas = Canvas(str(path), pagesize=(612, 792))
    for line in range(8):
        canvas.drawString(72, 700 - 14 * line, "The miller weighs the flour in the evening.")
    canvas.showPage()
    canvas.drawImage(scan(dark=True), 0, 0, 612, 792)
    canvas.showPage()
    canvas.showPage()
    canvas.drawImage(scan(dark=False), 0, 0, 612, 792)
    canvas.showPage()
    canvas.save()
    return path


# --- pages -------------------------------------------------------------------------------------


def test_a_pdf_with_text_scans_and_a_blank_page(read: Read, pdf: Path) -> None:
    ledger = read(pdf, "ocr", "image")
    assert told(ledger) == ("pages", 4, 3, 1, 0)
    assert by(ledger) == {"text": 1, "ocr": 1, "sight": 2}
    assert ledger.skipped == ()
    assert ledger.characters == 8 * 43 + 21


def test_a_page_without_words_waits_for_the_image_model(read: Read, pdf: Path) -> None:
    ledger = read(pdf, "ocr")
    assert told(ledger) == ("pages", 4, 2, 1, 1)
    assert by(ledger) == {"text": 1, "ocr": 1}
    assert ledger.skipped == ("what it shows: there is no image model",)


def test_scans_without_recognition_are_not_read_and_the_reason_is_told(read: Read, pdf: Path) -> None:
    ledger = read(pdf)
    assert told(ledger) == ("pages", 4, 1, 1, 2)
    assert ledger.skipped[0] == "no text on pages 2 and 4"
    assert "setting ocr" in ledger.skipped[-1]


def test_scans_that_can_not_be_shown_are_not_read(read: Read, pdf: Path, reader: InProcess) -> None:
    reader.fail_from = 0.0
    ledger = read(pdf, "ocr", "image")
    assert told(ledger) == ("pages", 4, 1, 1, 2)
    assert {"no text on pages 2 and 4", "damaged here"} <= set(ledger.skipped)


def test_pages_of_a_scan_in_one_picture_file(read: Read, tmp_path: Path) -> None:
    pages = [Image.new("L", (600, 800), shade) for shade in (20, 240, 20)]
    pages[0].save(tmp_path / "scan.tiff", save_all=True, append_images=pages[1:])
    ledger = read(tmp_path / "scan.tiff", "ocr", "image")
    assert told(ledger) == ("pages", 3, 3, 0, 0)
    assert by(ledger)["ocr"] == 2 and by(ledger)["sight"] >= 2
    assert told(read(tmp_path / "scan.tiff", "ocr"))[2:] == (2, 0, 1)


# --- slides, sheets, lines ---------------------------------------------------------------------


def test_slides_without_text_are_empty(read: Read, tmp_path: Path) -> None:
    deck = pptx.Presentation()
    for title in ("The wheel", "", "The stones"):
        slide = deck.slides.add_slide(deck.slide_layouts[5])
        slide.shapes.title.text = title
    deck.slides[0].shapes.add_textbox(0, 0, 100, 100).text_frame.text = "turns"
    deck.slides[2].shapes.add_textbox(0, 0, 100, 100).text_frame.text = "grind"
    deck.save(tmp_path / "deck.pptx")
    ledger = read(tmp_path / "deck.pptx")
    assert told(ledger) == ("slides", 3, 2, 1, 0)
    assert by(ledger) == {"text": 2}


def test_sheets_of_a_workbook(read: Read, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["name", "sum"])
    book.active.append(["flour", 12])
    book.create_sheet("nothing")
    book.create_sheet("more").append(["bread", 7])
    book.save(tmp_path / "book.xlsx")
    ledger = read(tmp_path / "book.xlsx")
    assert told(ledger) == ("sheets", 3, 2, 1, 0)
    assert ledger.characters == len("name | sum" + "flour | 12" + "bread | 7")


@pytest.mark.parametrize(
    ("name", "text", "total", "covered"),
    [
        ("a.txt", "one\n\ntwo\nthree\n", 4, 3),
        ("a.txt", "one", 1, 1),
        ("a.csv", "name,sum\nflour,12\n\nbread,7\n", 4, 3),
        ("a.md", "# Title\n\nText below it.\n", 3, 2),
        ("a.py", "def mill():\n    return 1\n\n\nprint(mill())\n", 5, 3),
        ("a.yaml", "mill: 1\nwheel: 2\n", 2, 2),
        ("a.jsonl", '{"a": 1}\n{"b": 2}\n', 2, 2),
    ],
)
def test_lines_of_text_files(read: Read, tmp_path: Path, name: str, text: str, total: int, covered: int) -> None:
    (tmp_path / name).write_text(text)
    ledger = read(tmp_path / name)
    assert told(ledger) == ("lines", total, covered, total - covered, 0)
    assert by(ledger) == {"text": covered}


# --- recordings and films ----------------------------------------------------------------------


def silence(path: Path, seconds: int) -> Path:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(2 * 8000 * seconds))
    return path


def test_a_recording_by_its_subtitles(read: Read) -> None:
    talk = SAMPLES / "talk-on-the-wheel.mp3"
    ledger = read(talk, "speech", beside=(str(talk.with_suffix(".srt")),))
    assert (ledger.unit, ledger.total, ledger.empty, ledger.unread) == ("seconds", 75.0, 0, 0)
    assert 50 < by(ledger)["subtitles"] == ledger.covered < 75
    assert by(ledger)["tags"] == by(ledger)["name"] == 0 and "speech" not in by(ledger)


def test_a_recording_by_its_speech(read: Read, tmp_path: Path) -> None:
    ledger = read(silence(tmp_path / "talk.wav", 20), "speech")
    assert told(ledger) == ("seconds", 20.0, 10.0, 10.0, 0)
    assert by(ledger) == {"speech": 10.0, "name": 0}


def test_a_recording_that_waits_for_speech(read: Read, tmp_path: Path) -> None:
    ledger = read(silence(tmp_path / "talk.wav", 20))
    assert told(ledger) == ("seconds", 20.0, 0, 0, 20.0)
    assert ledger.skipped == ("what is said in it: there is no speech model",)


def test_a_recording_of_which_only_the_beginning_can_be_heard(read: Read, tmp_path: Path, reader: InProcess) -> None:
    reader.fail_from = 200.0
    ledger = read(silence(tmp_path / "long.wav", 400), "speech")
    assert ledger.total == 400.0 and ledger.unread == pytest.approx(100, abs=11)
    assert ledger.covered == pytest.approx(150, abs=6)
    assert any("could be heard: damaged here" in clause for clause in ledger.skipped)


def test_a_film_by_subtitles_and_what_stands_on_the_screen(read: Read) -> None:
    ledger = read(SAMPLES / "sluice-repair.mp4", "ocr", "image")
    assert (ledger.unit, ledger.total, ledger.unread) == ("seconds", 33.0, 0)
    ways = by(ledger)
    assert 0 < ways["subtitles"] < 33 and ways["sight"] == pytest.approx(33, abs=0.5)


# --- pictures ----------------------------------------------------------------------------------


def test_a_picture_with_a_caption(read: Read) -> None:
    picture = SAMPLES / "red-bicycle.jpg"
    beside = (str(picture.with_suffix(".txt")),)
    assert told(read(picture, "ocr", beside=beside)) == ("pictures", 1, 0, 0, 1)
    ledger = read(picture, "ocr", "image", beside=beside)
    assert told(ledger) == ("pictures", 1, 1, 0, 0)
    assert by(ledger) == {"tags": 1, "sight": 1, "name": 1}


# --- what is left out --------------------------------------------------------------------------


def test_a_file_that_can_not_be_read_says_why(read: Read, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7 nothing")
    ledger = read(tmp_path / "a.pdf")
    assert (ledger.unit, ledger.read) == (None, ()) and len(ledger.skipped) == 1


def test_documents_inside_have_ledgers_of_their_own_down_to_a_depth(read: Read, tmp_path: Path) -> None:
    def mail(number: int) -> bytes:
        message = EmailMessage()
        message["From"], message["Subject"] = "a@b.example", f"mail {number}"
        message.set_content(f"The text of mail {number}.")
        if number < 5:
            inner, name = mail(number + 1), f"{number + 1}.eml"
            message.add_attachment(inner, maintype="application", subtype="octet-stream", filename=name)
        return bytes(message)

    (tmp_path / "0.eml").write_bytes(mail(0))
    assert read(tmp_path / "0.eml").skipped == ()
    deepest = read(tmp_path / "0.eml", inside="3.eml")
    assert deepest.unit == "sections" and deepest.skipped == ("what is inside it is too deep to be followed",)


# --- in the catalog ----------------------------------------------------------------------------


def test_a_ledger_is_kept_with_the_file_and_renewed_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "a.txt").write_text("one\ntwo\n")
    library = Library(tmp_path / "library")
    files = FileReader(InProcess(), Senses(), library.unfinished, max_bytes=10**6)
    pipeline = Pipeline(library, HashingEmbedder(), files)
    pipeline.add([folder])
    assert library.catalog.documents()[0].ledger.total == 2
    (folder / "a.txt").write_text("one\ntwo\nthree\n")
    pipeline.add([folder])
    [document] = library.catalog.documents()
    stored = library.catalog.stored_file(document.path)
    assert stored is not None and stored.document == document and document.ledger.total == 3
    assert (stored.format, stored.size, stored.parent, stored.spaces) == ("text", 14, None, {"text:hashing-64": 1})
    assert library.catalog.stored_file(str(folder)) is None
    library.close()
