"""What rests on the text model, made anew where the library is bound to another one.

The library's binding is looked up each time that one of these parts is asked for: another process may have changed it.
What was made together rests on one model; a question that is under way when the model changes is refused by the
library at its next search (``OtherModel``), never answered from two.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from assistant import text_models
from assistant.answering import Answerer
from assistant.by_picture import PictureSearch
from assistant.part import part
from assistant.retrieve import Retriever
from assistant.text_models import TextModel
from indexers.catalog import Binding
from indexers.embedders.text import SentenceEmbedder
from indexers.errors import OtherModel
from indexers.pipeline import Pipeline
from indexers.protocols import TextEmbedder
from indexers.reembedding import ReindexReport, reembed

if TYPE_CHECKING:
    from assistant.build import Parts


class TextParts:
    """What rests on one text model.

    Args:
        parts: what does not.
        embedder: the model.
        model: what it is found by again.
        bound: the space that the library was bound to then.
    """

    def __init__(self, parts: Parts, embedder: TextEmbedder, model: str, bound: str) -> None:
        self._parts = parts
        self.mutex = parts.mutex
        self.embedder = embedder
        self.model = model
        self._bound = bound

    def fit(self, bound: str) -> bool:
        """Whether they are right for a library that is bound to space ``bound`` by now."""
        return bound in (self._bound, self.embedder.space)

    def renewed(self) -> TextParts:
        """The same model, with none of the other parts made yet."""
        return TextParts(self._parts, self.embedder, self.model, self._bound)

    @part
    def pipeline(self) -> Pipeline:
        """What adds and removes files."""
        parts = self._parts
        return Pipeline(parts.library, self.embedder, parts.reader, hidden=parts.hidden, model=self.model)

    @part
    def retriever(self) -> Retriever:
        """What searches."""
        return Retriever(self._parts.library, self.embedder, self._parts.sights)

    @part
    def picture_search(self) -> PictureSearch:
        """What searches with a picture."""
        parts = self._parts
        way = parts.way_to_get("image")
        return PictureSearch(parts.library, self.retriever, self.embedder, parts.sights, parts.reader, way)

    @part
    def answerer(self) -> Answerer:
        """What answers questions."""
        parts = self._parts
        return Answerer(
            self.retriever,
            self.embedder,
            lambda word: parts.library.words().weight(word),
            llm=parts.llm,
            style=parts.style(),
            abstain_below=parts.abstain_below,
            answer_words=parts.answer_words,
        )


class TextSide:
    """The ``TextParts`` in force, and changing the model they rest on.

    Args:
        parts: what rests on no text model.
        said: the model that the settings name; "" if they leave it to the library.
        cache_dir: where downloaded models are.
        threads: cores for models; None for all.
    """

    def __init__(self, parts: Parts, *, said: str, cache_dir: Path, threads: int | None) -> None:
        self._parts = parts
        self._said = said
        self._cache_dir = cache_dir
        self._threads = threads
        self._made: TextParts | None = None

    def current(self) -> TextParts:
        """The parts for the model that the library is bound to now.

        Raises:
            UsageError: the library is bound to another model than the settings name, or than is there now.
            ModelMissing: there is no text model.
            OtherModel: the library was given another model at this moment.
        """
        bound = self._binding()
        made = self._made
        if made is not None and made.fit(bound.space):
            return made
        with self._parts.mutex:
            if self._made is None or not self._made.fit(bound.space):
                self._made = self._make(bound)
            return self._made

    def renew(self) -> None:
        """Makes what rests on the model anew, the model itself not: what they were made with has changed."""
        with self._parts.mutex:
            if self._made is not None:
                self._made = self._made.renewed()

    def reindex(self, text_model: Path | str, on_progress: Callable[[int, int], None] | None) -> ReindexReport:
        """Binds the library to another model; the parts rest on that one from then on, whatever the settings name."""
        model = text_models.found(text_model, self._cache_dir)
        embedder = self._embedder(model, self._binding())
        report = reembed(self._parts.library, embedder, model.origin, on_progress)
        with self._parts.mutex:
            self._made = TextParts(self._parts, embedder, model.origin, embedder.space)
        return report

    def name(self, *, has_library: bool) -> str:
        """The model in use, by its name or folder; loads none."""
        own = self._binding().name if has_library else ""
        if self._made is not None and self._made.fit(self._binding().space):
            return self._made.model
        return self._said or own or text_models.DEFAULT

    def _make(self, bound: Binding) -> TextParts:
        model = text_models.chosen(self._said, bound, self._cache_dir)
        embedder = self._embedder(model, bound)
        try:
            self._parts.library.check_space(embedder.space)
        except OtherModel as error:
            if self._binding().space != bound.space:
                raise
            raise text_models.refusal(self._said, bound, embedder.space) from error
        return TextParts(self._parts, embedder, model.origin, bound.space)

    def _binding(self) -> Binding:
        with self._parts.library.mutex:
            return self._parts.library.catalog.binding()

    def _embedder(self, model: TextModel, bound: Binding) -> TextEmbedder:
        made = [
            SentenceEmbedder(model.folder, name=name, cache_dir=self._cache_dir, threads=self._threads)
            for name in text_models.names(model, bound)
        ]
        return next((each for each in made if each.space in (bound.space, bound.next_space)), made[-1])
