"""Data sets that pydicom would take long to encode come out byte for byte as pydicom writes them."""

from __future__ import annotations

from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from fastdicom.data_sets import _encode_any, decode_dataset, encode_dataset
from fastdicom.plain_data_sets import decode_plain, encode_plain

SYNTAXES = (ImplicitVRLittleEndian, ExplicitVRLittleEndian)

ASCII = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters="\\"), max_size=16)
ANY_TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\\"), max_size=16)
NAMES = st.sampled_from(["", "A", "Doe^John", "Doe^John^^Dr", "A=B=C", "Doe^J=", "=B", "^^^^", "Müller^Ö"])
UIDS = st.sampled_from(["", "1.2.3", "1.2.840.10008.1.1"])
KEYWORDS: dict[str, st.SearchStrategy[Any]] = {
    "QueryRetrieveLevel": st.sampled_from(["", "STUDY"]),
    "ModalitiesInStudy": st.sampled_from([[], "CT", ["CT"], ["CT", "MR"], ["CT", ""]]),
    "PatientName": NAMES,
    "OtherPatientNames": st.lists(NAMES, max_size=3),
    "PatientID": ASCII,
    "StudyDescription": ANY_TEXT,
    "PatientComments": ASCII,
    "StudyDate": st.sampled_from(["", "20240229", "20240101-20241231"]),
    "StudyTime": st.sampled_from([None, "", "120000.123"]),
    "StudyInstanceUID": UIDS,
    "SOPClassesInStudy": st.lists(UIDS, max_size=3),
    "SeriesNumber": st.sampled_from(["", 1, "2", "003", "+4"]),
    "NumberOfStudyRelatedInstances": st.integers(0, 1 << 30),
    "PatientWeight": st.sampled_from(["", "70", "70.50", 1.5, 70, Decimal("1.5"), "1e5"]),
    "PixelSpacing": st.sampled_from([[], ["0.5", "0.50"], [1, 2.5]]),
    "Rows": st.integers(0, 0xFFFF),
    "SmallestImagePixelValue": st.just(7),
    "SimpleFrameList": st.integers(0, 0xFFFFFFFF),
    "ReferencedStudySequence": st.just(Sequence()),
    "FailedSOPInstanceUIDList": st.lists(UIDS, max_size=2),
    "TextValue": ASCII,
    "RetrieveURL": st.just("http://x/y"),
    "PixelData": st.just(b"\0\0"),
    "SpecificCharacterSet": st.sampled_from(["ISO_IR 100", "ISO_IR 192", "ISO_IR 13"]),
}


def data_sets() -> st.SearchStrategy[Dataset]:
    def make(elements: dict[str, Any]) -> Dataset:
        data_set = Dataset()
        for keyword, value in elements.items():
            setattr(data_set, keyword, value)
        return data_set

    def few(keywords: list[str]) -> st.SearchStrategy[dict[str, Any]]:
        return st.fixed_dictionaries({keyword: KEYWORDS[keyword] for keyword in keywords})

    # With more of them there is nearly always one that is not plain.
    return st.lists(st.sampled_from(sorted(KEYWORDS)), max_size=4, unique=True).flatmap(few).map(make)


@pytest.mark.filterwarnings("ignore")
@given(data_sets(), st.sampled_from(SYNTAXES))
def test_what_is_plain_is_as_pydicom_writes_it(data_set: Dataset, transfer_syntax: Any) -> None:
    encoded = encode_plain(data_set, transfer_syntax)
    if encoded is not None:
        assert encoded == _encode_any(data_set, transfer_syntax)


def read_by_pydicom(encoded: bytes, transfer_syntax: Any) -> Dataset:
    data_set = read_dataset(BytesIO(encoded), transfer_syntax.is_implicit_VR, True)
    data_set.set_original_encoding(transfer_syntax.is_implicit_VR, True, data_set._read_charset or "iso8859")
    return data_set


@pytest.mark.filterwarnings("ignore")
@given(data_sets(), st.sampled_from(SYNTAXES), st.integers(0, 40), st.binary(max_size=3))
def test_what_is_plain_is_as_pydicom_reads_it(
    data_set: Dataset, transfer_syntax: Any, position: int, change: bytes
) -> None:
    if "PixelData" in data_set:  # which has no VR on its own
        del data_set.PixelData
    encoded = _encode_any(data_set, transfer_syntax)
    encoded = encoded[:position] + change + encoded[position + len(change) :]
    decoded = decode_plain(encoded, transfer_syntax)
    if decoded is not None:
        expected = read_by_pydicom(encoded, transfer_syntax)
        assert vars(decoded) == vars(expected)
        assert type(decoded) is Dataset and list(decoded._dict) == list(expected._dict)


@pytest.mark.parametrize("transfer_syntax", SYNTAXES)
def test_what_is_read_shares_nothing(transfer_syntax: Any) -> None:
    encoded = encode_dataset(identifier(), transfer_syntax)
    first, second = (decode_plain(encoded, transfer_syntax) for _ in range(2))
    assert first is not None and first == second == identifier()
    first.PatientID = "2"
    first.private_block(0x0009, "X", create=True).add_new(1, "LO", "x")
    assert second == identifier()
    assert not Dataset()._private_blocks and not Dataset()._dict


def test_what_is_in_the_wrong_transfer_syntax_is_left_to_pydicom() -> None:
    implicit, explicit = SYNTAXES
    assert decode_plain(encode_dataset(identifier(), implicit), explicit) is None
    assert decode_plain(encode_dataset(identifier(), explicit), implicit) is None
    assert decode_plain(encode_dataset(identifier(), explicit), ExplicitVRBigEndian) is None
    for cut in range(1, 8):
        assert decode_plain(encode_dataset(identifier(), implicit)[:-cut], implicit) is None


def identifier() -> Dataset:
    data_set = Dataset()
    data_set.QueryRetrieveLevel = "STUDY"
    data_set.ModalitiesInStudy = ["CT", "MR"]
    data_set.PatientName = "Doe^John"
    data_set.PatientID = "1"
    data_set.StudyInstanceUID = "1.2.3"
    data_set.StudyTime = ""
    data_set.NumberOfStudyRelatedInstances = 12
    return data_set


@pytest.mark.parametrize("transfer_syntax", SYNTAXES)
def test_identifiers_are_plain(transfer_syntax: Any) -> None:
    assert encode_plain(identifier(), transfer_syntax) is not None


def test_what_is_not_plain_is_left_to_pydicom() -> None:
    for change in (
        {"PatientName": "Müller"},
        {"SpecificCharacterSet": "ISO_IR 192"},
        {"ReferencedStudySequence": [Dataset()]},
        {"PixelData": b"\0\0"},
        {"PatientComments": "x" * 70_000},
    ):
        data_set = identifier()
        for keyword, value in change.items():
            setattr(data_set, keyword, value)
        assert encode_plain(data_set, ExplicitVRLittleEndian) is None
    read = read_dataset(BytesIO(encode_dataset(identifier(), ImplicitVRLittleEndian)), True, True)
    for other in (ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian):
        assert encode_plain(identifier(), other) is None
    assert encode_plain(read, ImplicitVRLittleEndian) is None  # its elements are not decoded yet
    read.group_dataset(0x0010)
    with_group_length = identifier()
    with_group_length.add_new(0x00100000, "UL", 5)
    assert encode_plain(with_group_length, ImplicitVRLittleEndian) is None


@pytest.mark.parametrize(
    "transfer_syntax",
    [*SYNTAXES, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
    ids=lambda uid: uid.name,
)
def test_there_and_back(transfer_syntax: Any) -> None:
    assert decode_dataset(encode_dataset(identifier(), transfer_syntax), transfer_syntax) == identifier()


def test_what_cannot_be_encoded() -> None:
    data_set = identifier()
    data_set.Rows = 1
    data_set["Rows"]._value = "x"
    with pytest.raises(ValueError, match="cannot be encoded in Implicit VR Little Endian"):
        encode_dataset(data_set, ImplicitVRLittleEndian)
    data_set["Rows"]._value = 70_000
    with pytest.raises(ValueError, match="cannot be encoded"):
        encode_dataset(data_set, ImplicitVRLittleEndian)
