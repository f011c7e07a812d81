import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.claims import Claim, claims, verdict
from assistant.dates import dates
from assistant.ground import says_nothing
from assistant.opposites import turned_round
from assistant.quantities import quantities
from assistant.swaps import swapped
from assistant.wording import (
    content_stems,
    denials,
    is_negated,
    names,
    numbers,
    quoted_spans,
    squeezed,
    written_numbers,
)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1,234.50 and 1.234,5 and 1234.5", {"1234.5"}),
        ("1,234", {"1234"}),
        ("1.234", {"1.234"}),
        ("1.234.567 und 1.234", {"1234567", "1234"}),
        ("3,5 und 1.234", {"3.5", "1234"}),
        ("1\u202f234 1\u00a0234 1'234", {"1234"}),
        ("0.50 .5", {"0.5", "5"}),
        ("007", {"7"}),
        ("two hundred and five", {"205"}),
        ("five and six", {"5", "6"}),
        ("twenty-one", {"21"}),
        ("one hundred thousand", {"100000"}),
        ("three million", {"3000000"}),
        ("3.5 million, $3.5m, 3.500.000", {"3500000"}),
        ("2 Milliarden", {"2000000000"}),
        ("the 1990s", {"1990s"}),
        ("COVID-19, 10-Q, G7", {"19", "10", "7"}),
        ("3rd and 21st", {"3", "21"}),
        ("1.2.3", {"1.2.3"}),
        ("12.3.2024", {"12.3.2024"}),
        ("1,2,3", {"1", "2", "3"}),
        ("6½", {"6.5"}),
        ("1/2", {"1", "2"}),
        ("+49 30 1234567", {"49", "30", "1234567"}),
        ("$3.50 €5 5€", {"3.5", "5"}),
        ("no digits at all", set()),
    ],
)
def test_numbers_in_one_form(text, values):
    assert numbers(text) == values


@pytest.mark.parametrize(
    ("text", "value", "unit", "sign"),
    [
        ("5%", "5", "%", ""),
        ("five per cent", "5", "%", ""),
        ("€5", "5", "€", ""),
        ("5 Euro", "5", "€", ""),
        ("USD 5", "5", "$", ""),
        ("5kg", "5", "kg", ""),
        ("30-day", "30", "day", ""),
        ("it is -5 °C", "5", "°c", "-"),
        ("(1,234)", "1234", "", "()"),
        ("$(5)", "5", "", "()"),
        ("5 apples", "5", "", ""),
    ],
)
def test_units_and_signs(text, value, unit, sign):
    (found,) = quantities(text)
    assert (found.value, found.unit, found.sign) == (value, unit, sign)


@given(st.integers(0, 10**12))
def test_grouping_makes_no_difference(number):
    for written in (str(number), f"{number:,}", f"{number:,}".replace(",", "\u202f"), f"{number:,}".replace(",", "'")):
        assert numbers(f"about {written} people") == {str(number)}


@given(st.integers(10**6, 10**12))
def test_continental_grouping_of_millions(number):
    assert numbers(f"{number:,}".replace(",", ".")) == {str(number)}


@given(st.decimals(0, 10**9, places=2))
def test_both_decimal_marks(number):
    english = f"{number:,.2f}"
    continental = english.translate(str.maketrans(",.", ".,"))
    assert numbers(english) == numbers(continental)


def test_written_numbers_are_those_in_digits():
    assert written_numbers("two of 3") == {"3"}


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("12 March 2024", (2024, 3, 12)),
        ("March 12th, 2024", (2024, 3, 12)),
        ("12. März 2024", (2024, 3, 12)),
        ("2024-03-12", (2024, 3, 12)),
        ("12.3.2024", (2024, 3, 12)),
        ("March 2024", (2024, 3, 0)),
        ("May 5", (0, 5, 5)),
    ],
)
def test_dates_in_one_form(text, reading):
    (found,) = dates(f"on {text}.")
    assert found.readings == (reading,)


def test_what_is_no_date():
    assert dates("you may 5 march 31/31/2024 version 1.2.3.4") == []
    assert dates("3/4/2024")[0].readings == ((2024, 3, 4), (2024, 4, 3))


def test_names():
    assert names("Yesterday Ada met McCoy at IBM. Then iPhone") == {"ada", "mccoy", "ibm", "iphone"}
    assert names("The end. Of it. I am.") == frozenset()


def test_stems_quotes_and_lines():
    assert content_stems("The restored boilers were restored") == ("restor", "boiler")
    assert quoted_spans('he said “not now” and "go away" and «bon»') == ("not now", "go away", "bon")
    assert squeezed(" a\n\tb ") == "a b"


@pytest.mark.parametrize("text", ["It is not so", "never", "isn't", "isn’t", "kein Geld", "gilt nicht", "without it"])
def test_negated(text):
    assert is_negated(text)


@pytest.mark.parametrize("text", ["It is so", "See No. 5", "not only this", "nothingness", "a knot", "nicht nur das"])
def test_not_negated(text):
    assert not is_negated(text)


def test_what_is_denied():
    assert denials("He did not win the race, but Ada did.") == [("win", "race")]
    assert denials("fine") == []


def test_opposites_and_swaps():
    assert turned_round("Sales decreased", "Sales increased") == "decreased"
    assert turned_round("It is not possible", "It is impossible") == ""
    assert turned_round("Sales increased", "Sales increased, costs decreased") == ""
    assert swapped("Bonn paid 7 and Kiel 5", "Bonn paid 5 and Kiel 7") == "7"
    assert swapped("The city has 1234 people", "The city has 1,234 people") == ""


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("It ends in May [2].", [("It ends in May.", (1,))]),
        ("It ends in May [1, 3]. It is big (2).", [("It ends in May.", (0, 2)), ("It is big.", (1,))]),
        ("Passage 2 says that it ends.", [("It ends.", (1,))]),
        ("According to passage 1, it ends.", [("It ends.", (0,))]),
        ("Answer: **May**", [("May", ())]),
        ("- It ends.\n- It begins.\n1. It rests.", [("It ends.", ()), ("It begins.", ()), ("It rests.", ())]),
        ("It ends. " * 10, [("It ends.", ())]),
        ("It ends.\nQuestion: Who?\nAnswer: Bob", [("It ends.", ())]),
        ("It ends. Question: Who?", [("It ends.", ())]),
        ("It ends.\n[2] (T)<|im_end|>x", [("It ends.", ()), ("(T)", (1,))]),
        ("Question: When?\nAnswer: In May.", [("In May.", ())]),
        ("Passage: x y z", []),
        ("He led in sacks (24).", [("He led in sacks (24).", ())]),
        ("See [9].", [("See.", ())]),
        ("", []),
        ("...", []),
    ],
)
def test_claims(answer, expected):
    assert claims(answer, 3) == [Claim(text, marked) for text, marked in expected]


def test_verdicts():
    assert verdict("Yes.") == ("yes", "")
    assert verdict("No, it ends.") == ("no", "It ends.")
    assert verdict("Norway won.") == ("", "Norway won.")
    assert verdict("No pets are allowed.") == ("", "No pets are allowed.")


@pytest.mark.parametrize("unit", ["1", "1,", "1.", ",", '"', "“", " ", "[1", "one ", "A ", "nicht ", "a.", "(", "-1 "])
def test_hostile_texts_cost_no_more_than_their_length(unit, ends):
    text = unit * (100_000 // len(unit))
    with ends():
        for function in (numbers, names, quoted_spans, is_negated, dates, says_nothing):
            function(text)
        claims(text, 3)
