"""The whole hybrid search over a library of 100,000 chunks, the query's embedding left out.

    python tests/benchmarks/search_library.py [--chunks N]

Times ``Retriever.search_vector``: both indexes, fusion, joining hits to live chunks in the catalog, looking whether
their files are there; k = 10, as it is and below a folder that holds a tenth of the files. Texts and vectors are made
by ``search_100k.py``, which times the indexes alone and their recall.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import search_100k
from numpy.typing import NDArray

from assistant.retrieve import Retriever
from indexers.catalog import Catalog, Content
from indexers.library import Library
from indexers.testing import HashingEmbedder
from indexers.types import Chunk, LinesLocator, Place, Status

K = 10
DIM = 384


def fill(catalog: Catalog, files: Path, data: search_100k.Data, space: str) -> None:
    """A file of its own for each document, in ten folders."""
    with catalog.transaction():
        catalog.set_fact("text_space", space)
        for number in np.unique(data.documents):
            path = files / str(number % 10) / f"{number}.txt"
            path.touch()
            rows = np.flatnonzero(data.documents == number)
            known = Content(f"{number}", "text", "text", Status.INDEXED, title=f"document {number}")
            content = catalog.add_content(known)
            where = [LinesLocator(line, line) for line in range(1, len(rows) + 1)]
            chunks = [
                (Chunk(data.texts[row], place, (Place(0, place),)), "") for row, place in zip(rows, where, strict=True)
            ]
            catalog.add_vectors(catalog.add_chunks(content, chunks), space, data.vectors[rows])
            catalog.set_file(str(path), content, 0, 0)


def times(retriever: Retriever, data: search_100k.Data, under: str | None) -> NDArray[np.float64]:
    """Milliseconds of each question, warm."""
    found = []
    for query, question in zip(data.queries, data.questions, strict=True):
        retriever.search_vector(question, query, K, under=under)
        start = time.perf_counter()
        retriever.search_vector(question, query, K, under=under)
        found.append((time.perf_counter() - start) * 1000)
    return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=100_000)
    options = parser.parse_args()
    data = search_100k.make(options.chunks, DIM, 200, None)
    embedder = HashingEmbedder(dim=DIM)
    with tempfile.TemporaryDirectory(prefix="locus-bench-") as scratch:
        files = Path(scratch) / "files"
        for number in range(10):
            (files / str(number)).mkdir(parents=True)
        library = Library(Path(scratch) / "library")
        with library.writing() as catalog:
            fill(catalog, files, data, embedder.space)
        library.publish()
        retriever = Retriever(library, embedder)
        print(f"{os.cpu_count()} cores, {search_100k.processor()}, load {os.getloadavg()[0]:.1f}")
        print(f"{options.chunks:,} chunks, k = {K}, whole hybrid search in ms")
        for label, under in (("all files", None), ("one folder of ten", str(files / "3"))):
            found = times(retriever, data, under)
            print(f"  {label:<20} p50 {np.percentile(found, 50):5.2f}   p95 {np.percentile(found, 95):5.2f}")
        library.close()


if __name__ == "__main__":
    main()
