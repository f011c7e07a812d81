"""Settings: argument, else environment (``LOCUS_…``), else ``settings.toml``, else default.

The only module that reads the environment or a settings file, and that has the file changed (see ``settings_file``).
What a setting means is said where it is defined, and nowhere else: the page and the command line show that.
"""

from __future__ import annotations

import inspect
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import platformdirs

from assistant import settings_file
from assistant.renewal import AT_ONCE
from assistant.setting_values import SECRETS, path, typed, wrong
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
        llm_api_key: its key, if it wants one; it is sent to whichever server is named.
        llm_small: lead the model as a small one (few short passages, evidence quoted beside its answer); "auto" goes
            by the size of the file.
        allow_remote: let ``llm_url`` be another machine, to which questions and passages then go.
        offline: never download anything.
        abstain_below: confidence (log-odds) below which the library is taken not to hold the answer; higher is
            stricter.
        answer_words: about how many words an answer may have, 10 to 1000: the most that is quoted, and what a language
            model above a billion parameters is told. A smaller one writes one sentence, and quotes follow it.
        max_file_mb: larger files, in megabytes, are not read.
        max_media_mb: the same for recordings and films, which are read a portion at a time.
        hidden: take files and folders below a folder even if their names begin with a dot.
        rescan_minutes: how often watched folders are looked through as a whole.
        read_seconds: the longest that reading one file may take, by the clock.
        read_cpu_seconds: the most processor time that reading one file may take.
        read_memory_mb: the most memory that reading one file may take. What was read of a file before one of these
            three limits is kept.
        threads: cores for models; 0 means all.
        theme: how the chat page looks: "light", "dark", or as the "system" does.
        ui_password: what the chat page asks everybody for who opens it; without one it is served to this machine alone.
        max_upload_mb: the most that can be given to the page in the browser at once.
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
    answer_words: int = 60
    max_file_mb: int = 200
    max_media_mb: int = 20_000
    hidden: bool = False
    rescan_minutes: int = 5
    read_seconds: int = 60
    read_cpu_seconds: int = 60
    read_memory_mb: int = 2048
    threads: int = 0
    theme: str = "system"
    ui_password: str = field(default="", repr=False)
    max_upload_mb: int = 2000


_KINDS = {each.name: str(each.type) for each in fields(Settings)}
"""The type of each setting, as it is written above."""
DEFAULT = "default"
ARGUMENT = "argument"


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and where they are from.

    Attributes:
        settings: the values.
        sources: who said so, by name: ``ARGUMENT``, a variable (``LOCUS_…``), the settings file's name, ``DEFAULT``.
        file: the settings file, whether or not it is there.
    """

    settings: Settings
    sources: Mapping[str, str]
    file: Path


@dataclass(frozen=True, slots=True)
class InForce:
    """A setting as it is in force.

    Attributes:
        name: its name.
        value: its value; of a secret, only whether there is one.
        source: who said so, as in ``Loaded``.
        doc: what it means.
        later: the value that it has when Locus is started again; of a secret, as ``value``.
        waits: whether it was changed, which takes effect then.
        at_once: whether a change takes effect at once.
        is_in_file: whether it is the settings file that says so, now or from then on.
    """

    name: str
    value: Any
    source: str
    doc: str
    later: Any
    waits: bool
    at_once: bool
    is_in_file: bool

    @property
    def is_fixed(self) -> bool:
        """Whether something goes before the settings file, so that a line there changes nothing."""
        return self.source == ARGUMENT or self.source.startswith(_PREFIX)


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
    return read(arguments, environment=environment, file=file).settings


def read(
    arguments: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    file: Path | None = None,
) -> Loaded:
    """As ``load``, with where each setting is from."""
    environ = os.environ if environment is None else environment
    found, is_named = _file(environ, file)
    return _merged(arguments or {}, environ, found, _from_file(found, required=is_named))


def change(
    changes: Mapping[str, Any],
    arguments: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    file: Path | None = None,
    check: Callable[[Settings], None] = lambda _settings: None,
) -> Loaded:
    """Writes values into the settings file and gives what is in force then; all that is said otherwise still is.

    Args:
        changes: values by name; None takes the line away, so that the default holds.
        arguments: as in ``load``; so are ``environment`` and ``file``.
        environment: in place of the process's own.
        file: in place of the file in force; made if it is not there.
        check: is told the settings there would be; what it raises leaves the file as it was.

    Raises:
        UsageError: a name is unknown, a value can not be what it must be, or the file can not be read.
        NotWritten: the file can not be written; it is as it was.
    """
    environ = os.environ if environment is None else environment
    found, _ = _file(environ, file)
    lines = {name: None if value is None else _line(name, value) for name, value in changes.items()}
    loaded: list[Loaded] = []

    def look(values: dict[str, Any]) -> None:
        loaded.append(_merged(arguments or {}, environ, found, values))
        check(loaded[-1].settings)

    settings_file.edit(found, lines, look)
    return loaded[-1]


def in_force(running: Loaded, later: Loaded) -> list[InForce]:
    """Every setting, in the order in which they are defined.

    Args:
        running: what is in force.
        later: what will be when Locus is started again.
    """
    docs = meanings()

    def shown(name: str, settings: Settings) -> Any:
        value = getattr(settings, name)
        return bool(value) if name in SECRETS else value

    return [
        InForce(
            each.name,
            shown(each.name, running.settings),
            running.sources[each.name],
            docs.get(each.name, ""),
            shown(each.name, later.settings),
            getattr(running.settings, each.name) != getattr(later.settings, each.name),
            each.name in AT_ONCE,
            later.sources[each.name] == later.file.name,
        )
        for each in fields(Settings)
    ]


def problem(name: str, value: object) -> str:
    """Why a setting can not have this value, in a clause for a person; "" if it can."""
    return wrong(name, _KINDS[name], value) if name in _KINDS else "there is no such setting"


def meanings() -> dict[str, str]:
    """What each setting means, by name, as the docstring of ``Settings`` says."""
    _, _, listed = inspect.cleandoc(Settings.__doc__ or "").partition("Attributes:")
    found = re.findall(r"^    (\w+): (.+(?:\n        .+)*)", listed, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in found}


def _file(environ: Mapping[str, str], file: Path | None) -> tuple[Path, bool]:
    """The settings file, and whether somebody named it."""
    named = file or environ.get(f"{_PREFIX}SETTINGS") or ""
    try:
        default = platformdirs.user_config_path("locus", appauthor=False) / "settings.toml"
        return (path(named), True) if named else (default, False)
    except ValueError as error:
        raise UsageError(f"LOCUS_SETTINGS: {named!r} is no settings file ({error})") from error


def _from_file(file: Path, *, required: bool) -> dict[str, Any]:
    try:
        # Editors on Windows put a byte order mark before UTF-8.
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        if required:
            raise UsageError(f"the settings file {file} is not there") from error
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"the settings file {file} can not be read: {error}") from error


def _merged(arguments: Mapping[str, Any], environ: Mapping[str, str], file: Path, lines: Mapping[str, Any]) -> Loaded:
    values: dict[str, Any] = {}
    sources = dict.fromkeys(_KINDS, DEFAULT)
    for name, value in lines.items():
        if name not in _KINDS:
            raise UsageError(f"{file}: there is no setting {name!r}")
        values[name], sources[name] = typed(name, _KINDS[name], value, str(file)), file.name
    for name, kind in _KINDS.items():
        variable = _PREFIX + name.upper()
        if environ.get(variable):
            values[name], sources[name] = typed(name, kind, environ[variable], variable), variable
    for name, value in arguments.items():
        if name not in _KINDS:
            raise UsageError(f"there is no setting {name!r}")
        if value is not None:
            values[name], sources[name] = typed(name, _KINDS[name], value, name), ARGUMENT
    return Loaded(Settings(**values), sources, file)


def _line(name: str, value: Any) -> settings_file.Plain | None:
    """What stands in the file for a value: paths as they were said, everything else as it is understood."""
    if name not in _KINDS:
        raise UsageError(f"there is no setting {name!r}")
    meant = typed(name, _KINDS[name], value, name)
    try:
        str(value).encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{name}: the value holds characters that are no text, and can not be written") from error
    if isinstance(meant, Path):
        return str(value)
    return meant if isinstance(meant, bool | int | float | str) else None
