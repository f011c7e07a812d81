import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexers.terms import MAX_TERM, query_terms, terms


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("a total of $1,234.56 was paid", "1,234.56"),
        ("a total of $1,234.56 was paid", "1234.56"),
        ("see the 10-Q of May", "10-Q"),
        ("see the 10‑Q of May", "10-q"),  # a hyphen that does not break
        ("fixed in v2.1.", "v2.1"),
        ("call foo_bar() twice", "foo_bar"),
        ("__init__.py", "__init__"),
        ("write to E-Mail@x.org, please", "e-mail@x.org"),
        ("written in C++ and C#", "c++"),
        ("written in C++ and C#", "C#"),
        ("AT&T and Newton’s law", "at&t newton"),
        ("naïve Straße, ŒUVRE, Łódź, İstanbul", "naive strasse oeuvre lodz istanbul"),
        ("naive", "naïve"),
        ("the ﬁne ＡＢＣ", "fine abc"),
        ("hyphen\u00adation", "hyphenation"),
        ("cafe\u0301", "café"),
        ("北京市是中华人民共和国的首都。", "首都"),
        ("红茶", "茶"),
        ("東京タワーは高い", "タワー"),
        ("서울에서 만나요", "서울"),
        ("ภาษาไทย", "ไทย"),
        ("नमस्ते दुनिया।", "दुनिया"),
        ("شُكْرًا", "شكرا"),
        ("Привет, ёлка", "елка"),
        ("abc中文def", "abc 中文"),
    ],
)
def test_what_is_written_is_found_as_typed(written: str, asked: str) -> None:
    wanted = query_terms(asked)
    assert wanted
    assert set(wanted) <= set(terms(written))


def test_what_differs_stays_apart() -> None:
    assert terms("が") != terms("か")
    assert "दुनिया" not in terms("दुनियाँ")
    assert not set(query_terms("首都")) & set(terms("首相と都市"))


def test_stop_words_go_unless_nothing_else_is_left() -> None:
    assert query_terms("What is the capital of France?") == ["capital", "france"]
    assert query_terms("The Who") == ["the", "who"]
    assert query_terms("Who's who?") == ["who"]


def test_long_runs_are_cut() -> None:
    assert [len(term) for term in terms("x" * 10_000)] == [MAX_TERM]
    assert max(len(term) for term in terms("a-" * 10_000 + "b")) == MAX_TERM


@given(st.text())
def test_terms_are_clean_and_the_same_again(text: str) -> None:
    found = terms(text)
    for term in found:
        assert term
        assert not any(character.isspace() for character in term)
        term.encode()
        assert term in terms(term), "a term is its own query"
    assert set(query_terms(text)) <= set(found)
    assert bool(query_terms(text)) == bool(found)


def test_lone_surrogates_are_no_obstacle() -> None:
    assert terms("\ud800abc \udfff") == ["abc"]
