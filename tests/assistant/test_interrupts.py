"""Ctrl-C and the signal that ends programs: what is being embedded is stored first, and nothing is embedded twice."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.cli_common import heeded
from indexers.reports import Progress

RESTARTING = Path(__file__).parents[1] / "benchmarks" / "restarting.py"
STATE = Progress(0, 1, 0, 0, 1, "")


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_nothing_is_embedded_twice_when_an_add_is_ended_halfway() -> None:
    command = [sys.executable, str(RESTARTING), "--files", "150", "--signals", "INT,TERM"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    numbers = [[int(number) for number in re.findall(r"\d+", line)] for line in told.splitlines()]
    assert [first + second for first, second, _ in numbers] == [900, 900]
    assert [twice for _, _, twice in numbers] == [0, 0]
    assert all(450 <= first < 900 for first, _, _ in numbers)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_before_anything_is_begun_an_interrupt_ends_at_once(sent: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt), heeded(None):
        signal.raise_signal(sent)


def test_the_first_interrupt_waits_for_a_sign_of_progress_and_the_second_does_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    states: list[Progress] = []

    def begun(heeding: Callable[[Progress], None]) -> None:
        heeding(STATE)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), heeded(states.append) as heeding:
        begun(heeding)
        assert "once more ends it" in capsys.readouterr().err
        heeding(STATE)
    with pytest.raises(KeyboardInterrupt), heeded(states.append) as heeding:
        begun(heeding)
        signal.raise_signal(signal.SIGTERM)
    assert states == [STATE, STATE]


def test_what_was_heeded_before_is_heeded_after() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with heeded(None):
        assert signal.getsignal(signal.SIGTERM) != before[0]
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
