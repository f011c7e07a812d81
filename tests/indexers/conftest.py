"""What the tests of a library's durability share: a folder that is quick to sync."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def quick() -> Iterator[Path]:
    """A folder where syncing costs nothing, if there is one: thousands of syncs are stopped at."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="locus-test-", dir=memory) as folder:
        yield Path(folder)
