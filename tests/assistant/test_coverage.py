"""Ledgers in words."""

import pytest

from assistant.coverage import amount, in_full, in_short
from indexers.ledger import UNKNOWN, Ledger, Share


@pytest.mark.parametrize(
    ("ledger", "said"),
    [
        (UNKNOWN, ""),
        (Ledger(skipped=("needs a password",)), ""),
        (Ledger("pages", 14, (Share("text", 12, 900), Share("ocr", 2, 80)), 14), "14 pages, 2 by OCR"),
        (
            Ledger("pages", 14, (Share("text", 9, 900), Share("ocr", 2, 80)), 11, 1, 2),
            "12 of 14 pages, 2 by OCR, 1 blank",
        ),
        (Ledger("pages", 1, (Share("text", 1, 9),), 1), "1 page"),
        (Ledger("pages", None, (Share("text", 3, 9),), 3), "3 pages"),
        (Ledger("slides", 9, (Share("text", 8, 9), Share("sight", 4, 0)), 8, 0, 1), "8 of 9 slides"),
        (Ledger("lines", 1234, (Share("text", 1200, 9000),), 1200, 34), "1,234 lines"),
        (Ledger("sections", None, (Share("text", 1, 1031),), 1), "1,031 characters"),
        (Ledger("sections", None, (Share("text", 8, 1031), Share("ocr", 1, 9)), 8), "8 sections, 1 by OCR"),
        (Ledger("seconds", 1800.0, (Share("speech", 1450.0, 9),), 1450.0, 350.0), "30:00, 24:10 by speech"),
        (Ledger("seconds", 61.5, (Share("name", 0, 9),), 0, 0, 61.5), "0:00 of 1:01"),
        (Ledger("seconds", 60.0, (Share("subtitles", 0, 99), Share("name", 0, 9))), "1:00"),
        (
            Ledger("pictures", 1, (Share("ocr", 1, 9), Share("tags", 1, 9), Share("name", 1, 9)), 1),
            "by OCR, captions and tags",
        ),
        (Ledger("pictures", 1, (Share("name", 1, 9),), 0, 0, 1), "by its name only"),
    ],
)
def test_a_ledger_in_short(ledger: Ledger, said: str) -> None:
    assert in_short(ledger) == said


def test_a_ledger_in_full() -> None:
    read = (Share("text", 9, 9000), Share("ocr", 2, 1), Share("sight", 3, 0))
    ledger = Ledger("pages", 14, read, 11, 1, 2, ("can not read page 3", "1 attachment could not be read"))
    assert in_full(ledger) == [
        ("holds", "14 pages"),
        ("by text layer", "9 pages, 9,000 characters"),
        ("by OCR", "2 pages, 1 character"),
        ("by image model", "3 pages"),
        ("blank", "1 page"),
        ("not read", "2 pages"),
        ("kept", "9,001 characters"),
        ("left out", "can not read page 3"),
        ("", "1 attachment could not be read"),
    ]
    assert in_full(UNKNOWN) == []


def test_silence_is_told_in_full() -> None:
    ledger = Ledger("seconds", 100.0, (Share("speech", 60.0, 500), Share("tags", 0, 20)), 60.0, 40.0)
    assert ("silent", "0:40") in in_full(ledger) and ("by captions and tags", "20 characters") in in_full(ledger)


def test_amounts_have_their_unit() -> None:
    assert (amount(1, "lines"), amount(2, "sheets"), amount(3724, "seconds")) == ("1 line", "2 sheets", "1:02:04")
