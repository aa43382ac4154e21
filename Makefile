# Every target makes the environment that it needs; a second run finds it and is quick.
#   make test    lint, the C checks under sanitizers, then the tests
#   make bench   the benchmark; BENCH="--quick --scenario echo" is handed on to it
#   make fuzz    everything a peer reaches, for SECONDS=60 and what the building takes
#   make wheel   an sdist and a wheel for each Python on this machine, each tested as it is installed

# The C checks do not wait for the environment, nor for each other.
MAKEFLAGS += --jobs=$(shell nproc 2>/dev/null || echo 1)

PYTHON ?= python3
CC ?= cc
BENCH ?=
PYTEST_ARGS ?=
SECONDS ?= 60

VENV := .venv
BIN := $(VENV)/bin
STRICT := -std=c11 -Wall -Wextra -Wconversion -pedantic -Werror
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

KERNELS := $(wildcard csrc/*.c)
HEADERS := $(wildcard csrc/*.h)
CHECKS := $(wildcard csrc/check/*.c)
REPLAY := csrc/fuzz/replay.c
FUZZERS := $(filter-out $(REPLAY),$(wildcard csrc/fuzz/*.c))
CORPUS := $(wildcard csrc/fuzz/corpus/*/*)
COMPILED := $(KERNELS) $(HEADERS) $(shell find src -name '*.pyx' -o -name '*.pxd')
COMPILERS := $(CC) $(filter-out $(CC),$(shell command -v clang >/dev/null && echo clang))

.PHONY: bench test lint lint-python lint-types lint-c check-c wheel soak fuzz sanitize clean

# --- environments -----------------------------------------------------------------------------------------

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "fastdicom needs Python 3.11 or later; name one: make PYTHON=python3.13")'
	$(PYTHON) -m venv $(VENV)
	touch $@

# Each stamp is the package, built in place, with the extras that its targets need.
$(VENV)/bench.stamp: $(VENV)/made pyproject.toml setup.py $(COMPILED)
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	touch $@

$(VENV)/test.stamp: $(VENV)/made pyproject.toml setup.py $(COMPILED)
	$(BIN)/python -m pip install --quiet --editable '.[bench,test,dev]'
	touch $@ $(VENV)/bench.stamp

# --- what people run --------------------------------------------------------------------------------------

bench: $(VENV)/bench.stamp
	$(BIN)/python -m fastdicom.bench $(BENCH)

# A worker for each processor; one that has run out of tests takes some of another's. They start hundreds of programs,
# and none of these has to compile the package again: bytecode is written whatever the environment says.
test: export PYTHONDONTWRITEBYTECODE :=
test: lint check-c
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist worksteal $(PYTEST_ARGS)

lint: lint-python lint-types lint-c

lint-python: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/cython-lint src # it calls pycodestyle
	$(BIN)/lint-imports

lint-types: $(VENV)/test.stamp
	$(BIN)/mypy

wheel: $(VENV)/test.stamp
	rm -rf dist
	$(BIN)/python -m build --sdist --outdir dist .
	$(BIN)/python tools/check_wheel.py dist
	$(BIN)/python tools/test_wheel.py dist $(PYTEST_ARGS)

soak: $(VENV)/test.stamp
	$(BIN)/python -m pytest -m soak -s --timeout 0 $(PYTEST_ARGS)

# libFuzzer, atheris and hypothesis share the seconds; what is missing of them is said and left out.
fuzz: $(VENV)/fuzz.stamp
	$(BIN)/python tools/fuzz.py --seconds $(SECONDS)

$(VENV)/fuzz.stamp: $(VENV)/test.stamp
	@$(BIN)/python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['fuzz'], sep='\n')" > $(VENV)/fuzz.txt
	$(BIN)/python -m pip install --quiet --requirement $(VENV)/fuzz.txt || echo "atheris cannot be installed here"
	touch $@

# All tests again, with the extensions built under sanitizers into a folder of their own.
sanitize: $(VENV)/test.stamp check-c
	$(BIN)/python tools/sanitize.py --compiler $(CC) $(PYTEST_ARGS)

clean:
	rm -rf $(VENV) build dist wheelhouse src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -rf .import_linter_cache .benchmarks
	find src -name '*.so' -delete
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the C kernels ----------------------------------------------------------------------------------------

# No warning from any compiler that is here.
lint-c:
	@for compiler in $(COMPILERS); do for kernel in $(KERNELS) $(CHECKS) $(FUZZERS) $(REPLAY); do \
	    $$compiler $(STRICT) -O2 -Icsrc -c $$kernel -o /dev/null || exit 1; \
	done; echo "$$compiler: no warning in $(words $(KERNELS) $(CHECKS) $(FUZZERS) $(REPLAY)) files"; done

# Asserts in plain C, and the corpora of the fuzz targets, under the sanitizers where the compiler has them.
check-c: $(patsubst csrc/check/%.c,build/check/%.passed,$(CHECKS)) \
    $(patsubst csrc/fuzz/%.c,build/check/replay/%.passed,$(FUZZERS))

build/check/sanitize:
	@mkdir -p $(@D)
	@echo 'int main(void) { return 0; }' > $(@D)/sanitize.c
	@if $(CC) $(SANITIZE) $(@D)/sanitize.c -o $(@D)/sanitize.out 2>/dev/null && $(@D)/sanitize.out; then \
	    echo '$(SANITIZE)' > $@; \
	else \
	    echo "$(CC) has no sanitizers: the C checks run without them"; echo > $@; \
	fi

# The kernels are compiled once, and linked with each of the checks.
CHECKED := $(patsubst csrc/%.c,build/check/kernels/%.o,$(KERNELS))
.SECONDARY: $(CHECKED)

build/check/kernels/%.o: csrc/%.c $(HEADERS) build/check/sanitize
	@mkdir -p $(@D)
	$(CC) $(STRICT) -O1 -g $$(cat build/check/sanitize) -Icsrc -c $< -o $@

build/check/%.passed: csrc/check/%.c $(CHECKED) $(HEADERS) build/check/sanitize
	$(CC) $(STRICT) -O1 -g $$(cat build/check/sanitize) -Icsrc $< $(CHECKED) -o build/check/$*
	build/check/$*
	@touch $@

build/check/replay/%.passed: csrc/fuzz/%.c $(REPLAY) $(CHECKED) $(HEADERS) $(CORPUS) build/check/sanitize
	@mkdir -p $(@D)
	$(CC) $(STRICT) -O1 -g $$(cat build/check/sanitize) -Icsrc $< $(REPLAY) $(CHECKED) -o build/check/replay/$*
	@build/check/replay/$* $(wildcard csrc/fuzz/corpus/$*/*) 2> $@.log || (tail -40 $@.log; exit 1)
	@touch $@
