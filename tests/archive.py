"""A small archive for the tests of query and retrieval: who is in it, its files, and a plain search.

The search knows exact values, lists of UIDs and a `*` in the end only, on purpose: it is what the peers are
compared with, and not the part of the library that matches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage

LEVELS = ("PATIENT", "STUDY", "SERIES", "IMAGE")
UNIQUE_KEYS = dict(
    zip(LEVELS, ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"), strict=True)
)
ROOT = "1.2.3.7"


@dataclass(frozen=True)
class Instance:
    """One instance of the archive."""

    patient_id: str
    patient_name: str
    study: str
    series: str
    uid: str
    sop_class: str
    modality: str
    number: int

    def key(self, level: str) -> str:
        """Return its unique key at a level."""
        return (self.patient_id, self.study, self.series, self.uid)[LEVELS.index(level)]


def _instances() -> Iterator[Instance]:
    # Patient, study, series, SOP class, how many.
    for patient, name, study, series, sop_class, count in (
        ("P1", "CITIZEN^Jan", 1, 1, CTImageStorage, 3),
        ("P1", "CITIZEN^Jan", 1, 2, MRImageStorage, 2),
        ("P1", "CITIZEN^Jan", 2, 1, CTImageStorage, 1),
        ("P2", "DOE^John", 3, 1, CTImageStorage, 1),
    ):
        for number in range(1, count + 1):
            uids = f"{ROOT}.{study}", f"{ROOT}.{study}.{series}", f"{ROOT}.{study}.{series}.{number}"
            modality = "CT" if sop_class == CTImageStorage else "MR"
            yield Instance(patient, name, *uids, sop_class, modality, number)


INSTANCES = tuple(_instances())


def unique(instances: Iterator[Instance] | list[Instance], level: str) -> list[str]:
    """Return the unique keys of some instances at a level, each once, sorted."""
    return sorted({instance.key(level) for instance in instances})


@cache
def _pixels() -> tuple[int, int, bytes]:
    pixels = dcmread(str(get_testdata_file("CT_small.dcm"))).pixel_array
    return *pixels.shape, (pixels.astype("<u2") & 0x0FFF).tobytes()  # 12 bits, as a printer takes them


def data_set(instance: Instance) -> Dataset:
    """Return an instance as a data set with its file meta information."""
    dataset = Dataset()
    dataset.Rows, dataset.Columns, dataset.PixelData = _pixels()
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.SOPClassUID = instance.sop_class
    dataset.SOPInstanceUID = instance.uid
    dataset.StudyDate = "20240229"
    dataset.StudyTime = "101500"
    dataset.AccessionNumber = "A1"
    dataset.Modality = instance.modality
    dataset.StudyDescription = "study"
    dataset.PatientName = instance.patient_name
    dataset.PatientID = instance.patient_id
    dataset.PatientBirthDate = "19700101"
    dataset.PatientSex = "O"
    dataset.StudyID = "1"
    dataset.SeriesNumber = int(instance.series.rsplit(".", 1)[1])
    dataset.InstanceNumber = instance.number
    dataset.StudyInstanceUID = instance.study
    dataset.SeriesInstanceUID = instance.series
    dataset.ensure_file_meta()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def write(directory: Path) -> dict[str, Path]:
    """Write the archive's files; return them by SOP Instance UID."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = {}
    for instance in INSTANCES:
        paths[instance.uid] = directory / f"{instance.uid}.dcm"
        data_set(instance).save_as(paths[instance.uid], enforce_file_format=True)
    return paths


def _is_match(value: Any, wanted: Any) -> bool:
    if wanted is None or not str(wanted):
        return True
    if isinstance(wanted, (list, tuple)) or hasattr(wanted, "append"):
        return str(value) in map(str, wanted)
    if str(wanted).endswith("*"):
        return str(value).startswith(str(wanted)[:-1])
    return str(value) == str(wanted)


def select(identifier: Dataset) -> list[Instance]:
    """Return the instances that an identifier selects by its unique keys, and the patient's name."""
    return [
        instance
        for instance in INSTANCES
        if all(_is_match(instance.key(level), identifier.get(UNIQUE_KEYS[level])) for level in LEVELS)
        and _is_match(instance.patient_name, identifier.get("PatientName"))
    ]


def find(identifier: Dataset) -> Iterator[Dataset]:
    """Yield the identifiers of the answers to a C-FIND."""
    level = identifier.QueryRetrieveLevel
    seen = set()
    for instance in select(identifier):
        if instance.key(level) in seen:
            continue
        seen.add(instance.key(level))
        whole = data_set(instance)
        answer = Dataset()
        for element in identifier:
            setattr(answer, element.keyword, whole.get(element.keyword) or "")
        answer.QueryRetrieveLevel = level
        yield answer


def query(level: str, **keys: Any) -> Dataset:
    """Return an identifier with its level, the unique key of it empty unless given, and more keys."""
    identifier = Dataset()
    identifier.QueryRetrieveLevel = level
    setattr(identifier, UNIQUE_KEYS[level], "")
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    return identifier
