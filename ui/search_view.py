"""The search tab as HTML: the form, what was found, and what to try where nothing was. Pure.

As ``render``: every text of a file or a person is escaped here, and becomes no markup.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from pathlib import Path

from assistant.wording import content_stems, stems
from indexers.locators import where
from indexers.types import MEDIA, Hit, Media, WholeLocator
from ui.markup import button
from ui.render import Thumbnails, name_of, place_attribute

KINDS: Mapping[Media, str] = {"text": "Documents", "image": "Pictures", "audio": "Sound", "video": "Film"}
MORE = 20
"""So many places are shown, and so many more each time."""
MOST = 500
"""No more: who has not found it by then searches otherwise."""
LONGEST = 1000
"""Characters of a query."""
FORM = "search-form"
_SECTIONS: Sequence[tuple[str, frozenset[Media]]] = (
    ("Documents", frozenset({"text"})),
    ("Pictures", frozenset({"image"})),
    ("Sound and film", frozenset({"audio", "video"})),
)
_MONTHS = "January February March April May June July August September October November December".split()
_WORD = re.compile(r"\w+(?:[-.,:/@&'’+]\w+)*")
_SHOWN = 200
"""Characters of a passage on a card …"""
_BEFORE = 40
"""… of which so many come before the first of the query's words."""
_QUOTED = 400
"""Characters of a passage by which it is found again in its source."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is searched for, and within what; ``picture`` is the name of one that is searched with."""

    query: str = ""
    kinds: frozenset[Media] = frozenset()
    under: str = ""
    since: date | None = None
    until: date | None = None
    picture: str = ""

    @property
    def is_narrowed(self) -> bool:
        """Whether filters leave something out."""
        return bool(self.kinds or self.under or self.since or self.until)

    @property
    def fields(self) -> dict[str, str]:
        """The same as the form's fields."""
        days = {
            "since": self.since.isoformat() if self.since else "",
            "until": self.until.isoformat() if self.until else "",
        }
        return {"query": self.query, "under": self.under, **days, **dict.fromkeys(sorted(self.kinds), "on")}


@dataclass(frozen=True, slots=True)
class Results:
    """What was found: ``days`` of the documents by path, which took ``seconds``; of ``k`` there are ``more``."""

    wanted: Wanted
    hits: Sequence[Hit]
    days: Mapping[str, str]
    k: int = MORE
    more: bool = False
    seconds: float = 0.0


# --- the form ----------------------------------------------------------------------------------


def form() -> str:
    """The box and the filters; the folders are a region of their own (``folders``), since they change."""
    kinds = "".join(f'<label><input type="checkbox" name="{media}"> {name}</label>' for media, name in KINDS.items())
    return (
        f'<h2 class="unseen">Search</h2><form id="{FORM}" data-act="search" role="search" autocomplete="off">'
        '<div class="line"><label class="unseen" for="search-query">What to search for</label>'
        f'<input id="search-query" type="search" name="query" maxlength="{LONGEST}" '
        'placeholder="Search your files …" enterkeyhint="search" spellcheck="false">'
        '<button type="submit" class="go">Search</button></div>'
        f'<div class="filters"><fieldset><legend>Only</legend>{kinds}</fieldset>'
        '<div class="days"><label>From <input type="date" name="since"></label> '
        '<label>to <input type="date" name="until"></label></div></div></form>'
    )


def folders(found: Sequence[tuple[str, int]], chosen: str = "") -> str:
    """The choice of folders, a field of the form; nothing where there is no choice."""
    if len(found) < 2:
        return ""
    options = "".join(_option(path, files, found, is_chosen=path == chosen) for path, files in found)
    return (
        f'<label class="folder">In <select name="under" form="{FORM}">'
        f'<option value="">all folders</option>{options}</select></label>'
    )


def _option(path: str, files: int, found: Sequence[tuple[str, int]], *, is_chosen: bool) -> str:
    outer = max((each for each, _ in found if path.startswith(each.rstrip(os.sep) + os.sep)), key=len, default="")
    name = "\u2003" + path[len(outer) :].lstrip(os.sep) if outer else _from_home(path)
    selected = " selected" if is_chosen else ""
    return f'<option value="{escape(path, quote=True)}"{selected}>{escape(name)} ({files:,})</option>'


def _from_home(path: str) -> str:
    home = str(Path.home())
    return f"~{path[len(home) :]}" if path == home or path.startswith(home + os.sep) else path


# --- what was found ----------------------------------------------------------------------------


def busy() -> str:
    """What is said while it is searched."""
    return '<p class="busy">Searching …</p>'


def asking() -> str:
    """What is said where nothing was asked for."""
    return "<p>Type some words to search for, or give a picture.</p>"


def failed(reason: str) -> str:
    """Why it could not be searched."""
    return f'<p class="failed">{escape(reason)}</p>'


def said(results: Results) -> str:
    """How much was found, and how long it took."""
    hits = results.hits
    if not hits:
        return '<p class="count">Nothing found.</p>'
    files = len({hit.path for hit in hits})
    places = "1 place" if len(hits) == 1 else f"{len(hits)} places"
    best = "The best " if results.more else ""
    like = f", like {escape(results.wanted.picture)}" if results.wanted.picture else ""
    told = f"{best}{places} in {files} {'file' if files == 1 else 'files'}{like}"
    return f'<p class="count">{told} · {results.seconds:.2f} s</p>'


def distinct(hits: Sequence[Hit]) -> list[Hit]:
    """The hits without those that show the same again: of a picture the best, of others no whole beside its parts."""
    parts = {hit.path for hit in hits if not isinstance(hit.at, WholeLocator)}
    seen: set[str] = set()
    found: list[Hit] = []
    for hit in hits:
        is_name = isinstance(hit.at, WholeLocator) and hit.path in parts | seen
        if not (hit.path in seen if hit.media == "image" else is_name):
            found.append(hit)
        seen.add(hit.path)
    return found


def found(results: Results, thumbnails: Thumbnails, notes: Sequence[str] = ()) -> str:
    """What was found, by kind, that of the best first; ``notes`` are what a person should know of it."""
    sections = [(title, [hit for hit in results.hits if hit.media in kinds]) for title, kinds in _SECTIONS]
    sections.sort(key=lambda section: min((hit.rank for hit in section[1]), default=0))
    drawn = "".join(_section(title, hits, results, thumbnails) for title, hits in sections if hits)
    told = "".join(f'<p class="note">{escape(note)}</p>' for note in notes)
    return f"{told}{drawn}{_more(results) if results.more else ''}"


def nothing(wanted: Wanted, notes: Sequence[str] = (), *, is_empty: bool = False) -> str:
    """What can be tried where nothing was found."""
    told = "".join(f'<p class="note">{escape(note)}</p>' for note in notes)
    if is_empty:
        return "<p>The library is empty. Add files in the Library tab, and search again.</p>"
    if not wanted.is_narrowed:
        return f"<p>Try other words. In the Library tab you see how well each file was read.</p>{told}"
    again = button("Search without filters", "search", kind="more", query=wanted.query) if wanted.query else ""
    return f"<p>The filters leave nothing: {escape(_narrowing(wanted))}.</p>{again}{told}"


def _narrowing(wanted: Wanted) -> str:
    parts = [
        " and ".join(name.lower() for media, name in KINDS.items() if media in wanted.kinds),
        f"in {_from_home(wanted.under)}" if wanted.under else "",
        f"from {day_in_words(wanted.since.isoformat())}" if wanted.since else "",
        f"to {day_in_words(wanted.until.isoformat())}" if wanted.until else "",
    ]
    return ", ".join(part for part in parts if part)


def _more(results: Results) -> str:
    asked = {field: value for field, value in results.wanted.fields.items() if value}
    return button("More", "more", kind="more", **asked, k=min(results.k + MORE, MOST))


def _section(title: str, hits: Sequence[Hit], results: Results, thumbnails: Thumbnails) -> str:
    wanted = frozenset(content_stems(results.wanted.query))
    cards = "".join(f"<li>{_card(hit, wanted, results.days.get(hit.path, ''), thumbnails)}</li>" for hit in hits)
    kind = "pictures" if title == "Pictures" else "places"
    return (
        f'<section class="{kind}"><h3>{title} <span class="number">{len(hits)}</span></h3>'
        f'<ol class="cards">{cards}</ol></section>'
    )


def _card(hit: Hit, wanted: frozenset[str], day: str, thumbnails: Thumbnails) -> str:
    near = hit.near or hit.chunk
    address = thumbnails(hit.path, hit.media, hit.at)
    picture = f'<img src="{escape(address, quote=True)}" alt="" loading="lazy">' if address else ""
    place = place_attribute(hit.path, hit.at, near.body[:_QUOTED])
    on = f' <time datetime="{escape(day, quote=True)}">{escape(day_in_words(day))}</time>' if day else ""
    at = where(hit.at)
    quote = marked(hit.near.text if hit.near else hit.text, wanted)
    return (
        f'<button type="button" class="card {hit.media}" data-act="open" data-place="{place}" '
        f'title="{escape(hit.path, quote=True)}">{picture}<span class="about">'
        f'<span class="name">{escape(name_of(hit.path))}</span>'
        f'{f""" <span class="where">{escape(at)}</span>""" if at else ""}{on}</span>'
        f'{f""" <span class="quote">{quote}</span>""" if quote else ""}</button>'
    )


def day_in_words(day: str) -> str:
    """A day, a month or a year as people write it; what is none stays as it is.

    >>> day_in_words("2024-05-07"), day_in_words("2024-05"), day_in_words("2024")
    ('7 May 2024', 'May 2024', '2024')
    """
    year, *rest = day.split("-")
    if not all(part.isdecimal() for part in rest) or not rest or not 1 <= int(rest[0]) <= len(_MONTHS):
        return day
    return " ".join([*([str(int(rest[1]))] if rest[1:] else []), _MONTHS[int(rest[0]) - 1], year])


# --- the words of the query --------------------------------------------------------------------


def marked(text: str, wanted: frozenset[str]) -> str:
    """The part of a text where most of the wanted words stand, with these marked, as HTML.

    Args:
        text: of a passage; its line breaks are not kept.
        wanted: stems of the query's words.
    """
    line = " ".join(text.split())
    words = [
        (match.start(), match.end(), held) for match in _WORD.finditer(line) if (held := stems(match.group()) & wanted)
    ]
    start, end = _window(line, words)
    shown, last = [], start
    for first, after, _ in words:
        if start <= first and after <= end:
            shown.append(f"{escape(line[last:first])}<mark>{escape(line[first:after])}</mark>")
            last = after
    shown.append(escape(line[last:end]))
    return f"{'… ' if start else ''}{''.join(shown)}{' …' if end < len(line) else ''}"


def _window(line: str, words: Sequence[tuple[int, int, frozenset[str]]]) -> tuple[int, int]:
    """Where the most different words stand close together, from the beginning of a word to the end of one."""
    if len(line) <= _SHOWN:
        return 0, len(line)
    start, most = 0, 0
    for number, (first, _, _) in enumerate(words):
        reach = max(0, first - _BEFORE) + _SHOWN
        held = frozenset().union(*(stems_ for _, after, stems_ in words[number:] if after <= reach))
        if len(held) > most:
            start, most = max(0, first - _BEFORE), len(held)
    start = 0 if not start else line.find(" ", start, start + _BEFORE) + 1 or start
    end = min(len(line), start + _SHOWN)
    cut = line.rfind(" ", start + _SHOWN - _BEFORE, end) if end < len(line) else end
    return start, cut if cut > 0 else end


def kinds_of(names: Sequence[str]) -> frozenset[Media]:
    """Those of ``names`` that are kinds; all of them are as good as none."""
    kinds = frozenset(media for media in MEDIA if media in names)
    return frozenset() if len(kinds) == len(MEDIA) else kinds
