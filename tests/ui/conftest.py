"""What the tests of the page share: assistants whose language model is a fake, over copies of the sample library."""

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from assistant import Assistant
from assistant.llm import Message

sys.path.insert(0, str(Path(__file__).parent))  # for ``pages``

Script = Callable[[Sequence[Message]], str]


@pytest.fixture
def own_copy(sample_library: Path, tmp_path: Path) -> Path:
    """A copy of the sample library that may be changed."""
    return Path(shutil.copytree(sample_library, tmp_path / "library"))


@pytest.fixture
def written_by(own_copy: Path, fake_llm: Any) -> Callable[[Script], Any]:
    """Gives an assistant over a copy of the sample library, whose (fake, trusted) model writes what a script says."""

    @contextmanager
    def make(script: Script) -> Iterator[Assistant]:
        with Assistant(own_copy, llm="none", llm_small="false") as locus:
            vars(locus._parts)["llm"] = fake_llm(script)
            yield locus

    return make
