"""Only what cuts and chooses sentences; how they are ranked is tested by its figures."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from assistant.evidence import Candidate, Evidence, candidates, within_words
from indexers.types import Chunk, Hit, LinesLocator, Place, WholeLocator


def hit(body, *, header="", places=(), locator=None):
    return Hit(1, "/a.txt", "text", Chunk(body, locator or LinesLocator(1, 9), places, (), header), 1.0, {}, 1, "T")


def quotes(found):
    return [candidate.quote for candidate in found]


def test_sentences_are_verbatim_and_in_order():
    assert quotes(candidates([hit("It ends. It begins\nagain! ")])) == ["It ends.", "It begins\nagain!"]


def test_a_table_is_cut_at_its_rows():
    places = (Place(0, LinesLocator(2, 2)), Place(6, LinesLocator(3, 3)))
    found = candidates([hit("a | 1\nb | 2", header="name | n", places=places)])
    assert quotes(found) == ["a | 1", "b | 2"]
    assert found[1].locator == LinesLocator(3, 3)
    assert found[1].text == "name | n: b | 2"


def test_a_file_known_by_name_only_gives_nothing():
    named = replace(hit("Red bicycle 2", locator=WholeLocator()), path="/album/red_bicycle-2.jpg")
    assert candidates([named]) == []
    told = replace(named, chunk=replace(named.chunk, body="Red bicycle 2\n\nIt leans on the barn."))
    assert quotes(candidates([told])) == ["It leans on the barn."]


@given(st.lists(st.sampled_from(["word", "word,", "word;", "end.", "\n", "x\n\n", "ß"]), max_size=200))
def test_no_character_is_lost_and_no_candidate_is_blank(parts):
    body = " ".join(parts)
    found = candidates([hit(body)])
    assert "".join("".join(quotes(found)).split()) == "".join(body.split())
    assert all(candidate.quote.strip() for candidate in found)


def test_a_long_list_is_cut_at_commas():
    found = candidates([hit(", ".join(f"item {number}" for number in range(100)))])
    assert len(found) > 1
    assert all(len(quote.split()) <= 60 for quote in quotes(found))


def evidence(text):
    return Evidence(Candidate(hit(text), 0, len(text)), 1.0, 1.0, 1.0)


def test_within_words():
    long, short, other = evidence("word " * 50 + "."), evidence("Three short words."), evidence("Three  short WORDS.")
    assert within_words([long, short], 10, 3) == [long]
    assert within_words([short, other, long], 60, 3) == [short, long]
    assert within_words([short, evidence("A b."), evidence("C d.")], 60, 2) == [short, evidence("A b.")]
    assert within_words([], 60, 3) == []


def test_a_heading_is_quoted_only_if_nothing_else_is_there():
    heading, sentence = evidence("## The rent"), evidence("The rent is 5 euros.")
    assert heading.candidate.is_heading
    assert not sentence.candidate.is_heading
    assert within_words([sentence, heading], 60, 3) == [sentence]
    assert within_words([heading], 60, 3) == [heading]


def test_what_is_no_heading():
    lines = ["- 4.0 kg of salt", "1.34 metres", "It rained!", "word " * 11]
    assert not any(evidence(line).candidate.is_heading for line in lines)
    assert all(evidence(line).candidate.is_heading for line in ["3. Rent", "WHAT I REMEMBER", "## 11 May: open day"])


def test_a_row_is_compared_with_its_table_around_it():
    (row,) = candidates([hit("2024 | 2968", header="Year | Open days")])
    assert row.compared.endswith("Year | Open days: 2024 | 2968")
    assert row.quote == "2024 | 2968"


def test_what_is_far_below_the_best_is_not_quoted():
    best, near, far = (replace(evidence(f"Sentence {score}."), score=score) for score in (1.0, 0.6, 0.3))
    assert within_words([best, near, far], 60, 3) == [best, near]
