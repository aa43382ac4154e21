"""Files and data sets that cannot be sent: the error says why, and the association lives on unharmed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRLittleEndian
from servers import associate, serving, store_ae
from storage_files import storage_files

from fastdicom import AE, Association, build_context, evt
from fastdicom.data_sets import encode_dataset
from fastdicom.sop_class import CTImageStorage, MRImageStorage, Verification

EXPLICIT = "1.2.840.10008.1.2.1"


@pytest.fixture
def ct_path() -> Path:
    return Path(str(get_testdata_file("CT_small.dcm", download=False)))


@contextmanager
def established() -> Iterator[tuple[Association, list[bytes]]]:
    """An association on which CT images in Explicit VR Little Endian can be stored; what came."""
    arrived: list[bytes] = []

    def keep(event: evt.StoreEvent) -> int:
        arrived.append(bytes(event.encoded))
        return 0x0000

    contexts = [build_context(CTImageStorage, EXPLICIT), build_context(Verification)]
    with (
        serving(store_ae({CTImageStorage}), [(evt.EVT_C_STORE, keep)]) as server,
        associate(AE(), server, contexts=contexts) as association,
    ):
        yield association, arrived


def assert_unharmed(association: Association, arrived: list[bytes], ct_path: Path) -> None:
    """Nothing came, and what can be sent is sent."""
    assert arrived == []
    assert association.is_established
    assert association.send_c_echo().Status == 0x0000
    assert association.send_c_store(ct_path).Status == 0x0000
    assert len(arrived) == 1


@contextmanager
def refused(error: type[Exception], *said: object) -> Iterator[None]:
    with pytest.raises(error) as caught:
        yield
    for each in said:
        assert str(each) in str(caught.value)


def test_a_missing_file(ct_path: Path, tmp_path: Path) -> None:
    with established() as (association, arrived):
        path = tmp_path / "missing.dcm"
        with refused(FileNotFoundError, path):
            association.send_c_store(path)
        assert_unharmed(association, arrived, ct_path)


def test_a_directory(ct_path: Path, tmp_path: Path) -> None:
    with established() as (association, arrived):
        with refused(OSError):
            association.send_c_store(tmp_path)
        assert_unharmed(association, arrived, ct_path)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="nothing is unreadable to root")
def test_an_unreadable_file(ct_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "unreadable.dcm"
    path.write_bytes(ct_path.read_bytes())
    path.chmod(0)
    with established() as (association, arrived):
        with refused(PermissionError, path):
            association.send_c_store(path)
        assert_unharmed(association, arrived, ct_path)


def test_a_file_that_disappears(ct_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "ct.dcm"
    path.write_bytes(ct_path.read_bytes())
    with established() as (association, arrived):
        assert association.send_c_store(path).Status == 0x0000
        path.unlink()
        with refused(FileNotFoundError, path):
            association.send_c_store(path)
        arrived.clear()
        assert_unharmed(association, arrived, ct_path)


NOT_DICOM = {
    "empty": b"",
    "text": b"This is not DICOM.\n" * 100,
    "short": b"DICM",
    "preamble only": bytes(128),
    "prefix only": bytes(128) + b"DICM",
    "prefix and noise": bytes(128) + b"DICM" + bytes(range(256)),
}


@pytest.mark.parametrize("kind", NOT_DICOM)
def test_a_file_that_is_not_dicom(kind: str, ct_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "something.dcm"
    path.write_bytes(NOT_DICOM[kind])
    with established() as (association, arrived):
        with refused(ValueError, path):
            association.send_c_store(path)
        assert_unharmed(association, arrived, ct_path)


@pytest.mark.parametrize("length", [133, 150, 250, 335])
def test_a_file_that_ends_in_its_meta_information(length: int, ct_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.dcm"
    path.write_bytes(ct_path.read_bytes()[:length])
    with established() as (association, arrived):
        with refused(ValueError, path):
            association.send_c_store(path)
        assert_unharmed(association, arrived, ct_path)


def test_a_file_that_ends_in_its_data_set(ct_path: Path, tmp_path: Path) -> None:
    """Its bytes are not looked into: what there is, is sent."""
    (ct,) = [file for file in storage_files() if file.path == ct_path]
    path = tmp_path / "cut.dcm"
    path.write_bytes(ct_path.read_bytes()[:20000])
    with established() as (association, arrived):
        assert association.send_c_store(path).Status == 0x0000
        assert arrived == [ct.data_set[: 20000 - ct.data_set_offset]]


def test_a_sop_class_that_was_not_accepted(ct_path: Path) -> None:
    mr_path = get_testdata_file("MR_small.dcm", download=False)
    with established() as (association, arrived):
        with refused(ValueError, "MR Image Storage", MRImageStorage, "Explicit VR Little Endian", EXPLICIT):
            association.send_c_store(mr_path)
        assert_unharmed(association, arrived, ct_path)


def test_a_transfer_syntax_that_was_not_accepted(ct_path: Path) -> None:
    jpeg_2000 = next(
        file
        for file in storage_files()
        if (file.sop_class_uid, file.transfer_syntax) == (CTImageStorage, J2K)
    )
    with established() as (association, arrived):
        with refused(
            ValueError, "CT Image Storage", "JPEG 2000", J2K, "accepted", "Explicit VR Little Endian"
        ):
            association.send_c_store(jpeg_2000.path)
        assert_unharmed(association, arrived, ct_path)


J2K = "1.2.840.10008.1.2.4.91"


@pytest.mark.parametrize("nonsense", [None, 5, 1.5, object(), ["a"]])
def test_what_is_no_data_set(nonsense: Any, ct_path: Path) -> None:
    with established() as (association, arrived):
        with refused(TypeError, type(nonsense).__name__):
            association.send_c_store(nonsense)
        assert_unharmed(association, arrived, ct_path)


@pytest.mark.parametrize(
    ("keyword", "said"),
    [("SOPClassUID", "SOP Class UID"), ("SOPInstanceUID", "SOP Instance UID")],
)
def test_a_dataset_without_a_uid(keyword: str, said: str, ct_path: Path) -> None:
    dataset = dcmread(ct_path)
    delattr(dataset, keyword)
    with established() as (association, arrived):
        with refused(AttributeError, said):
            association.send_c_store(dataset)
        assert_unharmed(association, arrived, ct_path)


def test_a_dataset_of_which_nothing_says_the_transfer_syntax(ct_path: Path) -> None:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, "1.2.3"
    with established() as (association, arrived):
        with refused(AttributeError, "TransferSyntaxUID"):
            association.send_c_store(dataset)
        assert_unharmed(association, arrived, ct_path)


def test_a_buffer_without_its_transfer_syntax(ct_path: Path) -> None:
    (ct,) = [file for file in storage_files() if file.path == ct_path]
    with established() as (association, arrived):
        with refused(ValueError, "transfer_syntax"):
            association.send_c_store(ct.data_set)
        assert_unharmed(association, arrived, ct_path)


@pytest.mark.parametrize("element", ["SOPClassUID", "SOPInstanceUID"])
def test_a_buffer_without_a_uid(element: str, ct_path: Path) -> None:
    dataset = dcmread(ct_path)
    delattr(dataset, element)
    encoded = encode_dataset(dataset, ExplicitVRLittleEndian)
    with established() as (association, arrived):
        with refused(ValueError, "has no"):
            association.send_c_store(encoded, transfer_syntax=EXPLICIT)
        assert_unharmed(association, arrived, ct_path)
