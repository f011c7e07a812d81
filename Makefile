# make demo   install what is needed, index the sample library, ask it questions
# make test   install what is needed, run the tests
# make check  lint, format, types, layering

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test check tools clean

demo: $(VENV)/.bundled
	@$(BIN)/locus demo

test: $(VENV)/.dev
	@$(BIN)/python -m pytest

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_layering.py

# What can not be installed by pip is named before minutes are spent.
tools:
	@command -v $(PYTHON) >/dev/null || { echo "Locus needs Python 3.11 or newer: no $(PYTHON) here (set PYTHON=…)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Locus needs Python 3.11 or newer, $(PYTHON) is " + sys.version.split()[0] + " (set PYTHON=…)")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv is missing (on Debian: apt install python3-venv)"; exit 1; }
	@{ command -v c++ && command -v cc; } >/dev/null || { echo "Locus needs a C and C++ compiler to build llama.cpp (on Debian: apt install build-essential)"; exit 1; }

# llama-cpp-python is built here, for this processor; a part of llama.cpp that it does not use is left out.
$(VENV)/.bundled: pyproject.toml | tools
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo 'set(LLAMA_BUILD_COMMON OFF CACHE BOOL "" FORCE)' > $(VENV)/llama.cmake
	@echo "Installing (several minutes the first time: llama.cpp is compiled) …"
	CMAKE_ARGS="-DCMAKE_PROJECT_llama.cpp_INCLUDE=$(CURDIR)/$(VENV)/llama.cmake" $(PIP) install --quiet -e '.[bundled]'
	@touch $@

$(VENV)/.dev: $(VENV)/.bundled
	$(PIP) install --quiet -e '.[bundled,dev]'
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
