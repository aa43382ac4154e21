"""Values that are plainly in order: what is given here, `decode_value` gives as well."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from fastdicom._core.elements import Elements
from fastdicom._core.plain_values import plain_value
from fastdicom.encoded.values import decode_value

TAG = 0x00100020
VRS = ["AS", "CS", "LO", "LT", "SH", "SL", "SS", "ST", "UI", "UL", "US"]


def elements_of(vr: str, value: bytes, *, is_big_endian: bool = False) -> Elements:
    order = "big" if is_big_endian else "little"
    data = (TAG >> 16).to_bytes(2, order) + (TAG & 0xFFFF).to_bytes(2, order) + vr.encode()  # type: ignore[arg-type]
    return Elements(data + len(value).to_bytes(2, order) + value, False, is_big_endian)  # type: ignore[arg-type]


@given(
    st.sampled_from(VRS),
    st.one_of(
        st.binary(max_size=8),
        st.text("AB. 012\\^=\0", max_size=20).map(str.encode),
        st.from_regex(rb"\A[0-2]{1,3}(\.[0-2]{1,3}){0,20}[ \0]?\Z"),
        st.integers(60, 66).map(lambda n: b"A" * n),
    ),
    st.booleans(),
)
def test_the_same_as_decode_value(vr: str, value: bytes, is_big_endian: bool) -> None:
    found = plain_value(elements_of(vr, value, is_big_endian=is_big_endian), TAG)
    if found is NotImplemented:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        expected = decode_value(vr, value, is_big_endian=is_big_endian, encodings=["iso8859"])
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize(
    ("vr", "value", "expected"),
    [
        ("LO", b"1CT1", "1CT1"),
        ("LO", b" two words  ", " two words"),
        ("CS", b"CT", "CT"),
        ("SH", b"sixteen letters!", "sixteen letters!"),
        ("UI", b"1.2.840.0\0", UID("1.2.840.0")),
        ("US", b"\x00\x02", 512),
        ("SS", b"\xff\xff", -1),
        ("UL", b"\xff\xff\xff\xff", 0xFFFFFFFF),
        ("SL", b"\xfe\xff\xff\xff", -2),
    ],
)
def test_what_is_plain(vr: str, value: bytes, expected: object) -> None:
    found = plain_value(elements_of(vr, value), TAG)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize(
    ("vr", "value"),
    [
        ("LO", b""),
        ("LO", b"a\\b "),
        ("LO", "ü".encode("latin-1")),
        ("LO", b"\x1b$B"),
        ("LO", b"A" * 66),
        ("SH", b"seventeen letters "),
        ("ST", b"A" * 2000),
        ("UI", b"1.02"),
        ("UI", b"1..2"),
        ("UI", b"1.2."),
        ("UI", b"\0\0"),
        ("US", b"\0\0\0\0"),
        ("UL", b"\0\0"),
        ("PN", b"Doe^Jane"),
        ("DA", b"20260101"),
    ],
)
def test_what_is_not(vr: str, value: bytes) -> None:
    assert plain_value(elements_of(vr, value), TAG) is NotImplemented


def test_what_is_not_there_or_edited() -> None:
    elements = elements_of("LO", b"1CT1")
    assert plain_value(elements, TAG + 1) is None
    elements.replace(TAG, None)
    assert plain_value(elements, TAG) is NotImplemented
