"""Which way of running a model is fastest on this machine, found by timing once and remembered.

A way is only taken if its vectors are the model's: cosine to sentence-transformers in fp32, as it comes, at least
0.998 for every sample. That is why all ways share one vector space. Nothing is assumed of a CPU; bf16 is several
times faster on some and several times slower on others.

The memory is one small JSON file. Losing it, or not being able to write it, costs the time of choosing again.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from indexers.embedders.backends import Backend, TokenIds
from indexers.errors import ModelFailed
from indexers.types import Vectors

logger = logging.getLogger(__name__)

MIN_COSINE = 0.998
"""Below this to plain fp32 a way is not faithful."""

_ROUNDS = 2
_HOPELESS = 6.0
"""A way that takes this many times the best one's time for a short text is not timed further: bf16 on a CPU without it
would make choosing take minutes."""

_LIBRARIES = ("torch", "onnxruntime", "sentence-transformers", "transformers", "tokenizers")

_TOPICS = (
    "The tenant shall pay the rent in advance on the first day of every month, and the landlord keeps the roof dry.",
    "Revenue rose by 4.3 % to $1,284 million in fiscal 2023, while operating expenses fell for the third year.",
    "Photosynthesis turns light, water and carbon dioxide into sugar; chlorophyll absorbs mostly red and blue.",
    "def mean(values: list[float]) -> float: return sum(values) / len(values)  # raises for an empty list",
    "Die Sitzung beginnt um neun Uhr; wer später kommt, findet das Protokoll im Ordner neben der Tür.",
    "She left the bicycle at the station, took the last train north, and did not write for eleven weeks.",
    "Ingredients: 250 g flour, 2 eggs, a pinch of salt, half a litre of milk. Rest the batter for an hour.",
    "The court held that notice given by e-mail was sufficient under section 12(b), and dismissed the appeal.",
)


@dataclass(frozen=True, slots=True)
class Choice:
    """The outcome of timing. ``texts_per_s`` and ``min_cosine`` name the ways that were timed."""

    passages: str
    query: str
    texts_per_s: Mapping[str, float]
    min_cosine: Mapping[str, float]


class Memory:
    """What was found out earlier, as JSON values by key in one file. Never raises: at worst it forgets."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, key: str) -> Any:
        """The value, or None if there is none or the file is broken."""
        return self._load().get(key)

    def put(self, key: str, value: Any) -> None:
        """Remembers ``value``, if the file can be written."""
        data = self._load() | {key: value}
        temporary = self._path.with_name(f"{self._path.name}.{os.getpid()}.tmp")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(data, indent=1), encoding="utf-8")
            temporary.replace(self._path)
        except OSError as error:
            logger.info("what was timed can not be remembered in %s: %s", self._path, error)
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _load(self) -> dict[str, Any]:
        try:
            data = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return data if isinstance(data, dict) else {}


def machine_key(model_sha256: str, threads: int, backend: str) -> str:
    """All that a choice depends on: another value of any of these means choosing again."""
    return " ".join([model_sha256[:16], backend, f"{threads}t", cpu_model(), library_versions()])


def library_versions() -> str:
    """Versions of the libraries that run models, read without importing them."""
    found = []
    for name in _LIBRARIES:
        with suppress(PackageNotFoundError):
            found.append(f"{name}={version(name)}")
    return " ".join(found)


def cpu_model() -> str:
    """The CPU's name and, where the system tells, its instruction sets as a short hash of their list."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    # Two virtual machines with the same "model name" can differ in what they may use (AVX-512, AMX).
    flags = " ".join(sorted(set(facts.get("flags", facts.get("Features", "")).split())))
    return f"{facts.get('model name', platform.machine())} {_short_hash(flags)}"


def sample_texts() -> list[str]:
    """Sixteen texts of 20 to 200 tokens for timing and comparing: prose, figures, code, another language."""
    count = len(_TOPICS)
    return [" ".join(_TOPICS[(start + step) % count] for step in range(1 + start % 7)) for start in range(2 * count)]


def choose(ways: Mapping[str, Callable[[], Backend]], reference: Vectors, ids: TokenIds) -> Choice:
    """Times every way on the samples and takes the fastest faithful one.

    The sample of each round runs on all ways before the next round, and the best round counts, so that other work on
    the machine does not fall on one way alone.

    Args:
        ways: how each is made, by name. One that raises ``ModelFailed`` is left out.
        reference: ``(len(ids), dim)``, what plain sentence-transformers gives for the samples.
        ids: the samples' tokens.

    Raises:
        ModelFailed: no way is faithful.
    """
    made: dict[str, Backend] = {}
    cosines: dict[str, float] = {}
    quickest = float("inf")
    for name, make in ways.items():
        try:
            backend = make()
            backend.embed(ids[:1])  # the first run also sets up memory and kernels
            probe = _seconds(backend, ids[:1])
            if probe > _HOPELESS * quickest:
                logger.info("%s is left out: %.0f ms for a short text", name, probe * 1000)
                continue
            vectors = backend.embed(ids)
        except ModelFailed as error:
            logger.info("%s is left out: %s", name, error)
            continue
        quickest = min(quickest, probe)
        cosines[name] = float((vectors * reference).sum(axis=1).min())
        if cosines[name] >= MIN_COSINE:
            made[name] = backend
    if not made:
        raise ModelFailed(f"no way of running the text embedding model is faithful: {cosines}")
    passages = _best_times(made, ids)
    query = _best_times(made, ids[:1])
    return Choice(
        passages=min(passages, key=passages.__getitem__),
        query=min(query, key=query.__getitem__),
        texts_per_s={name: round(len(ids) / seconds, 1) for name, seconds in passages.items()},
        min_cosine={name: round(cosine, 5) for name, cosine in cosines.items()},
    )


def choice_to_json(choice: Choice) -> dict[str, Any]:
    """For ``Memory.put``."""
    return asdict(choice)


def choice_from_json(data: Any) -> Choice | None:
    """The inverse of ``choice_to_json``; None if the value is not a choice."""
    try:
        return Choice(str(data["passages"]), str(data["query"]), dict(data["texts_per_s"]), dict(data["min_cosine"]))
    except (TypeError, KeyError, ValueError):
        return None


def _best_times(backends: Mapping[str, Backend], ids: TokenIds) -> dict[str, float]:
    """Seconds of each way's best round."""
    rounds = [{name: _seconds(backend, ids) for name, backend in backends.items()} for _ in range(_ROUNDS)]
    return {name: min(one[name] for one in rounds) for name in backends}


def _seconds(backend: Backend, ids: TokenIds) -> float:
    start = time.perf_counter()
    backend.embed(ids)
    return time.perf_counter() - start


def _short_hash(text: str) -> str:
    from hashlib import sha256

    return sha256(text.encode()).hexdigest()[:8]
