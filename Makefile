# Stanch. `make run` and `make test` do all the set-up on a fresh machine; `make help` lists the rest.
SHELL := /bin/sh
BIN := .venv/bin
export PYTHONDONTWRITEBYTECODE ?=

.DEFAULT_GOAL := help
.PHONY: help run test test-kubernetes test-cloud setup check unit bench tables docs lock clean

help: ## What can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Set up, then run the demo: a real slow database, found, fixed, verified and written up
	@sh scripts/setup.sh run
	@$(BIN)/stanch demo $(ARGS)

test: ## Set up (Debian packages too, where it is root), then lint, types, architecture and all tests
	@sh scripts/setup.sh test
	@$(MAKE) --no-print-directory check
	$(BIN)/pytest -n $(or $(WORKERS),2) --dist loadgroup --ignore tests/acceptance $(ARGS)
	$(BIN)/pytest tests/acceptance $(ARGS)

test-kubernetes: ## Opt-in: kubectl and helm on a real control plane, which the first call builds (5 to 15 minutes)
	@sh scripts/setup.sh test
	@programs=$$(sh scripts/kubernetes.sh) && \
		STANCH_TEST_KUBERNETES=$$programs $(BIN)/pytest -m kubernetes tests/cluster $(ARGS)

test-cloud: ## Opt-in: the AWS command line against a server that speaks AWS's API (the first call: a minute)
	@sh scripts/setup.sh test
	@programs=$$(sh scripts/cloud.sh) && STANCH_TEST_CLOUD=$$programs $(BIN)/pytest -m cloud tests/cloud $(ARGS)

setup: ## Just the set-up of `make test`
	@sh scripts/setup.sh test

check: ## Lint, format, types, import contracts (set-up done)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: ## The tests without servers, in seconds (set-up done)
	$(BIN)/pytest -n 2 tests/unit tests/cases tests/architecture $(ARGS)

bench: ## Every measurement of bench/, as JSON lines
	@sh scripts/setup.sh test >&2
	@$(BIN)/python bench/run.py $(ARGS)

tables: ## Write the parse table of the grammar of thresholds anew
	$(BIN)/python scripts/parse_table.py

docs: ## Write the generated pages of docs/ anew
	$(BIN)/python -m stanch.cli.reference docs

lock: ## Resolve requirements/ anew, with hashes and without addresses
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --upgrade --extra demo --group build pyproject.toml -o requirements/run.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --extra demo --group build --group dev -c requirements/run.txt pyproject.toml -o requirements/dev.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --upgrade --no-deps --group pyproject.toml:kubernetes -o requirements/kubernetes.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --upgrade --group pyproject.toml:cloud -o requirements/cloud.txt

clean: ## Remove what set-up and tests made here
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist
