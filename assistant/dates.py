"""The dates of a text, whichever way they are written, so that 12 March 2024 is found again in 2024-03-12. Pure.

Reads English and German month names, ISO dates, 12.3.2024 and 3/12/2024 (which is taken both ways). A date may lack its
day or its year. Month names must be capitalised, since "may" and "march" are words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAMES = {
    "jan": 1, "january": 1, "januar": 1, "feb": 2, "february": 2, "februar": 2, "mar": 3, "march": 3, "märz": 3,
    "apr": 4, "april": 4, "may": 5, "mai": 5, "jun": 6, "june": 6, "juni": 6, "jul": 7, "july": 7, "juli": 7,
    "aug": 8, "august": 8, "sep": 9, "sept": 9, "september": 9, "oct": 10, "october": 10, "okt": 10, "oktober": 10,
    "nov": 11, "november": 11, "dec": 12, "december": 12, "dez": 12, "dezember": 12,
}  # fmt: skip
_MONTH = "|".join(sorted((name.capitalize() for name in _NAMES), key=len, reverse=True))
_DATE = re.compile(
    rf"""
      (?<![\d.,])(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?\s(?:of\s)?(?P<month>{_MONTH})\b(?:\.?,?\s(?P<year>\d{{4}})(?!\d))?
    | \b(?P<month2>{_MONTH})\b\.?\s(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?(?![\w%])(?!,\d)(?:,?\s(?P<year2>\d{{4}})(?!\d))?
    | \b(?P<month3>{_MONTH})\b\.?,?\s(?P<year3>\d{{4}})(?!\d)
    | (?<![\w-])(?P<iso_year>\d{{4}})-(?P<iso_month>\d\d)-(?P<iso_day>\d\d)(?![\d-])
    | (?<![\w.])(?P<dot_day>\d{{1,2}})\.\s?(?P<dot_month>\d{{1,2}})\.\s?(?P<dot_year>\d{{4}})(?!\d)
    | (?<![\w/])(?P<slash_a>\d{{1,2}})/(?P<slash_b>\d{{1,2}})/(?P<slash_year>\d{{4}})(?![\d/])
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Date:
    """A date at characters ``start`` to ``end``; ``readings`` are ``(year, month, day)``, 0 for what is not said."""

    readings: tuple[tuple[int, int, int], ...]
    start: int
    end: int

    def fits(self, other: Date) -> bool:
        """Whether all that this date says is said by ``other``."""
        return any(
            all(mine in (0, theirs) for mine, theirs in zip(said, known, strict=True))
            for said in self.readings
            for known in other.readings
        )

    def contradicts(self, other: Date) -> bool:
        """Whether both name a day, a month and a year, and differ in one of these only: a date that was altered."""
        pairs = [(said, known) for said in self.readings for known in other.readings]
        return all(
            0 not in (*said, *known) and sum(a != b for a, b in zip(said, known, strict=True)) == 1
            for said, known in pairs
        )


def dates(text: str) -> list[Date]:
    """The dates of ``text`` in reading order.

    >>> [date.readings for date in dates("signed 12 March 2024, valid from 2024-04-01")]
    [((2024, 3, 12),), ((2024, 4, 1),)]
    """
    found: list[Date] = []
    for match in _DATE.finditer(text):
        readings = tuple(dict.fromkeys(reading for reading in _readings(match) if _possible(*reading)))
        if readings:
            found.append(Date(readings, match.start(), match.end()))
    return found


def without_dates(text: str, taken: list[Date]) -> str:
    """``text`` with these dates blanked out, its length unchanged."""
    for date in taken:
        text = text[: date.start] + " " * (date.end - date.start) + text[date.end :]
    return text


def _readings(match: re.Match[str]) -> list[tuple[int, int, int]]:
    if match["slash_year"]:
        year, a, b = int(match["slash_year"]), int(match["slash_a"]), int(match["slash_b"])
        return [(year, a, b), (year, b, a)]
    month_name = match["month"] or match["month2"] or match["month3"]
    if month_name:
        named = match["year"] or match["year2"] or match["year3"] or 0
        return [(int(named), _NAMES[month_name.lower()], int(match["day"] or match["day2"] or 0))]
    if match["iso_year"]:
        return [(int(match["iso_year"]), int(match["iso_month"]), int(match["iso_day"]))]
    return [(int(match["dot_year"]), int(match["dot_month"]), int(match["dot_day"]))]


def _possible(year: int, month: int, day: int) -> bool:
    return 1 <= month <= 12 and 0 <= day <= 31 and year >= 0
