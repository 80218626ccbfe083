# Everything a developer runs, on a machine with nothing but make and a Python of 3.11 to 3.13. No Docker.
#   make clean; make PYTHON=/path/to/python3.12 setup    takes another Python than the first that is found
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

UV_VERSION := 0.13.8
VENV := .venv
RUN := $(VENV)/bin/python
UV := $(VENV)/bin/uv
READY := $(VENV)/.ready
# Each file of tests as a whole in one of the processes: one more than there are cores, since some tests wait, and four at most.
PROCESSES := $(shell cores=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); echo $$(( cores < 3 ? cores + 1 : 4 )))
TESTS := $(RUN) -m pytest --numprocesses $(PROCESSES) --dist loadfile
# Images of containers often set it. Here it would make each of the processes that tests start compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE
PYTHONS := $(if $(PYTHON),"$(PYTHON)",python3.11 python3.12 python3.13 python3)
HAS_RIGHT_VERSION := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

VERSITYGW_VERSION := v1.8.0
S3_SERVER := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/platform-assets/bin/versitygw

LOWEST := .lowest
NEWEST := .newest
# The parts that meet each library: declarations, engines, stores, the online store, models, Dagster.
CORE := $(addprefix platform_assets_tests/,declare expressions aggregations conformance/test_named_cases.py reading serving models \
	stores/test_ledger.py steps/test_join_keys.py assets/test_definitions.py assets/test_attributes.py assets/test_models.py)
COMPILE := $(UV) pip compile --universal --python-version 3.11 --extra dev --generate-hashes -q $(if $(UPGRADE),--upgrade)

SPARK := .spark
# One process: all tests share one session of Spark.
SPARK_TESTS ?= platform_assets_tests/spark
TESTS_SPARK := $(SPARK)/bin/python -m pytest

.PHONY: help setup setup-spark demo ui test test-slow test-all test-lowest test-newest test-spark s3-server lint docs bench lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

setup: $(READY) ## Make .venv from requirements.lock; done again only when the lock or pyproject.toml changed

# A half-made .venv has no stamp, so an interrupted set-up starts over. The package itself is built with the locked setuptools.
$(READY): requirements.lock pyproject.toml
	@if ! $(RUN) -c '$(HAS_RIGHT_VERSION)' 2>/dev/null; then \
	  found=; seen=; \
	  for python in $(PYTHONS); do \
	    if "$$python" -c '$(HAS_RIGHT_VERSION)' 2>/dev/null; then found=$$python; break; fi; \
	    seen="$$seen\n  $$python: $$("$$python" --version 2>/dev/null || echo 'not there')"; \
	  done; \
	  if [ -z "$$found" ]; then \
	    printf "make setup needs Python 3.11, 3.12 or 3.13. Looked at:$$seen\nInstall one, or name it: make PYTHON=/path/to/python3.11 setup\n" >&2; exit 1; \
	  fi; \
	  if ! "$$found" -c 'import venv, ensurepip' 2>/dev/null; then \
	    printf "%s cannot make virtual environments: its module venv or ensurepip is missing.\nOn Debian and Ubuntu: apt install python3-venv. Or name another: make PYTHON=/path/to/python3.11 setup\n" "$$found" >&2; exit 1; \
	  fi; \
	  echo "Making $(VENV) with $$found, $$("$$found" --version)"; \
	  "$$found" -m venv --clear $(VENV); \
	fi
	@if [ "$$($(UV) --version 2>/dev/null | cut -d' ' -f2)" != "$(UV_VERSION)" ]; then \
	  $(RUN) -m pip --version >/dev/null 2>&1 || $(RUN) -m ensurepip >/dev/null; \
	  $(RUN) -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); \
	fi
	$(UV) pip sync --quiet --python $(RUN) --require-hashes requirements.lock
	$(UV) pip install --quiet --python $(RUN) --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## Run the shop from files to predictions, in this folder, with an embedded Valkey
	$(VENV)/bin/platform-assets demo

ui: setup ## Open Dagster's UI on what the demo made, until Ctrl-C; make ui PORT=3001 on another port
	$(VENV)/bin/platform-assets ui --port $(or $(PORT),3000)

test: setup ## Run the fast tests (about 5 minutes on 2 idle cores)
	$(TESTS)

test-slow: setup s3-server ## Run only the slow tests; of mutants, kills and generated cases the eighth that the commit chooses
	$(TESTS) -m slow

test-all: setup s3-server ## Run all tests, with every mutant, kill and generated case (an hour or more)
	TESTS_ALL=1 $(TESTS) -m "slow or not slow"
	@if java -version >/dev/null 2>&1; then TESTS_ALL=1 $(MAKE) test-spark; else echo "Left out: make test-spark, which needs Java 17 or 21"; fi

# Without Go there is none, and the tests that need it are skipped, with the reason.
s3-server: $(S3_SERVER) ## Install the S3 server that slow tests start, versitygw, from its Go module (2 minutes once)

$(S3_SERVER):
	@if go version >/dev/null 2>&1; then \
	  GOBIN=$(@D) go install github.com/versity/versitygw/cmd/versitygw@$(VERSITYGW_VERSION) && touch $@; \
	else \
	  echo "There is no Go here: tests on an S3 server are skipped."; \
	fi

test-lowest: $(LOWEST)/.ready ## Run the core of the fast tests with the lowest versions that pyproject.toml allows (Python 3.11 or 3.12)
	$(LOWEST)/bin/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(CORE)

$(LOWEST)/.ready: requirements-lowest.lock pyproject.toml | setup
	$(UV) venv --quiet --clear --python $(RUN) $(LOWEST)
	$(UV) pip sync --quiet --python $(LOWEST)/bin/python --require-hashes requirements-lowest.lock
	$(UV) pip install --quiet --python $(LOWEST)/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

# Resolved anew each time, so not a file: what has been released since is the question.
test-newest: setup ## Run the same with the newest versions that pyproject.toml allows, beside the lock (not in CI)
	$(UV) venv --quiet --clear --python $(RUN) $(NEWEST)
	$(COMPILE) --upgrade -o $(NEWEST)/requirements.lock pyproject.toml
	$(UV) pip sync --quiet --python $(NEWEST)/bin/python --require-hashes $(NEWEST)/requirements.lock
	$(UV) pip install --quiet --python $(NEWEST)/bin/python --no-deps --no-build-isolation --editable .
	@echo "Newer than locked (<: locked, >: here):"; diff <(grep -oE '^[a-z0-9-]+==[^ ;]+' requirements.lock | sort -u) \
	  <(grep -oE '^[a-z0-9-]+==[^ ;]+' $(NEWEST)/requirements.lock | sort -u) | grep '^[<>]' || true
	$(NEWEST)/bin/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(CORE)

test-spark: setup-spark ## Run the tests of Spark, fast and slow; needs Java 17 or 21
	$(TESTS_SPARK) -m "slow or not slow" $(SPARK_TESTS)

setup-spark: $(SPARK)/.ready ## Make .spark from requirements-spark.lock: what .venv has, with PySpark and the jars of Delta Lake

$(SPARK)/.ready: requirements-spark.lock pyproject.toml platform_assets_tests/spark/jars.sha256 | setup
	@java -version >/dev/null 2>&1 || { echo "Spark needs Java 17 or 21. On Debian and Ubuntu: apt install openjdk-17-jre-headless" >&2; exit 1; }
	$(UV) venv --quiet --clear --python $(RUN) $(SPARK)
	$(UV) pip sync --quiet --python $(SPARK)/bin/python --require-hashes requirements-spark.lock
	$(UV) pip install --quiet --python $(SPARK)/bin/python --no-deps --no-build-isolation --editable .
	$(SPARK)/bin/python -m platform_assets_tests.spark.jars $(SPARK)
	@touch $@

lint: setup ## Check style, format and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/mypy benchmarks

docs: setup ## Write docs/reference/api.md from the docstrings
	$(RUN) docs/reference/write_api.py

bench: setup ## Measure beside Feast, DuckDB and Polars, in small; ALL=1 in full, an hour, into docs/benchmarks.md
	$(RUN) benchmarks/run.py $(if $(ALL),--all)

lock: setup ## Resolve pyproject.toml anew into the locks, with hashes; UPGRADE=1 takes the newest versions, else what is locked stays
	$(COMPILE) -o requirements.lock pyproject.toml
	$(COMPILE) --resolution lowest-direct -o requirements-lowest.lock pyproject.toml
	$(COMPILE) --constraint requirements.lock --extra spark -o requirements-spark.lock pyproject.toml

clean: ## Remove .venv, .lowest, .newest, .spark, .peers and all caches; data in .platform stay
	rm -rf $(VENV) $(LOWEST) $(NEWEST) $(SPARK) .peers .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
