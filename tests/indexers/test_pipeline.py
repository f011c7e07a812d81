import os
import random
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from indexers import adding, pool, reading
from indexers.errors import Broken, Encrypted, ModelFailed, UsageError
from indexers.library import Library
from indexers.parsers import parser_for
from indexers.pipeline import AddReport, Pipeline, Progress
from indexers.protocols import Source
from indexers.reading import FileReader
from indexers.senses import Senses
from indexers.testing import HashingEmbedder
from indexers.types import Attachment, Block, LinesLocator, Parsed, Piece, SheetLocator, Status, Vectors


class Counting(HashingEmbedder):
    """Counts what is embedded."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []
        self.fail: BaseException | None = None

    @property
    def embedded(self) -> int:
        return sum(self.batches)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        if self.fail is not None:
            raise self.fail
        self.batches.append(len(texts))
        return super().embed_passages(texts)


class InProcess:
    """Runs parsers here. A mail is text lines; each ``>>> name`` begins an attachment with the lines after it."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.before: Callable[[Source], None] = lambda source: None
        self.instead: dict[str, Parsed] = {}

    def parse(self, source: Source) -> Parsed:
        self.names.append(source.name)
        self.before(source)
        if source.name in self.instead:
            return self.instead[source.name]
        if source.format == "eml":
            return self.mail(source.path.read_text())
        parser = parser_for(source.format)
        assert parser is not None
        return parser(source)

    @staticmethod
    def mail(text: str) -> Parsed:
        head, *inner = re.split("^>>> ", text, flags=re.MULTILINE)
        pieces = tuple(Piece(line, LinesLocator(n, n)) for n, line in enumerate(head.splitlines()[1:], 2))
        split = [part.partition("\n") for part in inner]
        # Nested attachments are written with one more arrow.
        found = tuple(Attachment(name, rest.replace(">>>>", ">>>").encode()) for name, _, rest in split)
        return Parsed((Block(pieces),), attachments=found)


class Setting:
    """A library, a folder of files, and what adds them."""

    def __init__(self, root: Path) -> None:
        self.files = root / "files"
        self.files.mkdir()
        self.embedder, self.reader = Counting(), InProcess()
        self.library = Library(root / "library")
        self.pipeline = Pipeline(
            self.library,
            self.embedder,
            FileReader(self.reader, Senses(), self.library.unfinished, max_bytes=100_000),
            readers=2,
        )

    def write(self, name: str, text: str | bytes) -> str:
        path = self.files / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        # Two writes may fall into one tick of the file system's clock.
        self.tick = getattr(self, "tick", 10**18) + 10**9
        os.utime(path, ns=(self.tick, self.tick))
        return str(path)

    def add(self, *paths: Path | str) -> AddReport:
        return self.pipeline.add(paths or [self.files])

    def changes(self, *paths: Path | str) -> dict[str, str]:
        return {os.path.relpath(file.path, self.files): file.change for file in self.add(*paths).files}

    def statuses(self) -> dict[str, str]:
        return {os.path.relpath(d.path, self.files): d.status.value for d in self.library.catalog.documents()}

    def found(self, query: str) -> list[str]:
        """Paths of the chunks that hold a word, by the words and the catalog; the vectors agree on the chunks."""
        ids = set(self.library.words().search(query, 100)[0].tolist())
        catalog = self.library.catalog
        vectors = self.library.vectors(self.embedder.space, self.embedder.dim)
        cosine_ids, cosines = vectors.search(self.embedder.embed_query(query), 100)
        live = catalog.chunks(cosine_ids.tolist())
        assert len(live) == len(cosine_ids) == len(vectors)
        assert {i for i in live if query.lower() in live[i].chunk.text.lower().split()} == ids
        del cosines
        return sorted({os.path.relpath(p, self.files) for i in ids for p in catalog.paths_of(live[i].content)})

    def sound(self) -> bool:
        return self.library.catalog.problems() + self.library.snapshot_problems() == []


@pytest.fixture
def s(tmp_path: Path) -> Iterator[Setting]:
    setting = Setting(tmp_path)
    yield setting
    assert setting.sound()
    setting.library.close()


def test_files_of_a_folder_are_found(s: Setting) -> None:
    s.write("a.txt", "a red bicycle")
    s.write("deep/er/b.md", "# Boats\n\nThe blue boat lies")
    assert s.changes() == {"a.txt": "added", "deep/er/b.md": "added"}
    assert s.found("bicycle") == ["a.txt"]
    assert s.found("boat") == ["deep/er/b.md"]
    assert s.statuses() == {"a.txt": "indexed", "deep/er/b.md": "indexed"}


def test_an_unchanged_file_costs_a_look(s: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    s.write("a.txt", "a red bicycle")
    s.add()
    s.reader.names.clear()
    s.embedder.batches.clear()

    def no_hash(_path: Path) -> str:
        raise AssertionError("it was hashed")

    monkeypatch.setattr(reading, "digest", no_hash)
    report = s.add()
    assert [(file.change, file.chunks) for file in report.files] == [("unchanged", 1)]
    assert s.reader.names == s.embedder.batches == []


def test_a_touched_file_is_read_again_by_no_one(s: Setting) -> None:
    s.write("a.txt", "a red bicycle")
    s.add()
    s.write("a.txt", "a red bicycle")
    assert s.changes() == {"a.txt": "unchanged"}
    assert (len(s.reader.names), s.embedder.embedded) == (1, 1)


def test_files_are_read_again_by_newer_parsers(s: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    s.write("a.txt", "a red bicycle")
    s.add()
    monkeypatch.setattr(reading, "PARSER_VERSION", reading.PARSER_VERSION + 1)
    assert s.changes() == {"a.txt": "updated"}
    assert len(s.reader.names) == 2
    assert s.changes() == {"a.txt": "unchanged"}


def test_what_a_changed_file_held_is_never_found_again(s: Setting) -> None:
    s.write("a.txt", "a red bicycle")
    s.write("b.txt", "a green tractor")
    s.add()
    s.write("a.txt", "a blue boat")
    assert s.changes() == {"a.txt": "updated", "b.txt": "unchanged"}
    assert (s.found("bicycle"), s.found("boat"), s.found("tractor")) == ([], ["a.txt"], ["b.txt"])
    assert s.library.catalog.counts() == {"files": 2, "contents": 2, "chunks": 2, "vectors": 2}


def test_a_copy_embeds_nothing_and_is_found_at_both_paths(s: Setting) -> None:
    s.write("a.txt", "a red bicycle")
    s.write("same.txt", "a red bicycle")
    s.add()
    s.write("later.txt", "a red bicycle")
    assert s.changes()["later.txt"] == "added"
    assert s.embedder.embedded == 1
    assert s.found("bicycle") == ["a.txt", "later.txt", "same.txt"]
    assert {file.chunks for file in s.add().files} == {1}


def test_files_that_swap_their_texts(s: Setting) -> None:
    s.write("a.txt", "a red bicycle")
    s.write("b.txt", "a blue boat")
    s.add()
    s.write("a.txt", "a blue boat")
    s.write("b.txt", "a red bicycle")
    s.write("c.txt", "a red bicycle")
    s.add()
    assert (s.found("bicycle"), s.found("boat")) == (["b.txt", "c.txt"], ["a.txt"])


def test_files_that_are_gone_from_a_folder_are_forgotten(s: Setting) -> None:
    for name in ("a.txt", "sub/b.txt", "sub/c.txt", "other/d.txt"):
        s.write(name, f"words of {name[-5]} here")
    s.add()
    (s.files / "a.txt").unlink()
    (s.files / "sub/b.txt").unlink()
    (s.files / "other/d.txt").unlink()
    assert s.changes(s.files / "sub") == {"sub/b.txt": "removed", "sub/c.txt": "unchanged"}
    assert s.found("a") == ["a.txt"]
    assert s.changes() == {"a.txt": "removed", "other/d.txt": "removed", "sub/c.txt": "unchanged"}
    assert s.statuses() == {"sub/c.txt": "indexed"}


def test_an_only_file_that_was_renamed_is_forgotten_under_its_old_name(s: Setting) -> None:
    s.write("a.txt", "a red bicycle")
    s.add()
    (s.files / "a.txt").rename(s.files / "b.txt")
    assert s.changes() == {"b.txt": "moved"}
    assert s.found("bicycle") == ["b.txt"]


def test_a_file_that_became_a_folder_is_forgotten(s: Setting) -> None:
    s.write("a.txt", "a red bicycle")
    s.add()
    (s.files / "a.txt").unlink()
    s.write("a.txt/in.txt", "a blue boat")
    assert s.changes() == {"a.txt": "removed", "a.txt/in.txt": "added"}


def test_another_folder_that_is_empty_may_be_where_a_drive_was(s: Setting) -> None:
    s.write("drive/a.txt", "a red bicycle")
    s.add(s.files / "drive")
    (s.files / "drive").rename(s.files / "away")
    (s.files / "drive").mkdir()
    assert s.changes(s.files / "drive") == {}
    assert s.statuses() == {"drive/a.txt": "indexed"}


def test_the_same_folder_that_is_empty_was_emptied(s: Setting) -> None:
    path = Path(s.write("drive/a.txt", "a red bicycle"))
    s.add(s.files / "drive")
    path.unlink()
    assert s.changes(s.files / "drive") == {"drive/a.txt": "removed"}
    assert s.found("bicycle") == []


def test_what_was_on_a_drive_stays_while_it_is_not_mounted(s: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(s.write("photos/drive/a.txt", "a red bicycle"))
    s.write("photos/b.txt", "a blue boat")
    s.add()
    with s.library.writing() as catalog:
        catalog.know_mounts([str(path.parent)])
    path.unlink()
    assert s.changes() == {"photos/b.txt": "unchanged"}
    monkeypatch.setattr(os.path, "ismount", lambda folder: str(folder) == str(path.parent))
    assert s.changes() == {"photos/b.txt": "unchanged", "photos/drive/a.txt": "removed"}


def test_what_lies_below_a_folder_that_can_not_be_listed_stays(s: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    s.write("closed/a.txt", "a red bicycle")
    s.write("open/b.txt", "a blue boat")
    s.add()
    scandir, lexists = os.scandir, os.path.lexists

    def refusing(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    # As for anyone but root: what is below can not be seen either.
    monkeypatch.setattr(os, "scandir", refusing)
    monkeypatch.setattr(os.path, "lexists", lambda path: "closed/" not in str(path) and lexists(path))
    report = s.add()
    assert {(Path(f.path).name, f.change, f.status) for f in report.files} == {
        ("closed", "failed", Status.FAILED),
        ("b.txt", "unchanged", Status.INDEXED),
    }
    assert "permission denied" in report.failed[0].reason
    monkeypatch.undo()
    assert s.found("bicycle") == ["closed/a.txt"]


def test_each_bad_file_gets_a_status_and_its_neighbours_are_indexed(s: Setting) -> None:
    s.write("a.txt", "a red bicycle")
    s.write("empty.txt", "")
    s.write("blank.txt", " \n\n ")
    s.write("broken.pdf", b"%PDF-1.7\n" + b"\xff" * 200)
    s.write("locked.eml", "From: a@b\nSubject: x\n\nsecret")
    s.write("large.txt", "x" * 200_000)
    s.write("lying.txt", b"\x89PNG\r\n\x1a\n" + bytes(100))
    s.write("binary.xyz", os.urandom(2000) + bytes(300))
    s.write("z.txt", "a blue boat")
    (s.files / "nowhere").symlink_to("absent")

    def refuse(source: Source) -> None:
        if source.name.startswith("locked"):
            raise Encrypted("needs a password")
        if source.name.startswith("broken"):
            raise Broken("no page in it")

    s.reader.before = refuse
    report = s.add()
    by_name = {Path(file.path).name: file for file in report.files}
    assert {name: file.status.value for name, file in by_name.items()} == {
        "a.txt": "indexed",
        "binary.xyz": "unsupported",
        "blank.txt": "empty",
        "broken.pdf": "failed",
        "empty.txt": "empty",
        "large.txt": "failed",
        "locked.eml": "encrypted",
        "lying.txt": "failed",
        "nowhere": "failed",
        "z.txt": "indexed",
    }
    assert all(file.reason for file in by_name.values() if file.status is not Status.INDEXED)
    assert by_name["nowhere"].reason == "the link leads nowhere"
    assert len(report.failed) == 8
    assert report.count("failed") == 8
    assert (s.found("bicycle"), s.found("boat")) == (["a.txt"], ["z.txt"])
    assert s.statuses() == {os.path.relpath(f.path, s.files): f.status.value for f in report.files}
    # The second time they are not read again, and still told.
    s.reader.names.clear()
    assert len(s.add().failed) == 8
    assert s.reader.names == []


def test_a_file_that_failed_is_indexed_once_it_is_mended(s: Setting) -> None:
    s.write("a.txt", "")
    link = s.files / "link.txt"
    link.symlink_to("later")
    assert s.changes() == {"a.txt": "failed", "link.txt": "failed"}
    s.write("a.txt", "a red bicycle")
    s.write("later", "a blue boat")
    assert s.changes() == {"a.txt": "updated", "later": "added", "link.txt": "updated"}
    assert (s.found("bicycle"), s.found("boat")) == (["a.txt"], ["later", "link.txt"])


def test_a_larger_limit_lets_a_large_file_in(s: Setting) -> None:
    s.write("a.txt", "bicycle " * 15_000)
    assert s.changes() == {"a.txt": "failed"}
    s.pipeline = Pipeline(
        s.library,
        s.embedder,
        FileReader(s.reader, Senses(), s.library.unfinished, max_bytes=10**6),
    )
    assert s.changes() == {"a.txt": "updated"}
    assert s.found("bicycle") == ["a.txt"]


def test_a_file_that_can_not_be_read_for_now_keeps_what_is_known_of_it(
    s: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = s.write("a.txt", "a red bicycle")
    s.add()
    s.write("a.txt", "a blue boat")
    stat = Path.stat

    def refusing(self: Path, **options: bool) -> os.stat_result:
        if str(self) == path:
            raise PermissionError(13, "Permission denied", path)
        return stat(self, **options)

    monkeypatch.setattr(Path, "stat", refusing)
    [file] = s.add().files
    assert (file.change, file.status, file.reason) == (
        "failed",
        Status.FAILED,
        "the system refuses it (permission denied)",
    )
    assert s.found("bicycle") == ["a.txt"]
    monkeypatch.undo()
    assert s.changes() == {"a.txt": "updated"}


@pytest.mark.parametrize("ends", ["well", "badly"])
def test_a_file_that_changes_while_it_is_read_is_not_stored(s: Setting, ends: str) -> None:
    def change(source: Source) -> None:
        if source.name == "a.txt":
            s.write("a.txt", "a blue boat and more")
            if ends == "badly":
                raise Broken("half of it")

    s.write("a.txt", "a red bicycle")
    s.write("b.txt", "a green tractor")
    s.reader.before = change
    report = s.add()
    assert [(file.change, file.status.value) for file in report.files] == [
        ("failed", "failed"),
        ("added", "indexed"),
    ]
    assert "changed while it was read" in report.files[0].reason
    s.reader.before = lambda source: None
    assert s.changes() == {"a.txt": "updated", "b.txt": "unchanged"}
    assert s.found("boat") == ["a.txt"]


# --- documents inside documents ----------------------------------------------------------------

MAIL = """From: a@b
about the bicycle
>>> note.txt
red paint
>>> note.txt
blue paint
>>> ../x/..\\in.eml
From: c@d

hello
"""


def test_attachments_become_documents_of_their_own(s: Setting) -> None:
    s.write("m.eml", MAIL + ">>>> deep.txt\nhidden treasure\n")
    report = s.add()
    names = ["m.eml", "m.eml!/in.eml", "m.eml!/in.eml!/deep.txt", "m.eml!/note (2).txt", "m.eml!/note.txt"]
    assert [os.path.relpath(file.path, s.files) for file in report.files] == names
    assert {file.change for file in report.files} == {"added"}
    assert s.found("treasure") == ["m.eml!/in.eml!/deep.txt"]
    assert s.found("blue") == ["m.eml!/note (2).txt"]
    s.embedder.batches.clear()
    assert set(s.changes().values()) == {"unchanged"}
    assert s.embedder.embedded == 0


def test_a_changed_mail_keeps_the_attachments_it_still_has_and_loses_the_others(s: Setting) -> None:
    s.write("m.eml", MAIL)
    s.add()
    s.embedder.batches.clear()
    s.write("m.eml", "From: a@b\nnew text\n>>> note.txt\nred paint\n>>> other.txt\ngreen paint\n")
    assert s.changes() == dict.fromkeys(["m.eml", "m.eml!/note.txt", "m.eml!/other.txt"], "updated")
    # Only the mail's own text and the new attachment; but the old one is found as before.
    assert s.embedder.embedded == 2
    assert (s.found("red"), s.found("blue"), s.found("hello")) == (["m.eml!/note.txt"], [], [])
    (s.files / "m.eml").unlink()
    s.write("z.txt", "x")
    s.add()
    assert s.statuses() == {"z.txt": "indexed"}
    assert s.found("paint") == []


def test_a_mail_at_two_paths_has_its_attachments_at_both(s: Setting) -> None:
    s.write("m.eml", MAIL)
    s.add()
    s.embedder.batches.clear()
    s.write("copy.eml", MAIL)
    s.write("note.txt", "blue paint\n")
    s.add()
    assert s.embedder.embedded == 0
    assert s.found("red") == ["copy.eml!/note.txt", "m.eml!/note.txt"]
    assert s.found("blue") == ["copy.eml!/note (2).txt", "m.eml!/note (2).txt", "note.txt"]
    assert s.pipeline.remove([s.files / "m.eml"]) == 4
    assert s.found("red") == ["copy.eml!/note.txt"]


def test_a_mail_that_becomes_a_plain_copy_loses_its_attachments(s: Setting) -> None:
    s.write("plain.eml", "From: a@b\njust words\n")
    s.write("m.eml", MAIL)
    s.add()
    s.write("m.eml", "From: a@b\njust words\n")
    s.add()
    assert sorted(s.statuses()) == ["m.eml", "plain.eml"]


def test_an_attachment_that_another_file_loses_at_the_same_time_is_kept(s: Setting) -> None:
    s.write("a.txt", "red paint\n")
    s.add()
    s.write("a.txt", "other words")
    s.write("m.eml", "From: a@b\nabout\n>>> a.txt\nred paint\n")
    s.add()
    assert s.found("red") == ["m.eml!/a.txt"]


def test_names_of_attachments_are_plain_and_differ() -> None:
    names = [
        "a.pdf",
        "a.pdf",
        "a (2).pdf",
        "/etc/passwd",
        "..",
        "",
        "C:\\x\\b.doc",
        "q!/r.txt",
        "\x07\n",
        "no dot",
        "no dot",
    ]
    named = reading._named_apart(tuple(Attachment(name, b"") for name in names))
    found = [attachment.name for attachment in named]
    assert found[:5] == ["a.pdf", "a (2).pdf", "a (2) (2).pdf", "passwd", "unnamed"]
    assert found[5:] == ["unnamed (2)", "b.doc", "r.txt", "unnamed (3)", "no dot", "no dot (2)"]


def test_mails_in_mails_are_followed_to_a_depth(s: Setting) -> None:
    s.write("m.eml", "From: a@b\nwords\n")
    # Each holds another one, without end.
    s.reader.mail = lambda text: Parsed(  # type: ignore[method-assign]
        (Block((Piece("words", LinesLocator(1, 1)),)),), attachments=(Attachment("in.eml", text.encode() + b"."),)
    )
    paths = [file.path for file in s.add().files]
    assert max(path.count("!/") for path in paths) == 3
    assert "too deep" in s.library.catalog.documents()[-1].reason


# --- interruptions -----------------------------------------------------------------------------


def test_an_interruption_leaves_the_catalog_sound_and_the_next_add_finishes(
    s: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "MOST_FILES", 3)
    for number in range(10):
        s.write(f"f{number}.txt", f"bicycle number{number}")
    # The third pool is interrupted.
    embed = HashingEmbedder.embed_passages

    def interrupting(self: HashingEmbedder, texts: Sequence[str]) -> Vectors:
        if any("number7" in text for text in texts):
            raise KeyboardInterrupt
        return embed(self, texts)

    monkeypatch.setattr(HashingEmbedder, "embed_passages", interrupting)
    with pytest.raises(KeyboardInterrupt):
        s.add()
    assert s.library.catalog.problems() == []
    assert len(s.found("bicycle")) == 6
    monkeypatch.undo()
    s.embedder.batches.clear()
    changes = s.changes()
    assert list(changes.values()) == ["unchanged"] * 6 + ["added"] * 4
    assert s.embedder.embedded == 4
    assert len(s.found("bicycle")) == 10


@pytest.mark.parametrize("wrong", [np.nan, 0.0])
def test_vectors_without_a_direction_are_the_models_fault_and_change_nothing(
    s: Setting, monkeypatch: pytest.MonkeyPatch, wrong: float
) -> None:
    s.write("a.txt", "a red bicycle")
    monkeypatch.setattr(
        Counting, "embed_passages", lambda self, texts: np.full((len(texts), self.dim), wrong, np.float32)
    )
    with pytest.raises(ModelFailed):
        s.add()
    monkeypatch.undo()
    assert s.changes() == {"a.txt": "added"}


def test_an_unknown_path_changes_nothing(s: Setting) -> None:
    s.write("a.txt", "a red bicycle")
    with pytest.raises(UsageError):
        s.add(s.files, s.files / "absent")
    assert s.statuses() == {}


# --- odd texts, names and arguments --------------------------------------------------------------


def test_what_no_database_takes_is_replaced_place_for_place(s: Setting) -> None:
    odd = "a\0b\ud800c bicycle\udfff"
    s.write("a.csv", "x,y\n1,2\n")
    s.reader.instead["a.csv"] = Parsed(
        (Block((Piece(odd, SheetLocator("S\0\ud800", 1, 1)),), ("H\0",), "head\udc00"),),
        title="T\ud800",
        metadata={"author\0": "A\udfff"},
        attachments=(Attachment("n\ud800\0.txt", b"hello"),),
        coverage=0.5,
        notes=("note \ud800",),
    )
    s.add()
    [hit] = s.library.words().search("bicycle", 5)[0].tolist()
    stored = s.library.catalog.chunks([hit])[hit]
    assert stored.chunk.body == "a\ufffdb\ufffdc bicycle\ufffd"
    assert len(stored.chunk.body) == len(odd)
    assert stored.chunk.locator == SheetLocator("S\ufffd\ufffd", 1, 1)
    assert (stored.chunk.headings, stored.chunk.header, stored.title) == (("H\ufffd",), "head\ufffd", "T\ufffd")
    assert "a.csv!/n\ufffd\ufffd.txt" in s.statuses()
    assert s.library.catalog.documents()[0].reason == "note \ufffd"


def test_a_name_that_is_no_text_is_told(s: Setting) -> None:
    try:
        Path(os.fsdecode(os.fsencode(s.files) + b"/caf\xe9.txt")).write_text("a red bicycle")
    except OSError:
        pytest.skip("the file system takes only text")
    s.write("a.txt", "a blue boat")
    for change in ("added", "unchanged"):
        assert s.changes() == {"a.txt": change, "caf\\xe9.txt": "failed"}
    assert s.statuses() == {"a.txt": "indexed", "caf\\xe9.txt": "failed"}
    folder = os.fsdecode(os.fsencode(s.files) + b"/\xff")
    Path(folder).mkdir()
    (Path(folder) / "b.txt").write_text("x")
    assert [file.status for file in s.add(folder).files] == [Status.FAILED]
    assert s.pipeline.remove([folder]) == 1


@pytest.mark.parametrize("name", ["100%_a*b?.txt", "' OR 1=1 --.txt", "a\nb.txt", "社會.txt", "a!/b.txt", "x" * 200])
def test_naughty_names_are_indexed_and_removed(s: Setting, name: str) -> None:
    s.write(name, "a red bicycle")
    s.write("a", "a blue boat")
    s.add()
    assert s.found("bicycle") == [name]
    assert s.changes() == {name: "unchanged", "a": "unchanged"}
    assert s.pipeline.remove([s.files / name]) == 1
    assert sorted(s.statuses()) == ["a"]


def test_arguments_may_repeat_and_overlap(s: Setting) -> None:
    path = s.write("sub/a.txt", "a red bicycle")
    s.write("b.txt", "a blue boat")
    report = s.add(s.files / "sub", path, s.files, s.files, f"{s.files}/sub/../b.txt")
    assert [(Path(file.path).name, file.change) for file in report.files] == [("a.txt", "added"), ("b.txt", "added")]


def test_the_library_does_not_read_itself(s: Setting) -> None:
    s.write("a.txt", "a red bicycle")
    assert list(s.changes(s.files.parent)) == ["a.txt"]
    assert s.changes(s.library.root) == s.changes(s.library.root / "catalog.sqlite") == {}
    assert list(s.statuses()) == ["a.txt"]


def test_removing_a_folder_leaves_its_namesakes(s: Setting) -> None:
    s.write("a/x.txt", "a red bicycle")
    s.write("ab/x.txt", "a blue boat")
    s.add()
    assert s.pipeline.remove([s.files / "a", s.files / "a" / "x.txt"]) == 1
    assert (s.found("bicycle"), s.found("boat")) == ([], ["ab/x.txt"])
    assert s.pipeline.remove([s.files / "none"]) == 0
    assert (s.files / "a/x.txt").exists()


# --- work in pools -------------------------------------------------------------------------------


def test_texts_are_pooled_across_files_and_no_further(s: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "MOST_CHARACTERS", 3000)
    source = random.Random(1)
    for number in range(60):
        s.write(
            f"f{number:02}.txt", " ".join(source.choice(["red", "blue", "boat"]) for _ in range(100)) + f" {number}"
        )
    s.add()
    assert s.embedder.embedded == 60
    # Some 450 characters a file.
    assert all(5 <= size <= 9 for size in s.embedder.batches[:-1])


def test_no_more_is_read_ahead_than_may_wait(s: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adding, "_READ_AHEAD_BYTES", 2500)
    monkeypatch.setattr(pool, "MOST_FILES", 1)
    waiting: list[int] = []
    for number in range(12):
        s.write(f"f{number:02}.txt", f"{number} " + "word " * 200)
    s.pipeline.add([s.files], lambda state: waiting.append(len(s.reader.names) - state.files))
    assert max(waiting) <= 2


def test_the_next_file_is_read_and_cut_while_one_is_embedded(s: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "MOST_FILES", 1)
    for number in range(2):
        s.write(f"f{number}.txt", f"bicycle {number}")
    second_is_cut = threading.Event()
    count, embed = HashingEmbedder.count_tokens, HashingEmbedder.embed_passages

    def counting(self: HashingEmbedder, texts: Sequence[str]) -> list[int]:
        if "bicycle 1" in texts:
            second_is_cut.set()
        return count(self, texts)

    def waiting(self: HashingEmbedder, texts: Sequence[str]) -> Vectors:
        assert second_is_cut.wait(20)
        return embed(self, texts)

    monkeypatch.setattr(HashingEmbedder, "count_tokens", counting)
    monkeypatch.setattr(HashingEmbedder, "embed_passages", waiting)
    assert len(s.add().files) == 2
    monkeypatch.undo()


def test_the_first_pools_are_small_and_grow(s: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "FIRST_CHARACTERS", 1000)
    monkeypatch.setattr(pool, "MOST_CHARACTERS", 4000)
    for number in range(16):
        s.write(f"f{number:02}.txt", f"{number:03} " + "word " * 199 + "!")
    s.add()
    assert s.embedder.batches == [1, 2, 4, 4, 4, 1]


def test_progress_counts_up_to_the_end(s: Setting) -> None:
    sizes = [len(Path(s.write(f"f{n}.txt", f"bicycle {n} " * (n + 1))).read_bytes()) for n in range(5)]
    s.write("empty.txt", "")
    states: list[Progress] = []
    s.pipeline.add([s.files], states.append)
    assert [state.files for state in states] == [0, 1, 2, 3, 4, 5, 6]
    assert {(state.files_total, state.bytes_total) for state in states} == {(6, sum(sizes))}
    assert (states[-1].bytes, states[-1].chunks) == (sum(sizes), 5)
    assert s.pipeline.add([s.files / "f1.txt"]).to_dict()["unchanged"] == 1


def test_others_find_what_is_committed_while_an_add_goes_on(s: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "MOST_FILES", 1)
    monkeypatch.setattr(adding, "_PUBLISH_EVERY_S", 0.0)
    for number in range(3):
        s.write(f"f{number}.txt", f"bicycle {number}")
    found: list[int] = []
    s.pipeline.add([s.files], lambda state: found.append(len(s.found("bicycle"))))
    assert found == [0, 1, 2, 3]
