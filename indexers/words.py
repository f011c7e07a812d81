"""BM25 with tantivy: the terms of ``indexers.terms`` as they are, and their English stems.

Stems find more and exact terms break ties, so text is indexed twice; languages other than English lose
nothing, because their exact terms are there too. Weights were chosen on public collections of questions: right
passage first for .935 (XQuAD) and .813 (QED) of them with stems alone, .936 and .827 with a quarter of exact,
.895 (QED) with titles in full; titles at half or double weight lose two points of that.

The index is a snapshot that can be rebuilt. Each commit writes, in the same transaction, one marker document
with the sequence of changes it holds: after a crash index and sequence agree, always. Adding is idempotent,
so that changes may be replayed. One writer at a time, through tantivy's own lock, which the kernel frees when
a process dies; any number of readers, in this process and others, who see the last commit.

Knows nothing of documents beyond their numbers: titles come with the chunks.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import tantivy
from numpy.typing import NDArray
from tantivy import Occur, Query

from indexers.terms import query_terms, terms
from indexers.words_files import index_files, is_damaged, sweep
from indexers.words_tantivy import (
    as_os_error,
    best_hits,
    english_stemmer,
    idf,
    index_schema,
    opened_index,
    opened_writer,
)

FORMAT = 1  # of the schema and of the terms together
EXACT_WEIGHT = 0.25
TITLE_WEIGHT = 1.0
BM25_K1 = 1.2  # tantivy's own, not to be set
MAX_QUERY_CHARACTERS = 20_000
MAX_QUERY_TERMS = 64
MAX_ID = 2**63 - 1
RARE = 200  # chunks: a word in more of them tells little about one document
FILTER_TERMS = 200  # up to so many documents are looked up as terms first; for more, good hits are filtered


class TantivyIndex:
    """The ``WordIndex`` in one folder. Searches see what was committed last, by whichever process.

    Made by ``open``, ``create`` or ``open_or_create``; the constructor raises ValueError for an index it can not read.
    Without a folder it is empty, and in memory.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._schema = index_schema()
        self._stemmer = english_stemmer()
        self._index = opened_index(folder, self._schema, self._stemmer)
        self._index.config_reader("manual")  # a look at the clock of one file, in place of a watching thread
        self._writer: tantivy.IndexWriter | None = None
        self._writing = threading.RLock()
        self._reading = threading.Lock()
        self._commits, self._is_changed = 0, False
        self._seen: tuple[int, int] | None = None
        self._view: tuple[tantivy.Searcher, int] | None = None
        if folder is None:
            self.commit(0)
        self._fresh()

    @classmethod
    def open(cls, folder: Path) -> TantivyIndex | None:
        """The index for reading beside a writer; None if it is absent, damaged or of another version."""
        if not (folder / "meta.json").is_file() or is_damaged(folder):
            return None
        try:
            return cls(folder)
        except ValueError:  # what the binding makes of all of tantivy's errors
            return None

    @classmethod
    def open_or_create(cls, folder: Path) -> TantivyIndex:
        """The index for writing: made, or made anew at sequence 0 where ``open`` would give None.

        Only for whoever holds the library's writer lock: a damaged index is deleted, used or not.

        Raises:
            OSError: the folder can not be made or cleared.
        """
        return cls.open(folder) or cls.create(folder)

    @classmethod
    def create(cls, folder: Path) -> TantivyIndex:
        """An empty index at sequence 0 in the place of whatever is there. Only as ``open_or_create``.

        Raises:
            OSError: the folder can not be made, cleared or written to.
        """
        if folder.exists() and not folder.is_dir():
            folder.unlink()
        folder.mkdir(parents=True, exist_ok=True)
        for path in index_files(folder):
            path.unlink()
        with as_os_error():
            writer = opened_writer(opened_index(folder, index_schema(), english_stemmer()))
            writer.add_document(_marker(0))
            writer.commit()
            writer.wait_merging_threads()
            return cls(folder)

    @property
    def is_in_memory(self) -> bool:
        """Whether it is gone when the process ends."""
        return self._folder is None

    @property
    def sequence(self) -> int:
        """The sequence of the last commit."""
        return self._fresh()[1]

    def __len__(self) -> int:
        """Chunks in the last commit."""
        return int(self._fresh()[0].num_docs) - 1  # the marker

    def add(self, ids: Sequence[int], documents: Sequence[int], texts: Sequence[str], titles: Sequence[str]) -> None:
        """Adds chunks, found after the next ``commit``; a known id is replaced.

        Raises:
            ValueError: lengths differ or a number is negative; nothing was added.
            LibraryInUse: another process writes.
            OSError: the disk could not be written; the last commit stands.
        """
        rows = list(zip(ids, documents, texts, titles, strict=True))
        if any(not 0 <= number <= MAX_ID for row in rows for number in row[:2]):
            raise ValueError("ids and documents are not negative")
        with self._writing, self._dropped_on_error():
            self._forget(ids)
            writer = self._opened_writer()
            for chunk, document, text, title in {row[0]: row for row in rows}.values():
                row = tantivy.Document()
                row.add_unsigned("id", int(chunk))
                row.add_unsigned("document", int(document))
                words = " ".join(terms(text))
                row.add_text("exact", words)
                row.add_text("stems", words)
                row.add_text("title", " ".join(terms(title)))
                writer.add_document(row)

    def remove(self, ids: Sequence[int]) -> None:
        """Forgets these chunks at the next ``commit``; unknown ids are ignored.

        Raises:
            LibraryInUse: another process writes.
        """
        with self._writing, self._dropped_on_error():
            self._forget([number for number in ids if 0 <= number <= MAX_ID])

    def commit(self, sequence: int) -> None:
        """Makes all changes since the last commit visible and durable, together with ``sequence``.

        Raises:
            OSError: the disk could not be written; the last commit stands.
            LibraryInUse: another process writes.
        """
        with self._writing, self._dropped_on_error():
            writer = self._opened_writer()
            writer.delete_documents_by_query(Query.term_query(self._schema, "marker", FORMAT))
            writer.add_document(_marker(sequence))
            writer.commit()
            self._commits, self._is_changed = self._commits + 1, False

    def close(self) -> None:
        """Drops changes that were not committed, lets merging end and frees the writer's lock."""
        with self._writing:
            writer, self._writer = self._writer, None
            if writer is not None:
                # On a full disk neither goes well; what was committed stands, and what they leave is swept up.
                with suppress(ValueError):
                    # A rollback breaks merging off: the work is lost, and its threads write for some time after.
                    if self._is_changed:
                        writer.rollback()
                with suppress(ValueError):
                    writer.wait_merging_threads()

    def search(
        self, query: str, k: int, documents: Sequence[int] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The ``k`` best chunks for the words of ``query``: ids and BM25 scores, best first, ties by id.

        Args:
            query: Plain words in any number; of very many, the rarest count. Nothing in it is syntax.
            k: How many; fewer come back if fewer hold a word of the query.
            documents: Searches only chunks of these documents.
        """
        searcher, _ = self._fresh()
        parts = self._clauses(searcher, query)
        if not parts or k <= 0 or (documents is not None and not len(documents)):
            return np.empty(0, np.int64), np.empty(0, np.float32)
        words = Query.boolean_query([(Occur.Should, part) for part in parts])
        if documents is None:
            return best_hits(searcher, words, k)
        wanted = np.unique(np.asarray(documents, np.int64))
        if len(wanted) > FILTER_TERMS:
            # Thousands of terms cost more than the search. Of the best chunks of all, those of the
            # wanted documents are the best of these, if they are enough.
            ids, scores = best_hits(searcher, words, 4 * k, of=wanted)
            if len(ids) >= k:
                return ids[:k], scores[:k]
        inside = Query.term_set_query(self._schema, "document", wanted[wanted >= 0].tolist())
        within = Query.const_score_query(inside, 0.0)
        return best_hits(searcher, Query.boolean_query([(Occur.Must, words), (Occur.Must, within)]), k)

    def elsewhere(self, query: str, ids: Sequence[int], documents: Sequence[int]) -> dict[int, float]:
        """What the rare words of ``query`` that a chunk lacks score in the best other chunk of its document.

        A short document tells its name in one chunk and its sum in another: asked for by both, neither chunk has
        them together.

        Args:
            query: as in ``search``.
            ids: chunks, as ``search`` and others found them.
            documents: the document of each.

        Returns:
            Chunk → the sum over such words, in the unit of ``search``; chunks that gain nothing are left out.
        """
        searcher, _ = self._fresh()
        exact = query_terms(query[:MAX_QUERY_CHARACTERS])[:MAX_QUERY_TERMS]
        stems = dict.fromkeys(self._stemmer.analyze(" ".join(exact)))
        gained: dict[int, float] = {}
        for field, term, weight in [("stems", s, 1.0) for s in stems] + [("exact", e, EXACT_WEIGHT) for e in exact]:
            if not 0 < searcher.doc_freq(field, term) <= RARE:
                continue
            hits = searcher.search(Query.term_query(self._schema, field, term, index_option="freq"), RARE).hits
            places = [place for _, place in hits]
            holders = set(searcher.fast_field_values("id", places))
            best: dict[int, float] = {}
            for (score, _), document in zip(hits, searcher.fast_field_values("document", places), strict=True):
                best[document] = max(best.get(document, 0.0), weight * score)
            for chunk, document in zip(ids, documents, strict=True):
                if document in best and chunk not in holders:
                    gained[chunk] = gained.get(chunk, 0.0) + best[document]
        return gained

    def lacking(self, query: str, text: str) -> list[str]:
        """The words of ``query`` that ``text`` has neither as they are nor in another form."""
        held = set(self._stemmer.analyze(" ".join(terms(text))))
        wanted = query_terms(query[:MAX_QUERY_CHARACTERS])
        return [term for term in wanted if not held.issuperset(self._stemmer.analyze(term))]

    def weight(self, stem: str) -> float:
        """How much a word tells, by its English stem: BM25's inverse document frequency, above 0."""
        searcher, _ = self._fresh()
        return idf(searcher, "stems", stem)

    def ceiling(self, query: str) -> float:
        """The score of a chunk that held every word of ``query`` to saturation, titles left aside.

        It bounds what a chunk's text can score, and scores divided by it can be compared between queries.
        """
        searcher, _ = self._fresh()
        exact = query_terms(query[:MAX_QUERY_CHARACTERS])
        stems = dict.fromkeys(self._stemmer.analyze(" ".join(exact)))
        total = sum(idf(searcher, "stems", stem) for stem in stems)
        total += EXACT_WEIGHT * sum(idf(searcher, "exact", term) for term in exact)
        return (BM25_K1 + 1) * total

    def clear(self) -> None:
        """Forgets all chunks at the next ``commit``.

        Raises:
            LibraryInUse: another process writes.
        """
        with self._writing, self._dropped_on_error():
            self._opened_writer().delete_all_documents()

    def _clauses(self, searcher: tantivy.Searcher, query: str) -> list[Query]:
        exact = query_terms(query[:MAX_QUERY_CHARACTERS])
        stems = list(dict.fromkeys(self._stemmer.analyze(" ".join(exact))))
        weighted = [row for stem in stems for row in (("stems", stem, 1.0), ("title", stem, TITLE_WEIGHT))]
        weighted += [("exact", term, EXACT_WEIGHT) for term in exact]
        if len(exact) > MAX_QUERY_TERMS:
            rarity = [(searcher.doc_freq(field, term), field, term, weight) for field, term, weight in weighted]
            rarest = sorted(row for row in rarity if row[0] > 0)[: 3 * MAX_QUERY_TERMS]
            weighted = [(field, term, weight) for _, field, term, weight in rarest]
        return [
            Query.boost_query(Query.term_query(self._schema, field, term, index_option="freq"), weight)
            for field, term, weight in weighted
        ]

    def _forget(self, ids: Sequence[int]) -> None:
        # By query: the binding takes the number of a deletion by term for a signed one and silently deletes
        # nothing from an unsigned field.
        numbers = [int(number) for number in ids]
        if numbers:
            query = Query.term_set_query(self._schema, "id", numbers)
            self._opened_writer().delete_documents_by_query(query)

    def _opened_writer(self) -> tantivy.IndexWriter:
        if self._writer is None:
            self._writer = opened_writer(self._index)
            if self._folder is not None:
                sweep(self._folder)
        self._is_changed = True
        return self._writer

    @contextmanager
    def _dropped_on_error(self) -> Iterator[None]:
        """Gives the writer up when it fails: after an error it takes nothing more."""
        try:
            with as_os_error():
                yield
        except OSError:
            writer, self._writer = self._writer, None
            if writer is not None:
                # Waiting is what frees its lock: the error's traceback may hold on to the object for long.
                with suppress(ValueError):
                    writer.wait_merging_threads()
            raise

    def _fresh(self) -> tuple[tantivy.Searcher, int]:
        """A searcher over the last commit and the commit's sequence."""
        with self._reading:
            # Looked at before reading: a commit that comes between is seen by the next call.
            try:
                seen = self._commits, 0
                if self._folder is not None:
                    status = (self._folder / "meta.json").stat()
                    seen = (status.st_mtime_ns, status.st_ino)
                if seen != self._seen:
                    self._index.reload()
                    searcher = self._index.searcher()
                    self._view = searcher, self._marked(searcher)
                    self._seen = seen
            except (OSError, ValueError) as error:
                # Another process makes it anew at this moment. What was opened goes on being read.
                if self._view is None:
                    raise ValueError(f"no index in {self._folder} ({error})") from error
            assert self._view is not None, "it was opened now or before"
            return self._view

    def _marked(self, searcher: tantivy.Searcher) -> int:
        hits = searcher.search(Query.term_query(self._schema, "marker", FORMAT), 1, count=False).hits
        if not hits:
            raise ValueError(f"no index of format {FORMAT}")
        return int(searcher.fast_field_values("sequence", [hits[0][1]])[0])


def _marker(sequence: int) -> tantivy.Document:
    document = tantivy.Document()
    document.add_unsigned("marker", FORMAT)
    document.add_unsigned("sequence", sequence)
    return document
