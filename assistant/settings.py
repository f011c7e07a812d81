"""Settings: argument, else environment (``LOCUS_…``), else ``settings.toml``, else default.

The only module that reads the environment or a settings file. What a setting means is said where it is defined.
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import platformdirs

from indexers.errors import UsageError

_PREFIX = "LOCUS_"


def _default_library() -> Path:
    return platformdirs.user_data_path("locus", appauthor=False) / "library"


def _default_cache() -> Path:
    return platformdirs.user_cache_path("locus", appauthor=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a user can set.

    Attributes:
        library: the folder of the library.
        cache_dir: downloaded models and what was made from them.
        inbox: where files are kept that are dropped on the page; by default beside the library's folder, which is never
            read itself: "library-files" beside "library".
        text_model: name of the text embedding model in the catalogue; "" is the library's own, all-MiniLM-L6-v2 for a
            new one. A library that is bound to another model than the one named is refused.
        text_model_path: a folder with a sentence-transformers model; taken before ``text_model``.
        image_model: name of the image model in the catalogue; "none" looks at no picture.
        image_model_path: a folder with an open_clip model; taken before the catalogue.
        speech_model: name of the speech model in the catalogue; "none" listens to no recording.
        speech_model_path: a folder with a CTranslate2 Whisper model; taken before the catalogue.
        ocr: read the text in pictures and scanned pages.
        llm: name of the language model in the catalogue; "none" answers by quotes.
        llm_path: a GGUF file; taken before the catalogue.
        llm_url: base address of an OpenAI-compatible server, such as http://127.0.0.1:8080/v1; taken before both.
        llm_model: what that server calls its model.
        llm_api_key: its key, if it wants one.
        llm_small: lead the model as a small one (few short passages, evidence quoted beside its answer); "auto" goes
            by the size of the file.
        allow_remote: let ``llm_url`` be another machine, to which questions and passages then go.
        offline: never download anything.
        abstain_below: confidence (log-odds) below which the library is taken not to hold the answer; higher is
            stricter.
        max_file_mb: larger files are not read.
        max_media_mb: the same for recordings and films, which are read a portion at a time.
        hidden: take files and folders below a folder even if their names begin with a dot.
        rescan_minutes: how often watched folders are looked through as a whole.
        read_seconds: the longest that reading one file may take, by the clock.
        read_cpu_seconds: the most processor time that reading one file may take.
        read_memory_mb: the most memory that reading one file may take. What was read of a file before one of these
            three limits is kept.
        threads: cores for models; 0 means all.
    """

    library: Path = field(default_factory=_default_library)
    cache_dir: Path = field(default_factory=_default_cache)
    inbox: Path | None = None
    text_model: str = ""
    text_model_path: Path | None = None
    image_model: str = "CLIP-ViT-B-32"
    image_model_path: Path | None = None
    speech_model: str = "faster-whisper-base"
    speech_model_path: Path | None = None
    ocr: bool = True
    llm: str = "SmolLM2-135M-Instruct"
    llm_path: Path | None = None
    llm_url: str = ""
    llm_model: str = ""
    llm_api_key: str = field(default="", repr=False)
    llm_small: str = "auto"
    allow_remote: bool = False
    offline: bool = False
    abstain_below: float = -1.6
    max_file_mb: int = 200
    max_media_mb: int = 20_000
    hidden: bool = False
    rescan_minutes: int = 5
    read_seconds: int = 60
    read_cpu_seconds: int = 60
    read_memory_mb: int = 2048
    threads: int = 0


def load(
    arguments: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    file: Path | None = None,
) -> Settings:
    """The settings in force.

    Args:
        arguments: what the caller says; None as a value counts as not said.
        environment: in place of the process's own.
        file: in place of ``settings.toml`` in the user's configuration folder (or ``LOCUS_SETTINGS``).

    Raises:
        UsageError: a name is unknown, a value can not be what it must be, or the file that was named is not there or
            can not be read; the message names it and its source.
    """
    environ = os.environ if environment is None else environment
    named = file or environ.get("LOCUS_SETTINGS") or ""
    try:
        path = _path(named) if named else platformdirs.user_config_path("locus", appauthor=False) / "settings.toml"
    except ValueError as error:
        raise UsageError(f"LOCUS_SETTINGS: {named!r} is no settings file ({error})") from error
    known = {each.name for each in fields(Settings)}
    values: dict[str, Any] = {}
    for name, value in _from_file(path, required=bool(named)).items():
        if name not in known:
            raise UsageError(f"{path}: there is no setting {name!r}")
        values[name] = _typed(name, value, str(path))
    for name in known:
        variable = _PREFIX + name.upper()
        if environ.get(variable):
            values[name] = _typed(name, environ[variable], variable)
    for name, value in (arguments or {}).items():
        if name not in known:
            raise UsageError(f"there is no setting {name!r}")
        if value is not None:
            values[name] = _typed(name, value, name)
    return Settings(**values)


def _from_file(path: Path, *, required: bool) -> dict[str, Any]:
    try:
        # Editors on Windows put a byte order mark before UTF-8.
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        if required:
            raise UsageError(f"the settings file {path} is not there") from error
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"the settings file {path} can not be read: {error}") from error


def _typed(name: str, value: object, source: str) -> object:
    """``value`` as the type of the setting's default."""
    kind = {each.name: str(each.type) for each in fields(Settings)}[name]
    try:
        if kind.startswith("Path"):
            if value == "" and "None" in kind:
                return None
            return _path(value)
        if kind == "bool":
            return _boolean(value)
        if kind == "int":
            return _whole_number(name, value)
        if kind == "float":
            number = float(str(value))
            if math.isnan(number):
                raise ValueError("write a number")
            return number
        if name == "llm_small":
            return _small(value)
        if not isinstance(value, str):
            raise ValueError("write a text in quotation marks")
    except ValueError as error:
        shown = "the value" if name == "llm_api_key" else repr(value)
        raise UsageError(f"{source}: {shown} is no value for {name} ({error})") from error
    return value


def _path(value: object) -> Path:
    if not isinstance(value, str | Path) or not str(value).strip() or "\0" in str(value):
        raise ValueError("write a path")
    try:
        return Path(value).expanduser()
    except RuntimeError as error:
        raise ValueError(f"there is no such home folder: {error}") from error


def _whole_number(name: str, value: object) -> int:
    number = int(str(value))
    if number < 0:
        raise ValueError("it must not be negative")
    if number == 0 and name != "threads":
        raise ValueError("it must be at least 1")
    return number


def _small(value: object) -> str:
    """One of "auto", "true" and "false"."""
    if isinstance(value, str) and value.strip().lower() == "auto":
        return "auto"
    try:
        return str(_boolean(value)).lower()
    except ValueError as error:
        raise ValueError("write auto, true or false") from error


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise ValueError("write true or false")
