"""Unified Procedure Steps as SCU, against an association that answers from a list."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from procedure_steps import UID, UPS_CLASSES, FakeAssociation, data_set, performed, workitem
from pydicom.dataset import Dataset

from fastdicom.sop_class import (
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
    UnifiedProcedureStepQuery,
    UnifiedProcedureStepWatch,
)
from fastdicom.workflow.attributes import RequirementError
from fastdicom.workflow.outcomes import OperationFailed, StateError
from fastdicom.workflow.unified_procedure_step import UnifiedProcedureStep, code_item, context_for
from fastdicom.workflow.unified_procedure_step_table import UnifiedProcedureStepState
from fastdicom.workflow.unified_worklist import UnifiedWorklist

PUSH, PULL, WATCH, QUERY = (
    UnifiedProcedureStepPush,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepWatch,
    UnifiedProcedureStepQuery,
)
PROGRESS = "ProcedureStepProgressInformationSequence"
State = UnifiedProcedureStepState


@pytest.fixture
def association() -> FakeAssociation:
    return FakeAssociation(*UPS_CLASSES)


def claimed(association: FakeAssociation) -> UnifiedProcedureStep:
    step = UnifiedProcedureStep(association, UID, State.SCHEDULED)
    step.claim("1.9")
    association.calls.clear()
    return step


# --- creating ---------------------------------------------------------------------------------------------


def test_a_step_is_created_scheduled_and_whole(association: FakeAssociation) -> None:
    given = workitem()
    step = UnifiedWorklist(association).create(given)
    (call,) = association.calls
    sent, sop_class, uid = call.arguments
    assert (call.service, sop_class, uid, call.meta_uid) == ("N-CREATE", PUSH, step.sop_instance_uid, PUSH)
    assert sent.ProcedureStepState == "SCHEDULED"
    for keyword in ("TransactionUID", "PatientName", "WorklistLabel"):
        assert sent[keyword].is_empty, keyword
    assert sent[PROGRESS].value == []
    assert step.state is State.SCHEDULED
    assert "ProcedureStepState" not in given


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        (
            {"ProcedureStepLabel": ""},
            "ProcedureStepLabel (0074,1204) has no value; type 1 in PS3.4 Table CC.2.5-3",
        ),
        ({"InputReadinessState": "MAYBE"}, "'MAYBE'; one of INCOMPLETE, UNAVAILABLE, READY"),
        ({"ScheduledProcedureStepPriority": "URGENT"}, "'URGENT'; one of HIGH, MEDIUM, LOW"),
        ({"TransactionUID": "1.2"}, "TransactionUID (0008,1195) is invalid"),
        ({"ProcedureStepState": "IN PROGRESS"}, "'IN PROGRESS'; a step is created SCHEDULED"),
        ({PROGRESS: [Dataset()]}, "it is to be empty in PS3.4 Table CC.2.5-3"),
    ],
)
def test_what_cannot_be_created_is_not_sent(
    association: FakeAssociation, elements: dict[str, Any], words: str
) -> None:
    attributes = workitem()
    for keyword, value in elements.items():
        setattr(attributes, keyword, value)
    with pytest.raises(RequirementError) as caught:
        UnifiedWorklist(association).create(attributes)
    assert words in str(caught.value)
    assert association.calls == []


def test_a_failed_creation(association: FakeAssociation) -> None:
    association.fail(0xC309)
    with pytest.raises(OperationFailed, match="C309H"):
        UnifiedWorklist(association).create(workitem())


# --- performing -------------------------------------------------------------------------------------------


def test_a_step_is_claimed(association: FakeAssociation) -> None:
    step = UnifiedProcedureStep(association, UID)
    uid = step.claim()
    (call,) = association.calls
    information, action, sop_class, instance = call.arguments
    assert (action, sop_class, instance, call.meta_uid) == (1, PUSH, UID, PULL)
    assert (information.ProcedureStepState, information.TransactionUID) == ("IN PROGRESS", uid)
    assert (step.transaction_uid, step.state) == (uid, State.IN_PROGRESS)


@pytest.mark.parametrize(("status", "keeps"), [(0xC302, False), (None, True)])
def test_a_claim_that_fails(association: FakeAssociation, status: int | None, keeps: bool) -> None:
    step = UnifiedProcedureStep(association, UID)
    association.fail(status)
    with pytest.raises(OperationFailed):
        step.claim("1.9")
    assert step.transaction_uid == ("1.9" if keeps else None)
    assert step.state is None


def test_updates_have_the_transaction_uid_when_the_step_is_claimed(association: FakeAssociation) -> None:
    step = UnifiedProcedureStep(association, UID, State.SCHEDULED)
    step.update(data_set(ProcedureStepLabel="A", TransactionUID="1.2"))
    step.claim("1.9")
    step.update(data_set(ProcedureStepLabel="B"))
    scheduled, _, in_progress = (call.arguments[0] for call in association.calls)
    assert "TransactionUID" not in scheduled
    assert in_progress.TransactionUID == "1.9"
    assert association.calls[-1].meta_uid == PULL
    assert step.attributes.ProcedureStepLabel == "B"
    assert "TransactionUID" not in step.attributes


@pytest.mark.parametrize(
    "modifications",
    [
        data_set(PatientID="1"),
        data_set(ProcedureStepState="COMPLETED"),
        data_set(InputReadinessState="MAYBE"),
    ],
)
def test_what_may_not_be_set_is_not_sent(association: FakeAssociation, modifications: Dataset) -> None:
    step = claimed(association)
    with pytest.raises(RequirementError, match=r"PS3.4 Table CC.2.5-3|READY"):
        step.update(modifications)
    assert association.calls == []


def test_progress_is_told_and_what_is_known_stays(association: FakeAssociation) -> None:
    step = claimed(association)
    step.report_progress(12.5, "Loading", contact_uri="tel:1", contact_display_name="Ann")
    step.report_progress(50)
    (item,) = association.calls[-1].arguments[0][PROGRESS].value
    assert item.ProcedureStepProgress == 50
    assert item.ProcedureStepProgressDescription == "Loading"
    (contact,) = item.ProcedureStepCommunicationsURISequence
    assert (contact.ContactURI, contact.ContactDisplayName) == ("tel:1", "Ann")


def test_a_step_is_completed(association: FakeAssociation) -> None:
    step = claimed(association)
    step.complete(performed())
    set_call, change = association.calls
    assert (set_call.service, change.service) == ("N-SET", "N-ACTION")
    assert len(set_call.arguments[0].UnifiedProcedureStepPerformedProcedureSequence) == 1
    information = change.arguments[0]
    assert (information.ProcedureStepState, information.TransactionUID) == ("COMPLETED", "1.9")
    assert step.state is State.COMPLETED


@pytest.mark.parametrize(
    "missing",
    [
        "PerformedStationNameCodeSequence",
        "PerformedProcedureStepStartDateTime",
        "PerformedWorkitemCodeSequence",
        "PerformedProcedureStepEndDateTime",
        "OutputInformationSequence",
    ],
)
def test_completion_needs_what_the_standard_says(association: FakeAssociation, missing: str) -> None:
    step = claimed(association)
    item = performed()
    del item[missing]
    with pytest.raises(RequirementError, match=rf"complete .*Sequence.{missing} .*is missing; type P"):
        step.complete(item)
    with pytest.raises(
        RequirementError, match=r"UnifiedProcedureStepPerformedProcedureSequence .*is missing"
    ):
        step.complete()
    assert association.calls == []


def test_who_takes_over_asks_first(association: FakeAssociation) -> None:
    step = UnifiedProcedureStep(association, UID, transaction_uid="1.9")
    reply = data_set(
        ProcedureStepState="IN PROGRESS", UnifiedProcedureStepPerformedProcedureSequence=[performed()]
    )
    association.answers.append((data_set(Status=0x0000), reply))
    assert step.retrieve() == reply
    assert (association.calls[0].arguments, association.calls[0].meta_uid) == (([], PUSH, UID), PULL)
    assert step.state is State.IN_PROGRESS
    step.complete()
    assert [call.service for call in association.calls] == ["N-GET", "N-ACTION"]


def test_a_step_is_canceled_by_its_performer(association: FakeAssociation) -> None:
    step = claimed(association)
    step.report_progress(50)
    step.cancel("No contrast", code_item("110500", "DCM", "Doctor canceled procedure"))
    _, set_call, change = association.calls
    (item,) = set_call.arguments[0][PROGRESS].value
    assert (item.ProcedureStepProgress, item.ReasonForCancellation) == (50, "No contrast")
    assert item.ProcedureStepDiscontinuationReasonCodeSequence[0].CodeValue == "110500"
    assert change.arguments[0].ProcedureStepState == "CANCELED"
    assert step.state is State.CANCELED


def test_a_step_is_canceled_without_a_reason(association: FakeAssociation) -> None:
    step = claimed(association)
    step.cancel()
    (item,) = association.calls[0].arguments[0][PROGRESS].value
    assert item.ProcedureStepDiscontinuationReasonCodeSequence[0].CodeValue == "110513"


@pytest.mark.parametrize("verb", ["report_progress", "complete", "cancel"])
@pytest.mark.parametrize("state", [None, State.SCHEDULED, State.IN_PROGRESS, State.COMPLETED, State.CANCELED])
def test_who_has_not_claimed_a_step_does_not_perform_it(
    association: FakeAssociation, verb: str, state: Any
) -> None:
    step = UnifiedProcedureStep(association, UID, state)
    with pytest.raises(StateError, match=r"claimed|not IN PROGRESS"):
        getattr(step, verb)()
    assert association.calls == []


@pytest.mark.parametrize("state", [State.COMPLETED, State.CANCELED])
def test_after_the_end_nothing_is_sent(association: FakeAssociation, state: Any) -> None:
    step = UnifiedProcedureStep(association, UID, state, "1.9")
    for ask in (step.claim, step.request_cancel, lambda: step.update(Dataset()), step.complete):
        with pytest.raises(StateError, match=str(state)):
            ask()
    assert association.calls == []


def test_what_somebody_else_performs_is_not_set(association: FakeAssociation) -> None:
    step = UnifiedProcedureStep(association, UID, State.IN_PROGRESS)
    with pytest.raises(StateError, match="Transaction UID is not known"):
        step.update(data_set(ProcedureStepLabel="A"))
    with pytest.raises(StateError, match="only SCHEDULED"):
        step.claim()
    assert association.calls == []


# --- asking others ----------------------------------------------------------------------------------------


def test_others_are_asked_to_cancel(association: FakeAssociation) -> None:
    step = UnifiedProcedureStep(association, UID, State.IN_PROGRESS)
    code = code_item("110500", "DCM", "Doctor canceled procedure")
    step.request_cancel("Wrong patient", code, contact_uri="tel:1", contact_display_name="Ann")
    (call,) = association.calls
    information, action, sop_class, uid = call.arguments
    assert (action, sop_class, uid, call.meta_uid) == (2, PUSH, UID, WATCH)
    assert (information.ReasonForCancellation, information.ContactURI) == ("Wrong patient", "tel:1")
    assert information.ProcedureStepDiscontinuationReasonCodeSequence == [code]
    assert step.state is State.IN_PROGRESS
    step.request_cancel()
    assert len(association.calls[-1].arguments[0]) == 0


GLOBAL, FILTERED = "1.2.840.10008.5.1.4.34.5", "1.2.840.10008.5.1.4.34.5.1"


@pytest.mark.parametrize(
    ("manage", "action", "uid", "elements"),
    [
        (lambda w, s: w.subscribe("ME"), 3, GLOBAL, {"DeletionLock": "FALSE"}),
        (lambda w, s: w.subscribe("ME", deletion_lock=True), 3, GLOBAL, {"DeletionLock": "TRUE"}),
        (
            lambda w, s: w.subscribe("ME", matching=data_set(WorklistLabel="A")),
            3,
            FILTERED,
            {"DeletionLock": "FALSE", "WorklistLabel": "A"},
        ),
        (lambda w, s: w.unsubscribe("ME"), 4, GLOBAL, {}),
        (lambda w, s: w.suspend("ME"), 5, GLOBAL, {}),
        (lambda w, s: s.subscribe("ME", deletion_lock=True), 3, UID, {"DeletionLock": "TRUE"}),
        (lambda w, s: s.subscribe("ME"), 3, UID, {"DeletionLock": "FALSE"}),
        (lambda w, s: s.unsubscribe("ME"), 4, UID, {}),
    ],
)
def test_subscriptions(
    association: FakeAssociation, manage: Any, action: int, uid: str, elements: dict[str, str]
) -> None:
    association.answers.append((data_set(Status=0xB301), None))
    status = manage(UnifiedWorklist(association), UnifiedProcedureStep(association, UID))
    assert status.Status == 0xB301
    (call,) = association.calls
    assert call.arguments == (data_set(ReceivingAE="ME", **elements), action, PUSH, uid)
    assert call.meta_uid == WATCH


def test_a_worklist_is_searched(association: FakeAssociation) -> None:
    matches = [data_set(SOPInstanceUID=UID), data_set(SOPInstanceUID="1.2")]
    association.answers = [(data_set(Status=0xFF00), match) for match in matches]
    association.answers.append((data_set(Status=0x0000), None))
    wanted = data_set(SOPInstanceUID="")
    assert list(UnifiedWorklist(association).find(wanted)) == matches
    assert association.calls == [SimpleNamespace(service="C-FIND", arguments=(wanted, PULL))]


@pytest.mark.parametrize("status", [0xA700, 0xFE00, None])
def test_a_search_that_fails(association: FakeAssociation, status: int | None) -> None:
    association.answers = [(data_set(Status=0xFF00), Dataset())]
    association.fail(status)
    matches = UnifiedWorklist(association).find(Dataset())
    assert next(matches) == Dataset()
    with pytest.raises(OperationFailed, match="search the worklist"):
        next(matches)


# --- presentation contexts --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepted", "ask", "context"),
    [
        ([PUSH], lambda s: s.retrieve(), PUSH),
        ([PUSH, WATCH], lambda s: s.retrieve(), WATCH),
        ([PUSH], lambda s: s.request_cancel(), PUSH),
        ([QUERY], lambda s: list(UnifiedWorklist(s.association).find(Dataset())), QUERY),
        ([WATCH, PUSH], lambda s: s.claim(), None),
        ([PULL, PUSH], lambda s: s.subscribe("ME"), None),
        ([PULL], lambda s: UnifiedWorklist(s.association).create(workitem()), None),
    ],
)
def test_a_request_goes_over_a_context_that_carries_it(accepted: list[str], ask: Any, context: Any) -> None:
    association = FakeAssociation(*accepted)
    step = UnifiedProcedureStep(association, UID)
    if context is None:
        with pytest.raises(ValueError, match="no accepted presentation context for Unified Procedure Step"):
            ask(step)
        assert association.calls == []
    else:
        ask(step)
        call = association.calls[0]
        used = call.arguments[1] if call.service == "C-FIND" else call.meta_uid
        assert used == context


def test_a_context_without_the_role_does_not_do() -> None:
    association = FakeAssociation(PULL, WATCH)
    association.accepted_contexts[0].as_scu = False
    assert context_for(association, (PULL, WATCH)) == WATCH
