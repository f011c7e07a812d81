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
    r"^\s*(?:(?:and|but|or|so|then|ok(?:ay)?|und|aber|oder)\b[\s,]*)?"
    r"(?P<about>(?:what about|how about|was ist mit|wie sieht es mit|wie ist es mit)\b)?"
    r"\s*(?:then|also|dann|auch)?\b\s*",
    re.IGNORECASE,
)
_QUESTION_WORD = re.compile(
    r"\b(?:who|whom|whose|what|when|where|why|which|how|is|are|was|were|do|does|did|can|could|will|would|has|have|had"
    r"|list|show|find|give|tell|name|explain|describe|compare|summari[sz]e"
    r"|wer|wen|wem|wessen|wann|wo|warum|wieso|weshalb|welche[rsmn]?|wie|ist|sind|hat|gibt)\b",
    re.IGNORECASE,
)
_MORE = re.compile(
    r"^\W*(?:tell me more|(?:any |some )?more (?:details?|about (?:it|that|this|them))|go on|continue"
    r"|explain (?:it|that|this)"
    r"|(?:what|who|where) else|why(?: not)?|how(?: so| come| much| many| long)?|when|where|who|which ones?|since when"
    r"|until when|by whom|are you sure|warum|wann|wo|wer|seit wann|wie viele?|wie lange|mehr dazu)\W*$",
    re.IGNORECASE,
)
_PERSONAL = re.compile(r"\b(?:he|she|it|they|him|her|hers|his|its|them|their|theirs)\b", re.IGNORECASE)
_EMPTY_IT = re.compile(
    r"\b(?:is|was|does|did|has|will|can)\s+it\s+(?:true|possible|allowed|legal|necessary|safe|better|raining?|cost\s+to|take\s+to"
    r"|mean\s+(?:to|when))\b",
    re.IGNORECASE,
)
_POINTING = re.compile(
    r"\b(?:(?:is|was|are|were|does|did|do|can|will|about|of|in|for|after|before|by|with|from|to|like|than|at|on)\s+"
    r"(?:this|that|these|those)\b(?!\s+(?:there|you|he|she|they|we|it)\b)|(?:this|that|these|those)\s*\?*$"
    r"|\b(?:there|then)\s*\?*$|(?:which|what|the other|the first|the last|the second)\s+ones?\b"
    r"|the (?:former|latter)\b)",
    re.IGNORECASE,
)
_ABOUT_IT = re.compile(
    r"\b(?:about|for|of|with|to|on|in|by|from|after|before)\s+(?:it|him|her|them)\s*\W*$", re.IGNORECASE
)
_GERMAN = re.compile(
    r"^\W*(?:und |aber )?(?:wer|wen|wem|was|wann|wo|warum|wieso|wie|wohin|woher)"
    r"(?:\s(?:alt|viele?|lange|hoch|groß|oft))?\s\w+\s(?:(?:er|sie|ihn|ihm|ihr|ihnen|es)\b|(?:das|dort|davon|damit|dafür|dazu|dabei)\W*$)"
    r"|\b(?:davon|dafür|damit|dazu|dabei|dessen|deren)\W*$",
    re.IGNORECASE,
)
_EMPTY_ES = re.compile(r"\bgibt es\b", re.IGNORECASE)
_REST = re.compile(
    r"^\W*(?:only |just |nur )?(?:in|for|on|at|of|from|by|with|since|until|before|after"
    r"|during|für|im|am|bei|von|seit|vor|nach)\b",
    re.IGNORECASE,
)
_ASKED_BEFORE = re.compile(r"\(([^()]*\?)\)\s*$")
_PREPOSITION = re.compile(r"(\b[a-zäöü]+)\s+(?:the\s|die\s|der\s|das\s|den\s|dem\s)?$")
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
_OWN_WORDS = 2
"""Telling words before a pronoun that are taken to hold what it means."""


def leans(question: str) -> bool:
    """Whether the question can not be understood without the one before it.

    In doubt it stands alone: a question that is glued to another topic finds the wrong thing, and one that should have
    been completed can be asked again.
    """
    opening = _OPENING.match(question)
    rest = question[opening.end() :] if opening else question
    telling = content_stems(rest)
    if _MORE.match(rest) or (opening and opening["about"] and len(telling) <= _FEW_WORDS):
        return True
    if not _QUESTION_WORD.search(rest):
        opened = rest.strip() != question.strip()
        # "lease term" may well be a search of its own; "Germany?" and "in 2023" are not.
        few = len(telling) <= (_FEW_WORDS if opened or _REST.match(rest) else 1 if "?" in rest else 0)
        return few or (len(telling) <= 2 and any(kind.fullmatch(rest.strip(" ?.")) for kind in _KINDS))
    if len(telling) > _FEW_WORDS:
        return False
    if _POINTING.search(rest) or (_GERMAN.search(rest) and not _EMPTY_ES.search(rest)):
        return True
    pronoun = next((each for each in _PERSONAL.finditer(rest) if each.group() != "IT"), None)
    if pronoun is None or _EMPTY_IT.search(rest):
        return False
    before = [stem for stem in content_stems(rest[: pronoun.start()]) if stem not in STOP_WORDS and stem.isalpha()]
    return len(before) < _OWN_WORDS or _ABOUT_IT.search(rest) is not None


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
    before = earlier[-1].strip()
    rest = _OPENING.sub("", question, count=1).strip()
    if _QUESTION_WORD.search(rest) or _MORE.match(rest) or _PERSONAL.search(rest):
        # What was itself completed by an earlier question leans on that one: the chain does not grow.
        asked = _ASKED_BEFORE.search(before)
        return f"{rest} ({asked.group(1) if asked else before})"
    for kind in _KINDS:
        new, old = kind.search(rest), kind.search(before)
        if new and old:
            return before[: old.start()] + new.group() + before[old.end() :]
    name = _NAME.search(" " + rest)
    if (
        name
        and not any(kind.search(rest) for kind in _KINDS)
        and (old := _replaced_name(f" {rest}"[: name.start()], before))
    ):
        return before[: old.start()] + name.group() + before[old.end() :]
    return f"{before.rstrip(' ?')} {rest}"


def _replaced_name(before_new: str, before: str) -> re.Match[str] | None:
    """The name of the earlier question that a new one takes the place of: the only one, or the one said likewise."""
    old_names = [match for match in _NAME.finditer(before) if match.group().lower() not in STOP_WORDS]
    if len(old_names) == 1:
        return old_names[0]
    said = _PREPOSITION.search(before_new)
    alike = [match for match in old_names if said and _said_with(before[: match.start()]) == said.group(1).lower()]
    return alike[0] if len(alike) == 1 else None


def _said_with(before: str) -> str:
    found = _PREPOSITION.search(before)
    return found.group(1) if found else ""
