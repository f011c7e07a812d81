"""The text that a language model wrote → its sentences, as claims to be checked. Pure.

Takes off what is not part of a claim: the marks that name passages (kept beside it), markdown, lead-ins such as
"Answer:" or "According to passage 2,"; cuts where a model goes on to write questions or passages of its own; says a
sentence once that the model says ten times.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from assistant.wording import squeezed
from indexers.sentences import sentences

_NUMBERS = r"\d{1,2}(?:\s?(?:,|and|&|[-–])\s?\d{1,2}){0,9}"
_MARK = re.compile(
    rf"\[(?:passages? |sources? )?(?P<square>{_NUMBERS})\]|\((?:passages? |sources? |see )(?P<named>{_NUMBERS})\)"
    rf"|\((?P<round>{_NUMBERS})\)(?=\s*[.;,]?\s*$)",
    re.IGNORECASE,
)
_FRAME = re.compile(
    rf"^(?:(?:according to|as (?:stated|mentioned|described|noted|said) in|based on|in|from) (?:the )?"
    rf"(?:given |provided |numbered )?(?:passages?|sources?|texts?|documents?)(?: (?P<a>{_NUMBERS}))?"
    rf"(?:, | (?:it is (?:stated|said|mentioned) )?that )"
    rf"|(?:the )?(?:passages?|sources?|texts?|documents?)(?: (?P<b>{_NUMBERS}))? "
    rf"(?:say|state|mention|note|explain|indicate)s? "
    rf"(?:that )?|the answer (?:to (?:the|this|your) question )?is:? (?=that |[A-Z0-9\"“]))(?:that )?",
    re.IGNORECASE,
)
_LEAD = re.compile(r"^\s*(?:(?:the )?(?:final )?(?:answer|a|response)\s*:\s*)+", re.IGNORECASE)
_RUNS_ON = re.compile(
    r"(?:^|(?<=\n)|(?<=[.!?\])\"”] ))[ \t*#>]{0,8}(?:question|passages?|context|user|assistant|system|human"
    r"|instructions?|note|q)\s?\d{0,2}\s?\**:|<\|[a-z_]+\|>|</?s>|\[/?INST\]|<(?:start|end)_of_turn>",
    re.IGNORECASE,
)
_ANSWER = re.compile(r"(?:^|\n)[ \t*#>]{0,8}(?:answer|response)\s?\**:\s*(?P<rest>[^\n]+)", re.IGNORECASE)
_BULLET = re.compile(r"^\s{0,20}(?:[-*•+–]|\d{1,2}[.)]|#{1,6})\s+")
_MARKDOWN = re.compile(r"\*\*|__|`{1,3}|(?<!\w)\*(?=\w)|(?<=[\w.,!?])\*(?!\w)")
_VERDICT = re.compile(r"^(?P<word>yes|no|ja|nein|correct|true|false|right)\b(?:[,.:;!–—-]\s*|\s*$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of the answer and the evidence (indexes) that its marks name."""

    text: str
    marked: tuple[int, ...]


def claims(answer: str, count: int) -> list[Claim]:
    """The sentences of a generated answer, without marks and lead-ins; ``count`` is how much evidence there is."""
    found: dict[str, Claim] = {}
    for line in _ended(answer).splitlines():
        plain = _MARKDOWN.sub("", _BULLET.sub("", line))
        for sentence in sentences(squeezed(plain)):
            claim = _claim(sentence, count)
            key = claim.text.casefold().rstrip(" .")
            if not any(char.isalnum() for char in key):
                continue
            # What is said again adds only its marks.
            known = found.get(key, claim)
            found[key] = replace(known, marked=tuple(dict.fromkeys((*known.marked, *claim.marked))))
    return list(found.values())


def verdict(text: str) -> tuple[str, str]:
    """A leading yes or no in lower case, and the rest of the sentence; both may be empty.

    >>> verdict("No, it ends in May."), verdict("Norway won.")
    (('no', 'It ends in May.'), ('', 'Norway won.'))
    """
    match = _VERDICT.match(text)
    if not match:
        return "", text
    return match["word"].lower(), _capital(text[match.end() :].lstrip())


def _ended(answer: str) -> str:
    """The answer up to where the model goes on with a question or a passage of its own."""
    cut = _RUNS_ON.search(answer)
    if cut and not any(char.isalnum() for char in answer[: cut.start()]):
        # It began by repeating the frame: what it calls its answer is all there is.
        own = _ANSWER.search(answer)
        return own["rest"] if own else ""
    return _LEAD.sub("", answer[: cut.start()] if cut else answer)


def _claim(sentence: str, count: int) -> Claim:
    marks: list[str] = []

    def note(match: re.Match[str]) -> str:
        inside = next((group for group in match.groups() if group), "")
        if match["round"] and not all(1 <= int(number) <= count for number in re.findall(r"\d+", inside)):
            return match.group()  # "in sacks (24)" is part of the sentence
        marks.append(inside)
        return ""

    text = squeezed(_MARK.sub(note, sentence))
    text = re.sub(r"\s+(?=[.,;:!?](?:\s|$))", "", text)
    if frame := _FRAME.match(text):
        marks.append(frame["a"] or frame["b"] or "")
        text = _capital(text[frame.end() :])
    numbers = [int(number) for mark in marks for number in re.findall(r"\d+", mark)]
    return Claim(text, tuple(dict.fromkeys(number - 1 for number in numbers if 1 <= number <= count)))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
