# One gate: `make check`. PYTHON names the interpreter of the environment to use.
PYTHON ?= python
WORKERS ?= 2
SPECS := $(basename $(notdir $(wildcard specs/*.yaml)))

.PHONY: check test lint types examples figures bench

check: lint types examples test

test:
	$(PYTHON) -m pytest -n $(WORKERS)

lint:
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m netspec fmt --check specs/*.yaml

types:
	$(PYTHON) -m mypy

examples:
	$(PYTHON) -m netspec build specs/googlenet.yaml -o examples/googlenet.py --check

figures:
	for spec in $(SPECS); do $(PYTHON) -m netspec render specs/$$spec.yaml -o examples/figures/$$spec.svg; done
	$(PYTHON) -m netspec render specs/googlenet.yaml -o examples/figures/googlenet.html

bench:
	$(PYTHON) benchmarks/compile.py
