"""A table's row in words: each cell under the name of its column. Pure."""

from __future__ import annotations

import csv

from assistant.wording import squeezed

_BARS = " | "
_DELIMITERS = "\t;|,"


def labelled(header: str, row: str) -> str:
    """``row`` with the header's words before its cells; the row as it is if the two do not fit together.

    >>> labelled("Year | Open days", "2024 | 2968")
    'Year: 2024 · Open days: 2968'
    >>> labelled("date,remark", '2024-01-07,"flood, high"')
    'date: 2024-01-07 · remark: flood, high'
    """
    names, cells = _cells(header, header), _cells(row, header)
    if len(names) < 2 or len(names) != len(cells):
        return squeezed(row)
    pairs = [f"{name}: {cell}" if name else cell for name, cell in zip(names, cells, strict=True) if cell]
    return " · ".join(pairs)


def _cells(line: str, header: str) -> list[str]:
    """The cells of ``line``, cut by what cuts ``header``."""
    if _BARS in header:
        return [cell.strip() for cell in line.split("|")]
    delimiter = max(_DELIMITERS, key=header.count)
    try:
        rows = list(csv.reader([" ".join(line.splitlines())], delimiter=delimiter))
    except csv.Error:
        # A field of more than 128 KB, or a stray NUL: no row that is read cell by cell.
        return []
    return [squeezed(cell) for cell in rows[0]] if rows else []
