"""The ledger of a file: how much of it was read, by which way, how much holds nothing, and what was left out and why.

Plain data and its JSON. How it is drawn up from what parsers, decoders and models gave is in ``accounts``; here is
only what the words mean. It knows nothing else, so that the data model can hold it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast, get_args

Unit: TypeAlias = Literal["pages", "slides", "sheets", "sections", "lines", "seconds", "pictures"]
"""What a file is counted in."""

Way: TypeAlias = Literal["text", "subtitles", "speech", "ocr", "tags", "sight", "name"]
"""How something was read: the file's own text, subtitles or a transcript, a speech model, text recognition, captions
and tags that people wrote, the image model, the file's name."""
WAYS: tuple[Way, ...] = get_args(Way)


@dataclass(frozen=True, slots=True)
class Share:
    """What one way gave: of how much of the file (0 where it speaks of the file as a whole), in how many characters."""

    way: Way
    amount: float
    characters: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """How well one file was read. All amounts are in ``unit``, seconds to a tenth, all others whole numbers.

    Args:
        unit: what it is counted in; None where nothing of it was read.
        total: how much there is; None where nobody knows.
        read: what each way gave. Two ways may have read the same page.
        covered: what was read by any way, each page or second counted once. Of a recording only what is said or
            written in it counts, of a picture what is written on it or seen.
        empty: what was looked at or listened to and holds nothing: blank pages, silence.
        unread: what is there and was not read: damaged, or waiting for a model.
        skipped: what was left out and why, each one clause.
    """

    unit: Unit | None = None
    total: float | None = None
    read: tuple[Share, ...] = ()
    covered: float = 0
    empty: float = 0
    unread: float = 0
    skipped: tuple[str, ...] = ()

    @property
    def characters(self) -> int:
        """How many characters of it are kept."""
        return sum(share.characters for share in self.read)

    def to_dict(self) -> dict[str, Any]:
        """As JSON; ``read`` by way."""
        return {
            "unit": self.unit,
            "total": self.total,
            "read": {share.way: {"amount": share.amount, "characters": share.characters} for share in self.read},
            "covered": self.covered,
            "empty": self.empty,
            "unread": self.unread,
            "characters": self.characters,
            "skipped": list(self.skipped),
        }

    def to_json(self) -> str:
        """What the catalog stores."""
        return json.dumps(self.to_dict(), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Ledger:
        """The inverse of ``to_json``; an empty ledger for a file that was read before there were any ("{}")."""
        data: Mapping[str, Any] = json.loads(text)
        if not data:
            return UNKNOWN
        read = tuple(
            Share(way, data["read"][way]["amount"], data["read"][way]["characters"])
            for way in WAYS
            if way in data["read"]
        )
        amounts = (data["covered"], data["empty"], data["unread"])
        return cls(cast("Unit | None", data["unit"]), data["total"], read, *amounts, tuple(data["skipped"]))


UNKNOWN = Ledger()
"""Of a file that was read before there were ledgers."""
