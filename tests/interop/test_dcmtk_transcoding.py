"""Transcoded data sets mean to DCMTK what it makes of the originals itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from peers import require_dcmtk, run_dcmtk
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from storage_files import all_paths

from fastdicom.encoded.dataset import EncodedDataset
from fastdicom.encoded.transcoding import UNCOMPRESSED, transcode
from fastdicom.errors import EncodedDatasetError

SWITCHES = {ImplicitVRLittleEndian: "+ti", ExplicitVRLittleEndian: "+te", ExplicitVRBigEndian: "+tb"}
LONGEST = 20_000
BROKEN = {"rtplan_truncated.dcm", "MR_truncated.dcm", "DICOMDIR-nooffset"}


def files() -> list[Path]:
    """Return small files that have no compressed pixel data."""
    found = []
    for path in all_paths():
        if path.is_file() and path.stat().st_size < LONGEST and path.name not in BROKEN:
            try:
                syntax = EncodedDataset.open(path).transfer_syntax
            except EncodedDatasetError:
                continue  # some files are of other kinds
            found += [path] if syntax in UNCOMPRESSED else []
    return found[::3]


def save(path: Path, encoded: EncodedDataset) -> Path:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = encoded.transfer_syntax
    file = DicomBytesIO()
    write_file_meta_info(file, meta, enforce_standard=False)
    path.write_bytes(b"\0" * 128 + b"DICM" + file.getvalue() + b"".join(encoded.buffers()))
    return path


def as_dcmtk_reads_it(path: Path) -> bytes:
    """Return the data set in explicit VR little endian, without lengths of sequences and groups.

    And without private elements: what is UN of them becomes what pydicom's private dictionary says, and DCMTK
    has none.
    """
    result = run_dcmtk("dcmconv", "-q", "+te", "-e", "-g", "-p", path, path.with_suffix(".little"))
    assert result.returncode == 0, result.stdout
    opened = EncodedDataset.open(path.with_suffix(".little"))
    opened.remove_private()
    return opened.to_bytes()


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_as_dcmconv_transcodes_it(path: Path, tmp_path: Path) -> None:
    require_dcmtk("dcmconv")
    encoded = EncodedDataset.open(path)
    for syntax, switch in SWITCHES.items():
        ours = save(tmp_path / "ours.dcm", transcode(encoded, syntax))
        theirs = tmp_path / "theirs.dcm"
        result = run_dcmtk("dcmconv", "-q", switch, "-e", path, theirs)
        assert result.returncode == 0, result.stdout
        assert as_dcmtk_reads_it(ours) == as_dcmtk_reads_it(theirs)
