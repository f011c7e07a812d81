"""What a language model needs of a machine, and what the machine has.

Rules of thumb for GGUF files of four to five bits a weight, on the safe side: a model holds about 1.2 times its file
and, for the 4,096 tokens it reads, up to 0.6 GB more; each word costs reading the whole file, so that the time for one
grows with its size and shrinks with the cores. Pure but for ``machine``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Fit: TypeAlias = Literal["fits", "slow", "tight", "too large", "unknown"]

_SIZE_FACTOR = 1.2
_CONTEXT_BYTES = 600_000_000
_SYSTEM_BYTES = 2_000_000_000
"""What the system and the rest of Locus (the text model, an index, a reader of files) need beside it."""
_COMFORTABLE = 0.5
"""The share of the memory that a model may have without others being pushed out."""
_BYTES_A_CORE = 650_000_000
"""So large a file for each core still writes about as quickly as people read."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine: its memory in bytes, None where the system does not tell, and the cores that models may use."""

    memory_bytes: int | None
    cores: int


def needed(size_bytes: int) -> int:
    """The memory that a language model takes whose file has ``size_bytes``."""
    return round(size_bytes * _SIZE_FACTOR) + _CONTEXT_BYTES


def fit(size_bytes: int, machine: Machine) -> Fit:
    """How a model of that size does on the machine.

    "fits": well; "slow": it has room, but there are few cores for it; "tight": it has room if little else runs; "too
    large": it has none; "unknown": the memory is not known.
    """
    if machine.memory_bytes is None:
        return "unknown"
    needs = needed(size_bytes)
    if needs > machine.memory_bytes - _SYSTEM_BYTES:
        return "too large"
    if needs > machine.memory_bytes * _COMFORTABLE:
        return "tight"
    return "fits" if size_bytes <= machine.cores * _BYTES_A_CORE else "slow"


def recommended(sizes: Mapping[str, int], machine: Machine) -> str | None:
    """Of models and the sizes of their files, the largest that fits well; None where none does."""
    fitting = [(size, name) for name, size in sizes.items() if fit(size, machine) == "fits"]
    return max(fitting)[1] if fitting else None


def machine(threads: int = 0) -> Machine:
    """This machine.

    Args:
        threads: the cores that the settings allow; 0 for all.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Machine(_memory_bytes(), min(threads, usable) if threads else usable)


def _memory_bytes() -> int | None:
    try:
        found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not a POSIX system, or one that does not say
        return None
    return found if found > 0 else None
