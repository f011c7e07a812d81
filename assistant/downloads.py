"""Getting a model of the catalogue: into a folder of its own, checked file by file, put in place only when it is right.

The folder is named after the commit and stays when a download breaks off, so that the next one takes the files that are
there and goes on in the middle of the one that is not whole. What came is believed only by its SHA-256; a file that has
another is deleted, once, and never asked for again by itself.

Only formats that can not run code when they are loaded are accepted: safetensors, GGUF, ONNX, JSON, text, and
CTranslate2's ``model.bin``, which is a format of its own and shares only its suffix with pickles. Weights without a
known hash are refused; small texts without one are taken. Knows nothing of HTTP (see ``hub``).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from assistant.catalogue import ModelFile, ModelSpec
from indexers.errors import LibraryInUse, ModelFailed, ModelMissing, UsageError
from indexers.lock import WriterLock

Download: TypeAlias = Callable[[str, str, str, Path, Callable[[int], None]], None]
"""``(repository, revision, file name, part, report)``: adds to the file ``part`` what it lacks and calls ``report``
with the number of bytes that were there, then of every piece that arrives (see ``hub.fetch``)."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the bytes that are there so far and the bytes there will be in all."""

_TEXTS = frozenset({".json", ".txt"})
_WEIGHTS = frozenset({".safetensors", ".gguf", ".onnx"})
_CTRANSLATE2_WEIGHTS = "model.bin"
_PART = ".part"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_BLOCK_BYTES = 1 << 20
_SLACK_BYTES = 64_000_000
"""More than the catalogue says by this, and it is not what the catalogue means."""


def pull(
    wanted: ModelSpec,
    *,
    cache_dir: Path,
    offline: bool = False,
    revision: str | None = None,
    progress: Progress | None = None,
    download: Download | None = None,
) -> Path:
    """Downloads what is missing of a model, checks it, and only then puts it where ``models.find`` looks.

    Of a model that is there already, the files that have their hash are kept; all others come anew.

    Args:
        wanted: the model.
        cache_dir: the local cache.
        offline: refuse.
        revision: the commit to take where the catalogue pins none.
        progress: told how far it is; what was there before counts.
        download: what fetches a file; from the hub by default.

    Returns:
        Where the model is: its GGUF file, or its folder.

    Raises:
        ModelMissing: offline is set, no commit is known, or the download failed; what arrived is kept.
        UsageError: ``revision`` is not a commit, or contradicts the pinned one.
        ModelFailed: a file is of a kind that is not loaded, or is not what the catalogue says; there is no room for it;
            or another process downloads it.
    """
    if offline:
        raise ModelMissing(f"{wanted.name} can not be downloaded: offline is set")
    if download is None:
        from assistant.hub import fetch

        download = fetch
    commit = _commit(wanted, revision)
    for file in wanted.files:
        _check_name(wanted, file)
    target = folder_of(wanted, cache_dir)
    folder = _partial(wanted, cache_dir, commit)
    with _alone(wanted, target.parent):
        _forget_others(wanted, folder)
        missing = [file for file in wanted.files if not _is_there(file, folder, target)]
        count = _Count(wanted, progress)
        count(_bytes_below(folder, parts=False))
        _check_room(wanted, folder)
        for file in missing:
            part = _part(folder / file.name)
            part.parent.mkdir(parents=True, exist_ok=True)
            try:
                download(wanted.source, commit, file.name, part, count)
                _check_content(wanted, file, part)
            except ModelFailed:
                part.unlink(missing_ok=True)
                raise
            part.replace(folder / file.name)
        _put_in_place(folder, target)
    return target / wanted.files[0].name if wanted.is_file else target


def folder_of(wanted: ModelSpec, cache_dir: Path) -> Path:
    """The folder of a model in the cache."""
    return cache_dir / "models" / wanted.name


def begun_bytes(wanted: ModelSpec, cache_dir: Path) -> int:
    """What an earlier download of a model has left: the next goes on from there. 0 where no commit is pinned."""
    return 0 if wanted.revision is None else _bytes_below(_partial(wanted, cache_dir, wanted.revision), parts=True)


def _partial(wanted: ModelSpec, cache_dir: Path, commit: str) -> Path:
    """Where a model lies until it is whole."""
    return folder_of(wanted, cache_dir).with_name(f".{wanted.name}.{commit}.partial")


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal.

    Raises:
        ModelFailed: it can not be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
    except OSError as error:
        raise ModelFailed(f"{path} can not be read: {error.strerror or error}") from error
    return digest.hexdigest()


class _Count:
    """Adds up what arrives and tells it; stops what never ends."""

    def __init__(self, wanted: ModelSpec, progress: Progress | None) -> None:
        self._wanted = wanted
        self._progress = progress
        self._bytes = 0

    def __call__(self, size: int) -> None:
        self._bytes += size
        if self._bytes > self._wanted.size_bytes + _SLACK_BYTES:
            raise ModelFailed(f"{self._wanted.name} is larger than the catalogue says; what came was deleted")
        if self._progress is not None and self._bytes:
            self._progress(self._bytes, self._wanted.size_bytes)


def _commit(wanted: ModelSpec, revision: str | None) -> str:
    if revision is not None and not _COMMIT.fullmatch(revision):
        raise UsageError("a revision is a commit: 40 hexadecimal digits; a branch can change its content")
    if wanted.revision is not None:
        if revision not in (None, wanted.revision):
            raise UsageError(f"{wanted.name} is pinned to {wanted.revision}")
        return wanted.revision
    if revision is None:
        other = f" or {wanted.way_to_get}" if wanted.bundled else ""
        raise ModelMissing(
            f"no revision of {wanted.name} is pinned; run: locus models pull {wanted.name} --revision COMMIT{other}"
        )
    return revision


def _check_name(wanted: ModelSpec, file: ModelFile) -> None:
    path = PurePosixPath(file.name)
    if path.is_absolute() or ".." in path.parts:
        raise ModelFailed(f"{file.name!r} is not a file inside a model")
    if path.suffix in _TEXTS:
        return
    if path.suffix not in _WEIGHTS and (wanted.role, file.name) != ("speech", _CTRANSLATE2_WEIGHTS):
        raise ModelFailed(
            f"{wanted.name}: {file.name} is refused; files of this kind can run code when they are loaded"
        )
    if file.sha256 is None:
        raise ModelFailed(f"{wanted.name}: {file.name} is refused; no hash is known by which to tell that it is right")


@contextmanager
def _alone(wanted: ModelSpec, models: Path) -> Iterator[None]:
    """Keeps a second download of the model away. The lock file stays: who deleted it would let two in."""
    try:
        models.mkdir(parents=True, exist_ok=True)
        with WriterLock(models / f".{wanted.name}.lock").hold():
            yield
    except LibraryInUse as error:
        raise ModelFailed(f"{wanted.name} is being downloaded already; wait until that is done") from error
    except (OSError, UsageError) as error:
        cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
        raise ModelFailed(f"{models} can not be written: {getattr(cause, 'strerror', None) or cause}") from error


def _forget_others(wanted: ModelSpec, folder: Path) -> None:
    """Deletes what was begun of other commits: nobody will go on with it."""
    begun = re.compile(rf"\.{re.escape(wanted.name)}\.[0-9a-f]{{40}}\.(partial|old)")
    for other in folder.parent.iterdir():
        if begun.fullmatch(other.name) and other != folder:
            shutil.rmtree(other, ignore_errors=True)


def _is_there(file: ModelFile, folder: Path, target: Path) -> bool:
    """Whether the right file is in ``folder``, from a download that broke off or from the model that is installed.

    Of a file without a hash there is no telling, so that one comes anew, from its first byte.
    """
    place, old = folder / file.name, target / file.name
    if file.sha256 is not None:
        if place.is_file() and sha256(place) == file.sha256:
            return True
        if old.is_file() and sha256(old) == file.sha256:
            _part(place).unlink(missing_ok=True)
            _share(old, place)
            return True
    else:
        _part(place).unlink(missing_ok=True)
    place.unlink(missing_ok=True)
    return False


def _share(old: Path, place: Path) -> None:
    """Gives a file a second name, or copies it where the file system can not."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    try:
        os.link(old, place)
    except OSError:
        shutil.copyfile(old, place)


def _part(place: Path) -> Path:
    """Where the file for ``place`` lies until it is whole and right."""
    return place.with_name(f"{place.name}{_PART}")


def _bytes_below(folder: Path, *, parts: bool) -> int:
    files = (path for path in folder.rglob("*") if path.is_file())
    return sum(path.stat().st_size for path in files if parts or path.suffix != _PART)


def _check_room(wanted: ModelSpec, folder: Path) -> None:
    needed = wanted.size_bytes - _bytes_below(folder, parts=True)
    free = shutil.disk_usage(folder.parent).free
    if needed > free:
        raise ModelFailed(
            f"there is no room for {wanted.name}: {needed / 1e6:,.0f} MB are to come, "
            f"{free / 1e6:,.0f} MB are free at {folder.parent}"
        )


def _check_content(wanted: ModelSpec, file: ModelFile, part: Path) -> None:
    """Refuses a file that is not what it must be: another than the catalogue's, or a pickle under another name."""
    if not part.is_file():
        raise ModelMissing(f"{file.name} of {wanted.source} did not arrive")
    with part.open("rb") as opened:
        start = opened.read(9)
    suffix = PurePosixPath(file.name).suffix
    if file.sha256 is not None and sha256(part) != file.sha256:
        reason = "it is not the file of the catalogue"
    elif not _begins_right(suffix, start):
        reason = f"it does not begin as a {suffix} file that is safe to load"
    else:
        return
    raise ModelFailed(f"{file.name} of {wanted.source} is refused and was deleted: {reason}")


def _begins_right(suffix: str, start: bytes) -> bool:
    match suffix:
        case ".gguf":
            return start.startswith(b"GGUF")
        case ".safetensors":
            return start[8:] == b"{"  # eight bytes of length, then a JSON object
        case ".json":
            return start.lstrip()[:1] in (b"{", b"[")
        case ".bin":
            return not start.startswith((b"PK\x03\x04", b"\x80"))  # zip and pickle: torch's new and old files
        case _:
            return True


def _put_in_place(folder: Path, target: Path) -> None:
    old = folder.with_suffix(".old")
    if target.exists():
        target.rename(old)
    try:
        folder.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)
