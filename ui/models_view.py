"""The models of the catalogue as a table: what is here, what is in force, what this machine carries. Pure.

Every text is escaped here. What a language model needs of a machine is for ``assistant.capacity`` to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from assistant import capacity
from assistant.capacity import Fit, Machine

_ROLES = {
    "llm": "Writes answers",
    "text": "Finds passages by what they mean",
    "image": "Finds pictures by what they show",
    "speech": "Writes down what is said",
}
_FITS: dict[Fit, str] = {
    "fits": "fits this machine",
    "slow": "has room here, but writes slowly on so few cores",
    "tight": "tight: has room here if little else runs",
    "too large": "too large for this machine",
    "unknown": "needs",
}
SETTINGS = {"llm": "llm", "image": "image_model", "speech": "speech_model"}
"""The setting by which the model for a role is chosen."""


_HEAD = (
    "".join(f'<th scope="col">{name}</th>' for name in ("Model", "Size", "Licence", "Here"))
    + '<th scope="col"><span class="unseen">What can be done</span></th>'
)


@dataclass(frozen=True, slots=True)
class Pulling:
    """A download: the bytes that are there and will be, 0 while that is not known; ``error`` where it broke off."""

    done: int = 0
    total: int = 0
    error: str = ""


def in_use(settings: Mapping[str, Any], text_model: str) -> dict[str, str]:
    """What does each role's work now, by role: a name of the catalogue, a path, or a server's address.

    Args:
        settings: values in force, by name.
        text_model: the library's text model.
    """
    used = {"text": text_model}
    for role, name in SETTINGS.items():
        used[role] = str(settings.get(f"{name}_path") or settings[name])
    if settings["llm_url"]:
        used["llm"] = f"{settings['llm_model'] or 'a model'} at {settings['llm_url']}"
    elif str(settings["llm"]).casefold() == "none":
        used["llm"] = "none"
    return used


def table(
    rows: Sequence[Mapping[str, Any]], used: Mapping[str, str], machine: Machine, fixed: Mapping[str, str]
) -> str:
    """The models by what they do, with buttons to get one and to take one.

    Args:
        rows: as ``Assistant.models`` gives them.
        used: as ``in_use`` gives it.
        machine: what they run on.
        fixed: for roles whose model can not be chosen here, who says which it is.
    """
    sizes = {row["name"]: int(row["size_bytes"]) for row in rows if row["role"] == "llm"}
    best = capacity.recommended(sizes, machine)
    parts = [f'<p class="machine">{escape(_machine(machine))}</p>']
    for role, what in _ROLES.items():
        lines = "".join(_line(row, used, machine, best, fixed) for row in rows if row["role"] == role)
        parts.append(
            f'<h3>{what}</h3><p class="now">{escape(_now(role, used, rows))}</p>'
            f"<table><thead><tr>{_HEAD}</tr></thead><tbody>{lines}</tbody></table>"
        )
        if role == "llm":
            parts.append(_quotes_only(used["llm"] == "none", fixed.get("llm", "")))
        elif role == "text":
            parts.append(_text_model(used["text"]))
    return "".join(parts)


def _machine(machine: Machine) -> str:
    memory = "memory that it does not tell" if machine.memory_bytes is None else f"{_size(machine.memory_bytes)} memory"
    return f"This machine has {memory} and {machine.cores} {'core' if machine.cores == 1 else 'cores'} for models."


def _now(role: str, used: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> str:
    name = used[role]
    if name.casefold() == "none":
        return {"llm": "None: answers are quotes, word for word."}.get(role, "None, as the settings say.")
    here = {str(row["name"]).casefold(): bool(row["installed"]) for row in rows}
    if not here.get(name.casefold(), True):
        return f"{name} is named by the settings and is not here yet."
    return f"In force: {name}."


def _line(
    row: Mapping[str, Any], used: Mapping[str, str], machine: Machine, best: str | None, fixed: Mapping[str, str]
) -> str:
    name, role = str(row["name"]), str(row["role"])
    is_used = name.casefold() == used[role].casefold()
    notes = []
    if role == "llm":
        notes.append(_carried(int(row["size_bytes"]), machine))
        if name == best:
            notes.append("recommended for this machine")
    told = f'<span class="note">{escape("; ".join(notes))}</span>' if notes else ""
    state = "here" if row["installed"] else "not here"
    if is_used and row["installed"]:
        state = "in force"
    return (
        f'<tr><th scope="row">{escape(name)}{told}</th><td>{_size(int(row["size_bytes"]))}</td>'
        f"<td>{escape(str(row['licence']))}</td><td>{state}</td>"
        f"<td>{_action(row, is_used, fixed.get(role, ''))}</td></tr>"
    )


def _carried(size_bytes: int, machine: Machine) -> str:
    fit = capacity.fit(size_bytes, machine)
    need = f"{_size(capacity.needed(size_bytes))} memory"
    return f"needs about {need}" if fit == "unknown" else f"{_FITS[fit]} (needs about {need})"


def _action(row: Mapping[str, Any], is_used: bool, fixed: str) -> str:
    name, role = str(row["name"]), str(row["role"])
    shown, value = escape(name, quote=True), escape(name, quote=True)
    if not row["installed"]:
        if not str(row["command"]).startswith("locus models pull"):
            return f"<code>{escape(str(row['command']))}</code>"
        size = _size(int(row["size_bytes"]))
        return (
            f'<button type="button" data-act="pull" data-name="{value}" '
            f'aria-label="Download {shown}, {size}">Download</button>'
        )
    if is_used:
        return ""
    if role == "text":
        return f"<code>locus reindex --text-model {shown}</code>"
    if fixed:
        return f'<span class="note">{escape(fixed)}</span>'
    return f'<button type="button" data-act="use" data-name="{value}" aria-label="Use {shown}">Use this one</button>'


def _text_model(name: str) -> str:
    """What the library's passages were embedded with, and how that is changed."""
    return (
        f'<p class="help">The passages of this library were embedded with {escape(name)}. Another text model embeds '
        "them all anew, while the old one goes on answering: "
        "<code>locus reindex --text-model NAME-OR-FOLDER</code></p>"
    )


def _quotes_only(is_used: bool, fixed: str) -> str:
    """The button by which no language model writes."""
    if is_used or fixed:
        return ""
    return (
        '<p><button type="button" data-act="use" data-name="none">Use no language model</button> '
        "Answers are then quotes, word for word.</p>"
    )


def pulls(going: Mapping[str, Pulling]) -> str:
    """Downloads that go on or broke off."""
    return "".join(_pull(name, pulling) for name, pulling in going.items())


def _pull(name: str, pulling: Pulling) -> str:
    shown = escape(name, quote=True)
    if pulling.error:
        return (
            f'<div class="pull"><p class="error" role="alert">{escape(pulling.error)}</p>'
            f'<button type="button" data-act="pull" data-name="{shown}">Try again</button></div>'
        )
    if not pulling.total:
        return f'<div class="pull"><label>Getting {shown} … <progress></progress></label></div>'
    told = f"{_size(pulling.done)} of {_size(pulling.total)}"
    return (
        f'<div class="pull"><label>Getting {shown}: {told} '
        f'<progress value="{pulling.done}" max="{pulling.total}">{told}</progress></label></div>'
    )


def _size(count: int) -> str:
    """Bytes for people."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
