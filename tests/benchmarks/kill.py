"""Stops a library's writer at every single write, sync and rename, and counts what was lost.

    python tests/benchmarks/kill.py [--modes kill,tear,power,full] [--every N] [--workers N]

Each stop is a process of its own that works on a new library (adds, changes, removes, compacts, makes indexes anew;
see ``tests/stops/tries.py``), then another one that opens what is left. Prints for each mode: stops tried, acknowledged
files that were lost, other wrong answers. Linux, with a C compiler; no model.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

STOPS = Path(__file__).parents[1] / "stops"


def built(folder: Path) -> dict[str, str]:
    """The environment of a program that the shim is loaded into."""
    library = folder / "stops.so"
    command = [
        os.environ.get("CC", "cc"),
        "-O1",
        "-shared",
        "-fPIC",
        "-o",
        str(library),
        str(STOPS / "stops.c"),
        "-ldl",
    ]
    subprocess.run(command, check=True)
    single = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return {**os.environ, **single, "LD_PRELOAD": str(library), "PYTHONPATH": str(STOPS.parents[1])}


def tried(environment: dict[str, str], mode: str, folder: Path, stops: list[int]) -> Iterator[dict[str, Any]]:
    command = [sys.executable, str(STOPS / "tries.py"), mode, str(folder), *map(str, stops)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield json.loads(line)


def every_stop(environment: dict[str, str], mode: str, folder: Path, calls: int, options: Any) -> list[dict[str, Any]]:
    stops = list(range(1, calls + 1, options.every))
    parts = [stops[worker :: options.workers] for worker in range(options.workers)]
    folders = [folder / f"{mode}-{worker}" for worker in range(options.workers)]
    for each in folders:
        each.mkdir()
    with ThreadPoolExecutor(options.workers) as threads:
        results = threads.map(
            lambda part: list(tried(environment, mode, part[0], part[1])), zip(folders, parts, strict=True)
        )
        return [attempt for part in results for attempt in part]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modes", default="kill,tear,power,full")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="locus-kill-", dir=memory) as scratch:
        environment = built(Path(scratch))
        (Path(scratch) / "whole").mkdir()
        [whole] = tried(environment, "kill", Path(scratch) / "whole", [])
        print(f"{whole['calls']} calls that change the library's files; wrong without a stop: {whole['wrong']}")
        for mode in options.modes.split(","):
            started = time.perf_counter()
            found = every_stop(environment, mode, Path(scratch), whole["calls"], options)
            wrong = [attempt for attempt in found if attempt["wrong"]]
            lost = sum(any(line.startswith("file ") for line in attempt["wrong"]) for attempt in wrong)
            stopped = sum(attempt["stopped"] or bool(attempt["refused"]) for attempt in found)
            print(
                f"{mode:<6} {len(found):5} tried, {stopped:5} stopped or refused; "
                f"acknowledged files lost or half: {lost}; "
                f"otherwise wrong: {len(wrong) - lost}   ({time.perf_counter() - started:.0f} s)",
                flush=True,
            )
            for attempt in wrong[:5]:
                print(f"       stop {attempt['stop']}: {attempt['wrong'][:3]}")


if __name__ == "__main__":
    main()
