# `make quickstart` and `make test` each set up everything on a fresh machine (Python 3.11 to 3.13 with venv) and work alone.

PYTHON ?= python3
CORES ?= 2
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
PEERS := .venv-peers
DOCS := .venv-docs
REQUIREMENTS := requirements/base.txt requirements/cpu.txt
TEST_REQUIREMENTS := requirements/export.txt requirements/dev.txt
# pip compiles one file after the other. Some packages hold files for other Pythons, which cannot be compiled.
PIP_INSTALL := -m pip install --quiet --no-compile
COMPILE = -m compileall -q -q -j 0 $(dir $@)lib || true
# Rules call `python` and `mpiexec` by name: the environment's come first.
export PATH := $(BIN):$(PATH)

.PHONY: quickstart test test-slow test-slurm lint benchmark docs clean

# The lock dies with its holder, unlike Snakemake's own: after a kill -9 the same command goes on where the run stopped.
quickstart: $(VENV)/installed
	@mkdir -p .snakemake
	flock --nonblock --conflict-exit-code 75 .snakemake/quickstart.lock \
		snakemake --profile profiles/quickstart --cores $(CORES) --nolock \
		|| { [ $$? -ne 75 ] || echo "another 'make quickstart' is at work in this folder"; exit 1; }
	@echo "Report: $(CURDIR)/results/quickstart/report.html"

test: lint
	python -m pytest --numprocesses 2 --dist loadgroup --no-loadscope-reorder

# What takes minutes each; what `make test` has in small, here in large.
test-slow: $(VENV)/installed-for-tests
	python -m pytest -m slow

# On a private cluster of two virtual nodes (tests/slurm/mini-slurm): apt-get install slurmctld slurmd slurm-client munge.
test-slurm: $(VENV)/installed-for-tests
	python -m pytest -m slurm tests/slurm

lint: $(VENV)/installed-for-tests
	ruff check .
	ruff format --check .
	mypy --num-workers 2
	snakefmt --check Snakefile rules
	snakemake --lint

# Everything beside its limits and its peers, in an environment of its own; `make benchmark OPTIONS="--largest 128"` in
# minutes. Run again after a kill, it goes on where it stopped.
benchmark: $(PEERS)/installed
	PATH="$(CURDIR)/$(PEERS)/bin:$$PATH" python benchmarks/run_all.py $(OPTIONS)

# The documentation as a site, in an environment of its own: site/index.html needs neither a server nor a network.
docs: $(DOCS)/installed
	PATH="$(CURDIR)/$(DOCS)/bin:$$PATH" PYTHONPATH="$(CURDIR)/src" NO_MKDOCS_2_WARNING=1 python -m mkdocs build --strict --quiet
	@echo "Documentation: $(CURDIR)/site/index.html"

$(VENV)/installed: $(REQUIREMENTS) pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else "Python 3.11 to 3.13 is needed, this is " + sys.version)'
	$(PYTHON) -m venv --clear $(VENV) # what a killed installation has left may be broken
	$(BIN)/python $(PIP_INSTALL) $(addprefix -r ,$(REQUIREMENTS))
	$(BIN)/python $(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	$(BIN)/python $(COMPILE)
	touch $@

$(VENV)/installed-for-tests: $(VENV)/installed $(TEST_REQUIREMENTS)
	$(BIN)/python $(PIP_INSTALL) $(addprefix -r ,$(REQUIREMENTS) $(TEST_REQUIREMENTS))
	$(BIN)/python $(COMPILE)
	touch $@

$(PEERS)/installed: $(REQUIREMENTS) $(TEST_REQUIREMENTS) requirements/peers.txt pyproject.toml
	$(PYTHON) -m venv --clear $(PEERS)
	$(PEERS)/bin/python $(PIP_INSTALL) $(addprefix -r ,$(REQUIREMENTS) $(TEST_REQUIREMENTS)) -r requirements/peers.txt
	$(PEERS)/bin/python $(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	$(PEERS)/bin/python $(COMPILE)
	touch $@

$(DOCS)/installed: requirements/base.txt requirements/docs.txt
	$(PYTHON) -m venv --clear $(DOCS)
	$(DOCS)/bin/python $(PIP_INSTALL) -r requirements/base.txt -r requirements/docs.txt
	$(DOCS)/bin/python $(COMPILE)
	touch $@

clean:
	rm -rf $(VENV) $(PEERS) $(DOCS) .snakemake .pytest_cache .ruff_cache .mypy_cache results site
