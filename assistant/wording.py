"""What a text says, as things that can be compared: stems, numbers, names, quoted spans, denials. Pure.

Shared by the evidence (which sentence speaks of the question's words?) and the grounding (does the source say
what the answer says?). English rules where a language is needed, with the German words of negation; other languages
lose stems and denials, nothing else. Numbers in detail are in ``quantities``, opposites in ``opposites``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import snowballstemmer

from assistant.quantities import quantities
from indexers.terms import STOP_WORDS, query_terms, terms

_STEMMER = snowballstemmer.stemmer("english")
_WORD = re.compile(r"[^\W\d_][\w’'.&-]*", re.UNICODE)
_QUOTED = re.compile(r"[\"“„«]([^\"“”„«»\n]{3,})[\"”“»]")
_NEGATED = re.compile(
    r"\b(?:no(?!\.?\s?\d)|not(?!\s+only\b)|never|none|nor|neither|nobody|nothing|without|cannot|\w{1,12}n[’']t"
    r"|kein(?:e[mnrs]?)?|(?P<after>nicht(?!\s+nur\b))|nie|niemals|ohne)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[,.;:!?](?=\s|$)|\b(?:but|because|although|while|whereas|sondern|weil)\b", re.IGNORECASE)
_SCOPE = 3
"""Telling words after a "not" that it is taken to deny."""


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

    >>> sorted(numbers("Two of 1,234.50 units, 7 %, 3.5 million"))
    ['1234.5', '2', '3500000', '7']
    """
    return frozenset(quantity.value for quantity in quantities(text))


def written_numbers(text: str) -> frozenset[str]:
    """Only the numbers that are written in digits."""
    return frozenset(quantity.value for quantity in quantities(text) if quantity.digits)


def names(text: str) -> frozenset[str]:
    """Folded words that look like parts of names: capitalised inside a sentence, or with capitals inside.

    >>> sorted(names("Yesterday Ada met McCoy at IBM."))
    ['ada', 'ibm', 'mccoy']
    """
    found: set[str] = set()
    for word, opens in _capitalised(text):
        if not opens or any(char.isupper() for char in word[1:]):
            found.update(term for term in terms(word) if term not in STOP_WORDS)
    return frozenset(found)


def opening_words(text: str) -> frozenset[str]:
    """Folded words that are capitalised where a sentence begins: names, or any word; stop words are left out.

    >>> sorted(opening_words("Yesterday Ada met him. The end."))
    ['yesterday']
    """
    return frozenset(word.lower() for word, opens in _capitalised(text) if opens)


def _capitalised(text: str) -> Iterator[tuple[str, bool]]:
    """Words with a capital, and whether they open a sentence; no stop words."""
    for match in _WORD.finditer(text):
        word = match.group().rstrip(".'’-&")
        if any(char.isupper() for char in word) and word.lower() not in STOP_WORDS:
            yield word, word[0].isupper() and _opens_sentence(text, match.start())


def quoted_spans(text: str) -> tuple[str, ...]:
    """What stands between quotation marks, without them."""
    return tuple(match.group(1).strip() for match in _QUOTED.finditer(text))


def is_negated(text: str) -> bool:
    """Whether the text holds a word of negation; "not only" and "No. 5" are none."""
    return _NEGATED.search(text) is not None


def denials(text: str) -> list[tuple[str, ...]]:
    """What each word of negation denies: the stems of the telling words that follow it in its clause, at most three.

    A German "nicht" follows what it denies, so it takes in the two before it as well.

    >>> denials("He did not win the race, but Ada did.")
    [('win', 'race')]
    """
    found: list[tuple[str, ...]] = []
    for match in _NEGATED.finditer(text):
        after = text[match.end() : match.end() + 120]
        end = _CLAUSE.search(after)
        denied = content_stems(after[: end.start()] if end else after)[:_SCOPE]
        if match["after"]:
            before = text[max(0, match.start() - 60) : match.start()]
            denied = (*denied[:2], *content_stems(_CLAUSE.split(before)[-1])[-2:])
        found.append(tuple(stem for stem in denied if stem not in STOP_WORDS))
    return found


def squeezed(text: str) -> str:
    """The text on one line, runs of white space as one space."""
    return " ".join(text.split())


def _opens_sentence(text: str, at: int) -> bool:
    # Only what stands close before it, so that a long text costs no more than its length.
    before = text[max(0, at - 24) : at].rstrip(" \t\n\"'“‘«([*_#>-")
    return (not before and at <= 24) or before[-1:] in (*".!?:;…|",)
