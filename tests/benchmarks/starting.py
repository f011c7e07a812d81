"""How long from starting ``locus ui`` to a page in which a question can be typed, and to models that are loaded.

    python tests/benchmarks/starting.py [--runs N] [--library DIR]

Each run is a process and a browser tab of its own; the browser (headless Chromium) is started before. Counted from the
start of the process: until it says where the page is, until the text box takes letters (in a browser that has never had
the page, and in one that has), until the models have loaded.
Without ``--library``, the sample library is made first.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import search_100k
from playwright.sync_api import BrowserContext

from assistant import Assistant

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "ui"))
from pages import chromium  # noqa: E402

LOADED = """
import sys, time
from assistant import Assistant
with Assistant(sys.argv[1]) as locus:
    start = time.perf_counter()
    locus.warm_up()
    print(time.perf_counter() - start)
"""


def started(context: BrowserContext, library: Path, port: int) -> tuple[float, float]:
    """Seconds until the address is said, and until the text box can be typed in."""
    arguments = ["--library", str(library), "ui", "--no-browser", "--port", str(port)]
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", "from assistant.cli import main; main()", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        address = re.search(r"http://\S+", line)
        assert address is not None, line + process.stderr.read()
        said = time.perf_counter() - start
        tab = context.new_page()
        tab.goto(address[0])
        tab.fill("#box textarea", "When does the lease end?")
        typed = time.perf_counter() - start
        assert tab.input_value("#box textarea")
        tab.close()
    finally:
        process.terminate()
        process.wait()
    return said, typed


def loaded(library: Path) -> float:
    """Seconds that loading the models takes, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, str(library)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(done.stdout)


def told(name: str, seconds: Sequence[float]) -> None:
    print(f"  {name:<34}{statistics.median(seconds):6.2f} s  ({min(seconds):.2f}–{max(seconds):.2f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--library", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="locus-bench-") as scratch, chromium() as browser:
        library = options.library or Path(scratch) / "library"
        if options.library is None:
            with Assistant(library) as locus:
                locus.add(ROOT / "data" / "library")
        with socket.socket() as some:
            some.bind(("127.0.0.1", 0))
            port = some.getsockname()[1]
        new = [started(browser.new_context(), library, port) for _ in range(options.runs)]
        known = browser.new_context()
        started(known, library, port)
        again = [started(known, library, port) for _ in range(options.runs)]
        print(f"{os.cpu_count()} cores, {search_100k.processor()}, load {os.getloadavg()[0]:.1f}; median of {len(new)}")
        told("the address is said", [said for said, _ in new + again])
        told("the text box takes letters, new", [typed for _, typed in new])
        told("… in a browser that had it before", [typed for _, typed in again])
        told("loading the models, by itself", [loaded(library) for _ in new])


if __name__ == "__main__":
    main()
