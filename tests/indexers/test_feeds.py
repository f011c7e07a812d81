import queue
from pathlib import Path

import pytest
import watchfiles

from indexers.feeds import Feed, is_remote

MOUNTS = r"""22 28 0:21 / /proc rw,nosuid shared:5 - proc proc rw
28 1 259:2 / / rw,relatime shared:1 - ext4 /dev/root rw
40 28 0:45 / /home/anna/Server rw shared:9 - cifs //server/anna rw
41 28 0:46 / /mnt/my\040photos rw - fuse.sshfs anna@host: rw
42 28 8:1 / /media/stick rw - fuse.exfat /dev/sda1 rw
43 40 8:2 / /home/anna/Server/local rw - ext4 /dev/sdb1 rw
"""


@pytest.mark.parametrize(
    ("path", "remote"),
    [
        ("/home/anna", False),
        ("/home/anna/Server", True),
        ("/home/anna/Server/deep/er", True),
        ("/home/anna/Serverless", False),
        ("/home/anna/Server/local/a", False),
        ("/mnt/my photos/2024", True),
        ("/media/stick/a", False),
    ],
)
def test_drives_of_other_machines_are_known(tmp_path: Path, path: str, remote: bool) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTS)
    assert is_remote(path, tmp_path / "mountinfo") is remote


def test_where_nothing_is_known_of_mounts_the_system_is_trusted(tmp_path: Path) -> None:
    assert not is_remote("/home", tmp_path / "absent")


def made(folder: Path, notes: list[str]) -> tuple[Feed, "queue.SimpleQueue[list[str]]"]:
    inbox: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
    return Feed(str(folder), poll=False, inbox=inbox, skips=lambda path: "skip" in path, note=notes.append), inbox


def test_changes_are_told_a_folder_that_is_gone_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexers.feeds._AWAY_S", 0.05)
    folder = tmp_path / "files"
    feed, inbox = made(folder, [])
    feed.start()
    folder.mkdir()
    assert inbox.get(timeout=30) == [str(folder)]
    (folder / "skip.txt").touch()
    (folder / "a.txt").touch()
    told: list[str] = []
    while str(folder / "a.txt") not in told:
        told += inbox.get(timeout=30)
        (folder / "a.txt").write_text("again, should watching have begun after the first")
    assert str(folder / "skip.txt") not in told
    folder.rename(tmp_path / "away")
    folder.mkdir()
    while [str(folder)] != inbox.get(timeout=30):
        pass
    feed.end()
    feed.join(30)
    assert not feed.is_alive()


def test_where_the_system_can_watch_no_more_the_folder_is_polled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    feed, inbox = made(tmp_path, notes)
    watch = watchfiles.watch

    def limited(*paths: str, force_polling: bool, **options: object) -> object:
        if not force_polling:
            raise OSError(28, "OS file watch limit reached")
        return watch(*paths, force_polling=True, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(watchfiles, "watch", limited)
    feed.start()
    inbox.get(timeout=30)
    inbox.get(timeout=30)
    assert feed.poll and "looked through again and again instead" in notes[0]
    feed.end()
    feed.join(30)
    assert not feed.is_alive()
