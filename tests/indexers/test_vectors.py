import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexers import vectors as module
from indexers.snapshots import read_snapshot, write_snapshot
from indexers.vectors import BLOCK_ROWS, FaissIndex


class Model:
    """What the index promises, by brute force."""

    def __init__(self) -> None:
        self.rows: dict[int, tuple[int, NDArray[np.float64]]] = {}

    def add(self, ids: NDArray[np.int64], documents: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        halves = vectors.astype(np.float16).astype(np.float64)
        halves /= np.linalg.norm(halves, axis=1, keepdims=True)
        self.rows.update(zip(ids.tolist(), zip(documents.tolist(), halves, strict=True), strict=True))

    def search(
        self, query: NDArray[np.float32], k: int, documents: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        wanted = None if documents is None else set(documents.tolist())
        rows = [(n, vector) for n, (document, vector) in self.rows.items() if wanted is None or document in wanted]
        if not rows:
            return []
        scores = (np.stack([vector for _, vector in rows]) @ query.astype(np.float64)).astype(np.float32)
        return sorted(((n, s) for (n, _), s in zip(rows, scores.tolist(), strict=True)), key=best_first)[:k]


def best_first(row: tuple[int, float]) -> tuple[float, int]:
    return -row[1], row[0]


def units(count: int, dim: int, seed: int, spread: float = 1.0) -> NDArray[np.float32]:
    """Clustered unit vectors, all a little to one side, as embedders give them."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(dim).standard_normal((20, dim)) + 0.5
    points = centres[random.integers(0, 20, count)] + spread * random.standard_normal((count, dim))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return np.asarray(points, np.float32)


def filled(count: int, dim: int = 32, seed: int = 0) -> tuple[FaissIndex, Model]:
    index, model = FaissIndex(dim), Model()
    ids = np.arange(count, dtype=np.int64)
    rows = ids, ids // 7, units(count, dim, seed)
    index.add(*rows)
    model.add(*rows)
    return index, model


def check(index: FaissIndex, model: Model, k: int, documents: NDArray[np.int64] | None = None, seed: int = 99) -> None:
    assert len(index) == len(model.rows)
    for query in units(3, index.dim, seed):
        ids, scores = index.search(query, k, documents)
        expected = model.search(query, k, documents)
        assert ids.dtype == np.int64
        assert scores.dtype == np.float32
        assert len(ids) == len(expected)
        np.testing.assert_allclose(scores, [score for _, score in expected], atol=2e-7)
        assert ids.tolist() == [number for number, _ in expected]


operations = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(st.integers(-5, 40), max_size=12), st.integers(0, 1000)),
        st.tuples(st.just("remove"), st.lists(st.integers(-5, 45), max_size=12), st.just(0)),
        st.tuples(st.just("search"), st.lists(st.integers(0, 6), max_size=3), st.integers(1, 50)),
        st.tuples(st.just("reload"), st.just([]), st.just(0)),
    ),
    max_size=25,
)


@given(operations)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_does_what_brute_force_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: list[tuple[str, list[int], int]]
) -> None:
    # Small limits, so that blocks fill up, rows are scanned and the dead are dropped within a few changes.
    for name, value in (("BLOCK_ROWS", 8), ("EXACT_ROWS", 4), ("MIN_DEAD", 3), ("MIN_CANDIDATES", 4)):
        monkeypatch.setattr(module, name, value)
    index, model = FaissIndex(16), Model()
    for what, numbers, seed in changes:
        ids = np.array(numbers, np.int64)
        if what == "add":
            rows = ids, np.abs(ids) % 5, units(len(ids), 16, seed)
            index.add(*rows)
            model.add(*rows)
        elif what == "remove":
            index.remove(ids)
            for number in numbers:
                model.rows.pop(number, None)
        elif what == "search":
            check(index, model, seed, ids if numbers else None)
        else:
            index.save(tmp_path / "s", space="a", sequence=len(model.rows))
            loaded = FaissIndex.load(tmp_path / "s", space="a", dim=16)
            assert loaded is not None
            assert loaded[1] == len(model.rows)
            index = loaded[0]
    check(index, model, 10)


@pytest.mark.parametrize("dim", [3, 64])
def test_many_rows_over_several_blocks(dim: int) -> None:
    index, model = filled(BLOCK_ROWS + 77, dim)
    check(index, model, 300)
    check(index, model, 10, np.arange(0, 1500))
    check(index, model, 10, np.array([5, 1000, 2340]))  # few rows: scored without a scan
    gone = np.arange(0, BLOCK_ROWS, 5)
    index.remove(gone)
    for number in gone.tolist():
        del model.rows[number]
    check(index, model, 10)


def test_an_outlying_dimension_does_no_harm() -> None:
    # Some models have a dimension that is ten times the others in every vector.
    index, model = FaissIndex(64), Model()
    points = units(5_000, 64, 1)
    points[:, 5] += 1.5
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    ids = np.arange(len(points))
    index.add(ids, ids, points)
    model.add(ids, ids, points)
    for query in points[:5]:
        assert index.search(query, 10)[0].tolist() == [number for number, _ in model.search(query, 10)]


def test_candidates_are_widened_until_none_can_be_missing() -> None:
    # 2,000 rows closer to each other than the rounding of the scan can tell.
    index, model = filled(3_000)
    centre = units(1, 32, 5)
    ids = np.arange(20_000, 22_000)
    near = centre + 1e-3 * np.random.default_rng(0).standard_normal((len(ids), 32)).astype(np.float32)
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    index.add(ids, ids, near)
    model.add(ids, ids, near)
    assert index.search(centre[0], 10)[0].tolist() == [number for number, _ in model.search(centre[0], 10)]


def test_equals_are_ordered_by_id() -> None:
    index = FaissIndex(32)
    ids = np.random.default_rng(0).permutation(1500)
    index.add(ids, ids, np.repeat(units(1, 32, 0), len(ids), axis=0))
    found, scores = index.search(units(1, 32, 3)[0], 20)
    assert found.tolist() == list(range(20))
    assert len(set(scores.tolist())) == 1


def test_an_id_added_again_is_replaced() -> None:
    index = FaissIndex(4)
    one = np.eye(4, dtype=np.float32)
    index.add(np.array([7, 8]), np.array([1, 1]), one[:2])
    index.add(np.array([7]), np.array([2]), one[2:3])
    assert index.search(one[0], 1)[1][0] == 0
    assert index.search(one[2], 1, np.array([2]))[0].tolist() == [7]
    index.add(np.array([9, 9]), np.array([3, 3]), one[[1, 3]])
    assert index.search(one[3], 9, np.array([3]))[0].tolist() == [9]
    assert index.search(one[3], 9, np.array([3]))[1].tolist() == [1]
    assert len(index) == 3


def test_scores_are_cosines_whatever_the_lengths() -> None:
    index = FaissIndex(3)
    index.add(np.array([1]), np.array([1]), np.array([[300_000, 400_000, 0]], np.float32))
    assert index.search(np.array([0, 5e-10, 0], np.float32), 1)[1][0] == pytest.approx(0.8, abs=1e-3)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_vectors_without_direction_are_refused(value: float) -> None:
    index = FaissIndex(4)
    good, bad = units(1, 4, 0), np.full((1, 4), value, np.float32)
    with pytest.raises(ValueError, match="zero or holds NaN"):
        index.add(np.array([1, 2]), np.array([1, 1]), np.concatenate([good, bad]))
    assert len(index) == 0
    index.add(np.array([1]), np.array([1]), good)
    with pytest.raises(ValueError, match="zero or holds NaN"):
        index.search(bad[0], 1)


def test_shapes_that_do_not_fit_are_refused() -> None:
    index = FaissIndex(4)
    with pytest.raises(ValueError, match="shape"):
        index.add(np.array([1]), np.array([1]), units(1, 5, 0))
    with pytest.raises(ValueError, match="shape"):
        index.add(np.array([1]), np.array([1, 2]), units(1, 4, 0))
    with pytest.raises(ValueError, match="shape"):
        index.search(units(1, 5, 0)[0], 1)


def test_nothing_to_find() -> None:
    index = FaissIndex(4)
    query = units(1, 4, 0)[0]
    assert index.search(query, 5)[0].tolist() == []
    index.add(np.array([1]), np.array([1]), units(1, 4, 0))
    assert index.search(query, 5, np.array([2]))[0].tolist() == []
    assert index.search(query, 5, np.array([], np.int64))[0].tolist() == []
    assert index.search(query, 0)[0].tolist() == []


def test_a_snapshot_is_refused_unless_it_is_this_one(tmp_path: Path) -> None:
    path = tmp_path / "s"
    index, model = filled(600)
    index.remove(np.arange(5))
    for number in range(5):
        del model.rows[number]
    index.save(path, space="a", sequence=41)
    loaded = FaissIndex.load(path, space="a", dim=32)
    assert loaded is not None
    assert loaded[1] == 41
    check(loaded[0], model, 10)
    assert FaissIndex.load(path, space="b", dim=32) is None
    assert FaissIndex.load(path, space="a", dim=31) is None
    assert FaissIndex.load(tmp_path / "absent", space="a", dim=32) is None
    header, payload = read_snapshot(path) or ({}, memoryview(b""))
    write_snapshot(path, header | {"format": header["format"] + 1}, [payload])
    assert FaissIndex.load(path, space="a", dim=32) is None


def test_a_flipped_bit_in_the_vectors_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "s"
    filled(50)[0].save(path, space="a", sequence=1)
    data = path.read_bytes()
    for position in range(0, len(data), 37):
        path.write_bytes(data[:position] + bytes([data[position] ^ 16]) + data[position + 1 :])
        assert FaissIndex.load(path, space="a", dim=32) is None


def test_a_loaded_index_can_be_changed(tmp_path: Path) -> None:
    index, model = filled(50)
    index.save(tmp_path / "s", space="a", sequence=1)
    loaded = FaissIndex.load(tmp_path / "s", space="a", dim=32)
    assert loaded is not None
    rows = np.array([3, 90]), np.array([0, 0]), units(2, 32, 8)
    loaded[0].add(*rows)
    model.add(*rows)
    check(loaded[0], model, 10)


def test_searches_go_on_while_one_writes() -> None:
    index = FaissIndex(32)
    fixed = units(700, 32, 1)
    index.add(np.arange(700), np.zeros(700, np.int64), fixed)
    stop, errors = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            for number in (0, 350, 699):
                ids, scores = index.search(fixed[number], 3)
                pairs = index.search(fixed[number], 4000, np.array([1]))[0]
                # An add is seen whole: all of its 50 rows or none.
                if ids[0] != number or scores[0] < 0.999 or len(pairs) % 50:
                    errors.append((number, ids, scores, len(pairs)))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for step in range(60):
        ids = 1000 + 50 * step + np.arange(50)
        index.add(ids, np.ones(50, np.int64), units(50, 32, step))
        if step % 10 == 9:
            index.remove(np.arange(1000, 1000 + 50 * step))
    stop.set()
    for reader in readers:
        reader.join()
    assert errors == []


def test_the_centre_is_the_mean_of_what_is_there() -> None:
    index = FaissIndex(4)
    assert index.centre().tolist() == [0, 0, 0, 0]
    index.add(np.arange(2), np.zeros(2, np.int64), np.eye(4, dtype=np.float32)[:2])
    assert index.centre().tolist() == [0.5, 0.5, 0, 0]
    index.remove(np.array([0]))
    assert index.centre().tolist() == [0, 1, 0, 0]
