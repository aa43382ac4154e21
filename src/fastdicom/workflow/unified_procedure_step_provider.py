"""An SCP of Unified Procedure Steps, but for where they live: a handler delegates to it (PS3.4 Annex CC).

It holds the rules (`unified_procedure_step_rules`), keeps the subscriptions, and says which AE gets which
report; sending reports is for the user, as only the user knows where an AE is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, MutableMapping
from datetime import datetime
from enum import Enum
from typing import Any

from pydicom.dataset import Dataset

from fastdicom.log import get_logger
from fastdicom.sop_class import (
    UnifiedProcedureStepPush,
    UPSFilteredGlobalSubscriptionInstance,
    UPSGlobalSubscriptionInstance,
)
from fastdicom.workflow import unified_procedure_step_rules as rules
from fastdicom.workflow.attributes import merged
from fastdicom.workflow.instances import Answer, answer_get, check_class, check_name
from fastdicom.workflow.outcomes import StateError
from fastdicom.workflow.refusal import Refusal, decoded
from fastdicom.workflow.unified_procedure_step_reports import (
    Assigned,
    CancelRequested,
    ListStatus,
    ProgressReport,
    Report,
    ScpStatus,
    ScpStatusChange,
    StateReport,
)
from fastdicom.workflow.unified_procedure_step_subscriptions import GlobalSubscription, Subscriptions
from fastdicom.workflow.unified_procedure_step_table import (
    DISCONTINUATION_REASON,
    PROGRESS,
    TRANSACTION_UID_TAG,
    Action,
    UnifiedProcedureStepState,
)

LOGGER = get_logger(__name__)

INVALID_ATTRIBUTE_VALUE = 0x0106
INVALID_ARGUMENT_VALUE = 0x0115
NO_SUCH_ACTION = 0x0123
LOCK_NOT_GRANTED = 0xB301
NO_SUCH_STEP = 0xC307
UNKNOWN_AE = 0xC308
NO_PERFORMER = 0xC312
NOT_CANCELED = 0xC313
NOT_APPROPRIATE = 0xC314
NO_EVENT_REPORTS = 0xC315

EVERY_STEP = (UPSGlobalSubscriptionInstance, UPSFilteredGlobalSubscriptionInstance)

# What of the Progress Information Sequence is reported when it changes (PS3.4 CC.2.4.3)
_REPORTED_PROGRESS = (
    "ProcedureStepProgress",
    "ProcedureStepProgressDescription",
    "ProcedureStepCommunicationsURISequence",
)
_ASSIGNMENT = ("ScheduledStationNameCodeSequence", "ScheduledHumanPerformersSequence")


class CancelDecision(Enum):
    """What an SCP makes of a request to cancel a step that is in progress (PS3.4 CC.2.2.3)."""

    PASS_ON = "the performer is told, and decides"
    CANCEL = "the SCP performs it itself, and cancels it"
    REFUSE = "the SCP performs it itself, and goes on"


def changes(sop_instance_uid: str, before: Dataset, after: Dataset) -> Iterator[Report]:
    """Yield what is to be reported of a step that has changed (PS3.4 CC.2.4.3).

    Parameters
    ----------
    sop_instance_uid
        The step.
    before, after
        Its instance; before it was created that is an empty data set.
    """
    if _differ(before, after, "ProcedureStepState", "InputReadinessState"):
        yield state_report(sop_instance_uid, after)
    if _differ(before, after, *_ASSIGNMENT):
        people = after.get("ScheduledHumanPerformersSequence") or ()
        yield Assigned(
            sop_instance_uid,
            tuple(after.get("ScheduledStationNameCodeSequence") or ()),
            tuple(code for person in people for code in person.get("HumanPerformerCodeSequence") or ()),
            next((str(person.get("HumanPerformerOrganization") or "") for person in people), ""),
        )
    progress = _progress(after)
    if _differ(_progress(before), progress, *_REPORTED_PROGRESS):
        yield ProgressReport(sop_instance_uid, progress)


def state_report(sop_instance_uid: str, instance: Dataset) -> StateReport:
    """Return the report on the state that a step is in."""
    progress = _progress(instance)
    return StateReport(
        sop_instance_uid,
        UnifiedProcedureStepState(instance.ProcedureStepState),
        str(instance.get("InputReadinessState") or ""),
        str(progress.get("ReasonForCancellation") or ""),
        tuple(progress.get(DISCONTINUATION_REASON) or ()),
    )


def _differ(before: Dataset, after: Dataset, *keywords: str) -> bool:
    return any((before.get(keyword) or None) != (after.get(keyword) or None) for keyword in keywords)


def _progress(instance: Dataset) -> Dataset:
    items = instance.get(PROGRESS)
    return items[0] if items else Dataset()


class UnifiedProcedureStepProvider:
    """The SCP of a worklist, but for where its steps live.

    `create`, `set`, `act` and `get` are handlers of EVT_N_CREATE, EVT_N_SET, EVT_N_ACTION and EVT_N_GET, or
    what such handlers return. Requests of several associations are checked and done one after the other. A
    handler of EVT_C_FIND answers from `records`.

    Parameters
    ----------
    instances
        Where the steps live: SOP Instance UID to data set, the Transaction UID included. A dict does; so
        does anything that looks like one and keeps what it is given. A data set that was handed over is not
        changed, but replaced.
    notify
        Called with an AE title and the report that it is to get; None when there are no event reports. It
        is called in the thread that serves the peer, which waits for it and has not answered yet: hand it
        on, and send reports from elsewhere.
    subscriptions
        Where subscriptions live.
    matches
        Whether an identifier matches an instance; None when there are no filtered subscriptions.
    knows
        Whether an AE title is one that reports can be sent to.
    grants_locks
        Whether finished steps may be locked against deletion.
    decide
        Called with the SOP Instance UID and the Action Information when a step that is in progress is to be
        canceled; returns what is done.
    worklist_label
        Of steps that are created without one.
    now
        The time of the wall clock.
    """

    def __init__(
        self,
        instances: MutableMapping[str, Dataset],
        notify: Callable[[str, Report], object] | None = None,
        *,
        subscriptions: Subscriptions | None = None,
        matches: Callable[[Dataset, Dataset], bool] | None = None,
        knows: Callable[[str], bool] = lambda title: True,
        grants_locks: bool = True,
        decide: Callable[[str, Dataset], CancelDecision] = lambda uid, information: CancelDecision.PASS_ON,
        worklist_label: str = "DEFAULT",
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        self.instances = instances
        self.subscriptions = subscriptions or Subscriptions()
        self._notify = notify
        self._matches = matches
        self._knows = knows
        self._grants_locks = grants_locks
        self._decide = decide
        self._worklist_label = worklist_label
        self._now = now
        self._lock = threading.RLock()
        self._actions = {
            Action.CHANGE_STATE: self._change_state,
            Action.REQUEST_CANCEL: self._request_cancel,
            Action.SUBSCRIBE: self._subscribe,
            Action.UNSUBSCRIBE: self._unsubscribe,
            Action.SUSPEND_GLOBAL_SUBSCRIPTION: self._suspend,
        }

    def create(self, event: Any) -> Answer:
        """Create a step, and return the status and None (PS3.4 CC.2.5.3)."""
        try:
            check_class(event.request.AffectedSOPClassUID, UnifiedProcedureStepPush)
            uid = check_name(event.request.AffectedSOPInstanceUID)
            if uid in EVERY_STEP:
                raise rules.refusal(0x0111)
            attributes = decoded(event.attribute_list, INVALID_ATTRIBUTE_VALUE)
            with self._lock:
                instance = rules.check_create(
                    attributes,
                    uid,
                    self._now(),
                    worklist_label=self._worklist_label,
                    exists=uid in self.instances,
                )
                self.add(uid, instance)
        except Refusal as refusal:
            return refusal.answer, None
        return 0x0000, None

    def set(self, event: Any) -> Answer:
        """Set attributes of a step, and return the status and None (PS3.4 CC.2.6.3)."""
        uid = str(event.request.RequestedSOPInstanceUID)
        try:
            check_class(event.request.RequestedSOPClassUID, UnifiedProcedureStepPush)
            modifications = decoded(event.modification_list, INVALID_ATTRIBUTE_VALUE)
            with self._lock:
                self.replace(uid, rules.check_set(self.instances.get(uid), modifications, self._now()))
        except Refusal as refusal:
            return refusal.answer, None
        return 0x0000, None

    def act(self, event: Any) -> Answer:
        """Change a state, pass a request to cancel on, or manage subscriptions (PS3.4 CC.2.1 to CC.2.3).

        Returns
        -------
        tuple
            The status and None.
        """
        uid = str(event.request.RequestedSOPInstanceUID)
        try:
            check_class(event.request.RequestedSOPClassUID, UnifiedProcedureStepPush)
            if event.action_type not in self._actions:
                raise Refusal(NO_SUCH_ACTION, f"action types are 1 to 5, not {event.action_type}")
            information = decoded(event.action_information, INVALID_ARGUMENT_VALUE)
            with self._lock:
                self._actions[Action(event.action_type)](event, uid, information)
        except Refusal as refusal:
            return refusal.answer, None
        return 0x0000, None

    def get(self, event: Any) -> Answer:
        """Return the status, and what is asked for, but the Transaction UID (PS3.4 CC.2.7.3)."""
        try:
            check_class(event.request.RequestedSOPClassUID, UnifiedProcedureStepPush)
            instance = self.instances.get(str(event.request.RequestedSOPInstanceUID))
            if instance is None:
                raise rules.refusal(NO_SUCH_STEP)
        except Refusal as refusal:
            return refusal.answer, None
        return answer_get(instance, event.attribute_identifiers, hidden=(TRANSACTION_UID_TAG,))

    def records(self) -> Iterator[Dataset]:
        """Yield each step as C-FIND may see it: without its Transaction UID (PS3.4 Table CC.2.5-3)."""
        with self._lock:
            instances = list(self.instances.values())
        for instance in instances:
            record = merged(instance, Dataset())
            record.pop(TRANSACTION_UID_TAG, None)
            yield record

    def add(self, sop_instance_uid: str, instance: Dataset) -> None:
        """Keep a new step, which the SCP may also have made itself, and report it.

        Parameters
        ----------
        sop_instance_uid
            Its name.
        instance
            The step; nothing is checked.
        """
        with self._lock:
            self.instances[sop_instance_uid] = instance
            self.subscriptions.add_step(
                sop_instance_uid, lambda identifier: self._is_match(identifier, instance)
            )
            for report in changes(sop_instance_uid, Dataset(), instance):
                self._report(report)

    def replace(self, sop_instance_uid: str, instance: Dataset) -> None:
        """Keep a step as it now is, which the SCP may also have changed itself, and report what is new.

        Parameters
        ----------
        sop_instance_uid
            Its name; KeyError when there is no such step.
        instance
            The step; nothing is checked.
        """
        with self._lock:
            before = self.instances[sop_instance_uid]
            self.instances[sop_instance_uid] = instance
            for report in changes(sop_instance_uid, before, instance):
                self._report(report)

    def remove(self, sop_instance_uid: str) -> None:
        """Remove a step.

        Raises
        ------
        KeyError
            When there is no such step.
        StateError
            When it is not finished, or there is a deletion lock on it (PS3.4 CC.2.1.3). It stays.
        """
        with self._lock:
            state = rules.state_of(self.instances[sop_instance_uid])
            if state is None or not state.is_final:
                raise StateError(f"remove Unified Procedure Step {sop_instance_uid}: it is {state}")
            if self.subscriptions.is_locked(sop_instance_uid):
                raise StateError(f"remove Unified Procedure Step {sop_instance_uid}: it has a deletion lock")
            del self.instances[sop_instance_uid]
            self.subscriptions.remove_step(sop_instance_uid)

    def announce(
        self,
        status: ScpStatus,
        subscriptions: ListStatus | None = None,
        steps: ListStatus | None = None,
        also: tuple[str, ...] = (),
    ) -> None:
        """Report that this SCP has restarted, or is going down, to everyone (PS3.4 CC.2.4.3).

        Parameters
        ----------
        status
            Which of the two.
        subscriptions, steps
            Whether the lists were preserved, when it has restarted.
        also
            AE titles to tell that need not be subscribed.
        """
        report = ScpStatusChange(
            status=status.value, subscription_list=subscriptions or "", step_list=steps or ""
        )
        with self._lock:
            for title in dict.fromkeys((*self.subscriptions.everyone(), *also)):
                self._tell(title, report)

    def _change_state(self, event: Any, uid: str, information: Dataset) -> None:
        self.replace(uid, rules.check_change(self.instances.get(uid), information, self._now()))

    def _request_cancel(self, event: Any, uid: str, information: Dataset) -> None:
        instance = self.instances.get(uid)
        rules.check(rules.Request.REQUEST_CANCEL, rules.state_of(instance))
        started = merged(instance or Dataset(), Dataset())
        if started.ProcedureStepState == UnifiedProcedureStepState.IN_PROGRESS:
            decision = self._decide(uid, information)
            if decision is CancelDecision.REFUSE:
                raise rules.refusal(NOT_CANCELED)
            if decision is CancelDecision.PASS_ON and not self._can_be_told(uid):
                raise rules.refusal(NO_PERFORMER)
            requesting_ae = str(event.assoc.remote["ae_title"]).strip()
            report = CancelRequested.read(uid, information)
            self._report(CancelRequested(uid, requesting_ae, *_rest(report)))
            if decision is CancelDecision.PASS_ON:
                return
        started.ProcedureStepState = UnifiedProcedureStepState.IN_PROGRESS.value
        canceled = rules.finished(started, UnifiedProcedureStepState.CANCELED, self._now(), information)
        self.replace(uid, started)
        self.replace(uid, canceled)

    def _subscribe(self, event: Any, uid: str, information: Dataset) -> None:
        title = self._receiving_ae(information)
        lock = information.get("DeletionLock")
        if lock not in ("TRUE", "FALSE"):
            raise Refusal(INVALID_ARGUMENT_VALUE, f"Deletion Lock is TRUE or FALSE, not {lock}")
        has_lock = lock == "TRUE" and self._grants_locks
        if uid in EVERY_STEP:
            told = self._subscribe_globally(title, uid, information, has_lock=has_lock)
        elif uid in self.instances:
            self.subscriptions.subscribe(title, uid, has_lock=has_lock)
            told = [uid]
        else:
            raise rules.refusal(NO_SUCH_STEP)
        for each in told:
            self._tell(title, state_report(each, self.instances[each]))
        if lock == "TRUE" and not has_lock:
            raise rules.refusal(LOCK_NOT_GRANTED)

    def _subscribe_globally(self, title: str, uid: str, information: Dataset, *, has_lock: bool) -> list[str]:
        """Subscribe an AE to all steps; return those that it is told of."""
        steps = list(self.instances)
        matching = None
        if uid == UPSFilteredGlobalSubscriptionInstance:
            matching = self._identifier(information)
            steps = [each for each in steps if self._is_match(matching, self.instances[each])]
        self.subscriptions.subscribe_globally(title, GlobalSubscription(has_lock, matching), steps)
        # PS3.4 CC.2.4.3: the states that there are come with the lock only
        return steps if has_lock else []

    def _identifier(self, information: Dataset) -> Dataset:
        """Return the matching keys of a filtered subscription."""
        if self._matches is None:
            raise rules.refusal(NO_SUCH_STEP)
        identifier = merged(information, Dataset())
        del identifier.ReceivingAE, identifier.DeletionLock
        if len(identifier) == 0:
            raise Refusal(INVALID_ARGUMENT_VALUE, "a filtered subscription needs matching keys")
        try:
            self._matches(identifier, Dataset())
        except ValueError as error:
            raise Refusal(INVALID_ARGUMENT_VALUE, str(error)) from error
        return identifier

    def _unsubscribe(self, event: Any, uid: str, information: Dataset) -> None:
        title = self._receiving_ae(information)
        if uid in EVERY_STEP:
            self.subscriptions.unsubscribe_globally(title)
        elif uid in self.instances:
            self.subscriptions.unsubscribe(title, uid)
        else:
            raise rules.refusal(NO_SUCH_STEP)

    def _suspend(self, event: Any, uid: str, information: Dataset) -> None:
        title = self._receiving_ae(information)
        if uid not in EVERY_STEP:
            raise rules.refusal(NOT_APPROPRIATE if uid in self.instances else NO_SUCH_STEP)
        self.subscriptions.suspend(title)

    def _receiving_ae(self, information: Dataset) -> str:
        if self._notify is None:
            raise rules.refusal(NO_EVENT_REPORTS)
        title = str(information.get("ReceivingAE") or "").strip()
        if not title:
            raise Refusal(INVALID_ARGUMENT_VALUE, "Receiving AE has no value")
        if not self._knows(title):
            raise rules.refusal(UNKNOWN_AE)
        return title

    def _can_be_told(self, uid: str) -> bool:
        return self._notify is not None and bool(self.subscriptions.subscribers(uid))

    def _is_match(self, identifier: Dataset, instance: Dataset) -> bool:
        if self._matches is None:
            return False
        try:
            return self._matches(identifier, instance)
        except ValueError:
            LOGGER.exception("a filtered subscription cannot be matched")
            return False

    def _report(self, report: Report) -> None:
        for title in self.subscriptions.subscribers(report.sop_instance_uid):
            self._tell(title, report)

    def _tell(self, title: str, report: Report) -> None:
        if self._notify is not None:
            self._notify(title, report)


def _rest(report: CancelRequested) -> tuple[Any, ...]:
    """Return what a request to cancel says of itself, but who asks."""
    return report.reason, report.reason_codes, report.contact_uri, report.contact_display_name
