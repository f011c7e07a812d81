"""The parts of the PDF parser that only look at words: titles, dates, rows of figures, clean text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexers.parsers.pdf import _iso_date, _title
from indexers.parsers.pdf_layout import is_tabular
from indexers.parsers.pdf_notes import TEXTLESS, UNREADABLE, after_reading, page_note, pages_named
from indexers.parsers.pdf_page import Line, clean


@pytest.mark.parametrize(
    ("text", "tabular"),
    [
        ("Net income $ 24,160 $ 25,010", True),
        ("Other, net (66) (11)", True),
        ("Margin 12.5 % 13.0 %", True),
        ("Acquisition cost — 1,353", True),
        ("as of September 30, 2023", False),
        ("We have 3 offices.", False),
    ],
)
def test_rows_of_figures_are_known(text, tabular):
    assert is_tabular(Line(text, 0, 0, 1, 1, 1, 9)) is tabular


@pytest.mark.parametrize(
    ("title", "kept"),
    [
        ("A Theory of Bicycles", "A Theory of Bicycles"),
        ("  Two\x00  words ", "Two words"),
        ("untitled", ""),
        ("Untitled spreadsheet", ""),
        ("Microsoft Word - thesis.doc", ""),
        ("scan0001.tiff", ""),
        ("Learning Node.js", "Learning Node.js"),
        ("0000320193-23-000064", ""),
        ("file", ""),
        ("日本の歴史", "日本の歴史"),
    ],
)
def test_only_sensible_titles_are_kept(title, kept):
    assert _title(title, "file.pdf") == kept


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("D:2023", "2023-01-01"),
        ("D:20230505", "2023-05-05"),
        ("20230505060216Z", "2023-05-05T06:02:16+00:00"),
        ("D:202305050602", "2023-05-05T06:02:00"),
        ("D:20239999", ""),
        ("yesterday", ""),
        ("", ""),
    ],
)
def test_dates(text, iso):
    assert _iso_date(text) == iso


@given(st.text(st.sampled_from("D:0123456789+-'Z"), max_size=25))
def test_no_date_fails(text):
    assert isinstance(_iso_date(text), str)


@given(st.text())
def test_clean_text_can_be_stored(text):
    cleaned = clean(text)
    cleaned.encode("utf-8")
    assert not any(char < " " and char != "\t" for char in cleaned)


@given(st.sets(st.integers(1, 60)))
def test_every_page_of_a_note_can_be_taken_from_it_again(numbers):
    notes = page_note(TEXTLESS, sorted(numbers))
    assert pages_named(TEXTLESS, [*notes, "can not read page 99"]) == sorted(numbers)
    assert all("  " not in note and ", and" not in note for note in notes)


@given(st.sets(st.integers(1, 40)), st.sets(st.integers(41, 60)), st.sets(st.integers(1, 40)))
def test_pages_that_were_looked_at_are_no_longer_missing(textless, unreadable, read):
    def parser_says(textless, unreadable):
        notes = (*page_note(TEXTLESS, sorted(textless)), *page_note(UNREADABLE, sorted(unreadable)), "other")
        return 1 - len(textless | unreadable) / 100, notes

    coverage, notes = after_reading(*parser_says(textless, unreadable), read)
    expected_coverage, expected_notes = parser_says(textless - read, unreadable)
    assert (coverage, notes) == (pytest.approx(expected_coverage), expected_notes)
