"""`to_pydicom` gives the Dataset that pydicom's reader gives; what is long is copied when it is touched."""

from __future__ import annotations

import copy
import gc
import mmap
import pickle
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from struct import pack
from typing import Any
from weakref import ref

import numpy as np
import pydicom_files
import pytest
from encoded_data_sets import SYNTAXES, Syntax, data_sets, encoded_by_pydicom, read_by_pydicom
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import config
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.hooks import hooks, raw_element_value
from pydicom.sequence import Sequence

from fastdicom._core.elements import Elements
from fastdicom.encoded.pydicom_dataset import COPIED_AT_MOST, LongRawElement, to_pydicom
from fastdicom.errors import EncodedDatasetError

EXPLICIT: Syntax = (False, False)
IMPLICIT: Syntax = (True, False)
PIXELS = 0x7FE00010

# Made anew whenever it is asked for, in both readers.
OWN = {"_dict", "_private_blocks", "_pixel_array_opts", "_pixel_id"}


def assert_alike(ours: Dataset, theirs: Dataset) -> None:
    """Whether two Datasets that nobody has touched are alike; then touch and compare everything."""
    assert type(ours) is Dataset
    assert list(ours._dict) == list(theirs._dict)
    assert {type(tag) for tag in ours._dict} <= {type(tag) for tag in theirs._dict}
    for key in vars(theirs).keys() - OWN:
        assert vars(ours)[key] == vars(theirs)[key], key
    for tag, element in theirs._dict.items():
        mine = ours._dict[tag]
        assert isinstance(mine, RawDataElement | DataElement)
        if isinstance(element, RawDataElement) and isinstance(mine, RawDataElement):
            # Not the values themselves: pytest would print all of them.
            is_same = mine.value == element.value and mine == element
            assert is_same, f"{mine.tag} {mine.VR} {element.VR}"
    assert_equal(ours, theirs)


def assert_equal(ours: Dataset, theirs: Dataset) -> None:
    for element in theirs:
        mine = ours[element.tag]
        assert mine.VR == element.VR
        assert mine.is_undefined_length == element.is_undefined_length
        if element.VR != "SQ":
            is_same = type(mine.value) is type(element.value) and mine == element
            assert is_same, f"{mine.tag} {mine.VR}"
            continue
        assert type(mine.value) is Sequence and len(mine.value) == len(element.value)
        for one, other in zip(mine.value, element.value, strict=True):
            assert names(one._read_charset) == names(other._read_charset)
            assert one.is_undefined_length_sequence_item == other.is_undefined_length_sequence_item
            assert_equal(one, other)


def names(character_sets: Any) -> list[str]:
    return [character_sets] if isinstance(character_sets, str) else list(character_sets)


def made(data: bytes, syntax: Syntax = EXPLICIT) -> Dataset:
    return to_pydicom(Elements(data, *syntax))


@pytest.mark.filterwarnings("ignore")
def test_every_file() -> None:
    count = 0
    for encoded in pydicom_files.all_encoded():
        try:
            ours = made(encoded.data, (encoded.is_implicit, encoded.is_big_endian))
        except EncodedDatasetError:
            continue  # those are listed in test_values
        assert_alike(ours, encoded.read())
        count += 1
    assert count > 80


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=30)
@given(data_sets(), st.sampled_from(SYNTAXES))
def test_made_data_sets(dataset: Dataset, syntax: Syntax) -> None:
    encoded = encoded_by_pydicom(dataset, syntax)
    ours, theirs = made(encoded, syntax), read_by_pydicom(encoded, syntax)
    assert_alike(ours, theirs)
    is_same = encoded_by_pydicom(ours, syntax) == encoded_by_pydicom(theirs, syntax)
    assert is_same, "decoded, and encoded again"
    is_same = encoded_by_pydicom(made(encoded, syntax), syntax) == encoded
    assert is_same, "untouched"
    for other in SYNTAXES:
        theirs = read_by_pydicom(encoded, syntax)
        is_same = encoded_by_pydicom(made(encoded, syntax), other) == encoded_by_pydicom(theirs, other)
        assert is_same, f"from {syntax} to {other}"


@settings(max_examples=40)
@given(
    data_sets(),
    st.sampled_from(SYNTAXES),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4),
)
def test_nonsense_is_an_error_or_what_pydicom_reads(
    dataset: Dataset, syntax: Syntax, changes: list[tuple[int, int]]
) -> None:
    encoded = bytearray(encoded_by_pydicom(dataset, syntax))
    for position, value in changes:
        if position < len(encoded):
            encoded[position] = value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ours = made(bytes(encoded), syntax)
        except EncodedDatasetError:
            return
        try:
            theirs = read_by_pydicom(bytes(encoded), syntax)
        except OSError:  # in an item, which pydicom looks into at once
            theirs = Dataset()
        for tag in theirs.keys() & ours.keys():
            assert outcome(ours, tag) == outcome(theirs, tag)


def outcome(dataset: Dataset, tag: Any) -> Any:
    """What comes of touching an element: NaN is not equal to itself, but its text is."""
    try:
        return str(dataset[tag].value) if dataset[tag].VR != "SQ" else len(dataset[tag].value)
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("is_none", [False, True])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_empty_values(is_none: bool, syntax: Syntax, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Dataset()
    for keyword in (
        "PatientName",
        "PatientID",
        "StudyDate",
        "PatientWeight",
        "SeriesNumber",
        "Rows",
        "PixelData",
    ):
        setattr(dataset, keyword, None)
    dataset.ReferencedStudySequence = []
    dataset["PixelData"].VR = "OW"
    encoded = encoded_by_pydicom(dataset, syntax)
    monkeypatch.setattr(config, "use_none_as_empty_text_VR_value", is_none)
    ours, theirs = made(encoded, syntax), read_by_pydicom(encoded, syntax)
    assert {tag: element.value for tag, element in ours._dict.items()} == {
        tag: element.value for tag, element in theirs._dict.items()
    }
    assert_alike(ours, theirs)


# --- long values ---


def with_pixels(length: int) -> bytes:
    return (
        pack("<HH2sH", 0x0010, 0x0020, b"LO", 4)
        + b"ID 1"
        + pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, length)
        + bytes(i % 251 for i in range(length))
    )


class Memory(bytearray):
    """A buffer that can be referred to weakly."""


def test_long_values_are_copied_when_they_are_touched() -> None:
    data = Memory(with_pixels(COPIED_AT_MOST + 2))
    owner = ref(data)
    dataset = to_pydicom(Elements(data, *EXPLICIT))
    raw: Any = dataset._dict[PIXELS]
    assert type(raw) is LongRawElement and isinstance(raw, RawDataElement)
    assert np.shares_memory(np.frombuffer(raw[3], "u1"), np.frombuffer(data, "u1"))
    expected = bytes(data[24:])
    del data
    gc.collect()
    assert owner() is not None
    assert raw.value == expected and raw.value is raw.value
    del raw
    assert dataset.PixelData == expected and type(dataset.PixelData) is bytes
    gc.collect()
    assert owner() is None and dataset.PatientID == "ID 1"


def test_short_values_do_not_keep_the_buffer() -> None:
    data = Memory(with_pixels(COPIED_AT_MOST))
    owner = ref(data)
    dataset = to_pydicom(Elements(data, *EXPLICIT))
    del data
    gc.collect()
    assert owner() is None and len(dataset.PixelData) == COPIED_AT_MOST


def test_long_raw_elements_can_be_copied() -> None:
    data = with_pixels(COPIED_AT_MOST + 2)
    theirs = read_by_pydicom(data, EXPLICIT)
    for make in (copy.deepcopy, copy.copy, lambda dataset: pickle.loads(pickle.dumps(dataset))):
        assert make(made(data)) == theirs
    raw: Any = made(data)._dict[PIXELS]
    expected = read_by_pydicom(data, EXPLICIT)._dict[PIXELS]
    assert type(copy.deepcopy(raw)) is RawDataElement and copy.deepcopy(raw) == expected
    assert raw._replace(value=b"ab").value == b"ab"
    assert hash(raw) == hash(expected) and raw == expected


def test_a_mapped_file_that_was_shortened(tmp_path: Path) -> None:
    path = tmp_path / "data_set"
    path.write_bytes(with_pixels(1 << 20))
    with path.open("rb") as file:
        pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    dataset = to_pydicom(Elements(pages, *EXPLICIT))
    assert dataset.PatientID == "ID 1"
    with path.open("r+b") as file:
        file.truncate(4096)
    with pytest.raises(EncodedDatasetError, match="shortened"):
        _ = dataset.PixelData


# --- sequences, character sets, callbacks, edits ---


def test_character_sets() -> None:
    inner, item, outer = Dataset(), Dataset(), Dataset()
    inner.PatientName = "Б"
    item.SpecificCharacterSet, item.PatientName = "ISO_IR 144", "Я"
    item.ReferencedPatientSequence = [inner]
    other = Dataset()
    other.PatientName = "Ü"
    outer.SpecificCharacterSet, outer.PatientName = "ISO_IR 100", "Ä"
    outer.ReferencedStudySequence = [item, other]
    for is_undefined in (False, True):
        outer["ReferencedStudySequence"].is_undefined_length = is_undefined
        read = made(encoded_by_pydicom(outer, EXPLICIT))
        assert read == outer and read._read_charset == ["latin_1"]
        one, two = read.ReferencedStudySequence
        assert [str(name) for name in (one.PatientName, two.PatientName)] == ["Я", "Ü"]
        assert str(one.ReferencedPatientSequence[0].PatientName) == "Б"
    item_alone = to_pydicom(Elements(encoded_by_pydicom(other, EXPLICIT), *EXPLICIT), ["latin_1"])
    assert item_alone._parent_encoding == item_alone._read_charset == ["latin_1"]


def test_sequences_are_not_looked_into_before_they_are_touched() -> None:
    outer = Dataset()
    outer.ReferencedStudySequence = [Dataset()]
    outer["ReferencedStudySequence"].is_undefined_length = True
    read = made(encoded_by_pydicom(outer, EXPLICIT))
    assert type(read._dict[next(iter(read.keys()))]) is RawDataElement
    assert read["ReferencedStudySequence"].is_undefined_length


def in_unknown(tag: tuple[int, int], content: bytes) -> bytes:
    """A sequence in UN, of undefined length, with one item that is in implicit VR (PS3.5 6.2.2)."""
    item = pack("<HHL", 0xFFFE, 0xE000, len(content)) + content
    return pack("<HH2sHL", *tag, b"UN", 0, 0xFFFFFFFF) + item + pack("<HHL", 0xFFFE, 0xE0DD, 0)


@pytest.mark.parametrize("tag", [(0x0008, 0x1110), (0x0009, 0x1001)])
@pytest.mark.parametrize("infers", [True, False])
@pytest.mark.parametrize("replaces", [True, False])
@pytest.mark.filterwarnings("ignore")
def test_sequences_in_unknown(
    tag: tuple[int, int], infers: bool, replaces: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config.settings, "_infer_sq_for_un_vr", infers)
    monkeypatch.setattr(config, "replace_un_with_known_vr", replaces)
    data = in_unknown(tag, pack("<HHL", 0x0010, 0x0020, 4) + b"ID 1")
    ours, theirs = made(data), read_by_pydicom(data, EXPLICIT)
    if infers or replaces:
        assert ours[tag].value[0].PatientID == "ID 1"
        assert_alike(made(data), theirs)
        assert encoded_by_pydicom(ours, EXPLICIT) == encoded_by_pydicom(theirs, EXPLICIT)
        monkeypatch.setattr(config.settings, "_reading_validation_mode", config.RAISE)
        character_set = pack("<HHL", 0x0008, 0x0005, 8) + b"nonsense"
        with pytest.raises(EncodedDatasetError, match="in VR UN: Unknown encoding 'nonsense'"):
            made(in_unknown(tag, character_set))
    else:
        assert ours[tag].VR == "UN" and ours[tag].value == theirs[tag].value


@pytest.fixture
def callback() -> Iterator[list[Any]]:
    seen: list[Any] = []

    def remember(raw: RawDataElement, data: dict[str, Any], **keywords: Any) -> None:
        seen.append(raw.tag)
        raw_element_value(raw, data, **keywords)

    hooks.register_callback("raw_element_value", remember)
    yield seen
    hooks.register_callback("raw_element_value", raw_element_value)


def test_callbacks_of_pydicom_are_asked(callback: list[Any]) -> None:
    dataset = made(with_pixels(2))
    assert not callback
    assert dataset.PatientID == "ID 1" and callback == [0x00100020]


def test_edits() -> None:
    elements = Elements(with_pixels(1 << 16), *EXPLICIT)
    elements.replace(0x00100020, None)
    elements.replace(0x00100010, pack("<HH2sH", 0x0010, 0x0010, b"PN", 4) + b"A^B ")
    pixels = pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, 1 << 15)
    dataset = to_pydicom(elements)
    elements.replace(PIXELS, [pixels, bytes(1 << 15)])
    edited = to_pydicom(elements)
    assert list(dataset._dict) == list(edited._dict) == [0x00100010, PIXELS]
    assert type(dataset._dict[PIXELS]) is LongRawElement
    assert edited["PixelData"].VR == "OB" and edited.PixelData == bytes(1 << 15)
    assert len(dataset.PixelData) == 1 << 16  # not what was edited later
    assert_alike(edited, read_by_pydicom(b"".join(elements.buffers()), EXPLICIT))


def test_nothing_is_shared() -> None:
    data = with_pixels(2)
    first, second = made(data), made(data)
    first.PatientID = "2"
    first.private_block(0x0009, "X", create=True).add_new(1, "LO", "x")
    first.pixel_array_options(decoding_plugin="")
    assert second == made(data) and second.PatientID == "ID 1"
    assert not Dataset()._private_blocks and not Dataset()._dict


def test_stop_tag() -> None:
    elements = Elements(with_pixels(10), *EXPLICIT, stop_tag=PIXELS)
    assert list(to_pydicom(elements).keys()) == [0x00100020]


@pytest.mark.parametrize("cut", [1, 7, 9, 20])
def test_what_is_cut_off(cut: int) -> None:
    with pytest.raises(EncodedDatasetError, match="at offset"):
        made(with_pixels(16)[:-cut])


def test_the_dataset_reads_like_a_file_of_pydicom() -> None:
    encoded = next(each for each in pydicom_files.all_encoded() if each.path.name == "CT_small.dcm")
    dataset = made(encoded.data)
    dataset.file_meta = pydicom_files.meta(encoded)
    assert dataset.pixel_array.shape == (128, 128)
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    assert buffer.getvalue().endswith(encoded.data)
