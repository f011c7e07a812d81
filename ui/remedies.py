"""What a person can do about a file that could not be read, in a sentence. Pure."""

from __future__ import annotations

from indexers.types import Status

_WAYS = {
    Status.ENCRYPTED: "Save a copy that opens without a password or key, and add that.",
    Status.UNSUPPORTED: "What another program can save as PDF or text can be added so.",
    Status.FAILED: "If its own program opens it, save it anew there; then have it read again in the Library tab.",
}


def way_out(status: Status) -> str:
    """What helps where a file has this status; "" where nothing has to be done, or nothing can.

    >>> way_out(Status.INDEXED), way_out(Status.ENCRYPTED)
    ('', 'Save a copy that opens without a password or key, and add that.')
    """
    return _WAYS.get(status, "")
