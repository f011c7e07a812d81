"""``locus demo``: the sample library, indexed into a throw-away library and asked.

The sample comes with the source code and not with the installed package; a folder of one's own with ``library/`` and
``questions.json`` is taken as well.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import assistant as package
from assistant import show, show_progress
from assistant.api import Assistant
from indexers.errors import UsageError

_SHOWN = 6


def sample_folder(folder: Path | None = None) -> Path:
    """The folder that holds ``library/`` and ``questions.json``.

    Raises:
        UsageError: there is none.
    """
    chosen = folder or Path(package.__file__).resolve().parents[1] / "data"
    if not (chosen / "questions.json").is_file() or not (chosen / "library").is_dir():
        raise UsageError(
            f"no sample library in {chosen}: it comes with the source code; run `make demo` in a clone, "
            "or name a folder that holds library/ and questions.json"
        )
    return chosen


def questions(folder: Path) -> list[dict[str, Any]]:
    """The questions of a sample, as its file has them."""
    return list(json.loads((folder / "questions.json").read_text(encoding="utf-8")))


def run(folder: Path | None = None, *, use_llm: bool = True) -> None:
    """Indexes the sample, asks its first questions and shows the answers."""
    sample = sample_folder(folder)
    with (
        tempfile.TemporaryDirectory(prefix="locus-demo-") as scratch,
        Assistant(scratch, llm=None if use_llm else "none") as locus,
    ):
        show.note(f"Indexing {sample / 'library'} …")
        with show_progress.progress() as on_progress:
            report = locus.add(sample / "library", on_progress=on_progress)
        show.added(report)
        for item in questions(sample)[:_SHOWN]:
            show.question(item["question"])
            earlier = [item["after"]] if "after" in item else []
            answer = show.follow(locus.stream(item["question"], earlier=earlier), drafts=False)
            show.answer(answer, completed=answer.question if answer.question != item["question"] else "")
            show.note(f"({answer.timings_ms['total'] / 1000:.1f} s)")
