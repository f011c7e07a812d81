"""From the hits of a search to the sentences that bear on the question, and how sure one can be of them. Pure.

Each sentence of each hit is scored by what it means (cosine to the question), by the question's words that it
holds (weighted by how rare they are in the library), and by how well its passage was found. The same numbers tell
whether the library holds an answer at all: an absent answer leaves sentences that resemble the question and miss its
rare words, or many that resemble it equally little.

Knows no model: cosines and word weights are given to it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from assistant.expects import expected, offers
from assistant.rows import labelled
from assistant.wording import content_stems, names, numbers, squeezed, stem_list, stems
from indexers.chunking import context_line, locate
from indexers.sentences import split_sentences
from indexers.types import Hit, Locator, WholeLocator

WordWeight = Callable[[str], float]
"""Stem → how much it tells (inverse document frequency in the library)."""

_FILLER = 0.55
"""Evidence so far below the best is no longer about the question: without it no gold answer is lost."""
_LONG = 60
"""Words: a longer "sentence" is a list or a block of code, and is cut at its lines and clauses."""
_HEADING_WORDS = 10
_HEADING_MARKS = re.compile(r"^[#*=\s]*(?:\d+(?:\.\d+)*\.\s+)?|[#*=\s]+$")
_BULLET = re.compile(r"[-*•–·]\s")
_CLAUSE_END = re.compile(r"\n|(?<=[;:])\s|(?<=,)\s")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence of a hit, characters ``start`` to ``end`` of its body."""

    hit: Hit
    start: int
    end: int

    @property
    def quote(self) -> str:
        """The sentence word for word."""
        return self.hit.chunk.body[self.start : self.end]

    @property
    def locator(self) -> Locator:
        """Where the sentence stands."""
        return locate(self.hit.chunk, self.start, self.end)

    @property
    def context(self) -> str:
        """What a reader of the page sees around the sentence: title, headings, table header."""
        line = context_line(self.hit.title, self.hit.chunk.headings)
        return f"{line}\n{self.hit.chunk.header}" if self.hit.chunk.header else line

    @property
    def text(self) -> str:
        """The sentence on one line, a table's row with the header's words before it."""
        row = squeezed(self.quote)
        return f"{squeezed(self.hit.chunk.header)}: {row}" if self.hit.chunk.header else row

    @property
    def readable(self) -> str:
        """What is said of it in an answer: the sentence, or a table's row with each cell under its column's name."""
        header = self.hit.chunk.header
        told = labelled(header, self.quote) if header else squeezed(self.quote)
        return told if len(told.split()) <= _LONG else squeezed(self.quote)

    @property
    def compared(self) -> str:
        """What is compared with the question: a table's row says little without the table's title and headings."""
        return f"{squeezed(self.context)}: {squeezed(self.quote)}" if self.hit.chunk.header else self.text

    @property
    def is_heading(self) -> bool:
        """Whether this is a title or heading: it names what follows and states nothing."""
        line = squeezed(self.quote)
        if self.hit.chunk.header or not line or line[-1] in ".!?…;:" or len(line.split()) > _HEADING_WORDS:
            return False
        plain = _plain_heading(line)
        known = {_plain_heading(heading) for heading in (self.hit.title, *self.hit.chunk.headings)}
        return line.startswith("#") or plain in known or not (_BULLET.match(line) or any(c.isdigit() for c in plain))


@dataclass(frozen=True, slots=True)
class Evidence:
    """A candidate with its score (higher is better, comparable only within one question)."""

    candidate: Candidate
    score: float
    cosine: float
    overlap: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """The evidence for one question, best first, and the confidence that it answers (log-odds)."""

    evidence: tuple[Evidence, ...]
    confidence: float


def _plain_heading(text: str) -> str:
    return _HEADING_MARKS.sub("", squeezed(text)).casefold()


def candidates(hits: Sequence[Hit]) -> list[Candidate]:
    """The sentences of the hits in their order; what is known by its name only gives none."""
    found: list[Candidate] = []
    for hit in hits:
        spans = _spans(hit)
        if isinstance(hit.locator, WholeLocator):
            spans = [span for span in spans if not _is_name(hit, hit.chunk.body[slice(*span)])]
        found += [Candidate(hit, start, end) for start, end in spans]
    return found


def _is_name(hit: Hit, text: str) -> bool:
    """Whether a "sentence" is only what the file is called: a picture is found by that, but nothing is said with it."""
    return _letters(text) == _letters(PurePath(hit.path.rpartition("!/")[2]).stem)


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _spans(hit: Hit) -> list[tuple[int, int]]:
    body = hit.chunk.body
    if hit.chunk.header:
        marks = [place.start for place in hit.chunk.places]
        if len(marks) < 2:
            # All rows stand at one place (a table in a document without pages): they are lines.
            marks = [0, *(match.end() for match in re.finditer("\n", body))]
        edges = [*marks, len(body)]
        rows = [(a, a + len(body[a:b].rstrip())) for a, b in pairwise(edges)]
        return [(a, b) for a, b in rows if b > a]
    spans: list[tuple[int, int]] = []
    for start, end in split_sentences(body):
        spans += [(start, end)] if len(body[start:end].split()) <= _LONG else _clauses(body, start, end)
    return spans


def _clauses(body: str, start: int, end: int) -> list[tuple[int, int]]:
    """A long stretch as parts of at most ``_LONG`` words, cut at line ends and after commas."""
    edges = [start, *(match.end() + start for match in _CLAUSE_END.finditer(body[start:end])), end]
    parts: list[tuple[int, int]] = []
    for left, right in pairwise(edges):
        if parts and len(body[parts[-1][0] : right].split()) <= _LONG:
            parts[-1] = (parts[-1][0], right)
        elif right > left:
            parts.append((left, right))
    stripped = [(a, a + len(body[a:b].rstrip())) for a, b in parts]
    return [(a, b) for a, b in stripped if b > a]


def rank(question: str, found: Sequence[Candidate], cosines: NDArray[np.float32], weight: WordWeight) -> Ranking:
    """Orders candidates by how well they bear on the question.

    Args:
        question: as completed from the conversation.
        found: sentences of the hits, hits in the order of the search, sentences in the order of their text.
        cosines: ``(len(found),)``, question to what each candidate is ``compared`` by.
        weight: how much a stem tells.
    """
    if not found:
        return Ranking((), -math.inf)
    asked = Asked(question, weight)
    ranked = scored(asked, found, cosines)
    told = features(asked, ranked)
    confidence = INTERCEPT + sum(CONFIDENCE[name] * value for name, value in told.items())
    return Ranking(tuple(sorted(ranked, key=lambda evidence: -evidence.score)), confidence)


def scored(asked: Asked, found: Sequence[Candidate], cosines: NDArray[np.float32]) -> list[Evidence]:
    """Each candidate with its score, in the order given; arguments as for ``rank``.

    The weights were chosen for how often the best sentences of at most 60 words together hold the answer, on two
    collections of questions.
    """
    best_hit = max(candidate.hit.score for candidate in found)
    ranked: list[Evidence] = []
    for candidate, cosine in zip(found, cosines, strict=True):
        overlap = asked.covered(candidate.compared)
        score = (
            0.5 * float(cosine)
            + 0.45 * overlap
            + 0.3 * candidate.hit.signals.get("dense", 0.0)
            + 1.0 * (candidate.hit.score - best_hit)
            + 0.15 * asked.expects(candidate.quote)
            - 0.05 * max(0, len(candidate.quote.split()) - 30) / 30
            - 0.3 * candidate.is_heading
        )
        ranked.append(Evidence(candidate, score, float(cosine), overlap))
    return ranked


class Asked:
    """The telling words of a question, what they weigh, and how much of them a text holds."""

    def __init__(self, question: str, weight: WordWeight) -> None:
        self._question = question
        self._kind = expected(question)
        self.weights = {stem: weight(stem) for stem in content_stems(question)}
        self._total = sum(self.weights.values()) or 1.0
        # The first word is capitalised for its place only: an "x" before it makes it a word like any other.
        particular = content_stems(" ".join(names(f"x {question}") | numbers(question)))
        self._particular = frozenset(particular) & self.weights.keys()
        self._pairs = {pair for pair in pairwise(stem_list(question)) if not self.weights.keys().isdisjoint(pair)}

    def covered(self, *texts: str) -> float:
        """Share (0–1) of the question's weight that ``texts`` hold together."""
        words = frozenset[str]().union(*(stems(text) for text in texts))
        return sum(value for stem, value in self.weights.items() if stem in words) / self._total

    def expects(self, text: str) -> float:
        """1 if ``text`` offers the kind of thing that is asked for, 0 if not, between if the question does not say."""
        return _NO_KIND if self._kind is None else float(offers(self._kind, text, self._question))

    def particulars(self, text: str) -> float:
        """Share of the question's names and numbers that ``text`` holds."""
        return len(self._particular & stems(text)) / len(self._particular) if self._particular else _NO_PARTICULARS

    def phrases(self, text: str) -> float:
        """Share of the question's pairs of neighbouring words that stand so in ``text``."""
        return len(self._pairs & set(pairwise(stem_list(text)))) / len(self._pairs) if self._pairs else 0.0


_NO_KIND = 0.7
_NO_PARTICULARS = 0.8
"""What a question without names and numbers gets for them: about the mean of those that have some."""
INTERCEPT = -8.14
CONFIDENCE = {
    "sentence": 2.38,
    "cosine": 3.16,
    "covered": 1.19,
    "dense": 3.44,
    "gap": 4.03,
    "particulars": 1.33,
    "phrases": 0.87,
    "lead": 7.58,
}
"""Weights of a logistic mix, fitted on questions whose answering passage was or was not in the library."""


def features(asked: Asked, evidence: Sequence[Evidence]) -> dict[str, float]:
    """What tells an answer from a resemblance.

    ``sentence``: the best sentence by meaning and by the question's words in it and beside it; ``cosine``: the
    closest sentence; ``covered``: the question's words in one passage; ``dense``: the closest passage; ``gap``: how
    far the best sentence is before the fifth; ``particulars`` and ``phrases``: the question's names and word pairs in
    the passage; ``lead``: how far the best passage is before the second.

    Args:
        asked: the question.
        evidence: every sentence of the hits, in the order of the text.
    """
    evidence = [item for item in evidence if not item.candidate.is_heading] or evidence
    halves = [0.5 * (item.cosine + item.overlap) for item in evidence]
    best = max(range(len(halves)), key=halves.__getitem__)
    passages = {item.candidate.hit.chunk_id: item.candidate.hit for item in evidence}
    hits = sorted(passages.values(), key=lambda hit: -hit.score)
    texts = {hit.chunk_id: f"{context_line(hit.title, hit.chunk.headings)}\n{hit.text}" for hit in hits}
    falling = sorted(halves, reverse=True)
    return {
        "sentence": max(
            0.5 * (item.cosine + asked.covered(*_beside(evidence, index))) for index, item in enumerate(evidence)
        ),
        "cosine": max(item.cosine for item in evidence),
        "covered": max(asked.covered(text) for text in texts.values()),
        "dense": max(hit.signals.get("dense", 0.0) for hit in hits),
        "gap": falling[0] - falling[min(4, len(falling) - 1)],
        "particulars": asked.particulars(texts[evidence[best].candidate.hit.chunk_id]),
        "phrases": max(asked.phrases(texts[hit.chunk_id]) for hit in hits[:4]),
        "lead": hits[0].score - hits[1].score if len(hits) > 1 else 0.0,
    }


def _beside(evidence: Sequence[Evidence], index: int) -> list[str]:
    """The text of a sentence and of its neighbours in the same passage."""
    chunk_id = evidence[index].candidate.hit.chunk_id
    return [
        item.candidate.compared
        for item in evidence[max(0, index - 1) : index + 2]
        if item.candidate.hit.chunk_id == chunk_id
    ]


def within_words(evidence: Sequence[Evidence], words: int, most: int) -> list[Evidence]:
    """The best evidence that fits into ``words`` words, at most ``most`` and none far below the very best, which is
    always taken.
    """
    taken: list[Evidence] = []
    used = 0
    for item in evidence[: 3 * most]:
        if item.score < evidence[0].score - _FILLER:
            break
        length = len(item.candidate.readable.split())
        full = used + length > words or len(taken) == most
        if taken and (full or item.candidate.is_heading or _repeats(item, taken)):
            continue
        taken.append(item)
        used += length
    return taken


def _repeats(item: Evidence, taken: Sequence[Evidence]) -> bool:
    text = squeezed(item.candidate.quote).casefold()
    return any(text == squeezed(other.candidate.quote).casefold() for other in taken)
