from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexers.sentences import sentences, split_sentences

CASES = {
    "plain": ["It rained.", "We stayed!", "Why?", "Nobody knew…", "So be it."],
    "titles": ["Dr. Smith met Mrs. Jones and Prof. Lee in St. Gallen.", "They talked."],
    "initials": ["J. R. R. Tolkien and George W. Bush never met.", "Pity."],
    "a letter that ends": ["We chose plan B.", "Then it failed."],
    "pronoun": ["It was Tom and I.", "Nobody else came."],
    "decimals": ["It grew by 3.5 percent to $1.2 billion.", "Costs fell."],
    "a number that ends": ["The winner was number 5.", "Second came 7."],
    "number sign": ["See No. 5 and Fig. 3 of vol. 2.", "They agree."],
    "the word no": ["The answer is no.", "We left."],
    "and so on": ["Bring pens, paper, etc.", "The rest is here."],
    "and so on in the middle": ["Bring pens, paper, etc. for the course.", "Thanks."],
    "afternoon": ["We met at 5 p.m.", "He was late."],
    "time zone": ["The call is at 5 p.m. Eastern Time.", "Dial in early."],
    "states": ["U.S. Treasury notes and the U.K. Government's gilts fell.", "Then they rose in the U.S.", "The end."],
    "firms": ["Apple Inc. Annual Report is here.", "It was filed by Apple Inc.", "The company agreed."],
    "latin": ["Some animals, e.g. Cats, i.e. Felines, sleep (cf. Smith et al. 2019).", "Dogs do too."],
    "ellipsis": ["Well ... maybe not.", "Or ...", "No."],
    "brand": ["Yahoo! is a firm.", "So is Jeopardy! of course."],
    "quotes": ['"Stop!" he said.', "“It is over.”", "She left."],
    "brackets": ["It works (mostly).", "[It was tested.]", "(See below.)", "Fine."],
    "emphasis": ["That is *new.*", "**Really** new.", "`Code` is too."],
    "e-mail": ["Write to a.b@c.example or see https://x.example/a.b?c=d.", "The site is new."],
    "wrapped": ["This sentence goes on\nover two lines.", "This one\ntoo."],
    "heading": ["A heading", "The text below it."],
    "german": ["Am 3. Mai kam z.B. Herr Dr. Maier, d.h. der Chef.", "Er blieb bis zum 5. Juni.", "Dann ging er."],
    "german dash": ["Das Wetter\n– so sagt man – wird gut.", "Schön."],
    "french": ["« Bonjour. »", "Il partit.", "« Quoi ? »", "M. Dupont et Mme. Durand rient."],
    "spanish": ["¿Qué pasa?", "¡Nada!", "Bien."],
    "chinese": ["今天下雨。", "我们在家！", "为什么？", "不知道。"],
    "japanese": ["今日は雨です。", "家にいます。", "「はい。」"],
    "bullets": ["- milk", "- bread and\n  butter", "- tea"],
    "numbered": ["1. Buy bread.", "2. Buy milk", "3. Go home"],
    "a date at a line's start": ["It happened on the\n12. of May.", "Nobody saw it."],
}


@pytest.mark.parametrize("name", CASES)
def test_sentences_end_where_a_reader_would_end_them(name: str) -> None:
    wanted = CASES[name]
    joint = "" if name in ("chinese", "japanese") else " "
    joint = {"heading": "\n\n", "bullets": "\n", "numbered": "\n"}.get(name, joint)
    assert sentences(joint.join(wanted)) == wanted


@pytest.mark.parametrize("first", ["He saw Mr.", "and so on etc.", "the end", "3.", "plan B."])
@pytest.mark.parametrize("second", ["Smith", "then lower", "(a note)"])
def test_a_blank_line_always_ends_a_sentence(first: str, second: str) -> None:
    assert sentences(f"{first}\n \t\n{second}") == [first, second]


def test_space_around_is_left_out() -> None:
    assert split_sentences("  One.  \n Two.\t") == [(2, 6), (10, 14)]
    assert split_sentences("") == split_sentences(" \n\n ") == []


PARTS = st.sampled_from(
    'a|B|Dr|etc|12|.|. |...|! |?|…|。|«| »|"|(|)|*|é|😀|3. |- |\n|\n\n|\r\n| |\t|\x0c|\xa0|\u2028'.split("|")
)


@given(st.lists(PARTS, max_size=40).map("".join) | st.text())
def test_spans_are_ordered_apart_and_hold_all_that_is_not_space(text: str) -> None:
    spans = split_sentences(text)
    end = 0
    for start, stop in spans:
        assert end <= start < stop
        assert text[end:start].strip() == ""
        assert text[start:stop] == text[start:stop].strip()
        end = stop
    assert text[end:].strip() == ""


@pytest.mark.parametrize(
    "unit",
    [
        ".",
        ". ",
        "a.b.c",
        ".\t",
        " ",
        "\n ",
        "\r\n",
        "\n",
        "。",
        ".»",
        ". »",
        "a ",
        "...a",
        '."',
        "\n- ",
        "\n1. ",
        "!?)",
    ],
)
def test_time_is_linear_in_the_length(unit: str, ends: Callable[[], AbstractContextManager[None]]) -> None:
    with ends():
        assert split_sentences("x" + unit * (400_000 // len(unit)))
