"""Where sentences end: spans over a text, so that every sentence is verbatim by construction.

Rules, not a model: a sentence ends at ``. ! ? …`` (and their full-width forms) when what follows looks like a
beginning, unless the dot belongs to an abbreviation, an initial, a number or a list mark; at a blank line; and before
a list mark. Line ends inside a paragraph are no sentence ends, since most files are wrapped. Time is linear in the
length of the text, whatever is in it: no pattern gives back what it took.
"""

from __future__ import annotations

import re

_END = re.compile(
    r"""
      (?<![.!?…])(?P<stop>[.!?…]++)(?P<close>(?:["'”’»)\]*_]|[ \u00a0\u202f]»)*+)(?P<space>\s++)(?=[^\s,;:.!?…)\]}»])
    | (?P<wide>[。！？｡]++["'”’»」』）)]*+)\s*+
    | (?P<blank>\n[ \t\r\f\v]*+\n\s*+)
    | (?P<item>\n[ \t]*+)(?=(?:[-*+•◦▪‣]|(?P<number>\d{1,3}[.)]))[ \t])
    """,
    re.VERBOSE,
)
_BLANK = re.compile(r"\n[ \t\r\f\v]*+\n")
_NUMBERED = re.compile(r"\d{1,3}[.)]\s")
_OPENING = "\"'“‘«([{¿¡*_`"
_WORD = re.compile(r"\w+")

_NEVER_LAST = frozenset(
    """
    adm brig capt cf col cpl d.h dr e.g eg evtl fr gen ggf gov hon i.e ie inkl lt m maj mlle mm mme mr mrs ms msgr mt
    prof rev sen sgt sr st ste supt u.a v vgl viz vs z.b zzgl ca bzw sog approx messrs rep
    """.split()
)
"""What stands before the word it belongs to: a sentence does not end here."""
_SELDOM_LAST = frozenset(
    """
    a.m al appt apr assn aug ave blvd bros ch chap co comm corp dec dept det dipl dist div ed eds env esp est ex exec
    feb fig figs ft govt inc incl jan jr jul jun ltd max mio misc mrd nat nov nr nos o.g oct op p.m pp pt rd
    s.o sect sep sept str tel u.k u.n u.s univ vol vols
    """.split()
)
"""Abbreviations that may end a sentence: they do before a word that mostly begins one."""
_BEFORE_NUMBERS = frozenset("no art sec min mar p".split())
"""Words of their own as well: abbreviations only before a number."""
_STARTERS = frozenset(
    """
    a after all although an and another as at because before both but by during each even finally for from further
    furthermore he her here his how however i if in instead it its later many meanwhile moreover most my no nor not
    now on once one or other our several she since so some such that the their then there therefore these they this
    those though thus to today under until we what when where whether which while who why with yet you your
    aber am auch auf aus bei da damit dann das dem den der des die dies diese dieser doch ein eine er es für hier ich
    ihr im ist mit nach nur seit sie sind so und vom von vor wenn wer wie wir zu zum
    à avec ce ces cette dans de elle elles en et il ils je la le les leur mais nous on ou par pour que qui si son sur
    un une vous
    """.split()
)
_GERMAN_ORDINAL = re.compile(
    r"\b(?:am|dem|den|der|des|die|das|im|vom|zum|zur|bis|ab|seit|beim)\s+\d{1,2}\Z", re.IGNORECASE
)
_LOOK_BACK = 24


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Spans ``(start, end)`` of the sentences of ``text``, without the white space around them, in order.

    Every character that is not white space lies in exactly one span.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _END.finditer(text):
        if match["stop"] is not None:
            if not _is_end(text, match):
                continue
            end = match.start("space")
        elif match["wide"] is not None:
            end = match.end("wide")
        elif match["number"] is not None and not _NUMBERED.match(text, start):
            # A line that begins with "12. " is an item only after another one: "on the\n12. of May".
            continue
        else:
            end = match.start()
        _append(spans, text, start, end)
        start = match.end()
    _append(spans, text, start, len(text))
    return spans


def sentences(text: str) -> list[str]:
    """The sentences themselves."""
    return [text[start:end] for start, end in split_sentences(text)]


def _append(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    stretch = text[start:end]
    left = len(stretch) - len(stretch.lstrip())
    stripped = stretch.strip()
    if stripped:
        spans.append((start + left, start + left + len(stripped)))


def _is_end(text: str, match: re.Match[str]) -> bool:
    """Whether a run of stops followed by white space ends a sentence."""
    if _BLANK.search(match["space"]):
        return True
    rest = text[match.end() : match.end() + _LOOK_BACK].lstrip(_OPENING + " \u00a0\u202f")
    follower = rest[:1]
    if follower.islower():
        # Also "Yahoo! is" and "wait … what".
        return False
    if match["stop"] != ".":
        return True
    begin = max(0, match.start() - _LOOK_BACK)
    before = text[begin : match.start()]
    word = re.search(r"[^\s(\[\"“‘'/-]*$", before)
    token = word.group().lower() if word else ""
    if token.isdigit():
        return not _is_mark(before, token, begin == 0) and not _GERMAN_ORDINAL.search(before)
    if token in _BEFORE_NUMBERS:
        return not follower.isdigit()
    if token in ("etc", "usw"):
        return follower.isupper()
    if token in _NEVER_LAST:
        return False
    is_initial = len(token) == 1 and token.isalpha() and token != "i"
    if token in _SELDOM_LAST or is_initial:
        next_word = _WORD.match(rest)
        return next_word is not None and next_word.group().lower() in _STARTERS
    return True


def _is_mark(before: str, token: str, from_start: bool) -> bool:
    """Whether a number with a dot stands alone at the start of a line: "3. Buy bread"."""
    head, newline, line = before[: len(before) - len(token)].rpartition("\n")
    at_line_start = bool(newline) or (from_start and not head)
    return len(token) <= 3 and at_line_start and not line.strip()
