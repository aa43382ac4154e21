"""Values: decoded as pydicom types them, encoded by VR, and handed to pydicom as raw elements."""

from __future__ import annotations

from typing import Any

import pytest

from fastdicom._core.elements import Elements
from fastdicom.bench.data_set_inputs import SETS
from fastdicom.encoded.pydicom_dataset import to_pydicom
from fastdicom.encoded.value_encoding import encode_element
from fastdicom.encoded.values import decode_value

# VR, its value as it is encoded, and as pydicom has it.
ROWS = [
    ("UI", b"1.2.840.10008.5.1.4.1.1.2\0", "1.2.840.10008.5.1.4.1.1.2"),
    ("DS", b"-189.62890625\\-338.62890625\\-101.5 ", [-189.62890625, -338.62890625, -101.5]),
    ("IS", b"101 ", 101),
    ("LO", b"Thorax 1.0 B31f ", "Thorax 1.0 B31f"),
    ("PN", b"M\xfcller^Hans", "Müller^Hans"),
    ("DA", b"20240229", "20240229"),
    ("US", b"\0\2", 512),
    ("OW", bytes(1024), bytes(1024)),
]
VALUES = pytest.mark.parametrize(
    ("vr", "encoded", "value"), ROWS, ids=["smallest", *(row[0] for row in ROWS[1:])]
)


@VALUES
def test_decode(benchmark: Any, vr: str, encoded: bytes, value: Any) -> None:
    decoded = benchmark(decode_value, vr, memoryview(encoded), encodings=("latin_1",))
    assert decoded == value


@VALUES
def test_encode(benchmark: Any, vr: str, encoded: bytes, value: Any) -> None:
    element = benchmark(encode_element, 0x00100010, vr, value, True, False, encodings=("latin_1",))
    assert element[8:].startswith(encoded.rstrip(b" \0") or encoded)


@pytest.mark.parametrize("name", ["header", "image"], ids=["smallest", "ct"])
def test_to_pydicom(benchmark: Any, name: str) -> None:
    encoded = next(SETS[name]())
    data_set = benchmark(lambda: to_pydicom(Elements(encoded.data, False, False)))
    assert len(data_set) >= 89
