# Everything from a fresh clone: Python 3.11, make and a package index. `make help` lists the targets.

PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3.11)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
INSTALL := $(PIP) install -qq --constraint constraints.txt --no-build-isolation
CONFIG ?= examples/complete_journey.yaml
BENCHMARKS = $(shell grep -l __main__ benchmarks/*.py)
BENCH_FLAGS ?=
PYTEST_FLAGS ?= -q -n 2 --dist loadfile
CHECK_VERSION := import sys; version = "%d.%d" % sys.version_info[:2]; version == "3.11" or sys.exit( \
	"Python 3.11 is needed, and $(PYTHON) is Python " + version + ". Name the right one: make setup PYTHON=/path/to/python3.11")
# One thread in numeric libraries: tests run in parallel processes, and sums keep one order.
SINGLE := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 MPLBACKEND=Agg
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help setup setup-tests demo test lint format bench clean

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/setup.stamp ## Prepare .venv with everything but the test tools

setup-tests: $(VENV)/setup-tests.stamp ## Prepare .venv with the test tools too

$(VENV)/setup.stamp: pyproject.toml constraints.txt
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { $(PYTHON) -c '$(CHECK_VERSION)' && $(PYTHON) -m venv $(VENV); }
	@echo "Installing the dependencies into $(VENV); the first time this takes a few minutes."
	@$(INSTALL) setuptools
	@$(INSTALL) --editable .
	@$(BIN)/python -c 'import lightgbm' || { echo "LightGBM does not load. On Debian it needs the system library libgomp: apt-get install libgomp1" >&2; exit 1; }
	@echo "Compiling what every run needs, by a run on a few drawn users; once, about two minutes."
	@$(SINGLE) $(BIN)/python -m decision_engine.warm_up
	@touch $@

$(VENV)/setup-tests.stamp: $(VENV)/setup.stamp
	@echo "Installing the test tools into $(VENV)."
	@$(INSTALL) --editable '.[test]'
	@touch $@

demo: setup ## Run the main job on the embedded data and print policies, plan and the path of the report
	@$(BIN)/decision-engine run $(CONFIG)

test: setup-tests lint ## Check everything: format, lint, types, tests, examples in docstrings
	@$(SINGLE) $(BIN)/python -m pytest $(PYTEST_FLAGS)

lint: setup-tests ## Check format, lint and types
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --strict --no-error-summary

format: setup-tests ## Rewrite the code in the project's format
	@$(BIN)/ruff check --quiet --fix . || true
	@$(BIN)/ruff format --quiet .

bench: setup ## Run every benchmark and print a JSON document for each; BENCH_FLAGS=--quick for small sizes
	@set -e; for file in $(BENCHMARKS); do $(BIN)/python $$file $(BENCH_FLAGS) --json; done

clean: ## Remove what was built, but for .venv and workspaces
	@rm -rf build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -path ./$(VENV) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
