# The gate: `make check`; `make check-all` draws many more random cases and asks Mermaid's own parser.
# PYTHON names the interpreter of the environment to use.
PYTHON ?= python
WORKERS ?= 2
# The tests start a few hundred processes: only the first is to compile netspec.
export PYTHONDONTWRITEBYTECODE =
SPECS := $(basename $(notdir $(wildcard specs/*.yaml)))

.PHONY: check check-all parts test lint types examples figures live playground bench docs man site
.PHONY: constraints dist lowest

check: lint types examples test

check-all: lint types examples build/mermaid parts site
	MERMAID=$(CURDIR)/build/mermaid $(PYTHON) -m pytest -n $(WORKERS) --dist worksteal --long

# Without npm, or without its registry, the folder stays empty and the parser is not asked.
build/mermaid:
	mkdir -p $@
	npm install --prefix $@ --engine-strict --no-audit --no-fund --silent mermaid@11.17.2 jsdom@26.1.0 || \
	    echo "mermaid could not be installed: its parser is not asked" >&2

# Without npm or PyPI the playground is not tested.
parts:
	$(PYTHON) playground/build.py build/playground || \
	    echo "the playground's parts could not be fetched: it is not tested" >&2

test:
	$(PYTHON) -m pytest -n $(WORKERS) --dist worksteal

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

# The live page's editor: what npm's lock file says, as one file, with its licences.
live:
	npm ci --prefix live --no-audit --no-fund --silent
	node live/build.mjs netspec/data/live

# The page as static files, with the compiler in the browser: npm's and PyPI's parts are fetched once.
playground:
	$(PYTHON) playground/build.py build/playground

# Without Zensical, which needs Python 3.11, the site is not built.
site:
	@if $(PYTHON) -c "import mkdocstrings_handlers.python, zensical" 2>/dev/null; then $(MAKE) docs; \
	    else echo "Zensical is not installed: the site is not built" >&2; fi

# The site: its sources in build/docs, the site in build/site, with the playground if it was built.
docs:
	$(PYTHON) -m docs.generate build/docs
	$(PYTHON) -m zensical build --clean --strict
	$(PYTHON) -m docs.finish build/site build/playground

# The manual page, which the wheel installs.
man:
	$(PYTHON) -m docs.writers.manual man/netspec.1

bench:
	$(PYTHON) benchmarks/compile.py
	$(PYTHON) benchmarks/inference.py
	$(PYTHON) benchmarks/page.py
	$(PYTHON) benchmarks/editor.py

# Versions for each Python from the oldest on; those that are there stay unless MORE is --upgrade.
constraints:
	$(PYTHON) -m uv pip compile --quiet --universal --python-version 3.10 --all-extras --no-annotate \
	    --custom-compile-command "make constraints" $(MORE) pyproject.toml -o constraints.txt

# What a release is, the wheel made from the sdist; both are the same bytes wherever they are made.
dist:
	rm -rf dist
	$(PYTHON) -m build --no-isolation
	$(PYTHON) -m twine check --strict dist/*
	$(PYTHON) -m check_wheel_contents dist/*.whl
	$(PYTHON) -m pyroma --min=10 dist/*.tar.gz

# The tests with the oldest versions that pyproject.toml allows of all but PyTorch.
OLD_TORCH ?= --torch-backend cpu torch==2.13.0
lowest:
	$(PYTHON) -m uv venv --quiet --clear --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" build/lowest
	$(PYTHON) -m uv pip install --quiet --python build/lowest --resolution lowest-direct -e '.[dev]' $(OLD_TORCH)
	PATH="$(CURDIR)/build/lowest/bin:$$PATH" python -m pytest -n $(WORKERS) --dist worksteal $(TESTS)
