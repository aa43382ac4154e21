"""Modality Performed Procedure Step: what a modality tells of its work, as SCU (PS3.4 Annex F).

A step is created when the work begins, set while it goes on, and ends as completed or discontinued; after
that nobody changes it. What the standard does not allow is refused here, and not sent. The other side is
`performed_procedure_step_provider`.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from fastdicom.sop_class import (
    ModalityPerformedProcedureStep,
    ModalityPerformedProcedureStepNotification,
    ModalityPerformedProcedureStepRetrieve,
)
from fastdicom.workflow.attributes import (
    Column,
    Fault,
    RequirementError,
    Violation,
    merged,
    requirements,
    violations,
    with_empty_attributes,
)
from fastdicom.workflow.outcomes import StateError, done
from fastdicom.workflow.refusal import Refusal


class PerformedProcedureStepStatus(StrEnum):
    """The states of a performed procedure step (PS3.4 Table F.1-3)."""

    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    DISCONTINUED = "DISCONTINUED"

    @property
    def is_final(self) -> bool:
        """Whether nothing changes any more."""
        return self is not PerformedProcedureStepStatus.IN_PROGRESS


class PerformedProcedureStepEvent(IntEnum):
    """What is notified of a performed procedure step: the Event Type ID (PS3.4 Table F.9.2-1)."""

    IN_PROGRESS = 1
    COMPLETED = 2
    DISCONTINUED = 3
    UPDATED = 4
    DELETED = 5


EVENT_OF_STATUS = MappingProxyType(
    {status.value: PerformedProcedureStepEvent[status.name] for status in PerformedProcedureStepStatus}
)

# Of rows that are 1C or 3 only those that N-SET may not touch are here.
TABLE = requirements(
    "PS3.4 Table F.7.2-1",
    """
    ScheduledStepAttributesSequence                         1   -   O
    > StudyInstanceUID                                      1   -   O
    > ReferencedStudySequence                               2   -   O
    > > ReferencedSOPClassUID                               1   -   O
    > > ReferencedSOPInstanceUID                            1   -   O
    > AccessionNumber                                       2   -   O
    > RequestedProcedureID                                  2   -   O
    > RequestedProcedureDescription                         2   -   O
    > ScheduledProcedureStepID                              2   -   O
    > ScheduledProcedureStepDescription                     2   -   O
    > ScheduledProtocolCodeSequence                         2   -   O
    PatientName                                             2   -   O
    PatientID                                               2   -   O
    IssuerOfPatientID                                       3   -   O
    IssuerOfPatientIDQualifiersSequence                     3   -   O
    OtherPatientIDsSequence                                 3   -   O
    PatientBirthDate                                        2   -   O
    PatientSex                                              2   -   O
    ReferencedPatientSequence                               2   -   O
    > ReferencedSOPClassUID                                 1   -   O
    > ReferencedSOPInstanceUID                              1   -   O
    AdmissionID                                             3   -   O
    IssuerOfAdmissionIDSequence                             3   -   O
    ServiceEpisodeID                                        3   -   O
    IssuerOfServiceEpisodeIDSequence                        3   -   O
    ServiceEpisodeDescription                               3   -   O
    PerformedProcedureStepID                                1   -   O
    PerformedStationAETitle                                 1   -   O
    PerformedStationName                                    2   -   O
    PerformedLocation                                       2   -   O
    PerformedProcedureStepStartDate                         1   -   O
    PerformedProcedureStepStartTime                         1   -   O
    PerformedProcedureStepStatus                            1   3   O
    PerformedProcedureStepDescription                       2   3   O
    PerformedProcedureTypeDescription                       2   3   O
    ProcedureCodeSequence                                   2   3   O
    PerformedProcedureStepEndDate                           2   3   1
    PerformedProcedureStepEndTime                           2   3   1
    PerformedProcedureStepDiscontinuationReasonCodeSequence 3   3   O
    Modality                                                1   -   O
    StudyID                                                 2   -   O
    PerformedProtocolCodeSequence                           2   3   O
    PerformedSeriesSequence                                 2   3   1
    > PerformingPhysicianName                               2   2   2
    > ProtocolName                                          1   1   1
    > OperatorsName                                         2   2   2
    > SeriesInstanceUID                                     1   1   1
    > SeriesDescription                                     2   2   2
    > RetrieveAETitle                                       2   2   2
    > ReferencedImageSequence                               2   2   2
    > > ReferencedSOPClassUID                               1   1   1
    > > ReferencedSOPInstanceUID                            1   1   1
    > ReferencedNonImageCompositeSOPInstanceSequence        2   2   2
    > > ReferencedSOPClassUID                               1   1   1
    > > ReferencedSOPInstanceUID                            1   1   1
    """,
)

NO_SUCH_EVENT_TYPE = 0x0113
NO_SUCH_SOP_CLASS = 0x0118

_STATUS_TAG = 0x00400252
_EVENT_TYPES = frozenset(PerformedProcedureStepEvent)
_REASON = "PerformedProcedureStepDiscontinuationReasonCodeSequence"


class PerformedProcedureStep:
    """A performed procedure step that this side tells of.

    `create` makes a new one. One that has been created before, perhaps by a program that has ended since, is
    made from what is known of it.

    Parameters
    ----------
    association
        An association on which the SOP class was accepted. It may be replaced between two operations, as most
        modalities have no association while they work.
    sop_instance_uid
        Its name.
    attributes
        What has been created and set, (0040,0252) Performed Procedure Step Status included.

    Attributes
    ----------
    attributes
        What has been created and set.
    response
        The status of the last operation: a success, or a warning.
    """

    def __init__(self, association: Any, sop_instance_uid: str, attributes: Dataset) -> None:
        self.association = association
        self.sop_instance_uid = sop_instance_uid
        self.attributes = attributes
        self.response = Dataset()

    @classmethod
    def create(
        cls, association: Any, attributes: Dataset, sop_instance_uid: str | None = None
    ) -> PerformedProcedureStep:
        """Tell that the work has begun: N-CREATE with the status IN PROGRESS (PS3.4 F.7.2.1).

        Type 2 attributes that are missing are created empty, as is the discontinuation reason, because only
        what was created can be set later (PS3.4 Table F.7.2-1, note 5).

        Parameters
        ----------
        association
            The association.
        attributes
            The attributes of the step; this data set is not changed.
        sop_instance_uid
            Its name; a new UID when None.

        Raises
        ------
        RequirementError
            When they do not meet PS3.4 Table F.7.2-1. Nothing was sent.
        OperationFailed
            When the SCP has not created it, or did not answer.
        ValueError
            When no presentation context fits.
        """
        created = with_empty_attributes(TABLE, attributes)
        if _REASON not in created:
            setattr(created, _REASON, [])
        created.PerformedProcedureStepStatus = PerformedProcedureStepStatus.IN_PROGRESS.value
        _require("create a performed procedure step", violations(TABLE, created, Column.CREATE))
        step = cls(association, sop_instance_uid or generate_uid(), created)
        subject = f"create performed procedure step {step.sop_instance_uid}"
        response = association.send_n_create(created, ModalityPerformedProcedureStep, step.sop_instance_uid)
        step.response, reply = done(subject, response)
        step.attributes = merged(created, reply)
        return step

    @property
    def status(self) -> PerformedProcedureStepStatus:
        """The state that it is in."""
        return PerformedProcedureStepStatus(self.attributes.PerformedProcedureStepStatus)

    def update(self, modifications: Dataset) -> None:
        """Set attributes while the work goes on: N-SET (PS3.4 F.7.2.2).

        Parameters
        ----------
        modifications
            What is set; a sequence with all of its items, not only those that are new.

        Raises
        ------
        StateError, RequirementError
            When the step is at its end, or an attribute may not be set. Nothing was sent.
        OperationFailed
            When the SCP has not set it, or did not answer.
        """
        if _STATUS_TAG in modifications:
            value = str(modifications[_STATUS_TAG].value)
            rule = "it is changed by complete() and discontinue() only"
            violation = Violation("PerformedProcedureStepStatus", _STATUS_TAG, Fault.NOT_ALLOWED, rule, value)
            raise RequirementError(f"update {self}", [violation])
        self._set("update", modifications)

    def complete(self, modifications: Dataset | None = None) -> None:
        """Tell that the work was done: N-SET with the status COMPLETED, and what it lacks.

        Parameters
        ----------
        modifications
            What is set with it; in the end the step has an end date and time, and at least one series with
            what was made (PS3.4 Table F.7.2-1, column Final State).

        Raises
        ------
        StateError, RequirementError, OperationFailed
            As `update`; RequirementError also when an attribute is missing in the end.
        """
        self._end(PerformedProcedureStepStatus.COMPLETED, modifications)

    def discontinue(self, modifications: Dataset | None = None, reason: Dataset | None = None) -> None:
        """Tell that the work was given up: N-SET with the status DISCONTINUED, and what it lacks.

        Parameters
        ----------
        modifications
            As for `complete`; the same is required in the end.
        reason
            Why: the item of (0040,0281), with a code of CID 9300.

        Raises
        ------
        StateError, RequirementError, OperationFailed
            As `complete`.
        """
        changes = merged(modifications or Dataset(), Dataset())
        if reason is not None:
            setattr(changes, _REASON, [reason])
        self._end(PerformedProcedureStepStatus.DISCONTINUED, changes)

    def retrieve(self, attributes: Iterable[Any] = ()) -> Dataset:
        """Ask the SCP for the step: N-GET of the Retrieve SOP class (PS3.4 F.8.2.1).

        Parameters
        ----------
        attributes
            Tags or keywords; all attributes when there are none.

        Returns
        -------
        pydicom.Dataset
            What the SCP has; this object stays as it is.
        """
        return retrieve(self.association, self.sop_instance_uid, attributes)

    def _end(self, status: PerformedProcedureStepStatus, modifications: Dataset | None) -> None:
        changes = merged(modifications or Dataset(), Dataset())
        changes.PerformedProcedureStepStatus = status.value
        verb = "complete" if status is PerformedProcedureStepStatus.COMPLETED else "discontinue"
        self._check(verb, changes)
        result = merged(self.attributes, changes)
        _require(f"{verb} {self}", violations(TABLE, result, Column.FINAL))
        self._send(verb, changes)

    def _set(self, verb: str, modifications: Dataset) -> None:
        self._check(verb, modifications)
        self._send(verb, modifications)

    def _check(self, verb: str, modifications: Dataset) -> None:
        if self.status.is_final:
            raise StateError(
                f"{verb} {self}: it is {self.status}, and may no longer be updated (PS3.4 F.7.2.2.2)"
            )
        found = violations(TABLE, modifications, Column.SET)
        refused = {violation.tag for violation in found}
        rule = "only what N-CREATE has created may be set (PS3.4 F.7.2.2.2)"
        found += [
            Violation(element.keyword or str(element.tag), element.tag, Fault.NOT_ALLOWED, rule)
            for element in modifications
            if element.tag not in self.attributes and element.tag not in refused
        ]
        _require(f"{verb} {self}", found)

    def _send(self, verb: str, modifications: Dataset) -> None:
        response = self.association.send_n_set(
            modifications, ModalityPerformedProcedureStep, self.sop_instance_uid
        )
        self.response, reply = done(f"{verb} {self}", response)
        self.attributes = merged(merged(self.attributes, modifications), reply)

    def __str__(self) -> str:
        return f"performed procedure step {self.sop_instance_uid}"


def _require(subject: str, found: list[Violation]) -> None:
    if found:
        raise RequirementError(subject, found)


def retrieve(association: Any, sop_instance_uid: str, attributes: Iterable[Any] = ()) -> Dataset:
    """Ask for a performed procedure step: N-GET of the Retrieve SOP class (PS3.4 F.8.2.1).

    Parameters
    ----------
    association
        An association on which that SOP class was accepted.
    sop_instance_uid
        The step.
    attributes
        Tags or keywords; all attributes when there are none.

    Returns
    -------
    pydicom.Dataset
        What the SCP has of them.

    Raises
    ------
    OperationFailed
        When the SCP does not have the step, or did not answer.
    """
    response = association.send_n_get(
        list(attributes), ModalityPerformedProcedureStepRetrieve, sop_instance_uid
    )
    return done(f"retrieve performed procedure step {sop_instance_uid}", response)[1]


def notify(association: Any, sop_instance_uid: str, event: PerformedProcedureStepEvent) -> Dataset:
    """Tell a peer of a change, as SCP of the Notification SOP class (PS3.4 F.9.2).

    Parameters
    ----------
    association
        An association on which that SOP class was accepted, with this side as SCP.
    sop_instance_uid
        The step.
    event
        What has happened to it.

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
        None, int(event), ModalityPerformedProcedureStepNotification, sop_instance_uid
    )
    return done(f"notify of performed procedure step {sop_instance_uid}", response)[0]


class Notification(NamedTuple):
    """A notification of a performed procedure step, as its receiver sees it.

    Attributes
    ----------
    sop_instance_uid
        The step; `retrieve` gets it.
    event
        What has happened to it.
    """

    sop_instance_uid: str
    event: PerformedProcedureStepEvent


def read_notification(event: Any) -> Notification:
    """Return what an EVT_N_EVENT_REPORT event tells of a performed procedure step.

    Parameters
    ----------
    event
        The event, as the handler gets it.

    Raises
    ------
    Refusal
        0118H, it is about something else; 0113H, there is no such event type. Its `answer` is the status that
        the handler may return.
    """
    if event.request.AffectedSOPClassUID != ModalityPerformedProcedureStepNotification:
        raise Refusal(NO_SUCH_SOP_CLASS, "not a notification of a performed procedure step")
    if event.event_type not in _EVENT_TYPES:
        raise Refusal(NO_SUCH_EVENT_TYPE, f"event types are 1 to 5, not {event.event_type}")
    return Notification(
        str(event.request.AffectedSOPInstanceUID), PerformedProcedureStepEvent(event.event_type)
    )
