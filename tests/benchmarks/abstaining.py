"""Does it notice that the library does not hold the answer? The trade-off of wrong and right abstentions.

    python tests/benchmarks/abstaining.py --data DIR [--fit]

Each question is asked three times: with everything there, with its paragraph gone, and with its whole article gone
(what is gone is left out inside the search). Reported per collection: AUROC, the share of questions with a missing
answer that are declined when 1, 2, 5, 10 and 20% of the answerable ones are declined too, and both shares at the
threshold that ships. Beside it the plain threshold on the best sentence (half cosine, half weighted word overlap).
``--fit`` prints the weights that a logistic regression over the collections gives, and how well weights that were
fitted on one collection do on the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import datasets
import numpy as np
from numpy.typing import NDArray

from assistant import Settings, evidence
from indexers.protocols import TextEmbedder

HITS = 8
RATES = (0.01, 0.02, 0.05, 0.10, 0.20)


@dataclass
class Scores:
    """Features, one row a question, by what was missing; ``names`` are the columns."""

    names: tuple[str, ...] = ()
    rows: dict[str, list[list[float]]] = field(default_factory=dict)

    def array(self, case: str) -> NDArray[np.float64]:
        return np.array(self.rows[case])


class Remembered:
    """Sentence vectors of one embedder, each text embedded once."""

    def __init__(self, embedder: TextEmbedder) -> None:
        self._embedder = embedder
        self._known: dict[str, NDArray[np.float32]] = {}

    def __call__(self, texts: list[str]) -> NDArray[np.float32]:
        new = list(dict.fromkeys(text for text in texts if text not in self._known))
        if new:
            self._known.update(zip(new, self._embedder.embed_passages(new), strict=True))
        return np.array([self._known[text] for text in texts])


def measure(collection: datasets.Collection) -> Scores:
    scores = Scores()
    with datasets.library(collection.passages) as (locus, paths):
        parts = locus._parts
        embed = Remembered(parts.embedder)
        contents = [parts.library.catalog.file_state(str(path)).content for path in paths]  # type: ignore[union-attr]
        articles = np.array(collection.articles)
        everything = np.array(sorted(contents))
        owners = np.array(contents)
        for question in collection.questions:
            article = articles == articles[question.passage]
            missing = {"there": np.zeros(0, np.int64), "paragraph gone": owners[[question.passage]]}
            if article.sum() > 1:
                missing["article gone"] = owners[article]
            vector = parts.embedder.embed_query(question.text)
            for case, gone in missing.items():
                left = everything[~np.isin(everything, gone)]
                fused = parts.retriever.fused(question.text, vector, 100, left)
                hits = parts.retriever.joined(lambda *_, found=fused: found, HITS)  # type: ignore[misc]
                found = evidence.candidates(hits)
                cosines = embed([each.compared for each in found]) @ vector
                weigh = evidence.Asked(question.text, parts.library.words().weight)
                rows = evidence.scored(weigh, found, cosines)
                told = evidence.features(weigh, rows)
                plain = max(0.5 * (row.cosine + row.overlap) for row in rows)
                scores.names = (*told, "plain")
                scores.rows.setdefault(case, []).append([*told.values(), plain])
    return scores


def auroc(there: NDArray[np.float64], gone: NDArray[np.float64]) -> float:
    """Chance that a question with its answer there scores above one without."""
    order = np.concatenate([there, gone]).argsort().argsort() + 1
    return float((order[: len(there)].sum() - len(there) * (len(there) + 1) / 2) / (len(there) * len(gone)))


def report(name: str, scores: Scores, shipped: float) -> None:
    there = scores.array("there")
    print(f"\n{name}: {len(there)} questions")
    weights = np.array([evidence.CONFIDENCE[feature] for feature in scores.names[:-1]])
    ways = {"plain best sentence": scores.names.index("plain"), "confidence": None}
    for case in scores.rows:
        if case == "there":
            continue
        gone = scores.array(case)
        for way, column in ways.items():
            yes = there[:, column] if column is not None else evidence.INTERCEPT + there[:, :-1] @ weights
            no = gone[:, column] if column is not None else evidence.INTERCEPT + gone[:, :-1] @ weights
            curve = "  ".join(f"{rate:.0%}: {np.mean(no < np.quantile(yes, rate)):.3f}" for rate in RATES)
            print(f"  {case:<15} {way:<20} AUROC {auroc(yes, no):.4f}   declined at wrongly declined {curve}")
            if column is None:
                wrong, right = np.mean(yes < shipped), np.mean(no < shipped)
                print(f"  {'':<15} at the shipped threshold {shipped:+.2f}: declined {right:.3f}, wrongly {wrong:.3f}")


def fit(rows: NDArray[np.float64], labels: NDArray[np.float64], ridge: float = 1e-3) -> NDArray[np.float64]:
    """Logistic regression by Newton's method; gives the weights and, last, the intercept."""
    mean, spread = rows.mean(0), rows.std(0) + 1e-9
    design = np.c_[(rows - mean) / spread, np.ones(len(rows))]
    weights = np.zeros(design.shape[1])
    penalty = ridge * len(rows) * np.r_[np.ones(len(weights) - 1), 0]
    for _ in range(30):
        chance = 1 / (1 + np.exp(-design @ weights))
        gradient = design.T @ (chance - labels) + penalty * weights
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + np.diag(penalty)
        weights -= np.linalg.solve(curvature, gradient)
    scaled = weights[:-1] / spread
    return np.r_[scaled, weights[-1] - scaled @ mean]


def fitted(measured: dict[str, Scores]) -> None:
    def pooled(names: list[str]) -> NDArray[np.float64]:
        tables = [
            (scores.array(case)[:, :-1], float(case == "there"))
            for n in names
            for case, scores in ((c, measured[n]) for c in measured[n].rows)
        ]
        return fit(np.vstack([t for t, _ in tables]), np.concatenate([np.full(len(t), y) for t, y in tables]))

    for names in ([*measured], *([name] for name in measured)):
        weights = pooled(names)
        columns = next(iter(measured.values())).names[:-1]
        told = "  ".join(f"{c} {w:.2f}" for c, w in zip((*columns, "intercept"), weights, strict=True))
        print(f"\nfitted on {' + '.join(names)}: {told}")
        for name, scores in measured.items():
            yes = scores.array("there")[:, :-1] @ weights[:-1] + weights[-1]
            for case in scores.rows:
                if case != "there":
                    no = scores.array(case)[:, :-1] @ weights[:-1] + weights[-1]
                    curve = "  ".join(
                        f"{r:.0%}: {np.mean(no < np.quantile(yes, r)):.3f} ({np.quantile(yes, r):+.2f})" for r in RATES
                    )
                    print(f"  {name:<6} {case:<15} AUROC {auroc(yes, no):.4f}   {curve}")


def main() -> None:
    parser = datasets.arguments(__doc__)
    parser.add_argument("--fit", action="store_true")
    options = parser.parse_args()
    print(datasets.machine())
    measured = {c.name: measure(c) for c in (datasets.xquad(options.data), datasets.qed(options.data))}
    for name, scores in measured.items():
        report(name, scores, Settings().abstain_below)
    if options.fit:
        fitted(measured)


if __name__ == "__main__":
    main()
