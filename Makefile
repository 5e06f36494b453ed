# Everything a person or a machine does with this checkout. `make help` lists it.
# Nothing is written outside the checkout, and nothing needs to be installed but Python >= 3.11 and make.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
CACHE := $(CURDIR)/.cache
# The first interpreter that is new enough; `make PYTHON=/path/to/python3.12 …` chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

export PIP_CACHE_DIR := $(CACHE)/pip
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export UV_CACHE_DIR := $(CACHE)/uv
export RUFF_CACHE_DIR := $(CACHE)/ruff
export HYPOTHESIS_STORAGE_DIRECTORY := $(CACHE)/hypothesis
export TMPDIR := $(CACHE)/tmp
# Start-up is measured and promised with compiled bytecode.
unexport PYTHONDONTWRITEBYTECODE

PYTEST_ARGS ?=

.PHONY: help
help: ## show this help
	@printf 'Orchard. The two commands to know are \033[1mmake demo\033[0m and \033[1mmake test\033[0m.\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ---- set-up: one virtual environment, filled as far as the task needs -------------------------------------------------

$(VENV)/.made:
	@test -n '$(PYTHON)' || { echo 'Orchard needs Python 3.11 or newer; none was found. Install one, or: make PYTHON=/path/to/python3' >&2; exit 1; }
	@mkdir -p $(TMPDIR)
	@echo 'making $(VENV) with $(PYTHON)'
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# Self is installed last and without its dependencies: those are pinned and hashed in requirements/.
define install
	@mkdir -p $(TMPDIR)
	@echo 'installing requirements/$(1).txt'
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/$(1).txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src
	@touch $@
endef

$(VENV)/.hub: $(VENV)/.made requirements/hub.txt pyproject.toml
	$(call install,hub)

$(VENV)/.dev: $(VENV)/.made requirements/dev.txt pyproject.toml
	$(call install,dev)
	@touch $(VENV)/.hub

.PHONY: install
install: $(VENV)/.hub ## set up .venv with the command line and the hub (then: .venv/bin/orchard --help)

# ---- the two commands --------------------------------------------------------------------------------------------------

.PHONY: demo
demo: $(VENV)/.hub ## a real project to a hub and back, every byte compared; then a hub full of versions (ONESHOT=1: then stop)
	@$(BIN)/python examples/demo.py $(if $(ONESHOT),--oneshot)

.PHONY: test
test: $(VENV)/.dev swift ## run the whole test suite
	@mkdir -p $(TMPDIR) $(CACHE)/coverage && rm -f $(CACHE)/coverage/data*
	@$(BIN)/coverage run -m pytest -q -n 2 --dist worksteal --basetemp=$(CACHE)/tests $(PYTEST_ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

# A real S3, for tests, in an environment of its own: OpenStack Swift. Without it those tests say so and are skipped.
$(CACHE)/swift/.made: requirements/swift.txt | $(VENV)/.made
	@mkdir -p $(TMPDIR)
	@echo 'installing requirements/swift.txt into $(CACHE)/swift'
	@rm -rf $(CACHE)/swift && $(BIN)/python -m venv $(CACHE)/swift
	@$(CACHE)/swift/bin/python -m pip install --quiet --require-hashes --requirement requirements/swift.txt \
		&& touch $@ || echo 'could not install Swift: tests that need it will be skipped, and will say so' >&2

.PHONY: swift
swift: $(CACHE)/swift/.made ## set up a real S3 for the tests (OpenStack Swift)

# ---- gates -------------------------------------------------------------------------------------------------------------

.PHONY: check
check: gates test ## everything a change must pass: the gates, then the tests

.PHONY: gates
gates: format lint types imports dead deps spelling ## every gate but the tests

.PHONY: format
format: $(VENV)/.dev ## check the formatting
	@$(BIN)/ruff format --check .

.PHONY: lint
lint: $(VENV)/.dev ## check the style
	@$(BIN)/ruff check .

.PHONY: types
types: $(VENV)/.dev ## check the types
	@$(BIN)/mypy

.PHONY: imports
imports: $(VENV)/.dev ## check who imports whom
	@$(BIN)/lint-imports --cache-dir $(CACHE)/import-linter

.PHONY: dead
dead: $(VENV)/.dev ## look for dead code
	@$(BIN)/vulture

.PHONY: deps
deps: $(VENV)/.dev ## check that every dependency is declared and used
	@$(BIN)/deptry src

.PHONY: spelling
spelling: $(VENV)/.dev ## check the spelling
	@$(BIN)/codespell

.PHONY: fix
fix: $(VENV)/.dev ## format, and mend what tools can mend
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

# ---- more --------------------------------------------------------------------------------------------------------------

.PHONY: bench
bench: $(VENV)/.dev ## measure, beside the limits of this machine (SIZE=256M RUNS=1 for a short run, ONLY=pages,hub for parts)
	@mkdir -p $(TMPDIR)
	@$(BIN)/python -m bench $(if $(SIZE),--size $(SIZE)) $(if $(RUNS),--runs $(RUNS)) $(if $(ONLY),--only $(ONLY))

.PHONY: soak
soak: $(VENV)/.dev ## the heavy proofs in full: 200 kills of each verb, 500 of the hub, ten minutes of a crowd
	@mkdir -p $(TMPDIR)
	@ORCHARD_SOAK=1 $(BIN)/pytest -q -p no:randomly -o faulthandler_timeout=0 --basetemp=$(CACHE)/tests tests/soak tests/hub/test_api_generated.py tests/hub/test_ending.py tests/hub/test_rules_together.py tests/project/test_unpacking_hostile.py $(PYTEST_ARGS)
	@ORCHARD_SOAK=1 $(BIN)/pytest -q -n 2 -m hypothesis --timeout=0 -o faulthandler_timeout=0 --basetemp=$(CACHE)/tests $(PYTEST_ARGS)

.PHONY: lock
lock: $(VENV)/.dev ## write requirements/*.txt anew from pyproject.toml (packages at least a week old)
	@$(BIN)/python requirements/lock.py

.PHONY: docs
docs: $(VENV)/.dev ## write docs/commands.md anew from the commands' own help
	@$(BIN)/python docs/generate.py

.PHONY: screenshots
screenshots: $(VENV)/.dev ## take the pictures in docs/img anew (needs Chromium; ONLY=home,compare for some)
	@ONLY='$(ONLY)' $(BIN)/python examples/screenshots.py

.PHONY: manifests
manifests: ## write deploy/kubernetes/hub.yaml anew from the chart (needs helm)
	@helm template orchard-hub deploy/helm/orchard-hub --kube-version 1.31.0 > deploy/kubernetes/hub.yaml

.PHONY: clean
clean: ## remove everything that make made
	rm -rf $(VENV) .cache .demo dist examples/digits/.venv
	find . -name __pycache__ -prune -exec rm -rf {} +
