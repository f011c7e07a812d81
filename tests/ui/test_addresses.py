"""Where the page is served, and by which names it may be asked for."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexers.errors import UsageError
from ui.addresses import PORT, Address, _address, _resolved, listen


@contextmanager
def listening(host: str, port: int | None = 0, *, has_password: bool = True) -> Iterator[Address]:
    bound, address = listen(host, port, has_password=has_password)
    try:
        yield address
    finally:
        bound.close()


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_this_machine_is_served_by_its_names_alone(host: str) -> None:
    with listening(host, has_password=False) as address:
        port = address.port
        assert address.is_loopback
        assert address.url.startswith("http://127.0.0.")
        for name in ("127.0.0.1", "localhost", "LOCALHOST", "[::1]"):
            assert address.serves(f"{name}:{port}")
        for name in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "192.168.1.2", "::1", ""):
            assert not address.serves(f"{name}:{port}")
        assert not address.serves("127.0.0.1")
        assert not address.serves(f"127.0.0.1:{port + 1}")
        assert not address.serves(f"127.0.0.1:{port}:{port}")
        assert not address.serves(f"me@127.0.0.1:{port}")


def test_the_sixth_version_is_written_in_brackets() -> None:
    # Not bound: a machine need not have it.
    assert _resolved("[::1]") == _resolved("::1") == (socket.AF_INET6, "::1")
    address = _address("::1", "::1", 7860, is_loopback=True)
    assert address.url == "http://[::1]:7860/"
    assert address.serves("[::1]:7860")
    assert not address.serves("::1:7860")
    outside = _address("fe80::1", "fe80::1", 7860, is_loopback=False)
    assert outside.serves("[fe80::1]:7860")
    assert not outside.serves("127.0.0.1:7860")


def test_a_name_that_was_asked_for_is_served() -> None:
    address = _address("Box.lan", "192.168.1.2", 7860, is_loopback=False)
    assert [address.serves(f"{name}:7860") for name in ("box.lan", "192.168.1.2", "192.168.1.3", "localhost")] == [
        True,
        True,
        False,
        False,
    ]


def test_every_address_of_the_machine_is_served_by_numbers_and_its_own_name() -> None:
    with listening("0.0.0.0") as address:
        port = address.port
        assert not address.is_loopback
        for name in ("192.168.1.2", "127.0.0.1", "[fe80::1]", socket.gethostname()):
            assert address.serves(f"{name}:{port}")
        for name in ("evil.example", "192.168.1.2.evil.example", "fe80::1"):
            assert not address.serves(f"{name}:{port}")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_other_machines_are_served_only_with_a_password(host: str) -> None:
    with pytest.raises(UsageError, match="without a password") as told:
        listen(host, 0, has_password=False)
    assert "--password" in str(told.value)


def test_an_address_of_another_machine_can_not_be_served() -> None:
    with pytest.raises(UsageError, match=r"192\.0\.2\.1 is no address of this machine"):
        listen("192.0.2.1", 0, has_password=True)


@pytest.mark.parametrize("host", ["", " ", "[]", "no host", "x" * 300, "a..b", "-", "127.0.0.1:80", "http://localhost"])
def test_what_is_no_host_is_told_in_a_line(host: str) -> None:
    with pytest.raises(UsageError) as told:
        listen(host, 0, has_password=True)
    assert "leave out --host" in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("port", [-1, 65536])
def test_what_is_no_port_is_told(port: int) -> None:
    with pytest.raises(UsageError, match=f"there is no port {port}"):
        listen("127.0.0.1", port, has_password=False)


def test_a_port_that_is_taken_is_told(taken: int) -> None:
    with pytest.raises(UsageError, match=f"port {taken} of 127.0.0.1 is taken; name another"):
        listen("127.0.0.1", taken, has_password=False)


def test_without_a_port_the_next_free_one_is_taken() -> None:
    with listening("127.0.0.1", None) as first, listening("127.0.0.1", None) as second:
        assert first.port >= PORT
        assert second.port != first.port


@given(st.text(max_size=30))
def test_no_text_is_taken_for_a_name(text: str) -> None:
    address = Address("127.0.0.1", 7860, frozenset({"127.0.0.1", "localhost", "[::1]"}))
    assert address.serves(text) == (text.lower() in {f"{name}:7860" for name in address.names})
