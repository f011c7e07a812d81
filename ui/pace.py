"""How fast work goes and when it will be done, in words. Pure: the time is given, not asked for."""

from __future__ import annotations

from collections import deque

from assistant.file_facts import size
from indexers.reports import Progress

_WINDOW_S = 30.0
"""The pace is that of the last half minute: files differ too much for less, and more tells of what is long over."""
_AFTER_S = 3.0
"""Before, nothing is said: the first files are read while models load."""


class Pace:
    """Follows one piece of work. Used from one thread; read from others."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, Progress]] = deque()
        self._first: tuple[float, Progress] | None = None

    def note(self, progress: Progress, now_s: float) -> None:
        """Takes in how far it is at the moment ``now_s``."""
        if self._first is None:
            self._first = (now_s, progress)
        self._seen.append((now_s, progress))
        # One older than the window stays, to measure from.
        while len(self._seen) > 2 and self._seen[1][0] < now_s - _WINDOW_S:
            self._seen.popleft()

    def rate(self) -> str:
        """Files and bytes a second; "" while that is unknown.

        >>> pace = Pace()
        >>> pace.note(Progress(0, 100, 0, 0, 50_000_000, ""), 0.0)
        >>> pace.note(Progress(20, 100, 90, 8_000_000, 50_000_000, "a.pdf"), 10.0)
        >>> pace.rate(), pace.left(10.0)
        ('2 files/s, 800.0 kB/s', 'less than a minute left')
        """
        seconds, files, amount = self._moved()
        if not seconds:
            return ""
        parts = [_files(files / seconds)] if files else []
        return ", ".join([*parts, f"{size(round(amount / seconds))}/s"] if amount else parts)

    def left(self, now_s: float) -> str:
        """How long it will still take, by the bytes that are left; "" while that is unknown."""
        seconds, _, amount = self._moved()
        if not amount and self._first is not None and self._seen:
            # One large file may take longer than the window: then by all that was done so far.
            seconds, amount = now_s - self._first[0], self._seen[-1][1].bytes - self._first[1].bytes
        if seconds < _AFTER_S or amount <= 0:
            return ""
        last_s, last = self._seen[-1]
        seconds_left = (last.bytes_total - last.bytes) * seconds / amount - (now_s - last_s)
        return _left(seconds_left) if last.bytes < last.bytes_total else ""

    def _moved(self) -> tuple[float, int, int]:
        """Seconds of the window, and the files and bytes that were done in it; zeros while it is too short."""
        if len(self._seen) < 2:
            return 0.0, 0, 0
        (start_s, start), (end_s, end) = self._seen[0], self._seen[-1]
        if end_s - start_s < _AFTER_S:
            return 0.0, 0, 0
        return end_s - start_s, end.files - start.files, end.bytes - start.bytes


def _files(each_second: float) -> str:
    if each_second >= 1:
        return f"{each_second:,.0f} files/s" if round(each_second) != 1 else "1 file/s"
    each_minute = max(1, round(60 * each_second))
    return f"{each_minute} {'file' if each_minute == 1 else 'files'}/min"


def _left(seconds: float) -> str:
    """
    >>> _left(-3), _left(100), _left(4_000), _left(90_000)
    ('less than a minute left', 'about 2 min left', 'about 1 h 10 min left', 'about 25 h left')
    """
    if seconds < 55:
        return "less than a minute left"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"about {minutes} min left"
    if minutes < 600:
        # In steps of ten minutes: nobody knows it better.
        hours, rest = divmod(round(minutes, -1), 60)
        return f"about {hours} h {rest} min left" if rest else f"about {hours} h left"
    return f"about {round(minutes / 60)} h left"
