# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
SEED ?= 0
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: install demo test slow check types format clean

install: $(READY)

$(READY): setup.cfg pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "codegym needs Python 3.11 or newer: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip setuptools wheel
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[agents,sb3,render,dev]'
	@$(BIN)/python -m compileall -q codegym envs agents benchmarks  # as pip does with what it installs
	@touch $@

demo: $(READY)
	$(BIN)/codegym demo --seed $(SEED) --out runs/demo

test: $(READY)
	$(BIN)/python -m pytest -m 'not slow and not gpu'

slow: $(READY)
	$(BIN)/python -m pytest -m 'slow'

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(MAKE) --no-print-directory types

# mypy reads folders, not setup.cfg: link the top-level folders together under the name they are installed by.
types: $(READY)
	@rm -rf build/types && mkdir -p build/types/codegym
	@ln -s $(CURDIR)/codegym/*.py $(CURDIR)/codegym/commands $(CURDIR)/envs $(CURDIR)/agents $(CURDIR)/benchmarks build/types/codegym/
	cd build/types && ../../$(BIN)/mypy --config-file ../../pyproject.toml --cache-dir ../../.mypy_cache -p codegym.envs -p codegym.agents.learning

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist *.egg-info runs
