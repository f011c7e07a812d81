# make demo   install what is needed, index the sample library, ask it questions
# make test   install what is needed, run the tests
# make check  lint, format, types, layering

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test check tools browser clean

demo: $(VENV)/.bundled
	@$(BIN)/locus demo

test: $(VENV)/.dev browser
	@$(BIN)/python -m pytest

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy data/*.py
	$(BIN)/python -m pytest tests/test_layering.py

# What pip can not install is named before minutes are spent.
tools:
	@command -v "$(PYTHON)" >/dev/null || { echo "Locus needs Python 3.11 or newer: there is no $(PYTHON) here (another one: make PYTHON=python3.12)"; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Locus needs Python 3.11 or newer, $(PYTHON) is " + sys.version.split()[0] + " (another one: make PYTHON=python3.12)")'
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv is missing (on Debian: apt install python3-venv)"; exit 1; }
	@{ printf '#include <stdio.h>\n' | $${CC:-cc} -fsyntax-only -x c - && printf '#include <vector>\n' | $${CXX:-c++} -fsyntax-only -x c++ -; } >/dev/null 2>&1 \
		|| { echo "Locus needs a C and C++ compiler to build llama.cpp (on Debian: apt install build-essential)"; exit 1; }

# The tests of the page drive a browser. Where Debian's can be installed it is, else they are skipped and this says so.
browser:
	@command -v chromium >/dev/null 2>&1 || { \
		[ "$$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1 && \
		echo "Installing Chromium for the tests of the page …" && \
		apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends chromium >/dev/null; \
	} || echo "There is no Chromium here: the tests of the page in a browser are skipped (on Debian: apt install chromium)"

# llama-cpp-python is built here, for this processor; a part of llama.cpp that it does not use is left out. The file that
# says so lies in a temporary folder, since a path with spaces would be taken for two arguments.
$(VENV)/.bundled: pyproject.toml
	@$(MAKE) --no-print-directory tools
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear $(VENV)
	@echo "Installing (several minutes the first time: llama.cpp is compiled) …"
	@scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && \
	echo 'set(LLAMA_BUILD_COMMON OFF CACHE BOOL "" FORCE)' > "$$scratch/llama.cmake" && \
	CMAKE_ARGS="-DCMAKE_PROJECT_llama.cpp_INCLUDE=$$scratch/llama.cmake $$CMAKE_ARGS" $(PIP) install --quiet -e '.[bundled]'
	@touch $@

$(VENV)/.dev: $(VENV)/.bundled
	@$(PIP) install --quiet -e '.[bundled,dev]'
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
