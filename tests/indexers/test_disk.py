"""A library on a disk that refuses: read-only, full for single files, not there."""

import errno
import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from indexers.disk import because, is_read_only, trouble
from indexers.errors import LibraryBroken, LocusError, NotWritten, UsageError
from indexers.library import Library
from indexers.testing import HashingEmbedder

STOPS = Path(__file__).parents[1] / "stops"
EMBEDDER = HashingEmbedder(dim=64, max_tokens=24)

ASK_AND_WRITE = textwrap.dedent(
    """
    import errno, json, sys
    from pathlib import Path
    from tries import Place, READ_ONLY, Retriever, Shim, token
    from indexers.errors import LocusError

    root = Path(sys.argv[1])
    Shim().arm(root / "library", READ_ONLY, 0, root, int(sys.argv[2]))
    told = {}
    try:
        place = Place(root)
        retriever = Retriever(place.library, place.embedder)
        told["first"] = [
            [hit.path.rpartition("/")[2], sorted(hit.signals)] for hit in retriever.search(token("one", 2), 1)
        ]
        told["gone"] = [token("two", 1) in hit.chunk.body for hit in retriever.search(token("two", 1), 9)]
        told["problems"] = place.library.catalog.problems() + place.library.snapshot_problems()
        for name, change in [("put", place.put), ("remove", place.remove), ("compact", place.compact)]:
            try:
                change({"one": 1})
            except LocusError as error:
                told[name] = str(error)
        place.library.close()
    except LocusError as error:
        told["error"] = f"{type(error).__name__}: {error}"
    print(json.dumps(told))
    """
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with two versions of a file behind it and one file removed. Not to be changed."""
    root = tmp_path_factory.mktemp("made")
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from tries import Place
        place = Place(Path(sys.argv[1]))
        place.put({"one": 1, "two": 1, "three": 1})
        place.put({"one": 2})
        place.remove({"two": 0})
        place.library.save_vectors(place.embedder.space)
        place.library.close()
        """
    )
    run(program, [str(root)], dict(os.environ))
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "root")


def run(program: str, arguments: list[str], environment: dict[str, str]) -> str:
    folders = os.pathsep.join([str(STOPS), str(STOPS.parents[1])])
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**environment, "PYTHONPATH": folders},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def asked(root: Path, shim: dict[str, str], error: int = errno.EROFS) -> dict[str, Any]:
    # The paths of the files are those of where the library was made.
    return dict(json.loads(run(ASK_AND_WRITE, [str(root), str(error)], shim)))


linux = pytest.mark.skipif(sys.platform != "linux", reason="LD_PRELOAD as Linux has it")


def spoiled(root: Path, how: str) -> None:
    library = root / "library"
    match how:
        case "no snapshots":
            shutil.rmtree(library / "words")
            (library / "vectors.faiss").unlink()
        case "damaged snapshots":
            for path in [library / "vectors.faiss", *(library / "words").iterdir()]:
                path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        case "no lock":
            (library / "lock").unlink()


@linux
@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("whole", errno.EROFS),
        ("whole", errno.EACCES),
        ("no snapshots", errno.EROFS),
        ("damaged snapshots", errno.EROFS),
        ("no lock", errno.EROFS),
    ],
)
def test_a_read_only_library_answers_and_says_why_it_can_not_be_changed(
    root: Path, shim: dict[str, str], how: str, error: int
) -> None:
    spoiled(root, how)
    before = {path: path.read_bytes() for path in (root / "library").rglob("*") if path.is_file()}
    told = asked(root, shim, error)
    assert told["first"] == [["one.txt", ["dense", "words"]]]
    assert told["gone"]
    assert not any(told["gone"])
    assert told["problems"] == []
    for change in ("put", "remove", "compact"):
        assert "can not be written: it is read-only; make it writable, or copy the library" in told[change]
    assert {path: path.read_bytes() for path in (root / "library").rglob("*") if path.is_file()} == before


@linux
def test_a_read_only_library_that_was_not_closed_is_read_with_its_log_or_refused(
    root: Path, shim: dict[str, str]
) -> None:
    library = root / "library"
    program = textwrap.dedent(
        """
        import os, sys
        from pathlib import Path
        from tries import Place
        place = Place(Path(sys.argv[1]))
        place.put({"four": 1})
        os._exit(0)
        """
    )
    run(program, [str(root)], dict(os.environ))
    assert (library / "catalog.sqlite-wal").stat().st_size > 0
    told = asked(root, shim)
    assert told["first"] == [["one.txt", ["dense", "words"]]]
    assert told["problems"] == []
    # Without this file, SQLite would have to write to read the log.
    (library / "catalog.sqlite-shm").unlink()
    assert asked(root, shim)["error"].startswith("LibraryBroken: ")
    assert "copy the library to where it can be written" in asked(root, shim)["error"]
    assert Library(library).catalog.counts()["files"] == 3


@linux
def test_where_nothing_can_be_made_no_library_is_made(tmp_path: Path, shim: dict[str, str]) -> None:
    (tmp_path / "library").mkdir()
    assert "name another folder" in asked(tmp_path, shim)["error"]
    assert list((tmp_path / "library").iterdir()) == []


LIMITED = textwrap.dedent(
    """
    import json, resource, sys
    from pathlib import Path
    from tries import Place, Retriever, token
    from indexers.errors import LocusError

    place = Place(Path(sys.argv[1]))
    limit = int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    told = []
    for number in range(14):
        try:
            place.put({f"file{number}": 1})
            told.append("")
        except LocusError as error:
            told.append(str(error))
    found = []
    for number in range(14):
        word = token(f"file{number}", 1)
        hits = Retriever(place.library, place.embedder).search(word, 1)
        found.append(bool(hits) and word in hits[0].chunk.body)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    for number in range(14):
        place.put({f"file{number}": 1})
    print(json.dumps([told, found, place.library.catalog.problems() + place.library.snapshot_problems()]))
    """
)


@pytest.mark.skipif(os.name == "nt", reason="file size limits are POSIX")
@pytest.mark.parametrize("limit", [4_000, 120_000])
def test_a_limit_on_the_size_of_files_is_named_and_loses_nothing(tmp_path: Path, limit: int) -> None:
    told, found, problems = json.loads(run(LIMITED, [str(tmp_path), str(limit)], dict(os.environ)))
    refused = [line for line in told if line]
    assert refused
    named = f"files may not grow beyond {limit:,} bytes here; raise the limit (ulimit -f)"
    assert [line for line in refused if named not in line] == []
    assert [not line for line in told] == found
    assert problems == []


def test_what_the_disk_says_is_told_with_a_way_out(tmp_path: Path) -> None:
    assert trouble(tmp_path) == ""
    assert "no such file" in trouble(tmp_path / "absent")
    assert because(OSError(errno.ENOSPC, "x")) == because(OSError(errno.EDQUOT, "y")) != ""
    assert "it is read-only" in because(OSError(errno.EROFS, "x"))
    assert "input/output error" in because(OSError(errno.EIO, "Input/output error"))
    assert "the disk gave an error" in str(NotWritten.told(tmp_path, None))
    assert not is_read_only(tmp_path, "absent")


def test_a_folder_that_can_not_be_a_library_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="name another folder"):
        Library(tmp_path / "file" / "library")
    (tmp_path / "catalog.sqlite").mkdir()
    with pytest.raises(LibraryBroken):
        Library(tmp_path)
    assert issubclass(NotWritten, LocusError)
