"""What an identifier must and must not have, by information model, and how large it may be (immunity Q1)."""

from __future__ import annotations

import os
from io import BytesIO
from struct import pack
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import Tag
from query_records import PATIENT_ROOT, STUDY_ROOT, WORKLIST, ds, sent

from fastdicom import _sop_classes as sop
from fastdicom import sop_class
from fastdicom.query import MODELS, Limits, Matcher, Options, check

RELATIONAL = Options(relational=True)
STUDY_ROOT_MOVE = sop.StudyRootQueryRetrieveInformationModelMove
PATIENT_ROOT_GET = sop.PatientRootQueryRetrieveInformationModelGet
HANGING_PROTOCOL_MOVE = sop.HangingProtocolInformationModelMove
FRAMES = sop.CompositeInstanceRootRetrieveGet
RELEVANT = sop.GeneralRelevantPatientInformationQuery
PATIENT_STUDY_ONLY = sop.PatientStudyOnlyQueryRetrieveInformationModelFind

AT_SERIES = {
    "QueryRetrieveLevel": "SERIES",
    "PatientID": "1",
    "StudyInstanceUID": "1.2",
    "SeriesInstanceUID": "",
}
TEMPLATE = [ds(TemplateIdentifier="9007", MappingResource="DCMR")]

RIGHT: list[tuple[str, dict[str, Any], Options]] = [
    (PATIENT_ROOT, {"QueryRetrieveLevel": "PATIENT", "PatientID": "", "PatientName": "*"}, Options()),
    (
        PATIENT_ROOT,
        {"QueryRetrieveLevel": "STUDY", "PatientID": "1", "StudyInstanceUID": ["1", "2"]},
        Options(),
    ),
    (PATIENT_ROOT, {**AT_SERIES, "Modality": "CT"}, Options()),
    (STUDY_ROOT, {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "", "PatientName": "A*"}, Options()),
    # an empty key of a higher level matches everything
    (STUDY_ROOT, {**AT_SERIES, "PatientID": "", "PatientName": ""}, Options()),
    # relational: any key at any level
    (
        PATIENT_ROOT,
        {"QueryRetrieveLevel": "SERIES", "SeriesInstanceUID": "", "PatientName": "A*"},
        RELATIONAL,
    ),
    (STUDY_ROOT, {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "", "Modality": "CT"}, RELATIONAL),
    (PATIENT_STUDY_ONLY, {"QueryRetrieveLevel": "PATIENT", "PatientID": ""}, Options()),
    (STUDY_ROOT_MOVE, {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": ["1.2", "1.3"]}, Options()),
    (STUDY_ROOT_MOVE, {"QueryRetrieveLevel": "SERIES", "SeriesInstanceUID": "1"}, RELATIONAL),
    (PATIENT_ROOT_GET, {"QueryRetrieveLevel": "PATIENT", "PatientID": "1"}, Options()),
    (FRAMES, {"QueryRetrieveLevel": "IMAGE", "SOPInstanceUID": ["1", "2"]}, Options()),
    (FRAMES, {"QueryRetrieveLevel": "FRAME", "SOPInstanceUID": "1", "SimpleFrameList": [1, 2]}, Options()),
    (HANGING_PROTOCOL_MOVE, {"SOPInstanceUID": ["1.2", "1.3"]}, Options()),
    (WORKLIST, {"PatientName": ""}, Options()),
    (RELEVANT, {"PatientID": "1", "ContentTemplateSequence": TEMPLATE}, Options()),
]

# model, identifier, options, status, offending elements
WRONG: list[tuple[str, dict[str, Any], Options, int, list[str]]] = [
    (PATIENT_ROOT, {}, Options(), 0xA900, ["QueryRetrieveLevel"]),
    (WORKLIST, {}, Options(), 0xA900, []),
    (WORKLIST, {"SpecificCharacterSet": "ISO_IR 100"}, Options(), 0xA900, []),
    (STUDY_ROOT, {"PatientName": "A*"}, Options(), 0xA900, ["QueryRetrieveLevel"]),
    (STUDY_ROOT, {"PatientName": "A", "QueryRetrieveLevel": ""}, Options(), 0xA900, ["QueryRetrieveLevel"]),
    (
        STUDY_ROOT,
        {"PatientID": "1", "QueryRetrieveLevel": "PATIENT"},
        Options(),
        0xA900,
        ["QueryRetrieveLevel"],
    ),
    (
        STUDY_ROOT,
        {"PatientID": "1", "QueryRetrieveLevel": ["STUDY", "SERIES"]},
        Options(),
        0xA900,
        ["QueryRetrieveLevel"],
    ),
    (PATIENT_STUDY_ONLY, {**AT_SERIES}, Options(), 0xA900, ["QueryRetrieveLevel"]),
    (
        STUDY_ROOT,
        {"QueryRetrieveLevel": "STUDY", "PatientName": "A*"},
        Options(),
        0xA900,
        ["StudyInstanceUID"],
    ),
    (
        STUDY_ROOT,
        {"QueryRetrieveLevel": "STUDY", "PatientName": "A*"},
        RELATIONAL,
        0xA900,
        ["StudyInstanceUID"],
    ),
    (PATIENT_ROOT, {**AT_SERIES, "PatientID": ""}, Options(), 0xA900, ["PatientID"]),
    (PATIENT_ROOT, {**AT_SERIES, "PatientID": "1*"}, Options(), 0xA900, ["PatientID"]),
    (
        STUDY_ROOT,
        {**AT_SERIES, "PatientID": "", "StudyInstanceUID": ["1", "2"]},
        Options(),
        0xA900,
        ["StudyInstanceUID"],
    ),
    (PATIENT_ROOT, {**AT_SERIES, "PatientName": "A"}, Options(), 0xA900, ["PatientName"]),
    (STUDY_ROOT, {**AT_SERIES, "PatientID": "1"}, Options(), 0xA900, ["PatientID"]),
    (PATIENT_ROOT, {**AT_SERIES, "SOPInstanceUID": ""}, Options(), 0xA900, ["SOPInstanceUID"]),
    (PATIENT_ROOT, {**AT_SERIES, "InstanceNumber": "1"}, Options(), 0xA900, ["InstanceNumber"]),
    (
        STUDY_ROOT_MOVE,
        {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": ""},
        Options(),
        0xA900,
        ["StudyInstanceUID"],
    ),
    (STUDY_ROOT_MOVE, {"QueryRetrieveLevel": "STUDY"}, Options(), 0xA900, ["StudyInstanceUID"]),
    (
        STUDY_ROOT_MOVE,
        {"QueryRetrieveLevel": "SERIES", "SeriesInstanceUID": "1"},
        Options(),
        0xA900,
        ["StudyInstanceUID"],
    ),
    (
        PATIENT_ROOT_GET,
        {"QueryRetrieveLevel": "PATIENT", "PatientID": "1*"},
        Options(),
        0xA900,
        ["PatientID"],
    ),
    (
        FRAMES,
        {"QueryRetrieveLevel": "FRAME", "SOPInstanceUID": "1"},
        Options(),
        0xA900,
        ["SimpleFrameList", "CalculatedFrameList", "TimeRange"],
    ),
    (HANGING_PROTOCOL_MOVE, {"SOPInstanceUID": ""}, Options(), 0xA900, ["SOPInstanceUID"]),
    (RELEVANT, {"PatientID": "1"}, Options(), 0xA900, ["ContentTemplateSequence"]),
    (
        RELEVANT,
        {"ContentTemplateSequence": [ds(TemplateIdentifier="1")]},
        Options(),
        0xA900,
        ["ContentTemplateSequence", "TemplateIdentifier", "MappingResource"],
    ),
    (
        WORKLIST,
        {"ProcedureCodeSequence": [ds(CodeValue="1"), ds(CodeValue="2")]},
        Options(),
        0xA900,
        ["ProcedureCodeSequence"],
    ),
    # values that are none of their VR
    (WORKLIST, {"PatientBirthDate": "yesterday"}, Options(), 0xC010, ["PatientBirthDate"]),
    (WORKLIST, {"PatientBirthDate": "2020*"}, Options(), 0xC010, ["PatientBirthDate"]),
    (WORKLIST, {"StudyTime": "25-26"}, Options(), 0xC010, ["StudyTime"]),
    (
        WORKLIST,
        {"ScheduledProcedureStepStartDateTime": "-"},
        Options(),
        0xC010,
        ["ScheduledProcedureStepStartDateTime"],
    ),
    (WORKLIST, {"PatientID": "1", "TimezoneOffsetFromUTC": ""}, Options(), 0xC010, ["TimezoneOffsetFromUTC"]),
    (
        WORKLIST,
        {"ScheduledProcedureStepSequence": [ds(ScheduledProcedureStepStartDate="x")]},
        Options(),
        0xC010,
        ["ScheduledProcedureStepStartDate"],
    ),
    # sizes
    (WORKLIST, {"PatientName": "A" * 65_536}, Options(), 0xC011, ["PatientName"]),
    (WORKLIST, {"PatientName": "A" * 1_025}, Options(), 0xC011, ["PatientName"]),
    (WORKLIST, {"PatientComments": "A" * 10_241}, Options(), 0xC011, ["PatientComments"]),
    (WORKLIST, {"PatientComments": "*?" * 65}, Options(), 0xC011, ["PatientComments"]),
    (WORKLIST, {"PatientComments": "*" * 10_000_000}, Options(), 0xC011, ["PatientComments"]),
    (WORKLIST, {"OtherPatientIDs": ["1"] * 101}, Options(), 0xC011, ["OtherPatientIDs"]),
    (WORKLIST, {"StudyInstanceUID": ["1.2"] * 10_001}, Options(), 0xC011, ["StudyInstanceUID"]),
]


@pytest.mark.parametrize(("model", "identifier", "options"), RIGHT, ids=str)
def test_what_is_right(model: str, identifier: dict[str, Any], options: Options) -> None:
    assert check(ds(**identifier), model, options) is None
    assert check(sent(ds(**identifier)), model, options) is None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("model", "identifier", "options", "status", "offending"), WRONG, ids=[str(n) for n in range(len(WRONG))]
)
def test_what_is_wrong(
    model: str, identifier: dict[str, Any], options: Options, status: int, offending: list[str]
) -> None:
    for dataset in (ds(**identifier), sent(ds(**identifier))):
        problem = check(dataset, model, options)
        assert problem is not None
        assert (problem.status, problem.elements) == (status, tuple(map(Tag, offending)))
        answer = problem.dataset()
        assert answer.Status == status
        assert 0 < len(answer.ErrorComment) <= 64
        assert answer.ErrorComment.isascii()
        assert ("OffendingElement" in answer) == bool(offending)


def test_every_sop_class_that_is_queried_or_retrieved_from_has_a_model() -> None:
    assert {uid for uid in sop_uids() if uid not in MODELS} == set()
    with pytest.raises(ValueError, match="no SOP class with an information model"):
        check(Dataset(), sop.Verification)


def sop_uids() -> set[str]:
    """Return the SOP classes whose names say that they are queried or retrieved from."""
    words = (
        "InformationModelFind",
        "InformationModelMove",
        "InformationModelGet",
        "RetrieveMove",
        "RetrieveGet",
    )
    names = [name for name in vars(sop) if any(word in name for word in words)]
    names += ["RepositoryQuery", "InventoryFind", "InventoryMove", "InventoryGet", "SubstanceApprovalQuery"]
    return {str(getattr(sop_class, name)) for name in names}


@pytest.mark.parametrize(
    ("limits", "identifier"),
    [
        (Limits(keys=2), ds(PatientID="1", PatientName="2", PatientSex="M")),
        (Limits(depth=1), ds(ProcedureCodeSequence=[ds(EquivalentCodeSequence=[ds(CodeValue="1")])])),
        (Limits(value_length=2), ds(PatientID="123")),
        (Limits(name_length=2), ds(PatientName="123")),
        (Limits(wildcards=1), ds(PatientID="?*")),
        (Limits(values=1), ds(OtherPatientIDs=["1", "2"])),
        (Limits(uids=1), ds(StudyInstanceUID=["1", "2"])),
    ],
    ids=str,
)
def test_each_limit_but_that_of_encoded_sequences(limits: Limits, identifier: Dataset) -> None:
    assert check(identifier, WORKLIST) is None
    problem = check(identifier, WORKLIST, limits=limits)
    assert problem is not None
    assert problem.status == 0xC011


def element(group: int, number: int, value: bytes) -> bytes:
    """Encode an element in Implicit VR Little Endian."""
    return pack("<HHI", group, number, len(value)) + value


def raw(*elements: bytes) -> Dataset:
    return read_dataset(BytesIO(b"".join(elements)), is_implicit_VR=True, is_little_endian=True)


ITEM = pack("<HHI", 0xFFFE, 0xE000, 0)


def nested(depth: int) -> bytes:
    encoded = b""
    for _ in range(depth):
        encoded = element(0x0008, 0x1032, pack("<HHI", 0xFFFE, 0xE000, len(encoded)) + encoded)
    return encoded


TAGS = [
    *(0x00080005, 0x00080020, 0x00080052, 0x00080201, 0x00081032),
    *(0x00100010, 0x0020000D, 0x00200011, 0x00404005),
]

# What AddressSanitizer makes of a second of Python whose every object is malloc'ed.
SLOWNESS = 5 if "asan" in os.environ.get("LD_PRELOAD", "") else 1

HOSTILE = {
    "10 MB of wild cards": (raw(element(0x0010, 0x0020, b"*?" * 5_000_000)), 0xC011),
    "a name of 64 kB": (raw(element(0x0010, 0x0010, b"A" * 65_536)), 0xC011),
    "a name of 64 kB of delimiters": (raw(element(0x0010, 0x0010, b"^=" * 32_768)), 0xC011),
    "a million empty values": (raw(element(0x0010, 0x1000, b"\\" * 1_000_000)), 0xC011),
    "a million UIDs": (raw(element(0x0020, 0x000D, b"1\\" * 1_000_000)), 0xC011),
    "a million items": (raw(element(0x0008, 0x1032, ITEM * 1_000_000)), 0xC011),
    "thousand items": (raw(element(0x0008, 0x1032, ITEM * 1_000)), 0xA900),
    "20 levels of items": (raw(nested(20)), 0xC011),
    "a sequence that ends early": (raw(element(0x0008, 0x1032, ITEM[:6])), 0xC010),
    "a date that is none": (raw(element(0x0008, 0x0020, b"\xff\xfe\x00 ")), 0xC010),
    "two bytes where there should be four": (raw(element(0x0018, 0x9069, b"\1\2")), 0xC010),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("identifier", "status"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_identifier_gets_its_status_in_no_time(identifier: Dataset, status: int) -> None:
    started = process_time()
    problem = check(identifier, WORKLIST)
    assert problem is not None
    assert problem.status == status
    assert process_time() - started < 0.5 * SLOWNESS


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "identifier",
    [
        ds(PatientName="*a" * 64),
        ds(PatientName="a?*" * 64),
        ds(PatientName=" ".join("abcdefgh"[i % 8] * 3 + "x" for i in range(200))),
        ds(PatientName="A\u0300" * 400),
        ds(PatientComments="*a?" * 42 + "b" * 10_000),
        ds(StudyInstanceUID=[f"1.2.{n}" for n in range(10_000)]),
        ds(OtherPatientIDs=[f"{n}*" for n in range(100)]),
    ],
    ids=range(7),
)
@pytest.mark.parametrize("fuzzy", [False, True])
def test_the_largest_identifier_allowed_is_matched_in_no_time(identifier: Dataset, fuzzy: bool) -> None:
    assert check(identifier, WORKLIST) is None
    record = ds(
        PatientName="a" * 64, PatientComments="a" * 10_000, StudyInstanceUID="1", OtherPatientIDs="x" * 64
    )
    started = process_time()
    matcher = Matcher(identifier, Options(fuzzy=fuzzy))
    for _ in range(50):
        matcher.matches(record)
    assert process_time() - started < SLOWNESS


@pytest.mark.filterwarnings("ignore")
@given(
    st.lists(st.tuples(st.sampled_from(TAGS), st.binary(max_size=24)), max_size=6),
    st.sampled_from(sorted(MODELS)),
)
def test_any_bytes_get_a_verdict(elements: list[tuple[int, bytes]], model: str) -> None:
    encoded = [element(tag >> 16, tag & 0xFFFF, value) for tag, value in sorted(dict(elements).items())]
    try:
        identifier = raw(*encoded)
    except ValueError:  # pydicom reads the character set at once; `find` answers what it says
        return
    problem = check(identifier, model, Options(timezone=True))
    if problem is None:
        Matcher(identifier, Options(timezone=True)).matches(ds(PatientName="A", StudyDate="20200101"))
    else:
        assert problem.status in (0xA900, 0xC010, 0xC011)
        assert problem.comment.isprintable()
