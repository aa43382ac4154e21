"""Transcoding between the uncompressed transfer syntaxes: in one piece, and in pieces that are slices."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from fastdicom._core.transcode import Transcoding
from fastdicom.bench import data_set_inputs

SYNTAXES = pytest.mark.parametrize(
    ("source", "target"),
    [
        (ImplicitVRLittleEndian, ExplicitVRLittleEndian),
        (ExplicitVRLittleEndian, ImplicitVRLittleEndian),
        (ExplicitVRLittleEndian, ExplicitVRBigEndian),
    ],
    ids=["to-explicit", "to-implicit", "to-big"],
)
SIZES = pytest.mark.parametrize(
    "make", [data_set_inputs.ct_header, data_set_inputs.ct_image], ids=["smallest", "ct"]
)


def transcoding(data: bytes, source: Any, target: Any) -> Transcoding:
    return Transcoding(
        data,
        source.is_implicit_VR,
        not source.is_little_endian,
        target.is_implicit_VR,
        not target.is_little_endian,
    )


@SIZES
@SYNTAXES
def test_in_one_piece(benchmark: Any, make: Any, source: Any, target: Any) -> None:
    data = data_set_inputs.encode(make(0), source)
    transcoded = benchmark(lambda: bytes(transcoding(data, source, target)))
    if target.is_implicit_VR:
        assert transcoded == data_set_inputs.encode(make(0), target)
    else:  # pydicom leaves OW values in the order that they had, and implicit VR has lost private VRs
        assert bytes(transcoding(transcoded, target, source)) == data


@SIZES
@SYNTAXES
def test_in_pieces(benchmark: Any, make: Any, source: Any, target: Any) -> None:
    data = data_set_inputs.encode(make(0), source)
    pieces = benchmark(lambda: list(transcoding(data, source, target).pieces()))
    assert b"".join(pieces) == bytes(transcoding(data, source, target))


@SIZES
def test_a_copy_for_comparison(benchmark: Any, make: Any) -> None:
    data = data_set_inputs.encode(make(0), ExplicitVRLittleEndian)
    assert benchmark(bytearray, data) == data
