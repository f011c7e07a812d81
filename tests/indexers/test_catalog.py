import os
import random
import sqlite3
import subprocess
import sys
import textwrap
import zlib
from pathlib import Path

import numpy as np
import pytest

from indexers.catalog import Catalog, Content
from indexers.errors import LibraryBroken, LocusError
from indexers.types import Chunk, LinesLocator, PageLocator, Place, Status, Vectors

SPACE = "text:test"


def unit(seed: int, dim: int = 8) -> Vectors:
    vector = np.random.default_rng(seed).standard_normal(dim)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def put(catalog: Catalog, path: str, text: str, *, parent: str | None = None, media: str = "text") -> int:
    """Stores a file whose chunks are the words of ``text``, as the pipeline does."""
    with catalog.transaction():
        content = catalog.content_id(f"hash-{text}")
        if content is None:
            content = catalog.add_content(Content(f"hash-{text}", "text", media, Status.INDEXED, title="T"))  # type: ignore[arg-type]
            words = text.split()
            chunks = [
                (Chunk(word, LinesLocator(n, n), (Place(0, LinesLocator(n, n)),)), "T")
                for n, word in enumerate(words, 1)
            ]
            ids = catalog.add_chunks(content, chunks)
            catalog.add_vectors(ids, SPACE, np.stack([unit(n) for n in range(len(words))]))
        catalog.set_file(path, content, len(text), 7, parent)
    return content


def bodies(catalog: Catalog) -> dict[str, list[str]]:
    """Path → bodies of its chunks."""
    held = catalog.chunks(catalog.changes_since(0).added)
    return {
        document.path: [c.chunk.body for c in held.values() if document.path in catalog.paths_of(c.content)]
        for document in catalog.documents()
    }


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path / "catalog.sqlite")


def test_adding_replacing_and_removing(catalog: Catalog) -> None:
    put(catalog, "/a", "one two")
    put(catalog, "/b", "three")
    assert bodies(catalog) == {"/a": ["one", "two"], "/b": ["three"]}
    put(catalog, "/a", "four")
    assert bodies(catalog) == {"/a": ["four"], "/b": ["three"]}
    assert catalog.remove_file("/a") == 1
    assert catalog.remove_file("/a") == 0
    assert bodies(catalog) == {"/b": ["three"]}
    assert catalog.counts() == {"files": 1, "contents": 1, "chunks": 1, "vectors": 1}
    assert catalog.problems() == []


def test_one_content_at_two_paths_is_stored_once_and_lives_as_long_as_one_holds_it(catalog: Catalog) -> None:
    content = put(catalog, "/a", "one")
    assert put(catalog, "/b", "one") == content
    assert catalog.counts()["contents"] == catalog.counts()["chunks"] == 1
    assert catalog.paths_of(content) == ["/a", "/b"]
    catalog.remove_file("/a")
    assert bodies(catalog) == {"/b": ["one"]}
    put(catalog, "/b", "two")
    assert catalog.content_id("hash-one") is None
    assert catalog.counts()["chunks"] == 1


def test_the_id_of_a_content_that_is_gone_is_never_given_again(catalog: Catalog) -> None:
    gone = {put(catalog, "/a", "one"), put(catalog, "/b", "two")}
    catalog.remove_file("/a")
    catalog.remove_file("/b")
    assert put(catalog, "/c", "three") not in gone


def test_contents_may_change_places_within_a_transaction(catalog: Catalog) -> None:
    one, two = put(catalog, "/a", "one"), put(catalog, "/b", "two")
    sequence = catalog.sequence
    with catalog.transaction():
        catalog.set_file("/a", two, 1, 1)
        catalog.set_file("/b", one, 1, 1)
    assert bodies(catalog) == {"/a": ["two"], "/b": ["one"]}
    assert catalog.sequence == sequence


def test_a_content_of_the_same_hash_is_replaced(catalog: Catalog) -> None:
    content = put(catalog, "/a", "one two")
    assert catalog.add_content(Content("hash-one two", "text", "text", Status.FAILED, "why")) == content
    [document] = catalog.documents()
    assert (document.status, document.reason, document.chunks) == (Status.FAILED, "why", 0)
    assert catalog.problems() == []


def test_documents_inside_documents_go_with_what_holds_them(catalog: Catalog) -> None:
    put(catalog, "/m.eml", "mail")
    put(catalog, "/m.eml!/in.eml", "inner", parent="/m.eml")
    put(catalog, "/m.eml!/in.eml!/deep.txt", "deep", parent="/m.eml!/in.eml")
    put(catalog, "/copy.txt", "deep")
    assert catalog.children("/m.eml") == ["/m.eml!/in.eml"]
    assert catalog.paths_under("/") == ["/copy.txt", "/m.eml"]
    assert [d.path for d in catalog.documents(under="/m.eml")] == [
        "/m.eml",
        "/m.eml!/in.eml",
        "/m.eml!/in.eml!/deep.txt",
    ]
    assert [d.path for d in catalog.documents(under="/m.eml!/in.eml")] == ["/m.eml!/in.eml", "/m.eml!/in.eml!/deep.txt"]
    assert catalog.remove_file("/m.eml") == 3
    assert bodies(catalog) == {"/copy.txt": ["deep"]}


def test_a_folder_is_not_its_namesakes(catalog: Catalog) -> None:
    paths = [
        "/a/b",
        "/a/b/c.txt",
        "/a/b/d/e.txt",
        "/a/b.txt",
        "/a/bc",
        "/a/bc/x",
        "/a/b-/x",
        "/a/b!/x",
        "/a/b0",
        "/A/b/x",
    ]
    for number, path in enumerate(paths):
        put(catalog, path, f"w{number}")
    below = ["/a/b", "/a/b/c.txt", "/a/b/d/e.txt"]
    assert [d.path for d in catalog.documents(under="/a/b")] == catalog.paths_under("/a/b") == below
    assert [d.path for d in catalog.documents(under="/a/b/")] == catalog.paths_under("/a/b/") == below[1:]
    assert len(catalog.contents_matching(under="/a/b")) == 3
    assert catalog.paths_under("/") == sorted(paths)
    assert catalog.paths_under("/none") == []


@pytest.mark.parametrize(
    "name", ["100%", "a_b", "%", "_", "*", "?", "[a]", "é", "e\u0301", "日本", "😀", "'", '"', "--", "\\", "\n"]
)
def test_names_are_never_patterns(catalog: Catalog, name: str) -> None:
    put(catalog, f"/d/{name}/f", "one")
    put(catalog, "/d/other/f", "two")
    put(catalog, "/d/aXb/f", "three")
    assert catalog.paths_under(f"/d/{name}") == [f"/d/{name}/f"]
    assert catalog.paths_of(catalog.content_id("hash-one") or 0, under=f"/d/{name}") == [f"/d/{name}/f"]


def test_paths_that_are_no_text_are_not_there(catalog: Catalog) -> None:
    put(catalog, "/d/x", "one")
    for path in ("/d/\udcff", "/\udce9/x"):
        assert catalog.file_state(path) is None
        assert catalog.paths_under(path) == catalog.documents(under=path) == catalog.children(path) == []
        assert catalog.remove_file(path) == 0


def test_filters_by_media(catalog: Catalog) -> None:
    text, image = put(catalog, "/t", "one"), put(catalog, "/i", "two", media="image")
    assert catalog.contents_matching(media=["image"]).tolist() == [image]
    assert catalog.contents_matching(media=["image", "text"]).tolist() == [text, image]
    assert catalog.contents_matching(media=[]).tolist() == []
    assert catalog.contents_matching(media=["text"], under="/i").tolist() == []
    assert catalog.paths_of(image, media=["text"]) == []
    assert [d.path for d in catalog.documents(media={"image"})] == ["/i"]


def test_neighbours_are_of_the_same_document(catalog: Catalog) -> None:
    put(catalog, "/a", "x y z")
    content = put(catalog, "/b", "a b c d")
    by_body = {c.chunk.body: i for i, c in catalog.chunks(catalog.changes_since(0).added).items()}
    assert catalog.neighbours(content, 1) == [by_body["a"], by_body["c"]]
    assert catalog.neighbours(content, 0, reach=2) == [by_body["b"], by_body["c"]]
    assert catalog.neighbours(content, 3) == [by_body["c"]]


def test_everything_of_a_chunk_comes_back(catalog: Catalog) -> None:
    boxes = ((0.1, 0.2, 0.3, 0.4), (0.1, 0.5, 0.3, 1 / 3))
    places = (Place(0, PageLocator(2, boxes[:1])), Place(5, PageLocator(2, boxes[1:])))
    chunk = Chunk("word é\n😀", PageLocator(2, boxes), places, ("H", "Ü"), "a | b")
    meta = (("author", "Ann"),)
    content = catalog.add_content(Content("h", "pdf", "text", Status.PARTIAL, "r", "Title", meta, 0.5, ("image",)))
    [number] = catalog.add_chunks(content, [(chunk, "Title › H")])
    catalog.set_file("/x.pdf", content, 1, 2)
    stored = catalog.chunks([number, 999])[number]
    assert stored.chunk == chunk
    assert (stored.context, stored.title, stored.path, stored.number) == ("Title › H", "Title", "/x.pdf", 0)
    [document] = catalog.documents()
    assert (document.coverage, document.pending, document.chunks) == (0.5, ("image",), 1)


def test_a_snapshot_that_catches_up_holds_what_the_catalog_holds(catalog: Catalog) -> None:
    source = random.Random(5)
    snapshots: dict[int, tuple[set[int], int]] = {n: (set(), 0) for n in range(4)}
    for step in range(300):
        path = f"/f{source.randrange(6)}"
        if source.random() < 0.3:
            catalog.remove_file(path)
        else:
            put(catalog, path, " ".join(f"w{source.randrange(4)}" for _ in range(source.randrange(1, 4))))
        live = {row[0] for row in sqlite3.connect(catalog.path).execute("SELECT id FROM chunks")}
        for number, (held, reached) in snapshots.items():
            if step % (number * 7 + 1) == 0:
                change = catalog.changes_since(reached)
                assert not set(change.added) & set(change.removed)
                held = (held - set(change.removed)) | set(change.added)
                snapshots[number] = (held, change.sequence)
                assert held == live
                assert catalog.changes_since(change.sequence).added == ()
    assert catalog.problems() == []


def test_float16_vectors_come_back_within_their_precision(catalog: Catalog) -> None:
    vectors = np.stack([unit(n, 384) for n in range(5)])
    content = catalog.add_content(Content("h", "text", "text", Status.INDEXED))
    chunks = [(Chunk(str(n), LinesLocator(1, 1)), "") for n in range(5)]
    ids = catalog.add_chunks(content, chunks)
    catalog.add_vectors(ids, SPACE, vectors)
    catalog.set_file("/x", content, 1, 1)
    found, contents, matrix = catalog.vectors([*reversed(ids), 10_000], SPACE)
    assert found.tolist() == ids
    assert contents.tolist() == [content] * 5
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix, vectors.astype(np.float16).astype(np.float32))
    assert np.abs(matrix - vectors).max() < 2**-11
    assert catalog.vectors(ids, "another")[0].tolist() == []
    catalog.add_vectors(ids[:2], "pictures", np.stack([unit(n, 64) for n in range(2)]))
    assert catalog.spaces() == {SPACE: 384, "pictures": 64}
    assert (catalog.count_vectors(SPACE), catalog.count_vectors("pictures"), catalog.count_vectors("another")) == (
        5,
        2,
        0,
    )
    assert catalog.vectors(ids, "pictures")[0].tolist() == ids[:2]
    assert catalog.paths_with("pictures") == ["/x"]


def test_vectors_that_are_no_numbers_or_too_few_are_refused_and_nothing_is_stored(catalog: Catalog) -> None:
    content = put(catalog, "/a", "one")
    chunk = (Chunk("x", LinesLocator(1, 1)), "")
    for wrong in (np.full((1, 8), np.nan, np.float32), np.ones((2, 8), np.float32), np.full((1, 8), 1e9, np.float32)):
        with pytest.raises(ValueError, match="1 chunks"), catalog.transaction():
            catalog.add_vectors(catalog.add_chunks(content, [chunk]), SPACE, wrong)
    assert catalog.counts()["chunks"] == 1


def test_a_damaged_vector_is_named_and_left_out_until_it_is_replaced(catalog: Catalog) -> None:
    put(catalog, "/m.eml", "mail")
    put(catalog, "/m.eml!/a", "one two", parent="/m.eml")
    put(catalog, "/sound", "three")
    [first, second] = [i for i, c in catalog.chunks(catalog.changes_since(0).added).items() if c.path == "/m.eml!/a"]
    data = bytearray(catalog.vectors([second], SPACE)[2].astype(np.float16).tobytes())
    data[3] ^= 1
    with sqlite3.connect(catalog.path) as raw:
        raw.execute("UPDATE vectors SET data=? WHERE chunk=?", (bytes(data), second))
    raw.close()
    [problem] = catalog.problems()
    assert problem.startswith("/m.eml!/a: the vector of its chunk 2 in ")
    [bad] = catalog.damaged()
    assert (bad.chunk, bad.space, bad.number, bad.path) == (second, SPACE, 1, "/m.eml!/a")
    assert catalog.vectors([first, second], SPACE)[0].tolist() == [first]
    before = catalog.sequence
    catalog.replace_vector(second, SPACE, np.eye(8, dtype=np.float32)[3])
    assert catalog.problems() == []
    assert catalog.vectors([second], SPACE)[2].tolist() == [np.eye(8)[3].tolist()]
    change = catalog.changes_since(before)
    assert (change.added, change.removed) == ((second,), ())


def test_changes_that_were_forgotten_are_told_as_such(catalog: Catalog) -> None:
    put(catalog, "/a", "one two")
    early = catalog.sequence
    put(catalog, "/a", "three")
    last = catalog.sequence
    assert catalog.removed_lately() == 2
    catalog.forget_changes()
    assert (catalog.sequence, catalog.removed_lately()) == (last, 0)
    change = catalog.changes_since(early)
    assert change.anew
    assert [c.chunk.body for c in catalog.chunks(change.added).values()] == ["three"]
    assert catalog.changes_since(last).added == ()
    put(catalog, "/b", "four")
    assert [c.chunk.body for c in catalog.chunks(catalog.changes_since(last).added).values()] == ["four"]
    assert not catalog.changes_since(last).anew


def test_a_row_that_points_at_nothing_can_not_arise(catalog: Catalog) -> None:
    with pytest.raises(LocusError):
        catalog.set_file("/a", 99, 1, 1)
    content = put(catalog, "/a", "one")
    with pytest.raises(LocusError), catalog.transaction():
        catalog.add_chunks(content + 1, [(Chunk("x", LinesLocator(1, 1)), "")])
    assert bodies(catalog) == {"/a": ["one"]}
    assert catalog.problems() == []


def test_an_error_undoes_the_whole_transaction(catalog: Catalog) -> None:
    put(catalog, "/a", "one")
    sequence = catalog.sequence
    with pytest.raises(KeyboardInterrupt), catalog.transaction():
        put(catalog, "/a", "two")
        catalog.remove_file("/a")
        raise KeyboardInterrupt
    assert bodies(catalog) == {"/a": ["one"]}
    assert catalog.sequence == sequence
    # Nor does it come back with the next one.
    put(catalog, "/b", "three")
    assert bodies(catalog) == {"/a": ["one"], "/b": ["three"]}


def test_readers_see_whole_transactions_only(catalog: Catalog) -> None:
    put(catalog, "/a", "one")
    reader = Catalog(catalog.path, read_only=True)
    with catalog.transaction():
        put(catalog, "/a", "two")
        put(catalog, "/b", "three")
        assert bodies(reader) == {"/a": ["one"]}
        assert reader.changes_since(0).sequence == 1
    assert bodies(reader) == {"/a": ["two"], "/b": ["three"]}
    reader.close()


KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    from indexers.catalog import Catalog, Content
    from indexers.types import Status
    catalog = Catalog(Path(sys.argv[1]))
    for number in range(50):
        with catalog.transaction():
            content = catalog.add_content(Content(f"h{number}", "text", "text", Status.INDEXED))
            catalog.set_file(f"/f{number}", content, 1, 1)
        print(number, flush=True)
    with catalog.transaction():
        for number in range(25):
            catalog.remove_file(f"/f{number}")
        catalog.set_fact("half", "done")
        os.kill(os.getpid(), signal.SIGKILL)
    """
)


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_a_killed_writer_loses_nothing_committed(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    done = subprocess.run([sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == -9
    catalog = Catalog(path)
    assert len(catalog.documents()) == len(done.stdout.split()) == 50
    assert catalog.fact("half") is None
    assert catalog.problems() == []


def test_a_file_that_is_no_catalog_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    path.write_bytes(b"this is not a database at all" * 100)
    with pytest.raises(LibraryBroken, match=r"catalog\.sqlite"):
        Catalog(path)
    assert path.read_bytes().startswith(b"this is not")
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as raw:
        raw.execute("CREATE TABLE songs (name)")
    raw.close()
    with pytest.raises(LibraryBroken, match="another program"):
        Catalog(other)
    with pytest.raises(LibraryBroken):
        Catalog(tmp_path)
    with pytest.raises(LibraryBroken):
        Catalog(tmp_path / "absent.sqlite", read_only=True)
    assert not (tmp_path / "absent.sqlite").exists()


def test_a_catalog_of_the_first_version_is_brought_up_to_date_and_keeps_everything(catalog: Catalog) -> None:
    put(catalog, "/a", "one two")
    catalog.close()
    with sqlite3.connect(catalog.path) as raw:
        for column in ("beside", "attempts", "tried_at"):
            raw.execute(f"ALTER TABLE files DROP COLUMN {column}")
        raw.execute("ALTER TABLE contents DROP COLUMN ledger")
        for table in ("folders", "mounts"):
            raw.execute(f"DROP TABLE {table}")
        raw.execute("DROP INDEX vectors_space")
        raw.execute("PRAGMA user_version = 1")
    raw.close()
    renewed = Catalog(catalog.path)
    state = renewed.file_state("/a")
    assert state is not None and state.beside == ""
    assert bodies(renewed) == {"/a": ["one", "two"]}
    assert (renewed.problems(), renewed.spaces()) == ([], {SPACE: 8})
    renewed.close()
    again = Catalog(catalog.path)
    assert bodies(again) == {"/a": ["one", "two"]}
    again.close()


@pytest.mark.parametrize("version", [4, 999, -1])
def test_a_catalog_of_another_version_is_refused(catalog: Catalog, version: int) -> None:
    put(catalog, "/a", "one")
    catalog.close()
    with sqlite3.connect(catalog.path) as raw:
        raw.execute(f"PRAGMA user_version = {version}")
    raw.close()
    with pytest.raises(LibraryBroken, match=f"another version of Locus .*{version}"):
        Catalog(catalog.path)


def test_damage_inside_is_a_clear_error_or_a_problem(catalog: Catalog) -> None:
    for number in range(200):
        put(catalog, f"/f{number}", f"word{number} " * 20)
    catalog.close()
    with sqlite3.connect(catalog.path) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    data = bytearray(catalog.path.read_bytes())
    for at in range(8192, len(data), 4096):
        data[at : at + 64] = os.urandom(64)
    catalog.path.write_bytes(data)
    broken = Catalog(catalog.path)
    assert broken.problems()
    with pytest.raises(LocusError):
        broken.documents()
        broken.chunks(range(5000))


MAKE = "import sys; from pathlib import Path; from indexers.catalog import Catalog; Catalog(Path(sys.argv[1])).close()"


def test_two_may_make_a_catalog_at_once(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    both = [subprocess.Popen([sys.executable, "-c", MAKE, path]) for _ in range(3)]
    assert [process.wait() for process in both] == [0, 0, 0]
    assert Catalog(path).problems() == []


def test_a_full_disk_is_said_and_leaves_what_was(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "c.sqlite")
    put(catalog, "/a", "one")
    catalog._rows("PRAGMA max_page_count = 20")
    with pytest.raises(LocusError, match="full"), catalog.transaction():
        for number in range(2000):
            put(catalog, f"/f{number}", f"word{number}")
    assert bodies(catalog) == {"/a": ["one"]}
    assert catalog.problems() == []


def test_checksums_are_of_the_stored_bytes(catalog: Catalog) -> None:
    put(catalog, "/a", "one")
    with sqlite3.connect(catalog.path) as raw:
        [(data, checksum)] = raw.execute("SELECT data, checksum FROM vectors").fetchall()
    raw.close()
    assert zlib.crc32(data) == checksum
    assert data == unit(0).astype("<f2").tobytes()
