"""What the command line shows: plain on a pipe, with colour on a terminal; how far long work is, ``show_progress``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from assistant.answers import Answer, Answered, Event, Retrieved, Token
from assistant.wording import squeezed
from indexers.locators import describe
from indexers.pipeline import CHANGES, AddReport, FileReport
from indexers.reembedding import ReindexReport
from indexers.types import Hit, Status, WholeLocator

_SNIPPET = 240
_MANY_NEWS = 20
"""So many files at once are told by number."""
_ALIKE = 5
"""So many files that failed for the same reason are told one by one."""


def output() -> Console:
    """Where results are printed."""
    return Console(file=sys.stdout, highlight=False, soft_wrap=not sys.stdout.isatty())


def errors() -> Console:
    """Where what is not a result is printed: notes, errors, progress."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=not sys.stderr.isatty())


def json_out(data: object) -> None:
    """JSON on stdout, one document."""
    sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2) + "\n")


def note(text: str) -> None:
    """A line for people, on stderr."""
    errors().print(escape(text))


def error(text: str) -> None:
    """An error, on stderr."""
    errors().print(f"[red]locus:[/red] {escape(text)}")


# --- results -----------------------------------------------------------------------------------


def added(report: AddReport) -> None:
    """The summary of an ``add``: files that gave nothing or not all, with the reason, then what was done."""
    console = output()
    _with_reasons(console, report.failed, "yellow")
    new = [file for file in report.files if file.change in ("added", "updated")]
    _with_reasons(console, [file for file in new if file.status is not Status.INDEXED and file.reason], "dim")
    told = ", ".join(f"{report.count(kind)} {kind}" for kind in CHANGES if report.count(kind)) or "nothing to index"
    chunks = sum(file.chunks for file in new)
    passages = f", {chunks} {'passage' if chunks == 1 else 'passages'}" if chunks else ""
    console.print(f"{told}{passages}, {report.seconds:.1f} s")


def synced(report: AddReport) -> None:
    """What watching did, a line a file; many at once are counted."""
    console = output()
    news = [file for file in report.files if file.change != "unchanged"]
    if len(news) > _MANY_NEWS:
        added(report)
        return
    for file in news:
        reason = f"  {file.reason}" if file.reason else ""
        passages = f"  ({file.chunks} {'passage' if file.chunks == 1 else 'passages'})" if file.chunks else ""
        style = "yellow" if file.change == "failed" else "green"
        told = file.status.value if file.change == "failed" else file.change
        console.print(f"[{style}]{told:<11}[/{style}] {escape(file.path)}[dim]{escape(passages + reason)}[/dim]")
    console.file.flush()


def listed(lines: Sequence[str], *, as_json: bool) -> None:
    """Plain lines, or a JSON list of them."""
    if as_json:
        json_out(list(lines))
    for line in () if as_json else lines:
        output().print(escape(line))


def _with_reasons(console: Console, files: Iterable[FileReport], style: str) -> None:
    """Each file with its reason; many with the same one on one line, since ``locus files`` lists them all."""
    by_reason: dict[tuple[str, str], list[FileReport]] = {}
    for file in files:
        by_reason.setdefault((file.status.value, file.reason), []).append(file)
    for (status, reason), alike in by_reason.items():
        if len(alike) > _ALIKE:
            names = ", ".join(describe(file.path, WholeLocator()) for file in alike[:2])
            lines = [f"{len(alike)} files ({names}, …): {reason}"]
        else:
            lines = [f"{file.path}: {reason}" if reason else file.path for file in alike]
        for line in lines:
            console.print(f"[{style}]{status}[/{style}]  {escape(line)}")


def reindexed(report: ReindexReport) -> None:
    """What changing the text model did."""
    console = output()
    if report.dropped:
        console.print(f"the change to {escape(report.dropped)} that was not done is given up")
    if not report.changed:
        console.print(f"the library is bound to {escape(report.text_model)} already")
        return
    passages = f"{report.embedded} of {report.passages}" if report.embedded < report.passages else report.passages
    console.print(
        f"{passages} passages embedded, {report.seconds:.1f} s; "
        f"the library answers with {escape(report.text_model)} from now on"
    )


def follow(events: Iterable[Event], *, drafts: bool) -> Answer:
    """Runs a stream to its answer; on a terminal a draft is shown, dim, until the checked answer takes its place."""
    console = errors()
    final: Answer | None = None
    draft = ""
    with ExitStack() as stack:
        live: Live | None = None
        if drafts and console.is_terminal:
            live = stack.enter_context(Live(Text("searching …", "dim"), console=console, transient=True))
        for event in events:
            if isinstance(event, Answered):
                final = event.answer
            elif live is not None and isinstance(event, Token):
                draft += event.text
                live.update(Text(f"{draft} …", "dim"))
            elif live is not None and isinstance(event, Retrieved):
                live.update(Text("reading what was found …", "dim"))
    assert final is not None, "a stream always ends with an answer"
    return final


def gap() -> None:
    """An empty line between answers."""
    output().print()


def question(text: str) -> None:
    """A question above its answer."""
    output().print(f"\n[bold green]? {escape(text)}[/bold green]")


def answer(found: Answer, *, completed: str = "") -> None:
    """An answer with its marks, then the places they mean, with the words there that the answer does not say."""
    console = output()
    if completed:
        console.print(f"[dim]({escape(completed)})[/dim]")
    written: list[str] = []
    quoted: list[str] = []
    for sentence in found.sentences:
        marks = "".join(f"[{number}]" for number in sentence.citations)
        is_quote = _is_quote(found, sentence.text)
        text = f"“{escape(sentence.text)}”" if is_quote else escape(sentence.text)
        own_line = is_quote or found.mode == "quotes"
        (quoted if own_line else written).append(f"{text} [cyan]{escape(marks)}[/cyan]" if marks else text)
    for line in [" ".join(written), *quoted] if written else quoted:
        console.print(line)
    if found.abstained and found.citations:
        console.print("\nThe nearest passages, which may not answer it:")
    elif found.citations:
        console.print()
    said = {sentence.text for sentence in found.sentences}
    for citation in found.citations:
        line = f"[cyan]{escape(f'[{citation.number}]')}[/cyan] [bold]{escape(str(citation))}[/bold]"
        quote = squeezed(citation.quote)
        console.print(line if quote in said else f"{line}  “{escape(_shortened(quote))}”")


def _is_quote(found: Answer, text: str) -> bool:
    return not found.abstained and any(squeezed(citation.quote) == text for citation in found.citations)


def hits(found: Sequence[Hit]) -> None:
    """Search results, best first."""
    console = output()
    for hit in found:
        console.print(f"[cyan]{hit.rank:3}[/cyan]  [bold]{escape(describe(hit.path, hit.at))}[/bold]  {hit.score:.3f}")
        # A frame or a figure may be found by what it shows alone.
        console.print(f"     {escape(_shortened(_opening(hit)) or f'(a picture in {hit.title})')}")


def _opening(hit: Hit) -> str:
    """The text of a hit from where it opens."""
    before = hit.chunk.body.find(hit.near.body) if hit.near else 0
    return f"… {squeezed(hit.chunk.body[before:])}" if before > 0 else squeezed(hit.text)


def _shortened(text: str) -> str:
    return text if len(text) <= _SNIPPET else text[: _SNIPPET - 1].rsplit(" ", 1)[0] + " …"


def facts(found: Mapping[str, Any]) -> None:
    """Names and values, one a line; a nested mapping on one line."""
    console = output()
    for name, value in found.items():
        if isinstance(value, Mapping):
            value = ", ".join(f"{inner} {number}" for inner, number in value.items()) or "–"
        if isinstance(value, list):
            value = "; ".join(value) or "–"
        console.print(f"{name.replace('_', ' '):<16}{escape(str(value))}")


def problems(found: Sequence[str]) -> None:
    """What the doctor found."""
    console = output()
    for problem in found:
        console.print(f"[yellow]![/yellow] {escape(problem)}")
    if not found:
        console.print("the library is sound")


def models(rows: Sequence[Mapping[str, Any]]) -> None:
    """The model catalogue, one a line: name, role, size, and whether it is installed and in use, or how to get it.

    Names are never cut: they are what ``locus models pull`` is given.
    """
    console = output()
    widest = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        line = f"{row['name']:<{widest}}  {row['role']:<6}  {row['size_bytes'] / 1e6:>8,.0f} MB  {row['licence']:<10}"
        if row["installed"]:
            state = "installed, in use" if row["used"] else "installed"
        else:
            state = f"{'in use, but missing: ' if row['used'] else ''}{row['command']}"
        console.print(escape(f"{line}  {state}"))


def verified(rows: Sequence[Mapping[str, Any]]) -> None:
    """The check of installed models."""
    console = output()
    for row in rows:
        console.print(f"{row['state']:<10} {escape(row['name'])}  {escape(row.get('detail', ''))}")
    if not rows:
        console.print("no model is installed")


def prompt() -> str:
    """The next question of a chat; empty at the end of the input."""
    try:
        return errors().input("[bold]> [/bold]").strip() if sys.stdin.isatty() else sys.stdin.readline().strip()
    except EOFError:
        return ""
