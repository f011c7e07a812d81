"""Text to search terms, the same way for what is stored and for what is asked (pure).

Words are folded (compatibility forms, case, accents) and cut where a reader would cut them. What is joined
by punctuation is a term as typed *and* in parts: ``10-Q`` gives ``10-q``, ``10``, ``q``, so that the exact
form ranks first and the parts are still found. Scripts that do not put spaces between words (and Korean,
which glues particles to them) give every character and every pair of neighbours: pairs are what words
of these scripts mostly are, and no dictionary is needed.

Knows nothing of the index or of any language's grammar; the word index adds English stems beside these terms.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

MAX_TERM = 64  # characters; longer runs are data (base64, hashes) that nobody types whole

# Ideographs, kana, bopomofo, hangul, Thai, Lao, Myanmar, Khmer.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3100-\u312f\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_FOLDED = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i", "’": "'", "ʼ": "'"}
    # Hyphens that look alike; a soft hyphen only says where a line may break.
    | dict.fromkeys("\u2010\u2011\u2012\u2212", "-")
    | {"\u00ad": None}
)
_ENDINGS = frozenset(["s", "t", "d", "m", "ll", "re", "ve"])  # what English leaves after an apostrophe
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")

_STOP_WORDS = """
    a about after all also am an and any are as at be because been before being between both but by can
    could did do does doing during each for from further had has have having he her here hers him his
    how i if in into is it its itself just me more most my no nor not of off on once only or other our
    out over own s same she should so some such t than that the their them then there these they this
    those through to too under until up very was we were what when where which while who whom why will
    with would you your
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""English words that say how a question is put and not what it is about."""


def terms(text: str) -> list[str]:
    """The terms of ``text`` in reading order, repeated as often as they occur.

    >>> terms("The 10-Q of Łódź: 1,234.56")
    ['the', '10-q', '10', 'q', 'of', 'lodz', '1,234.56', '1234.56', '1234', '56']
    >>> terms("東京都")
    ['東', '東京', '京', '京都', '都']
    """
    found: list[str] = []
    for run in _pattern().findall(_fold(text)):
        if run.isascii():
            if run.isalnum():
                found.append(run[:MAX_TERM])
            else:
                found.extend(_whole_and_parts(run))
        elif _unspaced().match(run):
            found.extend(_characters_and_pairs(run))
        else:
            found.extend(_whole_and_parts(run))
    return found


def query_terms(text: str) -> list[str]:
    """The terms to look for, each once: no stop words if anything else is left, no single characters of
    unspaced scripts where a pair says more.

    >>> query_terms("What is the boiling point?"), query_terms("to be or not to be")
    (['boiling', 'point'], ['to', 'be', 'or', 'not'])
    """
    unique = dict.fromkeys(terms(text))
    paired = {character for term in unique if _is_pair(term) for character in term}
    told = [term for term in unique if term not in paired]
    return [term for term in told if term not in STOP_WORDS] or told


def _is_pair(term: str) -> bool:
    return len(term) == 2 and not term.isascii() and _unspaced().fullmatch(term) is not None


def _fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    # A lone surrogate (a file name that is not UTF-8) would be refused by the index.
    text = text.encode("utf-8", "replace").decode("utf-8")
    apart = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold())
    # Only the accents of Latin, Greek and Cyrillic, and Hebrew and Arabic vowel points, are optional in
    # writing; a dropped mark of an Indic script or of kana would make another word.
    bare = re.sub("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670]", "", apart)
    return unicodedata.normalize("NFC", bare).translate(_FOLDED)


def _characters_and_pairs(run: str) -> list[str]:
    found = []
    for position, character in enumerate(run):
        found.append(character)
        if position + 1 < len(run):
            found.append(run[position : position + 2])
    return found


def _whole_and_parts(run: str) -> list[str]:
    if "'" in run:  # "don't", "l'école", "Newton's": the parts alone are what others write
        parts = [part for part in run.split("'") if part]
        return [term for part in parts[:1] + [p for p in parts[1:] if p not in _ENDINGS] for term in terms(part)]
    found = [run[:MAX_TERM]]
    if _THOUSANDS.fullmatch(run):
        # The groups between the commas mean nothing alone.
        run = run.replace(",", "")
        found.append(run)
    for piece in _piece().findall(run):
        found.append(piece[:MAX_TERM])
        if "_" in piece:
            found.extend(part[:MAX_TERM] for part in piece.split("_") if part)
    return list(dict.fromkeys(found))


@cache
def _unspaced() -> re.Pattern[str]:
    return re.compile(f"[{_UNSPACED}]+")


@cache
def _letters() -> str:
    # ``\w`` leaves out the combining marks that carry the vowels of Indic scripts.
    marks = "".join(chr(code) for code in range(0x0900, 0x0E00) if unicodedata.category(chr(code))[0] == "M")
    return rf"[^\W{_UNSPACED}]|[{marks}]"


@cache
def _piece() -> re.Pattern[str]:
    return re.compile(rf"(?:{_letters()})+")


@cache
def _pattern() -> re.Pattern[str]:
    spaced = rf"(?:[a-z0-9_]|{_letters()})+"  # most text is ASCII, and a class of few is quick
    joined = rf"{spaced}(?:[-.,:/@&'+]{spaced})*(?:\+\+|\#)?"
    return re.compile(rf"{joined}|[{_UNSPACED}]+")
