"""Stops a library's writer at its n-th write, sync or rename, opens the library again and looks at what is left.

    LD_PRELOAD=stops.so python tries.py MODE FOLDER STOP…

For each stop, a child process works on a new library below ``FOLDER`` (adds, changes and removes files, compacts, makes
indexes anew) and tells what has been acknowledged; then a second one opens what it left. What each found is printed as
a line of JSON. Without stops, the number of stops there are is printed. Run by ``tests/indexers/test_durability.py``
and ``tests/benchmarks/kill.py``; with HashingEmbedder, no model is needed.

Modes: ``kill`` ends the process before the n-th call, ``tear`` in the middle of the n-th write, ``power`` ends it and
takes back what was written to files and not synced; ``full`` has every call from the n-th on fail as on a full disk,
until the work has told so, and goes on in the same process when there is room again.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from assistant.retrieve import Retriever
from indexers.errors import LocusError
from indexers.library import Library
from indexers.parsers import parser_for
from indexers.pipeline import Pipeline
from indexers.protocols import Source
from indexers.reading import FileReader
from indexers.senses import Senses
from indexers.testing import HashingEmbedder
from indexers.types import Parsed, Vectors

COUNT, KILL, TEAR, FAIL, READ_ONLY, POWER = range(6)
MODES = {"kill": KILL, "tear": TEAR, "power": POWER, "full": FAIL}
LINES = 6
State = dict[str, int]
"""Version of each file that the library is to hold; 0: none."""


class Counting(HashingEmbedder):
    def __init__(self) -> None:
        super().__init__(dim=64, max_tokens=24)
        self.embedded = 0

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.embedded += len(texts)
        return super().embed_passages(texts)


class InProcess:
    def parse(self, source: Source) -> Parsed:
        parser = parser_for(source.format)
        assert parser is not None
        return parser(source)

    def decode(self, source: Source, what: object, start: float) -> Any:
        raise AssertionError("there are only texts here")


class Shim:
    """What ``stops.c`` exports, in a process that was started with it."""

    def __init__(self) -> None:
        self._own = ctypes.CDLL(None)
        self._own.stops_count.restype = ctypes.c_long

    def arm(self, folder: Path, mode: int, at: int, aside: Path, error: int = errno.ENOSPC) -> None:
        self._own.stops_arm(str(folder).encode(), mode, ctypes.c_long(at), error, str(aside).encode())

    def disarm(self) -> int:
        self._own.stops_disarm()
        return int(self._own.stops_count())


def token(name: str, version: int, line: int = 0) -> str:
    return f"zq{name}{'abcdefgh'[version]}{'abcdefghijklmnop'[line]}"


def text(name: str, version: int) -> str:
    return "\n\n".join(
        f"Line {line} of {name} tells of {token(name, version, line)} and of other things besides it."
        for line in range(LINES)
    )


class Place:
    """A library and its files, in one process."""

    def __init__(self, root: Path) -> None:
        self.files = root / "files"
        self.files.mkdir(exist_ok=True)
        self.embedder = Counting()
        self.library = Library(root / "library")
        reader = FileReader(InProcess(), Senses(), self.library.unfinished, max_bytes=10**6)
        self.pipeline = Pipeline(self.library, self.embedder, reader)

    def path(self, name: str) -> Path:
        return self.files / f"{name}.txt"

    def put(self, state: State) -> None:
        for name, version in state.items():
            self.path(name).write_text(text(name, version))
            os.utime(self.path(name), ns=(10**18 + version * 10**9,) * 2)
        report = self.pipeline.add([self.path(name) for name in state])
        assert not report.failed, report

    def remove(self, state: State) -> None:
        self.pipeline.remove([self.path(name) for name in state])

    def save(self, _state: State) -> None:
        self.library.save_vectors(self.embedder.space)

    def compact(self, _state: State) -> None:
        self.library.compact()

    def anew(self, _state: State) -> None:
        self.library.drop_snapshots()

    def steps(self) -> Iterator[tuple[Callable[[State], None], State]]:
        """What is done one after the other, and what each changes."""
        yield self.put, {"one": 1, "two": 1, "three": 1}
        yield self.save, {}
        yield self.put, {"one": 2}
        yield self.remove, {"two": 0}
        yield self.put, {"four": 1, "five": 1, "three": 2}
        yield self.compact, {}
        yield self.put, {"two": 2}
        yield self.anew, {}
        yield self.remove, {"one": 0, "five": 0}
        yield self.compact, {}


def work(root: Path, shim: Shim, mode: int, at: int, told: int) -> None:
    """In a child process: does all steps, and tells what is begun and what is acknowledged."""
    tell(told, {"begun": {}})
    shim.arm(root / "library", mode, at, root / "aside")
    place = patiently(lambda: Place(root), shim, mode)
    for step, state in place.steps():
        tell(told, {"begun": state})
        try:
            step(state)
        except LocusError as error:
            if mode != FAIL:
                raise
            tell(told, {"refused": str(error)})
            ask_on(place, root)
            shim.disarm()
            step(state)
        tell(told, {"done": state})
    calls = shim.disarm()
    place.library.close()
    tell(told, {"calls": calls})


def patiently(make: Callable[[], Place], shim: Shim, mode: int) -> Place:
    try:
        return make()
    except LocusError:
        if mode != FAIL:
            raise
        shim.disarm()
        return make()


def ask_on(place: Place, root: Path) -> None:
    """A full disk keeps nobody from asking."""
    for library in (place.library, Library(root / "library")):
        Retriever(library, place.embedder).search(token("one", 1), 3)
        if library is not place.library:
            library.close()


def tell(told: int, what: dict[str, Any]) -> None:
    os.write(told, json.dumps(what).encode() + b"\n")


def look(root: Path, held: State, unsure: State) -> list[str]:
    """What is wrong in a library that is to hold ``held``, each of ``unsure`` maybe already in its new version."""
    place = Place(root)
    library, catalog = place.library, place.library.catalog
    wrong = [f"catalog: {line}" for line in catalog.problems()] + [
        f"index: {line}" for line in library.snapshot_problems()
    ]
    found: State = {}
    documents = {document.path for document in catalog.documents()}
    for name in {*held, *unsure}:
        found[name] = version = version_held(place, name) if str(place.path(name)) in documents else 0
        allowed = {held.get(name, 0), unsure.get(name, held.get(name, 0))}
        if version not in allowed:
            wrong.append(f"file {name}: version {version}, not {sorted(allowed)}")
    wrong += answers(place, found)
    if place.embedder.embedded:
        wrong.append(f"{place.embedder.embedded} texts were embedded again")
    place.put({"later": 1})
    wrong += [f"later: {line}" for line in answers(place, {**found, "later": 1})]
    library.compact()
    wrong += [f"compacted: {line}" for line in answers(place, {**found, "later": 1}) + left_over(root, found)]
    wrong += [f"later: {line}" for line in catalog.problems() + library.snapshot_problems()]
    library.close()
    return wrong


def version_held(place: Place, name: str) -> int:
    """The version of a file that the catalog holds whole; -1: none of them."""
    catalog = place.library.catalog
    state = catalog.file_state(str(place.path(name)))
    assert state is not None
    ids = [row[0] for row in catalog._rows("SELECT id FROM chunks WHERE content=? ORDER BY number", (state.content,))]
    chunks = catalog.chunks(ids)
    bodies = "".join("".join(chunks[i].chunk.body.split()) for i in ids)
    known, _, vectors = catalog.vectors(ids, place.embedder.space)
    for version in (1, 2):
        if bodies == "".join(text(name, version).split()) and known.tolist() == ids and vectors.any(1).all():
            return version
    return -1


def answers(place: Place, found: State) -> list[str]:
    """Questions whose answers are known, and are others."""
    wrong = []
    retriever = Retriever(place.library, place.embedder)
    for name, held in found.items():
        for version in (1, 2):
            word = token(name, version, line=version)
            told = [hit for hit in retriever.search(word, 3) if word in hit.chunk.body]
            if version != held and told:
                wrong.append(f"{word} is answered from {told[0].path}, which does not hold it")
            if version == held and (not told or told[0].rank != 1 or told[0].path != str(place.path(name))):
                wrong.append(f"{word} of {name} is not found first")
            if version == held and told and set(told[0].signals) != {"dense", "words"}:
                wrong.append(f"{word} of {name} is found by {set(told[0].signals)} only")
    return wrong


def left_over(root: Path, found: State) -> list[str]:
    """Words of what is gone in the bytes of the library's files."""
    wrong = []
    for path in sorted((root / "library").rglob("*")):
        data = path.read_bytes() if path.is_file() else b""
        for name, held in found.items():
            for version in {1, 2} - {held}:
                if any(token(name, version, line).encode() in data for line in range(LINES)):
                    wrong.append(f"{path.name} still tells of version {version} of {name}")
    return wrong


def power_cut(root: Path) -> None:
    """Puts files back to what was synced of them, by inode."""
    kept = {int(path.name): path for path in (root / "aside").iterdir()}
    for path in (root / "library").rglob("*"):
        if path.is_file() and path.stat().st_ino in kept and path.suffix != ".sqlite-shm":
            path.write_bytes(kept[path.stat().st_ino].read_bytes())


def forked(task: Callable[[int], object]) -> tuple[int, list[dict[str, Any]]]:
    """Runs ``task`` in a child process; gives its exit status and what it told."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        status = 70
        try:
            os.close(ours)
            task(theirs)
            status = 0
        finally:
            if status:
                tell(theirs, {"error": traceback.format_exc()})
            os._exit(status)
    os.close(theirs)
    with os.fdopen(ours) as lines:
        told = [json.loads(line) for line in lines]
    return os.waitpid(child, 0)[1], told


def attempt(folder: Path, shim: Shim, mode: str, at: int) -> dict[str, Any]:
    """One stop and what was left after it."""
    root = folder / f"{mode}-{at}"
    (root / "aside").mkdir(parents=True)
    status, told = forked(lambda pipe: work(root, shim, MODES[mode], at, pipe))
    held: State = {}
    unsure: State = {}
    for line in told:
        unsure = line.get("begun", unsure)
        if "done" in line:
            held.update(line["done"])
            unsure = {}
    wrong = [line["error"] for line in told if "error" in line]
    if mode == "power":
        power_cut(root)
    if not wrong:
        wrong = [line for done in forked(lambda pipe: tell(pipe, {"wrong": look(root, held, unsure)}))[1]
                 for line in done.get("wrong", [done.get("error")])]  # fmt: skip
    shutil.rmtree(root)
    refused = [line["refused"] for line in told if "refused" in line]
    calls = next((line["calls"] for line in told if "calls" in line), None)
    return {"stop": at, "stopped": status != 0, "wrong": wrong, "refused": refused, "calls": calls}


def main() -> None:
    mode, folder, *stops = sys.argv[1:]
    shim = Shim()
    # Past the end: nothing is stopped, and all calls are counted.
    for at in map(int, stops or [10**9]):
        print(json.dumps(attempt(Path(folder), shim, mode, at)), flush=True)


if __name__ == "__main__":
    main()
