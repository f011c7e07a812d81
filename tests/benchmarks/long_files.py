"""What do a recording of hours and a folder of many pictures cost, and is anything done twice after a crash?

    python tests/benchmarks/long_files.py [--hours 3] [--pictures 1000] [--models DIR]

Makes a recording of the tests' talk over and over, and pictures with a line of text each, and indexes them with the
tests' tiny models (or those in ``DIR/clip`` and ``DIR/whisper``) in a process of its own: once without disturbance, for
time and peak memory (of the process, of its largest reader, of all together); once killed halfway (SIGKILL) and started
again. Every piece of work that a model does is written down as it is done, so that what is done twice can be counted.
Speech decoded with tiny models says what the machinery costs, not what a real model does.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import threading
import time
import wave
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import datasets
import numpy as np

from assistant import Assistant
from indexers.protocols import ImageEmbedder, Ocr, Transcriber
from indexers.types import Pixels, Samples, Spoken, TextLine, Vectors

MODELS = Path(__file__).resolve().parents[1] / "models"


class Log:
    """A line for each piece of work, on the disk before the work counts as done."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)

    def note(self, kind: str, data: bytes) -> None:
        self._file.write(f"{kind} {hashlib.sha256(data).hexdigest()[:16]}\n")


class LoggedOcr:
    def __init__(self, ocr: Ocr, log: Log) -> None:
        self._ocr, self._log, self.name = ocr, log, ocr.name

    def read(self, pixels: Pixels) -> list[TextLine]:
        lines = self._ocr.read(pixels)
        self._log.note("ocr", pixels.tobytes())
        return lines


class LoggedImages:
    def __init__(self, images: ImageEmbedder, log: Log) -> None:
        self._images, self._log = images, log
        self.space, self.dim, self.scale, self.prepare = images.space, images.dim, images.scale, images.prepare
        self.embed_texts = images.embed_texts

    def embed_images(self, prepared: Sequence[Pixels]) -> Vectors:
        vectors = self._images.embed_images(prepared)
        for pixels in prepared:
            self._log.note("image", pixels.tobytes())
        return vectors


class LoggedSpeech:
    def __init__(self, speech: Transcriber, log: Log) -> None:
        self._speech, self._log, self.name = speech, log, speech.name

    def transcribe(self, samples: Samples, language: str | None) -> tuple[str, Iterator[Spoken]]:
        found, spoken = self._speech.transcribe(samples, language)
        return found, self._logged(spoken, samples)

    def _logged(self, spoken: Iterator[Spoken], samples: Samples) -> Iterator[Spoken]:
        yield from spoken
        self._log.note("window", samples.tobytes())


def index(library: Path, folder: Path, models: Path, log: Path) -> None:
    """The child: indexes ``folder`` and writes down the work."""
    with Assistant(
        library, llm="none", image_model_path=models / "clip", speech_model_path=models / "whisper"
    ) as locus:
        parts, noted = vars(locus._parts), Log(log)
        parts["ocr"] = LoggedOcr(locus._parts.ocr, noted)
        parts["images"] = LoggedImages(locus._parts.images, noted)
        parts["speech"] = LoggedSpeech(locus._parts.speech, noted)
        report = locus.add(folder)
        if report.failed:
            raise SystemExit(f"failed: {report.failed[0]}")


def make_recording(path: Path, hours: float) -> None:
    """The tests' talk with silence after it, over and over; each time a little quieter or louder."""
    with wave.open(str(MODELS / "talk.wav")) as talk:
        rate, samples = talk.getframerate(), np.frombuffer(talk.readframes(talk.getnframes()), "<i2")
    turn = np.concatenate([samples, np.zeros(rate, "<i2")])
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        for number in range(round(hours * 3600 * rate / len(turn))):
            out.writeframes((turn * (0.7 + 0.3 * (number % 50) / 50)).astype("<i2").tobytes())


def make_pictures(folder: Path, count: int) -> None:
    """Photographs of nothing (smooth noise), each with its number written on it."""
    from PIL import Image, ImageDraw, ImageFont

    random = np.random.default_rng(0)
    font = ImageFont.load_default(48)
    for number in range(count):
        small = random.integers(0, 256, (6, 8, 3), np.uint8)
        picture = Image.fromarray(small).resize((1024, 768), Image.Resampling.BICUBIC)
        ImageDraw.Draw(picture).text((80, 80), f"Parcel number {number}", (0, 0, 0), font=font, stroke_width=1)
        picture.save(folder / f"{number:05}.jpg", quality=85)


class Peak:
    """The most memory in MB that a process held, that any one of its children did, and all of them at once.

    Looked at ten times a second; children are the readers, which the process starts itself.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.own = self.child = self.all = 0.0
        self._process = process
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def __str__(self) -> str:
        return f"peak {self.own:.0f} MB, its largest reader {self.child:.0f} MB, all at once {self.all:.0f} MB"

    def _watch(self) -> None:
        while self._process.poll() is None:
            own = _held(self._process.pid)
            children = [_held(child) for child in _children(self._process.pid)]
            self.own, self.child = max(self.own, own), max([self.child, *children])
            self.all = max(self.all, own + sum(children))
            time.sleep(0.1)


def _held(process: int) -> float:
    """Megabytes of memory that a process holds; 0 where it has ended."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except OSError:
        return 0.0


def _children(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def run(
    work: Path, name: str, folder: Path, models: Path, log: Path, kill_after: int | None = None
) -> tuple[float, Peak]:
    """Indexes in a child, killed once so many pieces of work are done; gives seconds and peak memory."""
    command = [sys.executable, __file__, "--child", str(work / name), str(folder), str(models), str(log)]
    began = time.perf_counter()
    child = subprocess.Popen(command)
    peak = Peak(child)
    if kill_after is not None:
        while child.poll() is None and (not log.exists() or log.read_text().count("\n") < kill_after):
            time.sleep(0.02)
        child.kill()
    child.wait()
    if kill_after is None and child.returncode:
        raise SystemExit(child.returncode)
    return time.perf_counter() - began, peak


def measure(work: Path, name: str, folder: Path, models: Path) -> None:
    """Prints a row for one folder."""
    whole, broken = work / f"{name}.log", work / f"{name}-broken.log"
    seconds, peak = run(work, name, folder, models, whole)
    pieces = whole.read_text().splitlines()
    print(f"{name}: {seconds:.0f} s, {peak}, {len(pieces)} pieces of work", flush=True)
    run(work, f"{name}-broken", folder, models, broken, kill_after=len(pieces) // 2)
    before = broken.read_text().count("\n")
    again, _ = run(work, f"{name}-broken", folder, models, broken)
    done = Counter(broken.read_text().splitlines())
    twice = sum(count - 1 for count in done.values())
    print(f"{name}: killed after {before} pieces, then {again:.0f} s; done twice: {twice}", flush=True)


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        index(*map(Path, sys.argv[2:]))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--models", type=Path, default=MODELS)
    options = parser.parse_args()
    print(datasets.machine())
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        for name in ("recording", "pictures"):
            (work / "files" / name).mkdir(parents=True)
        if options.hours:
            make_recording(work / "files" / "recording" / "talk.wav", options.hours)
            measure(work, "recording", work / "files" / "recording", options.models)
        if options.pictures:
            make_pictures(work / "files" / "pictures", options.pictures)
            measure(work, "pictures", work / "files" / "pictures", options.models)


if __name__ == "__main__":
    main()
