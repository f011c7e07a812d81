"""Question → answer: the way through search, evidence, model and check, as a stream of events.

Three ends are possible, in this order of preference: sentences of a language model that the sources support; the
best evidence quoted word for word; and, when the evidence does not seem to answer, saying so beside the nearest
passages. Which one it was is said in the answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from assistant import evidence as evidence_
from assistant import followup, ground, prompt
from assistant.answers import Answer, Answered, Citation, Event, Retrieved, Sentence, Token
from assistant.evidence import Evidence, Ranking
from assistant.llm import LanguageModel
from assistant.prompt import Style
from assistant.retrieve import Retriever
from assistant.wording import squeezed
from indexers.errors import UsageError
from indexers.filters import Days
from indexers.protocols import TextEmbedder
from indexers.types import Hit

NOT_FOUND = "Your library does not seem to hold the answer."
EMPTY_LIBRARY = "Your library is empty."

_HITS = 8
"""Chunks whose sentences are looked at."""
_WORDS_A_QUOTE = 20
"""So many words of an answer for each sentence that may be quoted."""
_NEAREST = 3
_SHOWS_IT = 0.25
"""The score from which a picture found by what it shows is worth a look where no text answers."""
_CLEAR_LEAD = 0.15
_CLEAR_OVERLAP = 0.5
"""Above both, what the bundled model wrote and the checks let through was right in all cases of a sample; below, in
six of ten."""


class Answerer:
    """Answers questions from one library.

    Args:
        retriever: finds hits.
        embedder: compares sentences.
        weight: how much a word tells in this library.
        llm: what writes; None quotes at once.
        style: how ``llm`` is led.
        abstain_below: confidence (log-odds) below which the library is taken not to hold the answer.
        answer_words: the most words that are quoted, in one sentence for every 20 of them.
    """

    def __init__(
        self,
        retriever: Retriever,
        embedder: TextEmbedder,
        weight: Callable[[str], float],
        *,
        llm: LanguageModel | None,
        style: Style,
        abstain_below: float,
        answer_words: int = prompt.USUAL_WORDS,
    ) -> None:
        self._retriever = retriever
        self._embedder = embedder
        self._weight = weight
        self.llm = llm
        self._style = style
        self._abstain_below = abstain_below
        self._words = answer_words
        self._quotes = max(1, round(answer_words / _WORDS_A_QUOTE))

    def stream(
        self,
        question: str,
        *,
        earlier: Sequence[str] = (),
        media: Iterable[str] | None = None,
        under: str | None = None,
        days: Days | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[Event]:
        """Events: ``Retrieved``, any number of ``Token``s, ``Answered``.

        Args:
            question: as typed.
            earlier: completed questions of the conversation so far, oldest first.
            media: only files of these kinds.
            under: only this file or folder.
            days: only documents of these days.
            cancelled: asked between tokens; once true, the draft ends there.

        Raises:
            UsageError: the question is empty.
        """
        if not question.strip():
            raise UsageError("the question is empty; ask something, for example: locus ask 'When does the lease end?'")
        clock = _Clock()
        completed = followup.complete(squeezed(question), earlier)
        vector = self._embedder.embed_query(completed)
        hits = self._retriever.search_vector(completed, vector, _HITS, media=media, under=under, days=days)
        clock.lap("search")
        yield Retrieved(completed, tuple(hits))
        ranking = self.rank(completed, hits, vector)
        clock.lap("evidence")
        if ranking.confidence < self._abstain_below:
            yield Answered(self._abstained(completed, hits, ranking, clock))
            return
        answer: Answer | None = None
        if self.llm is not None and self._is_worth_asking(ranking):
            checked: list[tuple[str, tuple[Evidence, ...]]] = []
            for event in self._draft(completed, ranking, clock, cancelled):
                if isinstance(event, Token):
                    yield event
                else:
                    checked = event
            if checked:
                answer = self._written(completed, checked, ranking, clock)
        yield Answered(answer or self._quoted(completed, ranking, clock))

    # --- evidence ----------------------------------------------------------------------------

    def rank(self, question: str, hits: Sequence[Hit], vector: NDArray[np.float32]) -> Ranking:
        """The sentences of ``hits`` by how well they bear on the question, whose vector is ``vector``."""
        distinct = list({hit.chunk_id: hit for hit in reversed(hits)}.values())[::-1]
        found = evidence_.candidates(distinct)
        if not found:
            return evidence_.rank(question, [], np.zeros(0, np.float32), self._weight)
        cosines = self._embedder.embed_passages([candidate.compared for candidate in found]) @ vector
        return evidence_.rank(question, found, cosines, self._weight)

    # --- the model's sentences ---------------------------------------------------------------

    def _draft(
        self, question: str, ranking: Ranking, clock: _Clock, cancelled: Callable[[], bool] | None
    ) -> Iterator[Token | list[tuple[str, tuple[Evidence, ...]]]]:
        """Tokens as they come, then the sentences that stand, each with the evidence that supports it."""
        assert self.llm is not None
        style = prompt.with_length(self._style, self._words, self.llm.context_tokens)
        budget = self.llm.context_tokens - style.answer_tokens
        shown = prompt.shown(ranking.evidence, style)
        try:
            messages, shown = prompt.build(question, shown, self.llm.count_tokens, budget, style)
        except UsageError:
            # The question alone fills the model's window: the evidence is there all the same and is quoted.
            yield []
            return
        written: list[str] = []
        for text in self.llm.stream(messages, max_tokens=style.answer_tokens, cancelled=cancelled):
            written.append(text)
            yield Token(text)
        clock.lap("llm")
        drafted = ground.claims("".join(written), len(shown))
        results = ground.check(question, drafted, shown, self._embedder.embed_passages)
        clock.lap("ground")
        yield [
            (result.claim.text, tuple(self._narrowed(result.claim.text, shown[i]) for i in result.support))
            for result in results
            if result.support and (self._style.trusted or not self._takes_liberties(question, result, shown))
        ]

    def _is_worth_asking(self, ranking: Ranking) -> bool:
        """A model that is not trusted is asked only where one sentence is clearly the best; else quotes say more."""
        if self._style.trusted or len(ranking.evidence) < 2:
            return bool(ranking.evidence)
        best, second = ranking.evidence[:2]
        return best.score - second.score >= _CLEAR_LEAD and best.overlap >= _CLEAR_OVERLAP

    @staticmethod
    def _takes_liberties(question: str, result: ground.Checked, shown: Sequence[Evidence]) -> bool:
        return any(ground.liberty(question, result.claim.text, shown[i]) for i in result.support)

    def _narrowed(self, text: str, item: Evidence) -> Evidence:
        """Of a whole chunk, the sentence that says ``text``; a single sentence stays."""
        if not self._style.whole:
            return item
        inside = evidence_.candidates([item.candidate.hit])
        vectors = self._embedder.embed_passages([text, *(candidate.text for candidate in inside)])
        ranking = evidence_.rank(text, inside, vectors[1:] @ vectors[0], self._weight)
        return ranking.evidence[0] if ranking.evidence else item

    def _written(
        self, question: str, checked: Sequence[tuple[str, tuple[Evidence, ...]]], ranking: Ranking, clock: _Clock
    ) -> Answer:
        book = _Citations()
        said = [Sentence(text, True, book.numbers(support)) for text, support in checked]
        if not self._style.trusted:
            room = self._words - sum(len(sentence.text.split()) for sentence in said)
            for item in evidence_.within_words(ranking.evidence, room, self._quotes):
                text = item.candidate.readable
                if len(text.split()) <= room and not _says(said, text):
                    said.append(Sentence(text, True, book.numbers([item])))
        assert self.llm is not None
        return Answer(
            question,
            " ".join(sentence.text for sentence in said),
            True,
            False,
            "llm",
            tuple(said),
            book.listed(),
            self.llm.name,
            clock.timings(),
        )

    # --- quotes and abstaining ---------------------------------------------------------------

    def _quoted(self, question: str, ranking: Ranking, clock: _Clock) -> Answer:
        book = _Citations()
        chosen = evidence_.within_words(ranking.evidence, self._words, self._quotes)
        said = tuple(Sentence(item.candidate.readable, True, book.numbers([item])) for item in chosen)
        text = " ".join(sentence.text for sentence in said)
        return Answer(question, text, True, False, "quotes", said, book.listed(), "", clock.timings())

    def _abstained(self, question: str, hits: Sequence[Hit], ranking: Ranking, clock: _Clock) -> Answer:
        book = _Citations()
        for hit in hits:
            if "image" in hit.signals and hit.score >= _SHOWS_IT:
                book.show(hit)
        for item in ranking.evidence[:_NEAREST]:
            book.numbers([item])
        said = (Sentence(NOT_FOUND, False),)
        return Answer(question, NOT_FOUND, False, True, "quotes", said, book.listed(), "", clock.timings())


def _says(said: Sequence[Sentence], text: str) -> bool:
    """Whether a sentence so far already holds ``text``."""
    return any(text.casefold() in sentence.text.casefold() for sentence in said)


class _Citations:
    """Numbers evidence in the order in which it is first cited."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, int, int], Citation] = {}

    def numbers(self, items: Iterable[Evidence]) -> tuple[int, ...]:
        found: list[int] = []
        for item in items:
            candidate = item.candidate
            key = (candidate.hit.chunk_id, candidate.start, candidate.end)
            if key not in self._found:
                self._found[key] = Citation(
                    len(self._found) + 1, candidate.hit.path, candidate.hit.media, candidate.locator, candidate.quote
                )
            found.append(self._found[key].number)
        return tuple(dict.fromkeys(found))

    def show(self, hit: Hit) -> None:
        """Lists a picture as a whole."""
        key = (hit.chunk_id, -1, -1)
        number = len(self._found) + 1
        self._found.setdefault(key, Citation(number, hit.path, hit.media, hit.locator, hit.text))

    def listed(self) -> tuple[Citation, ...]:
        return tuple(self._found.values())


class _Clock:
    """Milliseconds of each step."""

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self._laps[name] = 1000 * (now - self._last)
        self._last = now

    def timings(self) -> dict[str, float]:
        return {**self._laps, "total": 1000 * (time.perf_counter() - self._start)}
