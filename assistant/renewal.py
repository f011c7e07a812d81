"""Which settings take effect while Locus runs, and which parts are made anew for that.

Knows names alone: those of the settings, and those of the parts in ``build`` and ``build_models``. What rests on the
text model (search, answers, the pipeline) is made anew with any of them, which costs nothing, since the model itself
stays.
"""

from __future__ import annotations

from collections.abc import Iterable

_WRITER = ("llm", "_llm_path")
_SIGHT = ("_image_folder", "images", "senses", "sights")
_HEARING = ("_speech_folder", "speech", "senses")

_RENEWS: dict[str, tuple[str, ...]] = {
    "abstain_below": (),
    "allow_remote": _WRITER,
    "answer_words": (),
    "hidden": (),
    "image_model": _SIGHT,
    "image_model_path": _SIGHT,
    "inbox": (),
    "llm": _WRITER,
    "llm_api_key": _WRITER,
    "llm_model": _WRITER,
    "llm_path": _WRITER,
    "llm_small": (),
    "llm_url": _WRITER,
    "max_file_mb": ("reader",),
    "max_media_mb": ("reader",),
    "ocr": ("senses",),
    "offline": (),
    "rescan_minutes": (),
    "speech_model": _HEARING,
    "speech_model_path": _HEARING,
    "theme": (),
}

AT_ONCE = frozenset(_RENEWS)
"""The settings that take effect at once; the others do when Locus is started again."""


def renewed(changed: Iterable[str]) -> frozenset[str]:
    """The parts that are made anew when these settings change."""
    return frozenset(part for name in changed for part in _RENEWS[name])


def changed(old: object, new: object) -> set[str]:
    """Which of the settings that take effect at once differ between ``old`` and ``new``."""
    return {name for name in AT_ONCE if getattr(new, name) != getattr(old, name)}
