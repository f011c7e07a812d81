"""Readers that ask while another process indexes: no error, and no answer that mixes two versions of a file.

Each generation rewrites every file, one transaction for each pool of files; all chunks of a file tell its generation.
"""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from indexers.errors import LibraryInUse
from indexers.library import Library

STOPS = Path(__file__).parents[1] / "stops"
FILES, GENERATIONS = 125, 4  # 500 in all

WRITE = textwrap.dedent(
    """
    import os, sys
    from pathlib import Path
    from indexers import adding, pool
    from tries import Place

    files, generations = int(sys.argv[2]), int(sys.argv[3])
    pool.MOST_FILES = 10  # many commits, and …
    adding._PUBLISH_EVERY_S = 0.5  # … many of the word index
    place = Place(Path(sys.argv[1]))
    for generation in range(generations):
        for number in range(files):
            path = place.files / f"{number}.txt"
            path.write_text("\\n\\n".join(
                f"Part {part} of the file zfile{number}z was written as generation {generation} of all."
                for part in range(3)
            ))
            os.utime(path, ns=(10**18 + generation * 10**9,) * 2)
        report = place.pipeline.add([place.files])
        assert not report.failed and len(report.files) == files, report
    place.library.close()
    print("written", flush=True)
    """
)

READ = textwrap.dedent(
    """
    import json, random, re, sys, time
    from pathlib import Path
    from tries import Place, Retriever

    files, generations, name = int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    place, chosen = Place(Path(sys.argv[1])), random.Random(name)
    retriever = Retriever(place.library, place.embedder)
    mixed, asked, seen, last = [], 0, {}, 0
    print("ready", flush=True)
    while not (place.library.root.parent / "done").exists() or asked < 20:
        number = chosen.randrange(files)
        query = f"zfile{number}z written as generation"
        hits = retriever.search(query, 12)
        asked += 1
        time.sleep(0.02)
        by_file = {}
        for hit in hits:
            by_file.setdefault(hit.path, set()).update(re.findall(r"generation (\\d+)", hit.chunk.body))
        mixed += [(path, sorted(told)) for path, told in by_file.items() if len(told) > 1]
        for path, told in by_file.items():
            newest = int(max(told))
            if newest < seen.get(path, 0):
                mixed.append((path, f"back from {seen[path]} to {newest}"))
            seen[path] = newest
        # Nor is a file, once it is there, ever missing or in parts.
        own = str(place.files / f"{number}.txt")
        whole = retriever.search(query, 12, under=own)
        told = {told for hit in whole for told in re.findall(r"generation (\\d+)", hit.chunk.body)}
        if own in seen and (len(whole) != 3 or len(told) != 1):
            mixed.append((own, f"{len(whole)} parts of generations {sorted(told)}"))
    for number in range(files):
        hits = retriever.search(f"zfile{number}z written as generation", 3)
        body = f"zfile{number}z was written as generation {generations - 1} of all"
        last += bool(hits) and all(body in hit.chunk.body for hit in hits)
    print(json.dumps([asked, mixed, last]))
    """
)


def start(program: str, *arguments: object) -> "subprocess.Popen[str]":
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(STOPS), str(STOPS.parents[1])]),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)], env=environment, stdout=subprocess.PIPE, text=True
    )


def test_eight_readers_ask_while_500_versions_of_files_are_indexed(tmp_path: Path) -> None:
    readers = [start(READ, tmp_path, FILES, GENERATIONS, name) for name in range(8)]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
    with start(WRITE, tmp_path, FILES, GENERATIONS) as writer:
        written, _ = writer.communicate(timeout=120)
    (tmp_path / "done").touch()
    told = [json.loads(reader.communicate(timeout=120)[0]) for reader in readers]
    assert written == "written\n"
    assert all(reader.returncode == 0 for reader in readers)
    for asked, mixed, last in told:
        assert asked >= 20
        assert mixed == []
        assert last == FILES


HOLD = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from indexers.library import Library
    with Library(Path(sys.argv[1])).writing() as catalog, catalog.transaction():
        catalog.set_fact("half", "done")
        print("writing", flush=True)
        time.sleep(60)
    """
)


def test_a_writer_that_was_killed_blocks_nobody_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    Library(tmp_path).close()
    holder = start(HOLD, tmp_path)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "writing\n"
    library = Library(tmp_path)
    with pytest.raises(LibraryInUse, match=f"is being changed by process {holder.pid} "), library.writing():
        pass
    assert library.words().sequence == 0
    holder.kill()
    holder.communicate()
    with library.writing() as catalog:
        assert catalog.fact("half") is None
    library.close()
