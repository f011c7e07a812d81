"""What the word index asks of tantivy: fields, opening, writing, the best by score; and its errors in our words.

Knows nothing of chunks, of sequences, nor where an index is kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tantivy
from numpy.typing import NDArray
from tantivy import Query

from indexers.errors import LibraryInUse

WRITER_BYTES = 64_000_000
MAX_EQUALS = 4096  # of more chunks with one and the same score, some are returned


def idf(searcher: tantivy.Searcher, field: str, term: str) -> float:
    """BM25's inverse document frequency of a term, above 0."""
    held = searcher.doc_freq(field, term)
    return math.log(1 + (max(searcher.num_docs, held) - held + 0.5) / (held + 0.5))


def index_schema() -> tantivy.Schema:
    """The fields of a chunk."""
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("id", indexed=True, fast=True)
    builder.add_unsigned_field("document", indexed=True, fast=True)
    builder.add_unsigned_field("marker", indexed=True)
    builder.add_unsigned_field("sequence", fast=True)
    # Without positions: there are no phrase queries, and the files are a third smaller.
    builder.add_text_field("exact", tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("stems", tokenizer_name="stems", index_option="freq")
    builder.add_text_field("title", tokenizer_name="stems", index_option="freq")
    return builder.build()


def english_stemmer() -> tantivy.TextAnalyzer:
    """Terms with blanks between, to their English stems."""
    words = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace())
    return words.filter(tantivy.Filter.stemmer("english")).build()


@contextmanager
def as_os_error() -> Iterator[None]:
    """What the binding makes of an error of the disk is told as what it is."""
    try:
        yield
    except ValueError as error:
        raise OSError(f"the word index can not be written ({error})") from error


def opened_index(folder: Path | None, schema: tantivy.Schema, stemmer: tantivy.TextAnalyzer) -> tantivy.Index:
    """The index in ``folder``, made if it is not there; in memory without one."""
    index = tantivy.Index(schema, path=None if folder is None else str(folder))
    index.register_tokenizer("stems", stemmer)
    return index


def opened_writer(index: tantivy.Index) -> tantivy.IndexWriter:
    """The one writer of an index.

    Raises:
        LibraryInUse: another process writes.
        OSError: the disk refuses.
    """
    try:
        return index.writer(WRITER_BYTES, 1)
    except ValueError as error:
        if "LockBusy" not in str(error):
            raise OSError(f"the word index can not be written ({error})") from error
        raise LibraryInUse("another process writes to the word index") from error


def best_hits(
    searcher: tantivy.Searcher, query: Query, k: int, of: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The first ``k`` by score, then id; of these, those that belong to the documents ``of``."""
    limit = k + 64
    while True:
        hits = searcher.search(query, limit, count=False).hits
        # Among equals tantivy takes what lies first in its files, which changes as these are merged.
        if len(hits) < limit or hits[-1][0] < hits[k - 1][0] or limit > k + MAX_EQUALS:
            break
        limit = k + 4 * (limit - k)
    places = [place for _, place in hits]
    ids = np.array(searcher.fast_field_values("id", places), np.int64)
    scores = np.array([score for score, _ in hits], np.float32)
    order = np.lexsort((ids, -scores))[:k]
    if of is not None:
        documents = np.array(searcher.fast_field_values("document", places), np.int64)
        order = order[np.isin(documents[order], of)]
    return ids[order], scores[order]
