# Tocsin's commands; `make help` lists them.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip
UV_VERSION := 0.13.9
PIP_AUDIT := pip-audit==2.10.1
CYCLONEDX := cyclonedx-bom==7.5.0
PIP_LICENSES := pip-licenses==5.5.5
DEMO_SECONDS ?= 60
SOAK_SECONDS ?= 600
FUZZ_SECONDS ?= 60
export DEMO_SECONDS SOAK_SECONDS
# Without bytecode every module would be compiled again at each of hundreds of starts.
unexport PYTHONDONTWRITEBYTECODE

INSTALL = $(PIP) install --quiet --require-hashes -r
EDITABLE = $(PIP) install --quiet --no-deps --no-build-isolation -e .
WARM = @echo "compiling kernels, once"; $(BIN)/tocsin compile
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate pyproject.toml --group build

KAFKA_POM := tests/testkit/kafka/pom.xml
KAFKA_STAMP := .kafka/libs/.complete
KAFKA_CLASSES := .kafka/classes.jsa

.DEFAULT_GOAL := help
.PHONY: help setup demo lint check fast java browser prometheus postgres compose test long docs console bench bench-compare soak fuzz audit lock clean

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.development ## Make .venv with every locked dependency and Tocsin itself.

demo: .venv/.runtime ## Run the main job on an embedded broker (DEMO_SECONDS=0: until interrupted).
	$(BIN)/tocsin demo

lint: .venv/.development ## Check style, types and the walls between rooms.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: .venv/.development ## Lint and run the fast tests, in a minute and without Java.
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint fast

fast: .venv/.development
	$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder -m "not broker and not slow and not long and not soak"

java: $(KAFKA_CLASSES) ## Get Java, Maven and Kafka's jars for the tests.

browser: ## Get Chromium for the tests of pages.
	@sh tests/testkit/install-chromium.sh

prometheus: ## Get Prometheus and Alertmanager for the tests of alerts and notices.
	@sh tests/testkit/prometheus/install-prometheus.sh

compose: ## Get the checker of compose files for the tests of deploy/.
	@sh tests/testkit/install-compose.sh

postgres: ## Get PostgreSQL for the tests of the history.
	@sh tests/testkit/postgres/install-postgres.sh

test: .venv/.development java browser prometheus postgres compose ## Run the tests, a real Kafka included.
	TOCSIN_REQUIRE_BROKER=1 $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder -m "not soak and not long"

long: .venv/.development java browser prometheus postgres ## Run the tests that take long: kills, outages, Spark.
	TOCSIN_REQUIRE_BROKER=1 $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder -m long

docs: .venv/.development ## Write the reference from the code and build the site into build/site.
	$(BIN)/python docs/reference.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

console: ## Build the console's pages into console/static; needs Node 20.19 or newer.
	cd console/web && npm ci --no-audit --no-fund && npm run build

bench: .venv/.development ## Run every benchmark.
	@set -e; for script in benchmarks/[a-z]*.py; do \
		test -e "$$script" || continue; echo "== $$script"; $(BIN)/python "$$script"; done

bench-compare: .venv/.development ## Hold the last run of the benchmarks against the stored one.
	$(BIN)/python benchmarks/support/compare.py

soak: .venv/.development java ## Run the endurance tests for SOAK_SECONDS.
	TOCSIN_REQUIRE_BROKER=1 $(BIN)/pytest -m soak --timeout=$$(($(SOAK_SECONDS) + 300))

fuzz: .venv/.development ## Fuzz every parser for FUZZ_SECONDS each, going on from build/fuzz.
	$(BIN)/python -m tests.fuzz all --seconds $(FUZZ_SECONDS)

audit: .venv/.development ## Look for known weaknesses in the locks; list parts and licences in build/.
	$(PIP) install --quiet uv==$(UV_VERSION)
	@mkdir -p build
	$(BIN)/uv tool run --quiet --from $(CYCLONEDX) cyclonedx-py requirements requirements.lock \
		--pyproject pyproject.toml --output-reproducible --output-file build/sbom.json
	$(BIN)/uv tool run --quiet --from $(PIP_LICENSES) pip-licenses --python=$(BIN)/python \
		--format=markdown --output-file=build/licences.md
	@for lock in requirements.lock requirements-dev.lock; do \
		$(BIN)/uv tool run --quiet --from $(PIP_AUDIT) pip-audit --strict --disable-pip \
			--require-hashes --progress-spinner off --requirement $$lock || { \
			echo "audit: $$lock: expected every package looked up and none known to be weak;" \
			"see above. Looking up needs https://pypi.org, a mirror of packages does not do" >&2; \
			exit 1; }; done

lock: .venv/bin/python ## Resolve the dependencies again and write both lock files.
	$(PIP) install --quiet uv==$(UV_VERSION)
	$(COMPILE) --output-file requirements.lock
	$(COMPILE) --group dev --constraint requirements.lock --output-file requirements-dev.lock

clean: ## Remove what the other targets made, .venv and .kafka included.
	rm -rf .venv .kafka .prometheus .postgres .compose .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf build report *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { \
		echo "$(PYTHON): expected Python 3.11 to 3.13, got $$($(PYTHON) --version); \
	set PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.runtime: requirements.lock pyproject.toml | .venv/bin/python
	$(INSTALL) requirements.lock
	$(EDITABLE)
	$(WARM)
	@touch $@

.venv/.development: requirements-dev.lock pyproject.toml | .venv/bin/python
	$(INSTALL) requirements-dev.lock
	$(EDITABLE)
	$(WARM)
	@touch $@ .venv/.runtime

$(KAFKA_STAMP): $(KAFKA_POM)
	@sh tests/testkit/kafka/install-java.sh
	rm -rf .kafka/libs
	mvn --quiet --batch-mode -Dstyle.color=never --file $(KAFKA_POM) dependency:copy-dependencies \
		-DoutputDirectory=$(CURDIR)/.kafka/libs -DincludeScope=runtime
	@touch $@

$(KAFKA_CLASSES): $(KAFKA_STAMP) | .venv/.development
	$(BIN)/python -m tests.testkit.kafka.archive_classes
