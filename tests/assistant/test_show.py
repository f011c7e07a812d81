"""What the command line shows, on a pipe and on a terminal."""

import os
import subprocess
import sys

import pytest

from assistant import show
from assistant.answers import Answer, Answered, Citation, Retrieved, Sentence, Token
from indexers.reports import AddReport, FileReport
from indexers.types import LinesLocator, Status


def test_many_files_with_one_reason_are_told_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def report(number: int, reason: str) -> FileReport:
        return FileReport(f"/a/{number}.zip", "text", "failed", Status.UNSUPPORTED, reason)

    alike = [report(number, "zip files are not read") for number in range(300)]
    show.added(AddReport((*alike, report(300, "old [Word] format")), 1.0))
    assert capsys.readouterr().out.splitlines() == [
        "unsupported  300 files (0.zip, 1.zip, …): zip files are not read",
        "unsupported  /a/300.zip: old [Word] format",
        "301 failed, 1.0 s",
    ]


def _answer(*sentences: Sentence, abstained: bool = False) -> Answer:
    citations = (
        Citation(1, "/a/[notes].txt", "text", LinesLocator(3, 4), "The [red] pump\nleaks."),
        Citation(2, "/a/b.txt", "text", LinesLocator(1, 1), "It was bought in 1987."),
    )
    text = " ".join(sentence.text for sentence in sentences)
    return Answer("Why?", text, not abstained, abstained, "llm", sentences, citations, "fake")


def test_quotes_stand_on_their_own_lines_and_are_not_told_twice(capsys: pytest.CaptureFixture[str]) -> None:
    show.answer(
        _answer(
            Sentence("The pump leaks and is old.", True, (1, 2)),
            Sentence("It stands there.", True, (1,)),
            Sentence("It was bought in 1987.", True, (2,)),
        )
    )
    assert capsys.readouterr().out.splitlines() == [
        "The pump leaks and is old. [1][2] It stands there. [1]",
        "“It was bought in 1987.” [2]",
        "",
        "[1] [notes].txt, lines 3–4  “The [red] pump leaks.”",
        "[2] b.txt, line 1",
    ]


def test_an_abstention_offers_the_nearest_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    show.answer(_answer(Sentence("Not there.", False), abstained=True), completed="Why [1]?")
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["(Why [1]?)", "Not there."]
    assert lines[3] == "The nearest passages, which may not answer it:"
    assert "“It was bought in 1987.”" in lines[5]


def test_drafts_are_not_shown_on_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    final = _answer(Sentence("It was bought in 1987.", True, (2,)))
    assert show.follow([Retrieved("Why?", ()), Token("draft"), Answered(final)], drafts=True) is final
    assert capsys.readouterr() == ("", "")


def test_a_draft_on_a_terminal_gives_way_to_the_answer() -> None:
    """On a terminal of its own: what was drafted is shown, then wiped out."""
    pty = pytest.importorskip("pty")
    program = (
        "from assistant import show; from assistant.answers import *\n"
        "a = Answer('q', 'Checked.', True, False, 'llm', (Sentence('Checked.', True),), ())\n"
        "show.answer(show.follow(iter([Retrieved('q', ()), Token('A dra'), Token('ft'), Answered(a)]), drafts=True))\n"
    )
    main, side = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    started = subprocess.Popen([sys.executable, "-c", program], stdout=side, stderr=side, env=environment)
    os.close(side)
    seen = b""
    try:
        while piece := os.read(main, 4096):
            seen += piece
    except OSError:
        pass  # the other end is closed
    finally:
        os.close(main)
    assert started.wait(30) == 0
    text = seen.decode()
    assert "A draft …" in text
    assert "\x1b[2K" in text[text.rindex("A draft …") :] and text.rstrip().endswith("Checked.")
