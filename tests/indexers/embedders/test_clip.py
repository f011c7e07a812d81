"""The picture embedder on the tests' tiny CLIP: it finds what it never saw, and gives what open_clip gives."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indexers.embedders import clip_choice
from indexers.embedders.clip import ClipEmbedder
from indexers.embedders.clip_backends import PLAIN, WAYS, unit
from indexers.embedders.clip_choice import choose
from indexers.embedders.clip_layout import Preprocessing, prepare
from indexers.embedders.clip_tokens import StockTokenizer
from indexers.errors import ModelFailed, ModelMissing, UsageError

MODELS = Path(__file__).parents[2] / "models"
TINY = MODELS / "clip"
WEIGHTS, CONFIG = "open_clip_model.safetensors", "open_clip_config.json"


@cache
def shapes() -> ModuleType:
    spec = spec_from_file_location("shapes", MODELS / "shapes.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["shapes"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is exported and timed once serves all tests that do not look at it."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def tiny(cache_dir: Path) -> ClipEmbedder:
    return ClipEmbedder(TINY, name="tiny", cache_dir=cache_dir, threads=2, backend="onnx-pool")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the tiny model, to be spoiled."""
    return Path(shutil.copytree(TINY, tmp_path / "model"))


def change(folder: Path, **parts: Any) -> None:
    """Puts values into ``model_cfg``; dicts are merged."""
    config = json.loads((folder / CONFIG).read_text())
    for name, value in parts.items():
        old = config["model_cfg"].get(name)
        config["model_cfg"][name] = {**old, **value} if isinstance(value, dict) else value
    (folder / CONFIG).write_text(json.dumps(config))


def pictures(count: int, seed: int = 3) -> list[np.ndarray]:
    chance = np.random.default_rng(seed)
    pairs = [shapes().PAIRS[index] for index in chance.permutation(len(shapes().PAIRS))[:count]]
    return shapes().gallery(pairs, chance, size=96)


# --- what it finds ---


def test_finds_pairs_of_colour_and_shape_that_were_not_in_training(tiny: ClipEmbedder) -> None:
    world, right = shapes(), {True: [], False: []}
    for seed in range(8):
        chance = np.random.default_rng(70 + seed)
        others = chance.permutation(len(world.TRAINED))[: 64 - len(world.HELD_OUT)]
        pairs = [*world.HELD_OUT, *(world.TRAINED[index] for index in others)]
        images = tiny.embed_images([tiny.prepare(pixels) for pixels in world.gallery(pairs, chance)])
        texts = tiny.embed_texts([f"a {colour} {shape}" for colour, shape in pairs])
        for index, first in enumerate((texts @ images.T).argmax(axis=1)):
            right[pairs[index] in world.HELD_OUT].append(first == index)
    assert len(right[True]) == 80
    assert np.mean(right[True]) >= 0.85
    assert np.mean(right[False]) >= 0.9


@pytest.mark.parametrize(
    "wording",
    ["{}", "a {}", "the {}", "A photo of a {}.", "photo of a {}", "a {} in the centre", "a {} on a white background"],
)
def test_understands_whole_sentences(tiny: ClipEmbedder, wording: str) -> None:
    world = shapes()
    pairs = [("red", "circle"), ("blue", "square"), ("yellow", "star"), ("green", "moon"), ("pink", "heart")]
    images = tiny.embed_images([tiny.prepare(world.draw(world.Scene(*pair))) for pair in pairs])
    texts = tiny.embed_texts([wording.format(" ".join(pair)) for pair in pairs])
    assert (texts @ images.T).argmax(axis=1).tolist() == list(range(len(pairs)))


def test_scale_gives_odds_between_captions(tiny: ClipEmbedder) -> None:
    world = shapes()
    image = tiny.embed_images([tiny.prepare(world.draw(world.Scene("red", "circle")))])
    logits = tiny.scale * (tiny.embed_texts(["a red circle", "a blue square"]) @ image.T)[:, 0]
    assert 10 < tiny.scale <= 100
    assert 1 / (1 + np.exp(logits[1] - logits[0])) > 0.95


# --- the same as open_clip ---


@pytest.fixture(scope="module")
def reference() -> tuple[list[np.ndarray], list[str], np.ndarray, np.ndarray]:
    """Pictures and texts of many sizes, and their vectors as open_clip gives them one by one."""
    import open_clip
    import torch
    from PIL import Image

    model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{TINY}")
    tokenize = open_clip.get_tokenizer(f"local-dir:{TINY}")
    chance = np.random.default_rng(5)
    shown = [chance.integers(0, 256, (*size, 3), np.uint8) for size in ((1, 1), (31, 64), (200, 90), (48, 48))]
    shown += pictures(17)
    told = ["a red circle", "", "Blue  &amp; GREEN", "a photo of a pink heart at the top " * 9]
    model.eval()
    with torch.inference_mode():
        images = [model.encode_image(preprocess(Image.fromarray(pixels))[None], normalize=True) for pixels in shown]
        texts = [model.encode_text(tokenize([text]), normalize=True) for text in told]
    return shown, told, torch.cat(images).numpy(), torch.cat(texts).numpy()


@pytest.mark.parametrize("way", ["torch-fp32", "onnx", "onnx-pool"])
def test_every_way_gives_what_open_clip_gives(way: str, reference: Any, cache_dir: Path) -> None:
    shown, told, images, texts = reference
    embedder = ClipEmbedder(TINY, name="tiny", cache_dir=cache_dir, threads=2, backend=way)
    vectors = embedder.embed_images([embedder.prepare(pixels) for pixels in shown])
    assert (embedder.choice.image, embedder.choice.text) == (way, way)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(shown), embedder.dim) == (len(shown), 64)
    np.testing.assert_allclose(vectors, images, atol=2e-3)  # a grey level of rounding in the scaled picture
    assert (vectors * images).sum(axis=1).min() > 0.99999
    np.testing.assert_allclose(embedder.embed_texts(told), texts, atol=2e-5)


def test_one_by_one_is_the_same_as_together(tiny: ClipEmbedder) -> None:
    prepared = [tiny.prepare(pixels) for pixels in pictures(37)]
    together = tiny.embed_images(prepared)
    np.testing.assert_allclose(together, np.concatenate([tiny.embed_images([one]) for one in prepared]), atol=1e-5)
    texts = [f"a {colour} {shape}" for colour, shape in shapes().PAIRS[:37]]
    single = np.concatenate([tiny.embed_texts([text]) for text in texts])
    np.testing.assert_allclose(tiny.embed_texts(texts), single, atol=1e-5)
    assert tiny.embed_images([]).shape == tiny.embed_texts([]).shape == (0, tiny.dim)


def test_more_pictures_than_one_portion(tiny: ClipEmbedder, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = [tiny.prepare(pixels) for pixels in pictures(11)]
    whole = tiny.embed_images(prepared)
    monkeypatch.setattr("indexers.embedders.clip._PORTION", 4)
    np.testing.assert_allclose(tiny.embed_images(prepared), whole, atol=1e-5)


def test_threads_may_share_it(tiny: ClipEmbedder) -> None:
    prepared = [tiny.prepare(pixels) for pixels in pictures(8)]
    expected, found = tiny.embed_images(prepared), {}

    def embed(index: int) -> None:
        found[index] = tiny.embed_images([prepared[index]]), tiny.embed_texts(["a red circle"])

    threads = [threading.Thread(target=embed, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_allclose(np.concatenate([found[index][0] for index in range(8)]), expected, atol=1e-5)


@settings(max_examples=200)
@given(st.text(max_size=60))
@example("It's the DOG's 2nd &lt;walk&gt; – “naïve” ﬁsh 🎉 日本")
@example("ſs 's 'ſ")
@example("a red circle " * 40)
def test_tokens_are_those_of_open_clip(text: str) -> None:
    assert tokens_of_open_clip(text) == stock_tokenizer()([text])[0].tolist()


@cache
def stock_tokenizer() -> StockTokenizer:
    return StockTokenizer(24)


def tokens_of_open_clip(text: str) -> list[int]:
    from open_clip.tokenizer import tokenize

    return tokenize([text], context_length=24)[0].tolist()


def test_a_text_can_not_end_itself(tiny: ClipEmbedder) -> None:
    ended, plain = tiny.embed_texts(["a <end_of_text> red circle", "a"])
    assert float(ended @ plain) < 0.999


def test_odd_texts_work(tiny: ClipEmbedder) -> None:
    vectors = tiny.embed_texts(["", "\x00\x07", "\ud800", "x" * 100_000, "\u202e\ufeff", "日本"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


# --- pictures made ready ---


@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("bicubic", [True, False])
@pytest.mark.parametrize("size", [(1, 1), (48, 48), (49, 48), (97, 31), (31, 97), (300, 211), (20, 600)])
def test_prepares_as_open_clip_does(mode: str, bicubic: bool, size: tuple[int, int]) -> None:
    from open_clip.transform import image_transform
    from PIL import Image

    pixels = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    how = Preprocessing(48, bicubic=bicubic, resize_mode=mode, fill=9)
    interpolation = "bicubic" if bicubic else "bilinear"
    theirs = image_transform(
        48, False, (0.0,) * 3, (1.0,) * 3, resize_mode=mode, interpolation=interpolation, fill_color=9
    )
    expected = np.rint(theirs(Image.fromarray(pixels)).numpy().transpose(1, 2, 0) * 255)
    ours = prepare(pixels, how)
    assert ours.dtype == np.uint8
    assert ours.shape == (48, 48, 3)
    assert np.abs(ours - expected).max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (3, 5000), (5000, 3), (1, 60_000), (1000, 999)])
def test_pictures_of_any_shape_become_small_squares(tiny: ClipEmbedder, size: tuple[int, int]) -> None:
    grey = np.full((*size, 3), 128, np.uint8)
    prepared = tiny.prepare(grey)
    assert prepared.shape == (48, 48, 3)
    assert np.abs(prepared.astype(int) - 128).max() <= 1
    assert np.isfinite(tiny.embed_images([prepared])).all()


# --- what is loaded, kept and remembered ---


def run(code: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_making_pictures_ready_loads_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys, numpy, pathlib\n"
        "from indexers.embedders.clip import ClipEmbedder\n"
        "early = [name for name in ('torch', 'open_clip', 'onnxruntime', 'PIL') if name in sys.modules]\n"
        "model = ClipEmbedder(pathlib.Path(sys.argv[1]), name='tiny', cache_dir=pathlib.Path(sys.argv[2]))\n"
        "model.prepare(numpy.zeros((9, 5, 3), numpy.uint8)); model.space; model.scale; model.dim\n"
        "print(early, [name for name in ('torch', 'open_clip', 'onnxruntime') if name in sys.modules])"
    )
    assert run(code, str(TINY), str(tmp_path)) == "[] []"


def test_a_remembered_choice_needs_no_torch(tiny: ClipEmbedder, cache_dir: Path) -> None:
    expected = tiny.embed_texts(["a red circle"])[0, :3]
    code = (
        "import sys, pathlib\n"
        "from indexers.embedders.clip import ClipEmbedder\n"
        "model = ClipEmbedder(pathlib.Path(sys.argv[1]), name='tiny', cache_dir=pathlib.Path(sys.argv[2]),\n"
        "                     threads=2, backend='onnx-pool')\n"
        "print(*model.embed_texts(['a red circle'])[0, :3], 'torch' in sys.modules, 'open_clip' in sys.modules)"
    )
    *numbers, torch, open_clip = run(code, str(TINY), str(cache_dir)).split()
    np.testing.assert_allclose([float(number) for number in numbers], expected, atol=1e-6)
    assert (torch, open_clip) == ("False", "False")


def test_chooses_among_all_ways_and_remembers(tmp_path: Path) -> None:
    first = ClipEmbedder(TINY, name="tiny", cache_dir=tmp_path, threads=2)
    choice = first.choice
    assert {choice.image, choice.text} <= set(WAYS)
    assert f"image {PLAIN}" in choice.per_s
    assert choice.min_cosine[f"image {choice.image}"] >= 0.999
    assert ClipEmbedder(TINY, name="tiny", cache_dir=tmp_path, threads=2).choice == choice


def test_a_remembered_way_that_is_gone_is_chosen_anew(tmp_path: Path) -> None:
    embedder = ClipEmbedder(TINY, name="tiny", cache_dir=tmp_path, threads=1, backend="onnx")
    expected = embedder.embed_texts(["a red circle"])
    memory = tmp_path / "embedding-choices.json"
    memory.write_text(memory.read_text().replace('"text": "onnx"', '"text": "torch-cuda"'))
    again = ClipEmbedder(TINY, name="tiny", cache_dir=tmp_path, threads=1, backend="onnx")
    assert again.choice.text == "torch-cuda"
    np.testing.assert_allclose(again.embed_texts(["a red circle"]), expected, atol=1e-5)
    assert again.choice.text == "onnx"


def test_a_damaged_graph_is_exported_again(tmp_path: Path) -> None:
    def embedder() -> ClipEmbedder:
        return ClipEmbedder(TINY, name="tiny", cache_dir=tmp_path, threads=1, backend="onnx")

    expected = embedder().embed_texts(["a red circle"])
    (graph,) = tmp_path.glob("*-text.onnx")
    content = bytearray(graph.read_bytes())
    content[len(content) // 2] ^= 0x40
    graph.write_bytes(content)
    np.testing.assert_allclose(embedder().embed_texts(["a red circle"]), expected, atol=1e-6)
    assert graph.read_bytes() != bytes(content)


def test_without_a_cache_it_runs_as_open_clip_does(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    embedder = ClipEmbedder(TINY, name="tiny", cache_dir=tmp_path / "file" / "cache", threads=1, backend="onnx")
    assert embedder.embed_texts(["a red circle"]).shape == (1, 64)
    assert embedder.choice.text == PLAIN


def test_the_space_follows_weights_and_configuration(folder: Path, tiny: ClipEmbedder, tmp_path: Path) -> None:
    def space() -> str:
        return ClipEmbedder(folder, name="tiny", cache_dir=tmp_path).space

    assert space() == tiny.space
    assert space().startswith("clip:tiny@")
    change(folder, quick_gelu=True)
    changed = space()
    assert changed != tiny.space
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (folder / WEIGHTS).write_bytes(content)
    assert space() not in (changed, tiny.space)


class FakeBackend:
    def __init__(self, answer: float | Exception) -> None:
        self.answer = answer

    def run(self, tower: str, inputs: np.ndarray) -> np.ndarray:
        if isinstance(self.answer, Exception):
            raise self.answer
        return unit(np.stack([np.array([1.0, self.answer])] * len(inputs)))


def test_only_faithful_ways_are_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_choice, "_HOPELESS", float("inf"))  # these take next to no time, and some chance
    samples: Any = {"image": np.zeros((4, 3, 2, 2)), "text": np.zeros((4, 3))}
    ways = {
        PLAIN: lambda: FakeBackend(0.0),
        "onnx": lambda: FakeBackend(0.1),
        "torch-bf16": lambda: FakeBackend(ModelFailed("no")),
    }
    choice = choose(ways, samples)
    assert (choice.image, choice.text) == (PLAIN, PLAIN)
    assert choice.min_cosine["image onnx"] < 0.999
    assert "image torch-bf16" not in choice.per_s
    with pytest.raises(ModelFailed):
        choose({PLAIN: lambda: FakeBackend(ModelFailed("no"))}, samples)


# --- what is refused ---


def refused(folder: Path, cache: Path, name: str = "tiny") -> str:
    """The message with which the model is refused, at the latest when it is to embed."""
    with pytest.raises(ModelFailed) as caught:
        ClipEmbedder(folder, name=name, cache_dir=cache, threads=1, backend=PLAIN).embed_texts(["a red circle"])
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("content", [b"", b"\x80\x04K\x01.", b"PK\x03\x04" + bytes(400), None])
def test_damaged_weights_are_refused(content: bytes | None, folder: Path, tmp_path: Path) -> None:
    whole = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(whole[:-1000] if content is None else content)
    assert WEIGHTS in refused(folder, tmp_path)


def test_weights_of_something_else_are_refused(folder: Path, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"embeddings": np.zeros(3, np.float32)}, folder / WEIGHTS)
    assert "no CLIP model" in refused(folder, tmp_path)
    save_file({"logit_scale": np.float32([np.nan])}, folder / WEIGHTS)
    assert "not a number" in refused(folder, tmp_path)
    save_file({"logit_scale": np.float32([1])}, folder / WEIGHTS)
    assert "open_clip can not load" in refused(folder, tmp_path)


def test_weights_that_are_no_numbers_are_refused(folder: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    weights = load_file(folder / WEIGHTS)
    weights["text_projection"][:] = np.nan
    save_file(weights, folder / WEIGHTS)
    assert "not finite" in refused(folder, tmp_path)


def test_pickles_are_never_loaded(folder: Path, tmp_path: Path) -> None:
    (folder / WEIGHTS).rename(folder / "mine.safetensors")
    assert ClipEmbedder(folder, name="tiny", cache_dir=tmp_path).dim == 64
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04K\x01.")
    assert "several files" in refused(folder, tmp_path)
    (folder / "mine.safetensors").unlink()
    assert "no .safetensors" in refused(folder, tmp_path)
    (folder / "pytorch_model.bin").unlink()
    with pytest.raises(ModelMissing):
        ClipEmbedder(folder, name="tiny", cache_dir=tmp_path)


@pytest.mark.parametrize("config", ["", "[]", "{}", '{"model_cfg": {}}', '{"model_cfg": {"embed_dim": "x"}}'])
def test_a_broken_configuration_is_refused(config: str, folder: Path, tmp_path: Path) -> None:
    (folder / CONFIG).write_text(config)
    assert CONFIG in refused(folder, tmp_path)


def test_a_configuration_of_another_model_is_refused(folder: Path, tmp_path: Path) -> None:
    change(folder, embed_dim=32)
    assert "open_clip can not load" in refused(folder, tmp_path)
    change(folder, embed_dim=64, vision_cfg={"layers": 5})
    assert "open_clip can not load" in refused(folder, tmp_path)
    change(folder, vision_cfg={"layers": 4, "image_size": [48, 64]})
    assert CONFIG in refused(folder, tmp_path)


def test_nothing_comes_from_a_hub(folder: Path, tmp_path: Path) -> None:
    change(folder, text_cfg={"hf_tokenizer_name": "someone/tokenizer"})
    assert "tokenizer.json" in refused(folder, tmp_path)
    change(folder, text_cfg={"hf_tokenizer_name": None, "hf_model_name": "someone/text-model"})
    assert "hub" in refused(folder, tmp_path)


def test_a_tokenizer_beside_the_model_is_used(folder: Path, tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["<pad>", "<unk>", "red", "circle"]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    said = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<pad>", "unk_token": "<unk>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(said))
    change(folder, text_cfg={"hf_tokenizer_name": "someone/tokenizer"})
    embedder = ClipEmbedder(folder, name="tiny", cache_dir=tmp_path, threads=1, backend=PLAIN)
    known, same, other = embedder.embed_texts(["red circle", "red  circle", "circle red"])
    np.testing.assert_allclose(known, same, atol=1e-6)
    assert np.abs(known - other).max() > 1e-3


def test_without_a_configuration_the_name_says_the_architecture(folder: Path, tmp_path: Path) -> None:
    (folder / CONFIG).unlink()
    embedder = ClipEmbedder(folder, name="ViT-B-32", cache_dir=tmp_path)
    assert embedder.dim == 512
    assert embedder.prepare(np.zeros((9, 5, 3), np.uint8)).shape == (224, 224, 3)
    for name in ("tiny", "../ViT-B-32", ""):
        assert "knows no architecture" in refused(folder, tmp_path, name)
    assert "tokenizer.json" in refused(folder, tmp_path, "ViT-B-16-SigLIP")


def test_settings_out_of_range_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        ClipEmbedder(TINY, name="tiny", cache_dir=tmp_path, threads=0)
    with pytest.raises(UsageError):
        ClipEmbedder(TINY, name="tiny", cache_dir=tmp_path, backend="magic")
