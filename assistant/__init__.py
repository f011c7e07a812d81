"""Locus: ask your own documents, pictures and recordings; every sentence of an answer opens at its source.

Importing this loads no model and no heavy library; that happens on first use.
"""

from assistant.answers import Answer, Answered, Citation, Retrieved, Sentence, Token
from assistant.api import Assistant
from assistant.settings import Settings
from indexers.errors import (
    FileError,
    LibraryBroken,
    LibraryInUse,
    LocusError,
    ModelFailed,
    ModelMissing,
    UsageError,
)
from indexers.pipeline import AddReport, FileReport, Progress
from indexers.reembedding import ReindexReport
from indexers.types import Document, Hit

__all__ = [
    "AddReport",
    "Answer",
    "Answered",
    "Assistant",
    "Citation",
    "Document",
    "FileError",
    "FileReport",
    "Hit",
    "LibraryBroken",
    "LibraryInUse",
    "LocusError",
    "ModelFailed",
    "ModelMissing",
    "Progress",
    "ReindexReport",
    "Retrieved",
    "Sentence",
    "Settings",
    "Token",
    "UsageError",
]
