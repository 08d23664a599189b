# langgraph-switchboard: `make` says what there is to do.

PYTHON ?= python3
VENV   ?= .venv
JOBS   ?= auto
BIN    := $(VENV)/bin
CORE   := $(VENV)/.installed-all
DEV    := $(VENV)/.installed-dev

.DEFAULT_GOAL := help
.PHONY: help demo test check serve dev bench chaos docs faults bench-faults notebooks clean

help: ## say what there is to do
	@echo "langgraph-switchboard"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(CORE) ## run 240 tickets through the support desk on an embedded Postgres
	@$(BIN)/switchboard demo

test: $(DEV) ## pass the tests
	@$(BIN)/python -m pytest -q -n $(JOBS) $(ARGS)

check: $(DEV) ## lint, types, layers, blueprints and their cards
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/switchboard check graphs.support_desk:desk
	$(BIN)/switchboard card --check
	$(BIN)/python -m docs.build --check
	$(BIN)/switchboard check graphs.claims:claims

serve: $(CORE) ## serve the inbox and the API with the demo cases on http://127.0.0.1:8000
	@$(BIN)/switchboard serve --demo --port $${PORT:-8000}

dev: $(DEV) ## serve the same with `langgraph dev` on http://127.0.0.1:2024
	LANGGRAPH_CLI_NO_ANALYTICS=1 LANGGRAPH_NO_VERSION_CHECK=true LANGSMITH_TRACING=$${LANGSMITH_TRACING:-false} \
	$(BIN)/langgraph dev --no-browser --no-reload --host 127.0.0.1 --port $${PORT:-2024} --n-jobs-per-worker 10

bench: $(DEV) ## measure: checkpoint savers side by side, where a case's time goes, what asking for leave costs
	@$(BIN)/switchboard bench saver
	@$(BIN)/switchboard bench desk
	@$(BIN)/switchboard bench inbox
	@$(BIN)/switchboard bench limits
	@$(BIN)/switchboard bench check

chaos: $(DEV) ## kill -9 at every SQL statement: the full crash sweep
	@$(BIN)/python -m tests.chaos.full .cache/chaos/report.json

docs: $(DEV) ## write what is made of the code: cards, reference, drawings, schema
	$(BIN)/switchboard card
	$(BIN)/python -m docs.build

faults: $(DEV) ## let a model server fail in every way, 50 cases each; fuzz 10,000 outputs per family
	@$(BIN)/python -m tests.faults.full $(JSON)

bench-faults: $(DEV) ## 10,000 tickets while 12 % of the model's answers fail; N=... for fewer
	@$(BIN)/python -m tests.faults.bench $(JSON)

notebooks: $(DEV) ## execute the notebooks
	@$(BIN)/python -m pytest -q tests/test_notebooks.py

clean: ## remove what was installed and built here; the data of the embedded Postgres stays
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .cache .langgraph_api
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One virtual environment for all; a stamp tells what is in it, so that a second run installs nothing.
$(BIN)/python:
	@echo "making a virtual environment in $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV)

$(CORE): pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing langgraph-switchboard with its optional parts into $(VENV) (once; a minute or two)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all]'
	@touch $@

$(DEV): pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing langgraph-switchboard with all parts and the tools for development into $(VENV) (once; a minute or two)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all,dev]'
	@touch $@ $(CORE)
