import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexers import words as module
from indexers.errors import LibraryInUse
from indexers.words import TantivyIndex

TEXTS = {
    1: "The quick brown fox jumps over the lazy dog.",
    2: "Foxes are quick; a fox runs.",
    3: "Total revenue was 1,234.56 in the 10-Q, see foo_bar v2.1 or mail e-mail@x.org.",
    4: "北京市是中华人民共和国的首都。",
    5: "Die Bäume laufen nicht, aber der Läufer lief.",
}


@pytest.fixture
def index(tmp_path: Path) -> Iterator[TantivyIndex]:
    made = TantivyIndex.open_or_create(tmp_path / "words")
    made.add(list(TEXTS), [n // 2 for n in TEXTS], list(TEXTS.values()), ["", "Animals", "Report", "中国", "Wald"])
    made.commit(1)
    yield made
    made.close()


def found(index: TantivyIndex, query: str, k: int = 10, documents: list[int] | None = None) -> list[int]:
    ids, scores = index.search(query, k, documents)
    assert ids.dtype == np.int64
    assert scores.dtype == np.float32
    assert len(ids) == len(scores) == len(set(ids.tolist())) <= k
    assert (np.diff(scores) <= 0).all()
    assert (scores > 0).all()
    return [int(number) for number in ids]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("running foxes", [2, 1]),
        ("FOX", [2, 1]),
        ("animal", [2]),  # in the title alone
        ("What was the revenue?", [3]),
        ("1,234.56", [3]),
        ("10-Q", [3]),
        ("foo_bar", [3]),
        ("v2.1", [3]),
        ("e-mail@x.org", [3]),
        ("首都", [4]),
        ("baume", [5]),
        ("unicorn", []),
        ("", []),
        ("?!", []),
        ("the", [1, 3]),  # stop words count when there is nothing else
    ],
)
def test_it_finds(index: TantivyIndex, query: str, expected: list[int]) -> None:
    assert sorted(found(index, query)) == sorted(expected)
    assert found(index, query)[:1] == expected[:1] or query == "the"


def test_documents_restrict_the_search(index: TantivyIndex) -> None:
    assert found(index, "fox", documents=[0]) == [1]
    assert found(index, "fox", k=1, documents=[0]) == [1]
    assert found(index, "fox", documents=[2]) == []
    assert found(index, "fox", documents=[]) == []
    assert found(index, "fox", documents=[-1, 10**15]) == []


@pytest.mark.parametrize("share", [0.02, 0.5, 1.0])
def test_a_filter_gives_what_filtering_everything_gives(tmp_path: Path, share: float) -> None:
    random = np.random.default_rng(4)
    count = 3000
    index = TantivyIndex.open_or_create(tmp_path / "words")
    texts = [" ".join(f"w{n}" for n in random.zipf(1.4, 8)) for _ in range(count)]
    index.add(range(count), [n // 2 for n in range(count)], texts, [""] * count)
    index.commit(1)
    wanted = random.choice(count // 2, int(share * count / 2), replace=False).tolist()
    for query in ("w1", "w3 w7", "w200", "w2 w50"):
        ids, scores = index.search(query, count)
        inside = [(int(n), float(s)) for n, s in zip(ids, scores, strict=True) if n // 2 in set(wanted)][:10]
        ids, scores = index.search(query, 10, wanted)
        assert list(zip(ids.tolist(), scores.tolist(), strict=True)) == inside
    index.close()


def test_equals_are_ordered_by_id(tmp_path: Path) -> None:
    index = TantivyIndex.open_or_create(tmp_path / "words")
    numbers = np.random.default_rng(0).permutation(900).tolist()
    for start in range(0, 900, 100):  # several segments
        part = numbers[start : start + 100]
        index.add(part, [0] * 100, ["same words"] * 100, [""] * 100)
        index.commit(start + 1)
    assert found(index, "word", 20) == list(range(20))
    index.close()


def test_replaced_and_removed_chunks_are_never_found(index: TantivyIndex) -> None:
    index.add([1], [9], ["a zebra"], [""])
    index.remove([2, 77, -3])
    assert found(index, "fox") == [2, 1], "nothing changes before the commit"
    index.commit(2)
    assert found(index, "fox") == []
    assert found(index, "zebra", documents=[9]) == [1]
    assert len(index) == 4
    index.add([1, 1], [9, 8], ["a horse", "a mule"], ["", ""])
    index.add([1], [8], ["a donkey"], [""])
    index.commit(3)
    assert (found(index, "zebra horse mule"), found(index, "donkey")) == ([], [1])
    assert len(index) == 4


@given(
    st.lists(
        st.tuples(st.booleans(), st.lists(st.tuples(st.integers(0, 9), st.sampled_from("abc")), max_size=4)),
        max_size=6,
    )
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_holds_what_a_dict_holds(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[bool, list[tuple[int, str]]]]
) -> None:
    index, model = TantivyIndex.open_or_create(tmp_path_factory.mktemp("words")), dict[int, str]()
    for sequence, (adds, rows) in enumerate(changes, 1):
        if adds:
            index.add([n for n, _ in rows], [0] * len(rows), ["x" + letter for _, letter in rows], [""] * len(rows))
            model.update(rows)
        else:
            index.remove([n for n, _ in rows])
            for number, _ in rows:
                model.pop(number, None)
        if sequence % 2:
            index.commit(sequence)
    index.commit(100)
    for letter in "abc":
        assert sorted(found(index, "x" + letter)) == sorted(n for n, held in model.items() if held == letter)
    assert len(index) == len(model)
    assert index.sequence == 100
    index.close()


@given(st.one_of(st.text(), st.text(alphabet='"\\():[]{}^~*?+-/&|! fox\0\ud800')))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_query_is_syntax(index: TantivyIndex, query: str) -> None:
    found(index, query)


@pytest.mark.parametrize("query", ['fox" OR (', "text:fox", "-fox", "fox AND NOT fox", "id:[0 TO 9] fox", "fo* fox~1"])
def test_what_looks_like_syntax_is_words(index: TantivyIndex, query: str) -> None:
    assert {1, 2} <= set(found(index, query))


def test_a_very_long_query_is_cut_to_its_rarest_terms(index: TantivyIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = " ".join(f"unknown{n}" for n in range(1500))
    assert set(found(index, f"{unknown} revenue fox")) == {1, 2, 3}
    found(index, "fox " * 1_000_000)
    monkeypatch.setattr(module, "MAX_QUERY_TERMS", 1)
    assert found(index, "fox jumps lazy") == [1], "fox is in two chunks, the others in one"


def test_texts_may_hold_anything(index: TantivyIndex) -> None:
    index.add([50], [50], ["\0 \ud800 needle " + "x" * 100_000 + " \U0001f600"], ["\udfff"])
    index.commit(2)
    assert found(index, "needle") == [50]


def test_what_can_not_be_added_is_refused_whole(index: TantivyIndex) -> None:
    with pytest.raises(ValueError, match="not negative"):
        index.add([60, -1], [1, 1], ["needle", "needle"], ["", ""])
    with pytest.raises(ValueError, match="argument"):
        index.add([60, 61], [1, 1], ["needle"], ["", ""])
    index.commit(2)
    assert found(index, "needle") == []


def test_the_sequence_survives(tmp_path: Path, index: TantivyIndex) -> None:
    index.commit(2**40)
    index.close()
    for again in (TantivyIndex.open(tmp_path / "words"), TantivyIndex.open_or_create(tmp_path / "words")):
        assert again is not None
        assert again.sequence == 2**40
        assert found(again, "fox") == [2, 1]


def test_what_was_not_committed_is_gone(tmp_path: Path, index: TantivyIndex) -> None:
    index.add([60], [1], ["needle"], [""])
    index.close()
    index.commit(5)
    assert (found(index, "needle"), index.sequence, len(index)) == ([], 5, 5)


def test_a_reader_follows_a_writer_in_another_process(tmp_path: Path, index: TantivyIndex) -> None:
    index.close()
    program = """
        import os, sys
        from pathlib import Path
        from indexers.words import TantivyIndex
        index = TantivyIndex.open_or_create(Path(sys.argv[1]))
        index.add([60], [1], ["needle"], [""])
        index.commit(9)
        index.add([61], [1], ["needle"], [""])
        print("committed", flush=True)
        sys.stdin.read(1)
        os._exit(1)  # dies with a change that was never committed
    """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), str(tmp_path / "words")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stdout.readline() == b"committed\n"
    assert (found(index, "needle"), index.sequence) == ([60], 9)
    with pytest.raises(LibraryInUse):
        index.add([62], [1], ["needle"], [""])
    child.communicate(b"x")
    index.add([62], [1], ["needle"], [""])
    index.commit(10)
    assert found(index, "needle") == [60, 62]


def test_a_damaged_index_is_made_anew(tmp_path: Path, index: TantivyIndex) -> None:
    folder = tmp_path / "words"
    index.close()
    sound = {path.name: path.read_bytes() for path in folder.iterdir()}
    data = [name for name, content in sound.items() if "." in name[1:] and not name.startswith(".") and content]
    assert len(data) > 5
    for round_, name in enumerate(sorted(data)):
        broken = tmp_path / f"broken-{round_}"
        broken.mkdir()
        for other, content in sound.items():
            (broken / other).write_bytes(content)
        content = sound[name]
        (broken / name).write_bytes(bytes([content[0] ^ 1]) + content[1:])
        (broken / "mine.txt").write_text("not of the index")
        assert TantivyIndex.open(broken) is None, name
        again = TantivyIndex.open_or_create(broken)
        assert (again.sequence, len(again), found(again, "fox")) == (0, 0, [])
        assert (broken / "mine.txt").exists()
        (broken / name).unlink(missing_ok=True)


def test_another_format_is_made_anew(tmp_path: Path, index: TantivyIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    index.close()
    monkeypatch.setattr(module, "FORMAT", module.FORMAT + 1)
    assert TantivyIndex.open(tmp_path / "words") is None
    assert TantivyIndex.open_or_create(tmp_path / "words").sequence == 0
    assert TantivyIndex.open(tmp_path / "absent") is None


def test_rare_words_elsewhere_in_a_document_are_lent_to_its_other_chunks(tmp_path: Path) -> None:
    index = TantivyIndex.open_or_create(tmp_path / "words")
    texts = ["gardenia bakeries", "total 68.41", "gardenia bakeries", "total 20.21", "other shop"]
    index.add(range(5), [1, 1, 2, 2, 3], texts, [""] * 5)
    index.commit(1)
    gained = index.elsewhere("gardenia 68.41", [0, 1, 2, 3, 4], [1, 1, 2, 2, 3])
    _, [alone] = index.search("68.41", 1)
    # Chunk 0 lacks the sum, chunks 1 and 3 the name; the second receipt has the sum nowhere.
    assert gained.keys() == {0, 1, 3}
    assert gained[0] == pytest.approx(float(alone))
    assert gained[1] == pytest.approx(gained[3])
    index.close()
