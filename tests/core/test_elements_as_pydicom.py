"""The elements of encoded data sets are those that pydicom finds: in its files, and in made data sets."""

from __future__ import annotations

import warnings
import zlib
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pytest
from by_hand import ENCODINGS, NAME, SEQUENCE, UNDEFINED, Encoder, refused
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian
from storage_files import all_paths

from fastdicom._core.elements import Elements
from fastdicom._core.walking import walk
from fastdicom.errors import EncodedDatasetError


def encode(ds: Dataset, is_implicit: bool, is_big_endian: bool) -> bytes:
    file = DicomBytesIO()
    file.is_implicit_VR, file.is_little_endian = is_implicit, not is_big_endian
    write_dataset(file, ds)
    return bytes(file.getvalue())


def data_set_of(path: Path) -> tuple[bytes, bool, bool] | None:
    """Return the data set in a file and its encoding; None when pydicom needs force to find one."""
    data = path.read_bytes()
    ds = dcmread(path)
    meta_length = ds.file_meta.get("FileMetaInformationGroupLength")
    if data[128:132] != b"DICM" or meta_length is None:
        return None
    syntax = ds.file_meta.TransferSyntaxUID
    data = data[144 + meta_length :]
    if syntax == DeflatedExplicitVRLittleEndian:
        data = zlib.decompress(data, -15)
    return data, syntax.is_implicit_VR, not syntax.is_little_endian


BROKEN = {
    "rtplan_truncated.dcm": "at offset 1110 of the data set, (300A,00B0): the value length is 976; 711",
    "MR_truncated.dcm": "(7FE0,0010): the value length is 8192; 8130",
    "emri_small_jpeg_2k_lossless_too_short.dcm": "(7FE0,0010): the data ends in a value of undefined length",
}
# Item lengths that are wrong, in a sequence whose length is right.
BROKEN_INSIDE = {"DICOMDIR-nooffset"}


def compare(data: bytes, is_implicit: bool, is_big_endian: bool, ds: Dataset) -> None:
    elements = Elements(data, is_implicit, is_big_endian)
    raw = dict(ds._dict.items())
    assert elements.tags() == sorted(raw)
    for tag, element in raw.items():
        if not isinstance(element, RawDataElement):
            assert elements.is_sequence(tag) and len(elements.items_of(tag)) == len(element.value)
            continue
        assert element.VR in (None, elements.vr(tag))
        if element.length != UNDEFINED:
            assert (
                elements.raw(tag) == (element.value or b"") and elements.offsets(tag)[1] == element.value_tell
            )
        else:
            assert elements.is_encapsulated(tag)


def compare_all(data: bytes, is_implicit: bool, is_big_endian: bool, ds: Dataset) -> None:
    """Compare what is found at every level: tags, and VRs where pydicom does not decide by other elements."""
    rows = walk(data, is_implicit, is_big_endian)
    # Of what is there twice, pydicom keeps the last.
    found = [row[1:3] for row, behind in pairwise([*rows, (0, 0)]) if row[2] and row[:2] != behind[:2]]
    decoded = [(element.tag, element.VR) for element in ds.iterall()]
    assert [tag for tag, _ in found] == [tag for tag, _ in decoded]
    assert [b for a, b in zip(decoded, found, strict=True) if a != b and " or " not in b[1]] == []


FILES = {path.name: path for path in all_paths()}


@pytest.mark.parametrize("name", FILES)
def test_every_file_of_pydicom(name: str) -> None:
    path = FILES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = data_set_of(path)
        except Exception:
            return  # pydicom refuses it
        if found is None:
            return
        data, is_implicit, is_big_endian = found
        if name in BROKEN:
            assert BROKEN[name] in refused(data, is_implicit, is_big_endian)
            return
        ds = read_dataset(BytesIO(data), is_implicit, not is_big_endian)
        compare(data, is_implicit, is_big_endian, ds)
        if name in BROKEN_INSIDE:
            with pytest.raises(EncodedDatasetError):
                walk(data, is_implicit, is_big_endian)
        else:
            compare_all(data, is_implicit, is_big_endian, ds)


def test_there_are_files_to_compare() -> None:
    assert len(FILES) > 100 and set(BROKEN) < set(FILES)


TEXTS = st.text("ABC123 ", max_size=12)
LEAVES = st.one_of(
    st.tuples(st.sampled_from([0x00080050, 0x00100020, 0x00321060]), TEXTS),
    st.tuples(st.just(0x0020000D), st.sampled_from(["", "1.2", "1.2.3"])),
    st.tuples(st.sampled_from([0x00280010, 0x00280011]), st.integers(0, 0xFFFF)),
    st.tuples(st.sampled_from([0x00091001, 0x00111002]), st.binary(max_size=300)),
)
VRS = {0x00080050: "SH", 0x00100020: "LO", 0x0020000D: "UI", 0x00321060: "LO"}


@st.composite
def data_sets(draw: st.DrawFn, depth: int = 3) -> Dataset:
    """Data sets with sequences, of defined and undefined lengths."""
    ds = Dataset()
    for tag, value in draw(st.lists(LEAVES, max_size=5)):
        vr = VRS.get(tag, "US" if isinstance(value, int) else "UN")
        ds.add_new(tag, vr, value)
    if depth:
        for tag in draw(st.sets(st.sampled_from([0x00081140, 0x00400275, 0x00091010]), max_size=2)):
            items = draw(st.lists(data_sets(depth=depth - 1), max_size=3))
            for item in items:
                item.is_undefined_length_sequence_item = draw(st.booleans())
            ds.add_new(tag, "SQ", Sequence(items))
            # In implicit VR only an undefined length shows that a private element is a sequence.
            ds[tag].is_undefined_length = draw(st.booleans()) or tag == 0x00091010
    return ds


@settings(max_examples=30)
@given(data_sets(), st.sampled_from(ENCODINGS[:3]))
def test_made_data_sets(ds: Dataset, encoding: tuple[bool, bool]) -> None:
    data = encode(ds, *encoding)
    compare(data, *encoding, read_dataset(BytesIO(data), encoding[0], not encoding[1]))
    compare_all(data, *encoding, read_dataset(BytesIO(data), encoding[0], not encoding[1]))


@settings(max_examples=30)
@given(data_sets(), st.sampled_from(ENCODINGS[:3]), st.data())
def test_one_byte_changed(ds: Dataset, encoding: tuple[bool, bool], choice: st.DataObject) -> None:
    data = bytearray(encode(ds, *encoding))
    if data:
        data[choice.draw(st.integers(0, len(data) - 1))] = choice.draw(st.integers(0, 255))
    try:
        elements = Elements(data, *encoding)
        for tag in elements.tags():
            assert elements.offsets(tag)[1] + len(elements.raw(tag)) <= len(data)
        walk(data, *encoding)
        refused_at = 0
    except EncodedDatasetError as error:
        refused_at = len(data) + 1 if error.offset is None else error.offset
    assert refused_at <= len(data)


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize("encoding", ENCODINGS[:2])
def test_implicit_and_explicit_mistaken_for_each_other(said: bool, encoding: tuple[bool, bool]) -> None:
    data = Encoder(*encoding).element(NAME, "PN", b"A^B ")
    elements = Elements(data, said, False)
    assert elements.is_implicit is encoding[0] and elements.raw(NAME) == b"A^B "
    # But an item that is said to be implicit is.
    assert Elements(data, said, False, is_item=True).is_implicit is (said or encoding[0])


def test_an_implicit_element_among_explicit_ones() -> None:
    data = Encoder().element(0x00080016, "UI", b"1.2.") + Encoder(True).element(NAME, "PN", b"A^B ")
    elements = Elements(data, False, False)
    assert elements.vr(NAME) == "PN" and elements.raw(NAME) == b"A^B " and not elements.is_implicit
    compare(data, False, False, read_dataset(BytesIO(data), False, True))


def test_implicit_items_in_an_explicit_sequence() -> None:
    item = Encoder(True).element(0x00081155, "UI", b"1.4\0")
    data = Encoder().sequence(SEQUENCE, item, item) + Encoder().element(NAME, "PN", b"A^B ")
    compare(data, False, False, read_dataset(BytesIO(data), False, True))
    compare_all(data, False, False, read_dataset(BytesIO(data), False, True))
    begin, end = Elements(data, False, False).items_of(SEQUENCE)[1]
    assert Elements(data, False, False, begin=begin, end=end, is_item=True).raw(0x00081155) == b"1.4\0"


def test_a_tag_that_is_there_twice() -> None:
    e = Encoder()
    data = e.element(NAME, "PN", b"A ") + e.element(0x00080016, "UI", b"1.") + e.element(NAME, "PN", b"B ")
    compare(data, False, False, read_dataset(BytesIO(data), False, True))
