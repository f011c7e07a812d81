"""What a value of a setting must be, whoever says it: an argument, a variable, a line of the file, a field of the page.

Knows the kinds of values and which names have a rule of their own; not where values come from.
"""

from __future__ import annotations

import math
from pathlib import Path

from indexers.errors import UsageError

SECRETS = frozenset({"llm_api_key", "ui_password"})
"""Never shown, in no message and on no page."""
THEMES = ("system", "light", "dark")
_FROM_ZERO = frozenset({"threads"})
_RANGES = {"answer_words": (10, 1000)}


def typed(name: str, kind: str, value: object, source: str) -> object:
    """``value`` as a setting of this kind.

    Args:
        name: the setting.
        kind: its type as it is written: "Path", "Path | None", "bool", "int", "float", "str".
        value: as it was said; texts may stand for any kind.
        source: who said it, for the message.

    Raises:
        UsageError: it can not be what it must be.
    """
    try:
        return _as_kind(name, kind, value)
    except ValueError as error:
        shown = "the value" if name in SECRETS else repr(value)
        raise UsageError(f"{source}: {shown} is no value for {name} ({error})") from error


def wrong(name: str, kind: str, value: object) -> str:
    """Why ``value`` can not be one of the setting, in a clause for a person; "" if it can."""
    try:
        _as_kind(name, kind, value)
    except ValueError as error:
        return str(error)
    return ""


def path(value: object) -> Path:
    """A path, with the home folder in the place of "~".

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str | Path) or not str(value).strip() or "\0" in str(value):
        raise ValueError("write a path")
    try:
        return Path(value).expanduser()
    except RuntimeError as error:
        raise ValueError(f"there is no such home folder: {error}") from error


def _as_kind(name: str, kind: str, value: object) -> object:
    if kind.startswith("Path"):
        return None if value == "" and "None" in kind else path(value)
    if kind == "bool":
        return _boolean(value)
    if kind == "int":
        return _whole_number(name, value)
    if kind == "float":
        return _number(value)
    if name == "llm_small":
        return _small(value)
    if name == "theme":
        return _theme(value)
    if not isinstance(value, str):
        raise ValueError("write a text in quotation marks")
    return value


def _number(value: object) -> float:
    try:
        number = float(str(value))
    except ValueError as error:
        raise ValueError("write a number") from error
    if math.isnan(number):
        raise ValueError("write a number")
    return number


def _whole_number(name: str, value: object) -> int:
    try:
        number = int(str(value))
    except ValueError as error:
        raise ValueError("write a whole number") from error
    if number < 0:
        raise ValueError("it must not be negative")
    if number == 0 and name not in _FROM_ZERO:
        raise ValueError("it must be at least 1")
    if name in _RANGES:
        least, most = _RANGES[name]
        if not least <= number <= most:
            raise ValueError(f"write a number from {least} to {most}")
    return number


def _small(value: object) -> str:
    """One of "auto", "true" and "false"."""
    if isinstance(value, str) and value.strip().lower() == "auto":
        return "auto"
    try:
        return str(_boolean(value)).lower()
    except ValueError as error:
        raise ValueError("write auto, true or false") from error


def _theme(value: object) -> str:
    word = str(value).strip().lower()
    if word not in THEMES:
        raise ValueError(f"write one of {', '.join(THEMES)}")
    return word


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise ValueError("write true or false")
