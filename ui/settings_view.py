"""The settings as forms, and what is in force as a table. Pure; every text is escaped here.

The shape of a form never changes: what is drawn anew over it is then taken for the same form, and keeps the focus and
what is being typed into its other fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from assistant.setting_values import SECRETS
from assistant.settings import InForce
from ui.settings_fields import OTHER, Field, Group, other_name, text_of

_RESTART = "Takes effect when Locus is started again."


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of a form that was sent: ``values`` as they were entered, ``errors`` by setting, ``said`` of all."""

    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    said: str = ""
    failed: str = ""


def form(group: Group, rows: Mapping[str, InForce], told: Told) -> str:
    """A group of settings: its fields, each with its label, what it means, and what is wrong with it."""
    fields = "".join(_field(each, rows[each.name], told) for each in group.fields if each.name in rows)
    more = "".join(_field(each, rows[each.name], told) for each in group.more if each.name in rows)
    if more:
        is_open = any(each.name in told.errors or each.name in told.values for each in group.more)
        heading = escape(group.more_heading)
        more = f"<details{' open' if is_open else ''}><summary>{heading}</summary>{more}</details>"
    return (
        f'<form data-act="save" data-group="{group.name}" novalidate>{fields}{more}'
        f'<div class="end"><button type="submit" class="main">Save</button>'
        f'<p class="said" role="status" aria-live="polite">{escape(told.said)}</p>'
        f'<p class="error" role="alert">{escape(told.failed)}</p></div></form>'
    )


def section(heading: str, *parts: str) -> str:
    """A part of the page under its heading."""
    return f"<section><h2>{escape(heading)}</h2>{''.join(parts)}</section>"


def _field(each: Field, row: InForce, told: Told) -> str:
    error = told.errors.get(each.name, "")
    value = told.values.get(each.name, text_of(row.later))
    drawn = {"check": _check, "radio": _radio}.get(each.kind, _entry)(each, row, value, bool(error))
    return f'<div class="field {each.kind}">{drawn}{_notes(each, row, error)}</div>'


def _entry(each: Field, row: InForce, value: str, is_wrong: bool) -> str:
    label = f'<label for="set-{each.name}">{escape(each.label)}</label>'
    about = _about(each, row, is_wrong)
    if each.kind == "choice":
        options = "".join(
            f'<option value="{escape(choice.value, quote=True)}"{" selected" if choice.value == value else ""}>'
            f"{escape(choice.label)}</option>"
            for choice in each.choices
        )
        return f'{label}<select id="set-{each.name}" name="{each.name}"{about}>{options}</select>'
    if each.kind == "secret":
        hint = "There is one; write another to replace it" if row.value else "There is none"
        return (
            f'{label}<input id="set-{each.name}" name="{each.name}" type="password" autocomplete="off" value="" '
            f'placeholder="{hint}"{about}>'
        )
    digits = ' inputmode="decimal" size="8"' if each.kind == "number" else ' size="40"'
    return (
        f'{label}<input id="set-{each.name}" name="{each.name}" type="text" autocomplete="off" spellcheck="false"'
        f'{digits} value="{escape(value, quote=True)}"{about}>'
    )


def _check(each: Field, row: InForce, value: str, is_wrong: bool) -> str:
    checked = " checked" if value == "true" else ""
    return (
        f'<label class="tick"><input id="set-{each.name}" name="{each.name}" type="checkbox" value="true"{checked}'
        f"{_about(each, row, is_wrong)}> {escape(each.label)}</label>"
    )


def _radio(each: Field, row: InForce, value: str, is_wrong: bool) -> str:
    is_other = value not in [choice.value for choice in each.choices]
    disabled = " disabled" if row.is_fixed else ""
    choices = "".join(
        f'<label class="tick"><input type="radio" name="{each.name}" value="{escape(choice.value, quote=True)}"'
        f"{' checked' if choice.value == value else ''}{disabled}> {escape(choice.label)}"
        f'{f"""<span class="meaning">{escape(choice.meaning)}</span>""" if choice.meaning else ""}</label>'
        for choice in each.choices
    )
    if each.other:
        choices += (
            f'<div class="tick"><label><input type="radio" name="{each.name}" value="{OTHER}"'
            f"{' checked' if is_other else ''}{disabled}> {escape(each.other)}</label> "
            f'<input name="{other_name(each)}" type="text" inputmode="decimal" size="8" autocomplete="off" '
            f'value="{escape(value, quote=True)}" aria-label="{escape(f"{each.label}: {each.other}", quote=True)}"'
            f"{_about(each, row, is_wrong)}></div>"
        )
    about = f' aria-describedby="help-{each.name} error-{each.name}"'
    return f'<fieldset id="set-{each.name}"{about}><legend>{escape(each.label)}</legend>{choices}</fieldset>'


def _about(each: Field, row: InForce, is_wrong: bool) -> str:
    wrong = ' aria-invalid="true"' if is_wrong else ""
    disabled = " disabled" if row.is_fixed else ""
    return f' aria-describedby="help-{each.name} from-{each.name} error-{each.name}"{wrong}{disabled}'


def _notes(each: Field, row: InForce, error: str) -> str:
    help_line = each.help or sentence(row.doc)
    if not row.at_once:
        help_line = f"{help_line} {_RESTART}"
    return (
        f'<p class="help" id="help-{each.name}">{escape(help_line)}</p>'
        f'<p class="from" id="from-{each.name}">{escape(_from(row))}</p>'
        f'<p class="error" id="error-{each.name}">{escape(sentence(error))}</p>{_reset(each, row)}'
    )


def _from(row: InForce) -> str:
    if row.is_fixed:
        who = "the program that opened Locus" if row.source == "argument" else f"the variable {row.source}"
        return f"Set by {who}, which goes before the settings file: change it there."
    if row.waits:
        return f"{_told(row)} is in force until Locus is started again."
    return ""


def _reset(each: Field, row: InForce) -> str:
    hidden = "" if row.is_in_file else " hidden"
    label = escape(f"{each.label}: back to the default", quote=True)
    return (
        f'<button type="button" class="reset" data-act="default" data-name="{each.name}" '
        f'aria-label="{label}"{hidden}>Back to the default</button>'
    )


def sentence(doc: str) -> str:
    """What a setting means, as a sentence of the page."""
    plain = re.sub(r"``(.+?)``", r"\1", doc)
    return plain[:1].upper() + plain[1:]


def in_force(rows: Sequence[InForce]) -> str:
    """Every setting that is in force and where it is from, as a table."""
    lines = "".join(
        f'<tr><th scope="row"><code>{row.name}</code></th><td>{escape(_told(row))}{_later(row)}</td>'
        f"<td>{escape(row.source)}</td><td>{escape(sentence(row.doc))}</td></tr>"
        for row in rows
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Setting", "Value", "From", "What it means"))
    return (
        '<details class="in-force"><summary>Every setting in force, and where it is from</summary>'
        '<div class="scroll" tabindex="0" role="region" aria-label="Settings in force">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div></details>"
    )


def _told(row: InForce) -> str:
    if row.name in SECRETS:
        return "there is one" if row.value else "there is none"
    return _shown(row.value)


def _later(row: InForce) -> str:
    if not row.waits:
        return ""
    value = "another" if row.name in SECRETS else _shown(row.later)
    return f"<br><em>{escape(value)} when Locus is started again</em>"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return text_of(value) or "–"


def about(version: str, places: Mapping[str, str], rows: Sequence[InForce]) -> str:
    """What this is, where its files are, and that they stay there."""
    named = {row.name: row.value for row in rows}
    private = "Nothing leaves this machine: files, questions and answers stay here."
    if named["llm_url"]:
        where = (
            "which may be another machine; nothing else leaves this one" if named["allow_remote"] else "on this machine"
        )
        private = f"Questions and the passages that answer them go to the server {named['llm_url']}, {where}."
    network = (
        "Downloads are off."
        if named["offline"]
        else "The network is used only to download a model when you ask for it."
    )
    listed = "".join(f"<dt>{escape(name)}</dt><dd><code>{escape(place)}</code></dd>" for name, place in places.items())
    return f"<p>Locus {escape(version)}. {escape(private)} {network}</p><dl>{listed}</dl>{in_force(rows)}"


def theme_script(theme: str) -> str:
    """A script that gives the page a theme, and ``locusTheme(name)``, by which it is changed.

    Gradio itself follows the system, or ``?__theme=`` in the address, which goes before the setting.
    """
    return _THEME % json.dumps(theme)


_THEME = """(() => {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  let theme = new URL(location.href).searchParams.get('__theme') || %s;
  const show = () => {
    const is = theme === 'dark' || (theme !== 'light' && dark.matches);
    if (document.body.classList.contains('dark') !== is) document.body.classList.toggle('dark', is);
    document.documentElement.style.colorScheme = is ? 'dark' : 'light';
  };
  window.locusTheme = (name) => { theme = name; show(); };
  dark.addEventListener('change', show);
  new MutationObserver(show).observe(document.body, { attributes: true, attributeFilter: ['class'] });
  show();
})();"""
