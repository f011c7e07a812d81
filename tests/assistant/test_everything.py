"""One question over documents, pictures and recordings, with the tests' tiny models in place of the real ones."""

import io
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from functools import cache, partialmethod
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from assistant import Assistant, cli, models
from assistant.build import Parts
from indexers.types import TimeLocator
from indexers.watch import Watcher

MODELS = Path(__file__).parents[1] / "models"
SETTINGS = {"llm": "none", "image_model_path": MODELS / "clip", "speech_model_path": MODELS / "whisper"}


@cache
def shapes() -> ModuleType:
    spec = spec_from_file_location("shapes", MODELS / "shapes.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["shapes"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def use_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny models for the command line."""
    for name, value in SETTINGS.items():
        monkeypatch.setenv(f"LOCUS_{name.upper()}", str(value))


def search(library: Path, *arguments: str) -> list[dict[str, Any]]:
    out = io.StringIO()
    with redirect_stdout(out):
        assert cli.run(["--library", str(library), "search", *arguments, "--json"]) == 0
    return json.loads(out.getvalue())


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Assistant, Path]]:
    """A library of a text, a talk and a few pictures, whose names tell nothing."""
    root = tmp_path_factory.mktemp("everything")
    files = root / "files"
    files.mkdir()
    world = shapes()
    for number, pair in enumerate((("red", "star"), ("blue", "ring"), ("green", "circle"), ("yellow", "moon"))):
        Image.fromarray(world.draw(world.Scene(*pair), size=256)).save(files / f"{number:04}.png")
    shutil.copy(MODELS / "talk.wav", files / "0007.wav")
    (files / "0008.txt").write_text("The lease of the boat house ends in March. The barn was painted in June.\n")
    with Assistant(root / "library", **SETTINGS) as locus:
        report = locus.add(files)
        assert [(file.status, file.reason) for file in report.files] == [("indexed", "")] * 6
        yield locus, files


def test_a_talk_answers_at_the_right_second(everything: tuple[Assistant, Path]) -> None:
    locus, files = everything
    sentences = json.loads((MODELS / "talk.json").read_text())
    for question, number in (
        ("When does the ferry to Larkholm leave?", 0),
        ("How often does the mill wheel turn?", 4),
        ("How deep is our well?", 5),
        ("When was the lighthouse built?", 8),
    ):
        answer = locus.ask(question)
        assert answer.grounded and not answer.abstained, question
        first = answer.citations[0]
        assert first.path == str(files / "0007.wav") and isinstance(first.locator, TimeLocator)
        assert first.quote == sentences[number]["text"]
        assert first.locator.start_s == pytest.approx(sentences[number]["start_s"], abs=0.5)
        assert first.locator.end_s == pytest.approx(sentences[number]["end_s"], abs=0.5)


def test_words_find_texts_talks_and_pictures_in_one_list(everything: tuple[Assistant, Path]) -> None:
    locus, files = everything
    assert locus.search("a red star", k=1)[0].path == str(files / "0000.png")
    assert locus.search("the blue ring", k=1)[0].path == str(files / "0001.png")
    assert locus.search("How deep is our well?", k=1)[0].media == "audio"
    assert locus.search("When does the lease end?", k=1)[0].path == str(files / "0008.txt")
    assert {hit.media for hit in locus.search("star", k=6)} == {"text", "image", "audio"}


def test_a_picture_finds_pictures_like_it(everything: tuple[Assistant, Path], tmp_path: Path) -> None:
    locus, files = everything
    world = shapes()
    query = tmp_path / "query.jpg"
    Image.fromarray(world.draw(world.Scene("blue", "ring", "left"), np.random.default_rng(3), size=200)).save(query)
    hits = locus.search(image=query, k=4)
    assert hits[0].path == str(files / "0001.png") and hits[0].signals["image"] > 0.5
    assert {hit.media for hit in locus.search(image=query, media={"image"}, k=9)} == {"image"}


def test_what_is_written_in_a_picture_leads_to_the_second_of_a_talk(
    everything: tuple[Assistant, Path], tmp_path: Path
) -> None:
    locus, files = everything
    picture = Image.new("RGB", (640, 120), "white")
    ImageDraw.Draw(picture).text((20, 40), "Ferry to Larkholm", fill="black", font_size=36)
    picture.save(tmp_path / "board.png")
    [talk] = [hit for hit in locus.search(image=tmp_path / "board.png", k=9) if hit.signals.get("words")]
    assert (talk.path, talk.media) == (str(files / "0007.wav"), "audio")
    first = locus.search("silver spoon", k=1, media={"audio"})[0]
    assert isinstance(first.at, TimeLocator) and first.at.start_s == pytest.approx(23.62, abs=0.5)


def test_questions_about_what_only_a_picture_shows_are_not_answered_but_it_is_named(
    everything: tuple[Assistant, Path],
) -> None:
    locus, files = everything
    answer = locus.ask("a red star")
    assert answer.abstained and answer.citations[0].path == str(files / "0000.png")


def test_the_right_picture_is_first_in_a_gallery_for_pairs_that_were_never_shown(
    tmp_path: Path, use_models: None
) -> None:
    world, chance = shapes(), np.random.default_rng(11)
    others = [world.TRAINED[i] for i in chance.permutation(len(world.TRAINED))[: 64 - len(world.HELD_OUT)]]
    pairs = [*world.HELD_OUT, *others]
    names = [f"{number:03}.png" for number in chance.permutation(64)]
    (tmp_path / "gallery").mkdir()
    for name, pixels in zip(names, world.gallery(pairs, chance), strict=True):
        Image.fromarray(pixels).save(tmp_path / "gallery" / name)
    with redirect_stdout(io.StringIO()):
        assert cli.run(["--library", str(tmp_path / "library"), "add", str(tmp_path / "gallery")]) == 0
    first = [search(tmp_path / "library", f"a {colour} {shape}", "-k", "1")[0] for colour, shape in world.HELD_OUT]
    right = [Path(hit["path"]).name == name for hit, name in zip(first, names, strict=False)]
    assert np.mean(right) >= 0.85
    assert all(set(hit["signals"]) >= {"image"} and hit["media"] == "image" for hit in first)


def test_a_model_that_comes_while_folders_are_watched_finishes_what_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "files").mkdir()
    world = shapes()
    for number, pair in enumerate((("red", "circle"), ("blue", "square"))):
        Image.fromarray(world.draw(world.Scene(*pair))).save(tmp_path / "files" / f"{number:04}.png")
    pulled: list[Path] = []
    find = models.find

    def found(wanted: models.ModelSpec, **where: Any) -> Path | None:
        return next(iter(pulled), None) if wanted.role == "image" else find(wanted, **where)

    monkeypatch.setattr(models, "find", found)
    monkeypatch.setattr(Parts, "watcher", partialmethod(_often, Parts.watcher))
    with Assistant(tmp_path / "library", llm="none") as locus, locus.watch(tmp_path / "files"):
        _until(lambda: locus.status()["waiting"] == {"image": 2})
        # Asked before, so that what searches was made without the model.
        assert all("image" not in hit.signals for hit in locus.search("a blue square"))
        pulled.append(MODELS / "clip")
        _until(lambda: locus.status()["waiting"] == {})
        assert "image" in locus.search("a blue square", k=1)[0].signals


def _often(parts: Parts, watcher: Callable[..., Watcher], **told: Any) -> Watcher:
    """A watcher that looks through its folders all the time."""
    made = watcher(parts, **told)
    made.rescan_s = 0.2
    return made


def _until(wanted: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not wanted():
        assert time.monotonic() < end, "still not so"
        time.sleep(0.1)


def test_what_waits_for_a_model_is_finished_once_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    world = shapes()
    for number, pair in enumerate((("red", "circle"), ("blue", "square"))):
        Image.fromarray(world.draw(world.Scene(*pair))).save(tmp_path / "files" / f"{number:04}.png")
    with Assistant(tmp_path / "library", llm="none") as locus:
        locus.add(tmp_path / "files")
        assert locus.status()["waiting"] == {"image": 2}
        assert locus.finish().files == ()
    with Assistant(tmp_path / "library", llm="none", image_model_path=MODELS / "clip") as locus:
        assert locus.finish().count("updated") == 2
        assert locus.status()["waiting"] == {}
        assert locus.search("a blue square", k=1)[0].path.endswith("0001.png")
        assert locus.finish().files == ()
