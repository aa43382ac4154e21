"""Data sets of pydicom, encoded and decoded: there and back again."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from fastdicom.data_sets import decode_dataset, encode_dataset
from fastdicom.encoded.deflated import inflate
from fastdicom.errors import EncodedDatasetError

SYNTAXES = (ImplicitVRLittleEndian, ExplicitVRLittleEndian)


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
def test_it_is_decoded_as_pydicom_decodes_it(transfer_syntax: Any) -> None:
    encoded = encode_dataset(identifier(), transfer_syntax)
    decoded = decode_dataset(encoded, transfer_syntax)
    expected = read_dataset(BytesIO(encoded), transfer_syntax.is_implicit_VR, True)
    assert type(decoded) is Dataset and vars(decoded) == vars(expected)
    assert list(decoded._dict) == list(expected._dict)


def test_a_mistaken_transfer_syntax_is_found_out() -> None:
    implicit, explicit = SYNTAXES
    for said, meant in ((implicit, explicit), (explicit, implicit)):
        decoded = decode_dataset(encode_dataset(identifier(), meant), said)
        assert decoded == identifier()
        assert decoded.original_encoding == (meant.is_implicit_VR, True)


@pytest.mark.parametrize("transfer_syntax", SYNTAXES)
def test_what_is_cut_off(transfer_syntax: Any) -> None:
    encoded = encode_dataset(identifier(), transfer_syntax)
    for cut in range(1, 10):
        with pytest.raises(EncodedDatasetError, match=r"at offset [0-9]+ of the data set"):
            decode_dataset(encoded[:-cut], transfer_syntax)
    assert not decode_dataset(b"", transfer_syntax)


@pytest.mark.parametrize(
    "transfer_syntax",
    [*SYNTAXES, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
    ids=lambda uid: uid.name,
)
def test_there_and_back(transfer_syntax: Any) -> None:
    assert decode_dataset(encode_dataset(identifier(), transfer_syntax), transfer_syntax) == identifier()


def test_deflated_is_explicit_vr_deflated() -> None:
    deflated = encode_dataset(identifier(), DeflatedExplicitVRLittleEndian)
    assert len(deflated) % 2 == 0
    assert inflate(deflated) == encode_dataset(identifier(), ExplicitVRLittleEndian)


def test_what_cannot_be_encoded() -> None:
    data_set = identifier()
    data_set.Rows = 1
    for value in ("x", 70_000):
        data_set["Rows"]._value = value
        with pytest.raises(EncodedDatasetError) as raised:
            encode_dataset(data_set, ImplicitVRLittleEndian)
        message = f"cannot be encoded in Implicit VR Little Endian: (0028,0010) Rows of US {value!r}: "
        assert message in str(raised.value)
        assert raised.value.tag == 0x00280010
