"""What an SCP of Unified Procedure Steps reports: a class for each event type (PS3.4 CC.2.4).

A report makes the Event Information that is sent, and is made from one that has come.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from pydicom.dataset import Dataset

from fastdicom.sop_class import (
    UnifiedProcedureStepEvent,
    UnifiedProcedureStepPush,
    UPSGlobalSubscriptionInstance,
)
from fastdicom.workflow.outcomes import done
from fastdicom.workflow.refusal import Refusal
from fastdicom.workflow.unified_procedure_step_table import (
    DISCONTINUATION_REASON,
    PROGRESS,
    STATE,
    UnifiedProcedureStepState,
)

NO_SUCH_EVENT_TYPE = 0x0113
INVALID_ARGUMENT_VALUE = 0x0115
NO_SUCH_SOP_CLASS = 0x0118


class ScpStatus(StrEnum):
    """What happens to the SCP (PS3.4 CC.2.4.3)."""

    RESTARTED = "RESTARTED"
    GOING_DOWN = "GOING DOWN"


class ListStatus(StrEnum):
    """Whether the SCP that restarted has preserved a list (PS3.4 CC.2.4.3)."""

    WARM_START = "WARM START"
    COLD_START = "COLD START"


@dataclass(frozen=True)
class Report(ABC):
    """A report about a Unified Procedure Step, or about the SCP.

    Attributes
    ----------
    sop_instance_uid
        The step that it is about.
    """

    event_type: ClassVar[int]

    sop_instance_uid: str

    @property
    @abstractmethod
    def information(self) -> Dataset:
        """The Event Information."""

    @classmethod
    @abstractmethod
    def read(cls, sop_instance_uid: str, information: Dataset) -> Report:
        """Return the report that an Event Information makes; ValueError when it lacks what it needs."""


def _items(data_set: Dataset, keyword: str) -> tuple[Dataset, ...]:
    return tuple(data_set.get(keyword) or ())


def _text(data_set: Dataset, keyword: str) -> str:
    value = data_set.get(keyword)
    return "" if value is None else str(value)


def _data_set(**elements: Any) -> Dataset:
    """Return a data set with those of some elements that have a value."""
    result = Dataset()
    for keyword, value in elements.items():
        if value:
            setattr(result, keyword, list(value) if isinstance(value, tuple) else value)
    return result


@dataclass(frozen=True)
class StateReport(Report):
    """Event type 1: the state of a step, or the readiness of its input; at first, and when it has changed.

    Attributes
    ----------
    state
        The state that it is in.
    input_readiness
        READY, UNAVAILABLE or INCOMPLETE.
    reason
        Why it was canceled; "" when that is not said.
    reason_codes
        The same as code items.
    """

    event_type: ClassVar[int] = 1

    state: UnifiedProcedureStepState
    input_readiness: str = ""
    reason: str = ""
    reason_codes: tuple[Dataset, ...] = ()

    @property
    def information(self) -> Dataset:
        """The Event Information."""
        result = _data_set(ReasonForCancellation=self.reason, **{DISCONTINUATION_REASON: self.reason_codes})
        result.ProcedureStepState = self.state.value
        result.InputReadinessState = self.input_readiness
        return result

    @classmethod
    def read(cls, sop_instance_uid: str, information: Dataset) -> StateReport:
        """Return the report that an Event Information makes; ValueError when it has no state."""
        return cls(
            sop_instance_uid,
            UnifiedProcedureStepState(_text(information, STATE)),
            _text(information, "InputReadinessState"),
            _text(information, "ReasonForCancellation"),
            _items(information, DISCONTINUATION_REASON),
        )


@dataclass(frozen=True)
class CancelRequested(Report):
    """Event type 2: somebody wants the performer to cancel the step, who decides.

    Attributes
    ----------
    requesting_ae
        The AE title of who asks.
    reason, reason_codes
        Why; empty when that is not said.
    contact_uri, contact_display_name
        Whom to talk to; "" when that is not said.
    """

    event_type: ClassVar[int] = 2

    requesting_ae: str
    reason: str = ""
    reason_codes: tuple[Dataset, ...] = ()
    contact_uri: str = ""
    contact_display_name: str = ""

    @property
    def information(self) -> Dataset:
        """The Event Information."""
        result = _data_set(
            ReasonForCancellation=self.reason,
            ContactURI=self.contact_uri,
            ContactDisplayName=self.contact_display_name,
            **{DISCONTINUATION_REASON: self.reason_codes},
        )
        result.RequestingAE = self.requesting_ae
        return result

    @classmethod
    def read(cls, sop_instance_uid: str, information: Dataset) -> CancelRequested:
        """Return the report that an Event Information makes."""
        return cls(
            sop_instance_uid,
            _text(information, "RequestingAE"),
            _text(information, "ReasonForCancellation"),
            _items(information, DISCONTINUATION_REASON),
            _text(information, "ContactURI"),
            _text(information, "ContactDisplayName"),
        )


@dataclass(frozen=True)
class ProgressReport(Report):
    """Event type 3: the performer has told how far it is.

    Attributes
    ----------
    progress
        The item of (0074,1002), with what the performer has set of it.
    """

    event_type: ClassVar[int] = 3

    progress: Dataset = field(default_factory=Dataset)

    @property
    def percent(self) -> float | None:
        """How much is done, in percent; None when that is not said, or is no number."""
        try:
            return float(self.progress.get("ProcedureStepProgress"))
        except (TypeError, ValueError):
            return None

    @property
    def description(self) -> str:
        """What is being done; "" when that is not said."""
        return _text(self.progress, "ProcedureStepProgressDescription")

    @property
    def information(self) -> Dataset:
        """The Event Information."""
        return _data_set(**{PROGRESS: (self.progress,)})

    @classmethod
    def read(cls, sop_instance_uid: str, information: Dataset) -> ProgressReport:
        """Return the report that an Event Information makes."""
        items = _items(information, PROGRESS)
        return cls(sop_instance_uid, items[0] if items else Dataset())


@dataclass(frozen=True)
class ScpStatusChange(Report):
    """Event type 4: the SCP has restarted, or is going down.

    Attributes
    ----------
    status
        `ScpStatus`, as text.
    subscription_list, step_list
        `ListStatus`, as text, of the subscriptions and of the steps; "" when it is going down.
    """

    event_type: ClassVar[int] = 4

    sop_instance_uid: str = str(UPSGlobalSubscriptionInstance)
    status: str = ScpStatus.RESTARTED.value
    subscription_list: str = ""
    step_list: str = ""

    @property
    def information(self) -> Dataset:
        """The Event Information."""
        return _data_set(
            SCPStatus=self.status,
            SubscriptionListStatus=self.subscription_list,
            UnifiedProcedureStepListStatus=self.step_list,
        )

    @classmethod
    def read(cls, sop_instance_uid: str, information: Dataset) -> ScpStatusChange:
        """Return the report that an Event Information makes."""
        keywords = ("SCPStatus", "SubscriptionListStatus", "UnifiedProcedureStepListStatus")
        return cls(sop_instance_uid, *(_text(information, keyword) for keyword in keywords))


@dataclass(frozen=True)
class Assigned(Report):
    """Event type 5: the step has been assigned to a station, or to people.

    Attributes
    ----------
    stations, performers
        Code items of stations and of people.
    organization
        Of the people; "" when that is not said.
    """

    event_type: ClassVar[int] = 5

    stations: tuple[Dataset, ...] = ()
    performers: tuple[Dataset, ...] = ()
    organization: str = ""

    @property
    def information(self) -> Dataset:
        """The Event Information."""
        return _data_set(
            ScheduledStationNameCodeSequence=self.stations,
            HumanPerformerCodeSequence=self.performers,
            HumanPerformerOrganization=self.organization,
        )

    @classmethod
    def read(cls, sop_instance_uid: str, information: Dataset) -> Assigned:
        """Return the report that an Event Information makes."""
        return cls(
            sop_instance_uid,
            _items(information, "ScheduledStationNameCodeSequence"),
            _items(information, "HumanPerformerCodeSequence"),
            _text(information, "HumanPerformerOrganization"),
        )


REPORTS: dict[int, type[Report]] = {
    kind.event_type: kind
    for kind in (StateReport, CancelRequested, ProgressReport, ScpStatusChange, Assigned)
}


def read_report(event: Any) -> Report:
    """Return what an EVT_N_EVENT_REPORT event reports of a Unified Procedure Step.

    Parameters
    ----------
    event
        The event, as the handler gets it.

    Raises
    ------
    Refusal
        0118H, it is about something else; 0113H, there is no such event type; 0115H, it lacks the state. Its
        `answer` is the status that the handler may return.
    """
    if event.request.AffectedSOPClassUID != UnifiedProcedureStepPush:
        raise Refusal(NO_SUCH_SOP_CLASS, "not a report about a Unified Procedure Step")
    kind = REPORTS.get(event.event_type)
    if kind is None:
        raise Refusal(NO_SUCH_EVENT_TYPE, f"event types are 1 to 5, not {event.event_type}")
    try:
        return kind.read(str(event.request.AffectedSOPInstanceUID), event.event_information)
    except ValueError as error:
        raise Refusal(INVALID_ARGUMENT_VALUE, str(error)) from error


def send_report(association: Any, report: Report) -> Dataset:
    """Report to a peer, as SCP (PS3.4 CC.2.4.3).

    Parameters
    ----------
    association
        An association on which the UPS Event SOP Class was accepted, with this side as SCP.
    report
        What there is to report.

    Returns
    -------
    pydicom.Dataset
        The status: a success, or a warning.

    Raises
    ------
    OperationFailed
        When the peer has not taken it.
    """
    response = association.send_n_event_report(
        report.information,
        report.event_type,
        UnifiedProcedureStepPush,
        report.sop_instance_uid,
        meta_uid=UnifiedProcedureStepEvent,
    )
    return done(f"report on Unified Procedure Step {report.sop_instance_uid}", response)[0]
