"""The Makefile names what is missing in one line, installs once, and is not confused by a failure or a space.

Python and the compilers are stand-ins: nothing is installed here.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAKE = shutil.which("make")
pytestmark = pytest.mark.skipif(MAKE is None, reason="there is no make here")

VENV_PYTHON = """#!/bin/sh
case "$*" in
    *--version*) exit 0 ;;
    *install*) echo "$CMAKE_ARGS|$*" >> "$HOME/pip.log"; exit "$(cat "$HOME/pip.exit")" ;;
esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The files that make looks at, in a folder with a space in its name; beside it, the only programs there are."""
    folder = tmp_path / "my clone"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    (tmp_path / "bin").mkdir()
    for name in ("mkdir", "mktemp", "rm", "touch", "cat", "cp", "chmod"):
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    for name in ("cc", "c++"):
        program(tmp_path, name, "#!/bin/sh\ncat >/dev/null\n")
    (tmp_path / "venv-python").write_text(VENV_PYTHON)
    program(tmp_path, "python3", python("pass"))
    (tmp_path / "pip.exit").write_text("0")
    return folder


def program(root: Path, name: str, text: str) -> None:
    path = root / "bin" / name
    path.write_text(text)
    path.chmod(0o755)


def python(before: str) -> str:
    """A stand-in that runs code after ``before``, and makes an environment of another stand-in."""
    return f"""#!/bin/sh
if [ "$1" = -c ]; then exec "{sys.executable}" -S -c "import sys; {before}; $2"; fi
for folder; do :; done
mkdir -p "$folder/bin" && cp "$HOME/venv-python" "$folder/bin/python" && cp "$HOME/venv-python" "$folder/bin/locus"
touch "$HOME/venv-made"
chmod +x "$folder/bin/python" "$folder/bin/locus"
"""


def make(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    root = clone.parent
    environment = {"PATH": str(root / "bin"), "HOME": str(root), "TMPDIR": str(root), "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        [str(MAKE), *arguments], cwd=clone, env=environment, capture_output=True, text=True, encoding="utf-8"
    )


def told(result: subprocess.CompletedProcess[str]) -> str:
    """The one line that is not make's own."""
    assert result.returncode != 0
    [line] = [line for line in (result.stdout + result.stderr).splitlines() if not line.startswith("make")]
    return line


def installs(clone: Path) -> list[str]:
    log = clone.parent / "pip.log"
    return log.read_text().splitlines() if log.exists() else []


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ("sys.version_info = (3, 9, 1); sys.version = '3.9.1 (old)'", "Python 3.11 or newer, python3 is 3.9.1"),
        ("sys.modules['ensurepip'] = None", "apt install python3-venv"),
    ],
)
def test_a_python_that_will_not_do_is_named(clone: Path, before: str, words: str) -> None:
    program(clone.parent, "python3", python(before))
    assert words in told(make(clone, "demo"))
    assert installs(clone) == []


def test_no_python_at_all(clone: Path) -> None:
    assert "there is no python9 here" in told(make(clone, "test", "PYTHON=python9"))


@pytest.mark.parametrize("name", ["cc", "c++"])
@pytest.mark.parametrize("state", ["missing", "without headers"])
def test_a_missing_compiler_is_named(clone: Path, name: str, state: str) -> None:
    (clone.parent / "bin" / name).unlink()
    if state == "without headers":
        program(clone.parent, name, "#!/bin/sh\ncat >/dev/null\necho no such file\nexit 1\n")
    assert "C and C++ compiler" in told(make(clone, "demo"))
    assert installs(clone) == []


def test_a_second_time_installs_nothing_and_asks_for_no_compiler(clone: Path) -> None:
    assert make(clone, "demo").returncode == 0
    [install] = installs(clone)
    arguments, _, command = install.partition("|")
    # One CMake argument without a space, and no word on where packages come from.
    assert arguments.split()[0].startswith("-DCMAKE_PROJECT_llama.cpp_INCLUDE=")
    assert len(arguments.split()) == 1
    assert "index" not in command
    (clone.parent / "bin" / "cc").unlink()
    assert make(clone, "demo").returncode == 0
    assert len(installs(clone)) == 1
    assert make(clone, "test").returncode == 0
    assert len(installs(clone)) == 2


def test_a_failed_installation_is_tried_again(clone: Path) -> None:
    (clone.parent / "pip.exit").write_text("1")
    assert make(clone, "demo").returncode != 0
    (clone.parent / "pip.exit").write_text("0")
    assert make(clone, "demo").returncode == 0
    assert len(installs(clone)) == 2
    assert not list(clone.parent.glob("tmp.*"))


def test_a_half_made_environment_is_made_anew(clone: Path) -> None:
    half = clone / ".venv" / "bin"
    half.mkdir(parents=True)
    (half / "python").write_text("#!/bin/sh\nexit 1\n")
    (half / "python").chmod(0o755)
    assert make(clone, "demo").returncode == 0
    assert (clone.parent / "venv-made").exists()
