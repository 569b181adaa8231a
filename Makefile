PYTHON ?= python3
bin := .venv/bin

# Two processes of tests fill two processors: threads of BLAS, for matrices as small as these, would
# only take them from each other.
test test-fast: export OPENBLAS_NUM_THREADS = 1

.PHONY: demo test test-fast bench lint notebooks site clean

# Fit the worked example both ways and write tables, pictures, draws and a page for a browser,
# results/report.html.
demo: .venv/.installed
	$(bin)/hierbayes demo --out results

# Everything that must hold before a change is merged. Types are checked while the tests run.
# Files of tests in their order: the long ones are not last.  The package is compiled to byte code
# here, on all processors, so that no process of the tests has to.  Pages are tested in a browser,
# which is installed where it is missing.
test: .venv/.installed
	@tests/browser.sh
	@$(bin)/python -m compileall -q -j 0 hierbayes
	$(bin)/ruff check
	$(bin)/ruff format --check
	@$(bin)/mypy & types=$$!; \
	  $(bin)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder; tests=$$?; \
	  wait $$types && exit $$tests

# The tests that are quick, for the inner loop.
test-fast: .venv/.installed
	$(bin)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m 'not slow'

lint: .venv/.installed
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/mypy

# Run the notebooks and store what they print and draw; draw the pictures of the README.
notebooks: .venv/.installed
	$(bin)/python -m tests.notebooks
	$(bin)/python -m tests.pictures

# Times and accuracy beside other packages, and beside another revision: make bench BEFORE=v0.1.0
# With make bench RECORD="an idle machine" they go on record, and into the tables of README, of the
# guide and of tests/benchmarks/README.md.
bench: .venv/.installed-bench
	$(bin)/python -m tests.benchmarks $(if $(BEFORE),--before $(BEFORE)) \
	  $(if $(RECORD),--record "$(RECORD)")

# The reference site, in build/site: every public name, the notebooks, a gallery of pictures.
site: .venv/.installed-site
	$(bin)/python -m tests.site

# Remove what the other targets made, except the environment.
clean:
	rm -rf results build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
	find hierbayes tests -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 12))' || { \
	  echo 'hierbayes needs Python 3.12 or newer, and "$(PYTHON)" is not:' \
	    'install one, or name it with "make PYTHON=python3.13 ..."' >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(bin)/python -m pip install --quiet --disable-pip-version-check --no-compile \
	  -c constraints.txt -e '.[test]'
	@# Compiled to byte code on all processors, which pip does on one; tests of the packages, a
	@# third of all, are left out, and so is what is no Python of this version.
	@$(bin)/python -m compileall -qq -j 0 -x '/tests/' .venv/lib || true
	touch $@

.venv/.installed-site: .venv/.installed
	$(bin)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[site]'
	touch $@

.venv/.installed-bench: .venv/.installed
	$(bin)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	touch $@
