"""A library whose writer is stopped at any moment, or whose disk is full from some moment on.

The work and what is looked at afterwards are in ``tests/stops/tries.py``; every stop is tried by
``tests/benchmarks/kill.py``.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TRIES = Path(__file__).parents[1] / "stops" / "tries.py"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="LD_PRELOAD as Linux has it")


def tried(shim: dict[str, str], mode: str, folder: Path, stops: range | None = None) -> list[dict[str, Any]]:
    command = [sys.executable, str(TRIES), mode, str(folder), *map(str, stops or [])]
    done = subprocess.run(command, env=shim, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def calls(shim: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many calls there are to stop at."""
    [whole] = tried(shim, "kill", tmp_path_factory.mktemp("whole"))
    assert not whole["stopped"]
    assert whole["wrong"] == []
    return int(whole["calls"])


@pytest.mark.parametrize(("mode", "tries"), [("kill", 16), ("tear", 8), ("power", 10)])
def test_a_writer_may_be_stopped_at_any_moment(
    shim: dict[str, str], quick: Path, calls: int, mode: str, tries: int
) -> None:
    assert calls > 1000
    found = tried(shim, mode, quick, range(7, calls, calls // tries))
    assert [attempt for attempt in found if attempt["wrong"]] == []
    assert all(attempt["stopped"] for attempt in found[: tries * 9 // 10])


def test_a_disk_may_be_full_from_any_moment_on(shim: dict[str, str], quick: Path, calls: int) -> None:
    found = tried(shim, "full", quick, range(11, calls, calls // 10))
    assert [attempt for attempt in found if attempt["wrong"] or attempt["stopped"]] == []
    told = {line.partition(" can not be written: ")[2] for attempt in found for line in attempt["refused"]}
    assert told == {"the disk is full; make room and try again; what was stored before is safe"}
    assert sum(bool(attempt["refused"]) for attempt in found) > len(found) // 2
