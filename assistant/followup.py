"""A question that leans on the one before it, completed so that it can be searched alone. Pure.

"And in 2023?" after "What were the sales in 2022?" is searched as "What were the sales in 2023?". Rules, not a
model: the bundled language model is too small to be trusted with it, and a wrong completion would be a wrong search.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.wording import content_stems
from indexers.terms import STOP_WORDS

_OPENING = re.compile(
    r"^\s*(?:and|but|or|so|then|what about|how about|und|et|y)\b[\s,]*(?:then|also|what about|how about)?\s*",
    re.IGNORECASE,
)
_LEANING = re.compile(
    r"\b(?:he|she|it|they|him|her|hers|his|its|them|their|theirs|this|that|these|those|there|one|ones|same|former"
    r"|latter)\b",
    re.IGNORECASE,
)
_QUESTION_WORD = re.compile(
    r"\b(?:who|whom|whose|what|when|where|why|which|how|is|are|was|were|do|does|did|can|could|will|would|has|have|had)\b",
    re.IGNORECASE,
)
_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december|"
    r"jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)"
)
_KINDS = [
    re.compile(rf"\b(?:\d{{1,2}}\s+)?{_MONTH}\s+(?:1[5-9]|20)\d\d\b", re.IGNORECASE),
    re.compile(
        r"\b(?:the\s+)?(?:first|second|third|fourth|last|next)\s+(?:quarter|half|year|month|week)\b", re.IGNORECASE
    ),
    re.compile(r"\bq[1-4]\b", re.IGNORECASE),
    re.compile(r"\b(?:1[5-9]|20)\d\d\b"),
    re.compile(rf"\b{_MONTH}\b", re.IGNORECASE),
    re.compile(r"\b(?:page|chapter|section|slide|part|table|figure)\s+\d+\b", re.IGNORECASE),
]
_NAME = re.compile(r"(?<!^)(?<![.!?] )\b[A-ZÀ-Þ][\w’'-]*(?:\s+(?:of\s+)?[A-ZÀ-Þ][\w’'-]*)*")
_FEW_WORDS = 4


def leans(question: str) -> bool:
    """Whether the question can not be understood without the one before it."""
    if _OPENING.match(question) and len(content_stems(_OPENING.sub("", question))) <= _FEW_WORDS:
        return True
    telling = content_stems(question)
    if not _QUESTION_WORD.search(question) and len(telling) <= 2:
        return True
    return bool(_LEANING.search(question)) and len(telling) <= _FEW_WORDS


def complete(question: str, earlier: Sequence[str]) -> str:
    """The question as it must be searched.

    Args:
        question: as typed.
        earlier: the questions of the conversation before it, already completed, oldest first.

    >>> complete("And in 2023?", ["What were the net sales in 2022?"])
    'What were the net sales in 2023?'
    >>> complete("How old is he?", ["Who is Ada's brother?"])
    "How old is he? (Who is Ada's brother?)"
    """
    if not earlier or not leans(question):
        return question
    before = earlier[-1]
    rest = _OPENING.sub("", question).strip()
    if _QUESTION_WORD.search(rest):
        return f"{rest} ({before})"
    for kind in _KINDS:
        new, old = kind.search(rest), kind.search(before)
        if new and old:
            return before[: old.start()] + new.group() + before[old.end() :]
    name = _NAME.search(" " + rest)
    old_names = [match for match in _NAME.finditer(before) if match.group().lower() not in STOP_WORDS]
    if name and len(old_names) == 1:
        return before[: old_names[0].start()] + name.group() + before[old_names[0].end() :]
    return f"{before.rstrip(' ?')} {rest}"
