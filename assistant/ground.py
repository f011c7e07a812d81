"""Does the source say it? Each sentence of a generated answer against the evidence it may rest on. Pure.

A sentence is supported by a piece of evidence if every number, every name and every quoted span of it occurs in that
evidence or in what stands around it on the page (title, headings, table header), if both agree on negation, and if the
meaning is close: most of its telling words are there, or the vectors say so. A model's own ``[2]`` marks say where
to look first; they are not believed.

What this can not see: a sentence made of the source's own words in another relation ("A sued B" from "B sued A").
That is why an answer also shows the evidence word for word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assistant.evidence import Evidence
from assistant.wording import (
    content_stems,
    is_negated,
    names,
    numbers,
    quoted_spans,
    squeezed,
    stems,
    written_numbers,
)
from indexers.sentences import sentences

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts to ``(n, dim)`` float32, L2-normalised."""

_MARK = re.compile(r"\s*[\[(](?:passage |source )?(\d{1,2}(?:\s*,\s*\d{1,2})*)[\])]", re.IGNORECASE)
_LEAD = re.compile(r"^\s*(?:answer|a|response)\s*:\s*", re.IGNORECASE)
_NOTHING = re.compile(
    r"\b(?:not (?:mentioned|stated|given|provided|specified|contained)|(?:do|does|did) not (?:say|mention|state|provide"
    r"|contain|specify)|no (?:information|mention)|(?:cannot|can't|can not|unable to) (?:answer|find|determine)"
    r"|i (?:do not|don't) know|as an ai)\b",
    re.IGNORECASE,
)
_OVERLAP = 0.6
"""Share of a sentence's telling words that its source must hold …"""
_CLOSE = 0.75
"""… or the cosine that makes up for fewer …"""
_FEW = 0.34
"""… but never fewer than this share."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of the answer and the evidence (indexes) that its marks name."""

    text: str
    marked: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """A claim after the check: indexes of the evidence that supports it; none if nothing does, and why."""

    claim: Claim
    support: tuple[int, ...]
    fault: str = ""


def claims(answer: str, count: int) -> list[Claim]:
    """The sentences of a generated answer, without marks and lead-ins; ``count`` is how much evidence there is."""
    found: list[Claim] = []
    for sentence in sentences(_LEAD.sub("", answer)):
        marked = tuple(
            dict.fromkeys(
                int(number) - 1
                for match in _MARK.finditer(sentence)
                for number in match.group(1).split(",")
                if 1 <= int(number) <= count
            )
        )
        text = squeezed(_MARK.sub("", sentence)).strip()
        if any(char.isalnum() for char in text):
            found.append(Claim(text, marked))
    return found


def says_nothing(text: str) -> bool:
    """Whether the model says that it can not answer."""
    return _NOTHING.search(text) is not None


def check(question: str, found: Sequence[Claim], evidence: Sequence[Evidence], embed: Embed) -> list[Checked]:
    """Checks each claim against the evidence.

    Args:
        question: what was asked; a claim that only repeats it is no answer.
        found: the sentences of the answer.
        evidence: what the model was shown, in the order of its numbers.
        embed: the text embedder, for how close meanings are.
    """
    if not found or not evidence:
        return [Checked(claim, (), "nothing to rest on") for claim in found]
    vectors = embed([claim.text for claim in found] + [item.candidate.text for item in evidence])
    cosines = vectors[: len(found)] @ vectors[len(found) :].T
    return [_checked(question, claim, evidence, cosines[row]) for row, claim in enumerate(found)]


def _checked(question: str, claim: Claim, evidence: Sequence[Evidence], cosines: NDArray[np.float32]) -> Checked:
    if says_nothing(claim.text):
        return Checked(claim, (), "says that there is no answer")
    told = [stem for stem in content_stems(claim.text) if stem not in stems(question)]
    if not told and not numbers(claim.text) - numbers(question):
        return Checked(claim, (), "repeats the question")
    # Marked evidence first, then by closeness: a small model's marks are often wrong, its words are what counts.
    order = sorted(range(len(evidence)), key=lambda i: (i not in claim.marked, -float(cosines[i])))
    faults: list[str] = []
    for index in order:
        fault = fault_of(claim.text, [evidence[index]], float(cosines[index]))
        if not fault:
            return Checked(claim, (index,))
        faults.append(fault)
    pair = order[:2]
    if len(pair) == 2 and not fault_of(claim.text, [evidence[i] for i in pair], float(max(cosines[i] for i in pair))):
        return Checked(claim, tuple(sorted(pair)))
    return Checked(claim, (), faults[0])


def fault_of(text: str, sources: Sequence[Evidence], cosine: float) -> str:
    """Why ``sources`` together do not support ``text``; empty if they do."""
    said = "\n".join(f"{item.candidate.context}\n{item.candidate.quote}" for item in sources)
    quotes = "\n".join(item.candidate.quote for item in sources)
    present = numbers(said)
    strange = sorted(written_numbers(text) - present) or sorted(numbers(text) - present - {"1"})
    if strange:
        return f"the number {strange[0]} is not in the source"
    words = stems(said)
    unknown = sorted(name for name in names(text) if not stems(name) <= words)
    if unknown:
        return f"the name {unknown[0]!r} is not in the source"
    flat = _plain(quotes)
    for span in quoted_spans(text):
        if _plain(span).strip(".,;:!? ") not in flat:
            return "a quotation is not in the source word for word"
    if is_negated(text) != is_negated(quotes):
        return "the source and the sentence disagree on a negation"
    telling = content_stems(text)
    share = sum(stem in words for stem in telling) / len(telling) if telling else 1.0
    if share >= _OVERLAP or (cosine >= _CLOSE and share >= _FEW):
        return ""
    return "the source does not say that"


def _plain(text: str) -> str:
    return squeezed(text.translate(str.maketrans("’‘“”„", '\'\'"""'))).casefold()
