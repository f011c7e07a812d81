"""What a folder with a CLIP model says about itself, read without importing torch or open_clip.

Known here: which file holds the weights and that it is whole, the size of the vectors and of the pictures, the
temperature, and how a picture is made ready. Pictures are made ready as open_clip does it: scaled with Pillow and cut
to a square. What the towers are made of is left to open_clip.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from indexers.errors import ModelFailed, ModelMissing
from indexers.types import Pixels

CONFIG_NAME = "open_clip_config.json"
WEIGHTS_NAME = "open_clip_model.safetensors"

MAX_SCALE = 100.0
"""CLIP's own limit on the inverted temperature (Radford et al. 2021, section 2.5)."""

_PICKLES = ("*.bin", "*.pth", "*.pt", "*.npz")
_MEAN = (0.48145466, 0.4578275, 0.40821073)
_STD = (0.26862954, 0.26130258, 0.27577711)
"""Of CLIP's own training pictures: what open_clip takes for a model that says nothing else."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a picture is made ready: ``size`` pixels square, ``mean`` and ``std`` of the three channels in 0–1.

    ``resize_mode``: ``shortest`` scales the shorter side to ``size`` and cuts the middle out, ``longest`` scales the
    longer one and fills up with ``fill``, ``squash`` scales both and loses the proportions.
    """

    size: int
    mean: tuple[float, float, float] = _MEAN
    std: tuple[float, float, float] = _STD
    bicubic: bool = True
    resize_mode: str = "shortest"
    fill: int = 0


@dataclass(frozen=True, slots=True)
class ClipLayout:
    """A CLIP model on disk. ``architecture`` is the name by which open_clip makes the model."""

    folder: Path
    weights: Path
    architecture: str
    dim: int
    context_tokens: int
    stock_tokenizer: bool
    scale: float
    preprocessing: Preprocessing

    @property
    def files(self) -> tuple[Path, ...]:
        """What decides on the vectors: weights, and configuration if the folder has one."""
        config = self.folder / CONFIG_NAME
        return (self.weights, config) if config.is_file() else (self.weights,)


def read_clip_layout(folder: Path, name: str) -> ClipLayout:
    """Reads the folder's configuration and the head of its weights.

    Args:
        folder: holds ``open_clip_model.safetensors`` (or one other .safetensors) and ``open_clip_config.json``.
        name: open_clip's name of the architecture, used when there is no configuration.

    Raises:
        ModelMissing: there is no model in the folder.
        ModelFailed: there is one, but damaged or not in a form that is loaded here.
    """
    weights = _find_weights(folder)
    config = _read_config(folder, name)
    model, said = config["model_cfg"], config.get("preprocess_cfg") or {}
    try:
        vision, text = dict(model["vision_cfg"]), dict(model["text_cfg"])
        dim, context = int(model["embed_dim"]), int(text.get("context_length", 77))
        preprocessing = _preprocessing(vision.get("image_size", 224), said)
    except (TypeError, KeyError, ValueError) as error:
        raise ModelFailed(f"{folder / CONFIG_NAME} is not what open_clip's configuration looks like") from error
    local = (folder / CONFIG_NAME).is_file()
    if text.get("hf_model_name"):
        raise ModelFailed(f"the CLIP model in {folder} has a text model from a hub, which is not loaded here")
    own_tokenizer = bool(text.get("hf_tokenizer_name")) or (not local and "siglip" in name.lower())
    if own_tokenizer and not (local and (folder / "tokenizer.json").is_file()):
        raise ModelFailed(f"the CLIP model in {folder} needs its tokenizer beside it: tokenizer.json")
    return ClipLayout(
        folder=folder,
        weights=weights,
        architecture=f"local-dir:{folder}" if local else name,
        dim=dim,
        context_tokens=context,
        stock_tokenizer=not own_tokenizer and not text.get("tokenizer_kwargs"),
        scale=_read_scale(weights),
        preprocessing=preprocessing,
    )


def prepare(pixels: Pixels, how: Preprocessing) -> Pixels:
    """The picture scaled and cut to ``(size, size, 3)`` uint8, as open_clip's own preprocessing has it.

    What would be cut off is not scaled first, so a strip of 5000 × 3 pixels needs no more memory than a square.
    """
    from PIL import Image

    image = Image.fromarray(pixels)
    resample = Image.Resampling.BICUBIC if how.bicubic else Image.Resampling.BILINEAR
    size, (width, height) = how.size, image.size
    if how.resize_mode == "squash":
        return np.asarray(image.resize((size, size), resample))
    if how.resize_mode == "longest":
        longer = max(width, height)
        small = image.resize((max(1, round(width * size / longer)), max(1, round(height * size / longer))), resample)
        canvas = Image.new("RGB", (size, size), (how.fill,) * 3)
        canvas.paste(small, ((size - small.width) // 2, (size - small.height) // 2))
        return np.asarray(canvas)
    shorter = min(width, height)
    left, right = _middle(width, int(size * width / shorter), size)
    top, bottom = _middle(height, int(size * height / shorter), size)
    return np.asarray(image.resize((size, size), resample, box=(left, top, right, bottom)))


def _middle(length: int, scaled: int, size: int) -> tuple[float, float]:
    """Which part of ``length`` pixels becomes the ``size`` pixels in the middle, when all become ``scaled``."""
    first = round((scaled - size) / 2)
    return first * length / scaled, min(float(length), (first + size) * length / scaled)


def _find_weights(folder: Path) -> Path:
    """The one file with weights that open_clip would pick too: it takes pickles where it is not clear."""
    if (folder / WEIGHTS_NAME).is_file():
        return folder / WEIGHTS_NAME
    found = sorted(folder.glob("*.safetensors"))
    others = [path for pattern in _PICKLES for path in folder.glob(pattern)]
    if not found and not others:
        raise ModelMissing(f"there is no picture embedding model in {folder}; run: locus models pull")
    if not found:
        raise ModelFailed(f"the model in {folder} has no .safetensors file; other weights are not loaded")
    if len(found) > 1 or others:
        raise ModelFailed(f"{folder} holds several files with weights; name the right one {WEIGHTS_NAME}")
    return found[0]


def _read_config(folder: Path, name: str) -> Mapping[str, Any]:
    """The folder's configuration, or open_clip's own of the architecture ``name``."""
    path, wrap = folder / CONFIG_NAME, False
    if not path.is_file():
        package = find_spec("open_clip")
        if package is None or package.origin is None:
            raise ModelFailed("open_clip is not installed")
        known = {file.stem: file for file in (Path(package.origin).parent / "model_configs").glob("*.json")}
        if name not in known:
            raise ModelFailed(f"{folder} has no {CONFIG_NAME}, and open_clip knows no architecture {name!r}")
        path, wrap = known[name], True
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelFailed(f"{path} can not be read: {error}") from error
    if wrap:
        return {"model_cfg": config}
    if not isinstance(config, dict) or "model_cfg" not in config:
        raise ModelFailed(f"{path} is not what open_clip's configuration looks like")
    return config


def _preprocessing(size: Any, said: Mapping[str, Any]) -> Preprocessing:
    """Raises ``TypeError`` or ``ValueError`` for what is not understood."""
    sides = {int(side) for side in (size if isinstance(size, list) else [size])}
    mode = said.get("resize_mode") or "shortest"
    if len(sides) != 1 or min(sides) < 1 or mode not in ("shortest", "longest", "squash"):
        raise ValueError
    return Preprocessing(
        size=sides.pop(),
        mean=_channels(said.get("mean") or _MEAN),
        std=_channels(said.get("std") or _STD),
        bicubic=said.get("interpolation") != "bilinear",
        resize_mode=mode,
        fill=int(said.get("fill_color") or 0),
    )


def _channels(value: Any) -> tuple[float, float, float]:
    red, green, blue = value if isinstance(value, (list, tuple)) else (value,) * 3
    return float(red), float(green), float(blue)


def _read_scale(weights: Path) -> float:
    """The inverted temperature. Reading it also proves that the file is safetensors and has its full length."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(weights, framework="np") as file:
            if "logit_scale" not in file.keys():  # noqa: SIM118 - a handle, not a mapping
                raise ModelFailed(f"{weights} holds no CLIP model of open_clip")
            scale = math.exp(float(file.get_tensor("logit_scale").reshape(-1)[0]))
    except (OSError, SafetensorError, TypeError, OverflowError) as error:
        raise ModelFailed(f"{weights} is damaged or no safetensors file that is loaded here: {error}") from error
    if not math.isfinite(scale):
        raise ModelFailed(f"{weights} is damaged: its temperature is not a number")
    return min(scale, MAX_SCALE)
