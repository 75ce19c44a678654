# Two commands: `make demo` shows the connector at work, `make test` proves it.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
FUNCTIONS := poller reconciler worker dlq-drain admin
CLIENTS := tests/public-clients
SIMULATE := target/release/simulation
PAGE := docs/reliability.md
CODE = $(shell git rev-parse --short=12 HEAD:crates)$(shell git diff --quiet HEAD -- crates || echo +)
ONTO_PAGE = --page $(PAGE) --code $(CODE)
N ?= 20000000

.PHONY: demo fuzz-guided fuzz-keep test test-rust test-simulation simulate stale-reads without-tokens mutants crash-points test-crashes test-template test-contract test-clients test-e2e bench lint build deploy clean binaries simulator

demo: $(VENV)/ready ## build, deploy to a local AWS, and show the sync live
	@$(PY) tools/demo.py

test: test-rust test-simulation test-crashes test-template test-contract test-clients test-e2e ## everything

test-rust:
	cargo test --workspace --locked

fuzz-guided: .cargo-fuzz/bin/cargo-fuzz ## the readers of foreign bytes under libFuzzer, half a minute each; FUZZ_SECONDS=600 for longer
	@$(PYTHON) tools/fuzz_guided.py

fuzz-keep: .cargo-fuzz/bin/cargo-fuzz ## what fuzz-guided found and reaches new branches, into the corpus that test-rust replays
	@$(PYTHON) tools/fuzz_guided.py --keep

test-simulation: simulator ## 200,000 schedules of the real connector in a seeded world
	$(SIMULATE) run --schedules 200000

simulate: simulator ## N schedules in all, onto the page; goes on where it stopped
	$(SIMULATE) run --schedules $(N) --progress .simulation.json $(ONTO_PAGE)

stale-reads: simulator ## what a read cache of a minute costs, onto the page
	$(SIMULATE) run --cache true --schedules 200000 --enough 1000000 $(ONTO_PAGE)

without-tokens: simulator ## what is lost where no token fields are configured, onto the page
	-$(SIMULATE) run --no-tokens --schedules 200000 --enough 1000000 $(ONTO_PAGE)

mutants: simulator ## every step of the protocol left out once: the seed that notices, onto the page
	$(SIMULATE) mutants $(ONTO_PAGE)

crash-points: ## every death of the worker, counted, onto the page
	$(PYTHON) tools/crash_points.py $(PAGE) $(CODE)

simulator: # --workspace: with the features that `binaries` compiles its dependencies with, once
	cargo build --release --locked --workspace --bin simulation

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
	cargo fmt --manifest-path fuzz/Cargo.toml --check
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
	rm -rf target .simulation.json fuzz/target $(VENV) .venv-tap .cargo-fuzz .stack $(CLIENTS)/jsforce/node_modules

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

.cargo-fuzz/bin/cargo-fuzz:
	cargo install --quiet --locked cargo-fuzz --version 0.13.2 --root .cargo-fuzz

$(CLIENTS)/jsforce/node_modules/ready: $(CLIENTS)/jsforce/package-lock.json
	npm ci --prefix $(CLIENTS)/jsforce --silent --no-audit --no-fund
	touch $@
