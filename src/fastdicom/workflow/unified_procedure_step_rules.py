"""The rules that an SCP of Unified Procedure Steps holds, for one instance and one request (PS3.4 Annex CC).

Functions of instance and request: they return the instance as it is to be kept, or raise what the request is
refused with. Nothing is changed in place, and nothing is known of where instances live.
"""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from pydicom.dataset import Dataset
from pydicom.uid import UID

from fastdicom.sop_class import UnifiedProcedureStepPush
from fastdicom.workflow.attributes import (
    CANCELED,
    COMPLETED,
    AttributeRefusal,
    Column,
    merged,
    violations,
)
from fastdicom.workflow.refusal import Refusal
from fastdicom.workflow.unified_procedure_step import code_item
from fastdicom.workflow.unified_procedure_step_table import (
    DISCONTINUATION_REASON,
    PROGRESS,
    STATE,
    TABLE,
    UNSPECIFIED_REASON,
    UnifiedProcedureStepState,
)

SCHEDULED, IN_PROGRESS = UnifiedProcedureStepState.SCHEDULED, UnifiedProcedureStepState.IN_PROGRESS

MAY_BE_DONE = 0x0000
INVALID_ARGUMENT_VALUE = 0x0115
FINAL_STATE_NOT_MET = 0xC304
NOT_SCHEDULED = 0xC309

# PS3.4 Tables CC.2.1-2, CC.2.2-2, CC.2.3-3, CC.2.5-4, CC.2.6-1
MEANINGS = MappingProxyType(
    {
        0x0111: "there is a Unified Procedure Step of this name",
        0xB301: "Deletion Lock not granted",
        0xB304: "The UPS is already in the requested state of CANCELED",
        0xB306: "The UPS is already in the requested state of COMPLETED",
        0xC300: "The UPS may no longer be updated",
        0xC301: "The correct Transaction UID was not provided",
        0xC302: "The UPS is already IN PROGRESS",
        0xC303: "The UPS may only become SCHEDULED via N-CREATE",
        0xC304: "The UPS has not met final state requirements",
        0xC307: "No such UPS Instance is managed by this SCP",
        0xC308: "Receiving AE-TITLE is Unknown to this SCP",
        0xC309: "The provided value of UPS State was not SCHEDULED",
        0xC310: "The UPS is not yet in the IN PROGRESS state",
        0xC311: "The UPS is already COMPLETED",
        0xC312: "The performer cannot be contacted",
        0xC313: "Performer chooses not to cancel",
        0xC314: "Specified action not appropriate for specified instance",
        0xC315: "SCP does not support Event Reports",
    }
)


class Request(StrEnum):
    """What may be asked about a step: the rows of PS3.4 Table CC.1.1-2, and N-SET."""

    CREATE = "create"
    CLAIM = "claim"
    CLAIM_WITHOUT = "claim without the Transaction UID"
    SCHEDULE = "schedule"
    COMPLETE = "complete"
    COMPLETE_WITHOUT = "complete without the Transaction UID"
    REQUEST_CANCEL = "request cancel"
    CANCEL = "cancel"
    CANCEL_WITHOUT = "cancel without the Transaction UID"
    SET = "set"
    SET_WITHOUT = "set without the Transaction UID"


# `.` is what may be done. N-SET is not in the table, but in CC.2.6.2 to CC.2.6.4; SCHEDULED steps are set
# without a Transaction UID.
_TRANSITIONS = """
                  null  SCHEDULED  IN_PROGRESS  COMPLETED  CANCELED
CREATE            .     0111       0111         0111       0111
CLAIM             C307  .          C302         C300       C300
CLAIM_WITHOUT     C307  C301       C301         C301       C301
SCHEDULE          C307  C303       C303         C303       C303
COMPLETE          C307  C310       .            B306       C300
COMPLETE_WITHOUT  C307  C301       C301         C301       C301
REQUEST_CANCEL    C307  .          .            C311       B304
CANCEL            C307  C310       .            C300       B304
CANCEL_WITHOUT    C307  C301       C301         C301       C301
SET               C307  .          .            C300       C300
SET_WITHOUT       C307  C310       C301         C300       C300
"""


def _transitions(text: str) -> dict[tuple[Request, UnifiedProcedureStepState | None], int]:
    head, *rows = [line.split() for line in text.strip().splitlines()]
    states = [None if name == "null" else UnifiedProcedureStepState[name] for name in head]
    return {
        (Request[request], state): MAY_BE_DONE if cell == "." else int(cell, 16)
        for request, *cells in rows
        for state, cell in zip(states, cells, strict=True)
    }


TRANSITIONS = MappingProxyType(_transitions(_TRANSITIONS))

# What Change State asks for: with the right Transaction UID, and without it
_CHANGES = {
    SCHEDULED: (Request.SCHEDULE, Request.SCHEDULE),
    IN_PROGRESS: (Request.CLAIM, Request.CLAIM_WITHOUT),
    UnifiedProcedureStepState.COMPLETED: (Request.COMPLETE, Request.COMPLETE_WITHOUT),
    UnifiedProcedureStepState.CANCELED: (Request.CANCEL, Request.CANCEL_WITHOUT),
}


def refusal(status: int) -> Refusal:
    """Return what a request is refused with, or what is said instead of doing it."""
    return Refusal(status, MEANINGS[status])


def check(request: Request, state: UnifiedProcedureStepState | None) -> None:
    """Look a request up in the table.

    Parameters
    ----------
    request
        What is asked for.
    state
        The state of the step; None when there is no such step.

    Raises
    ------
    Refusal
        When it is not to be done. Its status is a warning, B304H or B306H, when there is nothing to do.
    """
    status = TRANSITIONS[request, state]
    if status != MAY_BE_DONE:
        raise refusal(status)


def state_of(instance: Dataset | None) -> UnifiedProcedureStepState | None:
    """Return the state of an instance; None when there is no instance."""
    return None if instance is None else UnifiedProcedureStepState(instance.get(STATE))


def check_create(
    attributes: Dataset, sop_instance_uid: str, now: datetime, *, worklist_label: str, exists: bool = False
) -> Dataset:
    """Check what an N-CREATE wants to create; return the instance (PS3.4 CC.2.5.3).

    Parameters
    ----------
    attributes
        Its Attribute List.
    sop_instance_uid
        Its name.
    now
        When.
    worklist_label
        What the step is labelled with, when it has no label.
    exists
        Whether there is an instance of that name.

    Raises
    ------
    Refusal
        0111H, it exists; C309H, its state is not SCHEDULED; 0105H, 0120H, 0121H or 0106H, an attribute is not
        allowed, or it or its value is missing or wrong (PS3.4 Table CC.2.5-3).
    """
    check(Request.CREATE, SCHEDULED if exists else None)
    found = violations(TABLE, attributes, Column.CREATE)
    if attributes.get(STATE) and attributes.get(STATE) != SCHEDULED:
        raise refusal(NOT_SCHEDULED)
    if found:
        raise AttributeRefusal(found)
    result = merged(attributes, Dataset())
    result.SOPClassUID = UID(UnifiedProcedureStepPush)
    result.SOPInstanceUID = sop_instance_uid
    result.ScheduledProcedureStepModificationDateTime = date_time(now)
    result.WorklistLabel = result.get("WorklistLabel") or worklist_label
    return result


def check_set(instance: Dataset | None, modifications: Dataset, now: datetime) -> Dataset:
    """Check what an N-SET wants to set; return the instance with it (PS3.4 CC.2.6.3).

    Parameters
    ----------
    instance
        The instance as it is; None when there is none of that name.
    modifications
        Its Modification List.
    now
        When.

    Raises
    ------
    Refusal
        C307H, C310H, C301H or C300H for the state and the Transaction UID; 0105H, 0120H, 0121H or 0106H for
        the attributes.
    """
    state = state_of(instance)
    given = modifications.get("TransactionUID")
    is_right = not given if state is SCHEDULED else _is_right(instance, given)
    check(Request.SET if is_right else Request.SET_WITHOUT, state)
    found = violations(TABLE, modifications, Column.SET)
    if found:
        raise AttributeRefusal(found)
    result = merged(instance or Dataset(), modifications)
    result.ScheduledProcedureStepModificationDateTime = date_time(now)
    return result


def check_change(instance: Dataset | None, information: Dataset, now: datetime) -> Dataset:
    """Check what a Change State wants; return the instance in its new state (PS3.4 CC.2.1.3).

    What a canceled step needs and lacks is filled in: when, and why, if only as "Discontinued for unspecified
    reason".

    Parameters
    ----------
    instance
        The instance as it is; None when there is none of that name.
    information
        Its Action Information.
    now
        When.

    Raises
    ------
    Refusal
        0115H, there is no such state; else as PS3.4 Table CC.1.1-2 has it.
    """
    wanted = information.get(STATE)
    if wanted not in tuple(UnifiedProcedureStepState):
        raise Refusal(INVALID_ARGUMENT_VALUE, f"Procedure Step State: {wanted}")
    new = UnifiedProcedureStepState(wanted)
    given, state = information.get("TransactionUID"), state_of(instance)
    is_right = bool(given) if state is SCHEDULED else _is_right(instance, given)
    request, request_without = _CHANGES[new]
    check(request if is_right else request_without, state)
    result = merged(instance or Dataset(), Dataset())
    if new is IN_PROGRESS:
        result.TransactionUID = given
        result.ProcedureStepState = new.value
        return result
    return finished(result, new, now)


def finished(
    instance: Dataset, state: UnifiedProcedureStepState, now: datetime, information: Dataset | None = None
) -> Dataset:
    """Return an instance in a final state (PS3.4 CC.2.5.1.1).

    Parameters
    ----------
    instance
        The instance as it is.
    state
        COMPLETED or CANCELED.
    now
        When.
    information
        The Action Information of who has requested to cancel it.

    Raises
    ------
    Refusal
        C304H, when it lacks what the final state requires.
    """
    result = merged(instance, Dataset())
    codes = COMPLETED
    if state is UnifiedProcedureStepState.CANCELED:
        codes = CANCELED
        _explain(result, information or Dataset(), now)
    found = violations(TABLE, result, Column.FINAL, codes)
    if found:
        raise Refusal(FINAL_STATE_NOT_MET, f"{found[0].path.rpartition('.')[2]} {found[0].fault}")
    result.ProcedureStepState = state.value
    return result


def _explain(instance: Dataset, information: Dataset, now: datetime) -> None:
    """Fill in when and why a step is canceled."""
    items = instance.get(PROGRESS)
    item = deepcopy(items[0]) if items else Dataset()
    if not item.get("ProcedureStepCancellationDateTime"):
        item.ProcedureStepCancellationDateTime = date_time(now)
    if information.get("ReasonForCancellation") and not item.get("ReasonForCancellation"):
        item.ReasonForCancellation = information.ReasonForCancellation
    if not item.get(DISCONTINUATION_REASON):
        given = information.get(DISCONTINUATION_REASON)
        setattr(item, DISCONTINUATION_REASON, given or [code_item(*UNSPECIFIED_REASON)])
    setattr(instance, PROGRESS, [item])


def _is_right(instance: Dataset | None, transaction_uid: object) -> bool:
    """Whether a Transaction UID is the one that an instance was claimed with."""
    known = None if instance is None else instance.get("TransactionUID")
    return bool(known) and transaction_uid == known


def date_time(now: datetime) -> str:
    """Return a value of VR DT."""
    return now.strftime("%Y%m%d%H%M%S")
