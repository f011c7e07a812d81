"""Changing the settings file: what people wrote in it stays, and a file that can not be changed is as it was."""

import errno
import stat
import threading
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import settings_file
from assistant.settings import Settings, change, in_force, load, meanings, problem, read
from indexers.errors import NotWritten, UsageError
from indexers.lock import WriterLock

MINE = """\
# What I like.
threads = 3   # the fan is loud

# A model of my own:
llm_path = "/models/my.gguf" # 4 bits
# llm_url = "http://127.0.0.1:8080/v1"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(MINE, encoding="utf-8")
    return path


def changed(file: Path, **values: object) -> Settings:
    return change(values, environment={}, file=file).settings


# --- what stays and what changes ---------------------------------------------------------------


def test_comments_order_and_spaces_stay(file: Path) -> None:
    now = changed(file, threads=2, theme="dark")
    assert file.read_text() == MINE.replace("threads = 3 ", "threads = 2 ") + 'theme = "dark"\n'
    assert (now.threads, now.theme, now.llm_path) == (2, "dark", Path("/models/my.gguf"))


def test_none_takes_the_line_away(file: Path) -> None:
    assert changed(file, threads=None, hidden=None).threads == 0
    assert file.read_text() == MINE.replace("threads = 3   # the fan is loud\n", "")


def test_a_path_stays_as_it_was_written(file: Path) -> None:
    assert changed(file, llm_path="~/m.gguf").llm_path == Path.home() / "m.gguf"
    assert tomllib.loads(file.read_text())["llm_path"] == "~/m.gguf"
    assert changed(file, llm_path="").llm_path is None
    assert "llm_path" not in tomllib.loads(file.read_text())


def test_texts_that_stand_for_values_are_written_as_what_they_mean(file: Path) -> None:
    changed(file, threads="4", ocr="no", abstain_below="-3", llm_small="yes")
    assert tomllib.loads(file.read_text()) == {
        "threads": 4,
        "llm_path": "/models/my.gguf",
        "ocr": False,
        "abstain_below": -3.0,
        "llm_small": "true",
    }


def test_line_ends_and_a_byte_order_mark_stay(file: Path) -> None:
    windows = b"\xef\xbb\xbf" + MINE.replace("\n", "\r\n").encode()
    file.write_bytes(windows)
    changed(file, threads=2, theme="dark")
    assert file.read_bytes() == windows.replace(b"threads = 3 ", b"threads = 2 ") + b'theme = "dark"\r\n'


def test_what_changes_nothing_writes_nothing(file: Path) -> None:
    before = file.stat()
    changed(file, threads=3)
    assert file.stat().st_mtime_ns == before.st_mtime_ns and file.stat().st_ino == before.st_ino


@given(st.text())
def test_any_text_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("any") / "settings.toml"
    file.write_text(MINE, encoding="utf-8")
    changed(file, llm_model=text)
    assert load(environment={}, file=file).llm_model == text
    changed(file, llm_model=None)
    assert file.read_text() == MINE


def test_half_a_letter_can_not_be_written(file: Path) -> None:
    with pytest.raises(UsageError, match="llm_model: the value holds characters that are no text"):
        changed(file, llm_model="\ud800")
    assert file.read_text() == MINE


# --- making and replacing the file -------------------------------------------------------------


def test_a_file_that_is_not_there_is_made_with_its_folder_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "new" / "locus" / "settings.toml"
    changed(file, llm_api_key="geheim")
    assert file.read_text() == 'llm_api_key = "geheim"\n'
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_the_file_of_the_user_is_changed_where_none_is_named() -> None:
    loaded = change({"theme": "light"}, environment={})
    try:
        assert loaded.file.is_file() and load(environment={}).theme == "light"
    finally:
        loaded.file.unlink()


def test_the_mode_stays(file: Path) -> None:
    file.chmod(0o640)
    changed(file, threads=1)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_link_stays_a_link(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    changed(link, threads=1)
    assert link.is_symlink() and "threads = 1" in file.read_text()


def test_a_crash_while_writing_leaves_the_old_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(settings_file.os, "fsync", full)
    with pytest.raises(NotWritten, match=r"settings\.toml.*the disk is full.*as it was"):
        changed(file, threads=1)
    assert file.read_text() == MINE
    assert sorted(path.name for path in file.parent.iterdir()) == [".settings.toml.lock", "settings.toml"]


def test_a_folder_that_can_not_be_written_is_said_in_one_line(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_options: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(settings_file.tempfile, "mkstemp", refuse)
    with pytest.raises(NotWritten, match="read-only; make it writable") as raised:
        changed(file, threads=1)
    assert "\n" not in str(raised.value) and file.read_text() == MINE


def test_a_folder_that_can_not_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(NotWritten, match="can not be written"):
        changed(tmp_path / "taken" / "settings.toml", threads=1)


# --- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"threads = ", b'llm = "\xff"', b"threads = 1\nthreads = 2\n", b"tempo = 1\n"])
def test_a_broken_file_is_named_and_left_as_it_is(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(UsageError, match=r"settings\.toml"):
        changed(file, theme="dark")
    assert file.read_bytes() == content


def test_a_folder_in_its_place_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can not be read"):
        changed(tmp_path, theme="dark")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("threads", "many"),
        ("answer_words", 5),
        ("answer_words", 1001),
        ("theme", "pink"),
        ("offline", "maybe"),
        ("llm_path", "a\0b"),
        ("tempo", 1),
    ],
)
def test_what_can_not_be_is_refused_by_name(file: Path, name: str, value: object) -> None:
    with pytest.raises(UsageError, match=name):
        changed(file, **{name: value})
    assert file.read_text() == MINE
    assert problem(name, value)


def test_a_wrong_line_can_be_mended(file: Path) -> None:
    file.write_text("threads = -1  # oh\n")
    assert changed(file, threads=1).threads == 1
    assert file.read_text() == "threads = 1  # oh\n"


def test_the_caller_may_refuse_what_there_would_be(file: Path) -> None:
    def check(settings: Settings) -> None:
        raise UsageError(f"no {settings.theme} here")

    with pytest.raises(UsageError, match="no dark here"):
        change({"theme": "dark"}, environment={}, file=file, check=check)
    assert file.read_text() == MINE


def test_the_key_is_in_no_message(file: Path) -> None:
    for name in ("llm_api_key", "ui_password"):
        with pytest.raises(UsageError) as raised:
            changed(file, **{name: 1234567})
        assert "1234567" not in str(raised.value)


# --- several at once ---------------------------------------------------------------------------


def test_changes_of_several_at_once_are_all_there(file: Path) -> None:
    values = {"threads": 1, "theme": "dark", "hidden": True, "max_file_mb": 7, "answer_words": 90, "rescan_minutes": 9}
    threads = [threading.Thread(target=changed, args=(file,), kwargs={name: values[name]}) for name in values]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    now = load(environment={}, file=file)
    assert {name: getattr(now, name) for name in values} == values
    assert file.read_text().startswith("# What I like.\n")


def test_who_holds_the_file_is_waited_for(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings_file, "_PATIENCE_S", 0.05)
    with (
        WriterLock(file.with_name(".settings.toml.lock")).hold(),
        pytest.raises(UsageError, match="being changed by another program; try again"),
    ):
        changed(file, threads=1)
    assert file.read_text() == MINE


# --- what is in force, and where it is from ----------------------------------------------------


def test_what_goes_before_the_file_stays_in_force_and_says_so(file: Path) -> None:
    environment = {"LOCUS_THREADS": "2"}
    loaded = change({"threads": 1, "theme": "dark"}, {"hidden": True}, environment=environment, file=file)
    assert "threads = 1 " in file.read_text()
    rows = {row.name: row for row in in_force(loaded, loaded)}
    assert (rows["threads"].value, rows["threads"].source, rows["threads"].is_fixed) == (2, "LOCUS_THREADS", True)
    assert (rows["hidden"].value, rows["hidden"].source, rows["hidden"].is_fixed) == (True, "argument", True)
    assert (rows["theme"].value, rows["theme"].source, rows["theme"].is_fixed) == ("dark", "settings.toml", False)
    assert (rows["ocr"].value, rows["ocr"].source, rows["ocr"].is_fixed) == (True, "default", False)
    assert rows["theme"].is_in_file and not rows["threads"].is_in_file


def test_secrets_are_only_said_to_be_there(file: Path) -> None:
    loaded = read({"llm_api_key": "geheim", "ui_password": ""}, environment={}, file=file)
    rows = {row.name: row.value for row in in_force(loaded, loaded)}
    assert rows["llm_api_key"] is True and rows["ui_password"] is False
    assert "geheim" not in repr(in_force(loaded, loaded))


def test_every_setting_says_what_it_means(file: Path) -> None:
    loaded = read(environment={}, file=file)
    rows = in_force(loaded, loaded)
    assert [row.name for row in rows] == list(Settings.__dataclass_fields__)
    assert all(row.doc.endswith(".") and "  " not in row.doc for row in rows)
    assert meanings()["read_memory_mb"].endswith("limits is kept.")
