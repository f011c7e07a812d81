"""Parts of the page that are drawn here rather than by a Gradio component, and what a click in them does.

A region is HTML made by the pure functions of ``render`` and its neighbours. An element in it with ``data-act="open"``
raises the region's event ``open`` with all its ``data-…`` attributes; a form likewise, with its fields. They are
buttons and forms, so that the keyboard and screen readers get them for nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import gradio as gr

_HALVES = re.compile("[\ud800-\udfff]")
_ON_LOAD = """
const acts = new Set(%s);
const told = (at, more) => { if (acts.has(at.dataset.act)) trigger(at.dataset.act, {...at.dataset, ...more}); };
element.addEventListener('click', (event) => {
  const at = event.target.closest('[data-act]');
  if (at && at.tagName !== 'FORM' && element.contains(at)) { event.preventDefault(); told(at, {}); }
});
element.addEventListener('submit', (event) => {
  const at = event.target.closest('form[data-act]');
  if (at) { event.preventDefault(); told(at, Object.fromEntries(new FormData(at))); }
});
"""


def region(elem_id: str, acts: Sequence[str] = (), value: str = "", **options: Any) -> gr.HTML:
    """A region in which elements may raise the events ``acts``.

    Args:
        elem_id: its id on the page.
        acts: names of events; each becomes a method as those of Gradio's components are: ``region.open(function, …)``,
            where the function takes a ``gr.EventData``.
        value: the HTML in it; every text of a file or a person in it is escaped by whoever made it.
        options: as ``gr.HTML`` takes them.
    """
    made = gr.HTML(
        value, elem_id=elem_id, js_on_load=_ON_LOAD % json.dumps(list(acts)), apply_default_css=False, **options
    )
    send = made.postprocess
    # Of half a character, in whosever text, the whole answer to the browser would fail. Not by a class of its own: for
    # each, Gradio writes a file for type checkers beside the module.
    made.postprocess = lambda value: send(value if value is None else whole(value))  # type: ignore[method-assign]
    return made


def whole(text: str) -> str:
    r"""A text with U+FFFD for each half of a character, which JSON may name and nothing can write.

    >>> whole("a\ud83d")
    'a\ufffd'
    """
    return _HALVES.sub("\ufffd", text)


def text_in(event: gr.EventData, name: str) -> str:
    """An attribute or a field of what raised an event; "" where it has none. It comes from the browser: any text."""
    value = event._data.get(name) if isinstance(event._data, dict) else None
    return whole(value) if isinstance(value, str) else ""


def number_in(event: gr.EventData, name: str) -> int:
    """A whole number likewise; 0 for what is none."""
    text = text_in(event, name)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
