"""What a text says, as things that can be compared: stems, numbers, names, quoted spans, negation. Pure.

Shared by the evidence (which sentence speaks of the question's words?) and the grounding (does the source say
what the answer says?). English rules where a language is needed; other languages lose stems, nothing else.
"""

from __future__ import annotations

import re
from functools import lru_cache

import snowballstemmer

from indexers.terms import STOP_WORDS, query_terms, terms

_STEMMER = snowballstemmer.stemmer("english")
_NUMBER = re.compile(r"(?<![\w.,])[-+]?\d+(?:[.,]\d+)*(?=\D|$)|(?<=[^\W\d_])\d+(?:[.,]\d+)*")
_SMALL_NUMBERS = {
    word: str(value)
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen twenty".split()
    )
} | {"thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90"}
_WORD = re.compile(r"[^\W\d_][\w’'.&-]*", re.UNICODE)
_QUOTED = re.compile(r"[\"“„«]([^\"“”„«»\n]{3,})[\"”“»]")
_NEGATED = re.compile(r"\b(?:no|not|never|none|nor|neither|nobody|nothing|without|cannot|\w+n[’']t)\b", re.IGNORECASE)


@lru_cache(maxsize=200_000)
def stem(term: str) -> str:
    """The English stem of one folded term; numbers and codes stay as they are.

    >>> stem("restored"), stem("10-q")
    ('restor', '10-q')
    """
    return str(_STEMMER.stemWord(term)) if term.isalpha() else term


def stem_list(text: str) -> list[str]:
    """Stems of all words of ``text`` in reading order."""
    return [stem(term) for term in terms(text)]


@lru_cache(maxsize=4096)
def stems(text: str) -> frozenset[str]:
    """Stems of all words of ``text``, stop words included."""
    return frozenset(stem(term) for term in terms(text))


def content_stems(text: str) -> tuple[str, ...]:
    """Stems of the words that carry meaning, each once, in reading order."""
    return tuple(dict.fromkeys(stem(term) for term in query_terms(text)))


def numbers(text: str) -> frozenset[str]:
    """The numbers of a text in one form: ``1,234.50``, ``1.234,5`` and ``1234.5`` are the same; so are ``two`` and 2.

    >>> sorted(numbers("Two of 1,234.50 units, 7 %"))
    ['1234.5', '2', '7']
    """
    found = {_plain_number(match.group()) for match in _NUMBER.finditer(text)}
    found |= {_SMALL_NUMBERS[word] for word in terms(text) if word in _SMALL_NUMBERS}
    return frozenset(found)


def written_numbers(text: str) -> frozenset[str]:
    """Only the numbers that are written in digits."""
    return frozenset(_plain_number(match.group()) for match in _NUMBER.finditer(text))


def names(text: str) -> frozenset[str]:
    """Folded words that look like parts of names: capitalised inside a sentence, or with capitals inside.

    >>> sorted(names("Yesterday Ada met McCoy at IBM."))
    ['ada', 'ibm', 'mccoy']
    """
    found: set[str] = set()
    for match in _WORD.finditer(text):
        word = match.group().rstrip(".'’-")
        opens = _opens_sentence(text, match.start())
        inner = any(char.isupper() for char in word[1:])
        if (inner or (word[:1].isupper() and not opens)) and word.lower() not in STOP_WORDS:
            found.update(term for term in terms(word) if term not in STOP_WORDS)
    return frozenset(found)


def quoted_spans(text: str) -> tuple[str, ...]:
    """What stands between quotation marks, without them."""
    return tuple(match.group(1).strip() for match in _QUOTED.finditer(text))


def is_negated(text: str) -> bool:
    """Whether the text holds a word of negation."""
    return _NEGATED.search(text) is not None


def squeezed(text: str) -> str:
    """The text on one line, runs of white space as one space."""
    return " ".join(text.split())


def _opens_sentence(text: str, at: int) -> bool:
    before = text[:at].rstrip(" \t\n\"'“‘«([*_#>-")
    return not before or before[-1] in ".!?:;…|"


def _plain_number(written: str) -> str:
    digits = written.lstrip("+-")
    groups = re.split(r"[.,]", digits)
    marks = re.findall(r"[.,]", digits)
    if len(groups) > 1 and all(len(group) == 3 for group in groups[1:]) and len(set(marks)) == 1 and marks[0] == ",":
        return "".join(groups).lstrip("0") or "0"
    if len(groups) > 2 and len(set(marks)) == 1:
        # "1.234.567" is grouped, "12.3.2024" is a date or a version and stays whole.
        grouped = all(len(group) == 3 for group in groups[1:])
        return ("".join(groups) if grouped else ".".join(groups)).lstrip("0") or "0"
    whole, fraction = ("".join(groups[:-1]), groups[-1]) if len(groups) > 1 else (digits, "")
    fraction = fraction.rstrip("0")
    whole = whole.lstrip("0") or "0"
    return f"{whole}.{fraction}" if fraction else whole
