"""The page in a browser, on the sample library with the bundled models: answers, accessibility, requests, ten at once.

    python tests/benchmarks/page.py [--runs N] [--library DIR]

Serves a copy of the library with ``locus ui`` in a process of its own and opens it in headless Chromium. Measured:

- from Enter to the first words of an answer (an unchecked draft, where the model is asked) and to the checked answer;
- what axe-core finds on each tab, light and dark, with a source open;
- requests to any other host in the whole run;
- ten questions from ten tabs, sent one right after the other: whether each is answered, in the order in which they
  arrived (as the library keeps them), and what the server's memory does over several rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import datasets
from playwright.sync_api import Browser

from assistant import Assistant

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "ui"))
from pages import Visit, chromium  # noqa: E402

TABS = 10
ROUNDS = 4
WATCH = """() => { window.firstAt = window.doneAt = 0; new MutationObserver(() => {
    const live = document.querySelector('#live');
    if (!window.firstAt && live.querySelector('.draft, .said')) window.firstAt = performance.now();
    if (!window.doneAt && live.querySelector('.answer:not(.busy)')) window.doneAt = performance.now();
}).observe(document.body, {subtree: true, childList: true, characterData: true}); }"""
SENT = """() => { addEventListener('keydown', () => { window.sentAt = performance.now(); }, {once: true}); }"""


@contextmanager
def serving(library: Path) -> Iterator[tuple[str, int]]:
    """The address of the page and the process that serves it."""
    process = subprocess.Popen(
        [
            sys.executable, "-c", "from assistant.cli import main; main()",
            "--library", str(library), "ui", "--no-browser", "--port", "0",
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT), "LOCUS_OFFLINE": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        found = re.search(r"http://\S+", process.stderr.readline())
        assert found is not None, process.stderr.read()
        yield found[0], process.pid
    finally:
        process.terminate()
        process.wait()


def megabytes(pid: int) -> float:
    """Memory of the process that is in RAM."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1000  # type: ignore[index]


def begun_anew(here: Visit) -> None:
    """A new conversation."""
    here.page.locator("#conversations .new").click()
    here.page.wait_for_function("document.querySelector('#past .opening') && !document.querySelector('#live .answer')")


def timed(here: Visit, question: str) -> tuple[float, float]:
    """Seconds from Enter to the first words and to the checked answer."""
    begun_anew(here)
    here.page.fill("#box textarea", question)
    here.page.evaluate(WATCH)
    here.page.evaluate(SENT)
    here.page.keyboard.press("Enter")
    here.answered(question)
    sent, first, done = here.page.evaluate("[window.sentAt, window.firstAt, window.doneAt]")
    return (first - sent) / 1000, (done - sent) / 1000


def answers(browser: Browser, url: str, questions: list[str], runs: int) -> list[str]:
    """Prints the times; gives the foreign requests."""
    here = Visit(browser, url)
    here.ask(questions[0])  # the models are loaded by then
    print(f"from Enter, median of {runs} (least–most), seconds")
    for question in questions:
        times = [timed(here, question) for _ in range(runs)]
        first, done = zip(*times, strict=True)
        print(
            f"  first words {statistics.median(first):5.2f} ({min(first):.2f}–{max(first):.2f})"
            f"  answer {statistics.median(done):5.2f} ({min(done):.2f}–{max(done):.2f})  {question}"
        )
    here.close()
    return here.foreign


def accessible(browser: Browser, url: str, question: str) -> list[str]:
    """Prints what axe finds; gives the foreign requests."""
    found: Counter[str] = Counter()
    foreign = []
    for dark in (False, True):
        here = Visit(browser, url, dark=dark)
        here.ask(question)
        here.page.locator("#live .chip").first.click()
        here.page.wait_for_selector("#source article")
        for tab in ("Ask", "Search", "Library", "Settings"):
            here.page.get_by_role("tab", name=tab).click()
            if tab == "Search":
                here.page.fill("#search-query", "red bicycle")
                here.page.keyboard.press("Enter")
                here.page.wait_for_selector("#search-results .card")
            here.page.wait_for_timeout(1000)
            found.update(f"{each['impact']}: {each['id']}" for each in here.violations())
        here.close()
        foreign += here.foreign
    print("axe-core, four tabs, light and dark:", dict(found) or "nothing")
    return foreign


def at_once(browser: Browser, url: str, pid: int, library: Path, questions: list[str]) -> list[str]:
    """Prints how ten tabs fare; gives the foreign requests."""
    tabs = [Visit(browser, url) for _ in range(TABS)]
    print(f"{TABS} questions at once from {TABS} tabs; memory before {megabytes(pid):.0f} MB")
    for turn in range(ROUNDS):
        asked = [questions[(turn + number) % len(questions)] for number in range(TABS)]
        for here, question in zip(tabs, asked, strict=True):
            begun_anew(here)
            here.page.fill("#box textarea", question)
        began = time.perf_counter()
        for here in tabs:
            here.page.keyboard.press("Enter")
        for here, question in zip(tabs, asked, strict=True):
            here.answered(question)
        took = time.perf_counter() - began
        with Assistant(library) as locus:
            kept = locus.conversations
            answered = sorted((turn.id, each.id) for each in kept.all()[:TABS] for turn in kept.turns(each.id))
        # A conversation is begun as its question arrives; ten tabs of one browser send in another order than they are
        # told to.
        arrived = [conversation for _, conversation in answered]
        overtaken = sum(before > after for at, before in enumerate(arrived) for after in arrived[at + 1 :])
        print(
            f"  round {turn + 1}: {len(answered)} of {TABS} answered in {took:.1f} s, {overtaken} pairs "
            f"out of order, memory {megabytes(pid):.0f} MB"
        )
    for here in tabs:
        here.close()
    return [url for here in tabs for url in here.foreign]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--library", type=Path)
    options = parser.parse_args()
    known = json.loads((ROOT / "data" / "questions.json").read_text(encoding="utf-8"))
    questions = [item["question"] for item in known if "after" not in item]
    print(datasets.machine(), f"load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="locus-bench-") as scratch, chromium() as browser:
        library = Path(scratch) / "library"
        if options.library is not None:
            shutil.copytree(options.library, library)
        else:
            with Assistant(library) as locus:
                locus.add(ROOT / "data" / "library")
        with serving(library) as (url, pid):
            foreign = answers(browser, url, questions[:5], options.runs)
            foreign += accessible(browser, url, questions[0])
            foreign += at_once(browser, url, pid, library, questions)
        print("requests to other hosts in the whole run:", len(foreign), *foreign)


if __name__ == "__main__":
    main()
