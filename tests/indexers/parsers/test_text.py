from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexers.errors import Broken, Empty, FileError
from indexers.parsers.text import parse_code, parse_markdown, parse_rtf, parse_text
from indexers.protocols import Source
from indexers.types import Block, LinesLocator, Parsed, SectionLocator


def source(tmp_path: Path, name: str, text: str | bytes) -> Source:
    file = tmp_path / "file"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return Source(file, name, name.rpartition(".")[2])


def body(block: Block) -> str:
    return "".join(piece.text + piece.joint for piece in block.pieces[:-1]) + block.pieces[-1].text


def assert_verbatim(parsed: Parsed, text: str) -> None:
    """Every piece stands on its line, and pieces with their joints are what stands in the file."""
    lines = text.split("\n")
    for block in parsed.blocks:
        first = None
        for piece in block.pieces:
            assert isinstance(piece.locator, LinesLocator)
            assert piece.text == lines[piece.locator.first - 1].rstrip()
            first = first or piece.locator.first
            last = piece.locator.last
        joined = "\n".join(line.rstrip() if line.strip() else "" for line in lines[(first or 1) - 1 : last])
        assert body(block) == joined


def test_paragraphs_keep_their_lines(tmp_path: Path) -> None:
    text = "One\ntwo  \n\n \n  three\n"
    parsed = parse_text(source(tmp_path, "a.txt", text.replace("\n", "\r\n")))
    assert [[piece.text for piece in block.pieces] for block in parsed.blocks] == [["One", "two"], ["  three"]]
    assert parsed.blocks[1].pieces[0].locator == LinesLocator(5, 5)
    assert_verbatim(parsed, text)


@pytest.mark.parametrize("parse", [parse_text, parse_markdown, parse_code])
def test_nothing_to_read_is_empty(tmp_path: Path, parse: object) -> None:
    with pytest.raises(Empty):
        parse(source(tmp_path, "a.txt", " \n\n"))  # type: ignore[operator]


MARKDOWN = """---
title: "The Mill"
author: Ada
date: 2024-05-01
---
# Water

Intro.
Second line.

## The *wheel* of [oak](http://x)
Text of the wheel.
```python
# not a heading

x = 1
```

Setext
------
| part | size |
|------|-----:|
| hub  | 3    |
| rim  | 9    |

# Fire
"""


def test_markdown_headings_lead_to_their_text(tmp_path: Path) -> None:
    parsed = parse_markdown(source(tmp_path, "a.md", MARKDOWN))
    found = {piece.text: block.headings for block in parsed.blocks for piece in block.pieces}
    assert found["Intro."] == ("Water",)
    assert found["## The *wheel* of [oak](http://x)"] == ("Water", "The wheel of oak")
    assert found["Text of the wheel."] == ("Water", "The wheel of oak")
    assert found["# not a heading"] == found["x = 1"] == ("Water", "The wheel of oak")
    assert found["| hub  | 3    |"] == ("Water", "Setext")
    assert found["# Fire"] == ("Fire",)
    assert "```python" not in found
    assert_verbatim(parsed, MARKDOWN)


def test_markdown_pictures_keep_what_is_said_of_them_without_their_data(tmp_path: Path) -> None:
    data = "data:image/png;base64," + "iVBORw0KGgo" * 500
    lines = ['See ![A blue boat](boat.png "In May").', "", f"![A gull]({data}) flies", "![][image1]", ""]
    text = "\n".join(["# Boats", "", *lines, f"[image1]: <{data}>"])
    parsed = parse_markdown(source(tmp_path, "a.md", text))
    assert [(piece.text, piece.locator, piece.joint) for block in parsed.blocks[1:] for piece in block.pieces] == [
        ("![A gull](", LinesLocator(5, 5), ""),
        (") flies", LinesLocator(5, 5), "\n"),
        ("![][image1]", LinesLocator(6, 6), "\n"),
        ("[image1]: <", LinesLocator(8, 8), "\n"),
    ]
    assert 'See ![A blue boat](boat.png "In May").' in [piece.text for piece in parsed.blocks[0].pieces]


def test_front_matter_is_title_and_metadata(tmp_path: Path) -> None:
    parsed = parse_markdown(source(tmp_path, "a.md", MARKDOWN))
    assert parsed.title == "The Mill"
    assert parsed.metadata == {"author": "Ada", "date": "2024-05-01"}


def test_a_pipe_table_keeps_its_header(tmp_path: Path) -> None:
    parsed = parse_markdown(source(tmp_path, "a.md", MARKDOWN))
    (table,) = [block for block in parsed.blocks if block.header]
    assert table.header == "| part | size |"
    assert [piece.text for piece in table.pieces] == ["| hub  | 3    |", "| rim  | 9    |"]
    assert table.pieces[0].locator == LinesLocator(23, 23)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("## Only this\n\ntext", "Only this"),
        ("text\n\n## Later\n", ""),
        ("## Sub\n\n# Main\n", "Main"),
        ("Main\n====\n", "Main"),
        ("    # code\n", ""),
        ("#hashtag\n", ""),
    ],
)
def test_the_title_is_the_first_great_heading(tmp_path: Path, text: str, title: str) -> None:
    assert parse_markdown(source(tmp_path, "a.md", text)).title == title


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.rst", "====\nMain\n====\n\nPart\n----\n\nwords\n\nDeep\n~~~~\nmore\n\nNext\n----\nlast\n"),
        ("a.org", "* Main\n\n** Part\nwords\n*** Deep\nmore\n** Next\nlast\n"),
        ("a.adoc", "= Main\n\n== Part\nwords\n\n=== Deep\nmore\n\n== Next\nlast\n"),
    ],
)
def test_other_markup_has_headings_too(tmp_path: Path, name: str, text: str) -> None:
    parsed = parse_markdown(source(tmp_path, name, text))
    found = {piece.text: block.headings for block in parsed.blocks for piece in block.pieces}
    assert parsed.title == "Main"
    assert found["words"] == ("Main", "Part")
    assert found["more"] == ("Main", "Part", "Deep")
    assert found["last"] == ("Main", "Next")
    assert_verbatim(parsed, text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.sampled_from(["# A", "## B", "words", "", "```", "---", "===", "|a|b|", "|-|-|", "    x", "~~~", "> q"]),
        max_size=25,
    ),
    st.sampled_from(["a.md", "a.rst", "a.org"]),
)
def test_no_words_are_lost_in_markup(tmp_path: Path, lines: list[str], name: str) -> None:
    text = "\n".join(lines)
    try:
        parsed = parse_markdown(source(tmp_path, name, text))
    except Empty:
        assert not any(line in ("words", "# A", "    x", "> q") for line in lines)
        return
    assert_verbatim(parsed, text)
    kept = [piece.text for block in parsed.blocks for piece in block.pieces]
    assert kept.count("words") == lines.count("words")
    lines_of = [piece.locator.first for block in parsed.blocks for piece in block.pieces]  # type: ignore[union-attr]
    assert lines_of == sorted(set(lines_of))


CODE = '''import os

LIMIT = 3

# Turns.
class Wheel(Base):
    """A class of things."""

    def turn(self, by):
        if by:

            return 1

    @property
    def size(self):
        return 2


def main():
    pass
'''


def test_code_is_cut_at_definitions(tmp_path: Path) -> None:
    parsed = parse_code(source(tmp_path, "a.py", CODE))
    assert [(block.headings, block.pieces[0].text.strip()) for block in parsed.blocks] == [
        ((), "import os"),
        ((), "LIMIT = 3"),
        (("Wheel",), "# Turns."),
        (("Wheel", "turn"), "def turn(self, by):"),
        (("Wheel", "size"), "@property"),
        (("main",), "def main():"),
    ]
    assert_verbatim(parsed, CODE)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("func (w *Wheel) Turn(by int) {", "Turn"),
        ("export default async function turn(by) {", "turn"),
        ("pub(crate) fn turn<T>(by: T) {", "turn"),
        ("public static class Wheel extends Part {", "Wheel"),
        ("create or replace view wheels as", "wheels"),
    ],
)
def test_definitions_of_many_languages_are_known(tmp_path: Path, line: str, name: str) -> None:
    assert parse_code(source(tmp_path, "a", f"{line}\n  body\n")).blocks[0].headings == (name,)


RTF = (
    r"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fnil\fcharset0 Arial;}}{\info{\title The Mill}{\author Ada}}"
    r"\f0 Stra\'dfe \u8212? na\u239?ve\par Wheel \u-10179?\u-8704?\par"
    r"{\trowd\intbl part\cell size\cell\row\intbl hub\cell 3\cell\row}{\pict 00ff00}}"
)


def test_rtf_gives_paragraphs_and_tables(tmp_path: Path) -> None:
    parsed = parse_rtf(source(tmp_path, "a.rtf", RTF))
    assert [piece.text for block in parsed.blocks for piece in block.pieces] == [
        "Straße — naïve",
        "Wheel 😀",
        "hub | 3",
    ]
    assert parsed.blocks[2].header == "part | size"
    assert parsed.blocks[0].pieces[0].locator == SectionLocator(())
    assert (parsed.title, parsed.metadata, parsed.notes) == ("The Mill", {"author": "Ada"}, ())


def test_rtf_that_ends_early_says_so(tmp_path: Path) -> None:
    assert parse_rtf(source(tmp_path, "a.rtf", RTF[:150])).notes == ("the file is cut off at its end",)


@pytest.mark.parametrize(
    ("text", "error"),
    [(r"{\rtf1 {\pict 00ff}}", Empty), (r"{\rtf1 \u99999999? x}", Broken), (r"{\rtf1 \uc x}", Broken)],
)
def test_rtf_without_text_or_sense(tmp_path: Path, text: str, error: type[FileError]) -> None:
    with pytest.raises(error):
        parse_rtf(source(tmp_path, "a.rtf", text))
