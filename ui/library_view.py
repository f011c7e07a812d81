"""The library tab as HTML: numbers, work under way, the files. Pure; every text of a file or a person is escaped here.

What can be pressed is a button with a ``data-act``; what the acts do is for ``library_tab`` to say. Their data name a
file as "file": Gradio takes what is called "path" for an upload, and refuses all others.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from assistant.file_facts import size
from assistant.inventory import MissingModel, Overview, Sizes
from assistant.listing import Choice
from indexers.reports import Progress
from indexers.types import MEDIA, Status
from ui.jobs import ENDED, Doing
from ui.markup import attribute, button

STATES: Mapping[Status, str] = {
    Status.QUEUED: "queued",
    Status.READING: "being read",
    Status.INDEXED: "indexed",
    Status.PARTIAL: "partly read",
    Status.PENDING: "waits for a model",
    Status.EMPTY: "without text",
    Status.ENCRYPTED: "encrypted",
    Status.UNSUPPORTED: "not supported",
    Status.FAILED: "failed",
}
KINDS = {"text": "text", "image": "picture", "audio": "sound", "video": "film"}
_IN_USE, _GOES_ON = " is being changed by ", "; this goes on by itself when that is done"
_ROLES = {
    "text": "finds passages by their meaning; nothing can be added without it",
    "llm": "writes answers",
    "image": "sees what pictures and films show",
    "speech": "hears what is said in recordings and films",
}


def counted(number: int, one: str, many: str = "") -> str:
    """So many of something.

    >>> counted(1, "file"), counted(2300, "file")
    ('1 file', '2,300 files')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


# --- numbers, models, folders --------------------------------------------------------------------


def numbers(overview: Overview, sizes: Sizes) -> str:
    """Files by status, passages, and what is used of disk and memory."""
    states = [(number, _state(state, number)) for state, number in sorted(overview.states.items(), key=_in_order)]
    facts = [
        ("Files", f"{overview.files:,}"),
        ("Passages", f"{overview.passages:,}"),
        ("Library on the disk", size(sizes.library)),
        ("Downloaded models", size(sizes.models)),
        ("Memory in use", size(round(sizes.memory, -7)) if sizes.memory else ""),
    ]
    told = "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in facts if value)
    by_state = "".join(f"<li><b>{number:,}</b> {escape(state)}</li>" for number, state in states)
    return f'<dl class="facts">{told}</dl>' + (
        f'<ul class="states" aria-label="Files by status">{by_state}</ul>' if by_state else ""
    )


def _state(state: Status, number: int) -> str:
    return "wait for a model" if state is Status.PENDING and number != 1 else STATES[state]


def _in_order(each: tuple[Status, int]) -> int:
    return list(Status).index(each[0])


def models(
    missing: Sequence[MissingModel], waiting: Mapping[str, int], doing: Iterable[Doing], *, offline: bool
) -> str:
    """What is missing and what waits for it, each with the way to get it; "" where nothing is missing or waits."""
    coming = {each.key for each in doing if each.state in ("waiting", "working")}
    roles = {model.role for model in missing}
    rows = [_model(model, waiting.get(model.role, 0), coming, offline=offline) for model in missing]
    left = sum(number for role, number in waiting.items() if role not in roles)
    if left:
        wait = "waits" if left == 1 else "wait"
        rows.append(
            f"<li><span>{counted(left, 'file')} still {wait} for a model that is here, or that the settings leave out."
            f"</span>{button('Finish now', 'finish')}</li>"
        )
    if not rows:
        return ""
    return f'<section class="models"><h2>Missing models</h2><ul>{"".join(rows)}</ul></section>'


def _model(model: MissingModel, waiting: int, coming: Iterable[object], *, offline: bool) -> str:
    what = _ROLES.get(model.role, "")
    waits = f" {counted(waiting, 'file')} {'waits' if waiting == 1 else 'wait'} for it." if waiting else ""
    told = f"<span><b>{escape(model.name)}</b> ({escape(size(model.size_bytes))}) {escape(what)}.{waits}</span>"
    if ("pull", model.name.casefold()) in coming:
        way = '<span class="faint">is being downloaded</span>'
    elif not model.can_be_pulled:
        way = f'<span class="faint">Get it with: <code>{escape(model.command)}</code></span>'
    elif offline:
        way = '<span class="faint">Downloads are off (the setting offline).</span>'
    elif model.begun_bytes:
        label = f"Go on ({size(model.begun_bytes)} are here)"
        way = button(label, "pull", name=f"Go on downloading {model.name}", model=model.name)
    else:
        way = button("Download", "pull", name=f"Download {model.name}, {size(model.size_bytes)}", model=model.name)
    return f"<li>{told}{way}</li>"


def folders(watched: Sequence[str]) -> str:
    """The watched folders."""
    rows = "".join(
        f'<li><span class="path">{escape(path)}</span>'
        f"{button('Stop watching', 'unwatch', name=f'Stop watching {path}', file=path)}</li>"
        for path in watched
    )
    told = (
        f"<ul>{rows}</ul>" if rows else '<p class="faint">None. Files that are added once are not looked at again.</p>'
    )
    clear = button("Clear it now", "compact", name="Clear from the disk what was removed")
    cleared = f'<p class="faint">What was removed is cleared from the disk now and then. {clear}</p>'
    return f'<section class="folders"><h2>Watched folders</h2>{told}</section>{cleared}'


# --- work under way ------------------------------------------------------------------------------


def work(doing: Sequence[Doing], following: Doing | None) -> str:
    """What is being done, lined up, and was done lately; "" where there is nothing to say."""
    rows = [_job(each) for each in doing]
    if following is not None:
        rows.append(_job(following))
    return f'<h2>Work</h2><ul class="jobs">{"".join(rows)}</ul>' if rows else ""


def _job(job: Doing) -> str:
    ended = job.state in ENDED
    lines = [f'<span class="what">{escape(job.label)}</span>']
    if job.state == "waiting":
        lines.append('<span class="faint">waits for its turn</span>')
    if job.said:
        kind = "danger" if job.state == "failed" else "faint"
        goes_on = _GOES_ON if job.state == "held" and _IN_USE in job.said else ""
        said = job.said.removeprefix("waiting: ").removesuffix("; try again when it is done") if goes_on else job.said
        lines.append(f'<span class="{kind}">{escape(said + goes_on)}</span>')
    if job.state == "working":
        lines += _progress(job)
    press = ""
    if job.number:
        label, name = ("×", f"Dismiss: {job.label}") if ended else ("Stop", f"Stop: {job.label}")
        press = button(label, "cancel", name=name, kind="icon" if ended else "", number=job.number)
    return f'<li class="job {job.state}"><div class="told">{"".join(lines)}</div>{press}</li>'


def _progress(job: Doing) -> list[str]:
    progress = job.progress
    if progress is None or not (progress.bytes_total or progress.files_total):
        return ['<progress aria-label="Under way"></progress>']
    done, whole = progress.bytes, progress.bytes_total
    if not whole:
        done, whole = progress.files, progress.files_total
    percent = min(100, 100 * done // whole) if whole else 0
    bar = f'<progress max="100" value="{percent}" aria-label="{attribute(job.label)}">{percent} %</progress>'
    told = " · ".join(part for part in (_amount(progress), job.rate, job.left) if part)
    at = f'<span class="faint at">{escape(where_it_is(progress))}</span>' if progress.path else ""
    return [bar, f'<span class="amount">{escape(told)}</span>', at]


def _amount(progress: Progress) -> str:
    if progress.files_total > 1 or progress.files:
        return f"{progress.files:,} of {counted(progress.files_total, 'file')}"
    if progress.files_total and progress.bytes_total:
        return f"{size(progress.bytes)} of {size(progress.bytes_total)}"
    return f"{progress.bytes:,} of {progress.bytes_total:,}" if progress.bytes_total else ""


def where_it_is(progress: Progress) -> str:
    """The file at which the work is, and where in it."""
    name = os.path.basename(progress.path) or progress.path  # noqa: PTH119 - a name may be of a document inside a file
    return f"{name}, {progress.part}" if progress.part else name


# --- choosing among the files --------------------------------------------------------------------


def choosing(choice: Choice) -> str:
    """The form that chooses what the table shows; sends itself when something in it is changed."""
    states = _options({state.value: name for state, name in STATES.items()}, choice.status or "", "any status")
    kinds = _options({kind: KINDS[kind] for kind in MEDIA}, choice.media or "", "any kind")
    return (
        '<h2 id="library-files-heading" tabindex="-1">Files</h2>'
        '<form data-act="choose" class="choose" role="search" aria-label="Files of the library">'
        '<label class="grow"><span>Find by name, folder or title</span>'
        f'<input type="search" name="text" value="{attribute(choice.text)}" autocomplete="off" maxlength="300"></label>'
        f'<label><span>Status</span><select name="status">{states}</select></label>'
        f'<label><span>Kind</span><select name="kind">{kinds}</select></label>'
        '<button type="submit">Find</button></form>'
    )


def _options(names: Mapping[str, str], chosen: str, anything: str) -> str:
    rows = [("", anything), *names.items()]
    return "".join(
        f'<option value="{attribute(value)}"{" selected" if value == chosen else ""}>{escape(name)}</option>'
        for value, name in rows
    )


def adding(done: int = 0) -> str:
    """The form that adds a file or folder by its path; it is emptied when ``done``, how often it has done so, rises."""
    return (
        f'<form data-act="put" class="adding" data-done="{done}">'
        '<label class="grow"><span>Add a file or folder of this machine by its path</span>'
        '<input type="text" name="file" placeholder="~/Documents" autocomplete="off" spellcheck="false" '
        'maxlength="4096" required></label>'
        '<label class="check"><input type="checkbox" name="watch" value="yes">'
        "<span>Watch the folder: take in what changes in it, now and the next time</span></label>"
        '<button type="submit" class="main">Add</button></form>'
    )


def said(line: str, *, failed: bool = False) -> str:
    """What came of an act or of work, read out by screen readers when it changes; seen only if it went wrong."""
    kind = ' class="danger"' if failed else ""
    return f'<p role="status"{kind}>{escape(line)}</p>'
