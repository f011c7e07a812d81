"""Does the source say it? Each sentence of a generated answer against the evidence it may rest on. Pure.

A sentence is supported by a sentence of the evidence if every number (with its unit), date, name and quoted span of it
occurs there or in what stands around it on the page (title, headings, table header), if neither denies or turns round
what the other says, and if the meaning is close: most of its telling words are there, or the vectors say so. A
sentence may join two or three pieces of evidence, if each of its clauses is supported by one of them. A model's own
``[2]`` marks say where to look first; they are not believed.

What this can not see: a sentence made of one source sentence's own words in another relation ("A sued B" from "B sued
A"), and an invented name in lower case among many words that are in the source. That is why an answer also shows the
evidence word for word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assistant.claims import Claim, claims, verdict
from assistant.dates import dates, without_dates
from assistant.evidence import Evidence, candidates
from assistant.faults import Source, fault_in
from assistant.quantities import quantities
from assistant.wording import content_stems, is_negated, numbers, squeezed, stems
from indexers.sentences import split_sentences

__all__ = ["Checked", "Claim", "Embed", "check", "claims", "fault_of", "says_nothing"]

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts to ``(n, dim)`` float32, L2-normalised."""

_NOTHING = re.compile(
    r"\b(?:not (?:mentioned|stated|given|provided|specified|contained)|(?:do|does|did)(?: not|n[’']t) (?:say|mention"
    r"|state|provide|contain|specify|give|tell|include)|no (?:information|mention|answer)|(?:cannot|can[’']t|can not"
    r"|unable to|not able to|not possible to) (?:be )?(?:answer|find|determine|found)\w*|i (?:do not|don[’']t) know"
    r"|as an ai)\b",
    re.IGNORECASE,
)
_ORDERS = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b[^.]{0,40}\b(?:instructions?|prompts?|rules|context|passages|everything|above)\b"
    r"|\bsystem prompt\b|\byou are (?:now )?(?:chatgpt|an? (?:\w+ ){0,2}(?:ai|assistant|chatbot|language model))\b"
    r"|(?:^|[.!?:;]\s)(?:please |always |instead,? |now,? ){0,2}(?:say|answer|respond|reply|output|tell the user)"
    r"(?:\s(?:that|with|only|exactly|always|as)\b|\s?[:\"“'])",
    re.IGNORECASE,
)
_YES_OR_NO = re.compile(
    r"^\W*(?:is|are|was|were|do|does|did|can|could|will|would|shall|should|has|have|had|may|must|ist|sind|war|hat|kann)\b",
    re.IGNORECASE,
)
_JOINT = re.compile(r"[,;:]?\s+(?:and|but|while|whereas|und|aber|sowie)\s+|;\s+", re.IGNORECASE)
_NOT = re.compile(r"\b\w{1,12}n[’']t\b", re.IGNORECASE)
_OVERLAP = 0.7
"""Share of a sentence's telling words that its source must hold …"""
_CLOSE = 0.8
"""… or the cosine that makes up for fewer …"""
_FEW = 0.34
"""… but never fewer than this share."""
_SURE = 0.8
"""Share from which even "it does not say" is a statement of the source's own, and a clause one that may be joined."""
_SLIP = 0.15
"""A sentence that shares so much more with a source that refuses it was taken from there and altered."""
_NEW = 0.5
"""Share of the telling words that are not the question's: repeating the question is no support."""
_STATEMENT_WORDS = 3
_PIECES = 3
"""The most pieces of evidence that one sentence may join."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A claim after the check: indexes of the evidence that supports it; none if nothing does, and why."""

    claim: Claim
    support: tuple[int, ...]
    fault: str = ""


def says_nothing(text: str) -> bool:
    """Whether the model says that it can not answer."""
    return _NOTHING.search(text) is not None


def check(question: str, found: Sequence[Claim], evidence: Sequence[Evidence], embed: Embed) -> list[Checked]:
    """Checks each claim against the evidence.

    A leading yes or no is taken off, since no word of the source can show it; a claim that is nothing else stands only
    before a supported sentence that takes up the whole question. Evidence that speaks to the model instead of the
    reader ("ignore your instructions") supports nothing.

    Args:
        question: what was asked; a claim that only repeats it is no answer, unless it asks for yes or no.
        found: the sentences of the answer.
        evidence: what the model was shown, in the order of its numbers; whole chunks are looked at by the sentence.
        embed: the text embedder, for how close meanings are; asked only where words alone do not decide.
    """
    pieces = [
        (index, Source.of(sentence.candidate))
        for index, item in enumerate(evidence)
        for sentence in _sentences_of(item)
        if not _ORDERS.search(sentence.candidate.quote)
    ]
    if not found or not pieces:
        fault = "the source is an instruction, not a statement" if evidence else "nothing to rest on"
        return [Checked(claim, (), fault) for claim in found]
    results = [_checked(question, claim, pieces, embed) for claim in found]
    return [_with_verdict(question, result, results[row + 1 :]) for row, result in enumerate(results)]


def liberty(question: str, text: str, source: Evidence) -> str:
    """What a supported claim does beyond saying its source again; empty if nothing.

    A stricter test, for models that pick wrong words from the right sentence: every telling word must stand in the
    source or the question, it must be more than a word or two, and if it answers with a number, the source must not
    hold another one that could be meant.
    """
    known = stems(f"{source.candidate.context}\n{source.candidate.quote}\n{question}")
    strange = [stem for stem in content_stems(text) if stem not in known]
    if strange:
        return f"the word {strange[0]!r} is its own"
    if len(text.split()) < _STATEMENT_WORDS:
        return "too short to be a statement"
    asked = numbers(question)
    answered = numbers(text) - asked
    if answered and numbers(source.candidate.quote) - asked - answered:
        return "the source holds another number that could be meant"
    return ""


def fault_of(text: str, sources: Sequence[Evidence], cosine: float) -> str:
    """Why ``sources`` do not support ``text``; empty if one of them does, or each of its clauses is by one of them."""
    pieces = [(index, sentence) for index, item in enumerate(sources) for sentence in _sentences_of(item)]

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([[1.0], *([cosine] for _ in texts[1:])], np.float32)

    return _checked("", Claim(text, ()), [(index, Source.of(each.candidate)) for index, each in pieces], embed).fault


def _checked(question: str, claim: Claim, pieces: Sequence[tuple[int, Source]], embed: Embed) -> Checked:
    _, text = verdict(claim.text)
    if not text:
        return Checked(claim, (), "says only yes or no")
    claim = Claim(text, claim.marked)
    told = [stem for stem in content_stems(text) if stem not in stems(question)]
    if not told and not numbers(text) - numbers(question) and not _YES_OR_NO.match(question):
        return Checked(claim, (), "repeats the question")
    index, fault = _single(question, claim, pieces, embed)
    if index is not None:
        return Checked(claim, (index,))
    parts = _clauses(text)
    found = [_single(question, Claim(part, claim.marked), pieces, embed, sure=True)[0] for part in parts]
    support = tuple(sorted({each for each in found if each is not None}))
    if len(parts) > 1 and None not in found and len(support) <= _PIECES:
        return Checked(claim, support)
    return Checked(claim, (), fault)


def _single(
    question: str, claim: Claim, pieces: Sequence[tuple[int, Source]], embed: Embed, *, sure: bool = False
) -> tuple[int | None, str]:
    """The one piece of evidence that supports a claim, or None and why the likeliest does not."""
    asked = stems(question)
    telling = _telling(claim.text)
    new = [stem for stem in telling if stem not in asked]
    need = _SURE if sure or says_nothing(claim.text) else _OVERLAP
    shares = [_share(telling, source) for _, source in pieces]
    # Marked evidence first, then by closeness: a small model's marks are often wrong, its words are what counts.
    order = sorted(range(len(pieces)), key=lambda i: (pieces[i][0] not in claim.marked, -shares[i]))
    refused, why = 0.0, "the source does not say that"
    passed: list[int] = []
    for place in order:
        source = pieces[place][1]
        if shares[place] < _FEW or _share(new, source) < _FEW:
            continue
        if fault := fault_in(question, claim.text, source):
            refused, why = max((refused, why), (shares[place], fault))
        else:
            passed.append(place)
    undecided: list[int] = []
    for place in passed:
        index, source = pieces[place]
        if shares[place] < refused - _SLIP:
            continue
        if shares[place] >= need and _share(new, source) >= _NEW:
            return index, ""
        undecided.append(place)
    if undecided and need == _OVERLAP:
        vectors = embed([claim.text, *(squeezed(pieces[place][1].quote) for place in undecided)])
        cosines = vectors[1:] @ vectors[0]
        best = int(np.argmax(cosines))
        if cosines[best] >= _CLOSE:
            return pieces[undecided[best]][0], ""
    return None, why


def _share(telling: Sequence[str], source: Source) -> float:
    return sum(stem in source.stems for stem in telling) / len(telling) if telling else 1.0


def _telling(text: str) -> tuple[str, ...]:
    """Stems of the words that carry meaning, but for numbers and dates: these have a test of their own."""
    rest = _NOT.sub("", without_dates(text, dates(text)))
    for quantity in quantities(rest):
        rest = f"{rest[: quantity.start]}{' ' * (quantity.end - quantity.start)}{rest[quantity.end :]}"
    return content_stems(rest)


def _clauses(text: str) -> list[str]:
    """A sentence as the clauses that it joins; one with fewer than two telling words stays with the one before."""
    parts: list[str] = []
    start = 0
    for match in [*_JOINT.finditer(text), None]:
        part = text[start : match.start() if match else len(text)]
        if parts and len(content_stems(part)) < 2:
            parts[-1] = f"{parts[-1]}, {part}"
        elif part.strip():
            parts.append(part)
        start = match.end() if match else start
    return parts


def _sentences_of(item: Evidence) -> list[Evidence]:
    """The sentences (of a table: the rows) of a piece of evidence; itself if it is one."""
    whole = item.candidate
    if whole.hit.chunk.header:
        inside = [each for each in candidates([whole.hit]) if whole.start <= each.start and each.end <= whole.end]
    else:
        spans = split_sentences(whole.quote)
        inside = [replace(whole, start=whole.start + a, end=whole.start + b) for a, b in spans]
    return [replace(item, candidate=each) for each in inside] or [item]


def _with_verdict(question: str, result: Checked, later: Sequence[Checked]) -> Checked:
    """A bare yes or no rests on the next supported sentence, if that takes up the whole question with that polarity."""
    word, rest = verdict(result.claim.text)
    if not word or rest or not _YES_OR_NO.match(question):
        return result
    for other in later:
        if other.support:
            same = is_negated(other.claim.text) == is_negated(question)
            whole = set(content_stems(question)) <= stems(other.claim.text)
            if whole and same == (word in ("yes", "ja", "true", "correct", "right")):
                return Checked(result.claim, other.support)
            break
    return result
