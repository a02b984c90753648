# One gate: `make check`. PYTHON names the interpreter of the environment to use.
PYTHON ?= python
WORKERS ?= 2

.PHONY: check test lint types examples bench

check: lint types examples test

test:
	$(PYTHON) -m pytest -n $(WORKERS)

lint:
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .

types:
	$(PYTHON) -m mypy

examples:
	$(PYTHON) -m netspec build specs/googlenet.yaml -o examples/googlenet.py --check

bench:
	$(PYTHON) benchmarks/compile.py
