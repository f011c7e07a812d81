"""Trains the tiny CLIP of the tests on pictures that ``shapes`` draws, and writes it to ``clip/``.

    python tests/models/train_clip.py [--steps N] [--out DIR]

The folder has open_clip's own layout (weights as safetensors, ``open_clip_config.json``), so it is loaded exactly as
a CLIP of any size is. The weights are fp16, and the rows of tokens that no caption uses are zeros: the stock
vocabulary is most of the file, and compresses to nothing. Apart from the colours, shapes, places and backgrounds of
``shapes`` the model knows nothing, and its vectors of other words mean nothing.

One batch holds many pictures that one caption is true of, so plain CLIP's "only the picture at the same row is right"
would teach falsehoods. Here the target of a caption is spread evenly over all pictures it is true of, and the other
way round. Some captions say one attribute alone: they are what makes colours and shapes combine freely, which the
pairs that are held out from training measure.

Training is a fixed number of steps from fixed seeds and takes about 17 minutes of CPU time. In 40 galleries of 64
pairs, "a {colour} {shape}" then finds its picture first for .935 of the held-out pairs and .981 of the others.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from open_clip.model import CLIP
from PIL import Image
from safetensors.torch import save_file
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).parent))

import shapes

CONFIG: dict[str, Any] = {
    "model_cfg": {
        "embed_dim": 64,
        "vision_cfg": {"image_size": 48, "patch_size": 8, "width": 96, "layers": 4, "head_width": 32},
        "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
    },
    "preprocess_cfg": {
        "mean": [0.5, 0.5, 0.5],
        "std": [0.3, 0.3, 0.3],
        "interpolation": "bicubic",
        "resize_mode": "shortest",
    },
}
SIZE = CONFIG["model_cfg"]["vision_cfg"]["image_size"]
SLACK = 4
"""Pixels by which training pictures are larger than the model's: it sees a crop of them, another one each time."""

PICTURES = 20_000
BATCH = 128
CAPTIONS = 2 * BATCH
PEAK_RATE = 1.5e-3
WARM_UP = 100

PLAIN = ("a {c} {s}", "{c} {s}", "the {c} {s}", "a photo of a {c} {s}", "photo of a {c} {s}", "a picture of a {c} {s}")
SHAPE_ALONE = ("a {s}", "{s}", "a photo of a {s}")
COLOUR_ALONE = ("{c}", "something {c}", "a {c} shape")
PLACES = {
    "centre": "in the centre",
    "left": "on the left",
    "right": "on the right",
    "top": "at the top",
    "bottom": "at the bottom",
}

Meaning = tuple[str | None, str | None, str | None, str | None]
"""Colour, shape, position and background that a caption says; None where it says nothing."""


def caption(scene: shapes.Scene, chance: np.random.Generator) -> tuple[str, Meaning]:
    """One of many captions that are true of the scene."""
    kind = chance.choice(("pair", "shape", "colour", "place", "ground", "full"), p=(0.36, 0.17, 0.17, 0.13, 0.1, 0.07))
    templates = {"shape": SHAPE_ALONE, "colour": COLOUR_ALONE}.get(str(kind), PLAIN)
    text = str(chance.choice(templates)).format(c=scene.colour, s=scene.shape)
    colour = None if kind == "shape" else scene.colour
    shape = None if kind == "colour" else scene.shape
    position = scene.position if kind in ("place", "full") else None
    ground = scene.background if kind in ("ground", "full") else None
    text += f" {PLACES[position]}" if position else ""
    text += f" on a {ground} background" if ground else ""
    return text, (colour, shape, position, ground)


def attributes(scene: shapes.Scene) -> Meaning:
    return scene.colour, scene.shape, scene.position, scene.background


def truth(scenes: list[shapes.Scene], meanings: list[Meaning]) -> torch.Tensor:
    """``(pictures, captions)`` float: 1 where the caption is true of the picture."""
    said = np.array([[name or "" for name in meaning] for meaning in meanings])
    shown = np.array([attributes(scene) for scene in scenes])
    fits = (said[None] == "") | (said[None] == shown[:, None])
    return torch.from_numpy(fits.all(axis=2).astype(np.float32))


def make_pictures(count: int, chance: np.random.Generator) -> tuple[list[shapes.Scene], torch.Tensor]:
    """Scenes of trained pairs and their pictures, ``(count, SIZE + SLACK, SIZE + SLACK, 3)`` uint8."""
    side = SIZE + SLACK
    scenes, pictures = [], np.empty((count, side, side, 3), np.uint8)
    for index in range(count):
        colour, shape = shapes.TRAINED[index % len(shapes.TRAINED)]
        place, ground = str(chance.choice(tuple(shapes.POSITIONS))), str(chance.choice(shapes.BACKGROUNDS))
        scenes.append(shapes.Scene(colour, shape, place, ground))
        drawn = Image.fromarray(shapes.draw(scenes[-1], chance, size=96))
        pictures[index] = np.asarray(drawn.resize((side, side), Image.Resampling.BICUBIC))
    return scenes, torch.from_numpy(pictures)


def normal(pictures: torch.Tensor) -> torch.Tensor:
    """``(n, height, width, 3)`` uint8 → ``(n, 3, height, width)`` float as the model wants it."""
    cfg = CONFIG["preprocess_cfg"]
    return ((pictures / 255 - torch.tensor(cfg["mean"])) / torch.tensor(cfg["std"])).permute(0, 3, 1, 2)


def spread_loss(logits: torch.Tensor, fits: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of each row with a target spread evenly over all that fits it."""
    target = fits / fits.sum(dim=1, keepdim=True).clamp(min=1)
    return -(target * functional.log_softmax(logits, dim=1)).sum(dim=1).mean()


def train(model: CLIP, steps: int) -> None:
    chance = np.random.default_rng(1)
    start = time.time()
    scenes, pictures = make_pictures(PICTURES, chance)
    print(f"{PICTURES} pictures drawn in {time.time() - start:.0f} s", flush=True)
    tokenize = open_clip.SimpleTokenizer(context_length=model.context_length)
    matrices = [parameter for parameter in model.parameters() if parameter.ndim >= 2]
    others = [parameter for parameter in model.parameters() if parameter.ndim < 2]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=PEAK_RATE, betas=(0.9, 0.98), fused=True)
    for step in range(steps):
        cosine = 0.5 * (1 + np.cos(np.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = PEAK_RATE * min(1, (step + 1) / WARM_UP) * (0.02 + 0.98 * cosine)
        picked = chance.integers(PICTURES, size=BATCH)
        shown = [scenes[index] for index in picked]
        told = [caption(shown[index % BATCH], chance) for index in range(CAPTIONS)]
        down, across = chance.integers(SLACK + 1, size=2)
        crop = pictures[torch.from_numpy(picked)][:, down : down + SIZE, across : across + SIZE]
        images = model.encode_image(normal(crop), normalize=True)
        texts = model.encode_text(tokenize([text for text, _ in told]), normalize=True)
        logits = model.logit_scale.exp() * images @ texts.T
        fits = truth(shown, [meaning for _, meaning in told])
        loss = (spread_loss(logits, fits) + spread_loss(logits.T, fits.T)) / 2
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(max=np.log(100))
        if (step + 1) % 100 == 0:
            held, trained = found_first(model, rounds=8)
            spent = time.time() - start
            print(
                f"{step + 1:5d} {spent:5.0f} s  loss {loss:.3f}  held out {held:.3f}  trained {trained:.3f}", flush=True
            )


@torch.inference_mode()
def found_first(model: CLIP, rounds: int) -> tuple[float, float]:
    """Share of the held-out and of the trained pairs whose picture is first for "a {colour} {shape}" in a gallery of
    64 different pairs, the held-out ones among them."""
    tokenize = open_clip.SimpleTokenizer(context_length=model.context_length)
    texts = model.encode_text(tokenize([f"a {colour} {shape}" for colour, shape in shapes.PAIRS]), normalize=True)
    right: dict[bool, list[bool]] = {True: [], False: []}
    for seed in range(rounds):
        chance = np.random.default_rng(1000 + seed)
        others = chance.permutation(len(shapes.TRAINED))[: 64 - len(shapes.HELD_OUT)]
        pairs = [*shapes.HELD_OUT, *(shapes.TRAINED[index] for index in others)]
        drawn = [Image.fromarray(pixels).resize((SIZE, SIZE), 3) for pixels in shapes.gallery(pairs, chance)]
        images = model.encode_image(
            normal(torch.from_numpy(np.stack([np.asarray(one) for one in drawn]))), normalize=True
        )
        first = (texts @ images.T).argmax(dim=1)
        for index, pair in enumerate(pairs):
            right[pair in shapes.HELD_OUT].append(int(first[shapes.PAIRS.index(pair)]) == index)
    return float(np.mean(right[True])), float(np.mean(right[False]))


def write(model: CLIP, folder: Path) -> None:
    """Writes weights and configuration; rows of tokens that no caption uses become zeros."""
    tokenize = open_clip.SimpleTokenizer(context_length=model.context_length)
    templates = (*PLAIN, *SHAPE_ALONE, *COLOUR_ALONE, *PLACES.values())
    grounds = [f"on a {ground} background" for ground in shapes.BACKGROUNDS]
    texts = [text.format(c=colour, s=shape) for text in templates for colour, shape in shapes.PAIRS] + grounds
    used = tokenize(texts).unique()
    weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
    rows = torch.zeros_like(weights["token_embedding.weight"])
    rows[used] = weights["token_embedding.weight"][used]
    weights["token_embedding.weight"] = rows
    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: value.half().contiguous() for name, value in weights.items()}, folder / "open_clip_model.safetensors"
    )
    (folder / "open_clip_config.json").write_text(json.dumps(CONFIG, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "clip")
    options = parser.parse_args()
    torch.set_num_threads(2)
    torch.manual_seed(1)
    model = CLIP(**CONFIG["model_cfg"]).train()
    train(model, options.steps)
    write(model, options.out)
    print("held out {:.3f}, trained {:.3f}".format(*found_first(model.eval(), rounds=40)))


if __name__ == "__main__":
    main()
