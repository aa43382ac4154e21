"""Values are those of pydicom, of the same type and equal, or an error where pydicom raises one."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pydicom_files
import pytest
from encoded_data_sets import encoded_by_pydicom, read_by_pydicom
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydicom import config
from pydicom.charset import convert_encodings
from pydicom.dataelem import RawDataElement, convert_raw_data_element
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.valuerep import DA, PersonName

from fastdicom import EncodedDataset
from fastdicom._core.elements import Elements
from fastdicom.encoded.resolving import decode_element, vr_of
from fastdicom.encoded.values import decode_value, encodings_of
from fastdicom.errors import EncodedDatasetError

NUMBERS = ["US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "AT"]
BYTES = ["OB", "OD", "OF", "OL", "OV", "OW", "UN"]
# What may stand in the text of a VR, and what should not.
ALPHABETS = {
    "AE": b"AB 9\\",
    "AS": b"0123YM\\",
    "CS": b"AB_ 9\\a",
    "DA": b"0123456789-\\ ",
    "DS": b"0123456789+-.eE \\",
    "DT": b"0123456789+-. \\",
    "IS": b"0123456789+- \\.",
    "LO": b"AB^=\\ \xe4\x1b",
    "LT": b"AB\r\n\\ \xe4",
    "PN": b"AB^=\\ \xe4\x1b",
    "SH": b"AB\\ \xe4\xc3",
    "ST": b"AB\r\n\\ ",
    "TM": b"0123456789.- \\",
    "UC": b"AB\\ \xe4",
    "UI": b"012.\\ A",
    "UR": b"http:/ \\",
    "UT": b"AB\\ \xe4",
}
CHARACTER_SETS = [
    "",
    "ISO_IR 100",
    "ISO_IR 192",
    "ISO_IR 13",
    "ISO_IR 144",
    "GB18030",
    ["", "ISO 2022 IR 87"],
    ["ISO 2022 IR 13", "ISO 2022 IR 87"],
    ["", "ISO 2022 IR 149"],
    ["ISO 2022 IR 6", "ISO 2022 IR 100", "ISO 2022 IR 126"],
]
ESCAPES = [b"\x1b$B;3ED\x1b(B", b"\x1b$)C\xb1\xe8", b"\x1b-F\xe1", b"\x1b-A\xe4", b"\x1b(Z", b"\x1b"]


@contextmanager
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def by_pydicom(vr: str, raw: bytes, is_big_endian: bool, encodings: list[str], tag: int) -> Any:
    """The value that pydicom has, or the error that it raises."""
    element = RawDataElement(BaseTag(tag), vr, len(raw), raw, 0, False, not is_big_endian)
    try:
        return convert_raw_data_element(element, encoding=encodings).value
    except Exception as error:
        return error


def is_same(ours: Any, theirs: Any) -> bool:
    """Whether two values are of one type, and what makes them up is."""
    if type(ours) is not type(theirs):
        return False
    if isinstance(ours, list | MultiValue):
        return len(ours) == len(theirs) and all(map(is_same, ours, theirs))
    if isinstance(ours, float) and math.isnan(ours):
        return math.isnan(theirs)
    return bool(ours == theirs) and vars_of(ours) == vars_of(theirs)


def vars_of(value: Any) -> dict[str, Any]:
    return dict(getattr(value, "__dict__", {}))


def check(vr: str, raw: bytes, is_big_endian: bool, encodings: list[str], tag: int = 0x00091001) -> None:
    def ours() -> Any:
        return decode_value(vr, memoryview(raw), is_big_endian=is_big_endian, encodings=encodings, tag=tag)

    with quiet():
        theirs = by_pydicom(vr, raw, is_big_endian, encodings, tag)
        if isinstance(theirs, Exception):
            with pytest.raises(EncodedDatasetError) as caught:
                ours()
            assert caught.value.tag == tag and f"{BaseTag(tag)} in VR {vr!r}" in str(caught.value)
        else:
            assert is_same(ours(), theirs), f"{vr} {raw!r}: {ours()!r} and {theirs!r}"


def texts() -> st.SearchStrategy[tuple[str, bytes]]:
    def of(vr: str) -> st.SearchStrategy[tuple[str, bytes]]:
        part = st.one_of(
            st.lists(st.sampled_from(list(ALPHABETS[vr])), max_size=20).map(bytes),
            st.sampled_from([*ESCAPES, b"\0", b" ", b"A" * 70, b"1.5", b"-12", b"20240229", b"1.2.3"]),
        )
        return st.lists(part, max_size=4).map(b"".join).map(lambda raw: (vr, raw))

    return st.sampled_from(sorted(ALPHABETS)).flatmap(of)


@settings(max_examples=150)
@given(texts(), st.sampled_from(CHARACTER_SETS))
@example(("PN", b"A^B=\xc3\xa4=C="), "ISO_IR 192")
@example(("PN", b"a=b=c=d"), "")
@example(("LO", b"x" * 65), "")
@example(("IS", b"2147483648"), "")
@example(("IS", b"1.0\\1.5"), "")
@example(("IS", b"\xb2"), "")
@example(("DS", b"nan\\inf\\1_0"), "")
@example(("UI", b"1.02.3 "), "")
@example(("DS", b"1\\\\2"), "")
@example(("DS", b" 1 \\ 2 "), "")
@example(("IS", b" 1 \\ 2 "), "")
def test_texts(text: tuple[str, bytes], character_sets: Any) -> None:
    vr, raw = text
    check(vr, raw, False, convert_encodings(character_sets))


@settings(max_examples=200)
@given(
    st.sampled_from(sorted([*ALPHABETS, *NUMBERS, *BYTES, "ZZ", "OB or OW", "US or SS"])),
    st.binary(max_size=40),
    st.booleans(),
    st.sampled_from(CHARACTER_SETS),
)
def test_nonsense(vr: str, raw: bytes, is_big_endian: bool, character_sets: Any) -> None:
    with quiet():
        encodings = convert_encodings(character_sets)
    check(vr, raw, is_big_endian, encodings)


@pytest.mark.parametrize("vr", [*ALPHABETS, *NUMBERS, *BYTES, "US or SS", "SQ", "ZZ"])
@pytest.mark.parametrize("is_none", [False, True])
def test_nothing(vr: str, is_none: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "use_none_as_empty_text_VR_value", is_none)
    check(vr, b"", False, ["iso8859"])


@pytest.mark.parametrize("vr", NUMBERS)
@pytest.mark.parametrize("is_big_endian", [False, True])
def test_numbers(vr: str, is_big_endian: bool) -> None:
    for length in (1, 2, 3, 4, 6, 8, 16, 24, 4096):
        check(vr, bytes(i % 251 + 1 for i in range(length)), is_big_endian, ["UTF8"])


@pytest.mark.parametrize("tag", [0x00283002, 0x00281101])
def test_lut_descriptor_is_never_negative(tag: int) -> None:
    check("SS", b"\0\x80\xff\xff\x10\0", False, ["iso8859"], tag)
    assert decode_value("SS", b"\0\x80\xff\xff\x10\0", tag=tag) == [32768, -1, 16]


VALUES = [
    ("DS", b"1.50\\2 "),
    ("DS", b"1234567890.1234567890"),
    ("DS", b"x"),
    ("IS", b"12\\13"),
    ("IS", b"99999999999"),
    ("IS", b"1.5"),
    ("DA", b"20240229"),
    ("DA", b"20240229\\20240301"),
    ("DA", b"x"),
    ("TM", b"101500.5"),
    ("DT", b"20240229101500+0100"),
    ("LO", b"A" * 65),
    ("SH", b"A" * 17),
    ("UI", b"1.02"),
    ("PN", b"A" * 65),
    ("LO", b"\xc3("),
    ("US", b"\1\2\3"),
    ("CS", b"lower"),
]


@pytest.mark.parametrize("mode", [config.IGNORE, config.WARN, config.RAISE])
@pytest.mark.parametrize(
    "setting",
    ["", "datetime_conversion", "use_IS_numpy", "use_DS_numpy", "decimal", "convert_wrong_length_to_UN"],
)
def test_settings(mode: int, setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config.settings, "_reading_validation_mode", mode)
    if setting == "decimal":
        config.DS_decimal(True)
    elif setting:
        monkeypatch.setattr(config, setting, True)
    try:
        for vr, raw in VALUES:
            if "numpy" in setting and vr == setting[4:6]:
                continue
            check(vr, raw, False, ["UTF8"])
    finally:
        config.DS_decimal(False)


def test_settings_are_read_at_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    assert type(decode_value("DA", b"20240229")) is str
    monkeypatch.setattr(config, "datetime_conversion", True)
    assert type(decode_value("DA", b"20240229")) is DA
    config.DS_decimal(True)
    try:
        assert isinstance(decode_value("DS", b"1.5"), Decimal)
    finally:
        config.DS_decimal(False)
    assert isinstance(decode_value("DS", b"1.5"), float)
    monkeypatch.setattr(config, "use_DS_numpy", True)
    assert decode_value("DS", b"1\\2").tolist() == [1.0, 2.0]


def test_an_error_names_element_and_vr() -> None:
    with pytest.raises(EncodedDatasetError, match=r"\(0028,0010\) in VR 'US'.*length 3") as caught:
        decode_value("US", b"abc", tag=0x00280010)
    assert caught.value.tag == 0x00280010
    with pytest.raises(ValueError, match="Unknown Value Representation 'ZZ'"):
        decode_value("ZZ", b"abc")


@pytest.mark.parametrize("character_sets", [*CHARACTER_SETS, "ISO-IR 100", "nonsense", "latin_1"])
def test_character_sets(character_sets: Any) -> None:
    text = "\\".join(character_sets) if isinstance(character_sets, list) else character_sets
    for raw in (text.encode(), text.encode() + b" "):
        with quiet():
            assert encodings_of(raw) == convert_encodings(character_sets)


def test_an_unknown_character_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config.settings, "_reading_validation_mode", config.RAISE)
    with pytest.raises(EncodedDatasetError, match=r"\(0008,0005\): Unknown encoding 'nonsense'"):
        encodings_of(b"nonsense")


def test_names_are_what_pydicom_writes_again() -> None:
    raw = "Müller^Ö=山田^太郎=".encode()
    name = decode_value("PN", raw, encodings=["UTF8"])
    assert type(name) is PersonName and name.family_name == "Müller" and name.ideographic == "山田^太郎"
    assert name.encode() == raw[:-1]
    names = decode_value("PN", b"A^B\\C^D")
    names.append("E^F")
    assert names == ["A^B", "C^D", "E^F"] and {type(each) for each in names} == {PersonName}


# --- whole data sets ---


def compare(
    elements: Elements, theirs: Dataset, around: tuple[Elements, ...], counts: dict[str, int]
) -> None:
    """Compare all elements, those of items too."""
    charset = theirs.original_character_set or theirs._character_set
    encodings = [charset] if isinstance(charset, str) else list(charset)
    assert elements.tags() == sorted(theirs.keys())
    for tag in elements.tags():
        expected = theirs[tag]
        assert vr_of(elements, tag, around) == expected.VR, f"{expected.tag}"
        value = decode_element(elements, tag, encodings, lambda _: SEQUENCE, around)
        if expected.VR == "SQ":
            assert value is SEQUENCE
            is_implicit, is_big_endian = elements.items_syntax(tag)
            spans = elements.items_of(tag)
            assert len(spans) == len(expected.value)
            for (begin, end), item in zip(spans, expected.value, strict=True):
                inner = Elements(
                    elements.data, is_implicit, is_big_endian, begin=begin, end=end, is_item=True
                )
                compare(inner, item, (elements, *around), counts)
        else:
            assert is_same(value, expected.value), f"{expected.tag} {value!r}"
            counts[expected.VR] = counts.get(expected.VR, 0) + 1


def compare_mapping(dataset: EncodedDataset, theirs: Dataset) -> None:
    """Compare what users see."""
    assert dataset.keys() == sorted(theirs.keys())
    for tag, value in dataset.items():
        expected = theirs[tag]
        if expected.VR == "SQ":
            assert len(value) == len(expected.value)
            for item, other in zip(value, expected.value, strict=True):
                compare_mapping(item, other)
        else:
            assert is_same(value, expected.value), f"{expected.tag} {value!r}"


@pytest.mark.parametrize("outer", [None, 0, 1])
@pytest.mark.parametrize("inner", [None, 0, 1, "", "pixels"])
@pytest.mark.filterwarnings("ignore")
def test_ambiguous_values_in_an_item(outer: Any, inner: Any) -> None:
    """What they are depends on the nearest Pixel Representation."""
    item, around, whole = Dataset(), Dataset(), Dataset()
    item.add_new(0x00280106, "US", 0xFFFF)
    item.add_new(0x00283002, "US", [0, 0xFFFF, 16])
    item.add_new(0x00283006, "OW", b"ab")
    if inner == "pixels":
        item.add_new(0x7FE00010, "OW", b"ab")
    elif inner is not None:
        item.PixelRepresentation = None if inner == "" else inner
    around.ReferencedImageSequence = [item]
    whole.ReferencedStudySequence = [around]
    if outer is not None:
        whole.PixelRepresentation = outer
    encoded = encoded_by_pydicom(whole, (True, False))
    theirs = read_by_pydicom(encoded, (True, False)).ReferencedStudySequence[0].ReferencedImageSequence[0]
    levels = [Elements(encoded, True, False)]
    for tag in (0x00081110, 0x00081140):
        [(begin, end)] = levels[0].items_of(tag)
        levels.insert(0, Elements(encoded, True, False, begin=begin, end=end, is_item=True))
    for tag in levels[0].tags():
        try:
            expected = theirs[tag]
        except AttributeError:
            with pytest.raises(EncodedDatasetError, match="depends on"):
                vr_of(levels[0], tag, levels[1:])
            continue
        assert vr_of(levels[0], tag, levels[1:]) == expected.VR
        value = decode_element(levels[0], tag, ["iso8859"], lambda _: SEQUENCE, levels[1:])
        assert is_same(value, expected.value)


SEQUENCE = object()
# Those whose data set is cut off, or is not in the transfer syntax that is said or taken.
BROKEN = {
    "ExplVR_BigEndNoMeta.dcm",
    "MR_truncated.dcm",
    "emri_small_jpeg_2k_lossless_too_short.dcm",
    "no_meta.dcm",
    "rtplan_truncated.dcm",
}


@pytest.mark.filterwarnings("ignore")
def test_every_element_of_every_file() -> None:
    counts: dict[str, int] = {}
    for encoded in pydicom_files.all_encoded():
        elements = Elements(encoded.data, encoded.is_implicit, encoded.is_big_endian)
        if encoded.path.name in BROKEN:
            with pytest.raises(EncodedDatasetError, match=r"at offset [0-9]+ of the data set"):
                elements.tags()
            continue
        compare(elements, encoded.read(), (), counts)
        compare_mapping(EncodedDataset(encoded.data, encoded.transfer_syntax), encoded.read())
    assert sum(counts.values()) > 5_000 and len(counts) > 20
