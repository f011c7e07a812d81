"""The quantities of a text, in one form whatever way they are written: 1,234.50 and 1.234,5, two and 2, $3m. Pure.

A number is a value with, where it is said, a unit, a sign and a scale. ``1.234`` and ``1,234`` can each be read in two
ways: as in English, unless other numbers of the same text are written as on the Continent. Whoever compares should take
the same writing for the same number first. Spelled numbers are read in English, the small ones in German too; digits in
codes ("COVID-19", "10-Q") count as numbers, since a wrong one makes another code.

Knows nothing of dates (``dates``) and converts no units: 1 km is not 1,000 m here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

_GAP = "\u00a0\u2009\u202f'’"  # what groups thousands besides commas and dots
_DIGITS = re.compile(rf"\d{{1,3}}(?:[{_GAP}]\d{{3}})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,]\d+)*[½¼¾]?|[½¼¾]")
_CONTINENTAL = re.compile(r"\d{1,3}(?:\.\d{3})+,\d+|\d{1,3}(?:\.\d{3}){2,}|[1-9]\d*,\d{1,2}")
_ENGLISH = re.compile(r"\d{1,3}(?:,\d{3})+\.\d+|\d{1,3}(?:,\d{3}){2,}|\d+\.\d{1,2}")
_SCALES = {"hundred": 2, "thousand": 3, "tausend": 3, "million": 6, "millionen": 6, "mio": 6, "mn": 6, "billion": 9}
_SCALES |= {"milliarde": 9, "milliarden": 9, "mrd": 9, "bn": 9, "billionen": 12, "trillion": 12, "tn": 12}
_SCALE = re.compile(rf"[\s-]?({'|'.join(sorted(_SCALES, key=len, reverse=True))})\b", re.IGNORECASE)
_SHORT_SCALE = re.compile(r"([kKMmB])(?![\w])")
_CURRENCY_BEFORE = re.compile(r"(?:[$€£¥]|\b(?:USD|EUR|GBP|CHF|JPY))\s?$")
_MINUS_BEFORE = re.compile(r"(?:(?:^|[\s(\[=:])[-\u2212\u2013]\s?[$€£¥]?|\bminus\s)$", re.IGNORECASE)
_UNIT = re.compile(r"[\s-]?\s?(per\s?cent\b|%|°\s?[CF]\b|[€$£¥]|[^\W\d_]+)", re.IGNORECASE)
_SAME_UNIT = """
%: % percent percentage prozent
$: $ usd dollar dollars
€: € eur euro euros
£: £ gbp
¥: ¥ jpy yen
chf: chf franken
kg: kg kilogram kilograms kilo kilos kilogramm
g: g gram grams gramm
mg: mg milligram milligrams
t: t tonne tonnes
ton: ton tons
km: km kilometre kilometres kilometer kilometers
m: m metre metres meter meters
cm: cm centimetre centimetres centimeter centimeters
mm: mm millimetre millimetres millimeter millimeters
mile: mile miles mi
foot: ft foot feet
inch: inch inches
l: l litre litres liter liters
ml: ml millilitre millilitres milliliter milliliters
ms: ms millisecond milliseconds
s: s sec second seconds sekunde sekunden
min: min minute minutes minuten
h: h hr hrs hour hours stunde stunden
day: day days tag tage tagen
week: week weeks woche wochen
month: month months monat monate monaten
year: year years jahr jahre jahren
kb: kb kilobyte kilobytes
mb: mb megabyte megabytes
gb: gb gigabyte gigabytes
tb: tb terabyte terabytes
kw: kw kilowatt kilowatts
mw: mw megawatt megawatts
kwh: kwh
mwh: mwh
hz: hz
khz: khz
mhz: mhz
ghz: ghz
°c: °c celsius
°f: °f fahrenheit
"""
_UNITS = {
    word: unit
    for line in _SAME_UNIT.strip().splitlines()
    for unit, words in [line.split(": ")]
    for word in words.split()
}
_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_ORDINALS = "second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()
_GERMAN = "zwei drei vier fünf sechs sieben acht neun zehn elf zwölf".split()
_SMALL = {word: value for value, word in enumerate(_ONES)}
_SMALL |= {word: 10 * value for value, word in enumerate(_TENS, start=2)}
_ALONE = {word: value for words in (_ORDINALS, _GERMAN) for value, word in enumerate(words, start=2)}
_POWERS = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_NUMBER_WORD = "|".join(sorted([*_SMALL, *_POWERS, *_ALONE], key=len, reverse=True))
_PLAIN = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as it stands in a text, characters ``start`` to ``end`` (unit and scale included).

    ``value`` is its canonical form, without sign ("1234.5", "1990s"); ``digits`` what is written of it in digits and
    ``mantissa`` their value without the scale, both empty for a spelled number; ``scale`` a power of ten that was
    written as a word; ``unit`` one of a few dozen known units, or empty; ``sign`` "-", "()" for a number in brackets,
    or empty.
    """

    value: str
    digits: str
    mantissa: str
    scale: int
    unit: str
    sign: str
    start: int
    end: int


def quantities(text: str) -> list[Quantity]:
    """The quantities of ``text``: those in digits, then the spelled ones, each in reading order."""
    written = list(_written(text))
    taken = {place for each in written for place in range(each.start, each.end)}
    return [*written, *(each for each in _spelled(text) if each.start not in taken)]


def unit_of(word: str) -> str:
    """The unit that a word names ("kilos" → "kg"); empty if it names none."""
    return _UNITS.get(word.lower(), "")


def _written(text: str) -> Iterator[Quantity]:
    matches = list(_DIGITS.finditer(text))
    # Dates and versions ("12.3.2024", "1.2.3") match neither form as a whole.
    forms = [match.group() for match in matches]
    english = any(_ENGLISH.fullmatch(form) for form in forms)
    continental = not english and any(_CONTINENTAL.fullmatch(form) for form in forms)
    for match in matches:
        for at, digits in _listed(match):
            yield _quantity(text, at, digits, continental)


def _listed(match: re.Match[str]) -> list[tuple[int, str]]:
    """The numbers of a run of digits and marks: "1,2,3" is three."""
    run = match.group()
    groups = run.split(",")
    grouped = all(len(group) == 3 for group in groups[1:-1]) and len(groups[-1].split(".")[0]) == 3
    if ("." in run and not grouped) or len(groups) < 2 or (grouped and len(groups[0]) <= 3):
        return [(match.start(), run)]
    if len(groups) == 2 and not (len(groups[0]) == len(groups[1]) == 4):
        return [(match.start(), run)]
    found, at = [], match.start()
    for group in groups:
        found.append((at, group))
        at += len(group) + 1
    return found


def _quantity(text: str, start: int, digits: str, continental: bool) -> Quantity:
    end = start + len(digits)
    mantissa = value = canonical(digits, continental)
    before = text[max(0, start - 8) : start]
    currency = _CURRENCY_BEFORE.search(before)
    scale = 0
    if scaled := _SCALE.match(text, end):
        scale, end = _SCALES[scaled.group(1).lower()], scaled.end()
    elif (short := _SHORT_SCALE.match(text, end)) and (currency or short.group(1) in "kK"):
        scale, end = {"k": 3, "m": 6, "b": 9}[short.group(1).lower()], short.end()
    elif text[end : end + 2].lower() in ("st", "nd", "rd", "th") and not text[end + 2 : end + 3].isalnum():
        end += 2
    elif text[end : end + 1] == "s" and not text[end + 1 : end + 2].isalnum() and digits[-1] == "0":
        value, end = f"{value}s", end + 1
    if scale and _PLAIN.fullmatch(mantissa):
        value = _decimal(Decimal(mantissa).scaleb(scale))
    unit, end = _unit(text, end)
    if currency and not unit:
        unit = _UNITS[currency.group().strip().lower()]
    bracketed = before.rstrip("$€£¥ ")[-1:] == "(" and text[end : end + 1] == ")"
    sign = "-" if _MINUS_BEFORE.search(before) else "()" if bracketed else ""
    return Quantity(value, digits, mantissa, scale, unit, sign, start, end)


def _unit(text: str, end: int) -> tuple[str, int]:
    """The unit that follows at ``end``, and where it ends."""
    found = _UNIT.match(text, end)
    if not found:
        return "", end
    word = re.sub(r"\s", "", found.group(1).lower())
    # "$5 m" was read before; a bare "m", "s", "t" or "g" must be written as a unit is, in lower case.
    if word not in _UNITS or (len(word) == 1 and found.group(1).isupper()):
        return "", end
    return _UNITS[word], found.end()


def canonical(digits: str, continental: bool = False) -> str:
    """A run of digits and marks in one form.

    >>> canonical("1,234.50"), canonical("1.234,5"), canonical("007"), canonical("12.3.2024")
    ('1234.5', '1234.5', '7', '12.3.2024')
    """
    fraction = ""
    if digits[-1] in "½¼¾":
        fraction = {"½": "5", "¼": "25", "¾": "75"}[digits[-1]]
        digits = digits[:-1] or "0"
    plain = re.sub(rf"[{_GAP}]", "", digits)
    if not plain.isascii():
        plain = "".join(char if char in ".," else str(unicodedata.decimal(char, 0)) for char in plain)
    groups = re.split(r"[.,]", plain)
    marks = re.sub(r"\d", "", plain)
    whole = plain if len(groups) == 1 else "".join(groups[:-1])
    grouped = len(groups[0]) <= 3 and groups[0] != "0" and all(len(group) == 3 for group in groups[1:])
    if len(groups) > 2 and len(set(marks)) == 1:
        if not grouped:
            return ".".join(groups)
        whole = "".join(groups)
    elif len(groups) == 2 and grouped and marks == ("." if continental else ","):
        whole = "".join(groups)
    elif len(groups) > 1:
        fraction = groups[-1]
    whole, fraction = whole.lstrip("0") or "0", fraction.rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole


def _decimal(value: Decimal) -> str:
    written = f"{value:f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


def _spelled(text: str) -> Iterator[Quantity]:
    """Numbers in words: neighbours are put together ("two hundred and five", "twenty-one")."""
    run: list[re.Match[str]] = []
    for match in _SPELLED_PARTS.finditer(text):
        word = match.group(1).lower()
        if run and not (_goes_on(run, word) and not text[run[-1].end() : match.start()].strip(" -\n\t\u00a0")):
            yield _put_together(text, run)
            run = []
        run.append(match)
    if run:
        yield _put_together(text, run)


_SPELLED_PARTS = re.compile(rf"\b({_NUMBER_WORD})\b(?:\s+and\b(?=\s+(?:{_NUMBER_WORD})\b))?", re.IGNORECASE)


def _goes_on(run: list[re.Match[str]], word: str) -> bool:
    """Whether ``word`` belongs to the number that ``run`` began."""
    last = run[-1].group(1).lower()
    joined = run[-1].group().lower() != last
    if word in _POWERS:
        return not joined and last not in _ALONE and (last not in _POWERS or _POWERS[word] > _POWERS[last])
    if word in _ALONE or last in _ALONE:
        return False
    if last in _POWERS:
        return True
    return not joined and last in _TENS and 0 < _SMALL[word] < 10


def _put_together(text: str, run: list[re.Match[str]]) -> Quantity:
    total, current = 0, 0
    for match in run:
        word = match.group(1).lower()
        if word in _ALONE:
            current = _ALONE[word]
        elif word == "hundred":
            current = max(current, 1) * 100
        elif word in _POWERS:
            total, current = total + max(current, 1) * 10 ** _POWERS[word], 0
        else:
            current += _SMALL[word]
    start, end = run[0].start(), run[-1].end(1)
    unit, end = ("", end) if run[0].group(1).lower() in _ORDINALS else _unit(text, end)
    sign = "-" if _MINUS_BEFORE.search(text[max(0, start - 8) : start]) else ""
    return Quantity(str(total + current), "", "", 0, unit, sign, start, end)
