"""What is asked about one file: all that is known of it, where it stands in a search, why it is not in the library.

Loads a model only where a search has to be run for it.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from assistant.absent import why_absent
from assistant.file_details import FileDetails, details
from assistant.why import Asked, Inquiry, Why, before_searching
from indexers.errors import UsageError
from indexers.ignore import Ignore
from indexers.places import below

if TYPE_CHECKING:
    from assistant.build import Parts


class FileQuestions:
    """Answers questions about files. Safe to use from several threads.

    Args:
        parts: what the files are looked at with; asked for each time, since they change with the settings.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def file(self, path: str) -> FileDetails:
        """The details of the file at ``path``; raises ``UsageError`` if the library does not hold it."""
        with self._parts.library.mutex:
            found = details(self._parts.library.catalog, path, self._way_to_finish)
        if found is None:
            raise UsageError(self.why_absent(path))
        at_work = self._parts.library.at_work()
        if path in at_work:
            found = replace(found, document=replace(found.document, status=at_work[path]))
        return found

    def why(self, asked: Asked) -> Why:
        """Where a document stands in a search; loads no model where it can not be found at all."""
        before = before_searching(self._parts.library, asked, self.why_absent, self._way_to_finish)
        if isinstance(before, Why):
            return before
        parts = self._parts
        return Inquiry(parts.library, parts.retriever, parts.embedder, self._way_to_finish).why(asked, before)

    def why_absent(self, path: str) -> str:
        """Why the library does not hold what is at ``path``, as one clause that begins with the path."""
        if (status := self._parts.library.at_work().get(path)) is not None:
            return f"{path} is not in the library yet: it is {status}"
        return why_absent(path, self._parts.library.root, self._parts.reader.refusal, self._is_left_out)

    def _is_left_out(self, path: str) -> bool:
        """Whether a file is passed over where its folder is read; as far as is known, which folders those are."""
        with self._parts.library.mutex:
            folders = [folder.path for folder in self._parts.library.catalog.folders()]
        above = [folder for folder in folders if path.startswith(below(folder))]
        return all(Ignore(root, hidden=self._parts.hidden).file(path) for root in above or [os.sep])

    def _way_to_finish(self, model: str, path: str) -> str:
        """The command after which the file at ``path`` no longer waits for a model."""
        senses = self._parts.senses
        is_there = {"image": senses.images, "speech": senses.speech}[model] is not None
        with self._parts.library.mutex:
            holder = self._parts.library.catalog.outermost(path)
        return f"locus add {shlex.quote(holder)}" if is_there else self._parts.way_to_get(model)
