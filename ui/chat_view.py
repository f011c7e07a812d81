"""What the chat shows beside answers: the list of conversations, a question under way, and the first words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from assistant.conversations import Conversation
from indexers.reports import Progress
from ui import render
from ui.chat import Live
from ui.render import Thumbnails


def conversations(all_of_them: Sequence[Conversation], opened: int, now: datetime, trouble: str = "") -> str:
    """The list of conversations; the one that is open can be renamed, exported and deleted.

    Args:
        all_of_them: the last changed first.
        opened: id of the one that is open; 0 for none.
        now: tells how the times are written.
        trouble: why what was asked for was not done; "" for nothing.
    """
    new = '<button type="button" class="new" data-act="new">+ New conversation</button>'
    rows = "".join(_row(each, now, is_open=each.id == opened) for each in all_of_them)
    told = f'<p class="trouble" role="alert">{escape(trouble)}</p>' if trouble else ""
    nothing = '<p class="nothing">What you ask is kept here, in your library.</p>'
    return f'<h2 class="unseen">Conversations</h2>{new}{told}{f"<ul>{rows}</ul>" if rows else nothing}'


def _row(conversation: Conversation, now: datetime, *, is_open: bool) -> str:
    number, title = conversation.id, escape(conversation.title)
    when = _when(conversation.changed, now)
    if not is_open:
        return (
            f'<li><button type="button" class="title" data-act="show" data-id="{number}">'
            f"{title} <time>{when}</time></button></li>"
        )
    named = escape(conversation.title, quote=True)
    return (
        f'<li class="open"><button type="button" class="title" data-act="show" data-id="{number}" '
        f'aria-current="true">{title} <time>{when}</time></button>'
        f'<details class="more"><summary aria-label="More about {named}">⋯</summary><div>'
        f'<form data-act="rename" data-id="{number}"><label>Name <input name="title" value="{named}" maxlength="60" '
        f'required pattern=".*\\S.*" title="A name of at least one character">'
        f'</label><button type="submit">Rename</button></form>'
        f'<a class="button" href="conversations/{number}.md" download>Export as Markdown</a>'
        f'<details class="sure"><summary class="danger">Delete …</summary><p>Its questions and answers are gone then; '
        f'your files stay.</p><button type="button" class="danger" data-act="delete" data-id="{number}">'
        f"Delete conversation</button></details>"
        f"</div></details></li>"
    )


def _when(moment: datetime, now: datetime) -> str:
    """The time of today, the day of this year, else the date; as the person's clock has it."""
    here = moment.astimezone(now.tzinfo)
    if here.date() == now.date():
        return here.strftime("%H:%M")
    return here.strftime("%-d %b" if here.year == now.year else "%-d %b %Y")


def live(state: Live, thumbnails: Thumbnails) -> str:
    """A question under way, or how it ended."""
    added = "".join(f"<p>{escape(line)}</p>" for line in state.added)
    taken = f'<article class="added" role="status">{added}</article>' if added else ""
    if state.turn is not None:
        return render.turn(state.turn, thumbnails, taken)
    asked = render.question(state.question, state.given) + taken
    again = _again(state) if state.error or state.stopped else ""
    if state.error:
        return asked + refused(state.error, again)
    if state.stopped:
        said = "<p>Stopped. Nothing of this answer was kept.</p>"
        return f'{asked}<article class="answer stopped">{said}{again}</article>'
    if not state.doing:
        return asked + ('<p class="next">Now ask about it below.</p>' if state.added else "")
    draft = f'<p class="draft">{escape(state.draft)}</p>' if state.draft else ""
    doing = f'<p class="doing">{escape(state.doing)} …</p>'
    return f'{asked}<article class="answer busy" aria-busy="true">{doing}{draft}</article>'


def _again(state: Live) -> str:
    """A button that asks the same again; what came with it, the page has no more."""
    if state.given or not state.question:
        return ""
    text = escape(state.question, quote=True)
    return f'<button type="button" class="again" data-act="suggest" data-text="{text}">Ask again</button>'


def kept_nothing() -> str:
    """What is shown of a conversation whose only question was not answered."""
    return (
        '<section class="opening"><h2>Nothing was kept</h2><p>The question of this conversation was not answered. '
        "Ask it below, or delete the conversation in the list.</p></section>"
    )


def opening(files: int, suggestions: Sequence[str]) -> str:
    """What is shown before the first question of a conversation in a library that holds something."""
    offered = "".join(
        f'<li><button type="button" class="suggestion" data-act="suggest" data-text="{escape(text, quote=True)}">'
        f"{escape(text)}</button></li>"
        for text in suggestions
    )
    held = "1 file" if files == 1 else f"{files:,} files"
    return (
        f'<section class="opening"><h2>Ask your files</h2><p>Your library holds {held}. Every sentence of an answer '
        "opens at the place it came from; if your files do not hold the answer, you are told so.</p>"
        f"{f'<p>For example:</p><ul>{offered}</ul>' if offered else ''}</section>"
    )


def filling(progress: Progress | None) -> str:
    """That the sample library is being added, and how far that is."""
    amount = f": {progress.files} of {progress.files_total} files" if progress is not None else ""
    said = f'<p role="status">This takes less than a minute{amount} …</p>'
    return f'<section class="opening"><h2>Reading the sample library</h2>{said}</section>'


def refused(reason: str, way: str = "") -> str:
    """Why something could not be done; ``way`` is HTML of what can be done about it."""
    return f'<article class="answer failed" role="alert"><p>{escape(reason)}</p>{way}</article>'
