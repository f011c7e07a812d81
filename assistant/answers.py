"""What the assistant says: an ``Answer`` of ``Sentence``s, each resting on ``Citation``s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from indexers.locators import describe, locator_from_dict, locator_to_dict
from indexers.types import Hit, Locator, Media

Mode: TypeAlias = Literal["llm", "quotes"]


@dataclass(frozen=True, slots=True)
class Citation:
    """A place that a sentence rests on; ``quote`` stands there word for word."""

    number: int
    path: str
    media: Media
    locator: Locator
    quote: str

    def __str__(self) -> str:
        """The place as people read it: ``report.pdf, p. 3``."""
        return describe(self.path, self.locator)

    def to_dict(self) -> dict[str, Any]:
        """As in ``locus ask --json``."""
        return {
            "number": self.number,
            "path": self.path,
            "media": self.media,
            "locator": locator_to_dict(self.locator),
            "quote": self.quote,
        }


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of an answer, the numbers of its citations, and whether the cited text says it."""

    text: str
    supported: bool
    citations: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As in ``locus ask --json``."""
        return {"text": self.text, "supported": self.supported, "citations": list(self.citations)}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to ``question``.

    ``grounded``: every sentence is supported by what it cites. ``abstained``: the library does not seem to hold the
    answer; the citations are then the nearest passages, offered as such. ``mode``: whether a language model wrote
    sentences of it, or all of it is quoted.
    """

    question: str
    text: str
    grounded: bool
    abstained: bool
    mode: Mode
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    model: str = ""
    timings_ms: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``locus ask --json``."""
        return {
            "question": self.question,
            "text": self.text,
            "grounded": self.grounded,
            "abstained": self.abstained,
            "mode": self.mode,
            "sentences": [sentence.to_dict() for sentence in self.sentences],
            "citations": [citation.to_dict() for citation in self.citations],
            "model": self.model,
            "timings_ms": {name: round(value, 1) for name, value in self.timings_ms.items()},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Answer:
        """The inverse of ``to_dict``."""
        return cls(
            data["question"],
            data["text"],
            data["grounded"],
            data["abstained"],
            data["mode"],
            tuple(Sentence(each["text"], each["supported"], tuple(each["citations"])) for each in data["sentences"]),
            tuple(
                Citation(each["number"], each["path"], each["media"], locator_from_dict(each["locator"]), each["quote"])
                for each in data["citations"]
            ),
            data["model"],
            data["timings_ms"],
        )


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Event: the search is done; ``question`` is as completed from the conversation."""

    question: str
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Token:
    """Event: the model wrote a bit of a draft. A draft is unchecked: the answer may drop or change it."""

    text: str


@dataclass(frozen=True, slots=True)
class Answered:
    """Event, always the last: the checked answer."""

    answer: Answer


Event: TypeAlias = Retrieved | Token | Answered
