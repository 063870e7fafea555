# The two commands are `make run` and `make test`; both set up what they need first.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.8
ARGS ?=
export PYTHONSAFEPATH := 1

WEB := mediaserver/web
WITH_NODE := $(CURDIR)/scripts/with-node
WEB_SET_UP := $(WEB)/node_modules/.set-up
WEB_SOURCES := $(shell find $(WEB)/src -type f ! -name '*.test.ts') $(wildcard $(WEB)/index.html $(WEB)/*.ts)
PAGE := mediaserver/voicemedia_server/status/dist/index.html

$(VENV)/.set-up: pyproject.toml uv.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(BIN)/uv sync --quiet --frozen --all-extras
	@touch $@

.PHONY: help
help: ## what each target does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: setup
setup: $(VENV)/.set-up ## the locked virtual environment in .venv

$(WEB_SET_UP): $(WEB)/package.json $(WEB)/package-lock.json
	@cd $(WEB) && $(WITH_NODE) npm ci --silent --no-audit --no-fund
	@touch $@

$(PAGE): $(WEB_SET_UP) $(WEB_SOURCES)
	@cd $(WEB) && $(WITH_NODE) npm run --silent build -- --logLevel warn
	@touch $@

.PHONY: web
web: $(PAGE) ## build the page; without it the server has a plain one

.PHONY: web-if-possible
web-if-possible:
	@if scripts/has-node; then $(MAKE) --silent web || echo "The page cannot be built: a plain page is served." >&2; \
	else echo "Without Node 20.19 or later a plain page is served." >&2; fi

.PHONY: check-web
check-web: $(WEB_SET_UP) ## the front end's types, lint and unit tests
	@cd $(WEB) && $(WITH_NODE) npm run --silent check

.PHONY: run
run: setup web-if-possible ## start the server: HTTP on 127.0.0.1:8080, media on UDP 3478 (options: ARGS='--help')
	@exec $(BIN)/voicemedia-server $(ARGS)

.PHONY: format
format: setup ## write the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: check
check: setup ## the fast part: format, lint, types, import contracts, unit tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy mediaserver operator rollout tests charts
	$(BIN)/lint-imports
	$(BIN)/pytest -q -n 2 -m "not system"
	@if scripts/has-node; then $(MAKE) --silent check-web; \
	else echo "Without Node 20.19 or later the front end is not checked." >&2; fi

$(VENV)/peers/.set-up: tests/peers/pyproject.toml tests/peers/uv.lock | $(VENV)/.set-up
	@UV_PROJECT_ENVIRONMENT=$(CURDIR)/$(VENV)/peers $(BIN)/uv sync --quiet --frozen --project tests/peers
	@touch $@

.PHONY: peers
peers: $(VENV)/peers/.set-up # FastRTC and Pipecat, in an environment of their own

.PHONY: packages
packages: # what the system tests need from Debian
	@scripts/system-packages curl=curl chromium=chromium go=golang node=nodejs npm=npm buildah=buildah debootstrap=debootstrap bwrap=bubblewrap redis-server=redis-server containerd=containerd runc=runc /usr/lib/cni/bridge=containernetworking-plugins iptables=iptables nginx=nginx ip=iproute2

CLUSTER := cd tests && PYTHONPATH=. ../$(BIN)/python -m cluster

.PHONY: programs
programs: setup # Kubernetes from its Go modules, once: ten minutes on two cores
	@$(CLUSTER) programs

.PHONY: cluster
cluster: setup packages ## a Kubernetes of one node with the media image, left up for you
	@$(CLUSTER) up

.PHONY: cluster-down
cluster-down: setup ## ends it, and removes what it made
	@$(CLUSTER) down

.PHONY: manifests
manifests: setup ## deploy/voicemedia.yaml anew, from the chart
	@cd tests && PYTHONPATH=. ../$(BIN)/python -m chart

.PHONY: test
test: setup packages peers programs check web ## everything: check, then the tests with real processes, browsers and clients
	@scripts/has-node || $(MAKE) --silent check-web
	$(BIN)/pytest -q -m system

.PHONY: conformance
conformance: setup ## the WHIP conformance table of any server: make conformance URL=http://host/whip
	$(BIN)/python -m whip_conformance $(URL) $(ARGS)

.PHONY: bench
bench: setup ## latency, loss and CPU by number of sessions; options in ARGS, see docs/benchmarks.md
	cd tests && PYTHONPATH=. ../$(BIN)/python -m bench $(ARGS)

.PHONY: bench-decisions
bench-decisions: setup ## decisions of POST /v2/session in a second
	cd tests && PYTHONPATH=. ../$(BIN)/python -m bench.decisions $(ARGS)

.PHONY: clean
clean: ## removes everything that the other targets made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis tests/output $(WEB)/node_modules $(dir $(PAGE))
