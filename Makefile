# make demo   the paper's study, simulated, from ratings to report
# make test   the whole test suite, real notebooks included
#
# Both make .venv first. On a machine without a GPU, this avoids several gigabytes of CUDA packages:
#   make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu
PYTHON ?= python3
TORCH_INDEX ?=
VENV := .venv
BIN := $(VENV)/bin
TORCH := $(shell sed -n 's/^torch==/torch==/p' requirements.lock)
PIP := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check

.PHONY: demo test lint docs lock install dashboard clean

demo: install
	$(BIN)/plural run configs/demo.yaml

test: install
	$(BIN)/python -m pytest

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	git ls-files -z | xargs -0 $(BIN)/detect-secrets-hook --baseline .secrets.baseline

dashboard: install
	$(BIN)/plural dashboard

# Writes again what is made from the code: configs/template.yaml, the key table of configs/README.md, docs/tables.md.
docs: install
	$(BIN)/python tools/docs.py

lock: install
	PYTHON=$(BIN)/python tools/lock.sh

install: $(VENV)/.installed $(if $(shell command -v R),$(VENV)/.installed-r)

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name one with make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "Python's venv is missing; on Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "Installing the locked packages into $(VENV) (once, some minutes) ..."
	$(PIP) $(TORCH) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX))
	$(PIP) --requirement requirements.lock
	$(PIP) --no-deps --editable .
	@command -v R > /dev/null || echo "R was not found: the cross-checks with R (extra [r]) are left out."
	@touch $@

# rpy2 is built against R, so the [r] extra is installed only where R is on the PATH.
$(VENV)/.installed-r: requirements-r.lock $(VENV)/.installed
	@echo "R was found: installing the [r] extra ..."
	@$(PIP) --requirement requirements-r.lock || \
	  echo "The [r] extra could not be built (R's headers are in r-base-dev); everything else works without it."
	@touch $@

clean:
	rm -rf $(VENV) results .mypy_cache .ruff_cache .pytest_cache
