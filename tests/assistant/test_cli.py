"""The command line. Most commands run in this process (``run`` is ``main`` without the process); what only a process
has (signals, pipes, locks between processes, what is imported) is tried on real ones."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistant import cli, models, show
from assistant.api import Assistant
from indexers.lock import WriterLock

Told = tuple[int, str, str]
Run = Callable[..., Told]
LOCUS = [sys.executable, "-c", "from assistant.cli import main; main()"]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command here; gives its exit code, stdout and stderr."""

    def call(*arguments: object) -> Told:
        code = cli.run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a text and a broken file."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "pump.txt").write_text("The gasket of the pump is made of cork.\n")
    return folder


def process(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [*LOCUS, *(str(argument) for argument in arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)


def one_line(text: str) -> str:
    """An error as it must be: one line that says who speaks."""
    assert text.startswith("locus: ") and text.count("\n") == 1 and text.endswith("\n"), text
    return text


# --- what commands give ------------------------------------------------------------------------


def test_a_library_from_its_first_file_to_its_last(run: Run, tmp_path: Path, files: Path) -> None:
    at = ("--library", tmp_path / "library")
    code, out, err = run(*at, "add", files)
    assert (code, err) == (0, "") and out.startswith("1 added, 1 passage, ")
    code, out, err = run(*at, "files")
    assert (code, err) == (0, "") and out.split() == ["indexed", "1", "1", "line", str(files / "pump.txt")]
    code, out, err = run(*at, "search", "cork", "gasket")
    assert code == 2  # a query is one argument
    one_line(err)
    code, out, err = run(*at, "search", "cork gasket", "-k", "3")
    assert (code, err) == (0, "") and "pump.txt, line 1" in out and "made of cork" in out
    code, out, err = run(*at, "ask", "--no-llm", "What is the gasket of the pump made of?")
    assert (code, err) == (0, "") and "“The gasket of the pump is made of cork.” [1]\n\n[1] pump.txt, line 1\n" in out
    code, out, err = run(*at, "doctor")
    assert (code, out, err) == (0, "the library is sound\n", "")
    code, out, err = run(*at, "status")
    assert code == 0 and err == "" and re.search(r"^files +1$", out, re.MULTILINE)
    code, out, err = run(*at, "remove", files)
    assert (code, out) == (0, "") and err == "1 document removed from the library\n"
    code, out, err = run(*at, "files")
    assert (code, out) == (0, "") and "locus add PATH" in err


def test_json_of_every_command_that_reads(run: Run, sample_library: Path) -> None:
    at = ("--library", sample_library)

    def data(*arguments: object) -> Any:
        code, out, err = run(*at, *arguments)
        assert (code, err) == (0, "")
        return json.loads(out)

    assert {"path", "media", "status", "reason", "chunks", "coverage", "pending"} == set(data("files", "--json")[0])
    hits = data("search", "--json", "-k", 2, "--media", "text,image", "the wheel")
    assert [hit["rank"] for hit in hits] == [1, 2]
    assert {hit["media"] for hit in data("search", "--json", "--media", "image", "the wheel", "-k", 3)} == {"image"}
    assert data("search", "--json", "--media", "image", "--under", "/nowhere", "the wheel", "-k", 1) == []
    answer = data("ask", "--json", "--no-llm", "How many bats were counted?")
    assert answer["mode"] == "quotes" and "23" in answer["text"] and answer["citations"]
    status = data("status", "--json")
    assert (status["files"], status["waiting"]) == (20, {"image": 5})
    assert data("doctor", "--json") == {"sound": True, "problems": [], "repaired": []}
    assert data("models", "--json") == data("models", "list", "--json")
    assert {row["state"] for row in data("models", "verify", "--json")} <= {"ok", "unchecked"}
    report = data("add", "--json", data("files", "--json")[0]["path"])
    assert report["unchanged"] == 1 and report["failed"] == 0


def test_names_of_models_are_never_cut(run: Run) -> None:
    code, out, _ = run("models")
    assert code == 0
    for row in json.loads(run("models", "--json")[1]):
        assert re.search(rf"^{re.escape(row['name'])}  ", out, re.MULTILINE)


def test_search_says_why_there_is_nothing(run: Run, sample: Assistant, tmp_path: Path) -> None:
    with Assistant(tmp_path / "library") as locus:
        locus.add(next(Path(document.path) for document in sample.files() if document.path.endswith("mill-diary.md")))
    at = ("--library", tmp_path / "library")
    code, out, err = run(*at, "search", "wheel", "--under", tmp_path)
    assert (code, out) == (0, "") and f"nothing at {tmp_path}" in err.replace("\n", " ")
    code, out, err = run(*at, "search", "wheel", "--media", "image,video")
    assert (code, out) == (0, "") and "no files of this kind: image,video" in err
    code, out, err = run(*at, "search", "wheel", "--since", "2999-01-01")
    assert (code, out) == (0, "") and "try without --since and --until" in err
    assert json.loads(run(*at, "search", "wheel", "--until", "2999-01-01", "--json")[1])
    assert run(*at, "ask", "wheel?", "--until", "1999-01-01", "--json")[0] == 0


@pytest.mark.parametrize("day", ["yesterday", "2024", "2024-13-01", "17.5.2024", ""])
def test_what_is_no_day_is_told(run: Run, sample_library: Path, day: str) -> None:
    code, out, err = run("--library", sample_library, "search", "wheel", "--since", day)
    assert (code, out) == (2, "") and "%Y-%m-%d" in one_line(err)


def test_a_chat_completes_follow_ups(run: Run, sample_library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    questions = iter(["How much money did the open days bring in in 2024?", "And in 2023?", ""])
    monkeypatch.setattr(show, "prompt", lambda: next(questions))
    code, out, err = run("--library", sample_library, "chat", "--no-llm")
    assert (code, err) == (0, "")
    assert "(How much money did the open days bring in in 2023?)" in out


# --- exit codes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nonsense",),
        ("ask",),
        ("ask", " "),
        ("search",),
        ("search", "x", "-k", "0"),
        ("search", "x", "-k", "many"),
        ("search", "x", "--media", "film"),
        ("search", "x", "--media", ""),
        ("search", "x", "--image", "photo.jpg"),
        ("search", "x", "--nonsense"),
        ("add",),
        ("add", "/no/such/file"),
        ("remove", "/no/such/file"),
        ("models", "nonsense"),
        ("models", "pull", "nonsense"),
        ("reindex",),
        ("reindex", "--text-model", "nonsense"),
        ("demo", "/no/such/folder"),
    ],
)
def test_wrong_calls_give_2_and_a_line(run: Run, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    Assistant(tmp_path / "library").close()
    code, out, err = run("--library", tmp_path / "library", *arguments)
    assert code == 2
    if arguments:
        assert out == ""
        one_line(err)


@pytest.mark.parametrize(
    "command",
    ["files", "status", "doctor", "search x", "ask x", "chat", "remove x", "reindex --text-model all-MiniLM-L6-v2"],
)
def test_a_mistyped_library_is_told_and_not_made(run: Run, tmp_path: Path, command: str) -> None:
    code, out, err = run("--library", tmp_path / "typo", *command.split())
    if command != "chat":
        assert (code, out) == (2, "") and "locus --library" in one_line(err)
    assert not (tmp_path / "typo").exists()


def test_files_that_fail_give_3_and_the_others_are_there(run: Run, tmp_path: Path, files: Path) -> None:
    (files / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")
    at = ("--library", tmp_path / "library")
    code, out, err = run(*at, "add", files)
    assert (code, err) == (3, "")
    first, last = out.splitlines()
    assert first.startswith("failed  ") and "broken.pdf: " in first
    assert last.startswith("1 added, 1 failed, ")
    assert json.loads(run(*at, "search", "--json", "cork")[1])[0]["path"] == str(files / "pump.txt")
    code, out, _ = run(*at, "add", "--json", files)
    assert code == 3 and json.loads(out)["failed"] == 1


def test_a_missing_model_gives_4(run: Run, sample_library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCUS_LLM", "Qwen3-4B")
    code, out, err = run("--library", sample_library, "ask", "Who is Tilda?")
    assert (code, out) == (4, "") and "locus models pull Qwen3-4B" in one_line(err)
    monkeypatch.setenv("LOCUS_LLM", "none")
    monkeypatch.setattr(models, "_bundled_folder", lambda _spec: None)
    monkeypatch.setenv("LOCUS_CACHE_DIR", str(sample_library / "no models here"))
    code, out, err = run("--library", sample_library, "search", "Tilda")
    assert (code, out) == (4, "") and "locus models pull all-MiniLM-L6-v2" in one_line(err)
    assert run("--library", sample_library, "files")[0] == 0


def test_another_writer_gives_5_and_readers_go_on(tmp_path: Path, files: Path) -> None:
    root = tmp_path / "library"
    Assistant(root).close()
    with WriterLock(root / "lock").hold():
        busy = process("--library", root, "remove", files)
        assert busy.returncode == 2  # nothing there to remove; told before the lock matters
        busy = process("--library", root, "add", files)
        assert (busy.returncode, busy.stdout) == (5, "")
        assert f"process {os.getpid()}" in one_line(busy.stderr)
        assert process("--library", root, "status").returncode == 0


def test_interrupting_gives_130_and_keeps_what_was_done(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(4000):
        (folder / f"{number}.txt").write_text(f"The gasket of engine {number} is made of cork.\n" * 20)
    root = tmp_path / "library"
    command = [*LOCUS, "--library", str(root), "add", str(folder)]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 90
    while not (root / "lock").exists() or not (root / "lock").read_text():
        assert time.monotonic() < until and started.poll() is None
        time.sleep(0.1)
    time.sleep(1.0)
    started.send_signal(signal.SIGINT)
    out, err = started.communicate(timeout=60)
    assert (started.returncode, out) == (130, "")
    *_, last = err.splitlines()
    assert last == "interrupted; what was finished is kept, and the same command goes on from there"
    assert process("--library", root, "doctor").returncode == 0


@pytest.mark.parametrize("debug", [False, True])
def test_what_nobody_expected_is_one_line_without_debug(run: Run, monkeypatch: pytest.MonkeyPatch, debug: bool) -> None:
    def broken(_self: Assistant) -> None:
        raise ZeroDivisionError("first line\nsecond line")

    monkeypatch.setattr(Assistant, "status", broken)
    code, out, err = run(*(["--debug"] if debug else []), "status")
    assert (code, out) == (1, "") and "ZeroDivisionError: first line second line" in err
    assert ("Traceback" in err) == debug
    if not debug:
        assert "--debug" in one_line(err)


def test_debug_shows_where_an_expected_error_came_from_and_keeps_its_code(run: Run, tmp_path: Path) -> None:
    code, _, err = run("--debug", "--library", tmp_path / "typo", "files")
    assert code == 2 and "Traceback" in err and "there is no library" in err


# --- pipes, terminals, start -------------------------------------------------------------------


@pytest.mark.parametrize("command", ["files", "files --json", "models", "search --json -k 1000 wheel"])
def test_a_reader_that_has_seen_enough_is_no_error(sample_library: Path, command: str) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        ended = subprocess.run(
            [*LOCUS, "--library", str(sample_library), *command.split()],
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        os.close(write)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_library_of_the_environment_is_taken_and_the_option_goes_first(
    sample_library: Path, tmp_path: Path
) -> None:
    environment = {**os.environ, "LOCUS_LIBRARY": str(sample_library)}
    assert len(process("files", env=environment).stdout.splitlines()) == 20
    assert process("--library", tmp_path / "typo", "files", env=environment).returncode == 2


def test_a_folder_is_found_from_where_one_stands(run: Run, tmp_path: Path, files: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("--library", "my library", "add", "files")[0] == 0
    assert json.loads(run("--library", "./my library/", "files", "--json")[1])[0]["path"] == str(files / "pump.txt")


def test_help_and_lists_load_no_model_and_no_engine(sample_library: Path) -> None:
    heavy = ("torch", "transformers", "sentence_transformers", "onnxruntime", "llama_cpp", "huggingface_hub", "gradio")
    code = (
        "import sys; from assistant.cli import run; code = run(sys.argv[1:]);"
        f"print([name for name in {heavy!r} if name in sys.modules], code, file=sys.stderr)"
    )
    for arguments in (["--help"], ["files"], ["status"], ["models"], ["add", "--help"]):
        command = [sys.executable, "-c", code, "--library", str(sample_library), *arguments]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert ended.stderr.splitlines()[-1] == "[] 0", arguments
        assert ended.stdout
