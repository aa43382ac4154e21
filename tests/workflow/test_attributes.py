"""The requirements on attributes: what is found missing, too much or wrong, and how it is said."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import pytest
from procedure_steps import data_set
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset

from fastdicom.workflow.attributes import (
    CANCELED,
    COMPLETED,
    AttributeRefusal,
    Column,
    Fault,
    RequirementError,
    merged,
    requirements,
    violations,
    with_empty_attributes,
)

TABLE = requirements(
    "PS3.4 Table X",
    """
    PatientID                    1   -   R
    PatientName                  2   3   O
    StudyID                      2E  3   P
    Modality                     1C  3   X
    PerformedSeriesSequence      2   3   P2
    > SeriesInstanceUID          1   1   R
    > ReferencedImageSequence    2   2   O
    > > ReferencedSOPClassUID    1   1   O
    """,
    values={"Modality": ("CT", "MR")},
)


NO_CODES: Mapping[str, str] = {}


def found(
    elements: dict[str, Any], column: Column = Column.CREATE, codes: Mapping[str, str] = NO_CODES
) -> list[tuple[str, Fault]]:
    good = {"PatientID": "1", "PatientName": "", "StudyID": "", "PerformedSeriesSequence": []}
    everything = {**good, **elements} if column is Column.CREATE else elements
    content = data_set(**{key: value for key, value in everything.items() if value is not ...})
    return [(each.path, each.fault) for each in violations(TABLE, content, column, codes)]


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({}, []),
        ({"PatientID": ...}, [("PatientID", Fault.MISSING)]),
        ({"PatientID": ""}, [("PatientID", Fault.EMPTY)]),
        ({"PatientID": "  "}, [("PatientID", Fault.EMPTY)]),
        ({"PatientID": None}, [("PatientID", Fault.EMPTY)]),
        ({"PatientName": ...}, [("PatientName", Fault.MISSING)]),
        ({"StudyID": ...}, [("StudyID", Fault.MISSING)]),
        ({"StudyID": "1"}, [("StudyID", Fault.INVALID)]),
        ({"Modality": "CT"}, []),
        ({"Modality": "XX"}, [("Modality", Fault.INVALID)]),
        ({"Modality": ["CT", "MR"]}, [("Modality", Fault.INVALID)]),
        (
            {"PerformedSeriesSequence": [Dataset()]},
            [
                ("PerformedSeriesSequence.SeriesInstanceUID", Fault.MISSING),
                ("PerformedSeriesSequence.ReferencedImageSequence", Fault.MISSING),
            ],
        ),
        (
            {
                "PerformedSeriesSequence": [
                    data_set(SeriesInstanceUID="1", ReferencedImageSequence=[]),
                    data_set(SeriesInstanceUID="", ReferencedImageSequence=[Dataset()]),
                ]
            },
            [
                ("PerformedSeriesSequence.SeriesInstanceUID", Fault.EMPTY),
                ("PerformedSeriesSequence.ReferencedImageSequence.ReferencedSOPClassUID", Fault.MISSING),
            ],
        ),
    ],
)
def test_what_is_created(elements: dict[str, Any], expected: list[Any]) -> None:
    assert found(elements) == expected


def test_what_is_set_may_be_little_but_not_anything() -> None:
    assert found({}, Column.SET) == []
    assert found({"PatientID": "", "PatientName": ""}, Column.SET) == [("PatientID", Fault.NOT_ALLOWED)]
    items = [data_set(ReferencedImageSequence=[])]
    path = "PerformedSeriesSequence.SeriesInstanceUID"
    assert found({"PerformedSeriesSequence": items}, Column.SET) == [(path, Fault.MISSING)]


def test_final_states_have_codes() -> None:
    r, p, x = [("PatientID", Fault.MISSING)], ("StudyID", Fault.MISSING), ("Modality", Fault.MISSING)
    p2 = ("PerformedSeriesSequence", Fault.MISSING)
    assert found({}, Column.FINAL, COMPLETED) == [*r, p, p2]
    assert found({}, Column.FINAL, CANCELED) == [*r, x]
    complete = {"PatientID": "1", "StudyID": "1", "PerformedSeriesSequence": []}
    assert found(complete, Column.FINAL, COMPLETED) == []
    assert found({**complete, "StudyID": ""}, Column.FINAL, COMPLETED) == [("StudyID", Fault.EMPTY)]


def test_a_sequence_that_is_none() -> None:
    content = data_set(PatientID="1", PatientName="", StudyID="")
    content.add_new(0x00400340, "LO", "text")
    (violation,) = violations(TABLE, content, Column.CREATE)
    assert (violation.path, violation.fault) == ("PerformedSeriesSequence", Fault.INVALID)


def test_an_error_names_attribute_value_and_rule() -> None:
    broken = violations(TABLE, data_set(PatientID="", Modality="XX"), Column.CREATE)
    text = str(RequirementError("create it", broken))
    assert text.startswith("create it: PatientID (0010,0020) has no value; type 1 in PS3.4 Table X; ")
    assert "Modality (0008,0060) is invalid: 'XX'; one of CT, MR" in text


@pytest.mark.parametrize(
    ("elements", "status", "tags"),
    [
        ({"PatientID": ..., "PatientName": ..., "Modality": "XX"}, 0x0120, [0x00100010, 0x00100020]),
        ({"PatientID": "", "Modality": "XX"}, 0x0121, [0x00100020]),
        ({"Modality": "XX"}, 0x0106, [0x00080060]),
    ],
)
def test_a_refusal_is_about_the_gravest_fault(elements: dict[str, Any], status: int, tags: list[int]) -> None:
    content = {"PatientID": "1", "PatientName": "", "StudyID": "", "PerformedSeriesSequence": [], **elements}
    broken = violations(
        TABLE, data_set(**{key: value for key, value in content.items() if value is not ...}), Column.CREATE
    )
    answer = AttributeRefusal(broken).answer
    assert answer.Status == status
    listed = answer.AttributeIdentifierList
    assert [int(tag) for tag in (listed if len(tags) > 1 else [listed])] == tags
    assert len(answer.ErrorComment) <= 64


def test_the_list_of_attributes_is_no_longer_than_the_table() -> None:
    items = [Dataset() for _ in range(500)]
    broken = violations(TABLE, data_set(PerformedSeriesSequence=items), Column.SET)
    assert len(AttributeRefusal(broken).answer.AttributeIdentifierList) == 2


def test_empty_attributes_are_added_to_a_copy() -> None:
    item = data_set(SeriesInstanceUID="1")
    given = data_set(PatientID="1", PerformedSeriesSequence=[item])
    filled = with_empty_attributes(TABLE, given)
    assert violations(TABLE, filled, Column.CREATE) == []
    assert filled.PerformedSeriesSequence[0].ReferencedImageSequence == []
    assert "PatientName" not in given
    assert "ReferencedImageSequence" not in item
    assert "Modality" not in filled
    assert violations(TABLE, with_empty_attributes(TABLE, Dataset()), Column.CREATE)[0].tag == 0x00100020


def test_a_table_with_a_wrong_keyword() -> None:
    with pytest.raises(ValueError, match="PatientNaem"):
        requirements("X", "PatientNaem 1 1 O")


# --- setting ----------------------------------------------------------------------------------------------


def encoded(content: Dataset) -> Dataset:
    """Return a data set as it comes from a peer: encoded, and not yet decoded."""
    buffer = BytesIO()
    dcmwrite(buffer, content, implicit_vr=False, little_endian=True)
    return dcmread(BytesIO(buffer.getvalue()), force=True)


def test_sequences_are_replaced_and_nothing_is_changed() -> None:
    before = data_set(PatientID="1", StudyID="A", PerformedSeriesSequence=[data_set(SeriesInstanceUID="1.1")])
    after = merged(before, data_set(StudyID="B", PerformedSeriesSequence=[data_set(SeriesInstanceUID="1.2")]))
    assert (after.PatientID, after.StudyID) == ("1", "B")
    assert [item.SeriesInstanceUID for item in after.PerformedSeriesSequence] == ["1.2"]
    after.PatientID = "2"
    assert (before.PatientID, before.StudyID) == ("1", "A")


LATIN, GREEK, UTF8 = "ISO_IR 100", "ISO_IR 126", "ISO_IR 192"


@pytest.mark.parametrize(
    ("first", "second", "result"),
    [
        (None, None, None),
        (LATIN, None, LATIN),
        (None, GREEK, GREEK),
        (LATIN, LATIN, LATIN),
        (LATIN, GREEK, UTF8),
    ],
)
def test_text_keeps_its_meaning(first: str | None, second: str | None, result: str | None) -> None:
    name = "Müller^Jürgen" if first else "Muller"
    description = {LATIN: "Schädel", GREEK: "Κρανίο", None: "Head"}[second]
    before = data_set(PatientName=name, PerformedSeriesSequence=[data_set(SeriesDescription=name)])
    later = data_set(StudyDescription=description, ProcedureCodeSequence=[data_set(CodeMeaning=description)])
    for content, character_set in ((before, first), (later, second)):
        if character_set:
            content.SpecificCharacterSet = character_set
    stored = merged(encoded(before), Dataset())
    # Twice, as every N-SET does so again.
    after = encoded(merged(merged(stored, encoded(later)), encoded(later)))
    assert after.get("SpecificCharacterSet") == result
    assert str(after.PatientName) == name
    assert after.PerformedSeriesSequence[0].SeriesDescription == name
    assert after.StudyDescription == description
    assert after.ProcedureCodeSequence[0].CodeMeaning == description
