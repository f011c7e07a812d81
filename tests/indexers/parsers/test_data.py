import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexers.errors import Broken, Empty
from indexers.parsers.data import parse_json, parse_jsonl, parse_notebook, parse_xml, parse_yaml
from indexers.protocols import Source
from indexers.types import LinesLocator, Parsed, SectionLocator

Parse = Callable[[Source], Parsed]


def source(tmp_path: Path, format_name: str, text: str | bytes) -> Source:
    file = tmp_path / "file"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return Source(file, f"a.{format_name}", format_name)


def texts(parsed: Parsed) -> list[list[str]]:
    return [[piece.text for piece in block.pieces] for block in parsed.blocks]


def assert_verbatim(parsed: Parsed, text: str) -> None:
    lines = text.split("\n")
    for block in parsed.blocks:
        for piece in block.pieces:
            assert isinstance(piece.locator, LinesLocator)
            assert piece.text in lines[piece.locator.first - 1]


def test_json_is_cut_at_its_members(tmp_path: Path) -> None:
    text = json.dumps({"name": "wheel", "parts": [{"hub": 3}, "rim"], "oak": True}, indent=2)
    parsed = parse_json(source(tmp_path, "json", text))
    assert [block.headings for block in parsed.blocks] == [(), ("parts",), ()]
    assert texts(parsed)[0] == ['  "name": "wheel",']
    assert parsed.blocks[2].pieces[0].locator == LinesLocator(9, 9)
    assert_verbatim(parsed, text)


def test_json_on_one_line_is_cut_between_values(tmp_path: Path) -> None:
    text = json.dumps([{"id": number, "note": 'a, "quoted", b'} for number in range(500)])
    parsed = parse_json(source(tmp_path, "json", text))
    pieces = parsed.blocks[0].pieces
    assert "".join(piece.text + piece.joint for piece in pieces[:-1]) + pieces[-1].text == text
    assert max(len(piece.text) for piece in pieces) < 500
    # No cut falls into a string: quotes that are not escaped come in pairs.
    assert all(piece.text.replace('\\"', "").count('"') % 2 == 0 for piece in pieces)


@pytest.mark.parametrize("text", ['{"a": 1,\n "b"}', "[" * 100_000, '{"a": "' + "\\" * 5000])
def test_what_is_not_json_is_read_as_text(tmp_path: Path, text: str) -> None:
    parsed = parse_json(source(tmp_path, "json", text))
    assert "JSON" in parsed.notes[0]
    assert texts(parsed) == [text.split("\n")]


@pytest.mark.parametrize(
    ("parse", "text"), [(parse_json, "[\n]"), (parse_json, " "), (parse_yaml, "\n"), (parse_xml, "\n")]
)
def test_nothing_in_it_is_empty(tmp_path: Path, parse: Parse, text: str) -> None:
    with pytest.raises(Empty):
        parse(source(tmp_path, "json", text))


def test_lines_of_json_are_blocks(tmp_path: Path) -> None:
    parsed = parse_jsonl(source(tmp_path, "jsonl", '{"a": 1}\n\n{"b": 2}\nnonsense\n'))
    assert texts(parsed) == [['{"a": 1}'], ['{"b": 2}'], ["nonsense"]]
    assert parsed.blocks[1].pieces[0].locator == LinesLocator(3, 3)
    assert parsed.notes == ("1 lines are not valid JSON",)


def test_yaml_is_cut_at_its_members(tmp_path: Path) -> None:
    text = "name: wheel\n# The parts.\nparts:\n  - hub\n\n  - rim\n- loose\n"
    parsed = parse_yaml(source(tmp_path, "yaml", text))
    assert texts(parsed) == [["name: wheel"], ["# The parts.", "parts:", "  - hub", "  - rim"], ["- loose"]]
    assert [block.headings for block in parsed.blocks] == [(), ("parts",), ()]
    assert [piece.joint for piece in parsed.blocks[1].pieces] == ["\n", "\n", "\n\n", "\n"]
    assert_verbatim(parsed, text)


RECORDS = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<mill>\n'
    '  <part size="3">\n    <name>hub</name>\n  </part>\n  <part/>\n</mill>'
)


@pytest.mark.parametrize("codec", ["utf-8", "utf-16"])
def test_xml_records_keep_their_tags(tmp_path: Path, codec: str) -> None:
    parsed = parse_xml(source(tmp_path, "xml", RECORDS.encode(codec)))
    assert texts(parsed)[1] == ['  <part size="3">', "    <name>hub</name>", "  </part>"]
    assert parsed.blocks[1].pieces[1].locator == LinesLocator(4, 4)
    assert_verbatim(parsed, RECORDS)


def test_xml_in_a_declared_encoding(tmp_path: Path) -> None:
    text = '<?xml version="1.0" encoding="iso-8859-2"?>\n<a>zażółć</a>'
    assert texts(parse_xml(source(tmp_path, "xml", text.encode("iso-8859-2"))))[-1][-1] == "<a>zażółć</a>"


def test_xml_prose_is_read_without_tags(tmp_path: Path) -> None:
    text = "<book><title>The  Mill</title>\n<p>A <b>wheel</b> of\noak &amp; iron.</p><p>Next</p></book>"
    parsed = parse_xml(source(tmp_path, "xml", text))
    assert parsed.title == "The Mill"
    assert texts(parsed) == [["The  Mill"], ["A wheel of", "oak & iron."], ["Next"]]
    assert [piece.locator for piece in parsed.blocks[1].pieces] == [LinesLocator(2, 2), LinesLocator(3, 3)]


def test_of_a_drawing_only_the_words_are_read(tmp_path: Path) -> None:
    drawing = '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/>{}</svg>'
    parsed = parse_xml(source(tmp_path, "xml", drawing.format("<text>Hub</text>")))
    assert texts(parsed) == [["Hub"]]
    with pytest.raises(Empty):
        parse_xml(source(tmp_path, "xml", drawing.format("")))


def test_xml_on_one_line_is_cut_at_tags(tmp_path: Path) -> None:
    text = "<r>" + "<a b='c'>text</a>" * 300 + "</r>"
    pieces = parse_xml(source(tmp_path, "xml", text)).blocks[0].pieces
    assert "".join(piece.text for piece in pieces) == text
    assert all(piece.text.startswith("<") for piece in pieces)
    assert max(len(piece.text) for piece in pieces) < 500


def test_xml_that_is_damaged_is_read_as_text(tmp_path: Path) -> None:
    parsed = parse_xml(source(tmp_path, "xml", "<a>\n<b>words</a>"))
    assert parsed.notes == ("not well-formed XML (line 2): read as plain text",)
    assert texts(parsed) == [["<a>", "<b>words</a>"]]


@pytest.mark.parametrize(
    "declared",
    [
        '<!DOCTYPE r PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">',
        '<!DOCTYPE r SYSTEM "absent.dtd">',
        "<!DOCTYPE r [<!ELEMENT r ANY>]>",
    ],
)
def test_a_document_type_that_lies_elsewhere_is_not_looked_for(tmp_path: Path, declared: str) -> None:
    parsed = parse_xml(source(tmp_path, "xml", f"{declared}\n<r>a <b>red</b> bicycle</r>"))
    assert [piece.text for block in parsed.blocks for piece in block.pieces] == ["a red bicycle"]
    # What it may define is left out.
    parsed = parse_xml(source(tmp_path, "xml", '<!DOCTYPE r SYSTEM "absent.dtd"><r>a <b>red</b>&nbsp;bicycle</r>'))
    assert [piece.text for block in parsed.blocks for piece in block.pieces] == ["a redbicycle"]


@pytest.mark.parametrize("entity", ['<!ENTITY a "aaaa">', '<!ENTITY a SYSTEM "file:///etc/passwd">'])
def test_entities_are_never_expanded(tmp_path: Path, entity: str) -> None:
    with pytest.raises(Broken):
        parse_xml(source(tmp_path, "xml", f"<!DOCTYPE r [{entity}]><r>&a;</r>"))


def notebook(*cells: dict[str, object]) -> str:
    return json.dumps({"cells": cells, "metadata": {"language_info": {"name": "python"}}, "nbformat": 4})


def test_cells_of_a_notebook(tmp_path: Path) -> None:
    text = notebook(
        {"cell_type": "markdown", "source": ["# Mill\n", "\n", "Intro.\n", "## Wheel"]},
        {
            "cell_type": "code",
            "source": "size = 3\n\nsize",
            "outputs": [
                {"output_type": "stream", "text": ["\x1b[31mred\x1b[0m\n"]},
                {"data": {"text/plain": "3", "image/png": "iVBOR"}},
                {"output_type": "error", "evalue": "too large"},
            ],
        },
        {"cell_type": "markdown", "source": "### Hub\nwords"},
    )
    parsed = parse_notebook(source(tmp_path, "ipynb", text))
    assert texts(parsed) == [
        ["# Mill", "Intro."],
        ["## Wheel"],
        ["size = 3", "size"],
        ["red", "3", "too large"],
        ["### Hub", "words"],
    ]
    assert parsed.title == "Mill"
    assert parsed.metadata == {"keywords": "python"}
    assert parsed.blocks[2].headings == ("Mill", "Wheel")
    assert parsed.blocks[2].pieces[0].locator == SectionLocator(("Mill", "Wheel", "cell 2"))
    assert parsed.blocks[4].pieces[0].locator == SectionLocator(("Mill", "Wheel", "Hub", "cell 3"))


def test_notebooks_of_the_old_layout(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["Mill"]},
        {"cell_type": "code", "input": ["x = 1"], "outputs": []},
    ]
    parsed = parse_notebook(source(tmp_path, "ipynb", json.dumps({"worksheets": [{"cells": cells}]})))
    assert texts(parsed) == [["## Mill"], ["x = 1"]]
    assert parsed.blocks[1].headings == ("Mill",)


def test_long_output_is_cut(tmp_path: Path) -> None:
    cell = {"cell_type": "code", "source": "x", "outputs": [{"text": "9" * 100_000}]}
    parsed = parse_notebook(source(tmp_path, "ipynb", notebook(cell)))
    assert len(texts(parsed)[1][0]) == 4000


@pytest.mark.parametrize(
    ("text", "error"),
    [('{"cells": [', Broken), ("[]", Broken), ('{"a": 1}', Broken), ('{"cells": 3}', Broken), (notebook(), Empty)],
)
def test_what_is_no_notebook(tmp_path: Path, text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_notebook(source(tmp_path, "ipynb", text))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=30,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(JSON, st.sampled_from([None, 1, 4]))
def test_no_value_of_json_is_lost(tmp_path: Path, value: object, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    try:
        parsed = parse_json(source(tmp_path, "json", text))
    except Empty:
        assert not text.strip("[]{}, \n")
        return
    assert_verbatim(parsed, text)
    kept = "".join("".join(block) for block in texts(parsed))
    assert [c for c in kept if c.isalnum()] == [c for c in text if c.isalnum()]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(JSON)
def test_any_json_as_a_notebook_is_an_answer(tmp_path: Path, value: object) -> None:
    for book in (value, {"cells": value}, {"cells": [{"cell_type": "code", "source": value, "outputs": value}]}):
        try:
            parse_notebook(source(tmp_path, "ipynb", json.dumps(book)))
        except (Broken, Empty):
            continue
