PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed

.DEFAULT_GOAL := help
.PHONY: help install generate lint test faults soak bench failover pictures demo stack lock dist release clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(INSTALLED) ## Make .venv with everything that requirements.lock pins

$(INSTALLED): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

generate: install ## Write what is generated: crds/, schemas/, docs/api.md, parts of the chart, deploy/ from the chart, the PrometheusRule, Argo CD's
	$(BIN)/python -m roomkeeper.api.generate
	$(BIN)/python -m roomkeeper.api.reference
	$(BIN)/python -m roomkeeper.monitoring
	$(BIN)/python -m roomkeeper.argocd
	$(BIN)/python -m roomkeeper.chart.generate
	$(BIN)/python -m roomkeeper.chart.manifests

lint: install ## Check style, types, layers, and that generated files are current
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/zizmor --quiet --offline --min-severity medium .github
	$(BIN)/python -m roomkeeper.api.generate --check
	$(BIN)/python -m roomkeeper.api.reference --check
	$(BIN)/python -m roomkeeper.chart.generate --check
	$(BIN)/python -m roomkeeper.monitoring --check
	$(BIN)/python -m roomkeeper.argocd --check

test: lint stack ## Run everything; CI=true: nothing may be missing or skipped
	$(BIN)/pytest --numprocesses 3 --dist loadfile -m 'not alone'
	$(BIN)/pytest -m alone

faults: stack ## Have API server and LiveKit fail for SECONDS=300 each while objects come and go: nothing is lost or doubled
	FAULT_SECONDS=$(or $(SECONDS),300) $(BIN)/pytest -s -p no:randomly tests/e2e/test_api_faults.py tests/e2e/test_livekit_faults.py

soak: stack ## Work for a day of the operator's clock in MINUTES=30: nothing grows
	SOAK_MINUTES=$(or $(MINUTES),30) $(BIN)/pytest -s tests/e2e/soak

N ?= 1000

bench: install ## Measure what N Rooms cost (N="100 1000 10000": how that grows); WRITE=1: into docs/performance.md
	$(BIN)/python -m tests.bench $(N) $(if $(STEPS),--steps $(STEPS)) $(if $(WRITE),--write docs/performance.md)

ROUNDS ?= 200

failover: install ## Kill, stop and cut off the replica that works, ROUNDS times; SEED=N: as it was with that seed
	$(BIN)/python -m tests.failover --rounds $(ROUNDS) $(if $(SEED),--seed $(SEED))

demo: install ## Show a Room at work and a recording of it, until Ctrl-C; ONCE=1: end when all was seen; CLUSTER=path: use that kubeconfig
	$(BIN)/python -m roomkeeper.localstack.demo $(if $(ONCE),--once) $(if $(CLUSTER),--kubeconfig '$(CLUSTER)')

stack: install ## Find or build the programs of the local stack (some 25 min, once per machine)
	$(BIN)/python -m roomkeeper.localstack build

pictures: install ## Take the pictures of docs/pictures anew
	$(BIN)/python -m tests.pictures docs/pictures

LOCK := $(BIN)/uv pip compile --quiet $(if $(UPGRADE),--upgrade) --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --custom-compile-command 'make lock'
MODULES := operator/roomkeeper/localstack/modules

lock: install ## Pin what is newly needed, and leave all else as it is pinned; UPGRADE=1: the newest of everything
	$(LOCK) --group dev --extra tracing pyproject.toml --output-file requirements.lock
	$(LOCK) --constraint requirements.lock --extra tracing pyproject.toml --output-file requirements-run.lock
	$(LOCK) $(MODULES)/moto.in --output-file $(MODULES)/moto.txt
	$(LOCK) $(MODULES)/node.in --output-file $(MODULES)/node.txt

dist: install ## Build the wheel that a release and the image are made of, into dist/
	rm -rf dist
	$(BIN)/python -m hatchling build --target wheel

release: generate ## Keep this version's CRDs and packed chart in tests/releases: docs/release.md
	$(BIN)/python -m roomkeeper.chart.release

clean: ## Remove .venv and caches of this checkout; what was built for the stack stays in the user's cache
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build
