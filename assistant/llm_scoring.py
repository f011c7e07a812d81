"""How likely a language model finds one text after another: query-likelihood scores for re-ranking.

``LlamaScorer(llm).score_pairs([(sentence, question), …])`` gives the mean log-probability per token of each
question after its sentence. All pairs are evaluated together as sequences of one batch, what they begin with
in common only once, and logits are computed only for the tokens that are scored.

It runs on the worker thread of the ``LlamaCpp`` it is given, in a context of its own, so that a chat's cached
prefix survives. It knows nothing of chats: the texts are read as they are, control tokens never.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

import numpy as np

from assistant.llm import LlamaCpp
from assistant.llm_native import Cell, NativeContext, NativeModel
from indexers.errors import UsageError


class LlamaScorer:
    """Scores continuations with the model of ``llm``.

    Args:
        llm: the engine whose model and worker are used.
        context_tokens: room for all pairs of one call together.
        pairs: most pairs that are evaluated at once; more are done in several rounds.
    """

    def __init__(self, llm: LlamaCpp, *, context_tokens: int = 2048, pairs: int = 16) -> None:
        self._llm = llm
        self._context_tokens = context_tokens
        self._pairs = pairs

    def score(self, prefix: str, continuations: Sequence[str]) -> list[float]:
        """Mean log-probability per token of each continuation after ``prefix``: the higher, the likelier."""
        return self.score_pairs([(prefix, continuation) for continuation in continuations])

    def score_pairs(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Mean log-probability per token of the second text after the first, for each pair.

        Raises:
            UsageError: a continuation is empty, or a pair does not fit the context.
        """
        return self._llm.run(lambda model, threads: self._score(model, threads, pairs))

    def _score(self, model: NativeModel, threads: int, pairs: Sequence[tuple[str, str]]) -> list[float]:
        start = [model.bos] if model.bos >= 0 else model.tokenize("\n")  # the first token needs something before it
        tokens = [(start + model.tokenize(before), model.tokenize(continuation)) for before, continuation in pairs]
        for before, continuation in tokens:
            if not continuation:
                raise UsageError("an empty text can not be scored")
            if len(before) + len(continuation) > self._context_tokens:
                raise UsageError(
                    f"a pair of {len(before) + len(continuation)} tokens is longer than the scorer's context "
                    f"of {self._context_tokens}"
                )
        context = model.context(
            tokens=self._context_tokens,
            threads=threads,
            sequences=self._pairs,
            batch=min(512, self._context_tokens),
        )
        try:
            scores: list[float] = []
            for group in self._groups(tokens):
                context.clear()
                scores += _score_group(context, group)
            return scores
        finally:
            context.close()

    def _groups(self, tokens: list[tuple[list[int], list[int]]]) -> list[list[tuple[list[int], list[int]]]]:
        """Neighbouring pairs that fit the context together."""
        groups: list[list[tuple[list[int], list[int]]]] = []
        room = 0
        for pair in tokens:
            need = len(pair[0]) + len(pair[1])
            if not groups or len(groups[-1]) == self._pairs or need > room:
                groups.append([])
                room = self._context_tokens
            groups[-1].append(pair)
            room -= need
        return groups


def _score_group(context: NativeContext, group: Sequence[tuple[list[int], list[int]]]) -> list[float]:
    shared = _common_prefix([before for before, _ in group])
    # Sequence 0 reads what all have in common; the others take it over, then each reads its own rest. The
    # last token before a continuation always belongs to the rest: its logits give the first scored token.
    shared = min(shared, *(len(before) - 1 for before, _ in group)) if shared else 0
    common = [Cell(token, position) for position, token in enumerate(group[0][0][:shared])]
    for first in range(0, len(common), context.batch):
        context.read(common[first : first + context.batch])
    for sequence in range(1, len(group) if shared else 0):
        context.share(0, sequence)

    cells: list[Cell] = []
    wanted: list[tuple[int, int]] = []  # of each cell: the pair and the token that should follow, or -1
    for sequence, (before, continuation) in enumerate(group):
        whole = before + continuation
        for position in range(shared, len(whole) - 1):
            scored = position >= len(before) - 1
            cells.append(Cell(whole[position], position, sequence, scored))
            wanted.append((sequence, whole[position + 1] if scored else -1))

    sums = np.zeros(len(group))
    for first in range(0, len(cells), context.batch):
        part = cells[first : first + context.batch]
        context.read(part)
        for i in range(len(part)):
            sequence, following = wanted[first + i]
            if following >= 0:
                logits = context.logits(i)
                top = float(logits.max())
                sums[sequence] += float(logits[following]) - top - float(np.log(np.exp(logits - top).sum()))
    return [float(total) / len(continuation) for total, (_, continuation) in zip(sums, group, strict=True)]


def _common_prefix(sequences: Sequence[Sequence[int]]) -> int:
    return sum(1 for _ in takewhile(lambda tokens: len(set(tokens)) == 1, zip(*sequences, strict=False)))
