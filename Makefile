# SPDX-License-Identifier: Apache-2.0
# make demo | make test: each does all its own set-up (apt packages when root, a virtual environment, pinned pip).
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin

.PHONY: demo test setup setup-test lint unit clean

demo: setup
	$(BIN)/tolman demo --out demo_out

test: setup-test lint unit

lint: setup-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: setup-test
	$(BIN)/python -m pytest -n 2 --dist loadfile -q --durations=10

setup:
	@PYTHON="$(PYTHON)" VENV="$(VENV)" tools/setup.sh core

setup-test:
	@PYTHON="$(PYTHON)" VENV="$(VENV)" tools/setup.sh test

clean:
	rm -rf $(VENV) demo_out build *.egg-info
