"""Draws papers: a letter as a scanner gives it, and a chart.

The letter is set in Times by reportlab, printed by pdfium, which has the letters' shapes with it, and then laid a
little askew on the glass. No font of the machine is needed, and the scan holds no text but what can be seen.
"""

from __future__ import annotations

import io
import time
from pathlib import Path

import numpy as np
from brush import Canvas, Colour
from PIL import Image, ImageDraw, ImageFilter

DPI = 150
ASKEW_DEGREES = 1.2
SCANNED = time.struct_time((2024, 11, 21, 9, 30, 0, 3, 326, 0))

LETTER = (
    "Thank you for showing our surveyor round the mill. From 1 January 2025 the fire insurance of the mill costs "
    "£1,184 a year. It is due on 15 January.",
    "The building is insured for £385,000, the wheel with its gearing for £92,000. The deductible is £750 for each "
    "claim; after a flood it is £2,500.",
    "We ask for two things: an extinguisher on every floor, and nobody asleep on the bin floor while the stones run. "
    "If you fit smoke detectors by 30 April 2025, the premium falls by 8 per cent.",
    "The surveyor asks me to add that the bread was excellent.",
)
VISITORS = {
    "Jan": 14, "Feb": 9, "Mar": 37, "Apr": 96, "May": 268, "Jun": 191,
    "Jul": 243, "Aug": 152, "Sep": 327, "Oct": 135, "Nov": 61, "Dec": 88,
}  # fmt: skip


def scan_letter(target: Path) -> None:
    """Writes the letter as a PDF that holds one grey picture."""
    page = _printed(_letter())
    chance = np.random.default_rng(1184)
    paper = Image.new("L", page.size, 236)
    paper.paste(page.rotate(ASKEW_DEGREES, Image.Resampling.BICUBIC, fillcolor=250))
    grey = np.asarray(paper.filter(ImageFilter.GaussianBlur(0.55)), np.float32)
    rows, columns = np.indices(grey.shape)
    # Ink never is quite black, the lid lets light in at one side, and the paper was folded once.
    shade = 6 * (columns / grey.shape[1]) + 9 * np.exp(-(((rows / grey.shape[0] - 0.36) * 260) ** 2))
    grey = 34 + grey * 0.85 - shade + chance.normal(0, 4, grey.shape)
    for _ in range(40):
        y, x = chance.integers(0, grey.shape[0] - 2), chance.integers(0, grey.shape[1] - 2)
        grey[y : y + 2, x : x + 2] -= chance.uniform(30, 120)
    scan = Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))
    told = {"title": "Scan", "producer": "Osier Mill, kitchen table", "creationDate": SCANNED, "modDate": SCANNED}
    scan.save(target, "PDF", resolution=DPI, quality=42, **told)


def _letter() -> bytes:
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer

    body = ParagraphStyle("body", fontName="Times-Roman", fontSize=14, leading=19, spaceAfter=12)
    bold = ParagraphStyle("bold", body, fontName="Times-Bold")
    head = ParagraphStyle("head", bold, fontSize=19, leading=24, spaceAfter=2)
    small = ParagraphStyle("small", body, fontSize=11, leading=15, spaceAfter=26)
    story = [
        Paragraph("Hearth &amp; Millstone Mutual", head),
        Paragraph("Insurers of old buildings since 1871 – 3 Assembly Row, Upper Tamble", small),
        Paragraph("Mrs Ines Calloway<br/>Osier Mill<br/>Nether Tamble", body),
        Spacer(0, 12),
        Paragraph("18 November 2024", body),
        Spacer(0, 6),
        Paragraph("Policy HM 276104: Osier Mill", bold),
        Paragraph("Dear Mrs Calloway,", body),
        *(Paragraph(text, body) for text in LETTER),
        Paragraph("Yours sincerely", body),
        Spacer(0, 46),
        Paragraph("Martin Ashgrove, underwriter", body),
    ]
    made = io.BytesIO()
    sides = dict.fromkeys(("leftMargin", "rightMargin"), 92)
    SimpleDocTemplate(made, pagesize=A4, topMargin=64, bottomMargin=60, invariant=1, **sides).build(story)
    return made.getvalue()


def _printed(document: bytes) -> Image.Image:
    """The only page of a PDF, signed by hand."""
    from pypdfium2 import PdfDocument

    opened = PdfDocument(document)
    page: Image.Image = opened[0].render(scale=DPI / 72, grayscale=True).to_pil().convert("L")
    opened.close()
    ink = np.asarray(page) < 128
    last = np.flatnonzero(ink.any(1))[-1]
    x, y = 214.0, float(last) - 66
    curve = [
        (0, 20),
        (10, -26),
        (18, 24),
        (30, -22),
        (40, 22),
        (54, 2),
        (66, 14),
        (78, -4),
        (90, 12),
        (150, -6),
        (214, 6),
    ]
    steps = np.linspace(0, 1, 160)
    across = np.interp(steps, np.linspace(0, 1, len(curve)), [point[0] for point in curve])
    down = np.interp(steps, np.linspace(0, 1, len(curve)), [point[1] for point in curve])
    soft = np.convolve(np.pad(down, 4, "edge"), np.ones(9) / 9, "valid")
    pen = [(x + dx, y + dy) for dx, dy in zip(across, soft, strict=True)]
    ImageDraw.Draw(page).line(pen, fill=46, width=3, joint="curve")
    return page


def draw_chart() -> Image.Image:
    """The visitors of each month of 2024 as bars, 1100 × 680."""
    canvas = Canvas(1100, 680, seed=2024)
    ink: Colour = (52, 52, 50)
    canvas.paint(np.ones(canvas.shape, np.float32), (250, 247, 240))
    canvas.paint(canvas.letters((60, 28), "Visitors per month 2024", 38), (47, 79, 63))
    total = sum(VISITORS.values())
    best = max(VISITORS, key=lambda month: VISITORS[month])
    canvas.paint(
        canvas.letters(
            (60, 82), f"{total:,} visitors in all. The busiest month was September with {VISITORS[best]}.", 22
        ),
        ink,
    )
    left, bottom, high, step = 110.0, 560.0, 380.0, 78.0
    for mark in range(0, 351, 50):
        y = bottom - high * mark / 350
        canvas.paint(canvas.box(left, y - 0.5, left + 12 * step + 8, y + 0.5), (206, 200, 184))
        canvas.paint(canvas.letters((66 if mark >= 100 else 76, y - 10), str(mark), 17), ink)
    canvas.paint(canvas.letters((60, 138), "Visitors", 18), ink)
    for number, (month, count) in enumerate(VISITORS.items()):
        x, y = left + 18 + number * step, bottom - high * count / 350
        shade: Colour = (176, 74, 48) if month == best else (96, 146, 160)
        canvas.paint(canvas.box(x, y, x + 48, bottom), shade)
        text = str(count)
        canvas.paint(canvas.letters((x + 24 - 5.4 * len(text), y - 26), text, 19), ink)
        canvas.paint(canvas.letters((x + 7, bottom + 10), month, 19), ink)
    canvas.paint(canvas.box(left, bottom - 1, left + 12 * step + 8, bottom + 1), ink)
    canvas.paint(canvas.letters((554, 600), "Month", 18), ink)
    source = "Source: the book at the kitchen window, counted by Tilda with beans"
    canvas.paint(canvas.letters((60, 638), source, 18), (110, 106, 98))
    return canvas.plain()
