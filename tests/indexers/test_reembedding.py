"""Changing the text model of a library: what is kept, what is searched meanwhile, and what it is afterwards."""

import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from indexers import library as library_module
from indexers import reembedding
from indexers.catalog import Catalog, Content
from indexers.errors import LibraryInUse, ModelFailed, OtherModel
from indexers.library import Library
from indexers.lock import WriterLock
from indexers.parsers import parser_for
from indexers.pipeline import Pipeline
from indexers.protocols import Source
from indexers.reading import FileReader
from indexers.records import unfinished
from indexers.reembedding import reembed
from indexers.senses import Senses
from indexers.snapshots import read_snapshot
from indexers.testing import HashingEmbedder
from indexers.types import Chunk, Parsed, Status, Vectors, WholeLocator

BATCH = 3
PICTURES = "clip:pictures"
QUERIES = ("red bicycle 7", "the valve of engine 12", "apples", "a boat of tin")


class Model(HashingEmbedder):
    """Counts what it embeds; ``on_batch`` is called with the texts before each batch."""

    def __init__(self, dim: int, max_tokens: int = 256) -> None:
        super().__init__(dim, max_tokens)
        self.texts: list[str] = []
        self.on_batch: Callable[[Sequence[str]], None] = lambda texts: None

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.on_batch(texts)
        self.texts += texts
        return super().embed_passages(texts)


class InProcess:
    def parse(self, source: Source) -> Parsed:
        parser = parser_for(source.format)
        assert parser is not None
        return parser(source)


class Shelf:
    """A folder of files, and a library of it that has a picture, too."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = root / "files"
        if not self.files.is_dir():
            self.files.mkdir()
            for number in range(30):
                noun = ("bicycle", "boat", "apples")[number % 3]
                text = f"The red {noun} {number} stands in shed {number * 7}.\nThe valve of engine {number} is tin.\n"
                self.write(f"{number}.txt", text)
        self.library = Library(root / "library")

    def write(self, name: str, text: str) -> None:
        (self.files / name).write_text(text)

    def add(self, model: HashingEmbedder, name: str = "") -> None:
        reader = FileReader(InProcess(), Senses(), self.library.unfinished, max_bytes=10**6)
        Pipeline(self.library, model, reader, model=name).add([self.files])

    def add_picture(self) -> None:
        """One whose name is not worth a vector of a text, as the pipeline would store it."""
        with self.library.writing() as catalog, catalog.transaction():
            content = catalog.add_content(Content("picture", "png", "image", Status.INDEXED))
            [chunk] = catalog.add_chunks(content, [(Chunk("0017", WholeLocator()), "")])
            catalog.add_vectors([chunk], PICTURES, np.eye(1, 5, dtype=np.float32))
            catalog.set_file(str(self.files / "0017.png"), content, 1, 1)

    def again(self) -> Library:
        self.library.close()
        self.library = Library(self.root / "library")
        return self.library

    def answers(self, model: HashingEmbedder) -> list[list[str]]:
        return answers(self.library, model)

    def problems(self) -> list[str]:
        return self.library.catalog.problems() + self.library.snapshot_problems()


def answers(library: Library, model: HashingEmbedder) -> list[list[str]]:
    """For each query the bodies that the vectors find, best first."""
    index = library.text_vectors(model.space, model.dim)
    found = []
    for query in QUERIES:
        ids = index.search(model.embed_query(query), 6)[0].tolist()
        with library.mutex:
            chunks = library.catalog.chunks(ids)
        found.append([chunks[i].chunk.body for i in ids])
    return found


def vectors(library: Library, space: str) -> dict[tuple[str, int], bytes]:
    """What is stored for each chunk, by its file's name and its number in it."""
    with library.mutex:
        rows = library.catalog._rows(
            "SELECT f.path, k.number, v.data FROM vectors v JOIN chunks k ON k.id = v.chunk "
            "JOIN files f ON f.content = k.content WHERE v.space = ?",
            (space,),
        )
    return {(Path(path).name, number): data for path, number, data in rows}


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reembedding, "_FIRST_CHUNKS", BATCH)
    monkeypatch.setattr(reembedding, "_MOST_CHUNKS", BATCH)
    monkeypatch.setattr(library_module, "_PATIENCE_S", 0.0)


@pytest.fixture
def old() -> Model:
    return Model(64)


@pytest.fixture
def new() -> Model:
    return Model(96)


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made")
    made = Shelf(root)
    made.add(HashingEmbedder(64), "old model")
    made.add_picture()
    made.library.close()
    return root


@pytest.fixture
def shelf(tmp_path: Path, made_once: Path) -> Iterator[Shelf]:
    shutil.copytree(made_once, tmp_path, dirs_exist_ok=True)
    with closing(Catalog(tmp_path / "library" / "catalog.sqlite")) as catalog:
        catalog._rows("UPDATE files SET path = replace(path, ?, ?)", (str(made_once), str(tmp_path)))
    made = Shelf(tmp_path)
    yield made
    made.library.close()


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """The same files in a library that was made with the new model. Not to be changed."""
    made = Shelf(tmp_path_factory.mktemp("fresh"))
    made.add(HashingEmbedder(96))
    yield made
    made.library.close()


def interrupted(shelf: Shelf, model: Model, batch: int, error: type[BaseException] = KeyboardInterrupt) -> None:
    """Begins a change and ends it when ``model`` is given that batch (from 0)."""
    seen = 0

    def press(_texts: Sequence[str]) -> None:
        nonlocal seen
        seen += 1
        if seen > batch:
            raise error

    model.on_batch = press
    with pytest.raises(error):
        reembed(shelf.library, model, "new model")
    model.on_batch = lambda _texts: None


# --- the change --------------------------------------------------------------------------------


def test_afterwards_it_is_as_a_library_made_with_the_new_model(
    shelf: Shelf, fresh: Shelf, old: Model, new: Model
) -> None:
    told: list[tuple[int, int]] = []
    report = reembed(shelf.library, new, "new model", lambda done, total: told.append((done, total)))
    assert (report.changed, report.before, report.text_model, report.dropped) == (True, "old model", "new model", "")
    count = len(vectors(fresh.library, new.space))
    assert report.embedded == report.passages == len(new.texts) == count > 8 * BATCH
    assert told == [(done, count) for done in [*range(0, count, BATCH), count]]
    for _ in range(2):
        assert vectors(shelf.library, new.space) == vectors(fresh.library, new.space)
        assert shelf.answers(new) == fresh.answers(new)
        assert shelf.library.catalog.spaces() == {PICTURES: 5, new.space: 96}
        assert shelf.library.catalog.binding().name == "new model"
        assert shelf.problems() == []
        with pytest.raises(OtherModel, match="bound to the text model new model"):
            shelf.answers(old)
        shelf.again()
    shelf.write("tin.txt", "A boat of tin.\n")
    shelf.add(new)
    assert shelf.answers(new)[3][0] == "A boat of tin."
    assert old.texts == []


def test_the_snapshot_of_one_model_is_never_taken_for_that_of_another(shelf: Shelf, old: Model, new: Model) -> None:
    before = shelf.answers(old)
    shelf.library.save_vectors(old.space)
    aside = (shelf.library.root / "vectors.faiss").read_bytes()
    reembed(shelf.library, new, "new model")
    after = shelf.answers(new)
    (shelf.library.root / "vectors.faiss").write_bytes(aside)
    shelf.again()
    assert shelf.answers(new) == after
    shelf.library.save_vectors(new.space)
    snapshot = read_snapshot(shelf.library.root / "vectors.faiss")
    assert snapshot is not None and snapshot[0]["space"] == new.space
    shelf.again()
    assert shelf.answers(new) == after
    # And back, with what was added between.
    shelf.write("tin.txt", "A boat of tin.\n")
    shelf.add(new)
    reembed(shelf.library, old, "old model")
    assert shelf.answers(old)[:3] == before[:3] and shelf.answers(old)[3][0] == "A boat of tin."
    assert shelf.problems() == []
    assert [path.name for path in shelf.library.root.glob("vectors*.faiss")] == []


def test_a_library_without_texts_is_bound_at_once(tmp_path: Path, old: Model, new: Model) -> None:
    library = Library(tmp_path / "library")
    assert reembed(library, old, "old model").before == ""
    report = reembed(library, new, "new model")
    assert (report.changed, report.before, report.passages) == (True, "old model", 0)
    assert library.catalog.binding().model == "new model"
    library.close()


def test_the_model_in_force_changes_nothing_but_where_it_is_found(shelf: Shelf, old: Model) -> None:
    report = reembed(shelf.library, old, "/where/it/is/now")
    assert (report.changed, report.embedded, old.texts) == (False, 0, [])
    assert shelf.library.catalog.binding().model == "/where/it/is/now"
    assert shelf.problems() == []


# --- interruptions -----------------------------------------------------------------------------


def test_interrupted_at_every_batch_it_goes_on_and_embeds_nothing_twice(
    shelf: Shelf, fresh: Shelf, old: Model, new: Model
) -> None:
    before, stored = shelf.answers(old), vectors(shelf.library, old.space)
    batches = 0
    while shelf.library.catalog.binding().space == old.space:
        assert vectors(shelf.library, old.space) == stored
        # The first batch of this run is done, the second is not.
        done = len(vectors(shelf.library, new.space))
        if done + BATCH >= len(stored):
            assert reembed(shelf.library, new, "new model").embedded == len(stored) - done
            break
        interrupted(shelf, new, 1)
        batches += 1
        shelf.again()
        assert len(vectors(shelf.library, new.space)) == BATCH * batches
        assert shelf.answers(old) == before
        assert shelf.problems() == []
        with pytest.raises(OtherModel):
            shelf.answers(new)
    assert batches >= 8
    assert len(new.texts) == len(set(new.texts)) == len(stored)
    assert shelf.answers(new) == fresh.answers(new)


@pytest.mark.parametrize("step", ["add_vectors", "bind", "prepare"])
def test_an_interruption_within_a_transaction_leaves_all_or_nothing(
    shelf: Shelf, fresh: Shelf, old: Model, new: Model, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = shelf.answers(old)
    whole = getattr(Catalog, step)

    def cut_short(catalog: Catalog, *arguments: object) -> None:
        with catalog.transaction():
            whole(catalog, *arguments)
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Catalog, step, cut_short)
        reembed(shelf.library, new, "new model")
    shelf.again()
    assert shelf.library.catalog.binding().space == old.space
    assert shelf.answers(old) == before and shelf.problems() == []
    reembed(shelf.library, new, "new model")
    assert shelf.answers(new) == fresh.answers(new) and shelf.problems() == []


KILLED = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from indexers import library, reembedding
    from indexers.library import Library
    from indexers.testing import HashingEmbedder
    reembedding._FIRST_CHUNKS = reembedding._MOST_CHUNKS = 3

    def slowly(done, total):
        print(done, flush=True)
        time.sleep(0.05 if done < 12 else 60)

    reembedding.reembed(Library(Path(sys.argv[1])), HashingEmbedder(96), "new model", slowly)
    """
)


def test_a_killed_process_leaves_the_old_model_working(shelf: Shelf, fresh: Shelf, old: Model, new: Model) -> None:
    before = shelf.answers(old)
    command = [sys.executable, "-c", KILLED, str(shelf.library.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while int(process.stdout.readline()) < 4 * BATCH:
            # Questions are answered in this process while that one embeds.
            assert shelf.answers(old) == before
        with pytest.raises(LibraryInUse):
            reembed(shelf.library, new, "new model")
        process.kill()
    assert process.returncode == -signal.SIGKILL
    kept = len(vectors(shelf.library, new.space))
    assert kept == 4 * BATCH
    shelf.again()
    assert shelf.answers(old) == before and shelf.problems() == []
    report = reembed(shelf.library, new, "new model")
    assert report.embedded == report.passages - kept == len(new.texts)
    assert shelf.answers(new) == fresh.answers(new) and shelf.problems() == []


def test_files_come_change_and_go_between_with_the_old_model(shelf: Shelf, old: Model, new: Model) -> None:
    interrupted(shelf, new, 4)
    shelf.write("tin.txt", "A boat of tin.\n")
    shelf.write("0.txt", "Nothing is as it was.\n")
    (shelf.files / "1.txt").unlink()
    (shelf.files / "29.txt").unlink()
    shelf.add(old)
    assert shelf.answers(old)[3][0] == "A boat of tin." and shelf.problems() == []
    assert len(old.texts) == 2
    reembed(shelf.library, new, "new model")
    assert len(new.texts) == len(set(new.texts))
    fresh = Library(shelf.root / "made anew")
    reader = FileReader(InProcess(), Senses(), fresh.unfinished, max_bytes=10**6)
    Pipeline(fresh, HashingEmbedder(96), reader).add([shelf.files])
    assert vectors(shelf.library, new.space) == vectors(fresh, new.space)
    assert shelf.answers(new) == answers(fresh, new) and shelf.problems() == []
    fresh.close()


def test_a_third_model_takes_the_place_of_the_half_done_one(shelf: Shelf, old: Model, new: Model) -> None:
    interrupted(shelf, new, 2)
    third = Model(32)
    interrupted(shelf, third, 1)
    bound = shelf.library.catalog.binding()
    assert (bound.space, bound.next_space) == (old.space, third.space)
    assert set(shelf.library.catalog.spaces()) == {old.space, third.space, PICTURES}
    report = reembed(shelf.library, third, "third model")
    assert report.dropped == "" and report.embedded == report.passages - BATCH
    assert set(shelf.library.catalog.spaces()) == {third.space, PICTURES} and shelf.problems() == []


def test_the_model_in_force_gives_a_half_done_change_up(shelf: Shelf, old: Model, new: Model) -> None:
    before = shelf.answers(old)
    interrupted(shelf, new, 2)
    report = reembed(shelf.library, old, "old model")
    assert (report.changed, report.dropped, report.embedded) == (False, "new model", 0)
    assert set(shelf.library.catalog.spaces()) == {old.space, PICTURES}
    assert shelf.library.catalog.binding().next_space == ""
    assert shelf.answers(old) == before and shelf.problems() == []


def test_another_model_after_a_half_done_one_tells_what_is_given_up(shelf: Shelf, new: Model) -> None:
    interrupted(shelf, new, 2)
    assert reembed(shelf.library, Model(32), "third model").dropped == "new model"


# --- the half-done space is nobody's ------------------------------------------------------------


def test_nothing_takes_the_half_done_space_for_pictures_or_searches_it(shelf: Shelf, old: Model, new: Model) -> None:
    interrupted(shelf, new, 5)
    catalog = shelf.library.catalog
    assert set(catalog.image_spaces()) == {PICTURES}
    assert set(catalog.indexed_spaces()) == {old.space, PICTURES}

    class Images:
        space, dim, scale = PICTURES, 5, 20.0

    assert unfinished(catalog, Senses(images=Images)) == set()  # type: ignore[arg-type]
    shelf.again()
    shelf.library.publish()
    shelf.library.drop_snapshots()
    assert new.space not in shelf.library._vectors
    assert len(list(shelf.library.root.glob("vectors*.faiss"))) == 2


def test_a_damaged_vector_of_the_half_done_space_is_made_again(
    shelf: Shelf, fresh: Shelf, old: Model, new: Model
) -> None:
    before = shelf.answers(old)
    interrupted(shelf, new, 5)
    with shelf.library.writing() as catalog:
        catalog._rows("UPDATE vectors SET checksum = checksum + 1 WHERE space=? AND chunk=4", (new.space,))
        [problem] = catalog.problems()
        assert f"in {new.space} is damaged" in problem
        assert shelf.answers(old) == before
        made = catalog.count_vectors(new.space)
    report = reembed(shelf.library, new, "new model")
    assert report.embedded == report.passages - made + 1
    assert vectors(shelf.library, new.space) == vectors(fresh.library, new.space)


def test_a_chunk_that_no_file_holds_is_left_out(shelf: Shelf, new: Model) -> None:
    with shelf.library.writing() as catalog:
        catalog._rows("DELETE FROM files WHERE path=?", (str(shelf.files / "3.txt"),))
    report = reembed(shelf.library, new, "new model")
    assert report.changed and report.passages == len(new.texts)
    assert not any("engine 3 " in text for text in new.texts)


# --- who looks on ------------------------------------------------------------------------------


def test_readers_see_the_old_model_until_the_new_one_and_never_both(
    shelf: Shelf, fresh: Shelf, old: Model, new: Model
) -> None:
    before, after = shelf.answers(old), fresh.answers(new)
    # Queried and not stored: the embedders count, and are not for many threads.
    plain_old, plain_new = HashingEmbedder(64), HashingEmbedder(96)
    seen: list[list[str]] = []
    is_over = threading.Event()

    def read(library: Library) -> None:
        told: list[str] = []
        while not (is_over.is_set() and told[-1:] == ["new"]):
            try:
                said = "old" if answers(library, plain_old) == before else "neither"
            except OtherModel:
                said = "new" if answers(library, plain_new) == after else "neither"
            if told[-1:] != [said]:
                told.append(said)
            if said == "neither":
                break
        seen.append(told)

    libraries = [shelf.library, shelf.library, Library(shelf.library.root), Library(shelf.library.root)]
    threads = [threading.Thread(target=read, args=[library], daemon=True) for library in libraries]
    for thread in threads:
        thread.start()
    reembed(shelf.library, new, "new model", lambda _done, _total: time.sleep(0.01))
    is_over.set()
    for thread in threads:
        thread.join(30)
    assert seen == [["old", "new"]] * 4
    for library in libraries[2:]:
        assert old.space not in library._vectors
        library.close()


def test_a_reader_that_was_at_it_when_the_model_changed_is_refused(
    shelf: Shelf, fresh: Shelf, old: Model, new: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Library(shelf.library.root)
    whole = Library._load_vectors

    def late(library: Library, space: str, dim: int) -> object:
        if library is reader and space == old.space:
            # After the reader has asked for the model, before it has read a vector.
            reembed(shelf.library, new, "new model")
        return whole(library, space, dim)

    monkeypatch.setattr(Library, "_load_vectors", late)
    with pytest.raises(OtherModel):
        answers(reader, old)
    assert answers(reader, new) == fresh.answers(new)
    # Nothing of the failed try is left, should the old model come back.
    monkeypatch.undo()
    reembed(shelf.library, old, "old model")
    assert answers(reader, old) == shelf.answers(old)
    reader.close()


def test_another_writer_is_told(shelf: Shelf, new: Model) -> None:
    with WriterLock(shelf.library.root / "lock").hold(), pytest.raises(LibraryInUse):
        reembed(shelf.library, new, "new model")
    assert new.texts == []


# --- what a model gives ------------------------------------------------------------------------


def test_a_passage_longer_than_the_model_reads_is_embedded_to_its_end(tmp_path: Path, old: Model) -> None:
    shelf = Shelf(tmp_path)
    for path in shelf.files.iterdir():
        path.unlink()
    words = [f"word{n}" for n in range(150)]
    shelf.write("long.txt", " ".join(words))
    shelf.write("short.txt", "A boat of tin.")
    shelf.add(old)
    assert len(vectors(shelf.library, old.space)) == 2
    small = Model(512, max_tokens=60)
    reembed(shelf.library, small, "small model")
    assert all(count <= 60 for count in small.count_tokens(small.texts))
    assert set(words) <= set(" ".join(small.texts).split())
    stored = {
        name: np.frombuffer(data, np.float16).astype(np.float32)
        for (name, _), data in vectors(shelf.library, small.space).items()
    }
    for vector in stored.values():
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-3)
    whole = HashingEmbedder(512, max_tokens=1000).embed_query(" ".join(words))
    assert stored["long.txt"] @ whole > 0.9
    last = HashingEmbedder(512).embed_query(" ".join(words[-10:]))
    assert stored["long.txt"] @ last > 0.15 > abs(stored["short.txt"] @ last)
    shelf.library.close()


def test_windows_that_cancel_each_other_out_give_the_first(tmp_path: Path) -> None:
    ones = np.array([[1, 0], [-1, 0]], np.float32)
    assert reembedding._mean(ones, np.ones(2, np.float32)).tolist() == [1, 0]
    assert reembedding._mean(ones, np.array([3, 1], np.float32)).tolist() == [1, 0]
    sides = reembedding._mean(np.eye(2, dtype=np.float32), np.array([1, 3], np.float32))
    np.testing.assert_allclose(sides, np.array([1, 3]) / np.sqrt(10), rtol=1e-6)


class Broken(Model):
    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return np.full((len(texts), self.dim), np.nan, np.float32)


def test_a_model_that_gives_no_vectors_changes_nothing(shelf: Shelf, old: Model) -> None:
    before = shelf.answers(old)
    with pytest.raises(ModelFailed):
        reembed(shelf.library, Broken(96), "broken model")
    assert shelf.answers(old) == before and shelf.problems() == []
