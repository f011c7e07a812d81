import codecs
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexers.errors import Broken, Unreadable
from indexers.parsers.encoding import decode, read_text

GERMAN = "Straße nach Süden: äöü\nzweite Zeile, größer als die erste\n"
RUSSIAN = "Привет мир, это обычный текст на русском языке.\n"
JAPANESE = "これは日本語のテキストです。東京は大きい。\n"


@pytest.mark.parametrize("text", [GERMAN, RUSSIAN, JAPANESE, "a"])
@pytest.mark.parametrize(
    ("bom", "codec"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (b"", "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_unicode_with_its_mark_comes_back(text: str, bom: bytes, codec: str) -> None:
    assert decode(bom + text.encode(codec)) == text


@pytest.mark.parametrize("text", [GERMAN, RUSSIAN, JAPANESE, "a, b"])
@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_encodings_are_told_without_a_mark(text: str, codec: str) -> None:
    assert decode(text.encode(codec)) == text


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        (GERMAN, "cp1252"),
        ("Le café est fermé. Où êtes-vous allé ?", "cp1252"),
        ("naïve", "cp1252"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (JAPANESE, "cp932"),
        (JAPANESE, "euc-jp"),
        ("这是一个中文文本文件，用于测试编码。", "gb18030"),
        ("Καλημέρα κόσμε, αυτό είναι ένα κείμενο", "cp1253"),
        ("Zażółć gęślą jaźń, proszę bardzo, są żółte", "cp1250"),
    ],
)
def test_code_pages_are_guessed_from_little_text(text: str, codec: str) -> None:
    assert decode(text.encode(codec)) == text


def test_the_evidence_may_stand_far_into_a_long_file() -> None:
    head = "plain words only\n" * 50_000
    assert decode((head + RUSSIAN).encode("cp1251")).endswith(RUSSIAN)


@pytest.mark.parametrize(
    ("text", "codec", "declared"),
    [
        ("שלום", "iso-8859-8", "ISO-8859-8-I"),
        ("zażółć", "iso-8859-2", '"iso-8859-2"'),
        ("“quoted”", "cp1252", "iso-8859-1"),
        ("日本語", "iso-2022-jp", "iso-2022-jp"),
    ],
)
def test_a_declaration_decides_where_bytes_do_not(text: str, codec: str, declared: str) -> None:
    assert decode(text.encode(codec), declared) == text


@pytest.mark.parametrize("declared", ["latin-1", "no-such-codec", "base64", "idna", "utf-16", ""])
def test_valid_utf8_wins_over_a_wrong_declaration(declared: str) -> None:
    assert decode(GERMAN.encode(), declared) == GERMAN


def test_every_kind_of_newline_counts_once_and_nothing_else_does() -> None:
    assert decode("a\r\nb\rc\nd\fe\u2028f".encode()) == "a\nb\nc\nd\fe\u2028f"


def test_a_few_damaged_bytes_do_not_cost_the_rest_of_utf8() -> None:
    assert decode(RUSSIAN.encode() * 3 + b"\xff!\n" + RUSSIAN.encode()).count(RUSSIAN) == 4


def test_a_file_cut_in_the_middle_of_a_character_is_still_read() -> None:
    assert decode(codecs.BOM_UTF16_LE + "Grüße".encode("utf-16-le") + b"a") == "Grüße\ufffd"


def test_zero_bytes_do_not_reach_the_reader() -> None:
    assert decode(b"log line\n" * 100 + b"\0") == "log line\n" * 100 + "\ufffd"


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10" + bytes(range(256)) * 4, bytes(1000)])
def test_binary_data_is_no_text(data: bytes) -> None:
    with pytest.raises(Broken):
        decode(data)


@given(st.binary(max_size=200), st.none() | st.sampled_from(["utf-8", "cp1252", "utf-16", "shift_jis", "utf-7"]))
def test_any_bytes_give_text_or_broken(data: bytes, declared: str | None) -> None:
    try:
        text = decode(data, declared)
    except Broken:
        return
    assert "\r" not in text
    assert "\0" not in text


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=200))
def test_utf8_comes_back_exactly(text: str) -> None:
    assert decode(text.encode()) == text.removeprefix("\ufeff")


def test_a_file_that_is_not_there_is_unreadable(tmp_path: os.PathLike[str]) -> None:
    from pathlib import Path

    with pytest.raises(Unreadable):
        read_text(Path(tmp_path) / "none.txt")
