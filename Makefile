# Everything runs in .venv, made here. `make demo` and `make test` need nothing done before them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest

.PHONY: demo test test-unit lint image completions picture bench clean

demo: $(VENV)/installed
	PATH="$(CURDIR)/$(BIN):$$PATH" sh docs/demo.sh

# Unit tests first: what they find, clusters need not be started for. What reads files, with both readers.
# Tests of clusters wait more than they work; those of one cluster stay together (tests/cluster_fixtures.py).
test: lint $(VENV)/installed-dev
	sh tests/install-shells.sh
	KAFKACTL_READER=pure $(PYTEST) -n auto tests/unit/storage tests/unit/output tests/unit/dump tests/fuzz
	$(PYTEST) -n auto tests/unit tests/fuzz
	$(PYTEST) -n 2 --dist loadgroup tests/cluster tests/reference
	sh tests/install-docker.sh
	$(PYTEST) tests/compose

test-unit: $(VENV)/installed-dev
	$(PYTEST) -n auto tests/unit

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/installed-dev
	$(BIN)/python bench/startup.py
	$(BIN)/python bench/dump_log.py
	$(BIN)/python bench/admin.py
	$(BIN)/python bench/groups.py
	$(BIN)/python bench/console.py

# The classic builder does where there is no buildx. Yesterday's images without a name are in nobody's way but the disk's.
image:
	DOCKER_BUILDKIT=$$(docker buildx version >/dev/null 2>&1 && echo 1 || echo 0) docker build --quiet --tag kafkactl .
	docker image prune --force --filter label=kafkactl --filter until=24h >/dev/null

completions: $(VENV)/installed
	$(BIN)/python -m kafkactl.cli.completion.shells completions

picture: $(VENV)/installed-dev
	$(BIN)/python docs/picture.py docs/groups-describe-lag.svg

clean:
	rm -rf $(VENV) build *.egg-info .kafkactl-demo

$(VENV)/installed: pyproject.toml setup.py $(wildcard kafkactl/*/*.pyx kafkactl/*/*.pxd kafkactl/*/*/*.pyx kafkactl/*/*/*.pxd)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "kafkactl needs Python 3.11 or newer; PYTHON=python3.11 make ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --config-settings editable_mode=compat --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/pip install --quiet --config-settings editable_mode=compat --editable '.[dev]'
	touch $@
