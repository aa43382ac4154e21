"""Modality Performed Procedure Step as SCP: the rules that a handler delegates to (PS3.4 Annex F).

`check_create` and `check_set` are the rules alone. `PerformedProcedureStepProvider` applies them to instances
in a mapping that the user provides; its methods are handlers as they stand.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, MutableMapping
from typing import Any

from pydicom.dataset import Dataset

from fastdicom.sop_class import ModalityPerformedProcedureStep, ModalityPerformedProcedureStepRetrieve
from fastdicom.workflow.attributes import AttributeRefusal, Column, Fault, Violation, merged, violations
from fastdicom.workflow.instances import Answer, answer_get, check_class, check_name
from fastdicom.workflow.performed_procedure_step import (
    EVENT_OF_STATUS,
    TABLE,
    PerformedProcedureStepEvent,
    PerformedProcedureStepStatus,
)
from fastdicom.workflow.refusal import Refusal, decoded

INVALID_ATTRIBUTE_VALUE = 0x0106
PROCESSING_FAILURE = 0x0110
DUPLICATE_SOP_INSTANCE = 0x0111
NO_SUCH_SOP_INSTANCE = 0x0112

# PS3.4 Table F.7.2-2
NO_LONGER_UPDATED = 0xA710
NO_LONGER_UPDATED_COMMENT = "Performed Procedure Step Object may no longer be updated"

_STATUS = "PerformedProcedureStepStatus"
_STATUS_TAG = 0x00400252


class FinalStateRefusal(Refusal):
    """The step is completed or discontinued (PS3.4 F.7.2.2.3)."""

    def __init__(self) -> None:
        super().__init__(PROCESSING_FAILURE, NO_LONGER_UPDATED_COMMENT)

    @property
    def answer(self) -> Dataset:
        """What a handler returns as its status, with the Error ID of PS3.4 Table F.7.2-2."""
        answer = super().answer
        answer.ErrorID = NO_LONGER_UPDATED
        return answer


def check_create(attributes: Dataset, *, exists: bool = False) -> Dataset:
    """Check what an N-CREATE wants to create (PS3.4 F.7.2.1.3).

    Parameters
    ----------
    attributes
        Its Attribute List.
    exists
        Whether there is an instance of that name.

    Returns
    -------
    pydicom.Dataset
        The instance that is to be kept.

    Raises
    ------
    Refusal
        0111H, it exists; 0120H or 0121H, an attribute or its value is missing; 0106H, the status is not IN
        PROGRESS, or an attribute is not what it should be.
    """
    if exists:
        raise Refusal(DUPLICATE_SOP_INSTANCE, "there is a performed procedure step of this name")
    found = violations(TABLE, attributes, Column.CREATE)
    status = attributes.get(_STATUS)
    if status and status != PerformedProcedureStepStatus.IN_PROGRESS:
        found.append(_wrong_status(status, "N-CREATE needs IN PROGRESS"))
    if found:
        raise AttributeRefusal(found)
    return merged(attributes, Dataset())


def check_set(instance: Dataset | None, modifications: Dataset) -> Dataset:
    """Check what an N-SET wants to set (PS3.4 F.7.2.2.3).

    Parameters
    ----------
    instance
        The instance as it is; None when there is none of that name.
    modifications
        Its Modification List.

    Returns
    -------
    pydicom.Dataset
        The instance as it is to be kept.

    Raises
    ------
    Refusal
        0112H, no such instance; 0110H with Error ID A710H, it is in a final state; 0105H, an attribute may
        not be set; 0106H, there is no such status; 0120H or 0121H, an attribute or its value is missing, in
        what is set or in the final state.
    """
    if instance is None:
        raise Refusal(NO_SUCH_SOP_INSTANCE, "there is no performed procedure step of this name")
    if instance.get(_STATUS) != PerformedProcedureStepStatus.IN_PROGRESS:
        raise FinalStateRefusal
    found = violations(TABLE, modifications, Column.SET)
    result = merged(instance, modifications)
    # It may be several values, which are no key of a mapping.
    status = str(result.get(_STATUS))
    if status not in EVENT_OF_STATUS:
        found.append(_wrong_status(status, "one of PS3.4 Table F.1-3"))
    elif PerformedProcedureStepStatus(status).is_final and not found:
        found = violations(TABLE, result, Column.FINAL)
    if found:
        raise AttributeRefusal(found)
    return result


def _wrong_status(status: object, rule: str) -> Violation:
    return Violation(_STATUS, _STATUS_TAG, Fault.INVALID, rule, str(status)[:64])


class PerformedProcedureStepProvider:
    """The SCP of performed procedure steps, but for where they live.

    `create`, `set` and `get` are handlers of EVT_N_CREATE, EVT_N_SET and EVT_N_GET, or what such handlers
    return. Requests of several associations are checked and done one after the other.

    Parameters
    ----------
    instances
        Where the steps live: SOP Instance UID to data set. A dict does; so does anything that looks like one
        and keeps what it is given. A data set that was handed over is not changed, but replaced.
    notify
        Called with the SOP Instance UID and what has happened, once it has been kept. It is called in the
        thread that serves the peer, which waits for it: hand it on, and send notifications from elsewhere.
    """

    def __init__(
        self,
        instances: MutableMapping[str, Dataset],
        notify: Callable[[str, PerformedProcedureStepEvent], object] = lambda uid, event: None,
    ) -> None:
        self.instances = instances
        self._notify = notify
        self._lock = threading.RLock()

    def create(self, event: Any) -> Answer:
        """Create a step, and return the status and None."""
        try:
            check_class(event.request.AffectedSOPClassUID, ModalityPerformedProcedureStep)
            uid = check_name(event.request.AffectedSOPInstanceUID)
            attributes = decoded(event.attribute_list, INVALID_ATTRIBUTE_VALUE)
            with self._lock:
                self.instances[uid] = check_create(attributes, exists=uid in self.instances)
                self._notify(uid, PerformedProcedureStepEvent.IN_PROGRESS)
        except Refusal as refusal:
            return refusal.answer, None
        return 0x0000, None

    def set(self, event: Any) -> Answer:
        """Set attributes of a step, perhaps its final state, and return the status and None."""
        uid = str(event.request.RequestedSOPInstanceUID)
        try:
            check_class(event.request.RequestedSOPClassUID, ModalityPerformedProcedureStep)
            modifications = decoded(event.modification_list, INVALID_ATTRIBUTE_VALUE)
            with self._lock:
                after = check_set(self.instances.get(uid), modifications)
                self.instances[uid] = after
                # The step was in progress, else nothing could have been set.
                status = PerformedProcedureStepStatus(after.get(_STATUS))
                updated = PerformedProcedureStepEvent.UPDATED
                self._notify(uid, EVENT_OF_STATUS[status] if status.is_final else updated)
        except Refusal as refusal:
            return refusal.answer, None
        return 0x0000, None

    def get(self, event: Any) -> Answer:
        """Return the status, and the attributes of a step that are asked for (PS3.4 F.8.2.1.3)."""
        try:
            check_class(event.request.RequestedSOPClassUID, ModalityPerformedProcedureStepRetrieve)
            instance = self.instances.get(str(event.request.RequestedSOPInstanceUID))
            if instance is None:
                raise Refusal(NO_SUCH_SOP_INSTANCE, "there is no performed procedure step of this name")
        except Refusal as refusal:
            return refusal.answer, None
        return answer_get(instance, event.attribute_identifiers)
