"""Snapshots that are not what was written: always noticed, made anew without embedding, with the same answers."""

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from indexers import words_files
from indexers.catalog import Content
from indexers.library import Library
from indexers.snapshots import read_snapshot
from indexers.testing import HashingEmbedder
from indexers.types import Chunk, LinesLocator, Status
from indexers.words_files import read_seal

EMBEDDER = HashingEmbedder()
SPACE, DIM = EMBEDDER.space, EMBEDDER.dim
QUESTIONS = ("number7 of one", "number123 of one", "number211 of two", "of two", "line number40")
Answers = list[tuple[list[int], list[int]]]


def put(library: Library, path: str, name: str, lines: int, *, publish: bool = True) -> None:
    chunks = [(Chunk(f"line number{n} of {name}", LinesLocator(n, n)), "") for n in range(lines)]
    with library.writing() as catalog:
        library.use_space(SPACE)
        with catalog.transaction():
            content = catalog.add_content(Content(f"h-{path}-{name}-{lines}", "text", "text", Status.INDEXED))
            ids = catalog.add_chunks(content, chunks)
            catalog.add_vectors(ids, SPACE, EMBEDDER.embed_passages([chunk.text for chunk, _ in chunks]))
            catalog.set_file(path, content, 1, 1)
        if publish:
            library.publish()
            library.save_vectors(SPACE)


def answers(library: Library) -> Answers:
    return [
        (
            library.vectors(SPACE, DIM).search(EMBEDDER.embed_query(question), 5)[0].tolist(),
            library.words().search(question, 5)[0].tolist(),
        )
        for question in QUESTIONS
    ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of several segments with deletions. Not to be changed."""
    library = Library(tmp_path_factory.mktemp("whole") / "library")
    put(library, "/one", "one", 250)
    put(library, "/two", "old", 20)
    put(library, "/two", "two", 230)
    library.close()
    return library.root


@pytest.fixture(scope="module")
def right(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    library = Library(shutil.copytree(whole, tmp_path_factory.mktemp("right") / "library"))
    library.drop_snapshots()
    found = answers(library)
    library.close()
    return found


@pytest.fixture
def root(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "library")


def marks(root: Path) -> tuple[object, object]:
    """The marks of the snapshots as they are on the disk: another one than before shows that one was made anew."""
    vectors, words = read_snapshot(root / "vectors.faiss"), read_seal(root / "words")
    return vectors and vectors[0]["mark"], words and words.mark


def is_noticed(root: Path, right: Answers, before: tuple[object, object], file: Path) -> bool:
    library = Library(root)
    assert answers(library) == right
    library.close()
    again = Library(root)
    assert answers(again) == right
    assert again.catalog.problems() + again.snapshot_problems() == []
    again.close()
    changed = [now != then for now, then in zip(marks(root), before, strict=True)]
    return changed == [file.name == "vectors.faiss", file.name != "vectors.faiss"]


def truncated(file: Path) -> None:
    os.truncate(file, file.stat().st_size * 2 // 3)


def a_byte_short(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 1)


def zero_tail(file: Path) -> None:
    size = file.stat().st_size
    os.truncate(file, size // 2)
    os.truncate(file, size)


def emptied(file: Path) -> None:
    os.truncate(file, 0)


def lengthened(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"\0")


def deleted(file: Path) -> None:
    file.unlink()


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


DAMAGES = (truncated, a_byte_short, zero_tail, emptied, lengthened, deleted, a_folder)
KINDS = ("vectors.faiss", "seal", "meta.json", ".managed.json", "*.term", "*.idx", "*.fast", "*.fieldnorm", "*.del")


def one(root: Path, kind: str) -> Path:
    return sorted(root.rglob(kind))[0]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", ("vectors.faiss", "seal", "meta.json", "*.term", "*.del"))
def test_a_damaged_snapshot_is_noticed_and_made_anew(
    root: Path, right: Answers, kind: str, damage: Callable[[Path], None]
) -> None:
    file, before = one(root, kind), marks(root)
    damage(file)
    assert is_noticed(root, right, before, file)


def matters(root: Path, kind: str, data: bytes) -> list[int]:
    """The bytes of a file that mean something: of tantivy's list of its files, the names of those in use."""
    if kind != ".managed.json":
        return [7, len(data) - 6, *range(len(data))]
    segments = words_files._segments(root / "words")
    used = [name for name in json.loads(data) if words_files._is_used(name, segments)]
    assert used
    return [data.index(name.encode()) + at for name in used for at in range(len(name))]


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_is_noticed_wherever_it_is(root: Path, kind: str) -> None:
    library, chosen = Library(root), random.Random(kind)
    file = one(root, kind)
    data = file.read_bytes()
    # The first and the last bytes are where formats keep what they go by.
    places = [0, len(data) - 1, *chosen.choices(matters(root, kind, data), k=20)]
    for place in places:
        broken = bytearray(data)
        broken[place] ^= 1 << chosen.randrange(8)
        file.write_bytes(broken)
        if kind == "vectors.faiss":
            assert library._load_vectors(SPACE, DIM)[1] == 0, place
        else:
            assert library._words._opened() is None, place
    file.write_bytes(data)
    assert library._load_vectors(SPACE, DIM)[1] > 0
    assert library._words._opened() is not None
    library.close()


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_snapshot_that_was_cut_anywhere_is_noticed(root: Path, cut: int) -> None:
    library = Library(root)
    for kind in KINDS:
        file = one(root, kind)
        data = file.read_bytes()
        file.write_bytes(data[: len(data) * cut // 12])
        if kind == "vectors.faiss":
            assert library._load_vectors(SPACE, DIM)[1] == 0
        else:
            assert library._words._opened() is None, kind
        file.write_bytes(data)
    library.close()


def replaced(root: Path, by: Path, kind: str) -> None:
    for path in (root / kind, by / kind):
        assert path.exists()
    if kind == "words":
        shutil.rmtree(root / kind)
        shutil.copytree(by / kind, root / kind)
    else:
        shutil.copy(by / kind, root / kind)


@pytest.mark.parametrize("kind", ["vectors.faiss", "words"])
def test_a_snapshot_of_another_library_is_noticed_also_where_its_number_fits(
    root: Path, right: Answers, tmp_path: Path, kind: str
) -> None:
    other = Library(tmp_path / "other")
    put(other, "/one", "eno", 250)
    put(other, "/two", "dlo", 20)
    put(other, "/two", "owt", 230)
    other.close()
    before = marks(root)
    replaced(root, tmp_path / "other", kind)
    assert is_noticed(root, right, before, root / kind)


@pytest.mark.parametrize("kind", ["vectors.faiss", "words"])
def test_a_snapshot_that_is_older_than_the_catalog_gives_the_same_answers(
    root: Path, tmp_path: Path, kind: str
) -> None:
    states = [shutil.copytree(root, tmp_path / "0")]
    for number in range(1, 4):
        library = Library(root)
        put(library, "/two", f"two{number}", 230 + number)
        library.close()
        states.append(shutil.copytree(root, tmp_path / str(number)))
    library = Library(root)
    fresh = answers(library)
    library.compact()
    library.close()
    for state in states:
        replaced(root, state, kind)
        library = Library(root)
        assert answers(library) == fresh
        assert library.catalog.problems() + library.snapshot_problems() == []
        library.close()


def test_a_catalog_that_was_put_back_is_told_from_one_that_has_grown_anew(root: Path, tmp_path: Path) -> None:
    backup = shutil.copytree(root, tmp_path / "backup")
    library = Library(root)
    put(library, "/three", "three", 300)
    library.close()
    # The snapshots stay, and the catalog grows past their number by other changes before anybody looks.
    shutil.copy(backup / "catalog.sqlite", root / "catalog.sqlite")
    library = Library(root)
    put(library, "/four", "four", 301, publish=False)
    library.close()
    library = Library(root)
    assert library.words().search("three", 5)[0].tolist() == []
    found = library.vectors(SPACE, DIM).search(EMBEDDER.embed_query("line number200 of four"), 1)[0]
    assert library.catalog.chunks(found.tolist())[int(found[0])].chunk.body == "line number200 of four"
    assert library.catalog.problems() + library.snapshot_problems() == []
    library.close()
