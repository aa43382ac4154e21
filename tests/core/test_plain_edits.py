"""Plain values, set by the compiled core: as `encode_element` encodes them, or left to it."""

from __future__ import annotations

from typing import Any

import pytest
from encoded_data_sets import SYNTAXES, Syntax
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import UID

from fastdicom._core.elements import Elements
from fastdicom._core.plain_edits import set_plain
from fastdicom.encoded.value_encoding import encode_element

# An element of each VR that may be plain.
TAGS = {
    "AE": 0x00080054,
    "AS": 0x00101010,
    "CS": 0x00080060,
    "DA": 0x00080020,
    "DT": 0x0008002A,
    "LO": 0x00080070,
    "LT": 0x00104000,
    "PN": 0x00100010,
    "SH": 0x00080050,
    "SL": 0x00186020,
    "SS": 0x00189219,
    "ST": 0x00080081,
    "TM": 0x00080030,
    "UC": 0x00080119,
    "UI": 0x00080018,
    "UL": 0x00081161,
    "UR": 0x00081190,
    "US": 0x00280010,
    "UT": 0x0040A160,
}
NUMBERS = {
    "SL": (-(2**31), 2**31 - 1),
    "SS": (-(2**15), 2**15 - 1),
    "UL": (0, 2**32 - 1),
    "US": (0, 2**16 - 1),
}


def joined(elements: Elements) -> bytes:
    return b"".join(elements.buffers())


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("vr", TAGS)
def test_each_vr(vr: str, syntax: Syntax) -> None:
    values: list[Any] = ["", "A", "AB", "A\\B", "A" * 0xFFFE, UID("1.2"), UID("1.2.3")]
    if vr in NUMBERS:
        least, most = NUMBERS[vr]
        values = [least, most, 0, 1, most // 3]
        for value in (least - 1, most + 1, 2**64, -(2**64), "1", True):
            assert not set_plain(Elements(b"", *syntax), TAGS[vr], value)
    for value in values:
        elements = Elements(b"", *syntax)
        assert set_plain(elements, TAGS[vr], value)
        expected = encode_element(TAGS[vr], vr, value, *syntax)
        assert joined(elements) == (expected if isinstance(expected, bytes) else b"".join(expected))


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(sorted(TAGS)), st.one_of(st.text(max_size=8), st.integers()), st.sampled_from(SYNTAXES)
)
def test_what_is_set_is_right(vr: str, value: Any, syntax: Syntax) -> None:
    elements = Elements(b"", *syntax)
    if set_plain(elements, TAGS[vr], value):
        assert joined(elements) == encode_element(TAGS[vr], vr, value, *syntax)
    else:
        assert not elements.is_edited
        assert not (isinstance(value, str) and value.isascii()) or vr in NUMBERS or "=" in value


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (TAGS["LO"], "Zürich"),
        (TAGS["LO"], "A" * 0xFFFF),
        (TAGS["LO"], ["A", "B"]),
        (TAGS["LO"], b"A"),
        (TAGS["LO"], None),
        (TAGS["LO"], 7),
        (TAGS["PN"], "A=B="),
        (0x00080005, "ISO_IR 192"),
        (0x00180050, "1.5"),
        (0x00280106, 7),
        (0x00081110, "x"),
        (0x00091001, "x"),
    ],
)
def test_what_is_not_plain(tag: int, value: Any) -> None:
    elements = Elements(b"", False, False)
    assert not set_plain(elements, tag, value)
    assert not elements.is_edited


def test_an_element_keeps_its_vr() -> None:
    elements = Elements(b"\x08\x00\x60\x00LO\x02\x00AB", False, False)
    assert set_plain(elements, 0x00080060, "text")
    assert joined(elements) == b"\x08\x00\x60\x00LO\x04\x00text"
    assert not set_plain(elements, 0x00080060, "again")
    unknown = Elements(b"\x08\x00\x60\x00UN\0\0\x02\0\0\0AB", False, False)
    assert not set_plain(unknown, 0x00080060, "text")


def test_nothing_is_set_behind_a_stop_tag() -> None:
    assert not set_plain(Elements(b"", False, False, stop_tag=0x00200000), TAGS["LO"], "x")
