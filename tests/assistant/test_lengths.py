"""How long answers are: what is quoted, and what a language model is told."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import Answered, Token, prompt
from assistant.answering import Answerer
from assistant.prompt import LARGE, SMALL, USUAL_WORDS, with_length
from assistant.retrieve import Retriever
from indexers.library import Library
from indexers.parsers import parser_for
from indexers.pipeline import Pipeline
from indexers.protocols import Source
from indexers.reading import FileReader
from indexers.senses import Senses
from indexers.testing import HashingEmbedder
from indexers.types import Parsed

QUESTION = "What is said of the pump?"


class InProcess:
    def parse(self, source: Source) -> Parsed:
        parser = parser_for(source.format)
        assert parser is not None
        return parser(source)


@pytest.fixture(scope="module")
def pumps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Retriever]:
    folder = tmp_path_factory.mktemp("pumps")
    facts = ["made of cork", "bought in 1987", "near the boiler", "painted green", "mended twice", "loud at night"]
    said = [f"It is said of the pump that the pump is {fact} and of use." for fact in facts]
    (folder / "pumps.txt").write_text("\n\n".join(said), encoding="utf-8")
    library, embedder = Library(folder / "library"), HashingEmbedder(dim=128)
    reader = FileReader(InProcess(), Senses(), library.unfinished, max_bytes=10**6)
    Pipeline(library, embedder, reader).add([folder / "pumps.txt"])
    yield Retriever(library, embedder)
    library.close()


def answerer(retriever: Retriever, **options: Any) -> Answerer:
    given_ = {"llm": None, "style": LARGE, "abstain_below": -99.0} | options
    return Answerer(retriever, HashingEmbedder(dim=128), lambda _word: 1.0, **given_)


def quoted(retriever: Retriever, **options: Any) -> list[str]:
    *_, last = answerer(retriever, **options).stream(QUESTION)
    assert isinstance(last, Answered)
    return [sentence.text for sentence in last.answer.sentences]


def test_a_longer_answer_quotes_more_and_the_shortest_one_sentence(pumps: Retriever) -> None:
    lengths = {words: len(quoted(pumps, answer_words=words)) for words in (10, 40, 60, 120, 1000)}
    assert lengths == {10: 1, 40: 2, 60: 3, 120: 6, 1000: 6}
    assert quoted(pumps) == quoted(pumps, answer_words=60)
    for words in (40, 60, 120):
        assert sum(len(text.split()) for text in quoted(pumps, answer_words=words)) <= words


def test_a_model_is_told_the_length_and_has_the_tokens_for_it(pumps: Retriever, fake_llm: Any) -> None:
    for words, tokens, said in (
        (60, 400, "Be brief."),
        (30, 200, "in at most 30 words"),
        (120, 800, "up to 120 words"),
    ):
        llm = fake_llm(lambda _messages: "word " * 5000)
        events = list(answerer(pumps, llm=llm, answer_words=words).stream(QUESTION))
        assert len([event for event in events if isinstance(event, Token)]) == tokens
        assert said in llm.asked[0][0].content


def test_the_usual_length_and_small_models_are_led_as_ever() -> None:
    assert with_length(LARGE, USUAL_WORDS, 4096) is LARGE
    assert with_length(SMALL, 500, 4096) is SMALL
    assert USUAL_WORDS == 60 and "Be brief." in prompt.NUMBERED


@given(st.integers(10, 1000), st.integers(256, 200_000))
def test_a_long_answer_leaves_room_for_the_passages(words: int, context_tokens: int) -> None:
    style = with_length(LARGE, words, context_tokens)
    assert 1 <= style.answer_tokens <= max(LARGE.answer_tokens, context_tokens // 2)
    assert (style.answer_tokens > LARGE.answer_tokens) <= (words > USUAL_WORDS)
    assert str(words) in style.instructions or words == USUAL_WORDS
