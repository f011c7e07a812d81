"""What speaks against a sentence resting on a source: a number, date, name or quotation that is not there, a denial
or an opposite. Pure.

Each test can only refuse. That nothing speaks against a sentence does not yet mean that the source says it: how close
the two are is decided in ``ground``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from assistant.dates import Date, dates, without_dates
from assistant.evidence import Candidate
from assistant.opposites import turned_round, without_prefix
from assistant.quantities import Quantity, quantities, unit_of
from assistant.swaps import swapped
from assistant.wording import content_stems, denials, names, opening_words, quoted_spans, squeezed, stem, stems
from indexers.sentences import split_sentences
from indexers.terms import terms

_PRONOUN = re.compile(
    r"^(?:\W*[\w'’-]+,?){0,3}\W+(?:he|she|it|they|his|her|its|their|this|these|er|sie|es|seine?|ihre?|diese[rs]?)\b",
    re.IGNORECASE,
)
_OPENERS = frozenset(
    """
    according additionally afterwards again almost already although always another based besides between consequently
    currently despite earlier either eventually every everyone finally following furthermore generally hence however
    indeed instead lastly later let like many meanwhile moreover much namely nevertheless next nobody none nothing often
    one originally overall perhaps please previously similarly simply since sometimes somebody someone something soon
    specifically still thanks therefore though thus together today toward two three unfortunately unless unlike usually
    various whereas whether within without yes yet document documents passage passages text source answer people person
    das dem den der des die ein eine einem einen einer eines er es sie wir ich in im am um von zu für mit nach bei aus
    auf und oder aber wenn weil dass nicht kein keine laut seit dort hier dieser diese dieses
    """.split()
)
_LOSS = re.compile(
    r"\b(?:minus|below|loss|losses|negative|deficit|decreas\w*|declin\w*|fell|drop\w*|under)\b", re.IGNORECASE
)
_GERMAN = re.compile(r"\b(?:der|die|das|und|ist|nicht|mit|von|für|ein|eine|dem|den|des|im|wird|wurde|sind)\b")
_GERMAN_ENDINGS = ("e", "en", "er", "ern", "es", "s", "n", "ns")
_NEAR = 2
"""Telling words on each side of a number in a sentence, one of which …"""
_AROUND = 4
"""… must stand among these many on each side of it in the source."""


@dataclass(frozen=True)
class Source:
    """A sentence of the evidence with what is read along with it.

    ``before`` is the sentence before it if a pronoun of this one leans on it: its names count as said here.
    """

    quote: str
    context: str
    before: str
    is_row: bool

    @classmethod
    def of(cls, candidate: Candidate) -> Source:
        """The source that a candidate is."""
        before = ""
        if _PRONOUN.match(f" {candidate.quote[:80]}"):
            earlier = candidate.hit.chunk.body[max(0, candidate.start - 600) : candidate.start]
            spans = split_sentences(earlier)
            before = earlier[spans[-1][0] : spans[-1][1]] if spans else ""
        return cls(candidate.quote, candidate.context, before, bool(candidate.hit.chunk.header))

    @property
    def said(self) -> str:
        """The sentence under its title, headings and table header."""
        return f"{self.context}\n{self.quote}"

    @cached_property
    def stems(self) -> frozenset[str]:
        """Stems of ``said`` and of the sentence that is leaned on."""
        return stems(self.said) | stems(self.before)

    @cached_property
    def words(self) -> frozenset[str]:
        """Folded words of the same."""
        return frozenset(terms(f"{self.said}\n{self.before}"))

    @cached_property
    def quantities(self) -> list[Quantity]:
        """The quantities of the sentence itself."""
        return quantities(self.quote)

    @cached_property
    def around(self) -> list[Quantity]:
        """The quantities of title, headings and table header."""
        return quantities(self.context)

    @cached_property
    def dates(self) -> list[Date]:
        """The dates of ``said``."""
        return dates(self.said)


def fault_in(question: str, text: str, source: Source) -> str:
    """What speaks against ``text`` resting on ``source``; empty if nothing does."""
    told = dates(text)
    for date in told:
        if any(date.contradicts(known) for known in source.dates) and not any(date.fits(k) for k in source.dates):
            return f"the date {text[date.start : date.end]!r} is not in the source"
    rest = without_dates(text, [date for date in told if any(date.fits(known) for known in source.dates)])
    for quantity in quantities(rest):
        if fault := _number_fault(rest, quantity, source):
            return fault
    return (
        _name_fault(question, rest, source)
        or _quotation_fault(text, source)
        or _denial_fault(text, source)
        or _opposite_fault(text, source)
        or _swap_fault(rest, source)
    )


def _number_fault(text: str, quantity: Quantity, source: Source) -> str:
    if not quantity.digits and quantity.value == "1":
        return ""  # "one" is more often a pronoun
    shown = text[quantity.start : quantity.end].strip()
    inside = [known for known in source.quantities if _same(quantity, known)]
    matching = inside or [known for known in source.around if _same(quantity, known)]
    if not matching and quantity.scale:
        # A table "in millions": the scale stands above the column.
        scales = {word for word in terms(shown) if word.isalpha()}
        if {stem(word) for word in scales} & stems(source.context):
            matching = [known for known in source.quantities if known.value == quantity.mantissa]
    if not matching:
        return f"the number {shown} is not in the source"
    if quantity.unit and not any(known.unit == quantity.unit for known in matching):
        loose = any(not known.unit for known in matching)
        if not (loose and quantity.unit in _units(source.said)):
            return f"the unit of {shown} is not the source's"
    if _sign_is_wrong(text, quantity, matching, source):
        return f"the sign of {shown} is not the source's"
    if inside and not source.is_row and not _same_surroundings(text, quantity, inside, source):
        return f"the source says {shown} of something else"
    return ""


def _sign_is_wrong(text: str, quantity: Quantity, matching: Sequence[Quantity], source: Source) -> bool:
    signs = {known.sign for known in matching}
    if quantity.sign == "-":
        return not signs & {"-", "()"} and not _LOSS.search(source.said)
    return signs == {"-"} and not _LOSS.search(text)


def _same(one: Quantity, other: Quantity) -> bool:
    """Whether two quantities have one value; the same digits are the same whichever way they are read."""
    if one.value == other.value:
        return True
    decades = one.value.endswith("s") != other.value.endswith("s")
    return bool(one.digits) and one.digits == other.digits and one.scale == other.scale and not decades


def _same_surroundings(text: str, quantity: Quantity, matching: Sequence[Quantity], source: Source) -> bool:
    """Whether a telling word near the number in the text stands near it in the source."""
    near = _beside(text, quantity, _NEAR)
    if not near:
        return True
    # A word that is not in the source at all says nothing of where the number belongs.
    near &= stems(source.quote)
    return not near or any(near & _beside(source.quote, known, _AROUND) for known in matching)


def _beside(text: str, quantity: Quantity, count: int) -> frozenset[str]:
    """Stems of the telling words next to a quantity, at most ``count`` on each side; no numbers."""
    reach = 24 * count
    before = [word for word in content_stems(text[max(0, quantity.start - reach) : quantity.start]) if word.isalpha()]
    after = [word for word in content_stems(text[quantity.end : quantity.end + reach]) if word.isalpha()]
    return frozenset([*before[-count:], *after[:count]])


def _units(text: str) -> set[str]:
    return {unit_of(word) for word in re.findall(r"[^\W\d_]+|[%€$£¥]", text)} - {""}


def _name_fault(question: str, text: str, source: Source) -> str:
    said = f"{source.said}\n{source.before}"
    inflected = len(_GERMAN.findall(text)) >= 2
    unknown = [name for name in names(text) if not _is_known(name, source, said, inflected)]
    ordinary = frozenset(re.findall(r"\b[^\W\d_A-Z][\w'’-]*", f"{question}\n{said}"))
    for word in opening_words(text) - _OPENERS:
        if word in ordinary or stems(word) <= stems(" ".join(ordinary)) or _is_known(word, source, said, inflected):
            continue
        unknown.append(word)
    return f"the name {min(unknown)!r} is not in the source" if unknown else ""


def _is_known(name: str, source: Source, said: str, inflected: bool) -> bool:
    parts = stems(name)
    if parts <= source.stems or ((parts := stems(re.sub(r"[\W_]+", " ", name))) and parts <= source.stems):
        return True
    if len(name) == 1:  # an initial
        return any(word[0] == name for word in names(said) | opening_words(said))
    if name.isalpha() and 2 <= len(name) <= 6 and name in _initials(said):
        return True
    if not inflected:
        return False
    return any(name == word + end or word == name + end for word in source.words for end in _GERMAN_ENDINGS)


def _initials(text: str) -> str:
    """First letters of the capitalised words, a space where other words lie between: "us" is in "united states"."""
    return "".join(
        word[0].lower() if word[0].isupper() else "" if word in ("of", "the", "and", "for", "&") else " "
        for word in re.findall(r"[^\W\d_][\w'’-]*|[&,.;:]", text)
    )


def _quotation_fault(text: str, source: Source) -> str:
    flat = _plain(source.quote)
    for span in quoted_spans(text):
        if _plain(span).strip(".,;:!? ") not in flat:
            return "a quotation is not in the source word for word"
    return ""


def _denial_fault(text: str, source: Source) -> str:
    told, known = denials(text), denials(source.quote)
    turned = frozenset(stem(bare) for word in source.words for bare in without_prefix(word))
    for scope in told:
        denied = frozenset(scope)
        if denied and not any(denied & frozenset(other) for other in known):
            if denied & turned:
                continue  # "not possible" for "impossible"
            return "the source does not deny that"
        if not denied and not known:
            return "the source does not deny that"
    present = stems(text)
    for other in known:
        if other and not any(frozenset(other) & frozenset(scope) for scope in told) and set(other[:2]) <= present:
            return "the source denies that"
    return ""


def _opposite_fault(text: str, source: Source) -> str:
    word = turned_round(text, f"{source.said}\n{source.before}")
    return f"the source does not say {word!r} but the opposite" if word else ""


def _swap_fault(text: str, source: Source) -> str:
    words = "" if source.is_row else swapped(text, source.quote)
    return f"the source has another name or number in the place of {words!r}" if words else ""


def _plain(text: str) -> str:
    return squeezed(text.translate(str.maketrans("’‘“”„", '\'\'"""'))).casefold()
