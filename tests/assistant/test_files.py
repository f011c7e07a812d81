"""One file in full, and why a file is not in the library."""

import json
import os
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from assistant import Assistant, UsageError, cli
from assistant.show_files import documents
from indexers.catalog import Catalog
from indexers.ledger import Ledger, Share
from indexers.types import Document, Status

Run = Callable[..., tuple[int, str, str]]
LIST_KEYS = ["path", "media", "status", "reason", "chunks", "coverage", "pending"]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command here; gives its exit code, stdout and stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        code = cli.run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files and a library of it; not to be changed, but for files beside those of the library."""
    root = tmp_path_factory.mktemp("place")
    folder = root / "files"
    (folder / "sub").mkdir(parents=True)
    (folder / "pump.txt").write_text("The gasket of the pump is made of cork.\n\nIt is old.\n")
    (folder / "sub" / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")
    message = EmailMessage()
    message["From"], message["Subject"] = "ada@mill.example", "The sluice"
    message["Date"] = "Thu, 10 Oct 2024 16:42:00 +0100"
    message.set_content("The sluice is shut.")
    message.add_attachment(b"day,level\n1,70\n2,80\n", maintype="text", subtype="csv", filename="levels.csv")
    (folder / "mail.eml").write_bytes(bytes(message))
    with Assistant(root / "library", llm="none") as locus:
        locus.add(folder)
    return root


@pytest.fixture
def locus(place: Path) -> Iterator[Assistant]:
    with Assistant(place / "library", llm="none") as opened:
        yield opened


def refused(locus: Assistant, path: Path | str) -> str:
    with pytest.raises(UsageError) as caught:
        locus.file(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- one file in full --------------------------------------------------------------------------


def test_a_file_in_full(locus: Assistant, place: Path) -> None:
    path = place / "files" / "pump.txt"
    found = locus.file(path)
    data = json.loads(json.dumps(found.to_dict()))
    assert list(data)[: len(LIST_KEYS)] == LIST_KEYS
    assert {key: data[key] for key in LIST_KEYS} == next(d.to_dict() for d in locus.files() if d.path == str(path))
    assert (data["title"], data["format"], data["size"], data["is_there"]) == ("pump", "text", 52, True)
    assert data["ledger"]["total"] == 3 and data["ledger"]["read"]["text"]["amount"] == 2
    assert list(data["spaces"].values()) == [1] and data["parent"] is None and data["inside"] == []
    assert found.modified is not None and found.modified.timestamp() == pytest.approx(path.stat().st_mtime, abs=1)


def test_a_document_inside_a_file_and_the_file_around_it(locus: Assistant, place: Path) -> None:
    mail = locus.file(place / "files" / "mail.eml")
    inner = f"{mail.path}!/levels.csv"
    assert [document.path for document in mail.inside] == [inner]
    assert mail.metadata["author"] == "ada@mill.example" and mail.metadata["date"].startswith("2024-10-10T16:42")
    found = locus.file(inner)
    assert (found.parent, found.format, found.is_there, found.inside) == (mail.path, "csv", True, ())
    assert found.ledger.total == 3


def test_attempts_are_told_once_they_are_noted(locus: Assistant, place: Path) -> None:
    path = str(place / "files" / "sub" / "broken.pdf")
    catalog = Catalog(place / "library" / "catalog.sqlite")
    with catalog.transaction():
        catalog._rows("UPDATE files SET attempts=3, tried_at=1700000000.5 WHERE path=?", (path,))
    catalog.close()
    data = locus.file(path).to_dict()
    assert (data["attempts"], data["tried_at"]) == (3, "2023-11-14T22:13:20+00:00")
    assert data["status"] == "failed" and data["ledger"]["skipped"] == [data["reason"]]


def test_what_it_waits_for_comes_with_the_command_that_helps(sample: Assistant) -> None:
    picture = next(document.path for document in sample.files() if document.path.endswith("red-bicycle.jpg"))
    found = sample.file(picture)
    assert found.beside == ("red-bicycle.txt",)
    assert found.ways == {"image": sample.way_to_get("image")} and "locus models pull" in found.ways["image"]


def test_a_file_that_is_gone_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("The gasket is made of cork.")
    with Assistant(tmp_path / "library", llm="none") as locus:
        locus.add(path)
        path.unlink()
        assert not locus.file(path).is_there


# --- what the library does not hold ------------------------------------------------------------


def test_why_a_file_is_not_in_the_library(locus: Assistant, place: Path, tmp_path: Path) -> None:
    def made(name: str, data: bytes = b"some text") -> Path:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    assert "there is no such file" in refused(locus, "/no/such/file")
    plain = refused(locus, made("new one.txt"))
    assert plain.endswith(f"read it with: locus add '{tmp_path / 'new one.txt'}'") and "passed over" not in plain
    assert "would be unsupported" in refused(locus, made("a.zip", b"PK\x05\x06" + bytes(18)))
    for hidden in (".hidden.txt", "node_modules/a.txt", "~$report.docx"):
        assert "passed over" in refused(locus, made(hidden)), hidden
    assert "below" in refused(locus, tmp_path) and "locus add" in refused(locus, tmp_path)
    assert "the library itself" in refused(locus, place / "library" / "lock")
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
    assert "leads nowhere" in refused(locus, tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    assert "no regular file" in refused(locus, tmp_path / "pipe")
    made("photo.jpg", b"\xff\xd8\xff\xe0")
    assert "together with photo.jpg" in refused(locus, made("photo.txt"))
    inner = refused(locus, f"{place}/files/mail.eml!/other.csv")
    assert "holds no such document" in inner


def test_too_large_a_file_would_not_be_read(place: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a" * 1_100_000)
    with Assistant(place / "library", llm="none", max_file_mb=1) as locus:
        assert "would be failed (larger than the limit" in refused(locus, tmp_path / "a.txt")


# --- the command -------------------------------------------------------------------------------


def test_the_list_has_a_row_for_each_file(run: Run, place: Path) -> None:
    code, out, err = run("--library", place / "library", "files")
    assert (code, err) == (0, "")
    rows = {Path(line.split("/")[-1].split("  ")[0]).name: line for line in out.splitlines()}
    assert len(rows) == len(out.splitlines()) == 4
    assert "  3 lines  " in rows["levels.csv"] and f"{place}/files/mail.eml!/levels.csv" in rows["levels.csv"]
    assert rows["broken.pdf"].startswith("failed ") and len({line.index(str(place)) for line in rows.values()}) == 1


def test_a_path_shows_one_file_in_full(run: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = ("--library", place / "library", "files")
    monkeypatch.chdir(place / "files")
    code, out, err = run(*at, "mail.eml")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == str(place / "files" / "mail.eml")
    shown = {line[2:24].strip(): line[24:] for line in lines[1:]}
    assert (shown["title"], shown["kind"], shown["status"]) == ("The sluice", "text (eml)", "indexed")
    assert shown["inside"] == "levels.csv  indexed, 3 lines" and shown["vectors"].startswith("1 in text:")
    code, out, _ = run(*at, "mail.eml!/levels.csv", "--json")
    data = json.loads(out)
    assert code == 0 and data["path"] == f"{place}/files/mail.eml!/levels.csv" and data["ledger"]["unit"] == "lines"


def test_a_path_of_a_folder_lists_what_is_below(run: Run, place: Path) -> None:
    at = ("--library", place / "library", "files")
    listed = json.loads(run(*at, "--json", place / "files" / "sub")[1])
    assert [Path(row["path"]).name for row in listed] == ["broken.pdf"] and list(listed[0]) == LIST_KEYS
    assert listed == json.loads(run(*at, "--json", "--under", place / "files" / "sub")[1])
    assert json.loads(run(*at, "--json", place / "files", "--media", "image")[1]) == []


@pytest.mark.parametrize("arguments", [("/no/such/file",), ("/no/such/file", "--json"), (".", "--under", ".")])
def test_a_path_that_is_not_held_gives_2_and_a_line(run: Run, place: Path, arguments: tuple[str, ...]) -> None:
    code, out, err = run("--library", place / "library", "files", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1) and err.startswith("locus: ")


def test_thousands_of_rows_stay_in_line(capsys: pytest.CaptureFixture[str]) -> None:
    long = Ledger("seconds", 7200.0, tuple(Share(way, 3600.0, 9) for way in ("subtitles", "speech", "ocr")), 7200.0)
    found = [Document(f"/a/[{n}].txt", "text", Status.INDEXED, chunks=n, ledger=long) for n in range(3000)]
    found.append(
        Document(
            "/a/b.png",
            "image",
            Status.PENDING,
            "damaged; found by its words and name only until there is an image model",
            pending=("image",),
        )
    )
    documents(found)
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 3001 and "/a/[7].txt" in rows[7]
    assert rows[-1].endswith("/a/b.png  damaged  (waits for: image)")
