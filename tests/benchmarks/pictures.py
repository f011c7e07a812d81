"""Pictures a second of every way of embedding, beside plain open_clip in a loop, in one run on one set of pictures.

    python tests/benchmarks/pictures.py [--model DIR | --arch ViT-B-32] [--pictures N] [--rounds N] [--threads N]

Plain open_clip makes each picture ready with its own preprocessing and encodes it alone, as its examples do; ours is
``prepare`` of each picture and one ``embed_images`` of all. ``--arch`` writes random weights of that architecture to a
temporary folder: speed needs no training. The ways take turns in every round and the best round counts; CPU seconds
are given too, because the wall clock means little on a machine that does other work.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from indexers.embedders.clip import ClipEmbedder
from indexers.embedders.clip_backends import WAYS, unit
from indexers.errors import ModelFailed
from indexers.types import Pixels

TINY = Path(__file__).parents[1] / "models" / "clip"


def write_random(arch: str, folder: Path) -> None:
    """A model of open_clip's architecture ``arch`` with random weights, as a folder of open_clip's layout."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    model = open_clip.create_model(arch, pretrained_text=False)
    weights = {name: value.contiguous().clone() for name, value in model.state_dict().items()}
    save_file(weights, folder / "open_clip_model.safetensors")
    config = {"model_cfg": open_clip.get_model_config(arch), "preprocess_cfg": {}}
    (folder / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")


def photographs(count: int, width: int, height: int) -> list[Pixels]:
    """Pictures with soft forms and grain, from a fixed seed."""
    from PIL import Image

    chance = np.random.default_rng(0)
    shown = []
    for _ in range(count):
        cells = chance.integers(0, 256, (6, 8, 3), np.uint8)
        soft = np.asarray(Image.fromarray(cells).resize((width, height), Image.Resampling.BICUBIC), np.int16)
        shown.append((soft + chance.integers(-9, 10, soft.shape)).clip(0, 255).astype(np.uint8))
    return shown


def plain_open_clip(folder: Path) -> tuple[Callable[[list[Pixels]], Any], Callable[[str], Any]]:
    """Pictures and one text to vectors, one by one, with nothing but open_clip."""
    import open_clip
    import torch
    from PIL import Image

    model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
    tokenize = open_clip.get_tokenizer(f"local-dir:{folder}")
    model.eval()

    def pictures(shown: list[Pixels]) -> Any:
        with torch.inference_mode():
            return np.concatenate(
                [model.encode_image(preprocess(Image.fromarray(one)).unsqueeze(0)).numpy() for one in shown]
            )

    def text(words: str) -> Any:
        with torch.inference_mode():
            return model.encode_text(tokenize([words])).numpy()

    return pictures, text


def median_ms(embed: Callable[[str], Any]) -> float:
    """Milliseconds of one short text, after warming up."""
    times = []
    for _ in range(30):
        start = time.perf_counter()
        embed("a red bicycle in front of a wall")
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2] * 1000


def compare(folder: Path, cache: Path, options: argparse.Namespace) -> None:
    """Prints a row per way."""
    import torch

    if options.threads:
        torch.set_num_threads(options.threads)
    shown = photographs(options.pictures, 640, 480)
    pictures, texts = {}, {}
    pictures["plain open_clip"], texts["plain open_clip"] = plain_open_clip(folder)
    for way in ("auto", *WAYS):
        embedder = ClipEmbedder(folder, name="model", cache_dir=cache, backend=way, threads=options.threads)
        try:
            choice = embedder.choice
        except ModelFailed as error:
            print(f"{way}: left out, {error}")
            continue
        if way == "auto":
            print(f"auto chooses {choice.image} for pictures, {choice.text} for texts")
        elif (choice.image, choice.text) != (way, way):
            print(f"{way}: left out, runs as {choice.image} and {choice.text}")
            continue

        def ours(shown: list[Pixels], embedder: ClipEmbedder = embedder) -> Any:
            return embedder.embed_images([embedder.prepare(one) for one in shown])

        pictures[way] = ours
        texts[way] = lambda words, embedder=embedder: embedder.embed_texts([words])

    reference = unit(pictures["plain open_clip"](shown))
    wall = dict.fromkeys(pictures, float("inf"))
    cpu, cosine = dict(wall), dict(wall)
    for _ in range(options.rounds):
        for name, embed in pictures.items():
            start, used = time.perf_counter(), time.process_time()
            vectors = embed(shown)
            wall[name] = min(wall[name], time.perf_counter() - start)
            cpu[name] = min(cpu[name], time.process_time() - used)
            cosine[name] = float((unit(vectors) * reference).sum(axis=1).min())
    base = "plain open_clip"
    print(f"\n{len(shown)} pictures of 640 × 480")
    print(f"{'way':<17}{'pictures/s':>11}{'× plain':>9}{'per CPU s':>11}{'× plain':>9}{'min cosine':>12}{'text ms':>9}")
    for name in pictures:
        rate, thrift = len(shown) / wall[name], len(shown) / cpu[name]
        times, saved = wall[base] / wall[name], cpu[base] / cpu[name]
        text_ms = median_ms(texts[name])
        print(f"{name:<17}{rate:>11.1f}{times:>9.2f}{thrift:>11.1f}{saved:>9.2f}{cosine[name]:>12.5f}{text_ms:>9.1f}")


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    model = parser.add_mutually_exclusive_group()
    model.add_argument("--model", type=Path, default=TINY, help="a folder of open_clip's layout; the tests' by default")
    model.add_argument("--arch", help="an architecture that open_clip knows, with random weights")
    parser.add_argument("--pictures", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.model
        if options.arch:
            folder = Path(scratch) / "model"
            folder.mkdir()
            write_random(options.arch, folder)
        compare(folder, Path(scratch) / "cache", options)


if __name__ == "__main__":
    main()
