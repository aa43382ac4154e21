"""Datasets are encoded byte for byte as pydicom's writer does it, and what it refuses is refused by name."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, time
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import UID
from pydicom.valuerep import DA, DS, DT, IS, TM, DSdecimal, DSfloat, PersonName
from storage_files import all_paths

from fastdicom._core.encode import encode, encode_buffers
from fastdicom.errors import EncodedDatasetError

pytestmark = pytest.mark.filterwarnings("ignore")

# Implicit VR Little Endian, Explicit VR Little Endian, Explicit VR Big Endian.
FORMS = ((True, False), (False, False), (False, True))
FILES = all_paths()


@pytest.fixture(autouse=True)
def _without_what_pydicom_says() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def by_pydicom(data_set: Dataset, is_implicit: bool, is_big_endian: bool) -> bytes | None:
    """Return what pydicom writes; None when it raises something."""
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = is_implicit, not is_big_endian
    try:
        write_dataset(stream, data_set[0x00040000:])
    except Exception:  # of any type: it does not say which
        return None
    return stream.getvalue()


def by_fastdicom(data_set: Dataset, is_implicit: bool, is_big_endian: bool) -> bytes | None:
    try:
        return encode(data_set, is_implicit, is_big_endian)
    except EncodedDatasetError:
        return None


def differences(expected: Any, encoded: Any) -> list[str]:
    """Name the forms in which two equal Datasets, made by the arguments, are not encoded alike."""
    return [
        f"implicit {is_implicit}, big endian {is_big_endian}"
        for is_implicit, is_big_endian in FORMS
        if by_pydicom(expected(), is_implicit, is_big_endian)
        != by_fastdicom(encoded(), is_implicit, is_big_endian)
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_files_as_they_were_read(path: Path) -> None:
    content = path.read_bytes()
    try:
        dcmread(BytesIO(content), force=True)
    except Exception:  # one of pydicom's broken files
        return

    def read() -> Dataset:
        return dcmread(BytesIO(content), force=True)

    def touched() -> Dataset:
        data_set = read()
        with suppress(Exception):  # the rest stays as it was read
            for element in data_set.iterall():
                element.value  # noqa: B018 - decodes it
        return data_set

    assert differences(read, read) == []
    assert differences(touched, touched) == []


LETTERS = "AZ ~^=-éß山田ヤマダ홍😀"
TEXTS = st.text(st.sampled_from(LETTERS), max_size=9) | st.sampled_from(["", "A", "Doe^John"])
NAMES = st.one_of(
    TEXTS,
    st.sampled_from(["Yamada^Tarou=山田^太郎=やまだ^たろう", "=^=", "A=", "Wang=王^小東", "Müller^Ö"]),
    st.builds(PersonName, TEXTS, st.sampled_from([None, ["utf8"], ["iso8859", "iso2022_jp"]])),
    st.builds(lambda text: PersonName(text.encode(), ["utf8"]), TEXTS),
)
NUMBERS = st.integers(-(1 << 65), 1 << 65) | st.integers(0, 200) | st.sampled_from([-1, True, "", None])
FLOATS = st.floats(width=32) | st.floats() | st.sampled_from([1e300, -0.0, 3, "", None])
DECIMALS = st.one_of(
    st.sampled_from(["1.50", " 7", "+4", "1e5", "", 1.5, 70, Decimal("1.5"), None]),
    st.sampled_from([DSfloat(0.1), DSfloat("2.50"), DS("1.250"), DSdecimal("3.10"), DSfloat(1 / 3, True)]),
)
DATES = ["", "20240229", "20240101-20241231", None, DA("20240229"), DA(date(2024, 2, 29))]
MOMENT = datetime(2024, 2, 29, 10, 15, tzinfo=UTC)
MOMENTS = [
    "",
    "20240229101500.5+0100",
    DT("20240229101500.5"),
    DT(MOMENT),
    MOMENT,
]
TIMES = ["", "1015", TM("101500.25"), TM(time(10, 15)), time(10, 15, 0, 5)]
CODES = st.sampled_from(["", "A", "AB", "É", "A B", "山", None])
OCTETS = st.binary(max_size=5) | st.sampled_from([b"", None, bytearray(b"abc"), b"x" * 20_001])
CHARACTER_SETS = st.sampled_from(
    [
        *("", "ISO_IR 6", "ISO_IR 100", "ISO_IR 13", "ISO_IR 192", "GB18030", "ISO_IR 144", "latin_1"),
        *("ISO-IR 100", "nonsense", "iso2022_jp", None),
        *(["", "ISO 2022 IR 87"], ["ISO 2022 IR 13", "ISO 2022 IR 87"], ["ISO_IR 192", "ISO_IR 100"]),
        *(["ISO 2022 IR 100", "ISO 2022 IR 149", "ISO 2022 IR 58"], ["ISO 2022 IR 159"], ["ISO_IR 100"]),
    ]
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(["AE", "AS", "CS", "UR"], CODES),
    **dict.fromkeys(["LO", "LT", "SH", "ST", "UC", "UT"], TEXTS | st.sampled_from([None, b"abc"])),
    **dict.fromkeys(["SS", "SL", "SV", "US", "UL", "UV"], NUMBERS),
    **dict.fromkeys(["FL", "FD"], FLOATS),
    **dict.fromkeys(["OB", "OD", "OF", "OL", "OV", "OW", "UN"], OCTETS),
    "DS": DECIMALS,
    "IS": st.sampled_from(["", "1", "003", " 4", 7, IS(5), IS("+6"), None, 1.5]),
    "PN": NAMES,
    "DA": st.sampled_from(DATES),
    "DT": st.sampled_from(MOMENTS),
    "TM": st.sampled_from(TIMES),
    "UI": st.sampled_from(["", "1.2.3", UID("1.2"), None]),
    "AT": st.sampled_from([0x00100010, Tag("PatientID"), 0, None, (0x10, 0x20), 1 << 32]),
}
TAGS = (
    *("PatientID", "PatientName", "StudyDescription", "PatientComments", "OtherPatientNames", "TextValue"),
    *("ImageType", "Rows", "FrameIncrementPointer", "StudyInstanceUID", "PixelSpacing", "InstanceNumber"),
    *("StudyDate", "StudyTime", "AcquisitionDateTime", "SmallestImagePixelValue", "LUTDescriptor", "LUTData"),
    *("PixelRepresentation", "BitsAllocated", "PixelData", 0x60003000, 0x54001010),
    *("RedPaletteColorLookupTableDescriptor", "FileSetID", "MediaStorageSOPInstanceUID", "MessageID"),
    *(0x00080000, 0x00100000, 0x00040000, 0x00091001, 0x00091002, 0x70532000, 0x00090010, 0x0008FFFF),
)


@st.composite
def elements(draw: st.DrawFn) -> DataElement:
    """Make an element of any VR under any tag, with one or more values, or a value that does not fit."""
    vr = draw(st.sampled_from([*VALUES, "US or SS", "OB or OW", "US or OW", "US or SS or OW", "XX"]))
    values = VALUES.get(vr, st.sampled_from([1, [1, 2], b"ab", b"abcd", None, -1]))
    value = draw(values | st.lists(values, max_size=3) if vr not in {"OB", "OW", "UN"} else values)
    tag = Tag(draw(st.sampled_from(TAGS)))
    element = DataElement(tag, vr, None, is_undefined_length=draw(st.sampled_from([False] * 9 + [True])))
    try:
        element.value = value
    except Exception:  # pydicom wants none of it
        element._value = value if draw(st.booleans()) else MultiValue(lambda each: each, [value, value])
    return element


@pytest.mark.parametrize("vr", VALUES)
@settings(max_examples=12)
@given(st.data())
def test_values_of_every_vr(vr: str, data: st.DataObject) -> None:
    values = data.draw(st.lists(VALUES[vr], min_size=1, max_size=8))
    encoded = Dataset()
    for number, value in enumerate([*values, values]):
        element = DataElement(Tag(0x00091000 + number), vr, None)
        with suppress(Exception):  # pydicom wants none of it
            element.value = value
        encoded._dict[element.tag] = element
    assert differences(lambda: copy.deepcopy(encoded), lambda: copy.deepcopy(encoded)) == []


@pytest.mark.parametrize("form", FORMS)
def test_the_first_value_of_a_lookup_table_descriptor_is_unsigned(form: tuple[bool, bool]) -> None:
    data_set = Dataset()
    data_set.add_new(0x00283002, "SS", [65_535, -5, 16])
    assert encode(data_set, *form) == by_pydicom(data_set, *form) is not None
    data_set[0x00283002].value = [-1, -5, 16]
    with pytest.raises(EncodedDatasetError, match=r"\(0028,3002\) LUTDescriptor of SS \[-1, -5, 16\]: "):
        encode(data_set, *form)


@st.composite
def data_sets(draw: st.DrawFn, depth: int = 3) -> Dataset:
    data_set = Dataset()
    for element in draw(st.lists(elements(), max_size=4)):
        data_set._dict[element.tag] = element
    if draw(st.integers(0, 2)) == 0:
        data_set.SpecificCharacterSet = draw(CHARACTER_SETS)
    if depth and draw(st.booleans()):
        items = draw(st.lists(data_sets(depth - 1), max_size=2))
        for item in items:
            item.is_undefined_length_sequence_item = draw(st.booleans())
        tag = Tag(draw(st.sampled_from([0x00081140, 0x0040A730, 0x00091003])))
        data_set.add(DataElement(tag, "SQ", Sequence(items), is_undefined_length=draw(st.booleans())))
    return data_set


@settings(max_examples=40)
@given(data_sets())
def test_data_sets_of_every_vr(data_set: Dataset) -> None:
    def copied() -> Dataset:
        return copy.deepcopy(data_set)

    assert differences(copied, copied) == []


@settings(max_examples=60)
@given(data_sets(), st.sampled_from(FORMS), st.booleans(), CHARACTER_SETS)
def test_data_sets_that_were_read(
    data_set: Dataset, form: tuple[bool, bool], has_new_character_set: bool, character_set: Any
) -> None:
    encoded = by_pydicom(data_set, *form)
    if encoded is None:
        return

    def read() -> Dataset:
        is_implicit, is_big_endian = form
        data_set = read_dataset(BytesIO(encoded), is_implicit, not is_big_endian)
        if has_new_character_set:
            data_set.SpecificCharacterSet = character_set
        return data_set

    try:
        read()
    except Exception:  # pydicom writes some of them so that it cannot read them
        return
    assert differences(read, read) == []


def test_elements_come_in_the_order_of_their_tags_without_the_command_and_the_file_meta() -> None:
    data_set = Dataset()
    for tag, vr, value in ((0x00100020, "LO", "1"), (0x00080060, "CS", "CT"), (0x00020010, "UI", "1.2")):
        data_set.add_new(tag, vr, value)
    data_set.add_new(0x00000110, "US", 1)
    data_set.add_new(0x00080000, "UL", 10)  # a group length, which is retired
    assert encode(data_set, True, False) == b"\x08\0\x60\0\x02\0\0\0CT\x10\0\x20\0\x02\0\0\x001 "
    assert encode(data_set, False, True) == b"\0\x08\0\x60CS\0\x02CT\0\x10\0\x20LO\0\x021 "
    assert encode_buffers(Dataset(), True, False) == [b""]


@pytest.mark.parametrize("form", FORMS)
def test_values_that_are_too_long_for_their_vr_become_un(form: tuple[bool, bool]) -> None:
    data_set = Dataset()
    data_set.PatientComments, data_set.PatientID, data_set.TextValue = (
        "x" * 65_535,
        "x" * 65_534,
        "x" * 70_000,
    )
    data_set.add_new(0x00280010, "US", [5] * 32_768)
    data_set.add_new(0x00091001, "OB", bytes(70_000))
    encoded = encode(data_set, *form)
    assert encoded == by_pydicom(data_set, *form)
    raw = read_dataset(BytesIO(encoded), form[0], not form[1])
    assert encode(raw, *form) == encoded


def test_long_values_are_not_copied() -> None:
    data_set, item = Dataset(), Dataset()
    pixels, icon = bytes(50_001), bytes(20_000)
    item.add_new(0x7FE00010, "OW", icon)
    data_set.IconImageSequence = [item]
    data_set.add_new(0x7FE00010, "OB", pixels)
    buffers = encode_buffers(data_set, False, False)
    assert [buffer is pixels or buffer is icon for buffer in buffers] == [False, True, False, True, False]
    assert b"".join(buffers) == by_pydicom(data_set, False, False)


def test_what_was_read_stays_as_it_was_read() -> None:
    source = Dataset()
    source.PatientName, source.Rows, source.SpecificCharacterSet = "Müller", 5, "ISO_IR 100"
    data_set = read_dataset(BytesIO(encode(source, True, False)), True, True)
    assert encode(data_set, False, False) == encode(source, False, False)
    assert all(element.is_raw for element in data_set._dict.values())


class Values(BytesIO):
    """A value in a file that is open."""


@pytest.mark.parametrize("form", FORMS)
def test_values_in_files(form: tuple[bool, bool]) -> None:
    content = bytes(range(200)) * 101
    buffered, plain = Dataset(), Dataset()
    buffered.add_new(0x7FE00010, "OW", Values(content))
    buffered[0x7FE00010].value.seek(100)
    plain.add_new(0x7FE00010, "OW", content[100:])
    expected = by_pydicom(buffered, *form)
    assert expected == encode(buffered, *form) == encode(plain, *form)
    assert buffered[0x7FE00010].value.tell() == 100
    # Where pydicom pads it, and does not count that in the length.
    buffered[0x7FE00010].value.seek(101)
    assert encode(buffered, *form)[-len(content) + 100 :] == content[101:] + b"\0"
    plain[0x7FE00010].value = content[101:]
    assert encode(buffered, *form) == encode(plain, *form)


def test_errors_name_the_element_and_its_value() -> None:
    data_set, item = Dataset(), Dataset()
    item.add_new(0x00280010, "US", 70_000)
    data_set.ReferencedImageSequence = [Dataset(), item]
    with pytest.raises(EncodedDatasetError) as raised:
        encode(data_set, False, False)
    message = r"(0008,1140) ReferencedImageSequence, item 1: (0028,0010) Rows of US 70000: "
    assert str(raised.value).startswith(message)
    assert raised.value.tag == 0x00280010
    ambiguous = Dataset()
    ambiguous.add_new(0x70532000, "US or SS", b"ab")
    with pytest.raises(EncodedDatasetError, match=r"\(7053,2000\) of US or SS b'ab': Cannot write"):
        encode(ambiguous, False, False)


def test_a_data_set_within_itself_is_an_error() -> None:
    data_set = Dataset()
    data_set.ReferencedImageSequence = [data_set]
    with pytest.raises(EncodedDatasetError, match="nested too deeply: maximum recursion"):
        encode(data_set, True, False)
