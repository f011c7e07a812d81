import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.followup import complete, leans

SALES = "What were the net sales of France in 2022?"
BOB = "Who is Ada's brother?"
RENT = "Wie hoch ist die Miete in Berlin?"

REPLACED = [
    ("And in 2023?", SALES, "What were the net sales of France in 2023?"),
    ("2023?", SALES, "What were the net sales of France in 2023?"),
    ("in 2023", SALES, "What were the net sales of France in 2023?"),
    ("What about 2023?", SALES, "What were the net sales of France in 2023?"),
    ("Und 2023?", SALES, "What were the net sales of France in 2023?"),
    ("And Germany?", SALES, "What were the net sales of Germany in 2022?"),
    ("Germany?", SALES, "What were the net sales of Germany in 2022?"),
    ("how about New Zealand?", SALES, "What were the net sales of New Zealand in 2022?"),
    ("only for Germany", SALES, "What were the net sales of Germany in 2022?"),
    ("And in the second quarter?", "Costs in the first quarter of 2022?", "Costs in the second quarter of 2022?"),
    ("Q3?", "What was the margin in Q2?", "What was the margin in Q3?"),
    ("And on page 5?", "What is on page 4?", "What is on page 5?"),
    ("And in May?", "How much rain fell in April?", "How much rain fell in May?"),
    ("Und in Hamburg?", RENT, "Wie hoch ist die Miete in Hamburg?"),
    ("in Q3?", SALES, "What were the net sales of France in 2022 in Q3?"),
    ("Or the deposit?", "What is the rent?", "What is the rent the deposit?"),
]
GLUED = [
    "Who is that?",
    "How many of them are red?",
    "How old is he?",
    "When was it built?",
    "What did Bob say about it?",
    "How much did the company pay for it?",
    "Why?",
    "How much?",
    "Who lives there?",
    "When does that contract end?",
    "Which one is larger?",
    "What is this?",
    "What happened then?",
    "Tell me more",
    "Wer ist das?",
    "Wann endet er?",
    "Wie alt ist sie?",
    "Their address?",
    "And who paid for it?",
]
ALONE = [
    "What is the capital of France?",
    "And what is the capital of Spain?",
    "So what does the lease cost?",
    "When the boiler broke, who repaired it?",
    "Does the contract say when it ends?",
    "How does photosynthesis work and who discovered it?",
    "Did Bob sell his house?",
    "Is it true that Paris is the capital of France?",
    "What is the name of the river that flows through Paris?",
    "Are there any penalties?",
    "Is there a garden?",
    "lease term",
    "boiler",
    "red bicycle",
    "net sales 2022",
    "What does IT support cost?",
    "Who signed the lease?",
    "What is one mile in km?",
    "Y combinator founders",
    "Who wrote That Was Then, This Is Now?",
    "What is the same-day rate?",
    "Wie viele Einwohner hat Kiel?",
    "Gibt es eine Kündigungsfrist?",
    "Wer ist das Kind?",
    "Wie hoch ist die Miete in Berlin?",
]


@pytest.mark.parametrize(("question", "before", "searched"), REPLACED)
def test_what_is_new_takes_the_place_of_its_kind(question, before, searched):
    assert complete(question, [before]) == searched


@pytest.mark.parametrize("question", GLUED)
def test_a_question_that_leans_takes_the_one_before_along(question):
    searched = complete(question, ["Who wrote Emma?", BOB])
    assert searched.endswith(f"({BOB})")
    assert "Emma" not in searched


@pytest.mark.parametrize("question", ALONE)
def test_a_question_of_its_own_is_not_glued_to_another_topic(question):
    assert not leans(question)
    assert complete(question, [SALES]) == question


def test_without_a_conversation_nothing_is_added():
    assert complete("And in 2023?", []) == "And in 2023?"


def test_a_chain_of_pronouns_keeps_leaning_on_the_question_that_names():
    second = complete("How old is he?", [BOB])
    assert complete("When did he die?", [BOB, second]) == f"When did he die? ({BOB})"


@given(st.text(max_size=80), st.lists(st.text(max_size=80), max_size=2))
def test_whatever_is_typed_the_words_of_a_question_with_a_verb_stay(question, earlier):
    searched = complete(f"who is {question}", earlier)
    assert question.strip() in searched
