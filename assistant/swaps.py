"""Is one name or number put in the place of another, in a sentence that otherwise copies its source? Pure.

Every word of "Bonn paid 5 and Kiel 7" is in the source of "Bonn paid 7 and Kiel 5". Laid beside each other word by
word, the two differ where one name or number took the place of another while the words around it stayed. Only near
copies can be laid beside each other so; a sentence in other words or another order is not judged here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from assistant.quantities import quantities
from assistant.wording import names, stem
from indexers.terms import terms

_WORD = re.compile(r"[$€£]?[^\W_]+(?:[.,'’&/-][^\W_]+)*%?")
_GROUPED = re.compile(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3})")
_LONGEST = 5
"""Words of one name or number; a longer difference is another wording."""
_FLANKS = 3
"""Words on both sides together that must be the same."""
_FORMS_OF_ADDRESS = frozenset("mr mrs ms miss dr prof professor sir lady lord herr frau".split())
_MOST_WORDS = 400


def swapped(text: str, source: str) -> str:
    """What of ``text`` stands where its source has another name or number; empty if nothing does.

    >>> swapped("Bonn paid 7 and Kiel 5", "Bonn paid 5 and Kiel 7"), swapped("Kiel paid 7", "Kiel (and Bonn) paid 7")
    ('7', '')
    """
    told, known = (_WORD.findall(_GROUPED.sub(",", each))[:_MOST_WORDS] for each in (text, source))
    matcher = SequenceMatcher(None, [_key(word) for word in known], [_key(word) for word in told], autojunk=False)
    steps = matcher.get_opcodes()
    told_names, known_names = names(f"x {text}"), names(f"x {source}")
    for place, (kind, a, b, c, d) in enumerate(steps):
        if kind != "replace" or b - a > _LONGEST or d - c > _LONGEST:
            continue
        flanks = sum(steps[i][2] - steps[i][1] for i in (place - 1, place + 1) if 0 <= i < len(steps))
        if flanks < _FLANKS:
            continue
        if _differ(_values(known[a : b + 1]), _values(told[c : d + 1])) and _values(told[c:d]):
            return " ".join(told[c:d])
        lost, put = _named(known[a:b], known_names), _named(told[c:d], told_names)
        if _differ(lost, put) and "".join(word[0] for word in known[a:b]).lower() not in put:
            return " ".join(told[c:d])
    return ""


def _differ(lost: frozenset[str], put: frozenset[str]) -> bool:
    return bool(lost - put) and bool(put - lost)


def _key(word: str) -> str:
    return stem((terms(word) or [word])[0])


def _values(words: Sequence[str]) -> frozenset[str]:
    # A word more than what differs is read with it, for "3.5 million" where "3,500,000" stands.
    return frozenset(each.value for each in quantities(" ".join(words)) if each.digits or each.value != "1")


def _named(words: Sequence[str], among: frozenset[str]) -> frozenset[str]:
    found = {stem(term) for word in words for term in terms(word) if term in among and term not in _FORMS_OF_ADDRESS}
    return frozenset(found)
