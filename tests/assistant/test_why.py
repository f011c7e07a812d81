"""Where a document stood in a search, and what cut it off: ranks are exact, and what is said is true."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant import Assistant, UsageError, cli, show_files
from assistant.retrieve import DEPTH, Retriever
from assistant.why import Asked, Inquiry, Why, before_searching
from indexers.catalog import Content
from indexers.library import Library
from indexers.testing import HashingEmbedder
from indexers.types import Chunk, LinesLocator, Status, WholeLocator

Run = Callable[..., tuple[int, str, str]]


class Shelf:
    """A library whose files are written straight into the catalog."""

    def __init__(self, root: Path) -> None:
        self.root = root / "files"
        self.root.mkdir(parents=True)
        self.library = Library(root / "library")
        self.embedder = HashingEmbedder(dim=64)
        self.retriever = Retriever(self.library, self.embedder)

    def put(self, name: str, *texts: str, status: Status = Status.INDEXED, **told: object) -> str:
        path = self.root / name
        path.write_text("\n".join(texts))
        with self.library.writing() as catalog, catalog.transaction():
            catalog.set_fact("text_space", self.embedder.space)
            content = catalog.add_content(Content(f"hash-{name}", "text", "text", status, **told))  # type: ignore[arg-type]
            chunks = [(Chunk(text, LinesLocator(n, n)), "") for n, text in enumerate(texts, 1)]
            ids = catalog.add_chunks(content, chunks)
            catalog.add_vectors(ids, self.embedder.space, self.embedder.embed_passages(texts))
            catalog.set_file(str(path), content, 1, 1)
        return str(path)

    def why(
        self, query: str, path: str, k: int = 10, media: frozenset[str] | None = None, under: str | None = None
    ) -> Why:
        asked = Asked(query, path, k, media, under)
        before = before_searching(
            self.library, asked, lambda path: f"{path} is absent", lambda model, _: f"get {model}"
        )
        if isinstance(before, Why):
            return before
        return Inquiry(self.library, self.retriever, self.embedder, lambda model, _: f"get {model}").why(asked, before)

    def rank(self, query: str, path: str, k: int) -> int | None:
        return next((hit.rank for hit in self.retriever.search(query, k) if hit.path == path), None)


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path)
    yield made
    made.library.close()


# --- verdicts ----------------------------------------------------------------------------------


def test_what_was_found_stands_where_the_search_shows_it(shelf: Shelf) -> None:
    path = shelf.put("pump.txt", "nothing of note", "the gasket of the pump is cork")
    shelf.put("mill.txt", "the wheel of the mill is oak")
    why = shelf.why("gasket of cork", path, k=2)
    assert (why.verdict, why.rank, why.sentence) == ("found", 1, "it was found at rank 1")
    [best] = shelf.retriever.search("gasket of cork", 1)
    assert why.fused is not None and (why.fused.rank, why.fused.score) == (1, best.score)
    assert why.fused.locator == LinesLocator(2, 2)
    assert (why.standings["dense"].rank, why.standings["words"].rank) == (1, 1)
    assert (why.standings["dense"].of, why.standings["words"].of) == (3, 1)
    assert why.lacking == ()


def test_what_is_below_k_is_told_with_the_k_that_shows_it(shelf: Shelf) -> None:
    paths = [shelf.put(f"{n}.txt", "the pump is old " + "and worn " * n) for n in range(8)]
    order = [hit.path for hit in shelf.retriever.search("old pump", 8)]
    why = shelf.why("old pump", order[5], k=3)
    assert (why.verdict, why.rank) == ("below", 6) and "use -k 6" in why.sentence and order[5] in paths
    assert why.cutoff == shelf.retriever.search("old pump", 3)[-1].score
    assert why.fused is not None and why.fused.score < why.cutoff


def test_copies_that_come_first_are_counted(shelf: Shelf) -> None:
    first = shelf.put("pump.txt", "the old pump")
    path = shelf.put("mill.txt", "the old mill and its wheel")
    with shelf.library.writing() as catalog, catalog.transaction():
        content = catalog.stored_file(first)
        assert content is not None
        for n in range(30):
            copy = shelf.root / f"copy {n}.txt"
            copy.write_text("the old pump")
            catalog.set_file(str(copy), content.content, 1, 1)
    why = shelf.why("old pump", path, k=3)
    assert why.fused is not None and (why.fused.rank, why.rank) == (2, 32) and "use -k 32" in why.sentence


def test_words_that_a_document_lacks_are_named(shelf: Shelf) -> None:
    for n in range(4):
        shelf.put(f"{n}.txt", f"the gaskets of pump number {n}")
    path = shelf.put("mill.txt", "the wheel turns", "and stones are ground by pumps")
    some = shelf.why("gasket of the pump", path, k=2)
    assert some.lacking == ("gasket",) and some.sentence.endswith("; it lacks the words gasket")
    none = shelf.why("gasket number", path, k=2)
    assert none.lacking == ("gasket", "number") and "words" not in none.standings
    assert "no word of the query is in it (it lacks gasket, number)" in none.sentence


def test_a_filter_that_leaves_it_out(shelf: Shelf) -> None:
    path = shelf.put("pump.txt", "the pump")
    by_kind = shelf.why("pump", path, media=frozenset({"image"}))
    assert (by_kind.verdict, by_kind.rank) == (
        "filtered",
        None,
    ) and "--media image: its kind is text" in by_kind.sentence
    by_place = shelf.why("pump", path, under="/elsewhere")
    assert by_place.verdict == "filtered" and "--under /elsewhere" in by_place.sentence
    # Where it would have stood is told all the same.
    assert by_place.standings["words"].rank == 1 and by_place.fused is not None
    assert shelf.why("pump", path, under=str(shelf.root), media=frozenset({"text"})).verdict == "found"


def test_ranks_are_within_what_a_filter_leaves(shelf: Shelf) -> None:
    (shelf.root / "sub").mkdir()
    for n in range(5):
        shelf.put(f"{n}.txt", "the old pump")
    path = shelf.put("sub/a.txt", "the old pump and the mill")
    assert shelf.why("old pump", path).standings["dense"].rank == 6
    within = shelf.why("old pump", path, under=str(shelf.root / "sub"))
    assert (within.standings["dense"].rank, within.standings["dense"].of) == (1, 1)


def test_what_is_gone_from_the_disk(shelf: Shelf) -> None:
    path = shelf.put("pump.txt", "the pump")
    Path(path).unlink()
    why = shelf.why("pump", path)
    assert (why.verdict, why.rank) == ("gone", None) and "gone from the disk" in why.sentence


@pytest.mark.parametrize(
    ("status", "told", "verdict", "said"),
    [
        (Status.ENCRYPTED, {"reason": "needs a password"}, "unread", "it is encrypted: needs a password"),
        (Status.EMPTY, {"reason": "no text in it"}, "unread", "it is empty: no text in it"),
        (Status.FAILED, {}, "unread", "it is failed: no reason is known"),
        (Status.QUEUED, {}, "unread", "it is not read yet (queued)"),
        (
            Status.PENDING,
            {"pending": ("speech", "image")},
            "pending",
            "the speech and image models; run: get speech, get image",
        ),
        (Status.INDEXED, {}, "unread", "it has no text of its own and holds nothing"),
    ],
)
def test_what_has_nothing_to_be_found_says_why(
    shelf: Shelf, status: Status, told: dict[str, object], verdict: str, said: str
) -> None:
    why = shelf.why("pump", shelf.put("a.bin", status=status, **told))
    assert why.verdict == verdict and said in why.sentence and why.standings == {} and why.fused is None


def test_what_waits_for_a_model_and_was_not_found_says_so(shelf: Shelf) -> None:
    shelf.put("pump.txt", "the pump")
    path = shelf.put("photo.jpg", "a photo", status=Status.PENDING, pending=("image",))
    assert shelf.why("pump", path, k=1).sentence.endswith("; it waits for the image model; run: get image")
    assert "waits" not in shelf.why("photo", path, k=1).sentence


def test_what_only_pictures_find_is_not_found_by_words(shelf: Shelf) -> None:
    shelf.put("pump.txt", "the pump")
    path = str(shelf.root / "photo.jpg")
    Path(path).write_text("")
    with shelf.library.writing() as catalog, catalog.transaction():
        content = catalog.add_content(Content("photo", "jpeg", "image", Status.INDEXED))
        catalog.add_chunks(content, [(Chunk("", WholeLocator()), "")])
        catalog.set_file(path, content, 1, 1)
    why = shelf.why("pump", path)
    assert (why.verdict, why.rank, why.fused) == ("below", None, None) and "it has no text" in why.sentence


def test_what_the_library_does_not_hold(shelf: Shelf) -> None:
    shelf.put("pump.txt", "the pump")
    why = shelf.why("pump", "/no/such")
    assert (why.verdict, why.sentence) == ("absent", "/no/such is absent")
    with pytest.raises(UsageError, match="is a folder"):
        shelf.why("pump", str(shelf.root))


def test_a_document_inside_that_was_found_is_named(shelf: Shelf) -> None:
    mail = shelf.put("mail.eml", "a mail about the mill")
    with shelf.library.writing() as catalog, catalog.transaction():
        content = catalog.add_content(Content("inner", "text", "text", Status.INDEXED))
        ids = catalog.add_chunks(content, [(Chunk("the pump", LinesLocator(1, 1)), "")])
        catalog.add_vectors(ids, shelf.embedder.space, shelf.embedder.embed_passages(["the pump"]))
        catalog.set_file(f"{mail}!/note.txt", content, 1, 1, parent=mail)
    assert shelf.why("pump", mail, k=1).sentence.endswith("; inside it note.txt was found at rank 1")
    assert shelf.why("pump", f"{mail}!/note.txt", k=1).verdict == "found"


# --- deep in a large library -------------------------------------------------------------------

WORDS = "mill wheel pump cork stone flour sluice gate river bat owl lease".split()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """More chunks than any retriever looks at, some alike."""
    shelf = Shelf(tmp_path_factory.mktemp("large"))
    chance = random.Random(7)
    for n in range(120):
        shelf.put(f"{n}.txt", *(" ".join(chance.choices(WORDS, k=chance.randint(2, 9))) for _ in range(5)))
    yield shelf
    shelf.library.close()


@given(
    number=st.integers(0, 119),
    words=st.lists(st.sampled_from([*WORDS, "heron", "the"]), min_size=1, max_size=4),
    k=st.integers(1, 30),
)
@settings(max_examples=30)
def test_ranks_are_exact_and_the_k_that_is_told_shows_it(large: Shelf, number: int, words: list[str], k: int) -> None:
    query, path = " ".join(words), str(large.root / f"{number}.txt")
    why = large.why(query, path, k)
    vector = large.embedder.embed_query(query)
    catalog = large.library.catalog
    ids, contents, vectors = catalog.vectors(catalog.changes_since(0).added, large.embedder.space)
    assert len(ids) == 600 > 4 * DEPTH
    own = catalog.stored_file(path)
    assert own is not None
    cosines = vectors @ vector
    best = cosines[contents == own.content].max()
    dense = why.standings["dense"]
    assert dense.score == pytest.approx(float(best), abs=1e-3) and dense.of == 600
    assert int(np.sum(cosines > best + 1e-3)) < dense.rank <= int(np.sum(cosines > best - 1e-3))
    held = "\n".join(text for text, _ in catalog.texts_of(own.content).values()).split()
    assert set(why.lacking) == {word for word in words if word not in held and word != "the"} or set(words) == {"the"}
    shown = large.rank(query, path, k)
    assert (why.verdict == "found") == (shown is not None)
    if why.verdict == "found":
        assert why.rank == shown
    else:
        assert why.rank is not None and why.rank > k
        needed = int(why.sentence.split("use -k ")[1].split(";")[0])
        assert large.rank(query, path, needed) is not None


def test_what_is_beyond_all_that_a_search_shows(large: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    from assistant import why as module

    monkeypatch.setattr(module, "MOST_HITS", 20)
    query = "heron"
    last = large.retriever.search(query, 600)[-1].path
    why = large.why(query, last, 5)
    assert (why.verdict, why.rank) == ("below", None) and "beyond what a search shows" in why.sentence
    assert why.fused is not None and f"rank {why.fused.rank} of 600" in why.sentence


# --- the facade and the command ----------------------------------------------------------------


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, str, str]:
        code = cli.run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


QUESTION = "When does our water lease end?"


@pytest.fixture
def lease(sample: Assistant) -> str:
    return next(document.path for document in sample.files() if document.path.endswith("water-lease.pdf"))


def test_a_search_tells_why(run: Run, sample_library: Path, sample: Assistant, lease: str) -> None:
    at = ("--library", sample_library, "search", QUESTION, "--why")
    code, out, err = run(*at, lease, "--json", "-k", 3)
    data = json.loads(out)
    assert (code, err) == (0, "")
    assert set(data) == {
        *("query", "path", "k", "verdict", "sentence", "standings", "fused", "rank", "cutoff", "lacking")
    }
    assert (data["verdict"], data["rank"], data["k"], data["path"]) == ("found", 1, 3, lease)
    assert set(data["standings"]["words"]) == {"rank", "of", "score", "locator"}
    assert data == sample.why(QUESTION, lease, k=3).to_dict()
    code, out, _ = run(*at, "/no/such/file")
    assert code == 0 and "there is no such file" in out
    for wrong in ((Path(lease).parent,), (lease, "--image", lease)):
        code, out, err = run(*at, *wrong)
        assert (code, out, err.count("\n")) == (2, "", 1)


def test_why_is_told_in_a_few_lines(sample: Assistant, lease: str, capsys: pytest.CaptureFixture[str]) -> None:
    show_files.why(sample.why(QUESTION, lease))
    first, sentence, *ranks = capsys.readouterr().out.splitlines()
    assert (first, sentence) == (lease, "  it was found at rank 1")
    assert [line.split()[0] for line in ranks] == ["dense", "words", "fused", "last"]
    assert ranks[0].startswith("  dense     rank 1 of ") and "its best place p. " in ranks[0]
    show_files.why(sample.why(QUESTION, lease, media="image"))
    assert "--media image: its kind is text" in capsys.readouterr().out


def test_no_model_is_loaded_for_what_can_not_be_found(tmp_path: Path) -> None:
    with Assistant(tmp_path / "library", text_model="CLIP-ViT-B-32") as locus:
        assert locus.why("pump", "/no/such").verdict == "absent"
        with pytest.raises(UsageError, match="empty"):
            locus.why(" ", "/no/such")
