"""What kind of thing a question asks for, and whether a text offers one that the question did not bring. Pure.

"How many …" wants a number, "when" a time, "who" and "where" a name. A sentence that resembles the question and offers
nothing of the kind is unlikely to answer it. English question words; any other question expects nothing in particular.
"""

from __future__ import annotations

import re
from enum import Enum

from assistant.wording import names, numbers
from indexers.terms import terms

_NUMBER = re.compile(
    r"\bhow (?:many|much|old|long|far|tall|large|big|high|often|fast|deep|wide|heavy)\b"
    r"|\bwhat (?:percentage|percent|number|amount|share|proportion)\b",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\bwhen\b|\b(?:what|which) (?:year|date|day|month|decade|century|time|season)\b|\bsince when\b|\bhow long ago\b",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"\bwho(?:se|m)?\b|\bwhere\b|\b(?:what|which) (?:country|city|state|place|town|region|river|person|company)\b",
    re.IGNORECASE,
)
_TIME_WORDS = frozenset(
    """january february march april may june july august september october november december monday tuesday wednesday
    thursday friday saturday sunday century decade year years day days morning evening night spring summer winter autumn
    today yesterday tomorrow midnight noon easter christmas""".split()
)
_YEAR = re.compile(r"\b(?:1\d{3}|20\d\d)s?\b")


class Kind(Enum):
    """What a question may ask for."""

    NUMBER = "number"
    TIME = "time"
    NAME = "name"


def expected(question: str) -> Kind | None:
    """The kind of thing that ``question`` asks for, if its words say so.

    >>> expected("How many mills stood there?"), expected("When was it built?"), expected("Why?")
    (<Kind.NUMBER: 'number'>, <Kind.TIME: 'time'>, None)
    """
    for kind, pattern in ((Kind.NUMBER, _NUMBER), (Kind.TIME, _TIME), (Kind.NAME, _NAME)):
        if pattern.search(question):
            return kind
    return None


def offers(kind: Kind, text: str, question: str) -> bool:
    """Whether ``text`` holds something of the kind that does not stand in ``question`` itself."""
    if kind is Kind.NUMBER:
        return bool(numbers(text) - numbers(question))
    if kind is Kind.TIME:
        fresh = (set(terms(text)) & _TIME_WORDS) - set(terms(question))
        return bool(fresh or set(_YEAR.findall(text)) - set(_YEAR.findall(question)))
    return bool(names(text) - frozenset(terms(question)))
