# `make quickstart` and `make test` each set up everything on a fresh machine (Python 3.11 to 3.13 with venv) and work alone.

PYTHON ?= python3
CORES ?= 2
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
PEERS := .venv-peers
REQUIREMENTS := requirements/base.txt requirements/cpu.txt requirements/dev.txt
# Rules call `python` and `mpiexec` by name: the environment's come first.
export PATH := $(BIN):$(PATH)

.PHONY: quickstart test test-slurm lint benchmark clean

# The lock dies with its holder, unlike Snakemake's own: after a kill -9 the same command goes on where the run stopped.
quickstart: $(VENV)/installed
	@mkdir -p .snakemake
	flock --nonblock --conflict-exit-code 75 .snakemake/quickstart.lock \
		snakemake --profile profiles/quickstart --cores $(CORES) --nolock \
		|| { [ $$? -ne 75 ] || echo "another 'make quickstart' is at work in this folder"; exit 1; }
	@echo "Report: $(CURDIR)/results/quickstart/report.html"

test: lint
	python -m pytest --numprocesses 2 --dist loadgroup --no-loadscope-reorder

# On a private cluster of two virtual nodes (tests/slurm/mini-slurm): apt-get install slurmctld slurmd slurm-client munge.
test-slurm: $(VENV)/installed
	python -m pytest -m slurm tests/slurm

lint: $(VENV)/installed
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile rules
	snakemake --lint

# Everything beside its limits and its peers, in an environment of its own; `make benchmark OPTIONS="--largest 128"` in
# minutes. Run again after a kill, it goes on where it stopped.
benchmark: $(PEERS)/installed
	PATH="$(CURDIR)/$(PEERS)/bin:$$PATH" python benchmarks/run_all.py $(OPTIONS)

$(VENV)/installed: $(REQUIREMENTS) pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else "Python 3.11 to 3.13 is needed, this is " + sys.version)'
	$(PYTHON) -m venv --clear $(VENV) # what a killed installation has left may be broken
	$(BIN)/python -m pip install --quiet $(addprefix -r ,$(REQUIREMENTS))
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(PEERS)/installed: $(REQUIREMENTS) requirements/peers.txt pyproject.toml
	$(PYTHON) -m venv --clear $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet $(addprefix -r ,$(REQUIREMENTS)) -r requirements/peers.txt
	$(PEERS)/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

clean:
	rm -rf $(VENV) $(PEERS) .snakemake .pytest_cache .ruff_cache results
