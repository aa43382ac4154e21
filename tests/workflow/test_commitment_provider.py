"""Storage commitment as SCP, and both sides over real associations (PS3.4 J.3)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from peers import require_pynetdicom, unused_port
from pydicom.dataset import Dataset
from servers import await_event, port_of, serving, wait_until

from fastdicom import AE, Association, evt
from fastdicom.sop_class import (
    StorageCommitmentPullModel,
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
)
from fastdicom.workflow import commitment_provider
from fastdicom.workflow.commitment_items import CommitmentRequest, Outcome, SopInstance
from fastdicom.workflow.commitment_provider import StorageCommitmentProvider
from fastdicom.workflow.storage_commitment import CommitmentRefused, StorageCommitment

PUSH, PUSH_INSTANCE = StorageCommitmentPushModel, StorageCommitmentPushModelInstance
A, B = SopInstance("1.2.1", "1.2.3.1"), SopInstance("1.2.1", "1.2.3.2")
HOST = "127.0.0.1"


def decide(request: CommitmentRequest) -> list[int]:
    """Keep what ends with 1."""
    return [
        Outcome.COMMITTED if each.sop_instance_uid.endswith("1") else Outcome.NO_SUCH_OBJECT_INSTANCE
        for each in request.instances
    ]


def information(*instances: tuple[str, str], transaction_uid: str | None = "1.2.3.4") -> Dataset:
    request = Dataset()
    if transaction_uid is not None:
        request.TransactionUID = transaction_uid
    request.ReferencedSOPSequence = []
    for sop_class_uid, sop_instance_uid in instances:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class_uid, sop_instance_uid
        request.ReferencedSOPSequence.append(item)
    return request


class Scp:
    """A provider on a server, and the address at which it finds the SCU."""

    def __init__(self, decide: Any = decide, address: Any = None, **options: Any) -> None:
        self.ae = AE("ARCHIVE")
        self.ae.acse_timeout = self.ae.dimse_timeout = 5
        self.ae.add_supported_context(PUSH)
        self.address = address
        self.asked_for: list[str] = []
        options = {"retry_delays": (), **options}
        self.provider = StorageCommitmentProvider(self.ae, decide, self.find_address, **options)
        self.handlers = self.provider.handlers

    def find_address(self, ae_title: str) -> Any:
        self.asked_for.append(ae_title)
        return self.address() if callable(self.address) else self.address

    @contextmanager
    def running(self) -> Iterator[int]:
        with serving(self.ae, self.handlers) as server:
            yield port_of(server)
        self.provider.close()


def scu(commitment: StorageCommitment) -> AE:
    ae = AE("MODALITY")
    ae.add_requested_context(PUSH)
    ae.add_supported_context(PUSH, scu_role=True, scp_role=True)
    return ae


@contextmanager
def asking(scp: Scp, handlers: Any = ()) -> Iterator[Association]:
    with (
        scp.running() as port,
        scu(StorageCommitment()).associate(HOST, port, evt_handlers=list(handlers)) as association,
    ):
        yield association


# --- the way of the result --------------------------------------------------------------------------------


def test_on_the_association_of_the_request() -> None:
    commitment = StorageCommitment()
    scp = Scp(retrieve_ae_title="ARCHIVE")
    with asking(scp, commitment.handlers) as association:
        result = commitment.request(association, [A, B]).wait(10)
        assert association.is_established
    assert [each.sop_instance_uid for each in result.committed] == [A.sop_instance_uid]
    assert result.committed[0].retrieve_ae_title == "ARCHIVE"
    assert [each.reason for each in result.failed] == [Outcome.NO_SUCH_OBJECT_INSTANCE]
    assert scp.asked_for == []


def test_the_pull_model() -> None:
    """It is retired, and the same on the wire."""
    commitment = StorageCommitment()
    scp = Scp()
    scp.ae.add_supported_context(StorageCommitmentPullModel)
    ae = AE("MODALITY")
    ae.add_requested_context(StorageCommitmentPullModel)
    with scp.running() as port, ae.associate(HOST, port, evt_handlers=commitment.handlers) as association:
        transaction = commitment.request(association, [A], sop_class_uid=StorageCommitmentPullModel)
        assert transaction.wait(10).is_complete


def test_on_an_association_of_the_scp() -> None:
    """The SCU has released its own; the SCP opens one, on which it negotiates its role."""
    commitment = StorageCommitment()
    ae = scu(commitment)
    released = threading.Event()
    roles: list[Any] = []

    def note(event: evt.Event) -> None:
        roles.extend(event.assoc.requestor.role_selection.values())

    def slowly(request: CommitmentRequest) -> list[int]:
        await_event(released)
        return decide(request)

    with serving(ae, [*commitment.handlers, (evt.EVT_REQUESTED, note)]) as ours:
        scp = Scp(slowly, (HOST, port_of(ours)))
        with scp.running() as port:
            with ae.associate(HOST, port) as association:
                transaction = commitment.request(association, [A])
            released.set()
            assert transaction.wait(10).is_complete
    assert scp.asked_for == ["MODALITY"]
    assert [(role.sop_class_uid, role.scu_role, role.scp_role) for role in roles] == [(PUSH, False, True)]


def test_the_scu_may_be_asked_with_further_arguments() -> None:
    commitment = StorageCommitment()
    ae = scu(commitment)
    ae.require_called_aet = True
    with serving(ae, commitment.handlers, ae_title="OTHER") as ours:
        scp = Scp(address=(HOST, port_of(ours), {"ae_title": "OTHER"}))
        with scp.running() as port:
            with ae.associate(HOST, port) as association:  # without handlers: the report fails here
                transaction = commitment.request(association, [A])
            assert transaction.wait(10).is_complete


def test_retries() -> None:
    """Nobody listens at first."""
    commitment = StorageCommitment()
    ae = scu(commitment)
    port_of_scu = unused_port()
    tried = threading.Event()

    def address() -> tuple[str, int]:
        if len(scp.asked_for) == 2:
            tried.set()
        return HOST, port_of_scu

    scp = Scp(address=address, retry_delays=[0.01] * 200)
    with scp.running() as port:
        with ae.associate(HOST, port) as association:
            transaction = commitment.request(association, [A])
        await_event(tried)
        server = ae.start_server((HOST, port_of_scu), block=False, evt_handlers=commitment.handlers)
        try:
            assert transaction.wait(10).is_complete
        finally:
            server.shutdown()
    assert len(scp.asked_for) >= 2


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (None, "the address of MODALITY is not known"),
        ((HOST, 1), "Connection refused"),
        (lambda: 1 / 0, "could not be delivered; it is given up"),
        ((HOST, 1, {"no_such_argument": 1}), "could not be delivered; it is given up"),
    ],
)
def test_a_result_that_cannot_be_delivered_is_given_up(
    address: Any, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    commitment = StorageCommitment()
    scp = Scp(address=address)
    with scp.running() as port:
        with scu(commitment).associate(HOST, port) as association:
            commitment.request(association, [A])
        wait_until(lambda: "given up" in caplog.text, "the end of the delivery")
        assert message in caplog.text
        wait_until(lambda: not scp.provider._open, "the request is forgotten")


def test_a_report_that_the_scu_does_not_know_is_not_repeated(caplog: pytest.LogCaptureFixture) -> None:
    scp = Scp(retry_delays=[0.0, 0.0])
    with asking(scp, StorageCommitment().handlers) as association:
        status, _ = association.send_n_action(information(A), 1, PUSH, PUSH_INSTANCE)
        assert status.Status == 0x0000
        wait_until(lambda: association.is_established and "given up" in caplog.text, "the end")
    assert "answered with 0115H" in caplog.text
    assert scp.asked_for == []


def test_the_report_comes_after_the_response() -> None:
    """However long the handler takes to return when the decision is there."""
    order: list[str] = []
    reported = threading.Event()

    def note(event: evt.Event) -> None:
        order.append(event.message.name)
        if event.message.name == "N-EVENT-REPORT-RQ":
            reported.set()

    scp = Scp()

    def take_slowly(event: evt.Event) -> Any:
        answer = scp.provider.take_request(event)
        assert not reported.wait(0.15)
        return answer

    scp.handlers = [(evt.EVT_N_ACTION, take_slowly)]
    with asking(scp, [(evt.EVT_DIMSE_RECV, note)]) as association:
        association.send_n_action(information(A), 1, PUSH, PUSH_INSTANCE)
        wait_until(lambda: association.is_established and reported.is_set(), "the report")
    assert order == ["N-ACTION-RSP", "N-EVENT-REPORT-RQ"]


# --- the request is checked -------------------------------------------------------------------------------


def ask(
    association: Association, request: Dataset, action_type: int = 1, uid: str = PUSH_INSTANCE
) -> Dataset:
    return association.send_n_action(request, action_type, PUSH, uid)[0]


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_requests_that_are_refused() -> None:
    no_sequence = information(A)
    del no_sequence.ReferencedSOPSequence
    with asking(Scp()) as association:
        answers = {
            "action": ask(association, information(A), action_type=2),
            "instance": ask(association, information(A), uid="1.2.3"),
            "no transaction": ask(association, information(A, transaction_uid=None)),
            "a name for a transaction": ask(association, information(A, transaction_uid="x" * 8)),
            "no sequence": ask(association, no_sequence),
            "an empty sequence": ask(association, information()),
            "no instance UID": ask(association, information(("1.2.1", ""))),
            "two classes": ask(association, information(A, ("1.2.2", A.sop_instance_uid))),
        }
    assert {name: int(status.Status) for name, status in answers.items()} == {
        "action": 0x0123,
        "instance": 0x0112,
        "no transaction": 0x0115,
        "a name for a transaction": 0x0115,
        "no sequence": 0x0115,
        "an empty sequence": 0x0115,
        "no instance UID": 0x0115,
        "two classes": 0x0115,
    }
    assert answers["no transaction"].ErrorComment == "TransactionUID is missing"
    assert answers["two classes"].ErrorComment == "two SOP classes for 1.2.3.1"


def test_an_instance_that_is_named_twice_is_decided_once() -> None:
    seen: list[CommitmentRequest] = []

    def note(request: CommitmentRequest) -> list[int]:
        seen.append(request)
        return [Outcome.COMMITTED] * len(request.instances)

    request = information(A, B, A)
    request.StorageMediaFileSetID = "DISC 1"
    with asking(Scp(note)) as association:
        assert ask(association, request).Status == 0x0000
        wait_until(lambda: seen, "the decision")
    assert seen[0].instances == (A, B)
    assert (seen[0].ae_title, seen[0].transaction_uid) == ("MODALITY", "1.2.3.4")
    assert seen[0].media_file_set_id == "DISC 1"


def test_a_transaction_uid_is_used_once_at_a_time() -> None:
    going_on = threading.Event()

    def wait(request: CommitmentRequest) -> list[int]:
        await_event(going_on)
        return decide(request)

    scp = Scp(wait)
    with asking(scp) as association:
        assert ask(association, information(A)).Status == 0x0000
        refused = ask(association, information(B))
        assert (refused.Status, refused.ErrorComment) == (0x0115, "TransactionUID is in use")
        going_on.set()
        wait_until(lambda: association.is_established and not scp.provider._open, "the end of the first")
        assert ask(association, information(A)).Status == 0x0000


def test_the_number_of_requests_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commitment_provider, "REQUESTS_LIMIT", 1)
    going_on = threading.Event()

    def wait(request: CommitmentRequest) -> list[int]:
        await_event(going_on)
        return decide(request)

    commitment = StorageCommitment()
    with asking(Scp(wait), commitment.handlers) as association:
        commitment.request(association, [A])
        with pytest.raises(CommitmentRefused, match="0213H: '1 requests are being processed'"):
            commitment.request(association, [A])
        going_on.set()


# --- the decision -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "outcomes", [None, [0], [0, 0, 0], [True, True], ["COMMITTED", 0], [0, -1], ZeroDivisionError()]
)
def test_a_decision_that_is_none_commits_nothing(outcomes: Any) -> None:
    def decide(request: CommitmentRequest) -> Any:
        if isinstance(outcomes, Exception):
            raise outcomes
        return outcomes

    provider = StorageCommitmentProvider(AE(), decide, lambda ae_title: None)
    assert provider.outcomes(CommitmentRequest("1.2", (A, B))) == [Outcome.PROCESSING_FAILURE] * 2


def test_a_decision_may_have_reasons_of_its_own() -> None:
    provider = StorageCommitmentProvider(AE(), lambda request: iter((0, 0xA123)), lambda ae_title: None)
    assert provider.outcomes(CommitmentRequest("1.2", (A, B))) == [Outcome.COMMITTED, 0xA123]


# --- the data set is nonsense -----------------------------------------------------------------------------


def test_a_sequence_that_is_none_is_refused() -> None:
    provider = StorageCommitmentProvider(AE(), decide, lambda ae_title: None)
    request = SimpleNamespace(RequestedSOPClassUID=PUSH, RequestedSOPInstanceUID=PUSH_INSTANCE)
    asked = Dataset()
    asked.TransactionUID = "1.2.3"
    asked.add_new(0x00081199, "LO", ["not", "a", "sequence"])
    event: Any = SimpleNamespace(
        request=request,
        action_type=1,
        action_information=asked,
        assoc=SimpleNamespace(remote={"ae_title": "X"}),
    )
    status, _ = provider.take_request(event)
    assert isinstance(status, Dataset) and status.Status == 0x0115


# --- pynetdicom -------------------------------------------------------------------------------------------


def test_pynetdicom_as_scp() -> None:
    """It answers on an association of its own; with its own words."""
    pynetdicom = require_pynetdicom()
    commitment = StorageCommitment()
    ae = scu(commitment)
    asked: list[Dataset] = []
    their = pynetdicom.AE("ARCHIVE")
    their.add_supported_context(PUSH)
    theirs = their.start_server(
        (HOST, 0),
        block=False,
        evt_handlers=[
            (
                pynetdicom.evt.EVT_N_ACTION,
                lambda event: (asked.append(event.action_information), (0, None))[1],
            )
        ],
    )
    try:
        with serving(ae, commitment.handlers) as ours:
            with ae.associate(HOST, theirs.server_address[1]) as association:
                transaction = commitment.request(association, [A, B])
            reporter = pynetdicom.AE("ARCHIVE")
            reporter.add_requested_context(PUSH)
            role = pynetdicom.build_role(PUSH, scp_role=True)
            theirs_to_us = reporter.associate(HOST, port_of(ours), ext_neg=[role])
            status, _ = theirs_to_us.send_n_event_report(asked[0], 1, PUSH, PUSH_INSTANCE)
            again = Dataset()
            again.update(asked[0])
            again.TransactionUID = "1.2.3.4"
            unknown, _ = theirs_to_us.send_n_event_report(again, 1, PUSH, PUSH_INSTANCE)
            theirs_to_us.release()
    finally:
        theirs.shutdown()
    assert (status.Status, unknown.Status) == (0x0000, 0x0115)
    assert transaction.wait(0).is_complete


def test_pynetdicom_as_scu() -> None:
    pynetdicom = require_pynetdicom()
    reported = threading.Event()
    reports: list[Any] = []

    def note(event: Any) -> tuple[int, None]:
        reports.append((event.event_type, event.event_information))
        reported.set()
        return 0x0000, None

    their = pynetdicom.AE("MODALITY")
    their.add_requested_context(PUSH)
    their.add_supported_context(PUSH, scu_role=False, scp_role=True)
    theirs = their.start_server(
        (HOST, 0), block=False, evt_handlers=[(pynetdicom.evt.EVT_N_EVENT_REPORT, note)]
    )
    scp = Scp(address=(HOST, theirs.server_address[1]))
    try:
        with scp.running() as port:
            association = their.associate(HOST, port)
            status, _ = association.send_n_action(information(A, B), 1, PUSH, PUSH_INSTANCE)
            association.release()
            await_event(reported)
    finally:
        theirs.shutdown()
    assert status.Status == 0x0000
    ((event_type, report),) = reports
    assert event_type == 2 and report.TransactionUID == "1.2.3.4"
    assert [item.ReferencedSOPInstanceUID for item in report.ReferencedSOPSequence] == [A.sop_instance_uid]
    assert [item.FailureReason for item in report.FailedSOPSequence] == [0x0112]
