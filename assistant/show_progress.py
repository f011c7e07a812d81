"""Progress of long work on the command line: a bar on a terminal; on a pipe nothing, or a line now and then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bar

from assistant.show import errors, note
from indexers.pipeline import Progress


@contextmanager
def progress() -> Iterator[Callable[[Progress], None] | None]:
    """A progress bar with rate and time left on a terminal; nothing on a pipe."""
    console = errors()
    if not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("Indexing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("files"),
        TextColumn("{task.fields[rate]}"),
        TextColumn("·"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[name]}"),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, rate="", name="")

        def on_progress(state: Progress) -> None:
            elapsed = bar.tasks[0].elapsed or 0.001
            rate = f"{state.chunks / elapsed:.0f} passages/s" if state.chunks else ""
            name = f"{state.path.rpartition('/')[2][:40]} {state.part}"
            bar.update(task, completed=state.files, total=state.files_total, rate=rate, name=escape(name))

        yield on_progress


@contextmanager
def passages_progress() -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar of embedding, as ``progress``: called with passages done and passages in all."""
    console = errors()
    if not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("Embedding"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("passages"),
        TextColumn("{task.fields[rate]}"),
        TextColumn("·"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, rate="")
        first: int | None = None

        def on_progress(done: int, total: int) -> None:
            nonlocal first
            if first is None:
                # What an earlier run has done tells nothing about the time that is left.
                first = done
                bar.reset(task, completed=done, total=total)
            elapsed = bar.tasks[0].elapsed or 0.001
            rate = f"{(done - first) / elapsed:.0f} a second" if done > first else ""
            bar.update(task, completed=done, total=total, rate=rate)

        yield on_progress


@contextmanager
def bytes_progress(name: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar of a download, on a pipe a line per tenth: called with bytes done and bytes in all."""
    console = errors()
    if not console.is_terminal:
        yield _tenths(name)
        return
    columns = (TextColumn(escape(name)), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def _tenths(name: str) -> Callable[[int, int], None]:
    told = 0

    def on_progress(done: int, total: int) -> None:
        nonlocal told
        tenths = min(10 * done // total, 10) if total else 0
        if tenths > told:
            told = tenths
            note(f"{name}: {10 * tenths} % of {total / 1e6:,.0f} MB")

    return on_progress
