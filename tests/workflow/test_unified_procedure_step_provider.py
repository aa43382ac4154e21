"""An SCP of Unified Procedure Steps: what is created, told, hidden and kept, and who is told what."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Any

import pytest
from procedure_steps import (
    OTHER_UID,
    UID,
    code_of,
    data_set,
    event,
    mpps_event,
    performed,
    ups_event,
    workitem,
)
from pydicom.dataset import Dataset

from fastdicom.sop_class import UnifiedProcedureStepPush
from fastdicom.workflow.attributes import merged, with_empty_attributes
from fastdicom.workflow.outcomes import StateError
from fastdicom.workflow.refusal import Refusal
from fastdicom.workflow.unified_procedure_step import code_item
from fastdicom.workflow.unified_procedure_step_provider import CancelDecision, UnifiedProcedureStepProvider
from fastdicom.workflow.unified_procedure_step_reports import (
    Assigned,
    CancelRequested,
    ListStatus,
    ProgressReport,
    ScpStatus,
    ScpStatusChange,
    StateReport,
    read_report,
)
from fastdicom.workflow.unified_procedure_step_table import TABLE, UnifiedProcedureStepState

NOW = datetime(2024, 1, 31, 12, 0)  # noqa: DTZ001
LOCK = "1.9"
GLOBAL, FILTERED = "1.2.840.10008.5.1.4.34.5", "1.2.840.10008.5.1.4.34.5.1"
State = UnifiedProcedureStepState
SCHEDULED = StateReport(UID, State.SCHEDULED, "READY")


class Scp:
    """A provider with its instances, and what it has told."""

    def __init__(self, **options: Any) -> None:
        self.instances: dict[str, Dataset] = {}
        self.told: list[tuple[str, Any]] = []
        options.setdefault("notify", lambda title, report: self.told.append((title, report)))
        notify = options.pop("notify")
        self.provider = UnifiedProcedureStepProvider(self.instances, notify, now=lambda: NOW, **options)

    def create(self, uid: str | None = UID, **elements: Any) -> Any:
        attributes = with_empty_attributes(TABLE, workitem())
        attributes.ProcedureStepState = "SCHEDULED"
        for keyword, value in elements.items():
            if value is None:
                del attributes[keyword]
            else:
                setattr(attributes, keyword, value)
        return self.provider.create(ups_event(uid, attribute_list=attributes))

    def act(self, action: int, uid: str = UID, **elements: Any) -> int:
        return code_of(
            self.provider.act(ups_event(uid, action_type=action, action_information=data_set(**elements)))
        )

    def subscribe(self, title: str = "ME", uid: str = UID, lock: str = "FALSE", **keys: Any) -> int:
        return self.act(3, uid, ReceivingAE=title, DeletionLock=lock, **keys)

    def change(self, state: str, transaction_uid: str = LOCK) -> int:
        return self.act(1, ProcedureStepState=state, TransactionUID=transaction_uid)

    def set(self, **elements: Any) -> int:
        return code_of(self.provider.set(ups_event(modification_list=data_set(**elements))))

    def take(self) -> list[tuple[str, Any]]:
        told, self.told = self.told[:], []
        return told


@pytest.fixture
def scp() -> Scp:
    return Scp()


def test_who_comes_in_between_waits() -> None:
    answers: list[int] = []
    scp = Scp()
    scp.create()
    other = threading.Thread(target=lambda: answers.append(scp.change("IN PROGRESS", "1.8")))

    def now() -> datetime:
        if other.ident is None:
            other.start()
            other.join(0.05)
        return NOW

    scp.provider._now = now
    answers.append(scp.change("IN PROGRESS"))
    other.join()
    assert answers == [0x0000, 0xC301]
    assert scp.instances[UID].TransactionUID == LOCK


# --- creating and getting ---------------------------------------------------------------------------------


def test_a_step_is_created_with_what_the_provider_knows(scp: Scp) -> None:
    assert scp.create() == (0x0000, None)
    instance = scp.instances[UID]
    assert (instance.SOPClassUID, instance.SOPInstanceUID) == (UnifiedProcedureStepPush, UID)
    assert instance.ScheduledProcedureStepModificationDateTime == "20240131120000"
    assert instance.WorklistLabel == "DEFAULT"
    assert scp.create(OTHER_UID, WorklistLabel="CT") == (0x0000, None)
    assert scp.instances[OTHER_UID].WorklistLabel == "CT"


@pytest.mark.parametrize(
    ("elements", "status"),
    [
        ({"ProcedureStepState": "IN PROGRESS"}, 0xC309),
        ({"ProcedureStepState": "DONE"}, 0xC309),
        ({"ProcedureStepState": None}, 0x0120),
        ({"ProcedureStepLabel": ""}, 0x0121),
        ({"PatientName": None}, 0x0120),
        ({"TransactionUID": "1.2"}, 0x0106),
        ({"InputReadinessState": "MAYBE"}, 0x0106),
        ({"SOPInstanceUID": "1.2"}, 0x0105),
        ({"UnifiedProcedureStepPerformedProcedureSequence": [performed()]}, 0x0106),
    ],
)
def test_what_cannot_be_created(scp: Scp, elements: dict[str, Any], status: int) -> None:
    assert code_of(scp.create(**elements)) == status
    assert scp.instances == {}


@pytest.mark.parametrize(
    ("uid", "status"), [(None, 0x0117), ("x", 0x0117), (GLOBAL, 0x0111), (FILTERED, 0x0111)]
)
def test_names_that_a_step_cannot_have(scp: Scp, uid: str | None, status: int) -> None:
    assert code_of(scp.create(uid)) == status


def test_the_transaction_uid_is_a_secret(scp: Scp) -> None:
    scp.create()
    scp.change("IN PROGRESS")
    code, reply = scp.provider.get(ups_event(attribute_identifiers=[]))
    assert (code, "TransactionUID" in reply, reply.ProcedureStepState) == (0x0000, False, "IN PROGRESS")
    code, reply = scp.provider.get(ups_event(attribute_identifiers=[0x00081195, 0x00741000]))
    assert (code, reply.dir()) == (0x0001, ["ProcedureStepState"])
    (record,) = scp.provider.records()
    assert "TransactionUID" not in record
    assert scp.instances[UID].TransactionUID == LOCK


def test_what_there_is_not(scp: Scp) -> None:
    assert code_of(scp.provider.get(ups_event(attribute_identifiers=[]))) == 0xC307
    assert scp.act(6) == 0x0123
    for handler, content in (
        (scp.provider.create, {"attribute_list": Dataset()}),
        (scp.provider.set, {"modification_list": Dataset()}),
        (scp.provider.act, {"action_type": 1, "action_information": Dataset()}),
        (scp.provider.get, {"attribute_identifiers": []}),
    ):
        assert code_of(handler(mpps_event(**content))) == 0x0118


@pytest.mark.parametrize(
    ("elements", "status"),
    [
        ({"PatientID": "1"}, 0x0105),
        ({"ProcedureStepState": "COMPLETED"}, 0x0105),
        ({"ProcedureStepState": "SCHEDULED"}, 0x0105),
        ({"ScheduledProcedureStepPriority": "URGENT"}, 0x0106),
        ({"UnifiedProcedureStepPerformedProcedureSequence": [Dataset()]}, 0x0120),
        ({"InputInformationSequence": [Dataset()]}, 0x0120),
    ],
)
def test_what_cannot_be_set(scp: Scp, elements: dict[str, Any], status: int) -> None:
    scp.create()
    before = scp.instances[UID]
    assert scp.set(**elements) == status
    assert scp.instances[UID] is before


# --- who is told ------------------------------------------------------------------------------------------


def test_a_subscriber_is_told_how_it_goes_on(scp: Scp) -> None:
    scp.create()
    assert scp.subscribe() == 0x0000
    assert scp.take() == [("ME", SCHEDULED)]
    scp.change("IN PROGRESS")
    assert scp.take() == [("ME", StateReport(UID, State.IN_PROGRESS, "READY"))]
    progress = data_set(ProcedureStepProgress="50")
    scp.set(TransactionUID=LOCK, ProcedureStepProgressInformationSequence=[progress])
    assert scp.take() == [("ME", ProgressReport(UID, progress))]
    scp.set(TransactionUID=LOCK, ProcedureStepProgressInformationSequence=[progress], ProcedureStepLabel="B")
    assert scp.take() == []
    scp.set(TransactionUID=LOCK, UnifiedProcedureStepPerformedProcedureSequence=[performed()])
    assert scp.take() == []
    assert scp.change("COMPLETED") == 0x0000
    assert scp.take() == [("ME", StateReport(UID, State.COMPLETED, "READY"))]
    assert scp.change("COMPLETED") == 0xB306
    assert scp.take() == []


def test_input_and_assignment_are_told(scp: Scp) -> None:
    scp.create()
    scp.subscribe()
    scp.take()
    scp.set(InputReadinessState="UNAVAILABLE")
    assert scp.take() == [("ME", StateReport(UID, State.SCHEDULED, "UNAVAILABLE"))]
    station, person = code_item("WS1", "99TEST", "Workstation"), code_item("P1", "99TEST", "Ann")
    performer = data_set(
        HumanPerformerCodeSequence=[person], HumanPerformerName="Ann", HumanPerformerOrganization="Lab"
    )
    scp.set(ScheduledStationNameCodeSequence=[station])
    assert scp.take() == [("ME", Assigned(UID, (station,)))]
    scp.set(ScheduledHumanPerformersSequence=[performer])
    assert scp.take() == [("ME", Assigned(UID, (station,), (person,), "Lab"))]


def test_global_subscribers_are_told_of_new_steps(scp: Scp) -> None:
    scp.subscribe("ALL", GLOBAL)
    station = code_item("WS1", "99TEST", "Workstation")
    scp.create(ScheduledStationNameCodeSequence=[station])
    assert scp.take() == [("ALL", SCHEDULED), ("ALL", Assigned(UID, (station,)))]
    scp.act(5, GLOBAL, ReceivingAE="ALL")
    scp.create(OTHER_UID)
    scp.change("IN PROGRESS")
    assert scp.take() == [("ALL", StateReport(UID, State.IN_PROGRESS, "READY"))]
    scp.act(4, GLOBAL, ReceivingAE="ALL")
    scp.change("CANCELED")
    assert scp.take() == []


@pytest.mark.parametrize(("lock", "told"), [("TRUE", [("ALL", SCHEDULED)]), ("FALSE", [])])
def test_who_subscribes_globally_with_lock_is_told_of_all_steps(scp: Scp, lock: str, told: list[Any]) -> None:
    scp.create()
    assert scp.subscribe("ALL", GLOBAL, lock) == 0x0000
    assert scp.take() == told
    scp.change("IN PROGRESS")
    assert len(scp.take()) == 1


def label_matches(identifier: Dataset, record: Dataset) -> bool:
    if not identifier.get("WorklistLabel"):
        raise ValueError("there must be a label")
    return identifier.WorklistLabel == record.get("WorklistLabel")


def test_filtered_subscriptions() -> None:
    scp = Scp(matches=label_matches)
    scp.create("1.1", WorklistLabel="A")
    scp.create("1.2", WorklistLabel="B")
    assert scp.subscribe("ALL", FILTERED, "TRUE", WorklistLabel="A") == 0x0000
    scp.create("1.3", WorklistLabel="A")
    scp.create("1.4", WorklistLabel="B")
    assert [report.sop_instance_uid for _, report in scp.take()] == ["1.1", "1.3"]


def test_a_filter_that_cannot_be_used() -> None:
    scp = Scp(matches=label_matches)
    assert scp.subscribe("ALL", FILTERED) == 0x0115
    assert scp.subscribe("ALL", FILTERED, ProcedureStepLabel="A") == 0x0115
    assert Scp().subscribe("ALL", FILTERED, WorklistLabel="A") == 0xC307
    assert scp.provider.subscriptions.everyone() == []


@pytest.mark.parametrize(
    ("action", "uid", "elements", "status"),
    [
        (3, OTHER_UID, {"ReceivingAE": "ME", "DeletionLock": "TRUE"}, 0xC307),
        (3, UID, {"DeletionLock": "TRUE"}, 0x0115),
        (3, UID, {"ReceivingAE": "ME"}, 0x0115),
        (3, UID, {"ReceivingAE": "ME", "DeletionLock": "YES"}, 0x0115),
        (3, UID, {"ReceivingAE": "STRANGER", "DeletionLock": "TRUE"}, 0xC308),
        (4, OTHER_UID, {"ReceivingAE": "ME"}, 0xC307),
        (4, UID, {"ReceivingAE": "ME"}, 0x0000),
        (5, UID, {"ReceivingAE": "ME"}, 0xC314),
        (5, OTHER_UID, {"ReceivingAE": "ME"}, 0xC307),
        (5, GLOBAL, {"ReceivingAE": "ME"}, 0x0000),
        (1, GLOBAL, {"ProcedureStepState": "COMPLETED"}, 0xC307),
    ],
)
def test_subscriptions_that_are_refused(action: int, uid: str, elements: dict[str, str], status: int) -> None:
    scp = Scp(knows=lambda title: title != "STRANGER")
    scp.create()
    assert scp.act(action, uid, **elements) == status
    assert scp.provider.subscriptions.everyone() == []
    assert scp.take() == []


def test_a_provider_without_reports() -> None:
    scp = Scp(notify=None)
    scp.create()
    for action in (3, 4, 5):
        assert scp.act(action, ReceivingAE="ME", DeletionLock="TRUE") == 0xC315
    assert scp.change("IN PROGRESS") == 0x0000
    assert scp.act(2) == 0xC312


# --- canceling --------------------------------------------------------------------------------------------


def test_who_performs_is_asked_to_cancel(scp: Scp) -> None:
    scp.create()
    scp.change("IN PROGRESS")
    assert scp.act(2) == 0xC312
    scp.subscribe()
    scp.take()
    code = code_item("110500", "DCM", "Doctor canceled procedure")
    elements = {"ReasonForCancellation": "Why not", "ContactURI": "tel:1", "ContactDisplayName": "Ann"}
    assert scp.act(2, ProcedureStepDiscontinuationReasonCodeSequence=[code], **elements) == 0x0000
    report = CancelRequested(UID, "ASKING", "Why not", (code,), "tel:1", "Ann")
    assert scp.take() == [("ME", report)]
    assert scp.instances[UID].ProcedureStepState == "IN PROGRESS"


def test_what_nobody_performs_is_canceled_at_once(scp: Scp) -> None:
    scp.create()
    scp.subscribe()
    scp.take()
    code = code_item("110500", "DCM", "Doctor canceled procedure")
    reason = {"ReasonForCancellation": "Why not", "ProcedureStepDiscontinuationReasonCodeSequence": [code]}
    assert scp.act(2, **reason) == 0x0000
    started, canceled = (
        StateReport(UID, State.IN_PROGRESS, "READY"),
        StateReport(UID, State.CANCELED, "READY", "Why not", (code,)),
    )
    assert scp.take() == [("ME", started), ("ME", canceled)]
    (item,) = scp.instances[UID].ProcedureStepProgressInformationSequence
    assert item.ProcedureStepCancellationDateTime == "20240131120000"
    assert scp.act(2) == 0xB304


@pytest.mark.parametrize(
    ("decision", "status", "state", "reports"),
    [
        (CancelDecision.CANCEL, 0x0000, "CANCELED", [CancelRequested, StateReport]),
        (CancelDecision.REFUSE, 0xC313, "IN PROGRESS", []),
        (CancelDecision.PASS_ON, 0x0000, "IN PROGRESS", [CancelRequested]),
    ],
)
def test_an_scp_that_performs_decides_itself(
    decision: CancelDecision, status: int, state: str, reports: list[type]
) -> None:
    asked: list[Any] = []

    def decide(uid: str, information: Dataset) -> CancelDecision:
        asked.append((uid, information.ReasonForCancellation))
        return decision

    scp = Scp(decide=decide)
    scp.create()
    scp.change("IN PROGRESS")
    scp.subscribe()
    scp.take()
    assert scp.act(2, ReasonForCancellation="Why not") == status
    assert asked == [(UID, "Why not")]
    assert scp.instances[UID].ProcedureStepState == state
    assert [type(report) for _, report in scp.take()] == reports


# --- keeping ----------------------------------------------------------------------------------------------


def test_deletion_locks_keep_finished_steps(scp: Scp) -> None:
    scp.create()
    scp.subscribe("A", lock="TRUE")
    scp.subscribe("B", GLOBAL, lock="TRUE")
    with pytest.raises(StateError, match="SCHEDULED"):
        scp.provider.remove(UID)
    scp.act(2)
    with pytest.raises(StateError, match="deletion lock"):
        scp.provider.remove(UID)
    scp.act(4, ReceivingAE="A")
    scp.subscribe("B", lock="FALSE")
    scp.provider.remove(UID)
    assert scp.instances == {}
    assert scp.provider.subscriptions.subscribers(UID) == []
    with pytest.raises(KeyError):
        scp.provider.remove(UID)


def test_locks_may_be_refused() -> None:
    scp = Scp(grants_locks=False)
    scp.create()
    assert scp.subscribe(lock="TRUE") == 0xB301
    assert scp.subscribe("ALL", GLOBAL, lock="TRUE") == 0xB301
    assert scp.subscribe("B", lock="FALSE") == 0x0000
    assert not scp.provider.subscriptions.is_locked(UID)
    assert scp.provider.subscriptions.subscribers(UID) == ["ME", "ALL", "B"]


def test_the_provider_itself_adds_and_changes(scp: Scp) -> None:
    scp.subscribe("ALL", GLOBAL)
    scp.create()
    scp.take()
    scp.provider.replace(UID, merged(scp.instances[UID], data_set(InputReadinessState="INCOMPLETE")))
    assert scp.take() == [("ALL", StateReport(UID, State.SCHEDULED, "INCOMPLETE"))]
    scp.provider.add(OTHER_UID, scp.instances[UID])
    assert scp.take() == [("ALL", StateReport(OTHER_UID, State.SCHEDULED, "INCOMPLETE"))]


def test_everyone_is_told_of_a_restart(scp: Scp) -> None:
    scp.create()
    scp.subscribe("A")
    scp.subscribe("B", GLOBAL)
    scp.take()
    scp.provider.announce(ScpStatus.RESTARTED, ListStatus.WARM_START, ListStatus.COLD_START, also=("C", "A"))
    report = ScpStatusChange(GLOBAL, "RESTARTED", "WARM START", "COLD START")
    assert scp.take() == [("B", report), ("A", report), ("C", report)]


# --- reports ----------------------------------------------------------------------------------------------

CODE = code_item("1", "99TEST", "One")


@pytest.mark.parametrize(
    "report",
    [
        StateReport(UID, State.CANCELED, "READY", "Why not", (CODE,)),
        CancelRequested(UID, "ASKING", "Why not", (CODE,), "tel:1", "Ann"),
        CancelRequested(UID, "ASKING"),
        ProgressReport(UID, data_set(ProcedureStepProgress="12.5", ProcedureStepProgressDescription="Load")),
        ScpStatusChange(GLOBAL, "RESTARTED", "WARM START", "COLD START"),
        ScpStatusChange(GLOBAL, "GOING DOWN"),
        Assigned(UID, (CODE,), (CODE,), "Lab"),
    ],
)
def test_a_report_is_read_as_it_was_made(report: Any) -> None:
    told = ups_event(
        report.sop_instance_uid, event_type=report.event_type, event_information=report.information
    )
    assert read_report(told) == report


def test_progress_as_numbers_and_text() -> None:
    report = ProgressReport(
        UID, data_set(ProcedureStepProgress="12.5", ProcedureStepProgressDescription="Load")
    )
    assert (report.percent, report.description) == (12.5, "Load")
    assert (ProgressReport(UID).percent, ProgressReport(UID).description) == (None, "")


@pytest.mark.parametrize(
    ("told", "status"),
    [
        (ups_event(event_type=6, event_information=Dataset()), 0x0113),
        (ups_event(event_type=1, event_information=Dataset()), 0x0115),
        (ups_event(event_type=1, event_information=data_set(ProcedureStepState="DONE")), 0x0115),
        (event("1.2.840.10008.1.20.1", event_type=1, event_information=Dataset()), 0x0118),
    ],
)
def test_a_report_that_cannot_be_read(told: Any, status: int) -> None:
    with pytest.raises(Refusal) as caught:
        read_report(told)
    assert caught.value.answer.Status == status
