"""The settings that the page lets people change: what they are called, how they are entered, and what a form sends.

What they mean is said in ``assistant.settings``. Pure: a form comes from the browser and may hold anything, so only
what a group has is taken from it, and what it may be is for ``assistant.settings`` to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from assistant.settings import InForce

Kind: TypeAlias = Literal["number", "text", "secret", "check", "choice", "radio"]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several values: the value as it is sent, what people read, and what it means."""

    value: str
    label: str
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A setting on the page.

    Attributes:
        name: the setting.
        label: what it is called.
        kind: how it is entered.
        help: a line on it in the place of what the settings say.
        choices: of a "choice" or "radio"; other values than these can be written into a box beside a "radio" if
            ``other`` has a label.
        other: see there.
    """

    name: str
    label: str
    kind: Kind
    help: str = ""
    choices: tuple[Choice, ...] = ()
    other: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that are saved together, under a heading; ``more`` are behind a line that opens."""

    name: str
    heading: str
    fields: tuple[Field, ...]
    more_heading: str = ""
    more: tuple[Field, ...] = ()

    def all(self) -> tuple[Field, ...]:
        """Every field."""
        return self.fields + self.more


OTHER = "other"
"""What a radio sends when the value is in the box beside it."""

STRICTNESS = (
    Choice(
        "-3",
        "Lenient",
        "Answers nearly always: where your files hold the answer, it is refused in about 1 of 100 questions; where "
        "they do not, that goes unnoticed in two of three if they speak of the same things.",
    ),
    Choice(
        "-1.6",
        "Usual",
        "Refuses 3 to 7 of 100 questions that could be answered, and notices a missing answer in two of three to three "
        "of four if your files speak of the same things, nearly always if they do not.",
    ),
    Choice(
        "0",
        "Strict",
        "Refuses 10 to 17 of 100 questions that could be answered, and notices a missing answer in nine of ten.",
    ),
)
"""How sure an answer must be, as log-odds; the shares were measured with ``tests/benchmarks/abstaining.py``."""

ANSWERS = Group(
    "answers",
    "Answers",
    (
        Field("answer_words", "Words of an answer, at most about", "number"),
        Field("abstain_below", "How sure an answer must be", "radio", choices=STRICTNESS, other="Another value"),
    ),
    "Another language model: a file or a server",
    (
        Field("llm_path", "File of a language model (GGUF)", "text"),
        Field("llm_url", "Address of a server", "text"),
        Field("llm_model", "Model on that server", "text"),
        Field("llm_api_key", "Key for that server", "secret"),
        Field("allow_remote", "The server may be another machine", "check"),
        Field(
            "llm_small",
            "How the model is led",
            "choice",
            choices=(
                Choice("auto", "By the size of its file"),
                Choice("true", "As a small one"),
                Choice("false", "As a large one"),
            ),
        ),
    ),
)
MODELS = Group(
    "models",
    "Models",
    (
        Field("ocr", "Recognise text (OCR)", "check"),
        Field("offline", "Never download anything", "check", "Locus then loads what is on this machine and no more."),
        Field("threads", "Cores", "number", "The most that models may use; 0 means all."),
    ),
)
FOLDERS = Group(
    "folders",
    "Folders and files",
    (
        Field("inbox", "Folder for files that are dropped on the page", "text"),
        Field("hidden", "Take hidden files too", "check"),
        Field("rescan_minutes", "Minutes between looks through watched folders", "number"),
        Field("max_file_mb", "Largest file, in MB", "number", "Larger ones are listed and not read."),
        Field(
            "max_media_mb",
            "Largest recording or film, in MB",
            "number",
            "Larger ones are listed and not listened to. They are read a portion at a time, so this may be much.",
        ),
    ),
    "Limits of reading one file",
    (
        Field("read_seconds", "Seconds by the clock", "number"),
        Field("read_cpu_seconds", "Seconds of processor time", "number"),
        Field("read_memory_mb", "Memory, in MB", "number"),
    ),
)
APPEARANCE = Group(
    "appearance",
    "Appearance",
    (
        Field(
            "theme",
            "Theme",
            "radio",
            "Choosing one shows it; saving keeps it.",
            choices=(Choice("system", "As the system"), Choice("light", "Light"), Choice("dark", "Dark")),
        ),
    ),
)
GROUPS = {group.name: group for group in (ANSWERS, MODELS, FOLDERS, APPEARANCE)}


def text_of(value: Any) -> str:
    """A value as it stands in a field."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def entered(group: Group, form: Mapping[str, str], rows: Mapping[str, InForce]) -> dict[str, str]:
    """What a form says of the settings of its group, as texts; nothing of those that can not be changed here."""
    found: dict[str, str] = {}
    for field in group.all():
        row = rows.get(field.name)
        if row is None or row.is_fixed:
            continue
        if field.kind == "check":
            found[field.name] = "true" if field.name in form else "false"
        elif field.name in form:
            value = form[field.name].strip()
            found[field.name] = form.get(other_name(field), "").strip() if value == OTHER and field.other else value
    return found


def other_name(field: Field) -> str:
    """The name of the box beside a radio."""
    return f"{field.name}-{OTHER}"


def changes(group: Group, said: Mapping[str, str], rows: Mapping[str, InForce]) -> dict[str, str | None]:
    """The settings that a form changes: None where an emptied field leaves a setting to its default."""
    changed: dict[str, str | None] = {}
    for field in group.all():
        if field.name not in said:
            continue
        value = said[field.name]
        if field.kind == "secret":
            if value:
                changed[field.name] = value
        elif value != text_of(rows[field.name].later):
            changed[field.name] = value or None
    return changed
