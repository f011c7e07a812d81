"""Gradio is imported quickly: without the stubs that it would write, and leaving Python as it was."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = """
import inspect, pathlib
from assistant.models import hub_environment
hub_environment(offline=True)
read, before = [], inspect.getfile
text = pathlib.Path.read_text
pathlib.Path.read_text = lambda path, *more, **named: (read.append(path.name), text(path, *more, **named))[1]
from ui.gradio_import import import_gradio
import_gradio()
import_gradio()
import gradio
assert inspect.getfile is before
assert inspect.getfile(gradio.Textbox).endswith("textbox.py")
print(sum(name.endswith((".pyi", "textbox.py")) for name in read))
"""


def test_no_stubs_are_written() -> None:
    told = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "0"
