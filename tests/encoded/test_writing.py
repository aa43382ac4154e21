"""Files: what is written is a DICOM file with the edits, and a file is replaced as a whole or not at all."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from encoded_data_sets import encoded_by_pydicom
from pydicom import dcmread
from pydicom.data.data_manager import DATA_ROOT
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from fastdicom import EncodedDataset
from fastdicom._version import IMPLEMENTATION_CLASS_UID

CT = Path(DATA_ROOT) / "test_files" / "CT_small.dcm"


def test_a_file_that_was_opened_keeps_its_meta(tmp_path: Path) -> None:
    path = tmp_path / "edited.dcm"
    with EncodedDataset.open(CT) as ours:
        ours["SOPInstanceUID"] = "1.2.3.4"
        ours["PatientID"] = "edited"
        ours.write(path)
        expected = ours.to_bytes()
    theirs = dcmread(path)
    theirs.PatientID = theirs.PatientID
    assert theirs.file_meta.MediaStorageSOPInstanceUID == theirs.SOPInstanceUID == "1.2.3.4"
    assert theirs.PatientID == "edited"
    before = dcmread(CT).file_meta
    for keyword in ("MediaStorageSOPClassUID", "TransferSyntaxUID", "ImplementationClassUID"):
        assert theirs.file_meta[keyword] == before[keyword]
    content = path.read_bytes()
    length = int.from_bytes(content[140:144], "little")
    assert content[144 + length :] == expected
    assert os.listdir(tmp_path) == ["edited.dcm"]


def test_a_data_set_without_meta_gets_one() -> None:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.PatientID = CTImageStorage, "1.2.3", "A"
    file = io.BytesIO()
    encoded = encoded_by_pydicom(dataset, (True, False))
    EncodedDataset(encoded, ImplicitVRLittleEndian).write(file)
    theirs = dcmread(io.BytesIO(file.getvalue()))
    assert theirs.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert theirs.file_meta.MediaStorageSOPClassUID == CTImageStorage
    assert theirs.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert theirs.PatientID == "A"
    with pytest.raises(ValueError, match="SOPClassUID is missing"):
        EncodedDataset(b"", ExplicitVRLittleEndian).write(io.BytesIO())


def test_a_file_that_cannot_be_written_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.dcm"
    path.write_bytes(b"as it was")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with EncodedDataset.open(CT) as ours, pytest.raises(OSError, match="No space"):
        ours.write(path)
    assert path.read_bytes() == b"as it was"
    assert os.listdir(tmp_path) == ["file.dcm"]


def test_a_file_over_itself(tmp_path: Path) -> None:
    path = tmp_path / "file.dcm"
    path.write_bytes(CT.read_bytes())
    with EncodedDataset.open(path) as ours:
        assert ours.pop("PatientID") == dcmread(CT).PatientID
        assert ours.pop("PatientID", None) is None
        with pytest.raises(KeyError):
            ours.pop("PatientID")
        ours.write(path)
    assert "PatientID" not in dcmread(path)
