"""Values encoded here and by pydicom: the same bytes, in every VR and every uncompressed encoding."""

from __future__ import annotations

import warnings
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import config
from pydicom.charset import convert_encodings
from pydicom.dataelem import DataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.uid import UID
from pydicom.valuerep import IS, DSfloat, PersonName

from fastdicom.encoded.value_encoding import COPY_LIMIT, encode_element, encode_value

# An element of each VR, and values of all the kinds that pydicom takes for it.
TEXT = ["", "A", "AB", "A B ", "\\", "A\\BC", "A\\\\", ["A", "BC"], ["A"], [], None, "Zürich", ["Ä", "B"]]
INTEGERS = [0, 1, 255, [1, 2, 3], [7], (1, 2), [], None, ""]
BYTES = [b"", b"\1", b"\1\2", b"a\\b", bytes(COPY_LIMIT + 1), bytes(COPY_LIMIT + 2), None]
MOMENT = datetime(2024, 5, 6, 7, 8, 9, 120000, timezone(timedelta(hours=2)))
VALUES: dict[str, tuple[int, list[Any]]] = {
    "AE": (0x00080054, ["", "ANY", "ANY1", ["A", "B"], "A\\B", None, b"ANY"]),
    "AS": (0x00101010, ["", "030Y", "3Y", None]),
    "AT": (0x00280009, [0x00181063, "PatientName", [0x00100010, (0x18, 0x1063)], BaseTag(1), None, 0]),
    "CS": (0x00080060, ["", "CT", "MRI", ["ORIGINAL", "PRIMARY"], ("A", "B"), "A\\B", None]),
    "DA": (0x00080020, ["", "20240506", "2024", date(2024, 5, 6), ["20240506", "20240507"], None, MOMENT]),
    "DS": (
        0x00180050,
        ["", "1.50", " 1.5 ", 1.5, 0.1 + 0.2, 3, 1e300, ["1", "2.50"], [1.5, 2], DSfloat("1.500"), None],
    ),
    "DT": (0x0008002A, ["", "20240506070809.12", MOMENT, MOMENT.replace(microsecond=0, tzinfo=None), None]),
    "FD": (0x00189074, [0.0, 1.5, -1e300, [1.0, 2.5], 3, None]),
    "FL": (0x00089459, [0.0, 1.5, [1.0, 2.5], 3, None]),
    "IS": (
        0x00200013,
        ["", "1", "+01", "1 ", "12", 7, -12, ["1", "22"], [3, 4], "1\\22", IS("007"), "1.0", None],
    ),
    "LO": (0x00080070, TEXT),
    "LT": (0x00104000, [*TEXT, "A\nB"]),
    "OB": (0x00020102, BYTES),
    "OD": (0x7FE00009, BYTES),
    "OF": (0x7FE00008, BYTES),
    "OL": (0x00660129, BYTES),
    "OV": (0x7FE00001, BYTES),
    "OW": (0x00281201, BYTES),
    "PN": (
        0x00100010,
        [*TEXT, "A^B=C=", "A^B==D", "Ä^Ö", PersonName("A^B=C"), [PersonName("A"), "B"], "=", "A=B\\C="],
    ),
    "SH": (0x00080050, TEXT),
    "SL": (0x00186020, [*INTEGERS, -1, -(2**31)]),
    "SS": (0x00189219, [*INTEGERS, -1, -(2**15)]),
    "ST": (0x00080081, [*TEXT, "A\\B\nC"]),
    "SV": (0x00720082, [*INTEGERS, -1, -(2**63)]),
    "TM": (
        0x00080030,
        ["", "070809", "07", "070809.12", time(7, 8, 9), time(7, 8, 9, 120000), ["07", "0809"], None],
    ),
    "UC": (0x00080119, TEXT),
    "UI": (0x00080018, ["", "1.2.3", "1.2.34", UID("1.2.3"), ["1.2", "1.3"], "1.2\\1.3", None]),
    "UL": (0x00081161, [*INTEGERS, 2**32 - 1]),
    "UN": (0x00091001, BYTES),
    "UR": (0x00081190, ["", "http://a/b", "http://a/bc", None]),
    "US": (0x00280010, [*INTEGERS, 2**16 - 1]),
    "UT": (0x0040A160, [*TEXT, "A" * 70000]),
    "UV": (0x00080100 + 0x3, [*INTEGERS, 2**64 - 1]),
}
SYNTAXES = [(True, False), (False, False), (False, True)]


def written(
    tag: int, vr: str, value: Any, is_implicit: bool, is_big_endian: bool, character_sets: Any = None
) -> bytes:
    """Return what pydicom writes."""
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = is_implicit, not is_big_endian
    if isinstance(value, tuple):
        value = list(value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        element = DataElement(BaseTag(tag), vr, value, validation_mode=config.IGNORE)
        write_data_element(buffer, element, character_sets)
    return buffer.getvalue()


def encoded(
    tag: int, vr: str, value: Any, is_implicit: bool, is_big_endian: bool, character_sets: Any = None
) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        encodings = convert_encodings(character_sets)
        pieces = encode_element(tag, vr, value, is_implicit, is_big_endian, encodings=encodings)
    return pieces if isinstance(pieces, bytes) else b"".join(pieces)


ROWS = [pytest.param(vr, tag, values, id=vr) for vr, (tag, values) in VALUES.items()]


@pytest.mark.parametrize(("vr", "tag", "values"), ROWS)
@pytest.mark.parametrize(("is_implicit", "is_big_endian"), SYNTAXES)
def test_every_vr(vr: str, tag: int, values: list[Any], is_implicit: bool, is_big_endian: bool) -> None:
    for value in values:
        for character_sets in ("", "ISO_IR 192", ["", "ISO 2022 IR 87"]):
            expected = written(tag, vr, value, is_implicit, is_big_endian, character_sets)
            found = encoded(tag, vr, value, is_implicit, is_big_endian, character_sets)
            assert found[:200] == expected[:200], value
            assert found == expected


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=20),
    st.sampled_from(["LO", "LT", "PN", "SH", "UT"]),
    st.sampled_from(["", "ISO_IR 192", "GB18030"]),
)
def test_any_text(text: str, vr: str, character_set: str) -> None:
    tag = VALUES[vr][0]
    assert encoded(tag, vr, text, False, False, character_set) == written(
        tag, vr, text, False, False, character_set
    )


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.floats(), st.integers(), st.decimals(allow_nan=False), st.lists(st.floats(width=16), max_size=4)
    )
)
def test_any_decimal_string(value: Any) -> None:
    try:
        expected = written(0x00180050, "DS", value, True, False)
    except (OverflowError, ValueError):
        with pytest.raises(ValueError, match="SliceThickness"):
            encode_value(0x00180050, "DS", value)
    else:
        assert encoded(0x00180050, "DS", value, True, False) == expected


def test_settings_of_pydicom_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "datetime_conversion", True)
    monkeypatch.setattr(config, "use_DS_decimal", True)
    for vr, value in [
        ("DA", "20240506"),
        ("TM", "070809.1200"),
        ("DT", "2024050607"),
        ("DS", Decimal("1.50")),
    ]:
        tag = VALUES[vr][0]
        assert encoded(tag, vr, value, True, False) == written(tag, vr, value, True, False)


def test_a_lut_descriptor_counts_without_a_sign() -> None:
    for value in ([65535, -2, 16], [65535, 0, 16]):
        assert encoded(0x00281101, "SS", value, False, False) == written(
            0x00281101, "SS", value, False, False
        )


def test_multi_values_as_pydicom_gives_them() -> None:
    value = MultiValue(DSfloat, ["1.50", "2"])
    assert encode_value(0x00280030, "DS", value) == b"1.50\\2"


def test_long_bytes_are_not_copied() -> None:
    pixels = bytearray(range(256)) * 64
    header, value = encode_element(0x7FE00010, "OW", pixels, False, False)
    assert bytes(header) == b"\xe0\x7f\x10\x00OW\0\0" + len(pixels).to_bytes(4, "little")
    assert isinstance(value, memoryview)
    assert value.obj is pixels and len(value) == len(pixels)
    assert value.readonly


def test_encapsulated_pixel_data() -> None:
    fragments = b"\xfe\xff\x00\xe0\0\0\0\0"
    pieces = encode_element(0x7FE00010, "OB", fragments, False, False, has_undefined_length=True)
    assert b"".join(pieces) == (
        b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + fragments + b"\xfe\xff\xdd\xe0\0\0\0\0"
    )
    with pytest.raises(ValueError, match=r"PixelData.*not encapsulated"):
        encode_element(0x7FE00010, "OB", b"\1\2\3\4", False, False, has_undefined_length=True)


@pytest.mark.parametrize(
    ("tag", "vr", "value", "message"),
    [
        (0x00280010, "US", 65536, r"\(0028,0010\) Rows: VR US cannot hold 65536"),
        (0x00280010, "US", -1, "Rows"),
        (0x00280010, "US", "x", "Rows: VR US cannot hold 'x'"),
        (0x00200013, "IS", "x", "InstanceNumber: VR IS cannot hold 'x'"),
        (0x00180050, "DS", "1,5", "SliceThickness"),
        (0x00080060, "CS", "Привет", "Modality"),
        (0x00080060, "CS", 7, "Modality"),
        (0x00100010, "PN", 7, "PatientName"),
        (0x7FE00010, "OW", 7, "PixelData"),
        (0x00280010, "ZZ", 7, "Rows: VR ZZ"),
        (0x00280010, "SQ", [], "Rows: VR SQ"),
        (0x00280009, "AT", "NoKeyword", "FrameIncrementPointer"),
    ],
)
def test_what_cannot_be_encoded(tag: int, vr: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encode_value(tag, vr, value)


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (0x00080060, "CS", "lower case"),
        (0x00080050, "SH", "longer than sixteen"),
        (0x00080020, "DA", "2024-05-06"),
        (0x00080018, "UI", "1.02.x"),
        (0x00200013, "IS", "99999999999"),
        (0x00180050, "DS", 0.1 + 0.2),
    ],
)
def test_validation_is_an_option(tag: int, vr: str, value: Any) -> None:
    assert encode_value(tag, vr, value)
    with pytest.raises(ValueError, match=f"VR {vr} cannot hold"):
        encode_value(tag, vr, value, validate=True)


def test_what_is_too_long_for_its_vr_becomes_unknown() -> None:
    value = ["1.2.3"] * 20000
    found = encoded(0x00080018, "UI", value, False, False)
    assert found[4:6] == b"UN"
    assert found == written(0x00080018, "UI", value, False, False)
    assert encoded(0x00080018, "UI", value, True, False) == written(0x00080018, "UI", value, True, False)
