"""Datasets in one line, and a few hundred records to query."""

from __future__ import annotations

import warnings
from random import Random
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import UID, ImplicitVRLittleEndian

from fastdicom.data_sets import decode_dataset, encode_dataset

PATIENT_ROOT = UID("1.2.840.10008.5.1.4.1.2.1.1")
STUDY_ROOT = UID("1.2.840.10008.5.1.4.1.2.2.1")
WORKLIST = UID("1.2.840.10008.5.1.4.31")

NAMES = [
    "Doe^Jane",
    "DOE^JANE^^Dr",
    "Doe",
    "Müller^Jörg",
    "Mu\u0308ller^J\u00f6rg",
    "O'Brien^100%_!",
    "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "Иванов^Иван",
    "a^b=c^d",
    "",
]


def ds(**values: Any) -> Dataset:
    """Return a Dataset of keywords and values; a list of Datasets is a sequence."""
    dataset = Dataset()
    with warnings.catch_warnings():  # keys are often no values of their VR
        warnings.simplefilter("ignore")
        for keyword, value in values.items():
            setattr(dataset, keyword, value)
    return dataset


def sent(dataset: Dataset) -> Dataset:
    """Return a Dataset as it comes from a peer: encoded, and not decoded yet."""
    return decode_dataset(encode_dataset(dataset, ImplicitVRLittleEndian), ImplicitVRLittleEndian)


def studies(count: int) -> list[Dataset]:
    """Return studies, the same ones each time, with every way in which a value may be odd or missing."""
    random = Random(4)
    return [_study(number, random) for number in range(count)]


def _study(number: int, random: Random) -> Dataset:
    study = ds(
        SpecificCharacterSet="ISO_IR 192",
        StudyInstanceUID=f"1.2.3.{number}",
        PatientName=random.choice(NAMES),
        PatientID=random.choice(["", "1", "12", "A*1", "a1", "%", "_"]),
        StudyDate=random.choice(
            ["", *(f"2020{month:02}{day:02}" for month in (1, 2, 12) for day in (1, 15, 28))]
        ),
        StudyTime=random.choice(["", "10", "1030", "103000", "235959.999999", "000000.5"]),
        AccessionNumber=random.choice(["", "ACC1", "ACC10", "acc1", "A_C", "A%C", "A!C"]),
        ModalitiesInStudy=random.choice([[], ["CT"], ["CT", "PT"], ["MR"], ["XCT"]]),
        StudyID=random.choice(["", "1", "2"]),
        PatientSex=random.choice(["", "M", "F", "O"]),
    )
    if random.random() < 0.2:
        del study[random.choice(["PatientName", "StudyDate", "StudyTime", "PatientSex", "AccessionNumber"])]
    if random.random() < 0.3:
        study.TimezoneOffsetFromUTC = random.choice(["+0200", "-0500", "+0000"])
    return study
