"""What the tests of a library's durability share: the shim that stops a process, compiled once."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

STOPS = Path(__file__).parents[1] / "stops"


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a program that ``stops.c`` is loaded into."""
    built = tmp_path_factory.mktemp("shim") / "stops.so"
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", built, STOPS / "stops.c", "-ldl"], check=True)
    root = Path(__file__).parents[2]
    # One thread: the programs fork.
    single = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return {**os.environ, **single, "LD_PRELOAD": str(built), "PYTHONPATH": str(root)}


@pytest.fixture
def quick() -> Iterator[Path]:
    """A folder where syncing costs nothing, if there is one: thousands of syncs are stopped at."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="locus-test-", dir=memory) as folder:
        yield Path(folder)
