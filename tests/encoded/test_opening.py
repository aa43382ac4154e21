"""Opening files: whatever stands in front of the data set, and whatever is no DICOM file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from fastdicom import EncodedDataset
from fastdicom.encoded import opening
from fastdicom.errors import EncodedDatasetError

CT = Path(str(get_testdata_file("CT_small.dcm")))
META_END = 336  # 128 bytes of preamble, DICM, 12 bytes of group length, and 192 bytes

EXPLICIT = bytes.fromhex("0800 1600 5549 0200") + b"1\0"
IMPLICIT = bytes.fromhex("0800 1600 02000000") + b"1\0"
BIG_ENDIAN = bytes.fromhex("0008 0016 5549 0002") + b"1\0"


def test_a_file_and_its_bytes_are_the_same_data_set() -> None:
    with EncodedDataset.open(CT) as opened, EncodedDataset.open(str(CT)) as by_name:
        in_memory = EncodedDataset.open(CT.read_bytes())
        assert bytes(opened) == bytes(by_name) == bytes(in_memory) == CT.read_bytes()[META_END:]
        assert opened.transfer_syntax == ExplicitVRLittleEndian
        assert opened["PatientID"] == "1CT1"


def test_file_meta_information_is_a_data_set() -> None:
    meta = EncodedDataset.open(CT).file_meta
    assert meta is not None
    assert meta["MediaStorageSOPInstanceUID"] == dcmread(CT).file_meta.MediaStorageSOPInstanceUID
    assert len(meta) == 8


def test_without_a_preamble() -> None:
    opened = EncodedDataset.open(CT.read_bytes()[132:])
    assert bytes(opened) == CT.read_bytes()[META_END:]
    assert opened.file_meta is not None


@pytest.mark.parametrize(
    ("encoded", "transfer_syntax"),
    [
        (EXPLICIT, ExplicitVRLittleEndian),
        (IMPLICIT, ImplicitVRLittleEndian),
        (BIG_ENDIAN, ExplicitVRBigEndian),
    ],
)
@pytest.mark.parametrize("front", [b"", bytes(128) + b"DICM"])
def test_without_file_meta_information(front: bytes, encoded: bytes, transfer_syntax: str) -> None:
    opened = EncodedDataset.open(front + encoded)
    assert opened.transfer_syntax == transfer_syntax
    assert opened["SOPClassUID"] == "1"
    assert opened.file_meta is None


def test_file_meta_information_without_a_transfer_syntax() -> None:
    meta = bytes.fromhex("0200 0200 5549 0200") + b"1\0"
    assert EncodedDataset.open(bytes(128) + b"DICM" + meta + BIG_ENDIAN)["SOPClassUID"] == "1"


def test_file_meta_information_in_implicit_vr() -> None:
    meta = bytes.fromhex("0200 1000 14000000") + b"1.2.840.10008.1.2.1\0"
    opened = EncodedDataset.open(bytes(128) + b"DICM" + meta + EXPLICIT)
    assert opened.transfer_syntax == ExplicitVRLittleEndian
    assert opened["SOPClassUID"] == "1"
    assert opened.file_meta is not None
    assert opened.file_meta["TransferSyntaxUID"] == ExplicitVRLittleEndian


def test_a_file_that_ends_with_its_file_meta_information() -> None:
    assert len(EncodedDataset.open(CT.read_bytes()[:META_END])) == 0


@pytest.mark.parametrize(
    "content", [b"", b"\x08", bytes(1000), b"%PDF-1.7 and so on", b"\x89PNG\r\n\x1a\n" * 40]
)
def test_what_is_no_dicom_file(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(
        EncodedDatasetError, match=r"file is not a DICOM file: there is no DICM at offset 128"
    ):
        EncodedDataset.open(file)


def test_a_broken_front(tmp_path: Path) -> None:
    with pytest.raises(EncodedDatasetError, match="DICM prefix: it goes on with 7b 7b"):
        EncodedDataset.open(bytes(128) + b"DICM{{{{{{{{{{")
    with pytest.raises(EncodedDatasetError, match="File Meta Information: at offset") as caught:
        EncodedDataset.open(CT.read_bytes()[: META_END - 5])
    assert caught.value.offset == 132
    with pytest.raises(FileNotFoundError):
        EncodedDataset.open(tmp_path / "missing")


@pytest.fixture
def long_file(tmp_path: Path) -> Path:
    """A file of more than 4 MiB."""
    file = tmp_path / "long.dcm"
    pixels = bytes.fromhex("E07F1000 4F57 0000") + (6 << 20).to_bytes(4, "little")
    file.write_bytes(CT.read_bytes()[:META_END] + EXPLICIT + pixels + bytes(6 << 20))
    return file


def test_a_long_file_is_mapped(long_file: Path) -> None:
    with EncodedDataset.open(long_file) as opened:
        assert len(opened["PixelData"]) == opened.array("PixelData").nbytes == 6 << 20
        assert opened["SOPClassUID"] == "1"


def test_a_mapped_file_that_is_shortened_is_an_error_and_not_the_end(long_file: Path) -> None:
    opened = EncodedDataset.open(long_file)
    assert len(opened) == 2
    os.truncate(long_file, 1000)
    message = f"long.dcm has been shortened while it was open: from {(6 << 20) + META_END + 22} to 1000 bytes"
    for read in (
        lambda: opened["PixelData"],
        lambda: opened.get("SOPClassUID"),
        lambda: opened.raw("PixelData"),
        lambda: opened.array("PixelData"),
        lambda: opened.vr("PixelData"),
        opened.to_pydicom,
        opened.to_bytes,
        opened.buffers,
    ):
        with pytest.raises(EncodedDatasetError, match=message):
            read()


def test_a_mapped_file_may_be_replaced_or_deleted(long_file: Path) -> None:
    opened = EncodedDataset.open(long_file)
    long_file.unlink()
    assert len(opened["PixelData"]) == 6 << 20


def test_closing_lets_go_of_the_file(long_file: Path) -> None:
    with EncodedDataset.open(long_file) as opened:
        view = opened.raw("PixelData")
        file = opened._file
    assert len(opened) == 0
    assert file is not None
    with pytest.raises(BufferError):
        file.pages.close()
    view.release()
    file.pages.close()


SPARSE = """
import resource, sys
from fastdicom import EncodedDataset
EncodedDataset.open(sys.argv[2])["PatientName"]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with EncodedDataset.open(sys.argv[1], stop_tag=int(sys.argv[3])) as opened:
    assert opened["SOPClassUID"] == "1"
    assert ("PixelData" in opened) == (sys.argv[3] == "0")
    opened["PatientName"] = "Doe^Jane"
    assert sum(map(len, opened.buffers())) > 2 << 30
    repr(opened)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs the resource module and sparse files")
@pytest.mark.parametrize("stop_tag", [0, 0x7FE00010])
def test_two_gigabytes_cost_what_their_header_costs(tmp_path: Path, stop_tag: int) -> None:
    file = tmp_path / "sparse.dcm"
    length = (2 << 30) + 1000
    front = CT.read_bytes()[:META_END] + EXPLICIT
    pixels = bytes.fromhex("E07F1000 4F57 0000") + length.to_bytes(4, "little")
    file.write_bytes(front + pixels)
    os.truncate(file, len(front) + len(pixels) + length)
    command = [sys.executable, "-c", SPARSE, str(file), str(CT), str(stop_tag)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(result.stdout) < 8 << 10  # in KiB


def test_the_limit_of_reading_and_mapping() -> None:
    assert opening.READ_AT_MOST == 4 << 20
    assert isinstance(opening.read_file(CT), bytes)
