"""Nothing that Locus does, and none of the libraries it loads, tries to reach another machine.

The commands run in a process of their own, in which (and in each Python process that it starts) every attempt to
connect to another machine, to send to it, or to ask a name server is noted and refused. Attempts count, not successes:
a machine without a network would hide them.

Native code goes past such a guard. The libraries that are known to report by themselves are therefore looked at when
they are imported: what tells them to be silent must be there by then. ONNX Runtime also leaves a number for the machine
on the disk when it is about to report; none may be there.
"""

import json
import os
import subprocess
import sys
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw

ROOT = Path(__file__).parents[1]
MODELS = Path(__file__).parent / "models"
SILENCERS = ("HF_HUB_", "TRANSFORMERS_OFFLINE", "ORT_DISABLE_TELEMETRY", "GRADIO_ANALYTICS_ENABLED", "DO_NOT_TRACK")

# Python imports a module of this name at the start of each process, if it finds one.
GUARD = """
import os, sys

SILENCED_BY = {
    "onnxruntime": "ORT_DISABLE_TELEMETRY",
    "gradio": "GRADIO_ANALYTICS_ENABLED",
    "huggingface_hub": "HF_HUB_DISABLE_TELEMETRY",
}

def is_here(address):
    if not isinstance(address, tuple):
        return True  # a socket of the file system, or one that was allowed when it was connected
    host = str(address[0])
    return host in ("", "localhost", "::1", "0.0.0.0") or host.startswith("127.")

def refuse(what, error):
    note = os.open(os.environ["KNOCKS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(note, f"{what}\\n".encode())
    os.close(note)
    raise error(f"{what} in a test without network")

def guard(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        if not is_here(arguments[1]):
            refuse(f"{event} {arguments[1]!r}", OSError)
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        if not is_here((arguments[0] or "",)):
            refuse(f"{event} {arguments[0]!r}", OSError)
    elif event == "import" and SILENCED_BY.get(arguments[0], "PATH") not in os.environ:
        refuse(f"import {arguments[0]}", ImportError)

sys.addaudithook(guard)
"""

COMMANDS = """
import contextlib, io, json, sys
from assistant import cli

library, files = sys.argv[1:]
told = []
for command in (
    ["add", "--json", files],
    ["search", "--json", "boathouse"],
    ["search", "--json", "--image", files + "/sign.png"],
    ["ask", "--json", "When does the lease of the boathouse end?"],
    ["files", "--json"],
    ["status", "--json"],
    ["models", "list", "--json"],
    ["models", "verify", "--json"],
):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = cli.run(["--library", library, *command])
    told.append([command[0], code, out.getvalue()])
json.dump(told, sys.stdout)
"""

# What is first used only with a model that is not there is used here without one.
LIBRARIES = """
from assistant.models import hub_environment

hub_environment(offline=False)

import faster_whisper, gradio, huggingface_hub, numpy, open_clip, rapidocr, sentence_transformers, transformers

rapidocr.RapidOCR()(numpy.full((64, 200, 3), 255, numpy.uint8))
open_clip.get_tokenizer("ViT-B-32")(["a boat"])
faster_whisper.vad.get_speech_timestamps(numpy.zeros(16000, numpy.float32))
with gradio.Blocks() as page:
    gradio.Chatbot()
"""

# A page that is opened, and told to fetch an address in place of an uploaded file.
PAGE = """
import sys
from assistant import Assistant

with Assistant(sys.argv[1], llm="none") as locus, locus.ui(port=0, open_browser=False, block=False) as page:
    import httpx

    with httpx.Client(base_url=page.url, timeout=60) as browser:
        assert browser.get("/").status_code == 200
        config = browser.get("/config").json()
        asking = next(each for each in config["dependencies"] if any(event == "submit" for _, event in each["targets"]))
        for url in ("https://example.invalid/x.txt", "http://192.0.2.1/x.txt"):
            file = {"path": url, "url": url, "meta": {"_type": "gradio.FileData"}}
            inputs = [{"text": "What?", "files": [file]}, *[None] * (len(asking["inputs"]) - 1)]
            said = {"data": inputs, "fn_index": asking["id"], "session_hash": "x"}
            assert browser.post("/gradio_api/queue/join", json=said).status_code == 200
            told = browser.get("/gradio_api/queue/data", params={"session_hash": "x"}).text
            assert "fetches nothing" in told, told
            assert browser.get(f"/gradio_api/file={url}").status_code == 404
            assert browser.get(f"/gradio_api/proxy={url}").status_code == 404
    page._warmup.wait()
"""

KNOCKING = """
import contextlib, socket, subprocess, sys

with contextlib.suppress(OSError):
    socket.create_connection(("192.0.2.1", 9), 1)
with contextlib.suppress(OSError), socket.socket() as one:
    one.connect(("192.0.2.1", 9))
with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
    one.sendto(b"x", ("192.0.2.2", 9))
with contextlib.suppress(OSError):
    socket.getaddrinfo("example.invalid", 443)
with contextlib.suppress(OSError):
    socket.create_connection(("127.0.0.1", 9), 1)
with contextlib.suppress(ImportError):
    import onnxruntime
subprocess.run([sys.executable, "-c", "import socket; socket.gethostbyname('child.invalid')"], capture_output=True)
"""


def run(code: str, *arguments: object, folder: Path, **environment: str) -> tuple[str, list[str]]:
    """Runs ``code`` in a guarded process; gives what it wrote, and who knocked at the doors to the network."""
    guard, home = folder / "guard", folder / "home"
    guard.mkdir()
    home.mkdir()
    (guard / "sitecustomize.py").write_text(GUARD)
    knocks = folder / "knocks.txt"
    path = os.pathsep.join([str(guard), str(ROOT)])
    # Locus must see to it that libraries are silent, so what does so is not handed on.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(SILENCERS)}
    homes = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), str(home))
    result = subprocess.run(
        [sys.executable, "-c", code, *(str(argument) for argument in arguments)],
        env={**inherited, **homes, "PYTHONPATH": path, "KNOCKS": str(knocks), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert not list(home.rglob("deviceid")), "a library has numbered this machine"
    return result.stdout, knocks.read_text().splitlines() if knocks.exists() else []


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A text, a picture with words in it, a tone and a film of a moving square."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "lease.txt").write_text("The lease of the boathouse ends on 3 May 2031.")
    picture = Image.new("RGB", (320, 80), "white")
    ImageDraw.Draw(picture).text((10, 30), "MOORINGS TO LET", fill="black", font_size=24)
    picture.save(folder / "sign.png")
    tone = (9000 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)).astype("<i2")
    with wave.open(str(folder / "tone.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(tone.tobytes())
    with av.open(str(folder / "square.mp4"), "w") as film:
        stream = film.add_stream("mpeg4", rate=10, width=64, height=64, pix_fmt="yuv420p")
        for number in range(20):
            frame = np.zeros((64, 64, 3), np.uint8)
            frame[16:48, number : number + 32] = 255
            film.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        film.mux(stream.encode())
    return folder


def test_a_knock_is_noted(tmp_path: Path) -> None:
    _, knocks = run(KNOCKING, folder=tmp_path)
    assert [knock.split()[0] for knock in knocks] == [
        "socket.getaddrinfo",  # create_connection asks for the address first
        "socket.connect",
        "socket.sendto",
        "socket.getaddrinfo",
        "import",
        "socket.gethostbyname",
    ]
    assert "192.0.2.1" in knocks[0] and "child.invalid" in knocks[-1]


@pytest.mark.parametrize("offline", ["1", ""])
def test_commands_reach_for_no_other_machine(tmp_path: Path, files: Path, offline: str) -> None:
    _commands(tmp_path, files, LOCUS_OFFLINE=offline)


def test_models_that_look_and_listen_reach_for_no_other_machine(tmp_path: Path, files: Path) -> None:
    models = {"LOCUS_IMAGE_MODEL_PATH": str(MODELS / "clip"), "LOCUS_SPEECH_MODEL_PATH": str(MODELS / "whisper")}
    told = _commands(tmp_path, files, LOCUS_OFFLINE="1", **models)
    # Without this, they would have waited for a model and not been asked.
    assert [row["pending"] for row in json.loads(told["files"][1])] == [[]] * 4
    assert json.loads(told["search"][1])[0]["signals"]["image"] > 0.9


def _commands(tmp_path: Path, files: Path, **environment: str) -> dict[str, tuple[int, str]]:
    """Runs the commands, of which none may fail or knock; gives the code and output of each."""
    out, knocks = run(COMMANDS, tmp_path / "library", files, folder=tmp_path, **environment)
    assert knocks == []
    told = {command: (code, text) for command, code, text in json.loads(out)}
    assert {command: code for command, (code, _) in told.items() if code} == {}
    assert "3 May 2031" in json.loads(told["ask"][1])["text"]
    assert {Path(row["path"]).name for row in json.loads(told["files"][1])} == {each.name for each in files.iterdir()}
    return told


def test_the_page_reaches_for_no_other_machine(tmp_path: Path) -> None:
    _, knocks = run(PAGE, tmp_path / "library", folder=tmp_path)
    assert knocks == []


def test_libraries_reach_for_no_other_machine(tmp_path: Path) -> None:
    _, knocks = run(LIBRARIES, folder=tmp_path)
    assert knocks == []
