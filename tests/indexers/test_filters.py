"""Which documents pass a filter by their days: the day that one bears, else that on which its file was changed."""

import json
import sqlite3
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexers.catalog import Catalog, Content
from indexers.filters import EVERYTHING, Days, Filter
from indexers.types import Status

DATABASE = sqlite3.connect(":memory:")


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    made = Catalog(tmp_path / "catalog.sqlite")
    yield made
    made.close()


def put(catalog: Catalog, path: str, bears: str = "", changed: datetime | None = None) -> int:
    metadata = (("author", "Anna"), *((("date", bears),) if bears else ()))
    with catalog.transaction():
        content = catalog.add_content(Content(f"hash-{path}", "text", "text", Status.INDEXED, metadata=metadata))
        mtime_ns = int((changed or datetime(2020, 1, 1)).timestamp() * 1e9)
        catalog.set_file(path, content, 1, mtime_ns)
    return content


def passes(catalog: Catalog, since: str = "", until: str = "") -> list[str]:
    days = Days(*(date.fromisoformat(day) if day else None for day in (since, until)))
    contents = catalog.contents_matching(days=days).tolist()
    found = [path for content in contents for path in catalog.paths_of(content, days=days)]
    assert len(found) == len(contents), "both say the same"
    return sorted(found)


BEARS = ["2024", "2024-05", "2024-05-17", "2024-05-17T23:30:00+02:00", "2024-05-17 08:00"]


@pytest.mark.parametrize("bears", BEARS)
def test_a_day_that_a_document_bears_counts_with_both_bounds(catalog: Catalog, bears: str) -> None:
    put(catalog, "/a", bears)
    for since, until in [
        ("2024-05-17", "2024-05-17"), ("2024-05-17", ""), ("", "2024-05-17"), ("2024-01-01", "2024-12-31"), ("", ""),
    ]:  # fmt: skip
        assert passes(catalog, since, until) == ["/a"], (since, until)
    for since, until in [("2025-01-01", ""), ("", "2023-12-31"), ("2019-12-31", "2020-01-02")]:
        assert passes(catalog, since, until) == [], (since, until)


def test_a_day_is_exact_and_a_month_or_a_year_is_each_of_its_days(catalog: Catalog) -> None:
    for bears in ("2024", "2024-05", "2024-05-17"):
        put(catalog, f"/{bears}", bears)
    assert passes(catalog, "2024-05-18", "2024-05-18") == ["/2024", "/2024-05"]
    assert passes(catalog, "2024-06-01", "2024-12-31") == ["/2024"]
    assert passes(catalog, "2024-04-30", "2024-05-01") == ["/2024", "/2024-05"]
    assert passes(catalog, "2024-05-31") == ["/2024", "/2024-05"]


@pytest.mark.parametrize("bears", ["", "12 March 2024", "May 2024", "2024-5-7", "20240517", "202", "?", "'", "2024-ab"])
def test_what_bears_no_day_counts_by_when_it_was_changed(catalog: Catalog, bears: str) -> None:
    put(catalog, "/a", bears, datetime(2023, 3, 4, 12))
    assert passes(catalog, "2023-03-04", "2023-03-04") == ["/a"]
    assert passes(catalog, "2023-03-05") == passes(catalog, "", "2023-03-03") == passes(catalog, "2024-01-01") == []


def test_a_day_begins_and_ends_at_midnight_here(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        put(catalog, "/first", changed=datetime(2023, 3, 4))
        put(catalog, "/last", changed=datetime(2023, 3, 4, 23, 59, 59, 999_000))
        put(catalog, "/next", changed=datetime(2023, 3, 5))
        put(catalog, "/before", changed=datetime(2023, 3, 3, 23, 59, 59, 999_000))
        assert passes(catalog, "2023-03-04", "2023-03-04") == ["/first", "/last"]
        # The clocks were put back on the second of April.
        put(catalog, "/long", changed=datetime(2023, 4, 2, 23, 30))
        assert passes(catalog, "2023-04-02", "2023-04-02") == ["/long"]
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_bounds_of_time_do_no_harm(catalog: Catalog) -> None:
    put(catalog, "/a", "2024-05-17")
    put(catalog, "/b", changed=datetime(2023, 3, 4))
    assert passes(catalog, "0001-01-01", "9999-12-31") == passes(catalog) == ["/a", "/b"]
    assert passes(catalog, "2262-01-02") == passes(catalog, "9999-12-31") == passes(catalog, "", "0001-01-01") == []


def test_copies_of_one_content_each_count_by_their_own_time(catalog: Catalog) -> None:
    content = put(catalog, "/old", changed=datetime(2020, 1, 1, 12))
    with catalog.transaction():
        catalog.set_file("/new", content, 1, int(datetime(2024, 1, 1, 12).timestamp() * 1e9))
    assert catalog.paths_of(content, days=Days(date(2024, 1, 1), None)) == ["/new"]
    assert catalog.paths_of(content, days=Days(None, date(2023, 1, 1))) == ["/old"]


def test_days_go_with_other_filters(catalog: Catalog) -> None:
    put(catalog, "/a/x", "2024-05-17")
    put(catalog, "/b/x", "2024-05-17")
    days = Days(date(2024, 5, 1), date(2024, 5, 31))
    assert len(catalog.contents_matching(media=["text"], under="/a", days=days)) == 1
    assert len(catalog.contents_matching(media=["image"], under="/a", days=days)) == 0


def test_what_a_filter_leaves_open() -> None:
    assert EVERYTHING.is_open and not Filter(media=frozenset()).is_open and not Filter(days=Days()).is_open


def test_the_days_of_documents(catalog: Catalog) -> None:
    changed = datetime(2023, 3, 4, 12)
    for path, bears in (("/a", "2024-05-17T10:00:00"), ("/b", "2024"), ("/c", "in May"), ("/d", "")):
        put(catalog, path, bears, changed)
    nanoseconds = int(changed.timestamp() * 1e9)
    days = {"/a": "2024-05-17", "/b": "2024", "/c": "", "/d": ""}
    assert catalog.days_of(["/a", "/b", "/c", "/d", "/none"]) == {
        path: (day, nanoseconds) for path, day in days.items()
    }
    assert catalog.days_of([]) == {}


@given(
    st.dates(date(1971, 1, 2), date(2100, 1, 1)), st.integers(-40, 40), st.integers(0, 60), st.sampled_from([4, 7, 10])
)
def test_a_document_passes_if_any_of_its_days_does(day: date, offset: int, length: int, shown: int) -> None:
    since = day + timedelta(days=offset)
    bears = day.isoformat()[:shown]
    wanted = [since + timedelta(days=more) for more in range(length + 1)]
    clause, values = Filter(days=Days(wanted[0], wanted[-1])).clause()
    question = f"SELECT 1 FROM (SELECT 0 AS mtime_ns) f, (SELECT ? AS metadata) c WHERE {clause}"
    rows = DATABASE.execute(question, (json.dumps({"date": bears}), *values)).fetchall()
    assert bool(rows) == any(each.isoformat().startswith(bears) for each in wanted)
