"""Pieces of HTML that more than one part of the page is made of. Pure; what it is given is escaped here."""

from __future__ import annotations

from html import escape


def attribute(text: object) -> str:
    """``text`` for between the quotes of an attribute."""
    return escape(str(text), quote=True)


def button(label: str, act: str, *, name: str = "", kind: str = "", **data: object) -> str:
    """A button that raises ``act`` with ``data``.

    Args:
        label: what is on it.
        act: the event.
        name: what a screen reader says, where the label is short.
        kind: its class.
        data: what the event tells, by name.
    """
    told = "".join(f' data-{key}="{attribute(value)}"' for key, value in data.items())
    aria = f' aria-label="{attribute(name)}"' if name else ""
    return f'<button type="button" class="{attribute(kind)}" data-act="{act}"{told}{aria}>{escape(label)}</button>'
