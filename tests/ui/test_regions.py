"""What regions take from the browser and send to it."""

from typing import Any

import gradio as gr
import pytest

from ui.regions import number_in, region, text_in, whole


def event(data: Any) -> gr.EventData:
    return gr.EventData(None, data)


@pytest.mark.parametrize("data", [None, [], "x", 5, {}, {"a": None}, {"a": 5}, {"a": ["x"]}])
def test_what_is_no_text_is_none(data: Any) -> None:
    assert text_in(event(data), "a") == ""
    assert number_in(event(data), "a") == 0


def test_numbers_are_whole_and_not_too_long() -> None:
    told = {"-1": 0, "1.5": 0, "٣": 0, "9" * 19: 0, "9" * 5000: 0, "9" * 18: 10**18 - 1, "007": 7}
    assert {text: number_in(event({"a": text}), "a") for text in told} == told


def test_halves_of_characters_are_neither_taken_nor_sent() -> None:
    assert text_in(event({"a": "x\ud83dy"}), "a") == "x\ufffdy"
    assert whole("\U0001f600") == "\U0001f600"
    with gr.Blocks(analytics_enabled=False):
        shown = region("x", ("open",))
    assert shown.postprocess("<p>\udcff</p>") == "<p>\ufffd</p>"
    assert shown.postprocess(None) is None
    assert shown.get_block_name() == "html"
