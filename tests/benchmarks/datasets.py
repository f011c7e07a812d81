"""The question collections that the benchmarks run on, read from a folder that is given to them.

The folder holds ``qa/xquad_en_dev.json`` (SQuAD v1.1 format), ``qa/qed_dev.jsonl`` (Natural Questions with gold
sentences), ``spans/`` (corpora and questions with character spans) and ``pdf/`` (reports and questions that name them).
None of it is part of the project.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assistant import Assistant


@dataclass(frozen=True, slots=True)
class Question:
    """A question, its accepted answers, and the number of the passage that holds them."""

    text: str
    answers: tuple[str, ...]
    passage: int


@dataclass(frozen=True, slots=True)
class Collection:
    """Passages (each becomes a file), the article that each belongs to, and questions on them."""

    name: str
    passages: tuple[str, ...]
    articles: tuple[int, ...]
    questions: tuple[Question, ...]


def xquad(data: Path) -> Collection:
    """XQuAD in English: paragraphs of encyclopedia articles."""
    articles = json.loads((data / "qa" / "xquad_en_dev.json").read_text(encoding="utf-8"))["data"]
    passages: list[str] = []
    owners: list[int] = []
    questions: list[Question] = []
    for number, article in enumerate(articles):
        for paragraph in article["paragraphs"]:
            for item in paragraph["qas"]:
                answers = tuple(answer["text"] for answer in item["answers"])
                questions.append(Question(item["question"], answers, len(passages)))
            passages.append(paragraph["context"])
            owners.append(number)
    return Collection("xquad", tuple(passages), tuple(owners), tuple(questions))


def qed(data: Path) -> Collection:
    """Natural Questions of the QED set: what people typed into a search engine, each with one paragraph."""
    passages: dict[str, int] = {}
    questions: list[Question] = []
    for line in (data / "qa" / "qed_dev.jsonl").read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        number = passages.setdefault(item["paragraph_text"], len(passages))
        answers = tuple(span["string"] for group in item["original_nq_answers"] for span in group)
        questions.append(Question(item["question_text"], answers, number))
    return Collection("qed", tuple(passages), tuple(range(len(passages))), tuple(questions))


def spans(data: Path) -> tuple[list[Path], list[tuple[str, str, list[tuple[int, int]]]]]:
    """Corpora, and questions as (corpus name, question, gold character spans)."""
    corpora = sorted((data / "spans").glob("*.md"))
    with (data / "spans" / "questions.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [
            (
                row["corpus_id"],
                row["question"],
                [(s["start_index"], s["end_index"]) for s in json.loads(row["references"])],
            )
            for row in csv.DictReader(file)
        ]
    return corpora, rows


def reports(data: Path) -> tuple[list[Path], list[tuple[str, str]]]:
    """PDF reports, and questions that name exactly one of them, as (question, file name)."""
    files = sorted((data / "pdf").glob("*.pdf"))
    names = {file.name for file in files}
    found: list[tuple[str, str]] = []
    with (data / "pdf" / "qna_data.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            source = row["Source Docs"].strip().strip("*")
            matching = [name for name in names if source and (name == source or name.removesuffix(".pdf") == source)]
            if len(matching) == 1:
                found.append((row["Question"], matching[0]))
    return files, found


@contextmanager
def library(passages: Sequence[str], **settings: object) -> Iterator[tuple[Assistant, list[Path]]]:
    """A throw-away library in which each passage is a file."""
    with tempfile.TemporaryDirectory(prefix="locus-bench-") as scratch:
        folder = Path(scratch) / "files"
        folder.mkdir()
        paths = [folder / f"{number:04}.txt" for number in range(len(passages))]
        for path, passage in zip(paths, passages, strict=True):
            path.write_text(passage, encoding="utf-8")
        with Assistant(Path(scratch) / "library", **settings) as locus:
            locus.add(folder)
            yield locus, paths


def arguments(description: str | None) -> argparse.ArgumentParser:
    """A parser with the option that every benchmark has."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder with the collections")
    return parser


def machine() -> str:
    """The machine in one line, for the head of a table."""
    import os

    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    return f"{os.cpu_count()} cores, {model}, Python {platform.python_version()}"
