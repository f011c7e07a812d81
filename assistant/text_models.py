"""The text model of a library: what the settings name, else what the library remembers, else the default.

A model goes by a name of the catalogue or by its folder, in what people write and in what a library remembers alike.
Of a folder only the configuration is read here; no model is loaded.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from assistant import models
from indexers.catalog_codec import Binding, model_in, plain_path
from indexers.embedders.layout import read_layout
from indexers.errors import ModelFailed, ModelMissing, UsageError
from indexers.walk import absolute

DEFAULT = "all-MiniLM-L6-v2"


@dataclass(frozen=True, slots=True)
class TextModel:
    """A text model on this machine; ``origin`` is what it is found by again: a name of the catalogue, or the folder."""

    origin: str
    name: str
    folder: Path


def origin(wanted: Path | str) -> str:
    """What a model that people name is found by: its name as the catalogue has it, or its folder's absolute path."""
    if isinstance(wanted, str):
        for entry in models.CATALOGUE:
            if entry.role == "text" and entry.name.casefold() == wanted.casefold():
                return entry.name
        if Path(wanted).name == wanted and not Path(wanted).is_dir():
            return wanted
    return absolute(wanted)


def found(wanted: Path | str, cache_dir: Path) -> TextModel:
    """The model of that name, or in that folder.

    Raises:
        UsageError: it is neither a name of a text model nor a folder.
        ModelMissing: it is not on this machine; the message says how to get it.
        ModelFailed: what is in the folder can not be used.
    """
    known = origin(wanted)
    texts = {entry.name: entry for entry in models.CATALOGUE if entry.role == "text"}
    if known in texts:
        return TextModel(known, known, models.require(texts[known], path=None, cache_dir=cache_dir))
    folder = Path(known)
    if not folder.is_absolute():
        raise UsageError(f"{known!r} is no text model; there are: {', '.join(texts)}, or name a model's folder")
    if plain_path(known) != known:
        raise UsageError(f"the name of the folder {plain_path(known)} is not valid text; rename it")
    read_layout(models.existing(folder))
    return TextModel(known, folder.name, folder)


def chosen(said: str, bound: Binding, cache_dir: Path) -> TextModel:
    """The model that a library is asked and filled with; whether it fits is another question.

    Args:
        said: what the settings name; "" if they leave it to the library.
        bound: what the library is bound to.
        cache_dir: where downloaded models are.

    Raises:
        UsageError, ModelMissing, ModelFailed: it can not be had; the message says what to do.
    """
    own = bound.name
    try:
        return found(said or own or DEFAULT, cache_dir)
    except (UsageError, ModelMissing, ModelFailed) as error:
        if said and own not in ("", said):
            about = f"this library is bound to the text model {own}, the settings name another: {error}"
            raise type(error)(f"{about}; then, to change it, run: {way_to_change(said)}") from error
        if own and not said and own not in [entry.name for entry in models.CATALOGUE]:
            about = f"the text model that this library is bound to can not be had: {error}"
            way = way_to_change("FOLDER")
            raise type(error)(f"{about}; say where it is now, or name another one, with: {way}") from error
        raise


def refusal(said: str, bound: Binding, space: str) -> UsageError:
    """Why a model of ``space`` is not taken for a library that is bound to another one, and the way out."""
    if said:
        return UsageError(
            f"this library is bound to the text model {bound.name}, the settings name {said}; to change it run: "
            f"{way_to_change(said)} (or take it out of the settings)"
        )
    return UsageError(
        f"the text model {bound.name} is not the one that this library is bound to any more ({space}, not "
        f"{bound.space}); put that one back, or embed anew with: {way_to_change(bound.name)}"
    )


def way_to_change(model: str) -> str:
    """The command that binds a library to another text model."""
    return f"locus reindex --text-model {shlex.quote(model)}"


def names(model: TextModel, bound: Binding) -> tuple[str, ...]:
    """What a model may be called in the name of its space, the likeliest first.

    A library that remembers no model was made when models in folders went by a name of the catalogue.
    """
    known = [
        model_in(space)
        for space, origin in ((bound.space, bound.model), (bound.next_space, bound.next_model))
        if space and origin in ("", model.origin)
    ]
    return tuple(dict.fromkeys([*known, model.name]))
