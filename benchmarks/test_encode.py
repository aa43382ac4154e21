"""Encoding: a pydicom Dataset, its values decoded or still raw, as bytes."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from pydicom.filereader import read_dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from fastdicom._core.encode import encode
from fastdicom.bench import data_set_inputs


@pytest.mark.parametrize(
    "syntax",
    [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian],
    ids=["smallest", "implicit", "big"],
)
def test_encode_decoded(benchmark: Any, syntax: Any) -> None:
    header = data_set_inputs.ct_header(0)
    expected = data_set_inputs.encode(header, syntax)
    encoded = benchmark(encode, header, syntax.is_implicit_VR, not syntax.is_little_endian)
    assert bytes(encoded) == expected


def test_encode_raw(benchmark: Any) -> None:
    data = data_set_inputs.encode(data_set_inputs.ct_header(0), ExplicitVRLittleEndian)
    raw = read_dataset(BytesIO(data), False, True)
    assert bytes(benchmark(encode, raw, False, False)) == data
