"""What the system tells of changes below a folder, as paths, from a thread of its own.

Where the system tells nothing (network drives) or can watch no more folders, the folder is looked through again and
again instead. A folder that goes away is waited for. What is told is a hint, never the truth: events are lost when
very many come at once, and ``watch`` looks at the disk itself.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import watchfiles

from indexers.walk import identity

_LOOK_UP_MS = 500
"""How often it is looked up whether the folder is still there and somebody still listens."""
_POLL_MS = 2_000
_AWAY_S = 2.0
"""How often a folder that is away is looked for."""
_MANY = 1_000
"""So many changes at once, and some may have been lost."""
_REMOTE = frozenset(
    "nfs nfs4 cifs smb3 smbfs smb2 9p afs ceph glusterfs lustre ncpfs beegfs davfs"
    " vboxsf vmhgfs prl_fs drvfs virtiofs".split()
)
"""File systems (as Linux names them) where another machine may change a file without a word to this one."""
_MOUNTS = Path("/proc/self/mountinfo")


class Feed(threading.Thread):
    """Puts what changes below ``root`` into ``inbox``: lists of paths, ``[root]`` where all of it should be looked at.

    Args:
        root: a folder, absolute.
        poll: look through it again and again, rather than being told by the system.
        inbox: where to.
        skips: tells paths of no interest, such as those of the library itself.
        note: is told, in a clause, what a person should know.
    """

    def __init__(
        self,
        root: str,
        *,
        poll: bool,
        inbox: queue.SimpleQueue[list[str]],
        skips: Callable[[str], bool],
        note: Callable[[str], None],
    ) -> None:
        super().__init__(name=f"locus-feed {root}", daemon=True)
        self.root = root
        self.poll = poll
        self._inbox = inbox
        self._skips = skips
        self._note = note
        self._ended = threading.Event()

    def end(self) -> None:
        """Stops within a moment; ``join`` waits for that."""
        self._ended.set()

    def run(self) -> None:
        """Until ``end`` is called."""
        while not self._ended.is_set():
            if identity(self.root) is None:
                self._ended.wait(_AWAY_S)
                continue
            try:
                self._follow()
            except OSError as error:
                if identity(self.root) is not None:
                    self._instead(error)

    def _follow(self) -> None:
        was, real = identity(self.root), os.path.realpath(self.root)
        # What happened before is not told.
        self._inbox.put([self.root])
        for changed in self._changes():
            told = [_named(path, real, self.root) for path in changed]
            if len(told) > _MANY:
                told.append(self.root)
            if told:
                self._inbox.put(told)
            if identity(self.root) != was:
                return

    def _changes(self) -> Iterator[list[str]]:
        for changes in watchfiles.watch(
            self.root,
            watch_filter=lambda _change, path: not self._skips(path),
            debounce=400,
            rust_timeout=_LOOK_UP_MS,
            yield_on_timeout=True,
            stop_event=self._ended,
            raise_interrupt=False,
            force_polling=self.poll,
            poll_delay_ms=_POLL_MS,
            ignore_permission_denied=True,
        ):
            yield [path for _, path in changes]

    def _instead(self, error: OSError) -> None:
        if self.poll:
            self._note(f"{self.root} can not be watched ({error}); it is looked through every few minutes")
            self._ended.wait(60)
        else:
            self._note(f"the system can not watch {self.root} ({error}); it is looked through again and again instead")
            self.poll = True


def is_remote(path: str, mounts: Path = _MOUNTS) -> bool:
    """Whether the system can not tell what changes at ``path``: a network drive, or a drive of the host machine."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False
    best, kind = "", ""
    for line in lines:
        place, _, rest = line.partition(" - ")
        where = place.split()[4].encode().decode("unicode_escape", "replace").rstrip("/") + "/"
        if (path.rstrip("/") + "/").startswith(where) and len(where) >= len(best):
            best, kind = where, rest.split()[0]
    return kind in _REMOTE or (kind.startswith("fuse.") and kind not in ("fuse.ext2", "fuse.ntfs", "fuse.exfat"))


def _named(path: str, real: str, root: str) -> str:
    """A path below ``root`` as the user named it: some systems tell what links lead to."""
    return root + path[len(real) :] if real != root and path.startswith(real) and not path.startswith(root) else path
