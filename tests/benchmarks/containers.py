"""What becomes of recordings in every container, whole, silent and broken ones: a status, a reason, what was decoded.

    python tests/benchmarks/containers.py --data DIR

Indexes ``DIR/speech`` with the tests' tiny models, which hear the talk they were trained on and little else: what
counts here is how long the sound is that came out, how many pictures of films did, and what is said of the rest.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import datasets
from long_files import MODELS

from assistant import Assistant
from indexers.decoders import FILMS
from indexers.decoders.film import decode_frames
from indexers.decoders.sound import decode_sound
from indexers.errors import FileError
from indexers.media import sniff
from indexers.protocols import Source
from indexers.types import SAMPLE_RATE, Document


def decoded(path: Path) -> str:
    """The seconds of sound and the scenes in a recording's first portion."""
    source = Source(path, path.name, sniff(path).format)
    told = []
    try:
        samples = decode_sound(source, 0).samples
        told.append(f"{len(samples) / SAMPLE_RATE if samples is not None else 0:.1f} s")
        if source.format in FILMS:
            told.append(f"{len(decode_frames(source, 0).pictures)} scenes")
    except FileError:
        told.append("–")
    return ", ".join(told)


def is_recording(document: Document) -> bool:
    return document.media in ("audio", "video")


def main() -> None:
    options = datasets.arguments(__doc__).parse_args()
    print(datasets.machine())
    with (
        tempfile.TemporaryDirectory() as scratch,
        Assistant(scratch, llm="none", image_model_path=MODELS / "clip", speech_model_path=MODELS / "whisper") as locus,
    ):
        locus.add(options.data / "speech")
        rows = [document for document in locus.files() if is_recording(document)]
    for row in rows:
        path = Path(row.path)
        print(f"{row.status.value:<8} {decoded(path):<17} {path.name}{': ' if row.reason else ''}{row.reason}")
    found = [row for row in rows if row.status.is_found]
    told = sum(bool(row.reason) for row in rows if row not in found)
    print(f"{len(found)} of {len(rows)} can be found; of the others {told} say why not")


if __name__ == "__main__":
    main()
