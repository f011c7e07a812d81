"""What was given with a question: documents to be added and asked about, a picture to search with, spoken words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from indexers.errors import FileError
from indexers.media import sniff

_RECORDED = re.compile(r"(?:audio|sample|recording)(?:[-_ ]?\d+)?\.(?:wav|webm|ogg|mp3|mp4|m4a)", re.IGNORECASE)
"""What browsers' microphones call what they have recorded."""


@dataclass(frozen=True, slots=True)
class Given:
    """A question as it was sent: typed text, and files of three kinds, each where the page has put it."""

    text: str
    documents: tuple[Path, ...] = ()
    picture: Path | None = None
    recording: Path | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the files that a person sees to the question."""
        return tuple(path.name for path in ((self.picture, *self.documents) if self.picture else self.documents))

    @property
    def is_empty(self) -> bool:
        """Whether nothing was sent at all."""
        return not (self.text or self.documents or self.picture or self.recording)


def sorted_out(text: str, files: Sequence[Path]) -> Given:
    """What the files are for.

    A recording of the microphone that comes alone is the question. One picture is searched with. All others are
    documents: they are added to the library, and the question is about them.
    """
    text = text.strip()
    if not text and len(files) == 1 and _RECORDED.fullmatch(files[0].name):
        return Given("", recording=files[0])
    pictures = [path for path in files if _media(path) == "image"]
    if len(files) == len(pictures) == 1:
        return Given(text, picture=pictures[0])
    return Given(text, tuple(files))


def _media(path: Path) -> str:
    try:
        return sniff(path).media
    except FileError:
        return ""  # its report says what is wrong with it
