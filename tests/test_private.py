"""Adding, searching and asking open no connection and ask no name server."""

import socket
from pathlib import Path

import pytest

from assistant import Assistant


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The doors to the network; each is shut and notes who knocks."""
    knocked: list[str] = []

    def shut(name: str) -> None:
        def refuse(*arguments: object, **_options: object) -> None:
            knocked.append(f"{name}{arguments[-1:]}")
            raise OSError(f"{name} in a test without network")

        monkeypatch.setattr(socket.socket if name.startswith("connect") or name == "sendto" else socket, name, refuse)

    for name in ("connect", "connect_ex", "sendto", "getaddrinfo", "create_connection"):
        shut(name)
    return knocked


def test_the_doors_are_shut(calls: list[str]) -> None:
    with pytest.raises(OSError, match="without network"):
        socket.create_connection(("127.0.0.1", 9))
    with pytest.raises(OSError, match="without network"), socket.socket() as one:
        one.connect(("127.0.0.1", 9))
    assert len(calls) == 2


def test_nothing_is_sent_anywhere(calls: list[str], tmp_path: Path) -> None:
    file = tmp_path / "lease.txt"
    file.write_text("The lease of the boathouse ends on 3 May 2031.")
    with Assistant(tmp_path / "library") as locus:
        locus.add([file])
        assert locus.search("boathouse")
        assert "3 May 2031" in locus.ask("When does the lease of the boathouse end?").text
        locus.models()
        locus.status()
    assert calls == []
