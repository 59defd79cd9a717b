# make demo | test | lint | format | messages | bench | clean
# PYTHON=…       the Python (3.11 or newer) that makes .venv
# DEMO_ARGS=…    for "fairbrush demo", PYTEST_ARGS=… for pytest, PYTEST_WORKERS=… processes that test (0: this one)

SHELL := /bin/sh
PYTHON ?=
DEMO_ARGS ?= --data-dir demo-pictures
PYTEST_ARGS ?=
PYTEST_WORKERS ?= auto

VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
PACKAGES := pyproject.toml constraints.txt
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))

.DEFAULT_GOAL := help
.PHONY: help demo test lint format messages bench clean

help:
	@echo "make demo    install, paint three sample pictures, open a page to paint more"
	@echo "make test    install with the developers' tools, then run every check and test"
	@echo "make lint    the checks alone; make format repairs what can be repaired"
	@echo "make messages  bring the translations up to date with the code, and list what they lack"
	@echo "make bench   measure"
	@echo "make clean   remove what make made"

demo: $(VENV)/.ready
	$(BIN)/fairbrush demo $(DEMO_ARGS)

# Compiled once, not by each of the many processes that the tests start, whatever the environment says.
test: export PYTHONDONTWRITEBYTECODE :=
test: lint
	$(BIN)/python -m pytest --numprocesses $(PYTEST_WORKERS) --dist worksteal $(PYTEST_ARGS)
	@echo "All checks and tests passed."

lint: $(VENV)/.ready-dev
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports

format: $(VENV)/.ready-dev
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

messages: $(VENV)/.ready-dev
	$(BIN)/python -m tests.messages

bench: $(VENV)/.ready-dev
	$(BIN)/python -m bench

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The two stamps say what is installed; they are made anew when the packages may have changed.
$(VENV)/.ready: $(PACKAGES) | $(VENV)/.python
	@echo "Installing Fairbrush into $(VENV) (the first time takes a minute) …"
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/.ready-dev: $(PACKAGES) | $(VENV)/.python
	@echo "Installing Fairbrush and the developers' tools into $(VENV) (the first time takes a minute) …"
	@$(INSTALL) --editable ".[dev]"
	@touch $(VENV)/.ready $@

# A .venv that works is kept, whoever made it.
$(VENV)/.python:
	@if ! $(BIN)/python -c "$(NEW_ENOUGH)" 2>/dev/null || ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  for candidate in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python); do \
	    if "$$candidate" -c "$(NEW_ENOUGH)" 2>/dev/null; then found=$$candidate; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    version=$$($(or $(PYTHON),python3) --version 2>&1 || true); \
	    echo "Fairbrush needs Python 3.11 or newer, and $(or $(PYTHON),python3) is: $${version:-not there}." >&2; \
	    echo "Install a newer one, or say where it is: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; \
	    exit 1; \
	  fi; \
	  "$$found" -m venv --clear $(VENV) || { \
	    echo "This Python cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv" >&2; \
	    exit 1; \
	  }; \
	fi
	@touch $@
