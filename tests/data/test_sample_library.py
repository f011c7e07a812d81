"""The sample library: complete, small, made by its generator, and holding what the demo asks for.

Texts are taken out of the files with the plain libraries, not with the project's parsers: what the demo
promises must not depend on the code that it shows.
"""

from __future__ import annotations

import email
import importlib
import json
import re
from collections.abc import Callable
from email import policy
from email.message import EmailMessage
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import openpyxl
import pytest
from bs4 import BeautifulSoup
from docx import Document
from PIL import Image
from pptx import Presentation
from pypdf import PdfReader

DATA = Path(__file__).resolve().parents[2] / "data"
LIBRARY = DATA / "library"
QUESTIONS: list[dict[str, Any]] = json.loads((DATA / "questions.json").read_text(encoding="utf-8"))
ANSWERED = [question for question in QUESTIONS if not question.get("abstain")]
UNANSWERED = [question for question in QUESTIONS if question.get("abstain")]

SubtitlesOf: TypeAlias = Callable[[Path], list[tuple[float, float, str]]]

MADE = [
    "flour-test-results.eml",
    "mill-money.xlsx",
    "open-day-talk.pptx",
    "water-lease.pdf",
    "waterwheel-contract.docx",
]
WRITTEN = [
    "brief-adler.txt",
    "heritage-register.html",
    "mill-diary.md",
    "mill-memories.txt",
    "river-gauging.ipynb",
    "river-levels-2024.csv",
    "wheel_power.py",
]
MEDIA = [
    "bread-table.jpg",
    "insurance-letter.pdf",
    "mill-in-autumn.jpg",
    "red-bicycle.jpg",
    "sluice-repair.mp4",
    "talk-on-the-wheel.mp3",
    "visitors-2024.png",
]
BESIDE = ["bread-table.jpg.json", "red-bicycle.txt", "talk-on-the-wheel.srt"]
"""Not documents of their own: each speaks of the picture or the recording beside it."""


def places(path: Path, subtitles_of: SubtitlesOf) -> dict[str, str]:
    """The text of a file by place: page or slide number, sheet name, attachment name, second; "" without places.

    What only eyes can read is taken from the scripts that drew it.
    """
    drawn = importlib.import_module
    match path.name:
        case "insurance-letter.pdf":
            return {"1": "\n".join(drawn("draw_papers").LETTER)}
        case "visitors-2024.png":
            visitors = drawn("draw_papers").VISITORS
            return {"region": f"{visitors} {sum(visitors.values()):,} in all, most of them {max(visitors.values())}"}
        case "bread-table.jpg":
            told = json.loads(path.with_name("bread-table.jpg.json").read_text(encoding="utf-8"))
            return {"": told["description"], "region": "\n".join(line for line, _ in drawn("draw_bakery").PRICES)}
        case "mill-in-autumn.jpg":
            return {"": Image.open(path).info["xmp"].decode()}
        case "red-bicycle.jpg":
            return {"": path.with_suffix(".txt").read_text(encoding="utf-8")}
    match path.suffix:
        case ".mp3" | ".mp4":
            return {str(start_s): text for start_s, _, text in subtitles_of(path)}
        case ".pdf":
            return {str(n): page.extract_text() for n, page in enumerate(PdfReader(path).pages, 1)}
        case ".docx":
            document = Document(str(path))
            parts = [paragraph.text for paragraph in document.paragraphs]
            parts += [cell.text for table in document.tables for row in table.rows for cell in row.cells]
            return {"": "\n".join(parts)}
        case ".pptx":
            slides = Presentation(str(path)).slides
            return {str(n): slide_text(slide) for n, slide in enumerate(slides, 1)}
        case ".xlsx":
            book = openpyxl.load_workbook(path)
            return {sheet.title: "\n".join(str(row) for row in sheet.values) for sheet in book}
        case ".eml":
            mail = email.message_from_bytes(path.read_bytes(), policy=policy.default)
            assert isinstance(mail, EmailMessage)
            body = mail.get_body()
            assert body is not None
            texts = {"": f"{mail['from']}\n{mail['date']}\n{mail['subject']}\n{body.get_content()}"}
            return texts | {str(part.get_filename()): part.get_content() for part in mail.iter_attachments()}
        case ".html":
            main = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").find("main")
            assert main is not None
            return {"": main.get_text(" ")}
        case ".ipynb":
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            return {"": "\n".join("".join(cell["source"]) for cell in cells)}
        case _:
            return {"": path.read_text(encoding="utf-8")}


def slide_text(slide: Any) -> str:
    shapes = [shape.text_frame.text for shape in slide.shapes if shape.has_text_frame]
    return "\n".join([*shapes, slide.notes_slide.notes_text_frame.text])


def flat(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def place_of(question: dict[str, Any]) -> str:
    """The key of ``places`` that a question's path and locator name."""
    _, _, attachment = question["path"].partition("!/")
    locator = question.get("locator", {})
    named = [locator[key] for key in ("page", "slide", "sheet", "start_s") if key in locator]
    return attachment or str(next(iter(named), "region" if locator.get("kind") == "region" else ""))


@pytest.fixture(scope="module")
def library(makers: None, subtitles_of: SubtitlesOf) -> dict[str, dict[str, str]]:
    return {path.name: places(path, subtitles_of) for path in sorted(LIBRARY.iterdir()) if path.name not in BESIDE}


@pytest.fixture(scope="module")
def generator(makers: None) -> ModuleType:
    return importlib.import_module("make_library")


def test_library_is_complete_and_small() -> None:
    assert sorted(path.name for path in LIBRARY.iterdir()) == sorted(MADE + WRITTEN + MEDIA + BESIDE)
    assert sum(path.stat().st_size for path in LIBRARY.iterdir()) < 1_500_000


def test_generator_gives_the_committed_texts(
    tmp_path: Path, generator: ModuleType, library: dict[str, dict[str, str]], subtitles_of: SubtitlesOf
) -> None:
    generator.main(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(MADE)
    for name in MADE:
        assert places(tmp_path / name, subtitles_of) == library[name]


def test_generator_is_deterministic(tmp_path: Path, generator: ModuleType) -> None:
    for folder in ("first", "second"):
        generator.main(tmp_path / folder)
    for name in MADE:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_lease_has_pages_and_bookmarks() -> None:
    reader = PdfReader(LIBRARY / "water-lease.pdf")
    outline: list[Any] = reader.outline
    title, clauses = outline
    assert len(reader.pages) == 5
    assert title.title == "Lease of Water Rights"
    by_title = {mark.title: reader.get_destination_page_number(mark) for mark in clauses}
    assert by_title["4. Water levels and the hatches"] == 2  # pypdf counts pages from 0


def test_sums_in_the_workbook_add_up() -> None:
    for sheet in openpyxl.load_workbook(LIBRARY / "mill-money.xlsx"):
        _, _, header, *rows, total = sheet.values
        amounts = [[value for value in row[1:] if isinstance(value, int)] for row in rows]
        assert header[-1] == total[0] == "Total"
        assert all(row[-1] == sum(row[:-1]) for row in amounts)
        assert [value for value in total[1:] if value is not None] == [sum(c) for c in zip(*amounts, strict=True)]


@pytest.mark.parametrize("question", ANSWERED, ids=lambda question: question["path"])
def test_answer_stands_at_the_named_place(question: dict[str, Any], library: dict[str, dict[str, str]]) -> None:
    name, _, _ = question["path"].partition("!/")
    text = flat(library[name][place_of(question)])
    assert any(form in text for form in question["expect"])


@pytest.mark.parametrize("question", ANSWERED, ids=lambda question: question["path"])
def test_no_other_place_holds_the_answer(question: dict[str, Any], library: dict[str, dict[str, str]]) -> None:
    """Otherwise another citation would be right as well, and the demo could not tell."""
    name, _, _ = question["path"].partition("!/")
    source = (name, place_of(question))
    for other, texts in library.items():
        for place, text in texts.items():
            if (other, place) != source:
                assert not re.search(rf"(?<![\w.]){re.escape(question['expect'][0])}(?!\w)", flat(text)), (
                    other,
                    place,
                )


@pytest.mark.parametrize("question", UNANSWERED, ids=lambda question: question["absent"][0])
def test_what_can_not_be_answered_stands_nowhere(question: dict[str, Any], library: dict[str, dict[str, str]]) -> None:
    asked = question["question"].lower()
    for word in question["absent"]:
        assert word in asked
        assert not [name for name, texts in library.items() if word in flat(" ".join(texts.values())).lower()]


def test_questions_are_well_formed_and_varied() -> None:
    for number, question in enumerate(QUESTIONS):
        assert set(question) <= {"question", "after", "expect", "path", "locator", "abstain", "absent"}
        assert ("expect" in question and "path" in question) != question.get("abstain", False)
        if "after" in question:
            assert question["after"] == QUESTIONS[number - 1]["question"]
    assert len(UNANSWERED) == 2
    cited = {question["path"].partition("!/")[0] for question in ANSWERED}
    assert cited == set(MADE + WRITTEN + MEDIA)
    shown = QUESTIONS[:6]
    assert len({question.get("path") for question in shown}) == 5
    assert any("after" in question for question in shown) and any("abstain" in question for question in shown)
    assert {"insurance-letter.pdf", "talk-on-the-wheel.mp3"} <= {question.get("path") for question in shown}
