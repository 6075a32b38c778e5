# What there is to run. `make` alone lists it; make itself and Python 3.11 or newer are all it wants.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install rehearsal readiness drill gauntlet gauntlet-backups test check format bench sweep lock clean

VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
FAULT ?= none
OUT ?= rehearsal-out
SYSTEM ?= tradesense
# The tests wait more than they compute, so two more than there are cores.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 2)
# What was compiled once is not compiled again by each of the thousand processes that tests and rehearsals start.
unexport PYTHONDONTWRITEBYTECODE

# The lock is resolved for 3.11, so that one is taken first. Each is asked: a name on the PATH may be an empty promise.
FIND_PYTHON = for p in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done

define NO_PYTHON
tminus needs Python 3.11 or newer, and none was found (asked: $(strip $(PYTHON) python3.11 python3.12 python3.13 python3)).
Debian, Ubuntu: apt install python3 python3-venv. Fedora: dnf install python3. macOS: brew install python@3.11.
Or name one: make PYTHON=/path/to/python3.11 …
endef
define NO_VENV
This Python has no venv with pip. On Debian and Ubuntu that is a package of its own: apt install python3-venv
(for another Python than the system's: python3.11-venv, python3.12-venv, …).
endef
export NO_PYTHON NO_VENV

help: ## Lists what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

install: $(VENV)/.installed ## Makes .venv, once for each change of requirements.lock

$(BIN)/python:
	@python=$$($(FIND_PYTHON)); \
	if [ -z "$$python" ]; then printf '%s\n' "$$NO_PYTHON" >&2; exit 1; fi; \
	"$$python" -c 'import ensurepip, venv' 2>/dev/null || { printf '%s\n' "$$NO_VENV" >&2; exit 1; }; \
	echo "Making $(VENV) with $$("$$python" --version)."; \
	"$$python" -m venv $(VENV)

# The lock is complete, so nothing is resolved anew; what is imported most is compiled on every core. Both save half.
$(VENV)/.locked: requirements.lock | $(BIN)/python
	@echo "Installing what requirements.lock names; the first time this takes about a minute."
	@$(PIP) install --no-deps --no-compile --require-hashes -r requirements.lock
	@$(BIN)/python -m compileall -q -j 0 -x '/(cfnlint|moto|mpmath|mypy|networkx|sympy)/' $(VENV)/lib || true
	@touch $@

$(VENV)/.installed: $(VENV)/.locked pyproject.toml
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

rehearsal: install ## Plays a whole launch on real servers; FAULT=name breaks one thing, KEEP=1 leaves it up
	@$(BIN)/tminus rehearse --fault $(FAULT) --out $(OUT) $(if $(KEEP),--keep) $(if $(HOUR),--hour $(HOUR)); code=$$?; \
	case "$(FAULT)-$$code" in none-0|none-*) exit $$code;; *-3|*-4) echo "Exit code $$code, as promised.";; *) exit $$code;; esac

readiness: install ## Goes through a whole readiness checklist on the same servers; SYSTEM=vatic or tradesense
	@$(BIN)/tminus rehearse-readiness $(SYSTEM) --out $(OUT) $(if $(KEEP),--keep)

drill: install ## Breaks real servers on purpose, has them recover, and measures what was lost and how long it took
	@$(BIN)/python -m deployments.rehearsal.drill_play $(ARGS)

gauntlet: install ## A launch with every fault, and every check with each thing broken that it must notice (twenty minutes)
	@$(BIN)/python -m bench.gauntlet $(if $(HOUR),--hour $(HOUR)) $(ARGS)
	@$(BIN)/python -m bench.checks

gauntlet-backups: install ## Backups damaged in every way, and a thousand good ones (a quarter of an hour); ARGS="--only redis.rdb --good 50"
	@$(BIN)/python -m bench.backups_gauntlet $(ARGS)

test: install ## Runs the tests, on servers it starts itself, and names the slowest ten; ARGS goes to pytest instead
ifdef ARGS
	@$(BIN)/python -m pytest $(ARGS)
else
	@failed=0; \
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --ignore tests/launch -m 'not long' || failed=1; \
	echo "== Now whole launches, one at a time, since they keep to a clock."; \
	$(BIN)/python -m pytest tests/launch -m 'not long' || failed=1; \
	exit $$failed
endif

check: install ## Style, types, and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: install ## Formats, and mends what the linter can mend by itself
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

bench: install ## Measures; each line of JSON is a figure with its limit
	@for bench in watch launch readiness readiness_rivals approvals backups rotation drills; do echo "== $$bench"; $(BIN)/python -m bench.$$bench || exit; done

sweep: install ## The tests of rules that hold for all inputs, with many more of them, and the long ones
	@$(BIN)/python -m pytest -m 'hypothesis or long' --hypothesis-profile=sweep $(ARGS)

lock: install ## Resolves requirements.lock anew from pyproject.toml; versions in it stay where they can
	@$(BIN)/python -m uv --version >/dev/null 2>&1 || $(PIP) install uv
	@$(BIN)/python -m uv pip compile pyproject.toml --extra rehearsal --extra dev --generate-hashes --no-header \
		--no-annotate --no-emit-index-url --no-emit-find-links --universal --python-version 3.11 --quiet -o requirements.lock
	@echo "requirements.lock: $$(grep -c '==' requirements.lock) packages."

clean: ## Removes .venv and everything that tools left behind
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info rehearsal-out
