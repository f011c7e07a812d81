import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant import Answer, Answered, Assistant, Citation, Retrieved, Token, UsageError
from assistant.answering import Answerer
from assistant.llm import Message
from assistant.prompt import LARGE, SMALL, Style
from assistant.retrieve import Retriever
from assistant.wording import squeezed
from indexers.beside import fold
from indexers.library import Library
from indexers.locators import locator_to_dict
from indexers.parsers import parser_for
from indexers.pipeline import Pipeline
from indexers.protocols import Source
from indexers.reading import FileReader
from indexers.senses import Senses
from indexers.testing import HashingEmbedder
from indexers.types import LinesLocator, Parsed

DATA = Path(__file__).resolve().parents[2] / "data" / "library"
MANUAL = """\
The gasket of the pump is made of cork.

The pump stands in the cellar beside the boiler and was bought in 1987.

The choir rehearses on Thursdays at eight in the old school.

Nobody but Martha Quill has a key to the old school.
"""
QUESTION = "What is the gasket of the pump made of?"


class InProcess:
    def parse(self, source: Source) -> Parsed:
        parser = parser_for(source.format)
        assert parser is not None
        return parser(source)


@pytest.fixture(scope="module")
def manual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Retriever]:
    """A library of one text, in the space of the hashing embedder."""
    folder = tmp_path_factory.mktemp("manual")
    (folder / "manual.txt").write_text(MANUAL, encoding="utf-8")
    library = Library(folder / "library")
    embedder = HashingEmbedder(dim=128)
    Pipeline(
        library,
        embedder,
        FileReader(InProcess(), Senses(), library.unfinished, max_bytes=10**6),
    ).add([folder / "manual.txt"])
    yield Retriever(library, embedder)
    library.close()


def answerer(retriever: Retriever, llm: Any = None, *, style: Style = LARGE, abstain_below: float = -99.0) -> Answerer:
    return Answerer(
        retriever, HashingEmbedder(dim=128), lambda _word: 1.0, llm=llm, style=style, abstain_below=abstain_below
    )


def events_of(asked: Answerer, question: str = QUESTION, **options: Any) -> tuple[list[str], Answer]:
    """The names of the events, runs of tokens told once, and the answer."""
    events = list(asked.stream(question, **options))
    names = [type(event).__name__ for event in events]
    final = events[-1]
    assert isinstance(final, Answered)
    return [name for i, name in enumerate(names) if i == 0 or names[i - 1] != name], final.answer


def check_form(answer: Answer) -> None:
    """What holds of every answer."""
    numbers = [citation.number for citation in answer.citations]
    assert numbers == list(range(1, len(numbers) + 1))
    cited = [number for sentence in answer.sentences for number in sentence.citations]
    assert set(cited) <= set(numbers)
    assert answer.text == " ".join(sentence.text for sentence in answer.sentences)
    assert answer.grounded == (not answer.abstained)
    if not answer.abstained:
        assert cited and set(cited) == set(numbers)
        assert all(sentence.supported and sentence.citations for sentence in answer.sentences)
    for citation in answer.citations:
        assert citation.quote.strip() == citation.quote != ""


# --- quotes ------------------------------------------------------------------------------------


def test_without_a_model_the_best_sentence_is_quoted_with_its_place(manual: Retriever) -> None:
    names, answer = events_of(answerer(manual))
    assert names == ["Retrieved", "Answered"]
    check_form(answer)
    assert (answer.mode, answer.model) == ("quotes", "")
    assert answer.sentences[0].text == "The gasket of the pump is made of cork."
    assert answer.citations[0].locator == LinesLocator(1, 1)


def test_search_comes_first_and_tells_what_it_found(manual: Retriever) -> None:
    first = next(iter(answerer(manual).stream("  What is the gasket\n made of? ")))
    assert isinstance(first, Retrieved)
    assert first.question == "What is the gasket made of?"
    assert first.hits and "gasket" in first.hits[0].text


def test_a_follow_up_is_completed_before_searching(manual: Retriever) -> None:
    asked = answerer(manual)
    first = next(iter(asked.stream("And in 1990?", earlier=["Where did the pump stand in 1987?"])))
    assert isinstance(first, Retrieved)
    assert first.question == "Where did the pump stand in 1990?"


def test_an_empty_question_is_refused_before_anything_is_done(manual: Retriever) -> None:
    for question in ("", " \n\t"):
        with pytest.raises(UsageError, match="empty"):
            next(iter(answerer(manual).stream(question)))


# --- abstaining --------------------------------------------------------------------------------


def test_low_confidence_abstains_and_offers_what_is_near(manual: Retriever, fake_llm: Any) -> None:
    llm = fake_llm(lambda _messages: "The gasket is made of cork [1].")
    names, answer = events_of(answerer(manual, llm, abstain_below=99.0))
    assert names == ["Retrieved", "Answered"] and llm.asked == []
    check_form(answer)
    assert answer.abstained and not answer.sentences[0].supported
    assert answer.citations[0].quote == "The gasket of the pump is made of cork."


def test_nothing_found_is_an_answer(manual: Retriever) -> None:
    _, answer = events_of(answerer(manual), media=["audio"])
    check_form(answer)
    assert answer.abstained and answer.citations == ()


# --- a model -----------------------------------------------------------------------------------


def test_what_the_sources_say_is_kept_with_its_place(manual: Retriever, fake_llm: Any) -> None:
    llm = fake_llm(lambda _messages: "The gasket of the pump is made of cork [1].")
    names, answer = events_of(answerer(manual, llm))
    assert names == ["Retrieved", "Token", "Answered"]
    check_form(answer)
    assert (answer.mode, answer.model) == ("llm", "fake")
    assert "cork" in answer.sentences[0].text and "[1]" not in answer.text
    assert "cork" in answer.citations[answer.sentences[0].citations[0] - 1].quote
    assert {"search", "evidence", "llm", "ground", "total"} <= set(answer.timings_ms)


@pytest.mark.parametrize(
    "draft",
    [
        "The gasket of the pump is made of rubber [1].",
        "The gasket of the pump is not made of cork [1].",
        "The pump was bought in 1978 [1].",
        "Paris is the capital of France.",
        "",
        "[1] [2] [3]",
        "Martha Quill made the gasket of the pump [1].",
    ],
)
@pytest.mark.parametrize("style", [SMALL, LARGE], ids=["small", "large"])
def test_what_the_sources_do_not_say_never_reaches_the_answer(
    manual: Retriever, fake_llm: Any, draft: str, style: Style
) -> None:
    _, answer = events_of(answerer(manual, fake_llm(lambda _messages: draft), style=style))
    check_form(answer)
    assert answer.mode == "quotes"
    for sentence in answer.sentences:
        assert sentence.text in squeezed(MANUAL)


def test_false_sentences_are_dropped_and_true_ones_stay(manual: Retriever, fake_llm: Any) -> None:
    llm = fake_llm(lambda _messages: "The gasket of the pump is made of cork [1]. It was made by Martha Quill [1].")
    _, answer = events_of(answerer(manual, llm))
    check_form(answer)
    assert answer.mode == "llm" and "Martha" not in answer.text


def test_the_model_is_shown_evidence_and_the_question_last(manual: Retriever, fake_llm: Any) -> None:
    llm = fake_llm(lambda _messages: "")
    events_of(answerer(manual, llm))
    (messages,) = llm.asked
    assert messages[-1].content.rstrip().endswith(QUESTION)
    assert "cork" in messages[-1].content and messages[0].role == "system"


def test_a_cancelled_draft_ends_at_once_and_quotes_answer(manual: Retriever, fake_llm: Any) -> None:
    llm = fake_llm(lambda _messages: "The gasket of the pump is made of cork [1]. " * 50)
    asked = answerer(manual, llm)
    events: list[object] = []
    # Cancelled after what was found and three words.
    events.extend(asked.stream(QUESTION, cancelled=lambda: len(llm.written) >= 3))
    assert len(llm.written) == len([event for event in events if isinstance(event, Token)]) == 3
    assert isinstance(events[-1], Answered)
    check_form(events[-1].answer)


def test_a_question_longer_than_the_model_reads_is_answered_by_quotes(manual: Retriever, fake_llm: Any) -> None:
    llm = fake_llm(lambda _messages: "The gasket of the pump is made of cork [1].", context_tokens=600)
    _, answer = events_of(answerer(manual, llm), "What is the gasket made of, " + "please " * 500 + "tell me?")
    check_form(answer)
    assert answer.mode == "quotes" and not answer.abstained and llm.asked == []


def test_what_a_model_writes_never_breaks_the_form(manual: Retriever, fake_llm: Any) -> None:
    words = [
        "The gasket",
        "of the pump",
        "is made of",
        "cork",
        "[1]",
        "[2]",
        "[9]",
        ".",
        "1987",
        "not",
        "\n",
        "“",
        "][",
    ]

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(draft=st.lists(st.sampled_from(words), max_size=25).map(" ".join))
    def check(draft: str) -> None:
        _, answer = events_of(answerer(manual, fake_llm(lambda _messages: draft)))
        check_form(answer)

    check()


def test_a_draft_that_copies_its_prompt_is_no_answer(manual: Retriever, fake_llm: Any) -> None:
    def parrot(messages: Sequence[Message]) -> str:
        return messages[0].content

    _, answer = events_of(answerer(manual, fake_llm(parrot)))
    check_form(answer)
    assert "passages" not in answer.text


# --- the sample library, with the bundled text model ---------------------------------------------

PLAIN = {".txt", ".md", ".py", ".csv"}
QUESTIONS = ("When does our water lease end?", "What does the wheel weigh?", "Warum keine Eiche?")


def _stands_there(citation: Citation) -> bool:
    """Whether the quote is found word for word at its place, in the file as it is."""
    lines = Path(citation.path).read_text(encoding="utf-8").split("\n")
    place = locator_to_dict(citation.locator)
    assert place["kind"] == "lines"
    return citation.quote in "\n".join(lines[place["first"] - 1 : place["last"]])


OWN, _ = fold(sorted(str(path) for path in DATA.iterdir()))


@pytest.mark.parametrize("name", [Path(path).name for path in OWN])
def test_every_quote_stands_at_its_place(sample: Assistant, name: str) -> None:
    path = str(DATA / name)
    held = {hit.chunk_id: hit for hit in sample.search("a", k=1000, under=path)}
    inside = {hit.chunk_id: hit for hit in sample.search("flour tests", k=1000) if hit.path.startswith(f"{path}!/")}
    bodies = [hit.chunk.body for hit in (held | inside).values()]
    assert bodies
    for question in QUESTIONS:
        answer = sample.ask(question, under=path)
        check_form(answer)
        for citation in answer.citations:
            assert citation.path == path or citation.path.startswith(f"{path}!/")
            assert any(citation.quote in body for body in bodies), citation
            if Path(path).suffix in PLAIN:
                assert _stands_there(citation), citation
        if not answer.abstained:
            quotes = [squeezed(citation.quote) for citation in answer.citations]
            assert [sentence.text for sentence in answer.sentences] == quotes


def test_a_quoted_answer_is_short(sample: Assistant) -> None:
    for question in QUESTIONS:
        answer = sample.ask(question)
        first = len(answer.sentences[0].text.split())
        assert len(answer.sentences) <= 3
        assert len(re.findall(r"\S+", answer.text)) <= max(60, first), question


def test_answers_repeat(sample: Assistant) -> None:
    def told(ask: Callable[[str], Answer]) -> list[object]:
        return [{**ask(question).to_dict(), "timings_ms": None} for question in QUESTIONS[:2]]

    assert told(sample.ask) == told(sample.ask)
