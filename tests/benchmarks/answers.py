"""Is the gold answer in what is said, and does it cite the right place? Answers on XQuAD, each paragraph a file.

    python tests/benchmarks/answers.py --data DIR [--questions N] [--no-llm] [--alone]

An answer counts as right if one of the accepted answers stands in it and it has at most 60 words. ``cites``: of the
answers given (not declined), how many cite the file that the question was written on. Every quote is looked up word
for word in the file that it cites. ``--alone`` asks the language model without evidence selection and check, with the
best one and the best three paragraphs in its prompt, for comparison.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import datasets
import numpy as np

from assistant import Assistant
from assistant.llm import Message

MOST_WORDS = 60


def has_gold(text: str, question: datasets.Question) -> bool:
    flat = " ".join(text.split()).casefold()
    return len(text.split()) <= MOST_WORDS and any(" ".join(a.split()).casefold() in flat for a in question.answers)


def ours(locus: Assistant, paths: list[Path], questions: list[datasets.Question]) -> None:
    tally: Counter[str] = Counter()
    seconds: list[float] = []
    words: list[int] = []
    for question in questions:
        started = time.perf_counter()
        answer = locus.ask(question.text)
        seconds.append(time.perf_counter() - started)
        for citation in answer.citations:
            tally["citations"] += 1
            tally["verbatim"] += citation.quote in Path(citation.path).read_text(encoding="utf-8")
        if answer.abstained:
            tally["declined"] += 1
            continue
        words.append(len(answer.text.split()))
        tally["given"] += 1
        tally[answer.mode] += 1
        tally["right"] += has_gold(answer.text, question)
        tally["cites"] += any(citation.path == str(paths[question.passage]) for citation in answer.citations)
        written = " ".join(s.text for s in answer.sentences[:1])
        tally["right in the first sentence"] += has_gold(written, question)
    count, given = len(questions), max(1, tally["given"])
    print(f"  gold answer in the answer (≤ {MOST_WORDS} words)   {tally['right'] / count:.3f} of all questions")
    print(f"  … in its first sentence                  {tally['right in the first sentence'] / count:.3f}")
    print(f"  cites the right paragraph                {tally['cites'] / given:.3f} of the answers given")
    print(f"  quotes word for word                     {tally['verbatim']} of {tally['citations']}")
    print(
        f"  declined {tally['declined'] / count:.3f}, written {tally['llm'] / given:.3f}, "
        f"{tally['citations'] / given:.1f} citations each"
    )
    print(
        f"  words {np.mean(words):.0f} (longest {max(words)}), "
        f"seconds p50 {np.median(seconds):.2f} p95 {np.quantile(seconds, 0.95):.2f}"
    )


def alone(locus: Assistant, questions: list[datasets.Question], passages: int) -> None:
    llm = locus._parts.llm
    assert llm is not None
    right = 0
    for question in questions:
        texts = "\n\n".join(hit.text for hit in locus.search(question.text, k=passages))
        content = f"{texts}\n\nAnswer from the text above. Question: {question.text}"
        answer = "".join(llm.stream([Message("user", content)], max_tokens=80))
        right += has_gold(answer, question)
    print(f"  the model alone, best {passages} paragraphs: gold answer {right / len(questions):.3f}")


def main() -> None:
    parser = datasets.arguments(__doc__)
    parser.add_argument("--questions", type=int, default=0, help="only so many, spread over the collection")
    parser.add_argument("--no-llm", action="store_true")
    parser.add_argument("--alone", action="store_true")
    options = parser.parse_args()
    collection = datasets.xquad(options.data)
    step = max(1, len(collection.questions) // options.questions) if options.questions else 1
    questions = list(collection.questions[::step])
    print(datasets.machine())
    settings = {"llm": "none"} if options.no_llm else {}
    with datasets.library(collection.passages, **settings) as (locus, paths):
        print(f"xquad: {len(questions)} questions, model: {locus.settings.llm}")
        ours(locus, paths, questions)
        if options.alone and not options.no_llm:
            for passages in (1, 3):
                alone(locus, questions, passages)


if __name__ == "__main__":
    main()
