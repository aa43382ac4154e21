"""A Unified Procedure Step as SCU: claimed, performed, ended, watched (PS3.4 Annex CC).

Who has claimed a step holds it with a Transaction UID, and alone may say how it goes on. Requests name the
UPS Push SOP Class, and go over whichever accepted presentation context carries them. `unified_worklist` is
where steps are created and found.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from fastdicom.sop_class import (
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
    UnifiedProcedureStepWatch,
)
from fastdicom.workflow.attributes import (
    CANCELED,
    COMPLETED,
    Column,
    RequirementError,
    merged,
    violations,
)
from fastdicom.workflow.outcomes import OperationFailed, StateError, done
from fastdicom.workflow.unified_procedure_step_table import (
    DISCONTINUATION_REASON,
    PROGRESS,
    STATE,
    TABLE,
    TRANSACTION_UID_TAG,
    UNSPECIFIED_REASON,
    Action,
    UnifiedProcedureStepState,
)

# Which contexts carry what, the best one first (PS3.4 Tables CC.2-1 to CC.2-5).
PERFORM = (UnifiedProcedureStepPull,)
SUBSCRIBE = (UnifiedProcedureStepWatch,)
CANCEL = (UnifiedProcedureStepWatch, UnifiedProcedureStepPush)
GET = (UnifiedProcedureStepPull, UnifiedProcedureStepWatch, UnifiedProcedureStepPush)

# What an SCU knows of final states: what the performer has set. The rest is the SCP's to know.
_PERFORMER = {
    UnifiedProcedureStepState.COMPLETED: {code: kind for code, kind in COMPLETED.items() if code != "R"},
    UnifiedProcedureStepState.CANCELED: {code: kind for code, kind in CANCELED.items() if code != "R"},
}
# The SCP fills it in (PS3.4 Table CC.2.5-3).
_FILLED_IN = 0x00404052


def context_for(association: Any, sop_classes: Iterable[str]) -> str:
    """Return the SOP class of the accepted presentation context that a request goes over.

    Parameters
    ----------
    association
        The association.
    sop_classes
        Which would do, the best one first.

    Raises
    ------
    ValueError
        When none of them was accepted with this side as SCU.
    """
    accepted = {context.abstract_syntax for context in association.accepted_contexts if context.as_scu}
    names = []
    for sop_class in sop_classes:
        if sop_class in accepted:
            return sop_class
        names.append(getattr(sop_class, "name", sop_class))
    raise ValueError(f"no accepted presentation context for {' or '.join(names)}")


def code_item(value: str, scheme: str, meaning: str) -> Dataset:
    """Return the item of a code sequence (PS3.3 Table 8.8-1).

    Parameters
    ----------
    value, scheme, meaning
        Code Value, Coding Scheme Designator and Code Meaning.
    """
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


class UnifiedProcedureStep:
    """A step of a worklist.

    Parameters
    ----------
    association
        An association with its SCP. It may be replaced.
    sop_instance_uid
        Its name.
    state
        The state that it is in; None when that is not known. What is asked for then is for the SCP to refuse.
    transaction_uid
        What it was claimed with; None when this side has not claimed it. Keep it where it survives: nobody
        tells it again.
    attributes
        What is known of it.

    Attributes
    ----------
    response
        The status of the last operation: a success, or a warning.
    """

    def __init__(
        self,
        association: Any,
        sop_instance_uid: str,
        state: UnifiedProcedureStepState | None = None,
        transaction_uid: str | None = None,
        attributes: Dataset | None = None,
    ) -> None:
        self.association = association
        self.sop_instance_uid = sop_instance_uid
        self.state = state
        self.transaction_uid = transaction_uid
        self.attributes = Dataset() if attributes is None else attributes
        self.response = Dataset()

    def __str__(self) -> str:
        return f"Unified Procedure Step {self.sop_instance_uid}"

    def claim(self, transaction_uid: str | None = None) -> str:
        """Take a scheduled step to perform it: Change State to IN PROGRESS (PS3.4 CC.2.1.2).

        Parameters
        ----------
        transaction_uid
            What it is claimed with; a new UID when None.

        Returns
        -------
        str
            The Transaction UID. It is in `transaction_uid` before the request is sent, and stays there when
            the SCP did not answer: the step may be claimed.

        Raises
        ------
        StateError
            When the step is not scheduled. Nothing was sent.
        OperationFailed
            When the SCP has not done it (C302H: it is somebody else's), or did not answer.
        """
        if self.state not in (None, UnifiedProcedureStepState.SCHEDULED):
            raise StateError(f"claim {self}: it is {self.state}; only SCHEDULED steps are claimed")
        before = self.transaction_uid
        self.transaction_uid = transaction_uid or generate_uid()
        try:
            self._change(UnifiedProcedureStepState.IN_PROGRESS)
        except OperationFailed as error:
            if error.code is not None:
                self.transaction_uid = before
            raise
        return self.transaction_uid

    def update(self, modifications: Dataset) -> None:
        """Set attributes: N-SET, with the Transaction UID when the step is claimed (PS3.4 CC.2.6).

        Parameters
        ----------
        modifications
            What is set; a sequence with all of its items, not only those that are new.

        Raises
        ------
        StateError, RequirementError
            When the step is at its end, or somebody else's; when an attribute may not be set. Nothing was
            sent.
        OperationFailed
            When the SCP has not set it, or did not answer.
        """
        if self.state is not None and self.state.is_final:
            raise StateError(
                f"update {self}: it is {self.state}, and may no longer be updated (PS3.4 CC.2.6.2)"
            )
        if self.state is UnifiedProcedureStepState.IN_PROGRESS and self.transaction_uid is None:
            raise StateError(f"update {self}: it is IN PROGRESS, and its Transaction UID is not known")
        changes = merged(modifications, Dataset())
        changes.pop(TRANSACTION_UID_TAG, None)
        found = violations(TABLE, changes, Column.SET)
        if found:
            raise RequirementError(f"update {self}", found)
        sent = merged(changes, Dataset())
        if self.transaction_uid is not None:
            sent.TransactionUID = self.transaction_uid
        response = self.association.send_n_set(
            sent,
            UnifiedProcedureStepPush,
            self.sop_instance_uid,
            meta_uid=context_for(self.association, PERFORM),
        )
        self.response, reply = done(f"update {self}", response)
        self.attributes = merged(merged(self.attributes, changes), reply)

    def report_progress(
        self,
        percent: float | None = None,
        description: str | None = None,
        *,
        contact_uri: str | None = None,
        contact_display_name: str | None = None,
    ) -> None:
        """Tell how far the work is: N-SET of the Progress Information Sequence.

        What is None stays as it is known to be.

        Parameters
        ----------
        percent
            How much is done.
        description
            What is being done.
        contact_uri, contact_display_name
            Where the performer is to be reached.

        Raises
        ------
        StateError, OperationFailed
            As `update`; StateError also when the step is not claimed.
        """
        self._require_claim("report progress of")
        item = self._progress()
        if percent is not None:
            item.ProcedureStepProgress = f"{percent:g}"
        if description is not None:
            item.ProcedureStepProgressDescription = description
        if contact_uri is not None:
            contact = Dataset()
            contact.ContactURI = contact_uri
            if contact_display_name is not None:
                contact.ContactDisplayName = contact_display_name
            item.ProcedureStepCommunicationsURISequence = [contact]
        self._set_progress(item)

    def complete(self, performed: Dataset | None = None) -> None:
        """Say that the work was done: Change State to COMPLETED, after an N-SET of what it lacks.

        Parameters
        ----------
        performed
            The item of (0074,1216) Unified Procedure Step Performed Procedure Sequence. None when it has
            been set before; who took the step over from a program that ended asks with `retrieve` first.

        Raises
        ------
        StateError, RequirementError
            When the step is not claimed, or lacks what the final state needs: station, workitem code, start
            and end, and output, which may be empty (PS3.4 Table CC.2.5-3). Nothing was sent.
        OperationFailed
            When the SCP has not done it, or did not answer.
        """
        changes = Dataset()
        if performed is not None:
            changes.UnifiedProcedureStepPerformedProcedureSequence = [performed]
        self._end(UnifiedProcedureStepState.COMPLETED, changes)

    def cancel(self, reason: str | None = None, code: Dataset | None = None) -> None:
        """Give the work up, as its performer: Change State to CANCELED, after an N-SET of why.

        Parameters
        ----------
        reason
            Why, as text.
        code
            Why, as a code item of CID 9300; when None what has been set before, else "Discontinued for
            unspecified reason", as the final state needs one.

        Raises
        ------
        StateError
            When the step is not claimed; who has not claimed it uses `request_cancel`. Nothing was sent.
        OperationFailed
            When the SCP has not done it, or did not answer.
        """
        self._require_claim("cancel")
        item = self._progress()
        if reason is not None:
            item.ReasonForCancellation = reason
        if code is not None or not item.get(DISCONTINUATION_REASON):
            setattr(item, DISCONTINUATION_REASON, [code or code_item(*UNSPECIFIED_REASON)])
        changes = Dataset()
        setattr(changes, PROGRESS, [item])
        self._end(UnifiedProcedureStepState.CANCELED, changes)

    def request_cancel(
        self,
        reason: str | None = None,
        code: Dataset | None = None,
        *,
        contact_uri: str | None = None,
        contact_display_name: str | None = None,
    ) -> None:
        """Ask for a step of somebody else to be canceled: N-ACTION 2 (PS3.4 CC.2.2).

        A success says that the request was passed on; the performer decides. A step that nobody has claimed
        is canceled at once.

        Parameters
        ----------
        reason, code
            Why, as text and as a code item of CID 9300.
        contact_uri, contact_display_name
            Whom to talk to.

        Raises
        ------
        StateError
            When the step is completed or canceled. Nothing was sent.
        OperationFailed
            When the SCP has not done it, or did not answer.
        """
        if self.state is not None and self.state.is_final:
            raise StateError(f"request to cancel {self}: it is {self.state}")
        information = Dataset()
        for keyword, value in (
            ("ReasonForCancellation", reason),
            (DISCONTINUATION_REASON, None if code is None else [code]),
            ("ContactURI", contact_uri),
            ("ContactDisplayName", contact_display_name),
        ):
            if value is not None:
                setattr(information, keyword, value)
        self._act("request to cancel", Action.REQUEST_CANCEL, information, CANCEL)

    def subscribe(self, receiving_ae: str, *, deletion_lock: bool = False) -> Dataset:
        """Subscribe an AE to this step; as `UnifiedWorklist.subscribe`."""
        information = Dataset()
        information.DeletionLock = "TRUE" if deletion_lock else "FALSE"
        name = self.sop_instance_uid
        return manage_subscription(self.association, Action.SUBSCRIBE, name, receiving_ae, information)

    def unsubscribe(self, receiving_ae: str) -> Dataset:
        """Unsubscribe an AE from this step, which takes its deletion lock away."""
        return manage_subscription(self.association, Action.UNSUBSCRIBE, self.sop_instance_uid, receiving_ae)

    def retrieve(self, attributes: Iterable[Any] = ()) -> Dataset:
        """Ask the SCP for the step: N-GET (PS3.4 CC.2.7). What is known of it is brought up to date.

        Parameters
        ----------
        attributes
            Tags or keywords; all attributes when there are none. The Transaction UID is never told.

        Returns
        -------
        pydicom.Dataset
            What the SCP has of them.

        Raises
        ------
        OperationFailed
            When the SCP does not have the step, or did not answer.
        """
        response = self.association.send_n_get(
            list(attributes),
            UnifiedProcedureStepPush,
            self.sop_instance_uid,
            meta_uid=context_for(self.association, GET),
        )
        self.response, reply = done(f"retrieve {self}", response)
        self.attributes = merged(self.attributes, reply)
        if reply.get(STATE) in set(UnifiedProcedureStepState):
            self.state = UnifiedProcedureStepState(reply.get(STATE))
        return reply

    def _require_claim(self, verb: str) -> None:
        if self.state not in (None, UnifiedProcedureStepState.IN_PROGRESS):
            raise StateError(f"{verb} {self}: it is {self.state}, not IN PROGRESS (PS3.4 Table CC.1.1-2)")
        if self.transaction_uid is None:
            raise StateError(f"{verb} {self}: it was not claimed, its Transaction UID is not known")

    def _progress(self) -> Dataset:
        items = self.attributes.get(PROGRESS)
        return deepcopy(items[0]) if items else Dataset()

    def _set_progress(self, item: Dataset) -> None:
        changes = Dataset()
        setattr(changes, PROGRESS, [item])
        self.update(changes)

    def _end(self, state: UnifiedProcedureStepState, changes: Dataset) -> None:
        verb = "complete" if state is UnifiedProcedureStepState.COMPLETED else "cancel"
        self._require_claim(verb)
        result = merged(self.attributes, changes)
        found = violations(TABLE, result, Column.FINAL, _PERFORMER[state])
        found = [violation for violation in found if violation.tag != _FILLED_IN]
        if found:
            raise RequirementError(f"{verb} {self}", found)
        if len(changes) > 0:
            self.update(changes)
        self._change(state)

    def _change(self, state: UnifiedProcedureStepState) -> None:
        information = Dataset()
        information.ProcedureStepState = state.value
        information.TransactionUID = self.transaction_uid
        self._act(f"change to {state}", Action.CHANGE_STATE, information, PERFORM)
        self.state = state

    def _act(self, verb: str, action: Action, information: Dataset, contexts: Iterable[str]) -> None:
        response = self.association.send_n_action(
            information,
            int(action),
            UnifiedProcedureStepPush,
            self.sop_instance_uid,
            meta_uid=context_for(self.association, contexts),
        )
        self.response, _ = done(f"{verb} {self}", response)


def manage_subscription(
    association: Any, action: Action, name: str, receiving_ae: str, information: Dataset | None = None
) -> Dataset:
    """Manage the subscription of an AE; return the status (PS3.4 CC.2.3).

    Parameters
    ----------
    association
        The association.
    action
        What to do.
    name
        The step, or one of the two well-known instances.
    receiving_ae
        The AE title that reports go to.
    information
        What else the action needs.

    Raises
    ------
    OperationFailed
        When the SCP has not done it, or did not answer.
    """
    information = information or Dataset()
    information.ReceivingAE = receiving_ae
    response = association.send_n_action(
        information,
        int(action),
        UnifiedProcedureStepPush,
        name,
        meta_uid=context_for(association, SUBSCRIBE),
    )
    return done(f"{action.name.lower().replace('_', ' ')} {receiving_ae} ({name})", response)[0]
