"""Every input that fuzzing has kept, through every target in Python; those in C have `make check-c`."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz import seeds, targets

pytestmark = pytest.mark.source_tree

FILES = sorted(file for file in seeds.CORPUS.glob("*/*") if file.is_file())
MOST_BYTES = 200_000
KERNELS = Path(__file__).parents[2] / "csrc" / "fuzz"


@pytest.mark.parametrize("target", targets.TARGETS)
def test_inputs(target: str) -> None:
    run = targets.load(target)
    assert FILES
    for file in FILES:
        try:
            run(file.read_bytes())
        except Exception as error:
            raise AssertionError(f"{target} does not stand {file.parent.name}/{file.name}") from error


def test_seeds_are_what_their_generator_makes() -> None:
    for target, inputs in seeds.seeds().items():
        for name, data in inputs.items():
            assert (seeds.CORPUS / target / name).read_bytes() == data, "run python -m fuzz.seeds"


def test_every_corpus_has_its_target() -> None:
    kernels = {file.stem for file in KERNELS.glob("*.c")} - {"replay"}
    assert {file.parent.name for file in FILES} == kernels | set(targets.TARGETS)


def test_the_corpora_stay_small() -> None:
    assert sum(file.stat().st_size for file in FILES) < MOST_BYTES
