"""Performed procedure steps as SCU, against an association that answers from a list."""

from __future__ import annotations

from typing import Any

import pytest
from procedure_steps import OTHER_UID, UID, FakeAssociation, beginning, data_set, ending, event, series
from pydicom.dataset import Dataset

from fastdicom.sop_class import (
    ModalityPerformedProcedureStep,
    ModalityPerformedProcedureStepNotification,
    ModalityPerformedProcedureStepRetrieve,
)
from fastdicom.workflow.attributes import RequirementError
from fastdicom.workflow.outcomes import OperationFailed, StateError
from fastdicom.workflow.performed_procedure_step import (
    PerformedProcedureStep,
    PerformedProcedureStepEvent,
    PerformedProcedureStepStatus,
    notify,
    read_notification,
    retrieve,
)
from fastdicom.workflow.refusal import Refusal

REASON = "PerformedProcedureStepDiscontinuationReasonCodeSequence"


@pytest.fixture
def association() -> FakeAssociation:
    return FakeAssociation()


def begun(association: FakeAssociation) -> PerformedProcedureStep:
    step = PerformedProcedureStep.create(association, beginning(), UID)
    association.calls.clear()
    return step


def test_a_step_is_created_in_progress_and_whole(association: FakeAssociation) -> None:
    given = beginning()
    step = PerformedProcedureStep.create(association, given)
    (call,) = association.calls
    sent, sop_class, uid = call.arguments
    assert (call.service, sop_class, uid) == (
        "N-CREATE",
        ModalityPerformedProcedureStep,
        step.sop_instance_uid,
    )
    assert sent.PerformedProcedureStepStatus == "IN PROGRESS"
    assert step.status is PerformedProcedureStepStatus.IN_PROGRESS
    # Type 2 attributes are there without a value, and what may be set later exists.
    assert sent["PatientName"].is_empty
    assert sent.ScheduledStepAttributesSequence[0]["AccessionNumber"].is_empty
    assert sent.PerformedSeriesSequence == []
    assert sent[REASON].value == []
    assert "PatientName" not in given


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ({"Modality": ""}, "Modality (0008,0060) has no value; type 1 in PS3.4 Table F.7.2-1"),
        ({"ScheduledStepAttributesSequence": []}, "ScheduledStepAttributesSequence (0040,0270) has no value"),
        (
            {"ScheduledStepAttributesSequence": [Dataset()]},
            "ScheduledStepAttributesSequence.StudyInstanceUID",
        ),
    ],
)
def test_what_cannot_be_created_is_not_sent(
    association: FakeAssociation, elements: dict[str, Any], words: str
) -> None:
    attributes = beginning()
    for keyword, value in elements.items():
        setattr(attributes, keyword, value)
    with pytest.raises(RequirementError) as caught:
        PerformedProcedureStep.create(association, attributes)
    assert words in str(caught.value)
    assert association.calls == []


def test_what_the_provider_changed_is_known(association: FakeAssociation) -> None:
    association.answers.append((data_set(Status=0x0116), data_set(StudyID="S2")))
    step = PerformedProcedureStep.create(association, beginning(), UID)
    assert step.attributes.StudyID == "S2"
    assert step.response.Status == 0x0116


@pytest.mark.parametrize(("status", "code"), [(0x0111, 0x0111), (None, None)])
def test_a_failure_is_an_error(association: FakeAssociation, status: int | None, code: int | None) -> None:
    association.fail(status, "no")
    with pytest.raises(OperationFailed, match="did not answer" if code is None else "0111H: 'no'") as caught:
        PerformedProcedureStep.create(association, beginning(), UID)
    assert caught.value.code == code
    assert UID in str(caught.value)


def test_a_step_goes_on_and_is_completed(association: FakeAssociation) -> None:
    step = begun(association)
    step.update(data_set(PerformedProcedureStepDescription="Head"))
    step.complete(ending())
    first, last = association.calls
    assert first.arguments[1:] == (ModalityPerformedProcedureStep, UID)
    assert "PerformedProcedureStepStatus" not in first.arguments[0]
    assert last.arguments[0].PerformedProcedureStepStatus == "COMPLETED"
    assert "PerformedProcedureStepDescription" not in last.arguments[0]
    assert step.status is PerformedProcedureStepStatus.COMPLETED
    assert step.attributes.PerformedProcedureStepDescription == "Head"


def test_what_was_set_before_counts_in_the_end(association: FakeAssociation) -> None:
    step = begun(association)
    step.update(ending())
    step.complete()
    assert len(association.calls[-1].arguments[0]) == 1


@pytest.mark.parametrize(
    "missing", ["PerformedProcedureStepEndDate", "PerformedProcedureStepEndTime", "PerformedSeriesSequence"]
)
@pytest.mark.parametrize("method", ["complete", "discontinue"])
def test_the_end_needs_what_the_standard_says(
    association: FakeAssociation, method: str, missing: str
) -> None:
    step = begun(association)
    last = ending()
    del last[missing]
    with pytest.raises(RequirementError, match=rf"{method} .*{missing} .*has no value; type 1"):
        getattr(step, method)(last)
    assert association.calls == []
    assert step.status is PerformedProcedureStepStatus.IN_PROGRESS


def test_each_series_is_whole_in_the_end(association: FakeAssociation) -> None:
    step = begun(association)
    last = ending()
    del last.PerformedSeriesSequence[0].RetrieveAETitle
    with pytest.raises(
        RequirementError, match=r"PerformedSeriesSequence.RetrieveAETitle .*is missing; type 2"
    ):
        step.complete(last)


def test_a_step_is_discontinued_for_a_reason(association: FakeAssociation) -> None:
    step = begun(association)
    step.discontinue(
        ending(), reason=data_set(CodeValue="110513", CodingSchemeDesignator="DCM", CodeMeaning="x")
    )
    sent = association.calls[-1].arguments[0]
    assert sent.PerformedProcedureStepStatus == "DISCONTINUED"
    assert sent[REASON].value[0].CodeValue == "110513"
    assert step.status.is_final


@pytest.mark.parametrize("end", ["complete", "discontinue"])
@pytest.mark.parametrize("then", ["update", "complete", "discontinue"])
def test_after_the_end_nothing_is_sent(association: FakeAssociation, end: str, then: str) -> None:
    step = begun(association)
    getattr(step, end)(ending())
    association.calls.clear()
    with pytest.raises(StateError, match="may no longer be updated"):
        getattr(step, then)(ending())
    assert association.calls == []


@pytest.mark.parametrize(
    ("modifications", "words"),
    [
        (data_set(PatientID="1"), "PatientID (0010,0020) is not allowed; see PS3.4 Table F.7.2-1"),
        (data_set(CommentsOnThePerformedProcedureStep="x"), "only what N-CREATE has created"),
        (data_set(PerformedProcedureStepStatus="COMPLETED"), "'COMPLETED'; it is changed by complete()"),
        (data_set(PerformedSeriesSequence=[Dataset()]), "PerformedSeriesSequence.SeriesInstanceUID"),
    ],
)
def test_what_may_not_be_set_is_not_sent(
    association: FakeAssociation, modifications: Dataset, words: str
) -> None:
    step = begun(association)
    with pytest.raises(RequirementError) as caught:
        step.update(modifications)
    assert words in str(caught.value)
    assert association.calls == []


@pytest.mark.parametrize("status", [0x0110, None])
def test_a_failed_end_is_no_end(association: FakeAssociation, status: int | None) -> None:
    step = begun(association)
    association.fail(status)
    with pytest.raises(OperationFailed):
        step.complete(ending())
    assert step.status is PerformedProcedureStepStatus.IN_PROGRESS
    step.complete(ending())
    assert step.status is PerformedProcedureStepStatus.COMPLETED


def test_a_step_goes_on_after_a_restart_on_another_association(association: FakeAssociation) -> None:
    known = begun(FakeAssociation()).attributes
    step = PerformedProcedureStep(association, UID, known)
    step.update(data_set(PerformedSeriesSequence=[series(), series()]))
    later = FakeAssociation()
    step.association = later
    step.complete(ending())
    assert (len(association.calls), len(later.calls)) == (1, 1)


def test_a_step_is_retrieved_by_its_own_sop_class(association: FakeAssociation) -> None:
    association.answers.append((data_set(Status=0x0000), data_set(PatientID="7")))
    assert retrieve(association, OTHER_UID, ["PatientID"]).PatientID == "7"
    arguments = (["PatientID"], ModalityPerformedProcedureStepRetrieve, OTHER_UID)
    assert association.calls[0].arguments == arguments
    step = begun(association)
    association.fail(0x0112)
    with pytest.raises(OperationFailed, match="0112H"):
        step.retrieve()


def test_notification_and_its_reading(association: FakeAssociation) -> None:
    assert notify(association, UID, PerformedProcedureStepEvent.COMPLETED).Status == 0x0000
    assert association.calls[0].arguments == (None, 2, ModalityPerformedProcedureStepNotification, UID)
    told = read_notification(event(ModalityPerformedProcedureStepNotification, event_type=2))
    assert told == (UID, PerformedProcedureStepEvent.COMPLETED)


@pytest.mark.parametrize(
    ("sop_class", "event_type", "status"),
    [
        (ModalityPerformedProcedureStepNotification, 6, 0x0113),
        (ModalityPerformedProcedureStep, 1, 0x0118),
    ],
)
def test_a_notification_of_something_else(sop_class: str, event_type: int, status: int) -> None:
    with pytest.raises(Refusal) as caught:
        read_notification(event(sop_class, event_type=event_type))
    assert caught.value.answer.Status == status
