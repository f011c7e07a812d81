"""From a recording in a folder to answers that open at the right second, with the tiny Whisper.

    python tests/benchmarks/talk.py

Puts ``tests/models/talk.wav`` into a folder under a name that tells nothing, indexes it with ``locus add`` and the
tests' own Whisper (``tests/models/whisper``), compares what the library holds with what is said (word error rate), and
asks ``locus ask --json`` a question about each sentence: is the sentence cited, and how far are the cited times off?
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

import datasets
from gallery import MODELS, locus

QUESTIONS = (
    "When does the ferry to Larkholm leave?",
    "How many people live here all year?",
    "Where does Anna keep the bees?",
    "What do we sell at the harbour market?",
    "How often does the mill wheel turn?",
    "How deep is our well?",
    "Where does Rosa teach music?",
    "What was found under the bridge?",
    "When was the lighthouse built?",
    "Who visits us once a month?",
    "What broke the windows of the school?",
)
"""One about each sentence of the talk, in its order."""


def words(text: str) -> list[str]:
    return text.lower().replace(".", "").split()


def word_error_rate(said: list[str], heard: list[str]) -> float:
    """Substituted, missing and added words (Levenshtein's distance) per word that was said."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        above, row = row, [i]
        for j, other in enumerate(heard, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (word != other)))
    return row[-1] / len(said)


def main() -> None:
    os.environ |= {"LOCUS_LLM": "none", "LOCUS_OFFLINE": "1", "LOCUS_SPEECH_MODEL_PATH": str(MODELS / "whisper")}
    print(datasets.machine())
    truth = json.loads((MODELS / "talk.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as scratch:
        files, library = Path(scratch) / "files", Path(scratch) / "library"
        files.mkdir()
        shutil.copy(MODELS / "talk.wav", files / "0001.wav")
        locus(library, "add", str(files))
        hits = json.loads(locus(library, "search", "what is said", "-k", "99", "--json"))
        spoken = sorted((hit for hit in hits if hit["locator"]["kind"] == "time"), key=lambda hit: hit["rank"])
        spoken.sort(key=lambda hit: hit["locator"]["start_s"])
        said = words(" ".join(part["text"] for part in truth))
        rate = word_error_rate(said, words(" ".join(hit["text"] for hit in spoken)))
        print(f"word error rate {rate:.3f} of {len(said)} words")
        right, off = 0, []
        for question, part in zip(QUESTIONS, truth, strict=True):
            answer = json.loads(locus(library, "ask", question, "--json"))
            cited = answer["citations"][0] if answer["grounded"] else None
            place = cited["locator"] if cited else {"kind": "none"}
            if place["kind"] != "time":
                print(f"  no answer: {question}")
                continue
            away = max(abs(place[edge] - part[edge]) for edge in ("start_s", "end_s"))
            off.append(away)
            right += cited["quote"] == part["text"] and away <= 0.5
            print(f"  {place['start_s']:6.2f}–{place['end_s']:.2f} s, off by {away:.2f} s: {cited['quote']}")
        print(f"answers that quote the sentence at its second: {right} of {len(QUESTIONS)}")
        print(f"cited times are off by {max(off):.2f} s at most")


if __name__ == "__main__":
    main()
