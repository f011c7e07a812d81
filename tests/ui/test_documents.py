"""The addresses of documents: ranges, kinds, names, and that nothing but the library's documents is given."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from assistant import Assistant
from ui import documents, links
from ui.documents import TYPES, byte_range, disposition

DATA = Path(__file__).parents[2] / "data" / "library"
TALK = DATA / "talk-on-the-wheel.mp3"


def client_of(locus: Assistant) -> TestClient:
    web = FastAPI()
    web.include_router(documents.routes(locus), prefix="/documents")
    return TestClient(web, raise_server_exceptions=True)


@pytest.fixture
def client(sample: Assistant) -> Iterator[TestClient]:
    with client_of(sample) as client:
        yield client


def address(locus: Assistant, name: str, rest: str = "original") -> str:
    return f"/documents/{locus.ids([DATA / name])[str(DATA / name)]}/{rest}"


def test_the_whole_file_is_given(client: TestClient, sample: Assistant) -> None:
    answer = client.get(address(sample, TALK.name))
    assert answer.status_code == 200 and answer.content == TALK.read_bytes()
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-length"] == str(TALK.stat().st_size)


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-", slice(0, None)),
        ("bytes=0-0", slice(0, 1)),
        ("bytes=5-", slice(5, None)),
        ("bytes=5-9", slice(5, 10)),
        ("bytes=-5", slice(-5, None)),
        ("bytes=-99999999", slice(0, None)),
        ("bytes=300000-99999999", slice(300_000, None)),
        ("bytes=262000-262300", slice(262_000, 262_301)),
    ],
)
def test_a_range_is_given(client: TestClient, sample: Assistant, asked: str, part: slice) -> None:
    data = TALK.read_bytes()
    answer = client.get(address(sample, TALK.name), headers={"Range": asked})
    first, stop, _ = part.indices(len(data))
    assert answer.status_code == 206 and answer.content == data[part]
    assert answer.headers["content-range"] == f"bytes {first}-{stop - 1}/{len(data)}"
    assert answer.headers["content-length"] == str(stop - first)


@pytest.mark.parametrize("asked", ["bytes=999999999-", "bytes=-0", f"bytes={TALK.stat().st_size}-"])
def test_a_range_beyond_the_end_is_refused(client: TestClient, sample: Assistant, asked: str) -> None:
    answer = client.get(address(sample, TALK.name), headers={"Range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{TALK.stat().st_size}"
    assert answer.text.count("\n") == 1


@pytest.mark.parametrize(
    "asked", ["", "bytes", "bytes=-", "bytes=9-5", "bytes=a-b", "lines=0-1", "bytes=0-1,4-5", "bytes=٣-"]
)
def test_what_is_no_range_is_ignored(client: TestClient, sample: Assistant, asked: str) -> None:
    answer = client.get(address(sample, TALK.name), headers={"Range": asked.encode()})
    assert answer.status_code == 200 and len(answer.content) == TALK.stat().st_size


def test_a_range_of_another_version_is_not_mixed_with_this_one(client: TestClient, sample: Assistant) -> None:
    where = address(sample, TALK.name)
    mark = client.head(where).headers["etag"]
    assert client.get(where, headers={"Range": "bytes=0-4", "If-Range": mark}).status_code == 206
    for other in ('"1-2"', "Wed, 21 Oct 2015 07:28:00 GMT"):
        assert client.get(where, headers={"Range": "bytes=0-4", "If-Range": other}).status_code == 200


def test_the_head_alone_is_given(client: TestClient, sample: Assistant) -> None:
    answer = client.head(address(sample, TALK.name), headers={"Range": "bytes=10-19"})
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (206, b"", "10")


@given(st.text(max_size=30), st.integers(0, 2**40))
def test_a_range_lies_within_the_file(header: str, size: int) -> None:
    for asked in (header, f"bytes={header}"):
        try:
            found = byte_range(asked, size)
        except ValueError:
            continue
        if found is not None:
            assert 0 <= found[0] <= found[1] < size


@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 200))
def test_a_range_is_what_python_would_cut(first: int, last: int, size: int) -> None:
    data = bytes(range(200))[:size]
    if first <= last and first < size:
        found = byte_range(f"bytes={first}-{last}", size)
        assert found is not None and data[found[0] : found[1] + 1] == data[first : last + 1]


@pytest.mark.parametrize(
    "name", ["heritage-register.html", "wheel_power.py", "flour-test-results.eml", "mill-diary.md"]
)
def test_what_could_hold_a_script_is_sent_as_plain_text(client: TestClient, sample: Assistant, name: str) -> None:
    headers = client.get(address(sample, name)).headers
    assert headers["content-type"] == "text/plain; charset=utf-8"
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"


def test_what_browsers_do_not_show_is_saved(client: TestClient, sample: Assistant) -> None:
    headers = client.get(address(sample, "mill-money.xlsx")).headers
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith('attachment; filename="mill-money.xlsx"')


def test_no_kind_that_runs_is_ever_sent() -> None:
    assert not {kind for kind in TYPES.values() if "html" in kind or "svg" in kind or "xml" in kind or "script" in kind}


def test_all_answers_are_inert(client: TestClient, sample: Assistant) -> None:
    whats = ["original", "thumbnail", "page/1", "captions.vtt"]
    for where in [*(address(sample, "sluice-repair.mp4", what) for what in whats), "/documents/0/original"]:
        headers = client.get(where).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "private, no-store"
        assert headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    "where",
    [
        "0/original",
        "999999/original",
        "-1/original",
        "1e3/original",
        "²/original",
        "99999999999999999999999999/original",
        "etc/original",
        "%2e%2e/original",
        "..%2f..%2fetc%2fpasswd/original",
        "../../etc/passwd",
        "1/../../../etc/passwd",
        "1/%2e%2e/%2e%2e/etc/passwd",
        "1/original/../../../etc/passwd",
        "1/page/x",
        "1/page/-1",
        "0/thumbnail",
        "0/captions.vtt",
    ],
)
def test_nothing_else_is_given(client: TestClient, where: str) -> None:
    answer = client.get(f"/documents/{where}")
    assert answer.status_code == 404
    assert "root:" not in answer.text


def test_a_document_inside_another_is_refused_in_one_line(client: TestClient, sample: Assistant) -> None:
    answer = client.get(address(sample, "flour-test-results.eml!/flour-tests.csv"))
    assert answer.status_code == 409
    assert answer.text == "flour-tests.csv is inside flour-test-results.eml: open that file.\n"


def test_a_file_that_was_changed_or_is_gone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "Wühl <b>.txt"
    path.write_text("The heron stands at the weir.")
    with Assistant(tmp_path / "library", llm="none") as locus, client_of(locus) as client:
        locus.add(path)
        where = f"/documents/{locus.ids([path])[str(path)]}/original"
        answer = client.get(where)
        assert answer.text == "The heron stands at the weir."
        assert answer.headers["content-disposition"].endswith("filename*=UTF-8''W%C3%BChl%20%3Cb%3E.txt")
        path.write_text("The heron has left the weir.")
        assert client.get(where).status_code == 409 and "has changed" in client.get(where).text
        path.unlink()
        assert client.get(where).status_code == 409 and "no longer" in client.get(where).text
        locus.remove([path])
        assert client.get(where).status_code == 404


def test_pictures_are_given(client: TestClient, sample: Assistant) -> None:
    for where in (
        address(sample, "water-lease.pdf", "page/2?width=300"),
        address(sample, "red-bicycle.jpg", "thumbnail"),
        address(sample, "sluice-repair.mp4", "thumbnail?second=12.5&width=200"),
        address(sample, "sluice-repair.mp4", "thumbnail?second=junk&width=-5"),
    ):
        answer = client.get(where)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
        assert answer.content.startswith(b"\xff\xd8\xff")
    answer = client.get(address(sample, "water-lease.pdf", "page/6"))
    assert (answer.status_code, answer.text) == (404, "there is no page 6: it has 5\n")
    assert client.get(address(sample, "mill-diary.md", "thumbnail")).status_code == 404


def test_what_is_said_is_given_as_captions(client: TestClient, sample: Assistant) -> None:
    answer = client.get(address(sample, TALK.name, "captions.vtt"))
    assert answer.headers["content-type"] == "text/vtt; charset=utf-8"
    assert answer.text.startswith("WEBVTT\n")
    assert "00:00:19.997 --> 00:00:25.673\nIf the wheel went faster" in answer.text


@given(st.text(max_size=40))
def test_a_name_stays_in_its_header(name: str) -> None:
    made = disposition(name, save=True)
    assert made.isascii() and made.isprintable()
    assert made.startswith('attachment; filename="') and made.count('"') == 2


def test_links_are_those_that_are_answered(client: TestClient, sample: Assistant) -> None:
    id = sample.ids([DATA / "sluice-repair.mp4"])[str(DATA / "sluice-repair.mp4")]
    for where in (
        links.original(id),
        links.captions(id),
        links.picture(id, 100),
        links.still(id, 3.21, 100),
    ):
        assert client.get(f"/{where}").status_code == 200
