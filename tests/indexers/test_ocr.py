"""Text in pictures that are drawn here, with the networks of the wheel: what is read, in which order, and where."""

from __future__ import annotations

import logging
import subprocess
import sys
from math import cos, radians, sin
from threading import Thread

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from indexers.ocr import RapidOcr
from indexers.types import Box, Pixels, TextLine

ROWS = ["The mill stands by the river", "The wheel turns since 1874", "Flour is sold on Saturdays"]
LEFT = [
    "The first column speaks of",
    "the weather of the valley,",
    "which is mild in the spring",
    "and dry in late summer.",
]
RIGHT = [
    "Another one tells the tale",
    "of the old miller who had",
    "seven daughters and a cat",
    "that never caught a mouse.",
]
RECEIPT = [("Coffee beans 500 g", "12.50"), ("Milk", "1.20"), ("Wholemeal bread", "4.80"), ("TOTAL", "18.50")]


class Sheet:
    """A sheet to write on, which remembers where each text was written."""

    def __init__(self, width: int, height: int, *, paper: str = "white", ink: str = "black") -> None:
        self.image = Image.new("RGB", (width, height), paper)
        self.ink = ink
        self.drawn: dict[str, Box] = {}

    def write(self, x: int, y: int, text: str, size: int = 26) -> None:
        draw = ImageDraw.Draw(self.image)
        font = ImageFont.load_default(size)
        draw.text((x, y), text, fill=self.ink, font=font)
        left, top, right, bottom = draw.textbbox((x, y), text, font=font)
        self.drawn[text] = (
            left / self.image.width,
            top / self.image.height,
            right / self.image.width,
            bottom / self.image.height,
        )

    @property
    def pixels(self) -> Pixels:
        return np.asarray(self.image)


@pytest.fixture(scope="module")
def ocr() -> RapidOcr:
    return RapidOcr(threads=1)


def rows_sheet(**colours: str) -> Sheet:
    sheet = Sheet(640, 300, **colours)
    for number, row in enumerate(ROWS):
        sheet.write(60, 50 + 70 * number, row)
    return sheet


def receipt_sheet() -> Sheet:
    sheet = Sheet(640, 420)
    sheet.write(200, 30, "VILLAGE SHOP", 34)
    for number, (article, price) in enumerate(RECEIPT):
        sheet.write(40, 120 + 60 * number, article)
        sheet.write(520, 120 + 60 * number, price)
    return sheet


def texts(lines: list[TextLine]) -> list[str]:
    return [line.text for line in lines]


def holds(outer: Box, inner: Box, slack: float = 0.01) -> bool:
    """Whether ``inner`` lies in ``outer``, which is not much larger."""
    inside = (
        outer[0] <= inner[0] + slack
        and outer[1] <= inner[1] + slack
        and outer[2] >= inner[2] - slack
        and outer[3] >= inner[3] - slack
    )
    return inside and all(abs(a - b) < 0.06 for a, b in zip(outer, inner, strict=True))


def rotated(box: Box, turns: int) -> Box:
    """Where ``box`` is after quarter turns of the picture counter-clockwise."""
    for _ in range(turns):
        left, top, right, bottom = box
        box = top, 1 - right, bottom, 1 - left
    return box


@pytest.mark.parametrize(("paper", "ink"), [("white", "black"), ("black", "white")])
def test_rows_are_read_where_they_stand(ocr: RapidOcr, paper: str, ink: str) -> None:
    sheet = rows_sheet(paper=paper, ink=ink)
    lines = ocr.read(sheet.pixels)
    assert texts(lines) == ROWS
    assert all(holds(line.box, sheet.drawn[line.text]) for line in lines)
    assert all(0.8 < line.confidence <= 1 for line in lines)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turned_pictures_are_read_upright(ocr: RapidOcr, turns: int) -> None:
    sheet = rows_sheet()
    lines = ocr.read(np.rot90(sheet.pixels, turns))
    assert texts(lines) == ROWS
    assert all(holds(line.box, rotated(sheet.drawn[line.text], turns)) for line in lines)


@pytest.mark.parametrize("degrees", [-12, 7])
def test_a_crooked_receipt_keeps_its_rows(ocr: RapidOcr, degrees: int) -> None:
    sheet = receipt_sheet()
    crooked = sheet.image.rotate(degrees, resample=Image.Resampling.BICUBIC, expand=True, fillcolor="white")
    lines = ocr.read(np.asarray(crooked))
    assert texts(lines) == ["VILLAGE SHOP", *(f"{article} {price}" for article, price in RECEIPT)]
    # The middle of "TOTAL … 18.50", carried along by the rotation around the sheet's middle.
    x, y = 310 - 320, 315 - 210
    angle = radians(degrees)
    turned = x * cos(angle) + y * sin(angle), -x * sin(angle) + y * cos(angle)
    middle = turned[0] / crooked.width + 0.5, turned[1] / crooked.height + 0.5
    left, top, right, bottom = lines[-1].box
    assert ((left + right) / 2, (top + bottom) / 2) == pytest.approx(middle, abs=0.03)


def test_an_article_and_its_price_are_one_line(ocr: RapidOcr) -> None:
    sheet = receipt_sheet()
    lines = ocr.read(sheet.pixels)
    assert texts(lines) == ["VILLAGE SHOP", *(f"{article} {price}" for article, price in RECEIPT)]
    for line, (article, price) in zip(lines[1:], RECEIPT, strict=True):
        name, amount = sheet.drawn[article], sheet.drawn[price]
        assert holds(line.box, (name[0], min(name[1], amount[1]), amount[2], max(name[3], amount[3])))


def test_columns_are_read_one_after_the_other(ocr: RapidOcr) -> None:
    sheet = Sheet(900, 360)
    sheet.write(180, 30, "A heading across both columns", 36)
    for number, (left, right) in enumerate(zip(LEFT, RIGHT, strict=True)):
        sheet.write(40, 120 + 50 * number, left)
        sheet.write(480, 120 + 50 * number, right)
    lines = ocr.read(sheet.pixels)
    assert texts(lines) == ["A heading across both columns", *LEFT, *RIGHT]
    assert all(holds(line.box, sheet.drawn[line.text]) for line in lines)


def test_words_in_capitals_keep_their_spaces(ocr: RapidOcr) -> None:
    sheet = Sheet(700, 120)
    sheet.write(30, 40, "TOTAL AMOUNT INCL. GST @ 6%", 30)
    assert texts(ocr.read(sheet.pixels)) == ["TOTAL AMOUNT INCL. GST @ 6%"]


def test_small_text_in_a_large_scan_is_found(ocr: RapidOcr) -> None:
    sheet = Sheet(2400, 3300)
    written = [f"Clause {number} of the lease of the mill" for number in range(20, 32)]
    for number, clause in enumerate(written):
        # Eight points of a page that was scanned at 200 dots per inch.
        sheet.write(300, 300 + 40 * number, clause, 22)
    lines = ocr.read(sheet.pixels)
    assert texts(lines) == written
    assert all(holds(line.box, sheet.drawn[line.text]) for line in lines)


def test_blank_pictures_hold_nothing(ocr: RapidOcr) -> None:
    assert ocr.read(np.full((400, 600, 3), 255, np.uint8)) == []


def test_texture_is_not_text(ocr: RapidOcr) -> None:
    """Leaves, gravel, clouds: noise of several sizes, as a photograph without writing has it."""
    chance = np.random.default_rng(7)
    for blur in (0, 1, 2, 4, 8):
        noise = Image.fromarray(chance.integers(0, 256, (480, 640, 3), dtype=np.uint8))
        soft = np.asarray(noise.filter(ImageFilter.GaussianBlur(blur)), dtype=np.float64)
        stretched = (soft - soft.min()) / np.ptp(soft) * 255
        assert ocr.read(stretched.astype(np.uint8)) == []


@pytest.mark.parametrize("shape", [(0, 0, 3), (0, 40, 3), (1, 1, 3), (7, 4000, 3)])
def test_pictures_too_small_for_text_need_no_networks(
    shape: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unexpected(threads: int | None) -> None:
        raise AssertionError("the networks were loaded")

    monkeypatch.setattr("indexers.ocr.TextModels", unexpected)
    assert RapidOcr().read(np.zeros(shape, np.uint8)) == []


def test_odd_shapes_are_read(ocr: RapidOcr) -> None:
    for shape in [(8, 8, 3), (8, 3000, 3), (3000, 8, 3), (33, 31, 3)]:
        assert ocr.read(np.full(shape, 200, np.uint8)) == []


def test_several_threads_read_at_once(ocr: RapidOcr) -> None:
    pictures = [rows_sheet().pixels, receipt_sheet().pixels] * 2
    alone = [ocr.read(picture) for picture in pictures]
    together: dict[int, list[TextLine]] = {}
    threads = [
        Thread(target=lambda number=number, picture=picture: together.update({number: ocr.read(picture)}))
        for number, picture in enumerate(pictures)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[number] for number in range(len(pictures))] == alone


def test_nothing_is_logged_or_looked_up(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr("socket.socket.connect", refuse)
    with caplog.at_level(logging.INFO):
        assert texts(RapidOcr(threads=1).read(rows_sheet().pixels)) == ROWS
    captured = capfd.readouterr()
    assert captured.out == captured.err == caplog.text == ""


def test_importing_loads_nothing_heavy() -> None:
    heavy = "{'cv2', 'onnxruntime', 'rapidocr', 'PIL'} & set(sys.modules)"
    code = f"import sys, indexers.ocr; indexers.ocr.RapidOcr().name; print({heavy} or 'light')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "light"


def test_the_name_tells_the_package_and_the_networks() -> None:
    name = RapidOcr().name
    assert name.startswith("rapidocr-3.")
    assert "det" in name
    assert "rec" in name


def test_what_lies_on_its_side_and_is_no_text_there_either_gives_no_warning(
    ocr: RapidOcr, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture that seemed to lie is read as it is when nothing is found in it turned."""
    from indexers import ocr as module

    sheet = Sheet(500, 120)
    sheet.write(30, 40, "Osier Mill", 30)
    monkeypatch.setattr(module, "_lying", lambda models, pixels, quads: 1)
    found = module._find
    monkeypatch.setattr(
        module, "_find", lambda models, pixels: found(models, pixels)[: 99 if len(pixels) < pixels.shape[1] else 0]
    )
    assert texts(ocr.read(sheet.pixels)) == ["Osier Mill"]
