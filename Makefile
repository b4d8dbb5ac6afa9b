# The two commands of the README are `make run` and `make test`; the others are for those who work on Dealhouse.
PYTHON ?= python3
VENV := .venv
PEERS_VENV := .venv-peers
BIN := $(VENV)/bin
SPARK := .venv-spark
OLDEST := .venv-oldest
export DEALHOUSE_HOME ?= $(CURDIR)/home
export DAGSTER_DISABLE_TELEMETRY := yes
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export DO_NOT_TRACK := 1

.DEFAULT_GOAL := help
.PHONY: help setup run test test-all test-oldest test-spark lint bench bench-peers bench-scoring dashboards dev docs lock clean

help: ## List the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

# The mark is remade only when the lock or the project file changes, so that a second call costs nothing.
$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Dealhouse needs Python 3.11 or newer; call make with PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { $(PYTHON) -m pip install --quiet --user virtualenv && $(PYTHON) -m virtualenv $(VENV); }
	@echo "Installing the locked dependencies (a minute or two, once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . > $(VENV)/install.log 2>&1 || { cat $(VENV)/install.log; exit 1; }
	@touch $@

setup: $(VENV)/.ready ## Make the virtual environment

run: setup ## Set up, make a sample company if the inbox is empty, run everything, show the KPIs
	@$(BIN)/dealhouse run --sample-if-empty

test: setup ## Lint and test; what CI calls
	@$(BIN)/python -m tests.suite

test-all: setup ## The same, and the slow suites: crash, scale, Spark, laws with many examples, DuckDB 1.5
	@$(BIN)/python -m tests.suite --all
	@$(MAKE) --silent test-oldest

# The oldest engine that is supported: its files, its words and its errors are others than those of 2.0.
$(OLDEST)/.ready: requirements.lock requirements-oldest.lock pyproject.toml
	@test -x $(OLDEST)/bin/python || $(PYTHON) -m venv $(OLDEST) || { $(PYTHON) -m pip install --quiet --user virtualenv && $(PYTHON) -m virtualenv $(OLDEST); }
	@echo "Installing the locked dependencies beside DuckDB 1.5 (a minute or two, once) ..."
	@$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-oldest.lock
	@$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

test-oldest: $(OLDEST)/.ready ## The tests on the oldest DuckDB that is supported
	@$(OLDEST)/bin/python -m tests.suite --tests

# Spark stands in an environment of its own: nothing of it is needed otherwise.
$(SPARK)/.ready: requirements-spark.lock
	@command -v java > /dev/null || apt-get install --yes --quiet openjdk-17-jre-headless || { echo "Spark needs Java 17; install it and call make again"; exit 1; }
	@test -x $(SPARK)/bin/python || $(PYTHON) -m venv $(SPARK) || { $(PYTHON) -m pip install --quiet --user virtualenv && $(PYTHON) -m virtualenv $(SPARK); }
	@echo "Installing Spark beside it (a minute or two, once) ..."
	@$(SPARK)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-spark.lock
	@touch $@

test-spark: setup $(SPARK)/.ready ## Build the sample on DuckDB and on Spark, and compare every table
	@$(BIN)/python -m tests.suite --spark

lint: setup ## Formatting, types, import contract and SQL style alone
	@$(BIN)/python -m tests.suite --lint

bench: setup ## Benchmarks: ratios against a baseline measured in the same run
	@$(BIN)/python -m benchmarks

# The peers have an environment and a lock of their own: nothing of Dealhouse needs them.
$(PEERS_VENV)/.ready: benchmarks/peers/requirements.lock
	@test -x $(PEERS_VENV)/bin/python || $(PYTHON) -m venv $(PEERS_VENV)
	@echo "Installing the peers (a minute or two, once) ..."
	@$(PEERS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

bench-peers: setup $(PEERS_VENV)/.ready $(SPARK)/.ready ## Dealhouse beside dlt, PostgreSQL, pandas and others: equal rows, then time and memory (ARGS="--events N")
	@DEALHOUSE_PEERS_PYTHON=$(CURDIR)/$(PEERS_VENV)/bin/python $(BIN)/python -m benchmarks.peers $(ARGS)

bench-scoring: setup ## Benchmarks of the scoring models on public data, with intervals
	@$(BIN)/python -m benchmarks.scoring

dashboards: setup ## The pages on what is published
	@$(BIN)/dealhouse dashboards

dev: setup ## Dagster's web interface on this home
	@mkdir -p $(DEALHOUSE_HOME)/dagster && DAGSTER_HOME=$(DEALHOUSE_HOME)/dagster $(BIN)/dagster dev -m orchestration.definitions

docs: setup ## Write the generated reference pages
	@$(BIN)/dealhouse contracts --markdown > docs/contracts.md

lock: setup ## Resolve the locks anew
	@$(BIN)/python -m pip install --quiet uv && $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-strip-extras --no-emit-index-url --no-header --extra dev -o requirements.lock pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-strip-extras --no-emit-index-url --no-header --extra spark -c requirements.lock -o requirements-spark.lock pyproject.toml
	@echo duckdb==1.5.5 | $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-deps --no-emit-index-url --no-header --no-annotate -o requirements-oldest.lock -

clean: ## Remove the virtual environment and caches; state in home/ stays
	@rm -rf $(VENV) $(OLDEST) $(SPARK) $(PEERS_VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
