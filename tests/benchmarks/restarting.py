"""How many texts are embedded twice when an ``add`` is ended halfway and started again.

    python tests/benchmarks/restarting.py [--files N] [--signals INT,TERM,KILL]

A process adds the files as the command line does, and is sent the signal once half of the texts are embedded; a second
one adds them again. The embedder is HashingEmbedder, slowed down to 2 ms a text, and writes down each text when it is
embedded. A text counts as embedded twice if both processes have written it down.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHUNKS = 6
ADD = """
import sys, time
from pathlib import Path
from assistant.cli_common import heeded
from tries import Place


place = Place(Path(sys.argv[1]))
embed, log = place.embedder.embed_passages, open(sys.argv[2], "a", buffering=1)

def embed_passages(texts):
    for text in texts:
        time.sleep(0.002)
        log.write(text.replace("\\n", " ") + "\\n")
    return embed(texts)

place.embedder.embed_passages = embed_passages
try:
    with heeded(None) as heeding:
        place.pipeline.add([place.files], heeding)
except KeyboardInterrupt:
    sys.exit(130)
finally:
    place.library.close()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--signals", default="INT,TERM,KILL")
    options = parser.parse_args()
    for name in options.signals.split(","):
        with tempfile.TemporaryDirectory(prefix="locus-bench-") as scratch:
            first, second = ended_halfway(Path(scratch), options.files, signal.Signals[f"SIG{name}"])
        twice = len(set(first) & set(second))
        print(f"{name:<5} {len(first):6} texts embedded, then {len(second):6}; twice: {twice}", flush=True)


def ended_halfway(root: Path, files: int, ended_by: signal.Signals) -> tuple[list[str], list[str]]:
    """The texts that each of the two processes has embedded."""
    (root / "files").mkdir()
    for number in range(files):
        parts = (f"Part {part} of the file number {number} tells of its own things." for part in range(CHUNKS))
        (root / "files" / f"{number}.txt").write_text("\n\n".join(parts))
    stops = Path(__file__).parents[1] / "stops"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(stops), str(stops.parents[1])])}
    logs = root / "first", root / "second"
    command = [sys.executable, "-c", ADD, str(root)]
    with subprocess.Popen([*command, str(logs[0])], env=environment, stderr=subprocess.DEVNULL) as process:
        while not logs[0].exists() or len(logs[0].read_text().splitlines()) < files * CHUNKS // 2:
            assert process.poll() is None, "it has ended before half of it was done"
            time.sleep(0.01)
        process.send_signal(ended_by)
        code = process.wait()
    assert code == (130 if ended_by != signal.SIGKILL else -signal.SIGKILL), code
    subprocess.run([*command, str(logs[1])], env=environment, check=True)
    return logs[0].read_text().splitlines(), logs[1].read_text().splitlines()


if __name__ == "__main__":
    main()
