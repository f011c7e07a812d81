"""The command line: data on stdout, progress and notes on stderr, errors as one line, exit codes as documented.

Knows the facade and nothing behind it. Exit codes: 0 done · 1 error · 2 usage · 3 some files failed · 4 a model that is
needed is missing · 5 the library is in use · 130 interrupted.
"""

from __future__ import annotations

import gc
import logging
import os
import shlex
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from assistant import show, show_files, show_progress
from assistant.cli_common import (
    INTERRUPTED,
    Json,
    MediaOption,
    Options,
    Since,
    Under,
    Until,
    heeded,
    kinds,
    opened,
    why_nothing,
)
from assistant.cli_files import files
from assistant.cli_library import reindex
from assistant.cli_models import models_app
from assistant.cli_ui import ui
from assistant.cli_watch import watch
from indexers.errors import LocusError, UsageError

SOME_FAILED = 3

app = typer.Typer(
    name="locus",
    help="Ask your own files. Everything happens on this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(models_app, name="models")

NoLlm = Annotated[bool, typer.Option("--no-llm", help="Answer by quoting, without a language model.")]


@app.callback()
def _root(
    context: typer.Context,
    library: Annotated[
        Path | None, typer.Option("--library", metavar="DIR", help="The library's folder (or LOCUS_LIBRARY).")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from.")] = False,
) -> None:
    context.obj = Options(library, debug)


@app.command()
def add(
    context: typer.Context, paths: Annotated[list[Path], typer.Argument(metavar="PATH…")], as_json: Json = False
) -> None:
    """Index files and folders; unchanged files cost nothing."""
    with opened(context, create=True) as locus:
        try:
            with show_progress.progress() as on_progress, heeded(on_progress) as heeding:
                report = locus.add(paths, on_progress=heeding)
        except KeyboardInterrupt:
            show.note("interrupted; what was finished is kept, and the same command goes on from there")
            raise typer.Exit(INTERRUPTED) from None
        if as_json:
            show.json_out(report.to_dict())
        else:
            show.added(report)
    if report.failed:
        raise typer.Exit(SOME_FAILED)


@app.command()
def ask(
    context: typer.Context,
    question: str,
    as_json: Json = False,
    media: MediaOption = None,
    under: Under = None,
    since: Since = None,
    until: Until = None,
    no_llm: NoLlm = False,
) -> None:
    """Answer a question, each sentence with the place it comes from."""
    with opened(context, llm="none" if no_llm else None) as locus:
        events = locus.stream(question, media=kinds(media), under=under, since=since, until=until)
        answer = show.follow(events, drafts=not as_json)
        if as_json:
            show.json_out(answer.to_dict())
        else:
            show.answer(answer)
        if not answer.citations and not as_json:
            why_nothing(locus, media, under, is_dated=bool(since or until))


@app.command()
def chat(context: typer.Context, no_llm: NoLlm = False) -> None:
    """Ask question after question; a follow-up may lean on the one before it. An empty line ends it."""
    with opened(context, llm="none" if no_llm else None) as locus:
        earlier: list[str] = []
        while question := show.prompt():
            if earlier:
                show.gap()
            answer = show.follow(locus.stream(question, earlier=earlier), drafts=True)
            show.answer(answer, completed=answer.question if answer.question != question else "")
            earlier.append(answer.question)


@app.command()
def search(
    context: typer.Context,
    query: Annotated[str, typer.Argument()] = "",
    k: Annotated[int, typer.Option("-k", min=1, max=1000, metavar="N", help="The most hits.")] = 10,
    image: Annotated[Path | None, typer.Option("--image", metavar="F", help="Search by a picture.")] = None,
    media: MediaOption = None,
    under: Under = None,
    since: Since = None,
    until: Until = None,
    why: Annotated[
        Path | None, typer.Option("--why", metavar="PATH", help="Tell where this file stands, and what cut it off.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the places that fit best."""
    with opened(context) as locus:
        if why is not None:
            if image is not None:
                raise UsageError("--why goes with words, not with --image")
            found = locus.why(query, why, k=k, media=kinds(media), under=under, since=since, until=until)
            if as_json:
                show.json_out(found.to_dict())
            else:
                show_files.why(found)
            return
        hits = locus.search(query, k=k, image=image, media=kinds(media), under=under, since=since, until=until)
        if as_json:
            show.json_out([hit.to_dict() for hit in hits])
        else:
            show.hits(hits)
        if image is not None and not locus.status()["image_model"]:
            show.note(f"what the picture shows was left out: there is no image model; run: {locus.way_to_get('image')}")
        if not hits and not as_json:
            show.note("nothing found")
            why_nothing(locus, media, under, is_dated=bool(since or until))


app.command()(watch)
app.command()(ui)
app.command()(files)


@app.command()
def status(context: typer.Context, as_json: Json = False) -> None:
    """Show how large the library is and which models are in use."""
    with opened(context) as locus:
        facts = locus.status()
        if as_json:
            show.json_out(facts)
        else:
            show.facts(facts)
            if coming := facts["text_model_next"]:
                way = f"locus reindex --text-model {shlex.quote(coming)}"
                show.note(f"a change to the text model {coming} is not done; it goes on with: {way}")
            if facts["damaged"]:
                show.note("some of it is damaged; run: locus doctor --repair")
            for role, count in facts["waiting"].items():
                wait = "file waits" if count == 1 else "files wait"
                way = (
                    "the next `locus add` finishes them" if facts[f"{role}_model"] else f"run: {locus.way_to_get(role)}"
                )
                show.note(f"{count} {wait} for the {role} model; {way}")


@app.command()
def remove(
    context: typer.Context, paths: Annotated[list[Path], typer.Argument(metavar="PATH…")], as_json: Json = False
) -> None:
    """Forget files and folders; the files themselves stay where they are."""
    with opened(context) as locus:
        removed = locus.remove(paths)
    if as_json:
        show.json_out({"removed": removed})
    else:
        show.note(f"{removed} {'document' if removed == 1 else 'documents'} removed from the library")


@app.command()
def doctor(
    context: typer.Context,
    repair: Annotated[
        bool, typer.Option("--repair", help="Embed again what is damaged; make the search indexes anew.")
    ] = False,
    compact: Annotated[
        bool, typer.Option("--compact", help="Clear what was removed from the library's files, and give its room back.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check the library and repair it."""
    repaired: list[str] = []
    with opened(context) as locus:
        problems = locus.doctor(repair=repair, compact=compact, on_repair=repaired.append)
    if as_json:
        show.json_out({"sound": not problems, "problems": problems, "repaired": repaired})
    else:
        for line in repaired:
            show.note(line)
        show.problems(problems)
    if problems:
        raise typer.Exit(1)


app.command()(reindex)


@app.command()
def demo(
    context: typer.Context,
    folder: Annotated[Path | None, typer.Argument(help="A folder with library/ and questions.json.")] = None,
    no_llm: NoLlm = False,
) -> None:
    """Index the sample library into a throw-away library, ask it questions and show the answers."""
    from assistant.demo import run

    run(folder, use_llm=not no_llm)


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    # Libraries read these when they are loaded, so they come before any of them. The spin count keeps idle threads of
    # torch and llama.cpp from taking the cores from one another (see ``assistant.llm_native``).
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "300")
    code = run(sys.argv[1:])
    # Python would look through all that the models' libraries made once more before it ends, for half a second.
    gc.freeze()
    sys.exit(code)


_ClickException: type[Exception] = typer.BadParameter.__bases__[0].__bases__[0]
"""What typer raises for a call it can not read. Newer typers carry a click of their own, so it is not click's."""


def run(arguments: Sequence[str]) -> int:
    """Runs one command and gives its exit code; ``main`` without the process around it."""
    debug = "--debug" in arguments
    if debug:
        logging.basicConfig(level=logging.INFO)
    caught: Exception | None = None
    try:
        code = _run(list(arguments))
        sys.stdout.flush()
    except LocusError as error:
        show.error(str(error))
        code, caught = error.exit_code, error
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # The reader of a pipe has seen enough ("locus files | head"); rich and typer make an exit of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the edge of the program: people are told in one line
        told = " ".join(f"{type(error).__name__}: {error}".split())
        show.error(f"unexpected error ({told}); " + ("please report it" if debug else "run again with --debug"))
        code, caught = LocusError.exit_code, error
    if debug and caught is not None:
        traceback.print_exception(caught)
    return code


def _run(arguments: list[str]) -> int:
    command = typer.main.get_command(app)
    try:
        code = command.main(args=arguments, prog_name="locus", standalone_mode=False)
    except _ClickException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "locus"
        # Called without a command, the help was shown already, and the error says nothing.
        if told := _message(error):
            show.error(f"{told.rstrip('.')}; see: {path} --help")
        return UsageError.exit_code
    return code if isinstance(code, int) else 0


def _message(error: Exception) -> str:
    format_message: Callable[[], str] = getattr(error, "format_message", error.__str__)
    return "" if type(error).__name__ == "NoArgsIsHelpError" else format_message()
