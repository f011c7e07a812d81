"""Imports go one way: ui → assistant → indexers; and importing the package loads nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import assistant

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {"indexers": {"indexers"}, "assistant": {"assistant", "indexers"}, "ui": {"ui", "assistant", "indexers"}}
HEAVY = ("torch", "transformers", "sentence_transformers", "onnxruntime", "llama_cpp", "gradio", "faiss", "pypdfium2")


def imported(path: Path) -> set[str]:
    """Top-level packages of this project that a module imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
    return {name.partition(".")[0] for name in names} & set(MAY_IMPORT)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_go_one_way(package: str) -> None:
    modules = sorted((ROOT / package).rglob("*.py"))
    assert modules
    for module in modules:
        assert imported(module) <= MAY_IMPORT[package], f"{module} imports upwards"


def test_only_build_and_the_facade_see_settings() -> None:
    users = {
        path.name
        for path in (ROOT / "assistant").glob("*.py")
        if "assistant.settings" in path.read_text(encoding="utf-8") and path.name != "settings.py"
    }
    assert users == {"__init__.py", "api.py", "build.py", "build_models.py"}


def test_public_names_are_sorted_and_there() -> None:
    assert assistant.__all__ == sorted(assistant.__all__)
    assert all(hasattr(assistant, name) for name in assistant.__all__)


def test_importing_loads_nothing_heavy() -> None:
    code = f"import sys, assistant, assistant.cli; print([m for m in {HEAVY!r} if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert loaded.stdout.strip() == "[]"
