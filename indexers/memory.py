"""How much memory this process holds, asked of the system; a process that reads files measures itself by it."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def resident_bytes() -> int:
    """Memory of this process that is in RAM now (on macOS: at its highest so far; 0 where it can not be known)."""
    if sys.platform == "linux":
        # Not ru_maxrss: it survives exec, so that it starts at the size of the parent.
        return int(_statm()[1]) * os.sysconf("SC_PAGE_SIZE")
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def address_space_bytes() -> int:
    """All that the process has mapped, in RAM or not. Linux only."""
    return int(_statm()[0]) * os.sysconf("SC_PAGE_SIZE")


def _statm() -> list[str]:
    return Path("/proc/self/statm").read_text(encoding="ascii").split()
