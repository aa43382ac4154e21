"""Procedure steps for tests: data sets as the standard wants them, an association that answers, events."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pydicom.dataset import Dataset

from fastdicom.sop_class import (
    ModalityPerformedProcedureStep,
    UnifiedProcedureStepEvent,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
    UnifiedProcedureStepQuery,
    UnifiedProcedureStepWatch,
)
from fastdicom.workflow.unified_procedure_step import code_item

UPS_CLASSES = (
    UnifiedProcedureStepPush,
    UnifiedProcedureStepWatch,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepEvent,
    UnifiedProcedureStepQuery,
)

UID = "1.2.826.0.1.3680043.8.498.1"
OTHER_UID = "1.2.826.0.1.3680043.8.498.2"


def data_set(**elements: Any) -> Dataset:
    """Return a data set with some elements."""
    result = Dataset()
    for keyword, value in elements.items():
        setattr(result, keyword, value)
    return result


# --- Modality Performed Procedure Step --------------------------------------------------------------------


def beginning() -> Dataset:
    """What a modality knows when it begins: type 1 of PS3.4 Table F.7.2-1."""
    return data_set(
        ScheduledStepAttributesSequence=[data_set(StudyInstanceUID="1.2.3")],
        PerformedProcedureStepID="PPS1",
        PerformedStationAETitle="CT1",
        PerformedProcedureStepStartDate="20240131",
        PerformedProcedureStepStartTime="120000",
        Modality="CT",
    )


def series() -> Dataset:
    """An item of the Performed Series Sequence."""
    return data_set(
        PerformingPhysicianName="",
        ProtocolName="HEAD",
        OperatorsName="",
        SeriesInstanceUID="1.2.4",
        SeriesDescription="",
        RetrieveAETitle="",
        ReferencedImageSequence=[
            data_set(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.2", ReferencedSOPInstanceUID="1.2.5")
        ],
        ReferencedNonImageCompositeSOPInstanceSequence=[],
    )


def ending() -> Dataset:
    """What it knows in the end."""
    return data_set(
        PerformedProcedureStepEndDate="20240131",
        PerformedProcedureStepEndTime="121000",
        PerformedSeriesSequence=[series()],
    )


# --- Unified Procedure Step -------------------------------------------------------------------------------


def workitem() -> Dataset:
    """What a scheduler knows of a step: type 1 of PS3.4 Table CC.2.5-3."""
    return data_set(
        ScheduledProcedureStepPriority="MEDIUM",
        ProcedureStepLabel="Segment the liver",
        ScheduledProcedureStepStartDateTime="20240131120000",
        InputReadinessState="READY",
    )


def performed() -> Dataset:
    """An item of the UPS Performed Procedure Sequence."""
    return data_set(
        PerformedStationNameCodeSequence=[code_item("WS1", "99TEST", "Workstation 1")],
        PerformedProcedureStepStartDateTime="20240131120100",
        PerformedWorkitemCodeSequence=[code_item("110001", "DCM", "Image Processing")],
        PerformedProcedureStepEndDateTime="20240131120500",
        OutputInformationSequence=[],
    )


# --- associations and events ------------------------------------------------------------------------------


class FakeAssociation:
    """Answers operations from a list, with success when that is at its end, and keeps what was asked for."""

    def __init__(self, *sop_classes: str) -> None:
        self.accepted_contexts = [
            SimpleNamespace(abstract_syntax=sop_class, as_scu=True) for sop_class in sop_classes
        ]
        self.answers: list[tuple[Dataset, Dataset | None]] = []
        self.calls: list[SimpleNamespace] = []

    def fail(self, status: int | None, comment: str = "") -> None:
        """Have the next operation fail; without a status, for want of an answer."""
        answer = Dataset() if status is None else data_set(Status=status)
        if comment:
            answer.ErrorComment = comment
        self.answers.append((answer, None))

    def _take(self, service: str, *arguments: Any, meta_uid: str | None = None) -> Any:
        self.calls.append(SimpleNamespace(service=service, arguments=arguments, meta_uid=meta_uid))
        return self.answers.pop(0) if self.answers else (data_set(Status=0x0000), Dataset())

    def send_n_create(self, *arguments: Any, **options: Any) -> Any:
        return self._take("N-CREATE", *arguments, **options)

    def send_n_set(self, *arguments: Any, **options: Any) -> Any:
        return self._take("N-SET", *arguments, **options)

    def send_n_get(self, *arguments: Any, **options: Any) -> Any:
        return self._take("N-GET", *arguments, **options)

    def send_n_action(self, *arguments: Any, **options: Any) -> Any:
        return self._take("N-ACTION", *arguments, **options)

    def send_n_event_report(self, *arguments: Any, **options: Any) -> Any:
        return self._take("N-EVENT-REPORT", *arguments, **options)

    def send_c_find(self, identifier: Dataset, query_model: str) -> Any:
        self.calls.append(SimpleNamespace(service="C-FIND", arguments=(identifier, query_model)))
        return self.answers_of_find()

    def answers_of_find(self) -> Any:
        """Yield the answers that there are."""
        yield from self.answers


def event(sop_class: str, uid: str | None = UID, **content: Any) -> Any:
    """Return an event as the handler of an N-service gets it."""
    request = SimpleNamespace(
        AffectedSOPClassUID=sop_class,
        RequestedSOPClassUID=sop_class,
        AffectedSOPInstanceUID=uid,
        RequestedSOPInstanceUID=uid,
    )
    association = SimpleNamespace(remote={"ae_title": "ASKING"})
    return SimpleNamespace(request=request, assoc=association, **content)


def mpps_event(uid: str | None = UID, **content: Any) -> Any:
    return event(ModalityPerformedProcedureStep, uid, **content)


def ups_event(uid: str | None = UID, **content: Any) -> Any:
    return event(UnifiedProcedureStepPush, uid, **content)


def code_of(answer: Any) -> int:
    """Return the status of what a handler returned."""
    status, reply = answer
    assert reply is None or isinstance(reply, Dataset)
    return int(status.Status) if isinstance(status, Dataset) else status
