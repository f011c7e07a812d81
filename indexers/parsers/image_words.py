"""What people wrote about one picture, gathered from wherever it stands and laid out once.

EXIF, IPTC, XMP and a caption file usually say the same, and cameras and programs fill the places meant for captions
with their own names: here repetitions and such boilerplate are left out. Knows neither files nor formats of metadata.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import PurePath
from urllib.parse import unquote

from indexers.ledger import Way
from indexers.types import Block, Piece, WholeLocator

MAX_CHARS = 20_000
"""Of one caption; what is longer is no caption."""

_MAX_CAPTIONS = 50
_MAX_VALUES = 1000
_LONGEST_NAME = 255

# Ranks of dates, the most telling first: up to ``TAKEN`` they say when the picture was made.
ORIGINAL, TAKEN, CREATED, BY_NAME, CHANGED = range(5)

_MONTHS = "January February March April May June July August September October November December".split()
_DATE = re.compile(
    r"(?P<year>\d{4})(?:[:/.-](?P<month>\d\d)(?:[:/.-](?P<day>\d\d)"
    r"(?:[T ](?P<time>\d\d:\d\d(?::\d\d)?)(?:\.\d+)?\s?(?P<zone>Z|[+-]\d\d:?\d\d)?)?)?)?(?!\d)"
)
_COMPACT_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)")
_DATE_IN_NAME = re.compile(r"(?<!\d)((?:19|20)\d\d)([-_.]?)([01]\d)\2([0-3]\d)(?!\d)")

# The names that cameras, phones and messengers number their pictures with.
_CAMERA_NAME = re.compile(
    r"(?>_?(?:[A-Z][A-Z0-9]{0,4}|img|dsc|pict?|photo|image|scan)[-_ ]?[A-Z]?\d{3,}+"
    r"(?:[-_~]?(?:\d++|WA\d++|[A-Z]{1,6}+))*+(?:\.[A-Z]+)?(?: ?\(\d+\))?|[\d_-]++)"
)
_CAMEL = re.compile(r"(?<=[a-zß-ÿ])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BETWEEN_WORDS = re.compile(r"[\s_+~]+|\.+(?!\d)|(?<!\d)\.+|-+(?!\d)|(?<!\d)-+")

_PROGRAMS = (
    "gimp|photoshop|imagemagick|paint|inkscape|ebay|picasa|irfanview|xnview|acdsee|lightroom|ffmpeg|snagit|greenshot"
    "|canva|matplotlib|libreoffice|gd-jpeg|jpegmini|krita|darktable|digikam|snipping tool|sharex|corel|fireworks"
)
_BOILERPLATE = re.compile(
    r"(?:olympus|(?:konica )?minolta|samsung|pentax|kodak|casio|fuji(?:film)?|panasonic|motorola|nikon|canon)?"
    r" ?(?:digital|still|digital still)? ?camera(?: pictures)?"
    r"|sony dsc|samsung|dcim[\\/]?\S*|exif[_ ]jpeg\S*|(?:digital )?(?:image|photo|picture|jpeg)(?: description)?"
    r"|default|untitled\W*\d*|no ?name|unknown|none|null|undefined|n/a|ascii|\S*charset=\S+|\W*"
    r"|(?-i:[rf]?b?(?:cof|hdr\w*|sdr|dav|nor|edf|mde|ptr|btf|\w*oznor\w*))|aimera|oplus_\d+"
    r"|(?:filter|fileter\w*): ?\S.*"
    rf"|(?:created|made|edited|generated|processed|saved|exported|compressed|optimi[sz]ed)\b.*\b(?:{_PROGRAMS})\b.*"
    r"|creator: .*|file written by adobe.*|lead technologies.*|applemark\W*|intel\(r\) jpeg library.*|lav[cf][\d.]+"
    r"|pfu scansnap.*"
    r"|(?:adobe )?(?:photoshop|lightroom|gimp|picasa)(?: [\d.]+)?|\{.*\}|<.*>",
    re.IGNORECASE | re.DOTALL,
)
_NOBODY = re.compile(r"picasa|unknown|user|owner|admin(?:istrator)?|default|\W*", re.IGNORECASE)


@dataclass(slots=True)
class Written:
    """What was found so far; lists may repeat themselves, ``lay_out`` and the rest say each thing once.

    ``texts`` are whole caption files. ``machines`` are names of the camera, the scanner and the program, which some of
    them also write where a caption belongs.
    """

    name: str
    titles: list[str] = field(default_factory=list)
    captions: list[str] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)
    keywords: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    authors: list[str] = field(default_factory=list)
    rights: list[str] = field(default_factory=list)
    dates: list[tuple[int, str]] = field(default_factory=list)
    coordinates: list[tuple[float, float]] = field(default_factory=list)
    ratings: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    machines: list[str] = field(default_factory=list)

    def add_place(self, *parts: str) -> None:
        """Adds a place from the narrowest part of its name to the widest."""
        named = _once(parts)
        if named:
            self.places.append(", ".join(named))

    def add_keywords(self, text: str, separators: str = ";,") -> None:
        """Adds keywords that stand in one text; a path of them (``Places|Italy``) is each of its parts."""
        self.keywords += re.split(f"[{re.escape(separators)}|\n]", text)

    def add_coordinates(self, latitude: float, longitude: float) -> None:
        """Adds degrees, north and east positive, unless they make no sense (0, 0 is what unset receivers write)."""
        if abs(latitude) <= 90 and abs(longitude) <= 180 and (latitude or longitude):
            self.coordinates.append((latitude, longitude))

    def add_date(self, rank: int, text: str) -> None:
        """Adds a date in any of the ways in which metadata write it."""
        date = iso_date(text)
        if date:
            self.dates.append((rank, date))

    @property
    def title(self) -> str:
        """The title that somebody gave the picture, or nothing."""
        return next(iter(self._said(self.titles)), "")

    def metadata(self) -> dict[str, str]:
        """``Parsed.metadata`` of what is known."""
        found = {
            "date": min(self.dates)[1] if self.dates else "",
            "author": ", ".join(self._authors()),
            "keywords": ", ".join(self._said(self.keywords)),
            "subject": next(iter(self._said(self.subjects)), ""),
        }
        return {key: value for key, value in found.items() if value}

    def says_more_than_its_name(self) -> bool:
        """Whether anything was written about it at all."""
        return bool(self._captions() or self._facts() or self.texts)

    def lay_out(self) -> tuple[Block, ...]:
        """Blocks of the file as a whole: its name, its captions, the facts, the caption files.

        Each fact is a block of its own, so that one can be quoted without the others.
        """
        paragraphs = [[line] for line in (*self._captions(), *self._facts())]
        paragraphs += [text.split("\n") for text in self.texts]
        blocks = (_block([name_words(self.name)], "name"), *(_block(lines, "tags") for lines in paragraphs))
        return tuple(block for block in blocks if block.pieces)

    def _captions(self) -> list[str]:
        """Titles, then what is longer, without what is said within another."""
        said = self._said([*self.titles, *self.captions, *self.subjects])[:_MAX_CAPTIONS]
        words = [_bare(text) for text in (*said, *self.texts)]
        return [
            text
            for at, text in enumerate(said)
            if not any(
                words[at] in other and (words[at] != other or before < at or before >= len(said))
                for before, other in enumerate(words)
                if before != at
            )
        ]

    def _facts(self) -> list[str]:
        facts = []
        for label, values in (
            ("People", self._said(self.people)),
            ("Keywords", self._said(self.keywords)),
            ("Place", self._places()),
            ("Coordinates", [_coordinates(*self.coordinates[0])] if self.coordinates else []),
        ):
            if values:
                facts.append(f"{label}: {('; ' if label == 'Place' else ', ').join(values)}")
        if self.dates:
            rank, date = min(self.dates)
            facts.append(("Taken " if rank <= TAKEN else "Dated ") + _spoken_date(date))
        if self._authors():
            facts.append("By " + ", ".join(self._authors()))
        authors = _plain(" ".join(self.authors))
        facts += [f"Rights: {text[:300]}" for text in self._said(self.rights)[:1] if _plain(text) not in authors]
        facts += [f"Rated {rating} of 5 stars" for rating in self.ratings[:1]]
        return facts

    def _places(self) -> list[str]:
        """Places without those that a fuller name says as well."""
        places = self._said(self.places)[:_MAX_CAPTIONS]
        return [one for one in places if not any(one != other and _bare(one) in _bare(other) for other in places)]

    def _authors(self) -> list[str]:
        return [author for author in self._said(self.authors) if not _NOBODY.fullmatch(author)]

    def _said(self, texts: Iterable[str]) -> list[str]:
        """``texts`` that people wrote: once each, without boilerplate and the file's own name."""
        own = {_plain(self.name), _plain(PurePath(self.name).stem), *map(_plain, self.machines)}
        return [
            text
            for text in _once(texts)
            if not _BOILERPLATE.fullmatch(text[:_LONGEST_NAME])
            and _plain(text) not in own
            and not _CAMERA_NAME.fullmatch(re.sub(r"\.\w{3,4}$", "", text[:_LONGEST_NAME]))
        ][:_MAX_VALUES]


def name_words(name: str) -> str:
    """The words of a picture's file name; a name that a camera gave stays as it is.

    >>> name_words("old-mill_atSunset.jpg"), name_words("IMG_2034.JPG"), name_words("IMG_2034 with Anna.jpg")
    ('old mill at Sunset', 'IMG_2034', 'IMG_2034 with Anna')
    """
    stem = PurePath(name).stem
    if _CAMERA_NAME.fullmatch(stem):
        return stem
    number = re.match(rf"(?:{_CAMERA_NAME.pattern})(?=[\s_-])", stem)
    given = number.group() if number and re.search("[A-Za-z]", number.group()) else ""
    rest = unquote(stem[len(given) :], errors="ignore")
    words = " ".join(_BETWEEN_WORDS.sub(" ", _CAMEL.sub(" ", rest)).split())
    return f"{given} {words}".strip() or stem


def date_in_name(name: str) -> str:
    """The ISO date that a file's name holds, or nothing.

    >>> date_in_name("PXL_20210714_151617.jpg"), date_in_name("12345678.jpg")
    ('2021-07-14', '')
    """
    match = _DATE_IN_NAME.search(PurePath(name).stem)
    return iso_date("-".join(match.group(1, 3, 4))) if match else ""


def iso_date(text: str) -> str:
    """ISO 8601 of a date as EXIF, IPTC, XMP or a mail header writes it, as far as it is given; nothing if it is none.

    >>> iso_date("2019:07:14 15:03:22"), iso_date("20190714"), iso_date("2019-07"), iso_date("0000:00:00 00:00:00")
    ('2019-07-14T15:03:22', '2019-07-14', '2019-07', '')
    """
    text = text.strip()
    compact = _COMPACT_DATE.match(text)
    if compact and not text[8:9].isdigit():
        text = "-".join(compact.groups())
    match = _DATE.match(text)
    try:
        if match is None:
            return parsedate_to_datetime(text).isoformat()
        year, month, day, time = match.group("year", "month", "day", "time")
        datetime(int(year), int(month or 1), int(day or 1), tzinfo=UTC)
        if int(year) < 1000 or (len(text) > 4 and not month):
            return ""
        if time:
            datetime.strptime(time[:5], "%H:%M").replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""
    date = "-".join(part for part in (year, month, day) if part)
    return f"{date}T{time}{match['zone'] or ''}" if time else date


def _spoken_date(date: str) -> str:
    """The date as people say it: "on 14 July 2019 at 15:03", "in July 2019"."""
    year, month, day = date[:4], date[5:7], date[8:10]
    if not month:
        return f"in {year}"
    if not day:
        return f"in {_MONTHS[int(month) - 1]} {year}"
    at = f" at {date[11:16]}" if len(date) > 10 else ""
    return f"on {int(day)} {_MONTHS[int(month) - 1]} {year}{at}"


def _coordinates(latitude: float, longitude: float) -> str:
    north, east = "N" if latitude >= 0 else "S", "E" if longitude >= 0 else "W"
    return f"{abs(latitude):.4f}° {north}, {abs(longitude):.4f}° {east}"


def _once(texts: Iterable[str]) -> list[str]:
    """Texts tidied, each once, whatever their case."""
    found: dict[str, str] = {}
    for text in texts:
        tidy = "\n".join(" ".join(line.split()) for line in text[:MAX_CHARS].replace("\0", " ").strip().split("\n"))
        if tidy:
            found.setdefault(_plain(tidy), tidy)
    return list(found.values())


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _bare(text: str) -> str:
    """The words alone, so that one text can be looked for in another: no punctuation, no case, a space around each."""
    words = " ".join(re.findall(r"\w+", text.casefold()))
    return f" {words} "


def _block(lines: Sequence[str], way: Way) -> Block:
    return Block(tuple(Piece(line.rstrip(), WholeLocator()) for line in lines if line.strip()), way=way)
