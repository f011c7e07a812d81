"""What a person is told whose library is empty: what to do, and that there is a sample to try it with. Pure but for
one look at the disk."""

from __future__ import annotations

from pathlib import Path

from assistant.demo import sample_folder
from indexers.errors import UsageError
from ui.jobs import Job
from ui.work import Work


def sample() -> Path | None:
    """The folder of sample files; None where there is none, as in an installed package."""
    try:
        return sample_folder() / "library"
    except UsageError:
        return None


def add_sample(work: Work) -> Job | None:
    """Adds the sample files; None where there are none."""
    folder = sample()
    return None if folder is None else work.add([folder], first=True)


def welcome(*, has_sample: bool) -> str:
    """A few sentences; the button, where there is a sample, raises the act "sample"."""
    offer = ""
    if has_sample:
        offer = (
            "<p>Or try it first with sample files about an old water mill: papers, pictures and recordings.</p>"
            '<button type="button" class="main" data-act="sample">Add the sample library</button>'
        )
    return (
        '<section class="welcome" aria-label="First steps"><h2>Your library is empty</h2>'
        "<p>Drop files on this page, or name a folder in the Library tab: Locus reads them on this machine, and then "
        "answers from them. Nothing leaves the machine.</p>"
        f"{offer}</section>"
    )
