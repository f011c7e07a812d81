"""What all tests share: an environment of their own, the sample library read once, a fake language model,
and a disk that refuses.

No test reads or writes the user's settings, library or cache. What the embedder finds out by timing and exporting is
kept in pytest's own cache folder, so that it costs its half minute once and not on every run.
"""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

from assistant import Assistant
from assistant.llm import Message

# The same examples on every run, so that a run tells of the change it tests; `--hypothesis-profile=default` searches
# on.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

DATA = Path(__file__).resolve().parents[1] / "data"
STOPS = Path(__file__).parent / "stops"


@contextmanager
def _ends(seconds: float = 60.0) -> Iterator[None]:
    def ring(_signal: int, _frame: object) -> None:
        raise TimeoutError(f"still at it after {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def ends() -> Callable[[], AbstractContextManager[None]]:
    """A guard against hanging: what runs in it is to end, in far less than the minute after which it is stopped.

    It tells linear from quadratic only where the input is so large that quadratic takes minutes: no speed is asserted.
    """
    return _ends


@pytest.fixture(scope="session", autouse=True)
def own_environment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Home, settings, default library and cache away from the user's; programs that tests start inherit it."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("LOCUS_")]:
            patch.delenv(name)
        patch.setenv("HOME", str(home))
        for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
            patch.setenv(name, str(home / name.lower()))
        assert request.config.cache is not None
        patch.setenv("LOCUS_CACHE_DIR", str(request.config.cache.mkdir("locus")))
        yield


@pytest.fixture(scope="session")
def sample_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that holds ``data/library``, made with the bundled text model. Not to be changed."""
    root = tmp_path_factory.mktemp("sample") / "library"
    with Assistant(root, llm="none") as locus:
        report = locus.add(DATA / "library")
    assert not report.failed
    return root


@pytest.fixture(scope="session")
def sample(sample_library: Path) -> Iterator[Assistant]:
    """The sample library, asked without a language model. Not to be changed."""
    with Assistant(sample_library, llm="none") as locus:
        yield locus


class FakeLanguageModel:
    """A ``LanguageModel`` that writes what ``script`` makes of the messages, word by word; a token is a word."""

    name = "fake"

    def __init__(self, script: Callable[[Sequence[Message]], str], context_tokens: int = 2048) -> None:
        self.script = script
        self.context_tokens = context_tokens
        self.asked: list[Sequence[Message]] = []
        self.written: list[str] = []

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        cancelled: Callable[[], bool] | None = None,
        stop: Sequence[str] = (),
    ) -> Iterator[str]:
        self.asked.append(messages)
        for word in re.findall(r"\s*\S+", self.script(messages))[:max_tokens]:
            if cancelled is not None and cancelled():
                return
            self.written.append(word)
            yield word

    def close(self) -> None:
        pass


@pytest.fixture
def fake_llm() -> type[FakeLanguageModel]:
    """The class of fake language models."""
    return FakeLanguageModel


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a program that ``stops.c`` is loaded into."""
    built = tmp_path_factory.mktemp("shim") / "stops.so"
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", built, STOPS / "stops.c", "-ldl"], check=True)
    root = Path(__file__).parents[1]
    # One thread: the programs fork.
    single = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return {**os.environ, **single, "LD_PRELOAD": str(built), "PYTHONPATH": str(root)}
