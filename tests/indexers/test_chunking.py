import random
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexers.chunking import chunk_blocks, context_line, cut_chunk, embedded_text, locate, windows
from indexers.types import (
    Block,
    LinesLocator,
    Locator,
    PageLocator,
    Piece,
    Place,
    SectionLocator,
    SheetLocator,
    SlideLocator,
)

Count = Callable[[Sequence[str]], list[int]]


def words(texts: Sequence[str]) -> list[int]:
    return [len(re.findall(r"\w+|[^\w\s]", text)) for text in texts]


def letters(texts: Sequence[str]) -> list[int]:
    return [len(text) for text in texts]


def whole_is_more(texts: Sequence[str]) -> list[int]:
    """Not additive: joining costs more than the parts."""
    return [len(text.split()) + len(text) // 20 + (3 if "\n" in text else 0) for text in texts]


def whole_is_less(texts: Sequence[str]) -> list[int]:
    return [1 + len(text.split()) * 2 // 3 for text in texts]


COUNTERS = st.sampled_from([words, letters, whole_is_more, whole_is_less])
WORD = st.sampled_from(
    ["a", "the", "Mill.", "river", "No.", "z" * 40, "…", "«so»", "3.5", "end.", "日本語。", "é", "-"]
)
LINE = st.one_of(st.lists(WORD, max_size=14).map(" ".join), st.text("ab .\t", max_size=30), st.just(""))
HEADING = st.sampled_from(["", "One", "Two", "A much longer heading than the others have " * 3])
LOCATORS = st.one_of(
    st.builds(PageLocator, st.integers(1, 3), st.just(((0.1, 0.2, 0.3, 0.4),))),
    st.builds(SlideLocator, st.integers(1, 3)),
    st.builds(lambda row: SheetLocator("S", row, row), st.integers(1, 9)),
    st.builds(SectionLocator, st.sampled_from([(), ("a",)])),
    st.builds(lambda line: LinesLocator(line, line), st.integers(1, 9)),
)
PIECE = st.builds(Piece, LINE, LOCATORS, st.sampled_from(["\n", " ", ""]))
BLOCK = st.builds(
    Block,
    st.lists(PIECE, max_size=6).map(tuple),
    st.lists(HEADING, max_size=3).map(tuple),
    st.sampled_from(["", "", "name | year", "column " * 60]),
)


def marks(text: str) -> str:
    return "".join(text.split())


def lines_blocks(text: str, headings: Sequence[str] = ()) -> list[Block]:
    """Paragraphs of a text, a piece for each line, as the parser of plain text gives them."""
    blocks: list[Block] = []
    pieces: list[Piece] = []
    for number, line in enumerate([*text.split("\n"), ""], 1):
        if line.strip():
            pieces.append(Piece(line, LinesLocator(number, number)))
        elif pieces:
            blocks.append(Block(tuple(pieces), tuple(headings)))
            pieces = []
    return blocks


@settings(max_examples=200, deadline=None)
@given(st.lists(BLOCK, max_size=6), st.sampled_from(["", "A title", "long title " * 30]), COUNTERS, st.integers(16, 90))
def test_nothing_is_lost_and_no_limit_is_passed(blocks: list[Block], title: str, count: Count, limit: int) -> None:
    chunks = chunk_blocks(blocks, title, count, limit)
    assert marks("".join(chunk.body for chunk, _ in chunks)) == marks("".join(p.text for b in blocks for p in b.pieces))
    assert all(total <= limit for total in count([embedded_text(*chunk) for chunk in chunks]))
    for chunk, _ in chunks:
        assert chunk.body == chunk.body.strip() != ""
        starts = [place.start for place in chunk.places]
        assert starts[0] == 0
        assert starts == sorted(set(starts))
        assert starts[-1] < len(chunk.body)


@settings(max_examples=200, deadline=None)
@given(st.lists(BLOCK, max_size=8), st.integers(16, 200))
def test_a_chunk_stays_on_its_page_slide_and_sheet(blocks: list[Block], limit: int) -> None:
    for chunk, _ in chunk_blocks(blocks, "", words, limit):
        kinds = {(place.locator.kind, _page(place.locator)) for place in chunk.places}
        assert kinds == {(chunk.locator.kind, _page(chunk.locator))}


def _page(locator: Locator) -> object:
    match locator:
        case PageLocator(page):
            return page
        case SlideLocator(slide):
            return slide
        case SheetLocator(sheet):
            return sheet
        case SectionLocator(headings):
            return headings
        case _:
            return None


@settings(max_examples=150, deadline=None)
@given(st.lists(LINE, max_size=40), COUNTERS, st.integers(16, 80))
def test_a_body_is_what_the_source_has_at_its_lines(lines: list[str], count: Count, limit: int) -> None:
    lines = [line if line.strip() else "" for line in lines]
    for chunk, _ in chunk_blocks(lines_blocks("\n".join(lines)), "", count, limit):
        assert isinstance(chunk.locator, LinesLocator)
        stretch = "\n".join(lines[chunk.locator.first - 1 : chunk.locator.last])
        assert chunk.body in stretch
        # Nothing but the ends of the first and last line is missing.
        before, _, after = stretch.partition(chunk.body)
        assert "\n" not in before.strip("\n ") and "\n" not in after.strip("\n ")


def test_blank_lines_inside_a_block_stay() -> None:
    text = "def f():\n    one()\n\n    two()\n"
    pieces = tuple(Piece(line, LinesLocator(n, n)) for n, line in enumerate(text.split("\n"), 1))
    [(chunk, _)] = chunk_blocks([Block(pieces)], "", words, 200)
    assert chunk.body == text.strip()
    assert chunk.locator == LinesLocator(1, 4)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.integers(16, 80))
def test_any_span_of_a_body_is_located_at_its_lines(seed: int, limit: int) -> None:
    source = random.Random(seed)
    # Every word says which line it stands on.
    lines = [
        " ".join(f"w{n}" + "." * (source.random() < 0.2) for _ in range(source.randint(1, 12))) for n in range(1, 30)
    ]
    for at in source.sample(range(29), 6):
        lines[at] = ""
    for chunk, _ in chunk_blocks(lines_blocks("\n".join(lines)), "", words, limit):
        for match in re.finditer(r"w(\d+)", chunk.body):
            line = int(match[1])
            assert locate(chunk, *match.span()) == LinesLocator(line, line)
        found = list(re.finditer(r"w(\d+)", chunk.body))
        first, last = sorted(source.choices(range(len(found)), k=2))
        start, end = found[first].start(), found[last].end()
        assert locate(chunk, start, end) == LinesLocator(int(found[first][1]), int(found[last][1]))
        part = cut_chunk(chunk, start, end)
        assert part.body == chunk.body[start:end]
        assert part.locator == locate(part, 0, len(part.body)) == locate(chunk, start, end)


def test_a_place_that_comes_back_is_not_lost() -> None:
    here, there = LinesLocator(1, 1), LinesLocator(2, 2)
    pieces = (Piece("one.", here, " "), Piece("two", there, " "), Piece("three.", here, " "))
    [(chunk, _)] = chunk_blocks([Block(pieces)], "", words, 100)
    assert chunk.places == (Place(0, here), Place(5, there), Place(9, here))


def rows(count: int, first: int = 2) -> tuple[Piece, ...]:
    return tuple(Piece(f"item {n} | {n * 7} | box", SheetLocator("S", n, n)) for n in range(first, first + count))


@pytest.mark.parametrize("limit", [16, 40, 200])
def test_the_header_is_repeated_with_every_chunk_of_a_table(limit: int) -> None:
    header = "name | count | unit"
    chunks = [chunk for chunk, _ in chunk_blocks([Block(rows(300), ("Stock",), header)], "Mill", words, limit)]
    assert len(chunks) > 5
    assert all(chunk.header == header and chunk.text.startswith(header + "\n") for chunk in chunks)
    # Rows are not cut while they fit.
    assert [row for chunk in chunks for row in chunk.body.split("\n")] == [piece.text for piece in rows(300)]
    first = chunks[1].locator
    assert isinstance(first, SheetLocator)
    assert chunks[1].body.startswith(f"item {first.first_row} ")


def test_of_a_header_longer_than_a_chunk_the_first_columns_stay() -> None:
    header = " | ".join(f"column {n}" for n in range(200))
    chunks = chunk_blocks([Block(rows(5), (), header)], "", words, 60)
    assert chunks
    for chunk, context in chunks:
        assert chunk.header.startswith("column 0 | column 1 ")
        assert header.startswith(chunk.header)
        assert words([embedded_text(chunk, context)])[0] <= 60


def test_tables_with_different_headers_share_no_chunk() -> None:
    blocks = [Block(rows(2), (), "a | b"), Block(rows(2, 5), (), "c | d")]
    assert [chunk.header for chunk, _ in chunk_blocks(blocks, "", words, 200)] == ["a | b", "c | d"]


def test_one_enormous_word_is_cut_even_if_the_tokenizer_takes_it_for_one_token() -> None:
    word = "x" * 100_000
    chunks = chunk_blocks([Block((Piece(word, LinesLocator(1, 1)),))], "", words, 64)
    assert "".join(chunk.body for chunk, _ in chunks) == word
    assert max(len(chunk.body) for chunk, _ in chunks) <= 64 * 17


def prose(paragraphs: int, seed: int = 1) -> str:
    source = random.Random(seed)
    return "\n\n".join(
        " ".join(
            " ".join(["The", *(source.choice("mill river stone wheel of and water".split()) for _ in range(length))])
            + "."
            for length in (source.randint(4, 25) for _ in range(source.randint(1, 7)))
        )
        for _ in range(paragraphs)
    )


@pytest.mark.parametrize("limit", [64, 128, 254])
@pytest.mark.parametrize("paragraphs", [1, 2, 7, 30, 101])
def test_ordinary_prose_leaves_no_tiny_chunk(limit: int, paragraphs: int) -> None:
    for seed in range(5):
        text = prose(paragraphs, seed)
        chunks = chunk_blocks(lines_blocks(text), "Watermills", words, limit)
        counts = words([chunk.body for chunk, _ in chunks])
        if len(chunks) > 1:
            assert min(counts) >= 0.25 * limit, counts
        # Nor are there many more chunks than it takes.
        assert len(chunks) <= 1 + sum(counts) / (0.55 * limit)


def test_chunks_end_with_sentences_where_they_fit() -> None:
    chunks = chunk_blocks(lines_blocks(prose(40)), "", words, 80)
    assert len(chunks) > 10
    assert all(chunk.body.startswith("The ") and chunk.body.endswith(".") for chunk, _ in chunks)


def test_a_small_section_goes_with_the_next_of_the_same_chapter_only() -> None:
    def block(text: str, line: int, *headings: str) -> Block:
        return Block((Piece(text, LinesLocator(line, line)),), headings)

    blocks = [block("Short.", 1, "A", "x"), block("More words.", 3, "A", "y"), block("Other.", 5, "B")]
    first, second = chunk_blocks(blocks, "T", words, 200)
    assert (first[0].body, first[0].headings, first[1]) == ("Short.\n\nMore words.", ("A",), "T › A")
    assert (second[0].body, second[1]) == ("Other.", "T › B")


def test_the_context_keeps_the_title_and_the_nearest_headings() -> None:
    assert context_line("T", ["T", "", "A", "B"]) == "T › A › B"
    headings = ("outer " * 40, "inner one")
    [(chunk, context)] = chunk_blocks([Block((Piece("Text.", LinesLocator(1, 1)),), headings)], "T", words, 60)
    assert context == "T › inner one"
    assert chunk.headings == headings


def test_nothing_gives_nothing() -> None:
    def refuses_nothing(texts: Sequence[str]) -> list[int]:
        assert texts, "tokenizers need not take an empty list"
        return words(texts)

    blank = Piece(" \n ", LinesLocator(1, 1))
    assert chunk_blocks([], "T", refuses_nothing, 60) == []
    assert chunk_blocks([Block(()), Block((blank,)), Block((blank,), (), "header")], "T", refuses_nothing, 60) == []


def spaces(texts: Sequence[str]) -> list[int]:
    return [text.count(" ") + 1 for text in texts]


def one_line(size: int) -> list[Block]:
    return [Block((Piece("word " * (size // 5), LinesLocator(1, 1)),))]


def one_word(size: int) -> list[Block]:
    return [Block((Piece("x" * size, LinesLocator(1, 1)),))]


def table(size: int) -> list[Block]:
    return [Block(rows(size // 20), (), "name | count | unit")]


def sections(size: int) -> list[Block]:
    return [Block((Piece("Some words.", LinesLocator(n, n)),), ("A", str(n))) for n in range(1, size // 12)]


def one_page(size: int) -> list[Block]:
    return [Block(tuple(Piece("Some words", PageLocator(1)) for _ in range(size // 11)))]


@given(st.lists(BLOCK, max_size=4), COUNTERS, st.integers(9, 60))
def test_windows_of_a_chunk_fit_and_hold_all_of_it(blocks: list[Block], count: Count, limit: int) -> None:
    for chunk, context in chunk_blocks(blocks, "A title", count, 120):
        body = "".join(chunk.body.split())
        at = 0
        for window in windows(chunk, context, count, limit):
            assert count([window])[0] <= limit
            # Behind what is before each window, the body goes on where the last one ended.
            bare = "".join(window.split())
            longest = min(len(bare), len(body) - at)
            at += next(size for size in range(longest, 0, -1) if bare.endswith(body[at : at + size]))
        assert at == len(body)


def test_a_window_has_the_context_and_the_header_before_it() -> None:
    [(chunk, context)] = chunk_blocks([Block(rows(12), ("Two",), "name count")], "T", spaces, 200)
    found = windows(chunk, context, spaces, 24)
    assert len(found) > 2
    assert all(window.startswith("T › Two\nname count\n") for window in found)
    assert windows(chunk, context, spaces, 200) == [embedded_text(chunk, context)]
    # Where there is little room, less is put before it.
    assert all(window.startswith("T ›\nname count\n") for window in windows(chunk, context, spaces, 7))


@pytest.mark.parametrize("make", [one_line, one_word, table, sections, one_page])
def test_time_grows_with_the_length_not_with_its_square(
    make: Callable[[int], list[Block]], ends: Callable[[], AbstractContextManager[None]]
) -> None:
    blocks = make(1_600_000)
    with ends():
        assert chunk_blocks(blocks, "T", spaces, 254)
