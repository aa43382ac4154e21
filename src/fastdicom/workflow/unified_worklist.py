"""The worklist of Unified Procedure Steps as SCU: steps are created, looked for, watched (PS3.4 Annex CC).

The steps themselves are `unified_procedure_step`; the other side is `unified_procedure_step_provider`.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from fastdicom.sop_class import (
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
    UnifiedProcedureStepQuery,
    UnifiedProcedureStepWatch,
    UPSFilteredGlobalSubscriptionInstance,
    UPSGlobalSubscriptionInstance,
)
from fastdicom.status import STATUS_PENDING, STATUS_SUCCESS, code_to_category
from fastdicom.workflow.attributes import (
    Column,
    Fault,
    RequirementError,
    Violation,
    merged,
    violations,
    with_empty_attributes,
)
from fastdicom.workflow.outcomes import OperationFailed, done
from fastdicom.workflow.unified_procedure_step import UnifiedProcedureStep, context_for, manage_subscription
from fastdicom.workflow.unified_procedure_step_table import (
    STATE,
    STATE_TAG,
    TABLE,
    Action,
    UnifiedProcedureStepState,
)

# Which contexts carry what, the best one first (PS3.4 Tables CC.2-1, CC.2-2, CC.2-3 and CC.2-5).
CREATE = (UnifiedProcedureStepPush,)
FIND = (UnifiedProcedureStepPull, UnifiedProcedureStepWatch, UnifiedProcedureStepQuery)


class UnifiedWorklist:
    """The worklist of an SCP.

    Parameters
    ----------
    association
        An association with it. It may be replaced.
    """

    def __init__(self, association: Any) -> None:
        self.association = association

    def create(self, attributes: Dataset, sop_instance_uid: str | None = None) -> UnifiedProcedureStep:
        """Put a step on the worklist: N-CREATE (PS3.4 CC.2.5).

        Its state, and type 2 attributes that are missing, are added.

        Parameters
        ----------
        attributes
            The attributes of the step; this data set is not changed.
        sop_instance_uid
            Its name; a new UID when None.

        Raises
        ------
        RequirementError
            When they do not meet PS3.4 Table CC.2.5-3. Nothing was sent.
        OperationFailed
            When the SCP has not created it, or did not answer.
        ValueError
            When no presentation context fits.
        """
        created = with_empty_attributes(TABLE, attributes)
        if STATE not in created:
            created.ProcedureStepState = UnifiedProcedureStepState.SCHEDULED.value
        found = violations(TABLE, created, Column.CREATE)
        if created.get(STATE) != UnifiedProcedureStepState.SCHEDULED:
            rule = "a step is created SCHEDULED (PS3.4 CC.2.5.2)"
            found.append(Violation(STATE, STATE_TAG, Fault.INVALID, rule, str(created.get(STATE))))
        if found:
            raise RequirementError("create a Unified Procedure Step", found)
        step = UnifiedProcedureStep(
            self.association,
            sop_instance_uid or generate_uid(),
            UnifiedProcedureStepState.SCHEDULED,
            attributes=created,
        )
        meta_uid = context_for(self.association, CREATE)
        response = self.association.send_n_create(
            created, UnifiedProcedureStepPush, step.sop_instance_uid, meta_uid=meta_uid
        )
        step.response, reply = done(f"create {step}", response)
        step.attributes = merged(created, reply)
        return step

    def find(self, identifier: Dataset) -> Iterator[Dataset]:
        """Search the worklist: C-FIND (PS3.4 CC.2.8).

        The request is sent when the first match is asked for; who stops early closes the iterator.

        Parameters
        ----------
        identifier
            What to look for, and the attributes that are wanted. (0008,0018) SOP Instance UID is one that
            names the steps; `UnifiedProcedureStep` then goes on with one.

        Yields
        ------
        pydicom.Dataset
            Each match.

        Raises
        ------
        OperationFailed
            When the SCP fails, or does not answer.
        """
        responses = self.association.send_c_find(identifier, context_for(self.association, FIND))
        try:
            for status, match in responses:
                category = code_to_category(status.Status) if "Status" in status else None
                if category == STATUS_PENDING and match is not None:
                    yield match
                elif category not in (STATUS_PENDING, STATUS_SUCCESS):
                    raise OperationFailed("search the worklist", status)
        finally:
            responses.close()

    def subscribe(
        self, receiving_ae: str, *, deletion_lock: bool = False, matching: Dataset | None = None
    ) -> Dataset:
        """Subscribe an AE to the steps that there are and that will be: N-ACTION 3 (PS3.4 CC.2.3).

        Parameters
        ----------
        receiving_ae
            The AE title that reports go to.
        deletion_lock
            Whether finished steps are kept until this AE unsubscribes.
        matching
            Only of steps that match this identifier; an SCP need not know how.

        Returns
        -------
        pydicom.Dataset
            The status; B301H when the deletion lock was not granted.

        Raises
        ------
        OperationFailed
            When the SCP has not done it, or did not answer.
        """
        information = Dataset() if matching is None else deepcopy(matching)
        information.DeletionLock = "TRUE" if deletion_lock else "FALSE"
        name = UPSGlobalSubscriptionInstance if matching is None else UPSFilteredGlobalSubscriptionInstance
        return manage_subscription(self.association, Action.SUBSCRIBE, name, receiving_ae, information)

    def unsubscribe(self, receiving_ae: str) -> Dataset:
        """Unsubscribe an AE from all steps, those with subscriptions of their own included: N-ACTION 4."""
        return manage_subscription(
            self.association, Action.UNSUBSCRIBE, UPSGlobalSubscriptionInstance, receiving_ae
        )

    def suspend(self, receiving_ae: str) -> Dataset:
        """Have an AE subscribed to the steps that there are, but to no new ones: N-ACTION 5."""
        name = UPSGlobalSubscriptionInstance
        return manage_subscription(self.association, Action.SUSPEND_GLOBAL_SUBSCRIPTION, name, receiving_ae)
