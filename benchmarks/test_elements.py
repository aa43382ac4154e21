"""The index of an encoded data set, what is found in it, and the walk through all levels."""

from __future__ import annotations

from typing import Any

import pytest

from fastdicom._core.elements import Elements
from fastdicom._core.walking import walk
from fastdicom.bench.data_set_inputs import SETS

PATIENT_ID, PIXEL_DATA = 0x00100020, 0x7FE00010

DATA_SETS = pytest.mark.parametrize(
    "name", ["header", "image", "image-implicit"], ids=["smallest", "ct", "implicit"]
)


def elements(name: str) -> Elements:
    encoded = next(SETS[name]())
    return Elements(encoded.data, encoded.transfer_syntax.is_implicit_VR, False)


@DATA_SETS
def test_index(benchmark: Any, name: str) -> None:
    encoded = next(SETS[name]())
    is_implicit = encoded.transfer_syntax.is_implicit_VR
    length = benchmark(lambda: len(Elements(encoded.data, is_implicit, False)))
    assert length >= 89


@DATA_SETS
def test_raw(benchmark: Any, name: str) -> None:
    assert bytes(benchmark(elements(name).raw, PATIENT_ID)) == b"PAT0012345"


@DATA_SETS
def test_replace_and_join(benchmark: Any, name: str) -> None:
    given = elements(name)
    edit = bytes(given.data[given.offsets(PATIENT_ID)[0] :][:18])

    def edited() -> list[Any]:
        again = Elements(given.data, given.is_implicit, False)
        again.replace(PATIENT_ID, edit)
        return again.buffers()

    assert b"".join(benchmark(edited)) == given.data


@DATA_SETS
def test_walk(benchmark: Any, name: str) -> None:
    encoded = next(SETS[name]())
    rows = benchmark(walk, encoded.data, encoded.transfer_syntax.is_implicit_VR, False)
    assert len(rows) > 89
