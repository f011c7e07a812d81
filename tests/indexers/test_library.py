import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from indexers.catalog import Content
from indexers.errors import LibraryBroken, LibraryInUse, UsageError
from indexers.library import Library
from indexers.testing import HashingEmbedder
from indexers.types import Chunk, LinesLocator, Status

EMBEDDER = HashingEmbedder()
SPACE, DIM = EMBEDDER.space, EMBEDDER.dim


def put(library: Library, path: str, text: str, *, publish: bool = True) -> None:
    chunks = [(Chunk(line, LinesLocator(n, n)), "") for n, line in enumerate(text.split("\n"), 1)]
    with library.writing() as catalog:
        library.use_space(SPACE)
        with catalog.transaction():
            content = catalog.add_content(Content(f"h-{text}", "text", "text", Status.INDEXED))
            ids = catalog.add_chunks(content, chunks)
            catalog.add_vectors(ids, SPACE, EMBEDDER.embed_passages([chunk.text for chunk, _ in chunks]))
            catalog.set_file(path, content, 1, 1)
        if publish:
            library.publish()


def found(library: Library, query: str) -> tuple[set[str], set[str]]:
    """Bodies that the vectors and the words find best for a query; all of them still live."""
    by_vector = library.vectors(SPACE, DIM).search(EMBEDDER.embed_query(query), 1)[0]
    by_words = library.words().search(query, 5)[0]
    chunks = library.catalog.chunks([*by_vector.tolist(), *by_words.tolist()])
    return {chunks[i].chunk.body for i in by_vector.tolist()}, {chunks[i].chunk.body for i in by_words.tolist()}


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    made = Library(tmp_path / "library")
    yield made
    made.close()


def again(library: Library) -> Library:
    library.close()
    return Library(library.root)


def sound(library: Library) -> bool:
    return library.catalog.problems() + library.snapshot_problems() == []


def test_what_is_put_is_found_by_vectors_and_words_also_later(library: Library) -> None:
    put(library, "/a", "red bicycle\nblue boat")
    assert found(library, "red bicycle") == ({"red bicycle"}, {"red bicycle"})
    library = again(library)
    assert found(library, "blue boat") == ({"blue boat"}, {"blue boat"})
    assert sound(library)


@pytest.mark.parametrize("damage", ["missing", "garbage", "cut", "flipped", "other space"])
def test_a_bad_snapshot_is_made_anew_from_the_catalog(library: Library, damage: str) -> None:
    put(library, "/a", "\n".join(f"line number{n}" for n in range(300)))
    path = library.root / "vectors.faiss"
    data = path.read_bytes()
    index = library.vectors(SPACE, DIM)
    library.close()
    match damage:
        case "missing":
            path.unlink()
        case "garbage":
            path.write_bytes(os.urandom(1000))
        case "cut":
            path.write_bytes(data[:-1])
        case "flipped":
            path.write_bytes(data[:900] + bytes([data[900] ^ 4]) + data[901:])
        case "other space":
            index.save(path, space="text:other", sequence=300)
    library = Library(library.root)
    assert found(library, "number123") == ({"line number123"}, {"line number123"})
    assert sound(library)


@pytest.mark.parametrize("is_looked_at", [True, False])
def test_a_snapshot_ahead_of_the_catalog_is_never_believed(library: Library, is_looked_at: bool) -> None:
    put(library, "/a", "old one\nold two")
    library = again(library)
    backup = (library.root / "catalog.sqlite").read_bytes()
    put(library, "/b", "\n".join(f"lost number{n}" for n in range(300)))
    library.close()
    for name in ("catalog.sqlite-wal", "catalog.sqlite-shm"):
        (library.root / name).unlink(missing_ok=True)
    (library.root / "catalog.sqlite").write_bytes(backup)
    library = Library(library.root)
    if is_looked_at:
        library.publish()
        assert found(library, "lost number7")[1] == set()
    # It has grown past the old snapshots' number, under the same chunk ids.
    put(library, "/c", "\n".join(f"new number{n}" for n in range(310)), publish=False)
    library = again(library)
    assert found(library, "number7") == ({"new number7"}, {"new number7"})
    assert found(library, "lost")[1] == set()
    assert sound(library)


def test_snapshots_of_a_catalog_that_is_gone_are_dropped(library: Library) -> None:
    put(library, "/a", "\n".join(f"old number{n}" for n in range(300)))
    library.close()
    for path in library.root.glob("catalog*"):
        path.unlink()
    library = Library(library.root)
    put(library, "/b", "\n".join(f"new number{n}" for n in range(400)), publish=False)
    library = again(library)
    assert found(library, "old number7") == ({"new number7"}, {"new number7"})
    assert sound(library)


def test_snapshots_that_are_behind_catch_up(library: Library) -> None:
    put(library, "/a", "\n".join(f"first number{n}" for n in range(300)))
    put(library, "/b", "second one")
    put(library, "/a", "third one", publish=False)
    library = again(library)
    assert found(library, "second one") == ({"second one"}, {"second one", "third one"})
    assert found(library, "number7")[1] == set()
    assert sound(library)


def test_words_that_are_missing_or_damaged_are_made_anew(library: Library) -> None:
    put(library, "/a", "red bicycle")
    library.close()
    for path in (library.root / "words").iterdir():
        path.write_bytes(b"garbage")
    library = Library(library.root)
    assert found(library, "bicycle")[1] == {"red bicycle"}
    library.close()
    for path in (library.root / "words").iterdir():
        path.unlink()
    library = Library(library.root)
    assert found(library, "bicycle")[1] == {"red bicycle"}


def test_dropping_snapshots_makes_them_anew(library: Library) -> None:
    put(library, "/a", "red bicycle")
    library.vectors(SPACE, DIM).remove(np.array([1]))
    assert len(library.snapshot_problems()) == 1
    library.drop_snapshots()
    assert sound(library)
    assert found(library, "bicycle") == ({"red bicycle"}, {"red bicycle"})


def test_a_reader_sees_what_a_writer_published(library: Library) -> None:
    put(library, "/a", "red bicycle")
    reader = Library(library.root)
    assert found(reader, "bicycle") == ({"red bicycle"}, {"red bicycle"})
    put(library, "/b", "green tractor")
    assert found(reader, "green tractor") == ({"green tractor"}, {"green tractor"})
    with library.writing() as catalog:
        catalog.remove_file("/b")
        library.publish()
    assert found(reader, "green tractor") == ({"red bicycle"}, set())
    reader.close()


def test_two_libraries_may_write_in_turn(library: Library) -> None:
    other = Library(library.root)
    put(library, "/a", "one")
    put(other, "/b", "two")
    put(library, "/c", "three")
    put(other, "/d", "four")
    for each in (library, other):
        assert [found(each, word) for word in ("one", "four")] == [({"one"}, {"one"}), ({"four"}, {"four"})]
        assert sound(each)
    other.close()


def test_questions_are_answered_while_another_thread_writes(library: Library) -> None:
    put(library, "/a", "red bicycle")
    answers: list[object] = []
    with library.writing() as catalog, catalog.transaction():
        catalog.remove_file("/a")
        thread = threading.Thread(target=lambda: answers.append(found(library, "bicycle")))
        thread.start()
        thread.join(20)
        assert answers == [({"red bicycle"}, {"red bicycle"})]
    assert found(library, "bicycle") == (set(), set())


WRITE = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from indexers.library import Library
    with Library(Path(sys.argv[1])).writing():
        print("writing", flush=True)
        time.sleep(60)
    """
)


def test_a_second_writer_is_told_who_writes_and_the_lock_ends_with_its_holder(library: Library) -> None:
    put(library, "/a", "red bicycle")
    with subprocess.Popen([sys.executable, "-c", WRITE, library.root], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        with pytest.raises(LibraryInUse, match=f"process {process.pid} "), library.writing():
            pass
        # Readers go on.
        assert found(library, "bicycle") == ({"red bicycle"}, {"red bicycle"})
        assert found(again(library), "bicycle") == ({"red bicycle"}, {"red bicycle"})
        process.kill()
    other = Library(library.root)
    put(other, "/b", "blue boat")
    assert found(other, "boat") == ({"blue boat"}, {"blue boat"})
    other.close()


def test_a_library_keeps_to_its_first_model(library: Library) -> None:
    library.use_space("text:first")
    library.use_space("text:second")  # nothing was embedded yet
    library.use_space(SPACE)
    put(library, "/a", "one")
    for call in (library.use_space, library.check_space):
        with pytest.raises(
            UsageError, match=r"bound to .* hashing-64, not to other; .* locus reindex --text-model other"
        ):
            call("text:other")
    library.use_space(SPACE)


def test_a_snapshot_that_can_not_be_written_is_no_loss(library: Library) -> None:
    (library.root / "vectors.faiss.tmp").mkdir()
    put(library, "/a", "\n".join(f"line number{n}" for n in range(300)))
    library = again(library)
    assert found(library, "number7") == ({"line number7"}, {"line number7"})


def test_a_library_in_a_place_that_can_not_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="name another folder"):
        Library(tmp_path / "file")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "catalog.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(LibraryBroken):
        Library(tmp_path / "broken")


def test_closing_need_not_wait_for_whoever_changes_it(tmp_path: Path) -> None:
    library = Library(tmp_path / "library")
    changing, go = threading.Event(), threading.Event()

    def change() -> None:
        with library.writing() as catalog:
            changing.set()
            go.wait(30)
            catalog.set_fact("text_model", "kept")

    thread = threading.Thread(target=change)
    thread.start()
    assert changing.wait(30)
    library.close(0.01)
    go.set()
    thread.join()
    library.close()
    again = Library(tmp_path / "library")
    assert again.catalog.fact("text_model") == "kept"
    again.close()
