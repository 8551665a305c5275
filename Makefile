# The names other programs may rely on. Everything runs in .venv, which any target builds first.
# `make demo DATA=../shared/data` loads the real data sets; without DATA a synthetic book is made.

PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.requirements-installed
TEST_WORKERS ?= 2

export DJANGO_SETTINGS_MODULE := backoffice.config.settings

.PHONY: help setup demo demo-code demo-reset test coverage browser-test check lint types layers dependencies migrations translations \
	format bench

.DEFAULT_GOAL := help

help:  ## say what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/make \1\t\2/' | expand -t 20

setup: $(STAMP)  ## build .venv; instant when nothing changed

$(STAMP): requirements.txt requirements-dev.txt requirements-schemas.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not installed; say PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Building $(VENV) (a few minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement requirements-schemas.txt
	@touch $@

demo: setup  ## start everything, load the data once, serve the console until Ctrl-C
	@exec $(BIN)/python manage.py demo $(if $(DATA),--data "$(DATA)")

demo-code: setup  ## the one-time code of a demo user: make demo-code LOGIN=compliance
	@exec $(BIN)/python manage.py demo_code $(or $(LOGIN),admin)

demo-reset: setup  ## delete the demo's data
	@exec $(BIN)/python manage.py demo --reset

test: setup  ## all tests but the browser's
	@exec $(BIN)/python -m pytest --numprocesses $(TEST_WORKERS) --dist loadscope --ignore tests/browser --ignore tests/benchmarks $(ARGS)

coverage: setup  ## all tests but the browser's, and what they did not reach
	$(BIN)/python -m pytest --numprocesses $(TEST_WORKERS) --dist loadscope --ignore tests/browser --ignore tests/benchmarks --cov --cov-report=term $(ARGS)

browser-test: setup  ## the journeys in Chromium; without one they are skipped here and fail in CI
	@exec $(BIN)/python -m pytest --numprocesses $(TEST_WORKERS) --dist loadscope tests/browser $(ARGS)

check: lint types layers dependencies migrations translations  ## lint, types, architecture, migrations, translations

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	DEBUG=1 $(BIN)/mypy

layers: setup
	$(BIN)/lint-imports --no-cache

dependencies: setup
	$(BIN)/deptry .

migrations: setup
	DEBUG=1 $(BIN)/python manage.py makemigrations --check --dry-run

translations: setup
	DEBUG=1 $(BIN)/python manage.py compile_translations --check

format: setup  ## put the source into its one form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup  ## measure against the targets
	@exec $(BIN)/python manage.py bench $(ARGS)
