"""Where sentences end: spans over a text, so that every sentence is verbatim by construction.

Rules, not a model: a sentence ends at ``. ! ? …`` (and their full-width forms) when what follows looks like a
beginning, unless the dot belongs to an abbreviation, an initial, a number or a list mark; and at a blank line. Line
ends inside a paragraph are no sentence ends, since most files are wrapped.
"""

from __future__ import annotations

import re

_END = re.compile(
    r"""
      (?P<stop>[.!?…]+)(?P<close>["'”’»)\]]*)(?P<space>\s+)(?=["'“‘«(\[¿¡]*[\w$€£§#•–-])
    | (?P<wide>[。！？｡]+["'”’»」』）)]*)\s*
    | (?P<blank>\n[ \t\r]*\n\s*)
    """,
    re.VERBOSE,
)

_ABBREVIATIONS = frozenset(
    """
    al approx appt apr art assn aug ave blvd bros ca capt cf ch chap co col comm corp cpl dec dept det dist div
    dr ed eds eg e.g esp est etc ex exec feb fig figs fr ft gen gov govt hon hr i.e ie inc incl jan jr jul jun
    lt ltd maj mar max messrs min misc mr mrs ms msgr mt nat no nos nov oct op p.m pp prof pt rd rep rev sec
    sect sen sept sep sgt sr st ste supt tel univ v viz vol vols vs u.s u.k u.n bzw d.h dipl evtl ggf inkl mio
    mrd nr o.g s.o sog str u.a usw vgl z.b zzgl env m mm mme mlle
    """.split()
)
_ENDS_ANYWAY = frozenset("etc inc ltd co corp jr sr p.m a.m u.s u.k u.n usw al".split())


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
    rest = text[match.end() : match.end() + 2].lstrip("\"'“‘«([¿¡")
    follower = rest[:1] or text[match.end() : match.end() + 1]
    if match["stop"] != ".":
        # "Yahoo! is" and "wait … what" go on in lower case.
        return not follower.islower()
    if follower.islower():
        return False
    before = text[max(0, match.start() - 24) : match.start()]
    word = re.search(r"[^\s(\[\"“‘'/-]*$", before)
    token = word.group().lower() if word else ""
    if not token:
        return True
    if token in _ENDS_ANYWAY:
        return follower.isupper() and not match["close"]
    if token in _ABBREVIATIONS:
        # "No. 5", "Fig. 3", "Dr. Who"; but "the answer is no. We left" has its own word before it in most texts.
        return False
    if len(token) == 1 and token.isalpha():
        # An initial ("J. Smith") – unless it is the pronoun or follows a word in a list ("plan B. Then").
        return token == "i" and follower.isupper()
    # A list mark at the start of a line: "3. Buy bread".
    at_line_start = not before[: len(before) - len(token)].rpartition("\n")[2].strip()
    line_open = match.start() - len(token) == 0 or "\n" in before[: len(before) - len(token)]
    return not (token.isdigit() and len(token) <= 3 and at_line_start and line_open)
