# Two commands: `make demo` shows the connector at work, `make test` proves it.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
FUNCTIONS := poller worker dlq-drain admin
CLIENTS := tests/public-clients

.PHONY: demo test test-rust test-crashes test-template test-contract test-clients test-e2e bench lint build deploy clean binaries

demo: $(VENV)/ready ## build, deploy to a local AWS, and show the sync live
	@$(PY) tools/demo.py

test: test-rust test-crashes test-template test-contract test-clients test-e2e ## everything

test-rust:
	cargo test --workspace --locked

test-crashes: ## every pair of deaths of the worker while it creates a record
	cargo test --workspace --locked --test crash_points -- --ignored

test-template: $(VENV)/ready
	$(PY) -m pytest -q tests/template

test-contract: $(VENV)/ready ## the storage ports on a local AWS, by the tests they pass in memory
	$(PY) tools/contract.py

test-clients: $(VENV)/ready .venv-tap/ready $(CLIENTS)/jsforce/node_modules/ready binaries ## the twin, checked by clients nobody here wrote
	$(PY) -m pytest -q $(CLIENTS)

test-e2e: $(VENV)/ready binaries
	$(PY) -m pytest -q tests/e2e

bench: binaries $(VENV)/ready ## size and start of the worker, calls and time per 1,000 records
	$(PY) tools/bench.py

lint: $(VENV)/ready
	cargo fmt --all --check
	cargo fmt --manifest-path $(CLIENTS)/force/Cargo.toml --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	$(PY) tools/check_layout.py
	$(VENV)/bin/ruff check --quiet tools tests

binaries: ## the function binaries for this machine, as the local AWS runs them
	cargo build --release --locked $(FUNCTIONS:%=-p %) -p twin -p cli

build: $(VENV)/build-ready ## the function binaries for AWS: arm64, in target/lambda
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" cargo lambda build --release --arm64 $(FUNCTIONS:%=-p %)

deploy: build ## sam deploy with samconfig.toml
	$(VENV)/bin/sam deploy

clean:
	rm -rf target $(VENV) .venv-tap .stack $(CLIENTS)/jsforce/node_modules

$(VENV)/ready: tools/requirements.txt tests/requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	touch $@

$(VENV)/build-ready: $(VENV)/ready tools/build-requirements.txt
	$(PY) -m pip install --quiet --disable-pip-version-check -r tools/build-requirements.txt
	rustup target add aarch64-unknown-linux-gnu
	touch $@

.venv-tap/ready: $(CLIENTS)/tap/requirements.txt
	$(PYTHON) -m venv .venv-tap
	.venv-tap/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

$(CLIENTS)/jsforce/node_modules/ready: $(CLIENTS)/jsforce/package-lock.json
	npm ci --prefix $(CLIENTS)/jsforce --silent --no-audit --no-fund
	touch $@
