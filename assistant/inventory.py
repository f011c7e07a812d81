"""What the library holds, for whoever looks at it again and again: numbers, sizes, and pages of a list of its files.

Cheap enough to be asked every second of 20,000 files, and it waits for nobody: it has a connection to the catalog of
its own, so that neither a search nor a change of the library holds it up. Knows the catalog and the disk; loads no
model. What is chosen of a list, and in which order, is ``listing``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.downloads import begun_bytes
from assistant.listing import Choice, Page, chosen, listed, page_of
from assistant.models import ModelSpec
from indexers.catalog import Catalog
from indexers.memory import resident_bytes
from indexers.types import Status


@dataclass(frozen=True, slots=True)
class Overview:
    """The library in numbers.

    Args:
        states: how many files have each status; of those that are queued or being read, that.
        passages: how many there are.
        waiting: how many files wait for each model ("image", "speech").
        watched: the folders that it is kept in step with, sorted.
        reading: the files that are being read now, sorted.
    """

    states: Mapping[Status, int]
    passages: int
    waiting: Mapping[str, int]
    watched: tuple[str, ...]
    reading: tuple[str, ...]

    @property
    def files(self) -> int:
        """How many files there are, those inside others included."""
        return sum(self.states.values())


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is used, in bytes: by the library and by downloaded models on the disk, by this process in memory (0: the
    system does not say)."""

    library: int
    models: int
    memory: int


@dataclass(frozen=True, slots=True)
class MissingModel:
    """A model that the settings name and that is not on this machine.

    Args:
        role: what it is for: "text", "llm", "image" or "speech".
        name: its name in the catalogue.
        size_bytes: what is to be downloaded in all.
        begun_bytes: what an earlier download has left; the next goes on from there.
        can_be_pulled: whether it can be downloaded from here; else only ``command`` gets it.
        command: what gets it on the command line.
    """

    role: str
    name: str
    size_bytes: int
    begun_bytes: int
    can_be_pulled: bool
    command: str


class Inventory:
    """Looks at one library. Safe to use from several threads.

    Args:
        root: the library's folder, in which the catalog is.
        at_work: the files that are queued or being read now.
        cache_dir: where downloaded models are.
        lacking: the models of the catalogue that the settings name and that are not there; asked each time.
    """

    def __init__(
        self,
        root: Path,
        at_work: Callable[[], Mapping[str, Status]],
        cache_dir: Path,
        lacking: Callable[[], Sequence[ModelSpec]],
    ) -> None:
        self._root = root
        self._at_work = at_work
        self._cache_dir = cache_dir
        self._lacking = lacking
        self._catalog = Catalog(root / "catalog.sqlite", read_only=True)
        self._lock = threading.Lock()

    def close(self) -> None:
        """Closes the connection; an inventory that was closed is not used again."""
        with self._lock:
            self._catalog.close()

    def version(self) -> object:
        """Something that compares unequal once files, folders, or what is being read have changed."""
        with self._lock:
            version = self._catalog.version
        return version, self._at_work()

    def overview(self) -> Overview:
        """The library in numbers."""
        at_work = self._at_work()
        with self._lock, self._catalog.reading():
            catalog = self._catalog
            states = dict(catalog.states())
            known = catalog.states_at(list(at_work))
            passages, waiting = catalog.count_chunks(), catalog.count_waiting()
            watched = tuple(folder.path for folder in catalog.folders(watched=True))
        for path, status in at_work.items():
            if path in known:
                states[known[path]] -= 1
            states[status] = states.get(status, 0) + 1
        reading = tuple(sorted(path for path, status in at_work.items() if status is Status.READING))
        return Overview({state: n for state, n in states.items() if n}, passages, waiting, watched, reading)

    def page(self, choice: Choice) -> Page:
        """The files that ``choice`` asks for, so many of them as a page holds."""
        at_work = self._at_work()
        with self._lock, self._catalog.reading():
            rows = chosen(self._catalog.outlines(), at_work, choice)
            first, shown = page_of(rows, choice.page)
            documents = self._catalog.documents_at([row.path for row in shown])
        return Page(first, len(rows), tuple(listed(row, documents.get(row.path)) for row in shown))

    def sizes(self) -> Sizes:
        """What the library and the models use of the disk, and this process of memory."""
        return Sizes(bytes_below(self._root), bytes_below(self._cache_dir / "models"), resident_bytes())

    def missing_models(self) -> list[MissingModel]:
        """The models that the settings name and that are not on this machine."""
        return [
            MissingModel(
                spec.role,
                spec.name,
                spec.size_bytes,
                begun_bytes(spec, self._cache_dir),
                spec.revision is not None,
                spec.way_to_get,
            )
            for spec in self._lacking()
        ]


def bytes_below(folder: Path) -> int:
    """The size of all files below a folder; what another process has just replaced counts as nothing."""
    return sum(_bytes(path) for path in folder.rglob("*"))


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0
