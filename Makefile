# `make help` lists the commands. Each installs what it misses; where that needs root, with sudo.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
PORT ?= 8000
ORTHANC_HTTP ?= 8042
ORTHANC_DICOM ?= 4242
PEER_HTTP ?= 8043
PEER_DICOM ?= 4243
export PYTHON PORT ORTHANC_HTTP ORTHANC_DICOM PEER_HTTP PEER_DICOM
# A data folder that was not named stays out of the environment of the tests.
run demo: export DATA_DIR := $(abspath $(or $(DATA_DIR),data))

BIN := .venv/bin
NOT_A_DATABASE_TEST := --ignore=tests/orthanc --ignore=tests/browser --ignore=tests/images \
	--ignore=tests/test_replicas.py --ignore=tests/test_many_nodes.py --ignore=tests/test_wheel.py
# uv writes what it was told and by whom into the lock; neither must depend on the machine.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links $(LOCK_OPTIONS)

# Installing empties the folder first, also one elsewhere that a link leads to.
OWN_FOLDER = if [ -L $(@D) ]; then \
	echo "$(@D) is a link: what it leads to would be overwritten. Remove the link." >&2; exit 1; fi

.PHONY: help demo run test images bench lint format lock setup packages test-packages environment wheel clean

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16
	@echo "Ports: PORT ORTHANC_HTTP ORTHANC_DICOM PEER_HTTP PEER_DICOM. Data: DATA_DIR (data)."

demo: packages environment ## Console and two Orthancs with sample studies; CHECK=1 tests and ends
	@$(BIN)/python -m testbed.demo

run: environment ## The console alone, on SQLite
	@$(BIN)/python manage.py migrate --verbosity 0
	@echo "The console is at http://127.0.0.1:$(PORT), its data in $$DATA_DIR, until Ctrl-C."
	@echo "Its first user: DATA_DIR=$$DATA_DIR $(BIN)/python manage.py create_user NAME --role admin"
	@$(BIN)/python manage.py scheduler & trap "kill $$!" EXIT; $(BIN)/python manage.py serve

test: test-packages environment lint ## The whole test suite
	@$(BIN)/python -m testbed.versions
	$(BIN)/pytest -n 2 --dist=loadfile --no-loadscope-reorder --ignore=tests/orthanc --ignore=tests/images
	$(BIN)/pytest -n 6 --dist=loadfile tests/orthanc
	$(BIN)/pytest tests/images
	$(BIN)/python -m testbed.postgres -- $(BIN)/pytest -n 2 --dist=loadfile --no-loadscope-reorder $(NOT_A_DATABASE_TEST)

images: ## Both container images, with docker, podman or buildah
	@scripts/build-images.sh

bench: packages environment ## The benchmarks, as a table of ratios; BENCH=--help tells of its options
	@$(BIN)/python -m benchmarks $(BENCH)

lint: environment ## Formatter, linter, types, templates, import rules, migrations
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/djlint templates --check --lint --quiet
	$(BIN)/lint-imports --no-logo
	$(BIN)/python manage.py makemigrations --check --dry-run

format: environment ## Format code and templates
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/djlint templates --reformat --quiet

lock: environment ## Pin all packages anew, from pyproject.toml and package.json; LOCK_OPTIONS=--upgrade
	$(COMPILE) pyproject.toml --output-file requirements.txt
	$(COMPILE) pyproject.toml --group dev --constraint requirements.txt \
		--output-file requirements-dev.txt
	PATH="$(CURDIR)/$(BIN):$$PATH" npm install --package-lock-only --ignore-scripts

setup: test-packages environment ## Only install what is missing

packages:
	@scripts/install-packages.sh demo

test-packages:
	@scripts/install-packages.sh test

environment: .venv/complete node_modules/complete

# The packages of the system first: they bring Python's venv.
.venv/complete: requirements-dev.txt scripts/install-python.sh | packages
	@$(OWN_FOLDER)
	@echo "Installing Python packages into .venv …"
	@scripts/install-python.sh
	@touch $@

node_modules/complete: package.json package-lock.json .npmrc .venv/complete
	@$(OWN_FOLDER)
	@echo "Installing stylesheets and icons into node_modules …"
	@PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --ignore-scripts --loglevel error >/dev/null
	@touch $@

wheel: environment ## The console as a Python wheel, in dist
	@$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/*.whl

clean: ## Remove what was installed or built here, but no data
	rm -rf .venv node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
