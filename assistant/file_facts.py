"""What is told of one file in full, as names and values for people; and sizes and moments in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from assistant.coverage import in_full
from assistant.file_details import FileDetails


def facts(found: FileDetails) -> Iterator[tuple[str, str]]:
    """Names and values, one after the other; a name may be "" where its value goes on with the one before.

    What a file waits for, and the documents inside it, are left to whoever shows them.
    """
    document = found.document
    yield "status", f"{document.status.value}{': ' if document.reason else ''}{document.reason}"
    yield "title", document.title
    kind = document.media if found.format in ("unknown", document.media) else f"{document.media} ({found.format})"
    yield "kind", kind
    for name, value in found.metadata.items():
        yield name.removesuffix("_s"), f"{value} s" if name.endswith("_s") else value
    if found.size is not None:
        yield "size", size(found.size)
    if found.modified is not None:
        yield "changed", moment(found.modified)
    if not found.is_there:
        yield "on the disk", "it is no longer there"
    if found.attempts or found.tried_at:
        last = f"last {moment(found.tried_at)}" if found.tried_at else ""
        yield "attempts", ", ".join(filter(None, [str(found.attempts), last]))
    if found.parent:
        yield "inside of", found.parent
    if found.beside:
        yield "read with", ", ".join(found.beside)
    yield from in_full(found.ledger)
    yield "passages", f"{found.document.chunks:,}"
    for space, vectors in found.spaces.items():
        yield "vectors", f"{vectors:,} in {space}"


def moment(when: datetime) -> str:
    """A moment, in the time of this machine, to the minute."""
    return f"{when.astimezone():%Y-%m-%d %H:%M}"


def size(amount: int) -> str:
    """Bytes in words.

    >>> size(0), size(1), size(34_567), size(3_456_789)
    ('0 bytes', '1 byte', '34.6 kB', '3.5 MB')
    """
    if amount < 1000:
        return "1 byte" if amount == 1 else f"{amount} bytes"
    number, unit = next(
        (amount / 10**power, name) for power, name in ((9, "GB"), (6, "MB"), (3, "kB")) if amount >= 10**power
    )
    return f"{number:,.1f} {unit}"
