# Everything here works on a fresh machine with Python 3.11 and make, and again after an interruption.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PY := .venv/bin/python
MANAGE := $(PY) manage.py
# A test that holds a whole core is not made faster by a third worker on two.
WORKERS ?= 2
# What asks the database little or nothing is not run once more on a server.
PURE := analytics benchmarks sdmx warnings
MESSAGES := $(patsubst %.po,%.mo,$(wildcard consortium/*/locale/*/LC_MESSAGES/*.po))

.PHONY: help install messages demo demo-reset test test-nightly check fix lock bench bench-aggregate bench-panel bench-opening bench-release bench-explorer bench-warnings fuzz bench-intake migrate web vault office beat

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/:/' | awk -F: '{printf "  make %-12s %s\n", $$1, $$2}'

install:  ## .venv with exactly what requirements.lock names
	@deploy/bootstrap.sh

messages: install $(MESSAGES)  ## the translations, compiled where a .po is newer

%.mo: %.po | install
	@$(PY) -m babel.messages.frontend compile --input-file $< --output-file $@ --locale $(notdir $(patsubst %/LC_MESSAGES/,%,$(dir $<)))

demo: messages  ## a consortium of 24 institutions in mid-crisis, served until Ctrl-C (SERVE=0 ends after the cycle)
	@$(MANAGE) demo $(if $(filter 0 no false,$(SERVE)),--no-serve)

demo-reset: install  ## forget the demo: its database, packages and keys under var/
	@$(MANAGE) demo --reset

test: messages  ## all tests but the nightly ones
	@$(PY) -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)
	@$(PY) -m tests.on_servers -n $(WORKERS) -q tests/consortium tests/sharing $(PURE:%=--ignore=tests/sharing/%) $(ARGS)

test-nightly: messages  ## the tests that take hours: many more tables and requests made up
	@$(PY) -m pytest -n $(WORKERS) -m nightly $(ARGS)

check: messages  ## style, types, layers, templates, migrations, lock files
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy --no-error-summary
	.venv/bin/lint-imports
	.venv/bin/djlint --check --lint --quiet consortium sharing
	$(MANAGE) makemigrations --check --dry-run
	@! grep -n '://' requirements.lock deploy/requirements-uv.lock || { echo "A lock file names a host." >&2; exit 1; }

fix: install  ## mend what a tool can mend
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .
	.venv/bin/djlint --reformat --quiet consortium sharing || true

lock: install  ## requirements.lock again from pyproject.toml (ARGS=--upgrade for newer versions)
	@.tools/bin/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
	  --all-extras pyproject.toml --output-file requirements.lock $(ARGS)
	@! grep -n '://' requirements.lock

bench: install  ## the disclosure engine as tables grow
	@$(PY) -m tests.bench.disclosure $(ARGS)

bench-aggregate: install  ## tapes to cells, beside DuckDB alone; writes its table to docs/performance.md
	@$(PY) -m tests.bench.aggregation $(ARGS)

bench-panel: install  ## 4,374 real institutions through the whole path; writes its table to docs/performance.md
	@$(PY) -m tests.bench.panel $(ARGS)

bench-intake: install  ## the hour of a deadline, with processes killed; writes its table to docs/performance.md
	@$(PY) -m tests.bench.intake $(ARGS)

fuzz: install  ## 100,000 mutated packages, receipts and requests through every reader (ARGS="--count N --seed S")
	@$(PY) -m tests.fuzz.run $(ARGS)

bench-explorer: install  ## every view of the explorer over ten years of releases; writes its table to docs/performance.md
	@$(PY) -m tests.bench.explorer $(ARGS)

bench-release: install  ## pooling 4,000 members x 10,000 cells, beside bare NumPy; writes its table to docs/performance.md
	@$(PY) -m tests.bench.release $(ARGS)

bench-opening: install  ## opening and checking a 5 MB package, beside the bare libraries; writes its table to docs/performance.md
	@$(PY) -m tests.bench.opening $(ARGS)

bench-warnings: messages  ## warnings raised in simulated calm, and detected in a wave; writes its table to docs/early-warning.md
	@DJANGO_SETTINGS_MODULE=consortium.settings.build $(PY) -m tests.bench.warnings $(ARGS)

migrate: install  ## bring the database up to date
	@$(MANAGE) migrate --no-input

web vault office beat: install  ## one process of the platform, as production runs it
	@$(PY) -m consortium.processes $@
