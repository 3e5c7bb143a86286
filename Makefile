# Two commands do all the set-up on a machine with Python 3.11+ and make: `make demo`, `make test`.
#
#   make quick      the core of the tests: under three minutes on two cores, while editing
#   make test       lint, types and all tests but long campaigns: before a change lands
#   make test-long  what `make test` leaves out: the long campaigns and the full counts
#   make test-aarch64, make test-nehalem   on an emulated processor (tools/emulate.py says
#                   what they need), in half an hour: after a change to what makes machine code
#   .ci/run         all of these, the demo and the docs
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
PYTEST := $(BIN)/python -m pytest -n auto --dist worksteal

.PHONY: demo quick test test-long test-aarch64 test-nehalem lint docs bench fuzz lock clean

demo: $(VENV)/.run
	$(BIN)/python examples/demo.py
	@echo
	$(BIN)/python examples/networks.py
	@echo
	$(BIN)/python examples/fleets.py

quick: $(VENV)/.test
	$(PYTEST) -m "not long and not slow"

test: $(VENV)/.test lint
	$(PYTEST) -m "not long"

test-long: $(VENV)/.test
	$(PYTEST) -m long

test-aarch64 test-nehalem: test-%: $(VENV)/.test
	$(BIN)/python tools/emulate.py $*

lint: $(VENV)/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -W -b html docs build/docs

bench: $(VENV)/.bench
	$(BIN)/python -m bench run

fuzz: $(VENV)/.test
	$(BIN)/lanework fuzz series --count 20000
	$(BIN)/lanework fuzz belief --count 100000
	$(BIN)/lanework fuzz fleet --count 2000
	$(PYTEST) -m hypothesis --hypothesis-profile default

# A virtual environment, and into it what a lock file names; again only when the lock changes.
$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.%: requirements/%.lock pyproject.toml | $(BIN)/python
	$(PIP) install --require-hashes -r $<
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

lock:
	for group in run test docs bench; do \
	  $(PYTHON) tools/lock.py $$group || exit 1; \
	done

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
