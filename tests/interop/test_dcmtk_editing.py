"""Edited data sets are to DCMTK what pydicom makes of the same edits, by parsing, editing and writing."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import pytest
from peers import require_dcmtk, run_dcmtk
from pydicom import config, dcmread
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from storage_files import all_paths

from fastdicom import EncodedDataset
from fastdicom.errors import EncodedDatasetError

LONGEST = 60_000
# Cut off, or not in the transfer syntax that they say; one has empty elements in UN, whose VR pydicom writes.
BROKEN = {
    "rtplan_truncated.dcm",
    "MR_truncated.dcm",
    "SC_rgb_jpeg.dcm",
    "DICOMDIR-nooffset",
    "rtdose_rle_1frame.dcm",
}
WIDE = ("ISO_IR 100", "ISO_IR 192")
ROOT = "1.2.840.10008."
ITEM = {"ReferencedSOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "ReferencedSOPInstanceUID": "1.2.3.4.5"}
SEQUENCES = ("ReferencedImageSequence", "ReferencedStudySequence", "OtherPatientIDsSequence")


def files() -> list[Path]:
    """Return small files that are not broken: more than a third of them."""
    found = []
    for path in all_paths():
        if path.stat().st_size < LONGEST and path.name not in BROKEN:
            try:
                len(EncodedDataset.open(path))
            except EncodedDatasetError:
                continue  # some files are of other kinds
            found.append(path)
    return found[::2]


def texts(character_set: object) -> dict[str, str | None]:
    """What is set, by keyword; the longest of them has a length that changes by much."""
    return {
        "PatientName": "Müller^Édith" if character_set in WIDE else "Mueller^Edith",
        "PatientID": "E",
        "AccessionNumber": None,
        "PatientComments": "edited " * 50,
        "StudyDate": "20260101",
        "PatientBirthName": "",
    }


def another(uid: str) -> str:
    return f"2.25.{int(sha256(uid.encode()).hexdigest()[:20], 16)}"


def edited_by_us(path: Path, target: Path) -> EncodedDataset:
    encoded = EncodedDataset.open(path)
    for keyword in ("SOPClassUID", "SOPInstanceUID"):
        if keyword not in encoded:
            encoded[keyword] = "1.2.3"
    for keyword, text in texts(encoded.get("SpecificCharacterSet")).items():
        encoded[keyword] = text
    for keyword in ("StudyDescription", "SeriesDate"):
        encoded.pop(keyword, None)
    for keyword in SEQUENCES:
        if keyword not in encoded:
            encoded[keyword] = []
        encoded[keyword].insert(0, ITEM)
        encoded[keyword].insert(0, {"PatientID": "the first one"})
        encoded[keyword, -1, "PatientComments"] = "the last one"
    encoded.remove_private()
    encoded.remap_uids(another)
    encoded.remove("....0000")  # pydicom writes no group lengths
    encoded.write(target)
    return encoded


def edited_by_pydicom(path: Path, target: Path) -> None:
    dataset = dcmread(path, force=True)
    syntax = EncodedDataset.open(path).transfer_syntax
    for keyword in ("SOPClassUID", "SOPInstanceUID"):
        if keyword not in dataset:
            setattr(dataset, keyword, "1.2.3")
    for keyword, text in texts(dataset.get("SpecificCharacterSet")).items():
        setattr(dataset, keyword, text)
    for keyword in ("StudyDescription", "SeriesDate"):
        dataset.pop(keyword, None)
    for keyword in SEQUENCES:
        if keyword not in dataset:
            setattr(dataset, keyword, Sequence())
        item = Dataset()
        item.update(ITEM)
        first = Dataset()
        first.PatientID = "the first one"
        dataset[keyword].value[:0] = [first, item]
        dataset[keyword].value[-1].PatientComments = "the last one"
    remap_without_private(dataset)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.preamble = bytes(128)
    dataset.save_as(target, enforce_file_format=False)


def remap_without_private(dataset: Dataset) -> None:
    """Delete private elements, and replace UIDs but for those that the standard defines.

    `Dataset.walk` would decode all elements, and some would be encoded otherwise than they were.
    """
    for tag in list(dataset.keys()):
        raw = dataset.get_item(tag)
        vr = raw.VR or (dictionary_VR(tag) if dictionary_has_tag(tag) else "UN")
        if tag.is_private:
            del dataset[tag]
        elif vr == "SQ":
            for item in dataset[tag].value:
                remap_without_private(item)
        elif vr == "UI" and (value := dataset[tag].value):
            uids = [value] if isinstance(value, str) else value
            if any(may_be_another(uid) for uid in uids):
                dataset[tag].value = [another(uid) if may_be_another(uid) else uid for uid in uids]


def may_be_another(uid: str) -> bool:
    return bool(uid) and not uid.startswith(ROOT)


def dumped(path: Path) -> tuple[str, set[str]]:
    """Return what dcmdump has to say of the data set in a file, and its complaints."""
    result = run_dcmtk("dcmdump", "+L", "+fo", path)
    complaints = set(re.findall(r"^[WEF]: .*$", result.stdout, re.MULTILINE))
    assert result.returncode == 0, result.stdout[-1000:]
    # Where the items of a DICOMDIR stand in the file depends on its File Meta Information.
    contents = result.stdout.partition("# Dicom-Data-Set\n")[2]
    return re.sub(r"  #  offset=\$\d+", "", contents), complaints


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_as_pydicom_edits_it(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_dcmtk("dcmdump")
    monkeypatch.setattr(config.settings, "_writing_validation_mode", config.IGNORE)
    encoded = edited_by_us(path, tmp_path / "ours.dcm")
    edited_by_pydicom(path, tmp_path / "theirs.dcm")
    ours, complaints = dumped(tmp_path / "ours.dcm")
    theirs, _ = dumped(tmp_path / "theirs.dcm")
    assert ours.count("\n") > len(encoded)
    different = [
        pair for pair in zip(ours.splitlines(), theirs.splitlines(), strict=False) if len(set(pair)) > 1
    ]
    assert not different[:3] and len(ours) == len(theirs)
    assert not complaints or complaints <= dumped(path)[1]


def test_there_are_files_enough() -> None:
    assert len(files()) > 80
