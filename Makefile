.DEFAULT_GOAL := help
.PHONY: help setup demo test lint check golden bench soak clean
PYTHON ?= python3.11
BIN := .venv/bin
DEMO := .venv/.demo
READY := .venv/.ready
# What is in C, and its compiler while the project is installed: 400 MB that nobody needs later.
KERNEL := mlops_spec/runtime/portable/native/trees.c
ZIG := $(CURDIR)/.venv/zig
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --no-compile
# On all cores; or every process would parse its libraries again. What does not compile is a template.
COMPILE := $(BIN)/python -m compileall -q -j 0 .venv/lib || true

help:  ## print this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

# requirements/demo.txt is a part of dev.txt, in the same versions: what is there is not fetched twice.
$(DEMO): requirements/demo.txt requirements/kernel.txt pyproject.toml hatch_build.py $(KERNEL)
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: no $(PYTHON) on PATH (make PYTHON=/path/to/python3.11)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(INSTALL) --require-hashes -r requirements/demo.txt
	@$(INSTALL) --require-hashes --target $(ZIG) -r requirements/kernel.txt || echo "no compiler for this machine: trees will be slower"
	PYTHONPATH=$(ZIG) $(INSTALL) --no-deps --no-build-isolation --editable .
	@rm -rf $(ZIG)
	@$(COMPILE)
	@touch $@

$(READY): requirements/dev.txt $(DEMO)
	$(INSTALL) --require-hashes -r requirements/dev.txt
	@$(COMPILE)
	@touch $@

setup: $(READY)  ## create .venv with all that the demo, the tests and the benchmarks need

demo: $(DEMO)  ## the whole loop on 336,776 real flights: train, gate, serve, canary, monitor
	$(BIN)/python examples/flights/demo.py

test: $(READY)  ## every test, the real servers included (wants promtool, of Debian's prometheus)
	$(BIN)/python -m pytest

lint: $(READY)  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint  ## lint, fast tests, goldens: what every commit passes
	$(BIN)/python -m pytest -m "not slow and not e2e"

golden: $(READY)  ## render the examples, the schemas and the reference again
	$(BIN)/python tests/golden/generate.py
	for example in examples/*/; do $(BIN)/spec --root $$example render --force || exit 1; done

# `make bench serving` is `make bench topic=serving`: the words behind it are topics, and no goals.
ifeq (bench,$(firstword $(MAKECMDGOALS)))
topic ?= $(wordlist 2,$(words $(MAKECMDGOALS)),$(MAKECMDGOALS))
.PHONY: $(topic)
$(topic): bench ; @:
endif
bench: $(READY)  ## measure beside the peers; `make bench serving` for one topic, out=bench.json for the numbers
	$(BIN)/python tests/bench/run.py $(topic) $(if $(out),--output $(out)) $(if $(workspace),--workspace $(workspace))

soak: $(READY)  ## a service for 60 s under load and faults, then 10,000 requests of a fuzzer
	MLOPS_SPEC_LOAD_SECONDS=60 MLOPS_SPEC_FUZZ_REQUESTS=10000 $(BIN)/python -m pytest tests/e2e/test_service_under_load.py tests/e2e/test_service_fuzzed.py

clean:  ## stop what the examples started, and remove what they made
	for example in examples/*/; do $(BIN)/spec --root $$example down || true; rm -rf $$example/.spec $$example/data; done
