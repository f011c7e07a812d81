"""Makes the pictures of the README: what ``locus`` shows on a terminal, asked about the sample library.

    python data/make_pictures.py

Writes ``data/pictures/*.svg``. The commands are run for real; only the window around their output is drawn.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

DATA = Path(__file__).resolve().parent
PICTURES = DATA / "pictures"
WIDTH = 96
"""Columns of the terminal."""

SCENES: dict[str, list[list[str]]] = {
    "ask": [
        ["ask", "Since when has the mill been a protected building?"],
        ["ask", "Who freed the seized spill hatch?"],
        ["ask", "What does the fire insurance of the mill cost a year?"],
        ["ask", "What is the password of the wireless network at the mill?"],
    ],
}
"""Name of the picture → the commands that are shown in it."""

_FOREIGN_FONT = re.compile(r"@font-face \{.*?\}", re.DOTALL)
"""As rich writes it, a picture fetches its font from another site each time it is looked at."""


def run(arguments: list[str], library: str) -> str:
    """What one command writes to a terminal, colours included; notes and progress are left out."""
    surroundings = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "LOCUS_LIBRARY": library}
    command = [sys.executable, "-c", "from assistant.cli import main; main()", *arguments]
    shown = subprocess.run(  # noqa: S603 - our own command with arguments from above
        command, cwd=DATA / "library", env=surroundings, stdout=subprocess.PIPE, check=True, text=True, encoding="utf-8"
    )
    return shown.stdout.replace(str(DATA / "library") + os.sep, "").replace(library, "…")


def draw(name: str, commands: list[list[str]], library: str) -> None:
    """Runs the commands of a scene and writes its picture."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    for number, arguments in enumerate(commands):
        typed = " ".join(f'"{word}"' if " " in word else word for word in arguments)
        console.print(Text.assemble("\n" if number else "", ("$ ", "green"), (f"locus {typed}", "bold")))
        console.print(Text.from_ansi(run(arguments, library).rstrip()))
    picture = console.export_svg(title="locus", theme=MONOKAI, unique_id=f"locus-{name}")
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / f"{name}.svg").write_text(_FOREIGN_FONT.sub("", picture), encoding="utf-8")


def main() -> None:
    """Indexes the sample library once and draws every scene."""
    with tempfile.TemporaryDirectory(prefix="locus-pictures-") as library:
        run(["add", "."], library)
        for name, commands in SCENES.items():
            draw(name, commands, library)


if __name__ == "__main__":
    main()
