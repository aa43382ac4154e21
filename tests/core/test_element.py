"""Elements at the front of a data set, in every encoding, cut at every byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from fastdicom._core.element import find_texts

SOP_CLASS, SOP_INSTANCE, PATIENT_NAME, STUDY = 0x00080016, 0x00080018, 0x00100010, 0x0020000D

# (is implicit, is big endian)
ENCODINGS = [(True, False), (False, False), (False, True)]


def data_set() -> Dataset:
    ds = Dataset()
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    ds.SOPInstanceUID = "1.2.3"
    ds.PatientName = "Doe^Jane"
    ds.add_new(0x00111010, "OB", b"\0" * 70_000)
    ds.StudyInstanceUID = "1.2.4"
    return ds


def encode(ds: Dataset, is_implicit: bool, is_big_endian: bool) -> bytes:
    file = DicomBytesIO()
    file.is_implicit_VR, file.is_little_endian = is_implicit, not is_big_endian
    write_dataset(file, ds)
    return bytes(file.getvalue())


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_finds_texts(encoding: tuple[bool, bool]) -> None:
    encoded = encode(data_set(), *encoding)
    texts, offset = find_texts(encoded, [SOP_CLASS, SOP_INSTANCE, PATIENT_NAME, STUDY], *encoding)
    assert texts == ["1.2.840.10008.5.1.4.1.1.2", "1.2.3", "Doe^Jane", "1.2.4"]
    assert offset == len(encoded)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_is_not_there_is_none(encoding: tuple[bool, bool]) -> None:
    encoded = encode(data_set(), *encoding)
    texts, offset = find_texts(encoded, [0x00080005, SOP_INSTANCE, 0x0008103E], *encoding)
    assert texts == [None, "1.2.3", None]
    # The walk stops at the first element that comes after: the patient's name.
    assert offset == encoded.index(b"Doe^Jane") - 8


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_cut_at_every_byte(encoding: tuple[bool, bool]) -> None:
    ds = data_set()
    del ds[0x00111010]
    encoded = encode(ds, *encoding)
    tags = [elem.tag for elem in ds]
    # Where an element ends, the data set may end.
    ends = {find_texts(encoded, tags[:i], *encoding)[1]: i for i in range(len(tags) + 1)}
    for n in range(len(encoded) + 1):
        if n in ends:
            texts, offset = find_texts(encoded[:n], tags, *encoding)
            assert texts.count(None) == len(tags) - ends[n]
            assert offset == n
        else:
            with pytest.raises(ValueError, match=r"at offset \d+ .* an element goes beyond its end"):
                find_texts(encoded[:n], tags, *encoding)


def test_nothing_in_nothing() -> None:
    assert find_texts(b"", [SOP_CLASS], True, False) == ([None], 0)
    assert find_texts(b"anything", [], True, False) == ([], 0)


@pytest.mark.parametrize(
    ("encoded", "is_implicit", "text"),
    [
        (b"\x08\0\x16\0??\0\0", False, "there is no VR where explicit VR has one"),
        (b"\x08\0\x16\0SQ\0\0\xff\xff\xff\xff", False, "an element has an undefined length"),
        (b"\x08\0\x16\0\xff\xff\xff\xff", True, "an element has an undefined length"),
        (b"\x08\0\x16\0\xfe\xff\xff\xff", True, "an element goes beyond its end"),
        (b"\x08\0\x16\0OB\0\0", False, "an element goes beyond its end"),
    ],
)
def test_refused(encoded: bytes, is_implicit: bool, text: str) -> None:
    with pytest.raises(ValueError, match=f"at offset 0 of the data set {text}"):
        find_texts(encoded, [STUDY], is_implicit, False)


@given(st.binary(max_size=100), st.booleans(), st.booleans())
def test_any_bytes_are_walked_or_refused(encoded: bytes, is_implicit: bool, is_big_endian: bool) -> None:
    try:
        texts, offset = find_texts(encoded, [SOP_CLASS, 0xFFFFFFFF], is_implicit, is_big_endian)
    except ValueError:
        return
    assert len(texts) == 2
    assert offset <= len(encoded)
