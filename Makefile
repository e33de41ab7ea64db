# Everything runs in .venv, made here. `make demo` and `make test` need nothing done before them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest

# Each part of test-long ends within 8 minutes; docs/test-long.md has the last result of each.
LONG := timeout 480

# pip shows its progress on a terminal, and is silent in a log. (In $$(...) stdout is a pipe, so stderr is asked.)
PIP_PROGRESS = $$(test -t 2 || echo --quiet)

.PHONY: demo test test-unit test-long test-long-properties test-long-fuzz test-long-fuzz-pure test-long-fuzz-folders test-long-loss test-long-endings test-long-errors-produce test-long-errors-transactions test-long-errors-read test-long-errors-join test-long-errors-commit test-long-errors-group test-long-values test-long-values-pure test-long-faults test-long-typer test-long-packages test-long-brokers test-long-acls test-long-hostile-first test-long-hostile-second test-long-kafka-style test-long-kafka-style-cluster test-long-kafka-style-zookeeper test-long-python-3.12 test-long-python-3.13 lint image completions picture bench clean

demo: $(VENV)/installed
	PATH="$(CURDIR)/$(BIN):$$PATH" sh docs/demo.sh

# Unit tests first: what they find, clusters need not be started for. What reads files, with both readers.
# Tests of clusters wait more than they work; those of one cluster stay together (tests/cluster_fixtures.py).
test: lint $(VENV)/installed-dev
	sh tests/install-shells.sh
	KAFKACTL_READER=pure $(PYTEST) -n auto tests/unit/storage tests/unit/output tests/unit/dump tests/fuzz
	$(PYTEST) -n auto tests/unit tests/fuzz
	$(PYTEST) -n 2 tests/packages/test_wheels.py
	$(PYTEST) -n 4 --dist loadgroup --no-loadscope-reorder tests/cluster tests/reference
	sh tests/install-docker.sh
	$(PYTEST) tests/compose

# Under a minute. `make test` runs the slow ones, too.
test-unit: $(VENV)/installed-dev
	$(PYTEST) -n auto -m "not slow" tests/unit

test-long: test-long-properties test-long-fuzz test-long-fuzz-pure test-long-fuzz-folders test-long-loss test-long-endings test-long-errors-produce test-long-errors-transactions test-long-errors-read test-long-errors-join test-long-errors-commit test-long-errors-group test-long-values test-long-values-pure test-long-faults test-long-typer test-long-packages test-long-brokers test-long-acls test-long-hostile-first test-long-hostile-second test-long-kafka-style test-long-kafka-style-cluster test-long-kafka-style-zookeeper test-long-python-3.12 test-long-python-3.13

# Every property with twenty times as many examples as in CI.
test-long-properties: $(VENV)/installed-dev
	KAFKACTL_TEST_EXAMPLES=20 $(LONG) $(PYTEST) -n auto -q tests/unit/output tests/unit/storage tests/unit/admin tests/unit/serde tests/unit/streams tests/unit/test_patterns.py tests/unit/test_times.py tests/unit/test_stdout.py tests/unit/test_escaping.py

# A quarter of a million damaged files through every reader, with the compiled readers.
test-long-fuzz: $(VENV)/installed-dev
	$(LONG) $(BIN)/python -m tests.fuzz.run --inputs 250000 --jobs 2 --seed 900

# The same with the readers in Python.
test-long-fuzz-pure: $(VENV)/installed-dev
	KAFKACTL_READER=pure $(LONG) $(BIN)/python -m tests.fuzz.run --inputs 250000 --jobs 2 --seed 950

# Whole folders under log check, and lookups through damaged indexes, with both readers.
test-long-fuzz-folders: $(VENV)/installed-dev
	timeout 240 $(BIN)/python -m tests.fuzz.run --inputs 60000 --jobs 2 --seed 970 --target folder --target lookup
	KAFKACTL_READER=pure timeout 240 $(BIN)/python -m tests.fuzz.run --inputs 60000 --jobs 2 --seed 980 --target folder --target lookup

# Leaders and consumers killed again and again; no acknowledged line may be lost or doubled.
test-long-loss: $(VENV)/installed-dev
	$(LONG) $(BIN)/python bench/reliability.py --kills 8

# Every way that a consumer and a producer can end, with every form.
test-long-endings: $(VENV)/installed-dev
	KAFKACTL_TEST_EVERY_CELL=1 $(LONG) $(PYTEST) -n 2 -q tests/cluster/test_streams_matrix.py tests/cluster/test_streams_matrix_produce.py

# Every line of Kafka's tools beside Kafka's tools: on one broker, on three nodes and on ZooKeeper.
STYLE := KAFKACTL_TEST_EVERY_CELL=1 $(LONG) $(PYTEST) -n 2 --dist loadgroup -q tests/reference/test_kafka_style.py

test-long-kafka-style: $(VENV)/installed-dev
	$(STYLE) -k "one_broker"

test-long-kafka-style-cluster: $(VENV)/installed-dev
	$(STYLE) -k "(other and kraft-cluster) or broker_with"

test-long-kafka-style-zookeeper: $(VENV)/installed-dev
	$(STYLE) -k "(other and zookeeper) or never"

# Every error code in the answers to every request of a stream; the tests wait more than they work.
ERRORS := KAFKACTL_TEST_EVERY_CELL=1 $(LONG) $(PYTEST) -n 6 -q tests/cluster/test_mock_cluster.py

test-long-errors-produce: $(VENV)/installed-dev
	$(ERRORS) -k "test_producing and not transactions"

test-long-errors-transactions: $(VENV)/installed-dev
	$(ERRORS) -k "transactions"

test-long-errors-read: $(VENV)/installed-dev
	$(ERRORS) -k "test_reading and not test_reading_in_a_group"

test-long-errors-join: $(VENV)/installed-dev
	$(ERRORS) -k "test_reading_in_a_group and (JoinGroup or SyncGroup or Heartbeat)"

test-long-errors-commit: $(VENV)/installed-dev
	$(ERRORS) -k "test_reading_in_a_group and (OffsetCommit or OffsetFetch or LeaveGroup)"

test-long-errors-group: $(VENV)/installed-dev
	$(ERRORS) -k "test_reading_in_a_group and not (JoinGroup or SyncGroup or Heartbeat or OffsetCommit or OffsetFetch or LeaveGroup)"

# 200 sets of rules, each decision compared with a broker's.
test-long-acls: $(VENV)/installed-dev
	KAFKACTL_TEST_RULE_SETS=200 $(LONG) $(PYTEST) -q tests/cluster/test_acl_decisions.py

# 25 commands on a broker of each supported release.
test-long-brokers: $(VENV)/installed-dev
	$(LONG) $(BIN)/python -m tests.brokers

# A source distribution where there is no compiler, the core without extras, and a wheel for musl.
test-long-packages: $(VENV)/installed-dev
	$(LONG) $(PYTEST) -q tests/packages/test_sdist.py tests/packages/test_musl.py

# The unit tests on the other releases of CPython that pyproject.toml promises, each in an environment of its own.
test-long-python-3.12 test-long-python-3.13: test-long-python-%: $(VENV)/installed-dev
	$(BIN)/python -m tests.packages.unit_tests $*

# The command line on the oldest and the newest release of typer that pyproject.toml allows.
TYPERS := 0.26.0 0.28.0 0.29.2

test-long-typer: $(VENV)/installed-dev
	for release in $(TYPERS); do \
	  $(BIN)/pip install --quiet --no-deps --upgrade --target $(VENV)/typer-$$release typer==$$release && \
	  PYTHONPATH=$(VENV)/typer-$$release $(LONG) $(PYTEST) -n auto -q tests/unit/cli || exit 1; \
	done

# One value of 250 MB in every form, with its peak of memory; a time looked for in 1 GiB.
test-long-values: $(VENV)/installed-dev
	KAFKACTL_TEST_EVERY_CELL=1 $(LONG) $(PYTEST) -q tests/unit/dump/test_sources.py tests/unit/storage/test_damage.py

# The values with the readers in Python.
test-long-values-pure: $(VENV)/installed-dev
	KAFKACTL_TEST_EVERY_CELL=1 KAFKACTL_READER=pure $(LONG) $(PYTEST) -q tests/unit/dump/test_sources.py -k memory

# Every option of every command with every hostile value, in two halves.
test-long-hostile-first test-long-hostile-second: test-long-hostile-%: $(VENV)/installed-dev
	KAFKACTL_TEST_EVERY_CELL=1 $(LONG) $(PYTEST) -n 4 -q tests/cluster/test_hostile_values.py -k "traceback and $*"

# Every command at every wrong port, beside frozen brokers, and with hostile names in every form.
test-long-faults: $(VENV)/installed-dev
	KAFKACTL_TEST_EVERY_CELL=1 $(LONG) $(PYTEST) -n 2 --dist loadgroup -q tests/cluster/test_wrong_ports.py tests/cluster/test_frozen_brokers.py tests/cluster/test_terminals.py

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell kafkactl docs bench tests README.md CHANGELOG.md CONTRIBUTING.md

bench: $(VENV)/installed-dev
	$(BIN)/python bench/startup.py
	$(BIN)/python bench/compat.py
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
	@echo 'Installing kafkactl into $(VENV): a minute or two. First a virtual environment, then packages and compiled modules.'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install $(PIP_PROGRESS) --config-settings editable_mode=compat --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	@echo 'Installing the tools for tests: about a minute.'
	$(BIN)/pip install $(PIP_PROGRESS) --config-settings editable_mode=compat --editable '.[dev]'
	touch $@
