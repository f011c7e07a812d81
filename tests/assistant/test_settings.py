from pathlib import Path

import pytest

from assistant import build
from assistant.settings import Settings, load
from indexers.errors import UsageError


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text('threads = 3\nllm = "from-file"\n', encoding="utf-8")
    return path


def test_argument_then_environment_then_file_then_default(file):
    environment = {"LOCUS_THREADS": "2"}
    assert load({"threads": 1}, environment=environment, file=file).threads == 1
    assert load({"threads": None}, environment=environment, file=file).threads == 2
    assert load(environment={}, file=file).threads == 3
    assert load(environment={}, file=file).llm == "from-file"
    assert load(environment={}, file=file).text_model == Settings().text_model


def test_an_empty_variable_is_not_said(file):
    assert load(environment={"LOCUS_THREADS": ""}, file=file).threads == 3


def test_false_and_zero_are_said(file):
    assert load({"threads": 0}, environment={"LOCUS_THREADS": "2"}, file=file).threads == 0
    assert load({"offline": False}, environment={"LOCUS_OFFLINE": "1"}, file=file).offline is False


@pytest.mark.parametrize("word", ["1", "true", "YES", " on ", "True"])
def test_words_for_true(word, file):
    assert load(environment={"LOCUS_OFFLINE": word}, file=file).offline is True


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("threads", "many"),
        ("threads", "-1"),
        ("threads", "2.5"),
        ("read_seconds", "0"),
        ("read_cpu_seconds", "0"),
        ("read_memory_mb", "0"),
        ("max_file_mb", "0"),
        ("offline", "maybe"),
        ("abstain_below", "nan"),
        ("abstain_below", "high"),
        ("llm_small", "perhaps"),
        ("library", " "),
        ("library", "~no-such-user-here/x"),
        ("library", "a\0b"),
    ],
)
def test_a_bad_value_names_its_source(name, value, file):
    with pytest.raises(UsageError, match=name) as raised:
        load({name: value}, environment={}, file=file)
    assert raised.value.exit_code == 2
    variable = f"LOCUS_{name.upper()}"
    with pytest.raises(UsageError, match=variable):
        load(environment={variable: value}, file=file)


@pytest.mark.parametrize(
    "line",
    ["threads = true", "threads = 2.5", "llm = 3", "library = 5", "offline = 'x'", "llm_url = ['a']", "llm = {}"],
)
def test_a_bad_value_in_the_file_names_the_file(line, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(UsageError, match=r"mine\.toml"):
        load(environment={}, file=path)


def test_unknown_names_are_refused(tmp_path):
    with pytest.raises(UsageError, match="tempo"):
        load({"tempo": 1}, environment={}, file=None)
    path = tmp_path / "s.toml"
    path.write_text("tempo = 1", encoding="utf-8")
    with pytest.raises(UsageError, match=r"s\.toml.*tempo"):
        load(environment={}, file=path)


def test_home_is_expanded(file):
    assert load({"library": "~/lib"}, environment={}, file=file).library == Path.home() / "lib"
    assert load(environment={"LOCUS_LLM_PATH": "~/m.gguf"}, file=file).llm_path == Path.home() / "m.gguf"


def test_an_empty_path_means_none_where_that_is_possible(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text('text_model_path = ""', encoding="utf-8")
    assert load(environment={}, file=path).text_model_path is None


def test_a_file_that_is_no_utf8_or_no_toml_is_an_error_with_its_name(tmp_path):
    path = tmp_path / "s.toml"
    for content in (b'llm = "\xff"', b"llm = ", b"\x00\x01"):
        path.write_bytes(content)
        with pytest.raises(UsageError, match=r"s\.toml"):
            load(environment={}, file=path)


def test_a_byte_order_mark_is_no_error(tmp_path):
    path = tmp_path / "s.toml"
    path.write_bytes(b"\xef\xbb\xbfthreads = 4")
    assert load(environment={}, file=path).threads == 4


def test_a_file_that_was_named_must_be_there(tmp_path):
    absent = tmp_path / "absent.toml"
    with pytest.raises(UsageError, match="not there"):
        load(environment={}, file=absent)
    with pytest.raises(UsageError, match="not there"):
        load(environment={"LOCUS_SETTINGS": str(absent)})
    with pytest.raises(UsageError, match="can not be read"):
        load(environment={"LOCUS_SETTINGS": str(tmp_path)})


def test_the_environment_names_the_file(file):
    assert load(environment={"LOCUS_SETTINGS": str(file)}).threads == 3


@pytest.mark.parametrize(("given", "kept"), [("auto", "auto"), (True, "true"), ("NO", "false"), ("1", "true")])
def test_how_small_the_model_is(given, kept, file):
    assert load({"llm_small": given}, environment={}, file=file).llm_small == kept


@pytest.mark.parametrize("name", ["llm_api_key", "ui_password"])
def test_what_is_secret_is_never_shown(file, name):
    settings = load({name: "geheim"}, environment={}, file=file)
    assert getattr(settings, name) == "geheim"
    assert "geheim" not in repr(settings)
    with pytest.raises(UsageError) as told:
        load({name: ["geheim"]}, environment={}, file=file)
    assert "geheim" not in str(told.value)


def test_the_limits_of_reading_are_set_one_by_one(file, tmp_path, monkeypatch):
    environment = {"LOCUS_READ_SECONDS": "5", "LOCUS_READ_CPU_SECONDS": "3", "LOCUS_READ_MEMORY_MB": "300"}
    limits: dict[str, object] = {}
    monkeypatch.setattr(build, "Sandbox", lambda **given: limits.update(given))
    assert build.Parts(load({"library": tmp_path / "library"}, environment=environment, file=file)).sandbox is None
    assert limits == {"timeout_s": 5, "cpu_s": 3, "memory_bytes": 300_000_000}
