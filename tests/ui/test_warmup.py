"""Loading models behind the page: said while it goes on, ended between two, and never the page's trouble."""

import threading
from collections.abc import Callable

import pytest

from indexers.errors import ModelFailed, ModelMissing
from ui.warmup import Warmup


class Locus:
    """An assistant that only warms up: a step at a time, as it is let."""

    def __init__(self, error: Exception | None = None) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.loaded: list[str] = []
        self.error = error

    def warm_up(self, on_step: Callable[[str], None]) -> None:
        on_step("the text model")
        self.begun.set()
        assert self.go_on.wait(10)
        self.loaded.append("text")
        if self.error is not None:
            raise self.error
        on_step("the language model")
        self.loaded.append("language")


def test_it_says_what_it_loads() -> None:
    locus = Locus()
    warmup = Warmup(locus)  # type: ignore[arg-type]
    assert (warmup.state, warmup.is_done) == ("", False)
    warmup.start()
    assert warmup.state == "Loading the models …"
    assert not locus.begun.wait(0.05)
    warmup.hasten()
    assert locus.begun.wait(10)
    assert (warmup.state, warmup.is_done) == ("Loading the text model …", False)
    locus.go_on.set()
    assert warmup.wait(10)
    assert (warmup.state, warmup.is_done, locus.loaded) == ("", True, ["text", "language"])


def test_once_stopped_nothing_more_is_begun() -> None:
    locus = Locus()
    warmup = Warmup(locus)  # type: ignore[arg-type]
    warmup.start()
    warmup.hasten()
    assert locus.begun.wait(10)
    warmup.stop()
    assert not warmup.wait(0)
    locus.go_on.set()
    assert warmup.wait(10)
    assert locus.loaded == ["text"]


def test_stopped_before_it_began_it_loads_nothing() -> None:
    locus = Locus()
    warmup = Warmup(locus)  # type: ignore[arg-type]
    warmup.start()
    warmup.stop()
    assert warmup.wait(1)
    assert locus.loaded == []


@pytest.mark.parametrize("error", [ModelMissing("there is none"), ModelFailed("it is broken")])
def test_a_model_that_is_not_to_be_had_is_told_elsewhere(error: Exception) -> None:
    locus = Locus(error)
    warmup = Warmup(locus)  # type: ignore[arg-type]
    locus.go_on.set()
    warmup.start()
    warmup.hasten()
    assert warmup.wait(10)
    assert warmup.state == ""
