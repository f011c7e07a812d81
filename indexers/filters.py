"""Which documents a search is about: their kinds, where they lie, and their days. Pure.

A filter becomes a condition over the catalog's files ``f`` and contents ``c``, so that what it leaves out is never
ranked. A document's day is the one that it bears itself (a mail's, a photograph's); else that on which its file was
last changed, in this machine's time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from indexers.catalog_codec import plain_path, range_below

_OWN = "substr(json_extract(c.metadata, '$.date'), 1, 10)"
_YEAR = "[0-9][0-9][0-9][0-9]"
_IS_DAY = " OR ".join(f"{_OWN} GLOB '{_YEAR}{rest}'" for rest in ("", "-[0-9][0-9]", "-[0-9][0-9]-[0-9][0-9]"))
OWN_DAY = f"CASE WHEN {_IS_DAY} THEN {_OWN} END"
"""The day, month or year that a document bears (``2024-05-17``, ``2024-05``, ``2024``); NULL if none, or no date."""

_FIRST, _LAST = date(1900, 1, 1), date(2262, 1, 1)
"""Beyond these, systems can not tell when a day begins, nor 64 bits hold the nanoseconds; no file is as old, or new."""


@dataclass(frozen=True, slots=True)
class Days:
    """Days from ``since`` to ``until``, both included; None: without bound."""

    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """What a document must be: of one of the kinds ``media``, at or below the path ``under``, and of these ``days``."""

    media: frozenset[str] | None = None
    under: str | None = None
    days: Days | None = None

    @property
    def is_open(self) -> bool:
        """Whether everything passes."""
        return self == EVERYTHING

    def clause(self) -> tuple[str, list[str | int]]:
        """A WHERE clause over files ``f`` and contents ``c``, and its values."""
        clauses, values = ["1"], list[str | int]()
        if self.media is not None:
            kinds = sorted(self.media)
            clauses.append(f"c.media IN ({','.join('?' * len(kinds))})")
            values += kinds
        if self.under is not None:
            low, high = range_below(self.under)
            path = plain_path(self.under)
            # A document inside a file is below that file: "mail.eml!/report.pdf".
            inner = "(f.parent IS NOT NULL AND f.path >= ? AND f.path < ?)"
            clauses.append(f"(f.path = ? OR (f.path >= ? AND f.path < ?) OR {inner})")
            values += [path, low, high, path + "!/", path + "!0"]
        if self.days is not None:
            within, bounds = _within(self.days)
            clauses.append(within)
            values += bounds
        return " AND ".join(clauses), values


EVERYTHING = Filter()


def _within(days: Days) -> tuple[str, list[str | int]]:
    """Whether any of the days that a document's date may mean is one of these: of ``2024-05``, any in that May."""
    own, changed, values, bounds = ["1"], ["1"], list[str | int](), list[str | int]()
    for day, compared, is_end in ((days.since, ">=", False), (days.until, "<=", True)):
        if day is not None:
            own.append(f"{OWN_DAY} {compared} substr(?, 1, length({OWN_DAY}))")
            values.append(day.isoformat())
            changed.append(f"f.mtime_ns {'<' if is_end else '>='} ?")
            bounds.append(_midnight_ns(min(day, _LAST) + timedelta(days=is_end)))
    return (
        f"CASE WHEN {OWN_DAY} IS NULL THEN {' AND '.join(changed)} ELSE {' AND '.join(own)} END",
        [*bounds, *values],
    )


def _midnight_ns(day: date) -> int:
    """When a day begins here, in nanoseconds since 1970."""
    begins = datetime.combine(max(day, _FIRST), time())
    return int(begins.astimezone().timestamp()) * 10**9
