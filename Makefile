# `make demo` and `make test` do all set-up themselves. `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
# Without .pyc files every process start costs seconds (see docs/guides/performance.md).
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
NODE_MODULES := node_modules/.package-lock.json
# Tests wait more than they compute.
WORKERS ?= 4
# Not even looked at for `make test-fast` are tests/infra, tests/loop and tests/storm: they import the CDK.
FAST := tests/local_cloud tests/runner tests/definitions tests/unit
ENV ?= dev

.PHONY: help
help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements.lock requirements-installer.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit(f"Ratchet needs Python 3.11 or newer; $(PYTHON) is {v[0]}.{v[1]}. Name another: make PYTHON=python3.12 …")'
	@echo "Installing the locked Python packages into $(VENV) (about a minute the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-installer.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

# Node comes from the Python packages too, so that there is one version of it everywhere.
$(NODE_MODULES): $(READY) package.json package-lock.json
	@echo "Installing the pinned CDK CLI into node_modules"
	@$(BIN)/python -m ratchet.node npm ci --silent --no-audit --no-fund
	@touch $@

.PHONY: install
install: $(READY) $(NODE_MODULES) ## set-up alone: virtual environment, locked packages, CDK CLI

.PHONY: demo
demo: install ## the whole loop on real flights data, on the local cloud
	@$(BIN)/python -m demo

.PHONY: lint
lint: install ## ruff, mypy strict, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

.PHONY: test
test: lint ## the one gate: linters, types, layering, every test
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -q

.PHONY: storm
storm: install ## every point of a kill of the local cloud, every trap of promotions (half an hour)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -q -s -m storm tests/storm tests/unit/lambdas tests/unit/notebooks

.PHONY: test-fast
test-fast: install ## pure logic only: no CDK, no local cloud, no jobs (a minute)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -q -m "not cloud and not synth and not jobs and not storm" $(FAST)

.PHONY: synth
synth: install ## every environment's templates, validated, into cdk.out
	@$(BIN)/cdk synth --quiet

.PHONY: review
review: install ## what would change in ENV, as Markdown for a review (needs credentials)
	@$(BIN)/ratchet diff --env $(ENV) --format markdown
	@printf '\n<details><summary>cdk diff</summary>\n\n'
	@$(BIN)/cdk diff "$(ENV)/**" --method=template 2>&1 | sed 's/^/    /' # code that no line can end
	@printf '\n</details>\n'

.PHONY: deploy
deploy: install ## deploy ENV without asking, as a workflow does (needs credentials)
	@$(BIN)/ratchet deploy --env $(ENV) --yes -- --require-approval never

.PHONY: bench
bench: install ## measure speed against floors and peers (minutes; quiet machine)
	@$(BIN)/python -m tests.benchmarks

.PHONY: format
format: install ## let ruff fix what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: snapshots
snapshots: install ## rewrite the synth and definition snapshots; read the diff before committing
	@RATCHET_UPDATE_SNAPSHOTS=1 $(BIN)/python -m pytest -q tests/infra tests/definitions tests/unit/cli

SDK := .venv-sagemaker

$(SDK)/.ready: requirements-sagemaker.lock $(READY)
	@echo "Installing the SageMaker SDK into $(SDK) (a minute or two)"
	@test -x $(SDK)/bin/python || $(PYTHON) -m venv $(SDK)
	@$(BIN)/uv pip install --quiet --python $(SDK)/bin/python --require-hashes -r requirements-sagemaker.lock
	@touch $@

.PHONY: test-sdk
test-sdk: install $(SDK)/.ready ## write definitions with the SageMaker SDK again and compare (minutes)
	@RATCHET_SDK_PYTHON=$(abspath $(SDK)/bin/python) $(BIN)/python -m pytest -q tests/sdk

.PHONY: lock
lock: $(READY) ## renew the three lock files from pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --group installer --generate-hashes --no-emit-index-url -o requirements-installer.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra dev --extra steps --extra notebooks --generate-hashes --no-emit-index-url pyproject.toml -o requirements.lock
	@$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["sagemaker"], sep="\n")' | \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url - -o requirements-sagemaker.lock

.PHONY: clean
clean: ## remove what the build made (keeps the local cloud's data in .ratchet)
	@rm -rf .venv-sagemaker cdk.out .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
