"""Procedure steps over real connections: ours at both ends, and pynetdicom at either."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from peers import require_pynetdicom
from procedure_steps import OTHER_UID, UID, UPS_CLASSES, beginning, data_set, ending, performed, workitem
from pydicom.dataset import Dataset

import fastdicom
from fastdicom import build_role, query
from fastdicom.sop_class import (
    ModalityPerformedProcedureStep,
    ModalityPerformedProcedureStepNotification,
    ModalityPerformedProcedureStepRetrieve,
    UnifiedProcedureStepEvent,
)
from fastdicom.workflow.outcomes import OperationFailed
from fastdicom.workflow.performed_procedure_step import (
    PerformedProcedureStep,
    PerformedProcedureStepEvent,
    PerformedProcedureStepStatus,
    notify,
    read_notification,
)
from fastdicom.workflow.performed_procedure_step_provider import PerformedProcedureStepProvider
from fastdicom.workflow.unified_procedure_step import UnifiedProcedureStep
from fastdicom.workflow.unified_procedure_step_provider import UnifiedProcedureStepProvider
from fastdicom.workflow.unified_procedure_step_reports import (
    CancelRequested,
    Report,
    StateReport,
    read_report,
    send_report,
)
from fastdicom.workflow.unified_procedure_step_table import UnifiedProcedureStepState
from fastdicom.workflow.unified_worklist import UnifiedWorklist

MPPS_CLASSES = (
    ModalityPerformedProcedureStep,
    ModalityPerformedProcedureStepRetrieve,
    ModalityPerformedProcedureStepNotification,
)
State = UnifiedProcedureStepState


def fastdicom_peer() -> Any:
    """Return fastdicom, as a peer of itself."""
    return fastdicom


PEERS = pytest.mark.parametrize("peer", [fastdicom_peer, require_pynetdicom], ids=["fastdicom", "pynetdicom"])


@contextmanager
def scp_of(peer: Any, classes: tuple[str, ...], handlers: dict[str, Callable[..., Any]]) -> Iterator[int]:
    """Run an SCP of a library; its port is what comes out."""
    ae = peer.AE()
    for sop_class in classes:
        ae.add_supported_context(sop_class, scu_role=True, scp_role=True)
    bound = [(getattr(peer.evt, name), handler) for name, handler in handlers.items()]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=bound)
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


@contextmanager
def scu_of(peer: Any, port: int, classes: tuple[str, ...], **options: Any) -> Iterator[Any]:
    """Associate with a library as SCU."""
    ae = peer.AE(ae_title="ASKING")
    for sop_class in classes:
        ae.add_requested_context(sop_class)
    association = ae.associate("127.0.0.1", port, **options)
    assert association.is_established
    try:
        yield association
    finally:
        association.release()


def mpps_handlers(provider: PerformedProcedureStepProvider) -> dict[str, Callable[..., Any]]:
    return {"EVT_N_CREATE": provider.create, "EVT_N_SET": provider.set, "EVT_N_GET": provider.get}


@PEERS
def test_a_performed_procedure_step_from_beginning_to_end(peer: Callable[[], Any]) -> None:
    instances: dict[str, Dataset] = {}
    provider = PerformedProcedureStepProvider(instances)
    with (
        scp_of(peer(), MPPS_CLASSES, mpps_handlers(provider)) as port,
        scu_of(fastdicom_peer(), port, MPPS_CLASSES) as association,
    ):
        first = beginning()
        first.PatientName, first.SpecificCharacterSet = "Müller^Jürgen", "ISO_IR 100"
        step = PerformedProcedureStep.create(association, first, UID)
        with pytest.raises(OperationFailed, match="0111H"):
            PerformedProcedureStep.create(association, first, UID)
        step.update(data_set(PerformedProcedureStepDescription="Schädel", SpecificCharacterSet="ISO_IR 192"))
        step.complete(ending())
        assert step.status is PerformedProcedureStepStatus.COMPLETED
        found = step.retrieve(
            ["PatientName", "PerformedProcedureStepStatus", "PerformedProcedureStepDescription"]
        )
        assert str(found.PatientName) == "Müller^Jürgen"
        assert found.PerformedProcedureStepDescription == "Schädel"
        assert found.PerformedProcedureStepStatus == "COMPLETED"
        again = PerformedProcedureStep(association, UID, beginning())
        again.attributes.PerformedProcedureStepStatus = "IN PROGRESS"
        with pytest.raises(OperationFailed, match="0110H: 'Performed Procedure Step Object may no"):
            again.update(Dataset())


def test_pynetdicom_asks_our_provider_of_performed_procedure_steps() -> None:
    instances: dict[str, Dataset] = {}
    told: list[PerformedProcedureStepEvent] = []
    provider = PerformedProcedureStepProvider(instances, lambda uid, change: told.append(change))
    with (
        scp_of(fastdicom_peer(), MPPS_CLASSES, mpps_handlers(provider)) as port,
        scu_of(require_pynetdicom(), port, MPPS_CLASSES) as association,
    ):
        sop_class = ModalityPerformedProcedureStep
        status, _ = association.send_n_create(beginning(), sop_class, UID)
        assert status.Status == 0x0120
        step = PerformedProcedureStep.create(association, beginning(), UID)
        status, _ = association.send_n_set(data_set(PatientID="1"), sop_class, UID)
        assert status.Status == 0x0105
        status, _ = association.send_n_set(data_set(PerformedProcedureStepStatus="COMPLETED"), sop_class, UID)
        assert status.Status == 0x0121
        step.discontinue(ending())
        status, _ = association.send_n_set(ending(), sop_class, UID)
        assert (status.Status, status.ErrorID) == (0x0110, 0xA710)
        status, found = association.send_n_get([0x00400252], MPPS_CLASSES[1], UID)
        assert (status.Status, found.PerformedProcedureStepStatus) == (0x0000, "DISCONTINUED")
        status, _ = association.send_n_get([0x00400252], MPPS_CLASSES[1], OTHER_UID)
        assert status.Status == 0x0112
    assert told == [PerformedProcedureStepEvent.IN_PROGRESS, PerformedProcedureStepEvent.DISCONTINUED]


@PEERS
def test_a_notification(peer: Callable[[], Any]) -> None:
    told: list[Any] = []

    def on_report(event: Any) -> Any:
        told.append(read_notification(event))
        return 0x0000, None

    with scp_of(peer(), MPPS_CLASSES, {"EVT_N_EVENT_REPORT": on_report}) as port:
        role = build_role(MPPS_CLASSES[2], scp_role=True)
        with scu_of(fastdicom_peer(), port, MPPS_CLASSES, ext_neg=[role]) as association:
            assert notify(association, UID, PerformedProcedureStepEvent.DELETED).Status == 0x0000
    assert told == [(UID, PerformedProcedureStepEvent.DELETED)]


# --- Unified Procedure Steps ------------------------------------------------------------------------------


class Manager:
    """An SCP of Unified Procedure Steps, and who listens to it."""

    def __init__(self) -> None:
        self.instances: dict[str, Dataset] = {}
        self.outbox: list[tuple[str, Report]] = []
        self.heard: list[Report] = []
        self.provider = UnifiedProcedureStepProvider(
            self.instances, lambda title, report: self.outbox.append((title, report)), matches=query.matches
        )
        self.handlers = {
            "EVT_N_CREATE": self.provider.create,
            "EVT_N_SET": self.provider.set,
            "EVT_N_ACTION": self.provider.act,
            "EVT_N_GET": self.provider.get,
            "EVT_C_FIND": self.on_find,
        }

    def on_find(self, event: Any) -> Iterator[Any]:
        for record in self.provider.records():
            if query.matches(event.identifier, record):
                yield 0xFF00, query.answer(event.identifier, record)

    def deliver(self, port: int) -> None:
        """Send what there is to report to who listens at a port."""
        role = build_role(UnifiedProcedureStepEvent, scp_role=True)
        with scu_of(fastdicom_peer(), port, UPS_CLASSES, ext_neg=[role]) as association:
            while self.outbox:
                assert send_report(association, self.outbox.pop(0)[1]).Status == 0x0000

    def on_report(self, event: Any) -> Any:
        self.heard.append(read_report(event))
        return 0x0000, None


@PEERS
def test_a_unified_procedure_step_from_beginning_to_end(peer: Callable[[], Any]) -> None:
    manager = Manager()
    with (
        scp_of(peer(), UPS_CLASSES, manager.handlers) as port,
        scu_of(fastdicom_peer(), port, UPS_CLASSES) as association,
        scp_of(peer(), UPS_CLASSES, {"EVT_N_EVENT_REPORT": manager.on_report}) as listener,
    ):
        worklist = UnifiedWorklist(association)
        worklist.subscribe("WATCHER", matching=data_set(WorklistLabel="LIVER"))
        attributes = workitem()
        attributes.WorklistLabel = "LIVER"
        worklist.create(attributes, UID)
        worklist.create(workitem(), OTHER_UID)

        wanted = data_set(
            SOPInstanceUID="", WorklistLabel="LIVER", ProcedureStepState="SCHEDULED", TransactionUID=""
        )
        (match,) = worklist.find(wanted)
        assert (match.SOPInstanceUID, match.TransactionUID) == (UID, "")
        step = UnifiedProcedureStep(association, match.SOPInstanceUID, State(match.ProcedureStepState))
        step.claim()
        with pytest.raises(OperationFailed, match="C301H"):
            UnifiedProcedureStep(association, UID).claim()
        step.report_progress(50, "Half")
        UnifiedProcedureStep(association, UID).request_cancel("Wrong patient")
        with pytest.raises(OperationFailed, match="C304H"):
            step._change(State.COMPLETED)
        step.complete(performed())
        found = UnifiedProcedureStep(association, UID).retrieve()
        assert found.ProcedureStepState == "COMPLETED"
        assert "TransactionUID" not in found
        with pytest.raises(OperationFailed, match="C311H"):
            UnifiedProcedureStep(association, UID).request_cancel()
        UnifiedProcedureStep(association, OTHER_UID).request_cancel()
        assert manager.instances[OTHER_UID].ProcedureStepState == "CANCELED"

        manager.deliver(listener)
    states = [report.state for report in manager.heard if isinstance(report, StateReport)]
    assert states == [State.SCHEDULED, State.IN_PROGRESS, State.COMPLETED]
    assert [type(report).__name__ for report in manager.heard] == [
        "StateReport",
        "StateReport",
        "ProgressReport",
        "CancelRequested",
        "StateReport",
    ]
    cancel = next(report for report in manager.heard if isinstance(report, CancelRequested))
    assert (cancel.requesting_ae, cancel.reason) == ("ASKING", "Wrong patient")


def test_pynetdicom_asks_our_provider_of_unified_procedure_steps() -> None:
    manager = Manager()
    push, watch, pull, *_ = UPS_CLASSES
    with (
        scp_of(fastdicom_peer(), UPS_CLASSES, manager.handlers) as port,
        scu_of(require_pynetdicom(), port, UPS_CLASSES) as association,
    ):
        UnifiedWorklist(association).create(workitem(), UID)
        status, _ = association.send_n_create(workitem(), push, OTHER_UID)
        assert status.Status == 0x0120
        claim = data_set(ProcedureStepState="IN PROGRESS", TransactionUID="1.9")
        assert association.send_n_action(claim, 1, push, UID, meta_uid=pull)[0].Status == 0x0000
        status, _ = association.send_n_action(claim, 1, push, UID, meta_uid=pull)
        assert (status.Status, status.ErrorComment) == (0xC302, "The UPS is already IN PROGRESS")
        subscribe = data_set(ReceivingAE="ME", DeletionLock="TRUE")
        assert association.send_n_action(subscribe, 3, push, UID, meta_uid=watch)[0].Status == 0x0000
        status, found = association.send_n_get([], push, UID, meta_uid=watch)
        assert (found.ProcedureStepState, "TransactionUID" in found) == ("IN PROGRESS", False)
        status, _ = association.send_n_set(data_set(ProcedureStepLabel="B"), push, UID, meta_uid=pull)
        assert status.Status == 0xC301
        matches = [match for _, match in association.send_c_find(data_set(SOPInstanceUID=""), pull) if match]
        assert [match.SOPInstanceUID for match in matches] == [UID]
    assert [(title, type(report)) for title, report in manager.outbox] == [("ME", StateReport)]


def test_one_of_many_claims_a_step() -> None:
    manager = Manager()
    won: list[str] = []
    lost: list[int | None] = []
    with scp_of(fastdicom_peer(), UPS_CLASSES, manager.handlers) as port:
        with scu_of(fastdicom_peer(), port, UPS_CLASSES) as association:
            UnifiedWorklist(association).create(workitem(), UID)

        start = threading.Barrier(4)

        def compete() -> None:
            with scu_of(fastdicom_peer(), port, UPS_CLASSES) as association:
                start.wait()
                try:
                    won.append(UnifiedProcedureStep(association, UID).claim())
                except OperationFailed as error:
                    lost.append(error.code)

        threads = [threading.Thread(target=compete) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert lost == [0xC301] * 3
    assert [manager.instances[UID].TransactionUID] == won
