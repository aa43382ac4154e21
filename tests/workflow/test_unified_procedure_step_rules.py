"""PS3.4 Table CC.1.1-2, cell by cell: each request in each state, by the status that a handler returns."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from procedure_steps import UID, code_of, data_set, performed, ups_event, workitem
from pydicom.dataset import Dataset

from fastdicom.workflow.attributes import with_empty_attributes
from fastdicom.workflow.unified_procedure_step_provider import UnifiedProcedureStepProvider
from fastdicom.workflow.unified_procedure_step_rules import MEANINGS, TRANSITIONS, Request
from fastdicom.workflow.unified_procedure_step_table import TABLE

NOW = datetime(2024, 1, 31, 12, 0)  # noqa: DTZ001
STATES = (None, "SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED")
LOCK = "1.9"


def instance_in(state: str) -> Dataset:
    """Return a step in a state; all that final states need is there."""
    instance = with_empty_attributes(TABLE, workitem())
    instance.ProcedureStepState = state
    instance.ScheduledProcedureStepModificationDateTime = "20240131120000"
    instance.UnifiedProcedureStepPerformedProcedureSequence = [performed()]
    if state != "SCHEDULED":
        instance.TransactionUID = LOCK
    return instance


def provider_in(state: str | None, **options: Any) -> UnifiedProcedureStepProvider:
    instances = {} if state is None else {UID: instance_in(state)}
    provider = UnifiedProcedureStepProvider(instances, lambda title, report: None, now=lambda: NOW, **options)
    if state is not None:
        provider.subscriptions.subscribe("ME", UID, has_lock=False)
    return provider


def change_to(state: str, transaction_uid: str | None = LOCK) -> Any:
    information = data_set(ProcedureStepState=state)
    if transaction_uid is not None:
        information.TransactionUID = transaction_uid
    return lambda provider: provider.act(ups_event(action_type=1, action_information=information))


def set_with(transaction_uid: str | None) -> Any:
    modifications = data_set(ProcedureStepLabel="B")
    if transaction_uid is not None:
        modifications.TransactionUID = transaction_uid
    return lambda provider: provider.set(ups_event(modification_list=modifications))


def create(provider: UnifiedProcedureStepProvider) -> Any:
    attributes = with_empty_attributes(TABLE, workitem())
    attributes.ProcedureStepState = "SCHEDULED"
    return provider.create(ups_event(attribute_list=attributes))


def request_cancel(provider: UnifiedProcedureStepProvider) -> Any:
    return provider.act(ups_event(action_type=2, action_information=Dataset()))


# Columns: null, SCHEDULED, IN PROGRESS, COMPLETED, CANCELED. A step that nobody has claimed has no
# Transaction UID: any is the right one to claim it, and none is wrong in the other rows of the table.
CASES = [
    ("N-CREATE", create, 0x0000, 0x0111, 0x0111, 0x0111, 0x0111),
    ("claim", change_to("IN PROGRESS"), 0xC307, 0x0000, 0xC302, 0xC300, 0xC300),
    ("claim, wrong UID", change_to("IN PROGRESS", "1.8"), 0xC307, 0x0000, 0xC301, 0xC301, 0xC301),
    ("claim, no UID", change_to("IN PROGRESS", None), 0xC307, 0xC301, 0xC301, 0xC301, 0xC301),
    ("claim, empty UID", change_to("IN PROGRESS", ""), 0xC307, 0xC301, 0xC301, 0xC301, 0xC301),
    ("schedule", change_to("SCHEDULED"), 0xC307, 0xC303, 0xC303, 0xC303, 0xC303),
    ("schedule, no UID", change_to("SCHEDULED", None), 0xC307, 0xC303, 0xC303, 0xC303, 0xC303),
    ("complete", change_to("COMPLETED"), 0xC307, 0xC310, 0x0000, 0xB306, 0xC300),
    ("complete, wrong UID", change_to("COMPLETED", "1.8"), 0xC307, 0xC310, 0xC301, 0xC301, 0xC301),
    ("complete, no UID", change_to("COMPLETED", None), 0xC307, 0xC301, 0xC301, 0xC301, 0xC301),
    ("cancel", change_to("CANCELED"), 0xC307, 0xC310, 0x0000, 0xC300, 0xB304),
    ("cancel, wrong UID", change_to("CANCELED", "1.8"), 0xC307, 0xC310, 0xC301, 0xC301, 0xC301),
    ("cancel, no UID", change_to("CANCELED", None), 0xC307, 0xC301, 0xC301, 0xC301, 0xC301),
    ("request cancel", request_cancel, 0xC307, 0x0000, 0x0000, 0xC311, 0xB304),
    ("set", set_with(LOCK), 0xC307, 0xC310, 0x0000, 0xC300, 0xC300),
    ("set, wrong UID", set_with("1.8"), 0xC307, 0xC310, 0xC301, 0xC300, 0xC300),
    ("set, no UID", set_with(None), 0xC307, 0x0000, 0xC301, 0xC300, 0xC300),
]


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_the_table(case: tuple[Any, ...]) -> None:
    _, ask, *statuses = case
    for state, status in zip(STATES, statuses, strict=True):
        provider = provider_in(state)
        before = dict(provider.instances)
        answer = ask(provider)
        assert f"{code_of(answer):04X}" == f"{status:04X}", state
        if code_of(answer) != 0x0000:
            assert provider.instances == before
            assert answer[0].ErrorComment == MEANINGS[answer[0].Status][:64]


def test_every_cell_has_a_status() -> None:
    assert len(TRANSITIONS) == len(Request) * len(STATES)
    assert set(TRANSITIONS.values()) <= {0x0000, *MEANINGS}


@pytest.mark.parametrize("state", ["DONE", "", None, ["COMPLETED", "CANCELED"]])
def test_a_state_that_there_is_not(state: Any) -> None:
    provider = provider_in("IN PROGRESS")
    information = data_set(ProcedureStepState=state, TransactionUID=LOCK)
    answer = provider.act(ups_event(action_type=1, action_information=information))
    assert code_of(answer) == 0x0115


# --- what is kept -----------------------------------------------------------------------------------------


def test_a_claim_locks() -> None:
    provider = provider_in("SCHEDULED")
    change_to("IN PROGRESS", "1.77")(provider)
    assert provider.instances[UID].TransactionUID == "1.77"
    assert provider.instances[UID].ProcedureStepState == "IN PROGRESS"
    assert code_of(change_to("COMPLETED")(provider)) == 0xC301
    assert code_of(change_to("COMPLETED", "1.77")(provider)) == 0x0000
    assert provider.instances[UID].ProcedureStepState == "COMPLETED"


def test_setting_keeps_the_lock_and_notes_the_time() -> None:
    provider = provider_in("IN PROGRESS")
    provider.instances[UID].ScheduledProcedureStepModificationDateTime = "20200101"
    assert code_of(set_with(LOCK)(provider)) == 0x0000
    assert provider.instances[UID].TransactionUID == LOCK
    assert provider.instances[UID].ProcedureStepLabel == "B"
    assert provider.instances[UID].ScheduledProcedureStepModificationDateTime == "20240131120000"


@pytest.mark.parametrize(
    "missing",
    [
        "PerformedStationNameCodeSequence",
        "PerformedProcedureStepStartDateTime",
        "PerformedWorkitemCodeSequence",
        "PerformedProcedureStepEndDateTime",
    ],
)
@pytest.mark.parametrize("how", ["without it", "empty", "without any"])
def test_completion_needs_what_the_standard_says(missing: str, how: str) -> None:
    provider = provider_in("IN PROGRESS")
    (item,) = provider.instances[UID].UnifiedProcedureStepPerformedProcedureSequence
    if how == "without any":
        provider.instances[UID].UnifiedProcedureStepPerformedProcedureSequence = []
    elif how == "empty":
        setattr(item, missing, None)
    else:
        del item[missing]
    answer = change_to("COMPLETED")(provider)
    assert code_of(answer) == 0xC304
    expected = "UnifiedProcedureStepPerformedProcedureSequence" if how == "without any" else missing
    assert answer[0].ErrorComment.startswith(expected[:64])
    # It may be canceled all the same.
    assert code_of(change_to("CANCELED")(provider)) == 0x0000


@pytest.mark.parametrize("state", ["COMPLETED", "CANCELED"])
def test_every_end_needs_what_was_scheduled(state: str) -> None:
    provider = provider_in("IN PROGRESS")
    del provider.instances[UID].InputReadinessState
    assert code_of(change_to(state)(provider)) == 0xC304


def test_what_a_canceled_step_lacks_is_filled_in() -> None:
    provider = provider_in("IN PROGRESS")
    assert code_of(change_to("CANCELED")(provider)) == 0x0000
    (item,) = provider.instances[UID].ProcedureStepProgressInformationSequence
    assert item.ProcedureStepCancellationDateTime == "20240131120000"
    assert item.ProcedureStepDiscontinuationReasonCodeSequence[0].CodeValue == "110513"


def test_what_its_performer_has_said_stays() -> None:
    provider = provider_in("IN PROGRESS")
    code = data_set(CodeValue="110500", CodingSchemeDesignator="DCM", CodeMeaning="Doctor canceled procedure")
    said = data_set(
        ProcedureStepProgress="50",
        ProcedureStepCancellationDateTime="20240101",
        ProcedureStepDiscontinuationReasonCodeSequence=[code],
    )
    provider.instances[UID].ProcedureStepProgressInformationSequence = [said]
    change_to("CANCELED")(provider)
    assert provider.instances[UID].ProcedureStepProgressInformationSequence == [said]
