# Everything runs in .venv, which is made here from the hashed lock files. A Python 3.11 to 3.13 is all that is needed:
# `make run PYTHON=/path/to/python3.12` chooses one.

.DEFAULT_GOAL := help
SHELL := /bin/bash
BIN := .venv/bin

# The first suitable interpreter, by preference the one called python3.
SUITABLE := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c '$(SUITABLE)' 2>/dev/null && { echo $$p; break; }; done)

# One thread per worker in linear algebra: tests and sweeps are parallel already.
WORKERS ?= logical
test test-slow bench mutation: export OPENBLAS_NUM_THREADS = 1
test test-slow bench mutation: export OMP_NUM_THREADS = 1
test test-slow bench mutation: export MKL_NUM_THREADS = 1

.PHONY: help run test test-slow lint format reference bench docs mutation lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: .venv/.run  ## the default comparison: China's 2010 quota under three technology regimes
	@$(BIN)/python run.py

test: lint  ## style, types, import directions and the tests
	@$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 8 --dist worksteal

test-slow: .venv/.dev  ## the tests that take minutes
	@$(BIN)/python -m pytest -m slow

lint: .venv/.dev  ## ruff, mypy (strict on model/) and the direction of imports
	@failed=0; \
	for check in "ruff check ." "ruff format --check --quiet ." "mypy" "lint-imports --no-logo"; do \
		echo "$$check"; $(BIN)/$$check || failed=1; \
	done; exit $$failed

format: .venv/.dev  ## rewrite the code in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

reference: .venv/.dev  ## renew what is made from the scenario schema: the JSON schema and the reference page
	$(BIN)/python -m scenarios.reference

bench: .venv/.dev  ## the benchmarks
	@$(BIN)/python benchmarks/run.py --write

docs: .venv/.dev  ## the documentation as HTML in docs/_build/html
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

mutation: .venv/.dev  ## break the equations one line at a time and see which tests notice
	@$(BIN)/python -m tests.mutation

# The lock files: exact versions with hashes for Python 3.11 to 3.13 on any platform, and no index addresses.
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

lock: .venv/.dev  ## remake both lock files from pyproject.toml (UPGRADE=--upgrade for newer versions)
	$(COMPILE) $(UPGRADE) --all-extras --output-file requirements-dev.lock
	$(COMPILE) --extra explore --constraints requirements-dev.lock --output-file requirements.lock

clean:  ## remove what was installed and made, results in outputs/runs/ excepted
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis docs/_build mutants
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/pyvenv.cfg:
	@[ -n "$(PYTHON)" ] || { echo "No Python 3.11, 3.12 or 3.13 found. Install one, or name it: make run PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c '$(SUITABLE)' || { echo "$(PYTHON) is not Python 3.11, 3.12 or 3.13." >&2; exit 1; }
	@$(PYTHON) -m venv --clear .venv

INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r

.venv/.run: requirements.lock | .venv/pyvenv.cfg
	@echo "Installing the packages that the model runs on into .venv ..."
	@$(INSTALL) requirements.lock
	@touch $@

# The second lock holds everything of the first, in the same versions.
.venv/.dev: requirements-dev.lock | .venv/pyvenv.cfg
	@echo "Installing the packages for tests, estimation and documentation into .venv (a minute or two) ..."
	@$(INSTALL) requirements-dev.lock
	@touch .venv/.run $@
