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

import numpy as np
from numpy.typing import NDArray

from assistant.wording import content_stems, squeezed, stems
from indexers.chunking import context_line, locate
from indexers.sentences import split_sentences
from indexers.types import Hit, Locator, WholeLocator

WordWeight = Callable[[str], float]
"""Stem → how much it tells (inverse document frequency in the library)."""

_LONG = 60
"""Words: a longer "sentence" is a list or a block of code, and is cut at its lines and clauses."""
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


def candidates(hits: Sequence[Hit]) -> list[Candidate]:
    """The sentences of the hits in their order; what is known by its name only gives none."""
    found: list[Candidate] = []
    for hit in hits:
        if isinstance(hit.locator, WholeLocator):
            continue
        found += [Candidate(hit, start, end) for start, end in _spans(hit)]
    return found


def _spans(hit: Hit) -> list[tuple[int, int]]:
    body = hit.chunk.body
    if hit.chunk.header:
        marks = [place.start for place in hit.chunk.places] or [0]
        edges = [*marks, len(body)]
        rows = [(a, a + len(body[a:b].rstrip())) for a, b in zip(edges, edges[1:], strict=False)]
        return [(a, b) for a, b in rows if b > a]
    spans: list[tuple[int, int]] = []
    for start, end in split_sentences(body):
        spans += [(start, end)] if len(body[start:end].split()) <= _LONG else _clauses(body, start, end)
    return spans


def _clauses(body: str, start: int, end: int) -> list[tuple[int, int]]:
    """A long stretch as parts of at most ``_LONG`` words, cut at line ends and after commas."""
    edges = [start, *(match.end() + start for match in _CLAUSE_END.finditer(body[start:end])), end]
    parts: list[tuple[int, int]] = []
    for left, right in zip(edges, edges[1:], strict=False):
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
        found: sentences of the hits, hits in the order of the search.
        cosines: ``(len(found),)``, question to sentence.
        weight: how much a stem tells.
    """
    if not found:
        return Ranking((), -math.inf)
    asked = {stem: weight(stem) for stem in content_stems(question)}
    total = sum(asked.values()) or 1.0
    best_hit = max(candidate.hit.score for candidate in found)
    ranked: list[Evidence] = []
    for candidate, cosine in zip(found, cosines, strict=True):
        words = stems(candidate.text)
        overlap = sum(value for stem, value in asked.items() if stem in words) / total
        dense = candidate.hit.signals.get("dense", 0.0)
        score = 0.5 * float(cosine) + 0.5 * overlap + 0.3 * dense + 0.3 * (candidate.hit.score - best_hit)
        ranked.append(Evidence(candidate, score, float(cosine), overlap))
    ranked.sort(key=lambda evidence: -evidence.score)
    return Ranking(tuple(ranked), _confidence(ranked, asked, total))


_INTERCEPT, _HALF, _COSINE, _COVERED, _DENSE, _GAP = 0.0, 1.0, 1.0, 1.0, 1.0, 1.0


def _confidence(ranked: Sequence[Evidence], asked: dict[str, float], total: float) -> float:
    """Log-odds that the evidence answers: a logistic mix whose weights were fitted on questions with known answers."""
    halves = sorted((0.5 * (evidence.cosine + evidence.overlap) for evidence in ranked), reverse=True)
    passages = {evidence.candidate.hit.chunk_id: evidence.candidate.hit for evidence in ranked}
    covered = max(_covered(hit, asked) for hit in passages.values()) / total
    return (
        _INTERCEPT
        + _HALF * halves[0]
        + _COSINE * max(evidence.cosine for evidence in ranked)
        + _COVERED * covered
        + _DENSE * max(hit.signals.get("dense", 0.0) for hit in passages.values())
        + _GAP * (halves[0] - halves[min(4, len(halves) - 1)])
    )


def _covered(hit: Hit, asked: dict[str, float]) -> float:
    words = stems(f"{context_line(hit.title, hit.chunk.headings)}\n{hit.text}")
    return sum(value for stem, value in asked.items() if stem in words)


def within_words(evidence: Sequence[Evidence], words: int, most: int) -> list[Evidence]:
    """The best evidence that fits into ``words`` words, at most ``most``; the very best is always taken."""
    taken: list[Evidence] = []
    used = 0
    for item in evidence[: 3 * most]:
        length = len(item.candidate.quote.split())
        if taken and (used + length > words or len(taken) == most or _repeats(item, taken)):
            continue
        taken.append(item)
        used += length
    return taken


def _repeats(item: Evidence, taken: Sequence[Evidence]) -> bool:
    text = squeezed(item.candidate.quote).casefold()
    return any(text == squeezed(other.candidate.quote).casefold() for other in taken)
