"""What is counted of associations: every way in which they end, messages, bytes; and who may ask for it."""

from __future__ import annotations

import pickle
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import model
import pytest
from queries import MODEL, identifier
from raw_peer import (
    CT,
    IMPLICIT,
    VERIFICATION,
    Raw,
    acceptance,
    associate_raw,
    connect_raw,
    contexts,
    data_set,
    echo_rq,
    fake_acceptor,
    request,
    response,
    store_rq,
)
from servers import associate, port_of, serving, store_ae, wait_until

import fastdicom.watching
from fastdicom import AE, evt
from fastdicom.server import AssociationServer
from fastdicom.watching import Histogram, Metrics, Snapshot
from fastdicom.watching.snapshot import FAMILIES

WATCHING = str(Path(fastdicom.watching.__file__).parent)


def counted(ae: AE, name: str, **labels: str) -> float:
    assert ae.metrics is not None
    return ae.metrics.snapshot().total(name, **labels)


def wait_for(ae: AE, count: float, name: str, **labels: str) -> None:
    wait_until(lambda: counted(ae, name, **labels) == count, f"{name} {labels}")


def rows(ae: AE, name: str) -> dict[tuple[str, ...], Any]:
    assert ae.metrics is not None
    return {labels: value for labels, value in ae.metrics.snapshot().values[name].items() if value}


@pytest.fixture
def scp() -> Iterator[tuple[AE, AssociationServer]]:
    ae = store_ae({CT}, [IMPLICIT])
    ae.metrics = Metrics()
    with serving(ae, [(evt.EVT_C_STORE, lambda event: 0x0000)]) as server:
        yield ae, server


@pytest.fixture
def scu() -> AE:
    ae = AE("SCU")
    ae.requested_contexts = contexts()
    ae.metrics = Metrics()
    return ae


def test_a_released_association_counts_on_both_sides(scp: tuple[AE, AssociationServer], scu: AE) -> None:
    ae, server = scp
    with associate(scu, server, ae_title="SCP") as association:
        assert association.send_c_echo().Status == 0
        assert association.send_c_store(data_set(5000), transfer_syntax=IMPLICIT).Status == 0
        wait_for(ae, 1, "operations", service="C-STORE")
        for each in scu, ae:
            assert counted(each, "established_associations") == 1
            assert counted(each, "associations", outcome="accepted") == 1
    wait_for(ae, 1, "associations", outcome="released")
    assert rows(scu, "associations") == {
        ("SCP", "requestor", "accepted"): 1,
        ("SCP", "requestor", "released"): 1,
    }
    assert rows(ae, "associations") == {
        ("SCU", "acceptor", "accepted"): 1,
        ("SCU", "acceptor", "released"): 1,
    }
    for each, peer, role in (scu, "SCP", "scu"), (ae, "SCU", "scp"):
        assert rows(each, "operations") == {
            (peer, role, "C-ECHO", "success"): 1,
            (peer, role, "C-STORE", "success"): 1,
        }
        for name in "established_associations", "aborts", "rejections", "timeouts":
            assert rows(each, name) == {}
    assert rows(scu, "sent_instances") == {("SCP",): 1} and rows(scu, "received_instances") == {}
    assert rows(ae, "received_instances") == {("SCU",): 1} and rows(ae, "sent_instances") == {}
    assert counted(scu, "sent") == counted(ae, "received") > 5000
    assert counted(scu, "received") == counted(ae, "sent") > 0


def test_bytes_are_those_of_the_connection(scp: tuple[AE, AssociationServer]) -> None:
    ae, server = scp
    with connect_raw(port_of(server)) as peer:
        sent, received = [request(), *store_rq(data_set(300)), model.release_rq()], []
        for pdu in sent[:1], sent[1:3], sent[3:]:
            peer.send(*pdu)
            received.append(peer.receive_pdu())
    wait_for(ae, 1, "associations", outcome="released")
    assert rows(ae, "received") == {("CALLING", "acceptor"): sum(map(len, sent))}
    assert rows(ae, "sent") == {("CALLING", "acceptor"): sum(map(len, received))}


# How associations end -------------------------------------------------------------------------------------


def test_a_rejection_counts_with_its_reason(scp: tuple[AE, AssociationServer], scu: AE) -> None:
    ae, server = scp
    ae.require_called_aet = True
    assert associate(scu, server, ae_title="NOBODY").is_rejected
    wait_for(ae, 1, "associations")
    reason = "service user", "called AE title not recognized"
    assert rows(scu, "rejections") == {("NOBODY", "requestor", *reason): 1}
    assert rows(ae, "rejections") == {("other", "acceptor", *reason): 1}  # who is not let in gets no label
    assert rows(scu, "associations") == {("NOBODY", "requestor", "rejected"): 1}
    assert rows(ae, "associations") == {("other", "acceptor", "rejected"): 1}


def test_a_rejection_of_the_upper_layer(scp: tuple[AE, AssociationServer]) -> None:
    ae, server = scp
    with connect_raw(port_of(server)) as peer:
        peer.send(request(version=2))
        assert peer.receive_pdu()[:1] == b"\3"
    wait_for(ae, 1, "associations", outcome="rejected")
    reason = "service provider (ACSE)", "protocol version not supported"
    assert rows(ae, "rejections") == {("other", "acceptor", *reason): 1}


def test_a_reason_that_there_is_none_of_is_another_one(scu: AE) -> None:
    with fake_acceptor(lambda peer: (peer.receive_pdu(), peer.send(b"\3\0\0\0\0\4\0\1\x09\x99"))[1]) as port:
        assert scu.associate("127.0.0.1", port).is_rejected
    assert rows(scu, "rejections") == {("ANY-SCP", "requestor", "other", "other"): 1}


ABORT_USER = b"\7\0\0\0\0\4\0\0\0\0"
ABORT_PROVIDER = b"\7\0\0\0\0\4\0\0\2\6"


@pytest.mark.parametrize(
    ("sent", "by", "source", "reason"),
    [
        (ABORT_USER, "peer", "service user", ""),
        (ABORT_PROVIDER, "peer", "service provider", "invalid PDU parameter value"),
        (b"\x63\0\0\0\0\0", "local", "service provider", "unrecognized PDU"),
        (request(), "local", "service provider", "unexpected PDU"),
        (model.p_data_tf([(1, 3, b"\1\2\3")]), "local", "service user", ""),
        (b"", "connection", "", ""),
    ],
)
def test_an_abort_counts_with_who_and_why(
    scp: tuple[AE, AssociationServer], sent: bytes, by: str, source: str, reason: str
) -> None:
    ae, server = scp
    with associate_raw(port_of(server)) as peer:
        peer.send(sent)
        if by == "local":
            peer.receive_all()
    wait_for(ae, 1, "associations", outcome="aborted")
    assert rows(ae, "aborts") == {("CALLING", "acceptor", by, source, reason): 1}
    assert counted(ae, "associations", outcome="accepted") == 1


def test_an_abort_of_ours(scp: tuple[AE, AssociationServer], scu: AE) -> None:
    ae, server = scp
    associate(scu, server).abort()
    wait_for(ae, 1, "aborts")
    assert rows(scu, "aborts") == {("ANY-SCP", "requestor", "local", "service user", ""): 1}
    assert rows(ae, "aborts") == {("SCU", "acceptor", "peer", "service user", ""): 1}


def test_without_an_accepted_context_it_was_not_accepted(scp: tuple[AE, AssociationServer]) -> None:
    _, server = scp
    scu = AE()
    scu.metrics = Metrics()
    scu.add_requested_context("1.2.3.4")
    associate(scu, server)
    assert rows(scu, "associations") == {("ANY-SCP", "requestor", "aborted"): 1}


def test_who_asks_for_nothing(scp: tuple[AE, AssociationServer]) -> None:
    ae, server = scp
    connect_raw(port_of(server)).close()
    wait_for(ae, 1, "associations")
    assert rows(ae, "associations") == {("other", "acceptor", "unrequested"): 1}


def test_a_connection_that_does_not_come_about(scu: AE) -> None:
    with fake_acceptor(lambda peer: None) as port:
        connect_raw(port).close()
    assert scu.associate("127.0.0.1", port).is_aborted
    assert rows(scu, "associations") == {("ANY-SCP", "requestor", "failed"): 1}
    assert rows(scu, "aborts") == rows(scu, "timeouts") == {}


# Timeouts -------------------------------------------------------------------------------------------------


def silent(peer: Raw) -> None:
    peer.receive_all()


def accepting(peer: Raw) -> None:
    peer.receive_pdu()
    peer.send(acceptance())
    peer.receive_all()


@pytest.mark.parametrize(("script", "kind"), [(silent, "acse"), (accepting, "dimse")])
def test_a_peer_that_does_not_answer(scu: AE, script: Callable[[Raw], None], kind: str) -> None:
    scu.acse_timeout = scu.dimse_timeout = 0.1
    with fake_acceptor(script) as port:
        association = scu.associate("127.0.0.1", port)
        if association.is_established:
            assert "Status" not in association.send_c_echo()
    assert rows(scu, "timeouts") == {("ANY-SCP", "requestor", kind): 1}
    unanswered = {("ANY-SCP", "scu", "C-ECHO", "unanswered"): 1} if kind == "dimse" else {}
    assert rows(scu, "operations") == unanswered


@pytest.mark.parametrize("kind", ["A-ABORT", "A-RELEASE"])
def test_a_requestor_that_says_nothing_more(
    scp: tuple[AE, AssociationServer], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    ae, server = scp
    ae.network_timeout = 0.1

    def choose(event: evt.Event) -> None:
        event.assoc.network_timeout_response = kind

    server.bind(evt.EVT_REQUESTED, choose)
    with associate_raw(port_of(server)) as peer:
        if peer.receive_pdu()[:1] == b"\5":
            peer.send(model.release_rp())
    wait_for(ae, 1, "timeouts")
    assert rows(ae, "timeouts") == {("CALLING", "acceptor", "network"): 1}


def test_a_requestor_that_never_asks(scp: tuple[AE, AssociationServer]) -> None:
    ae, server = scp
    ae.acse_timeout = 0.1
    with connect_raw(port_of(server)) as peer:
        assert peer.receive_all() == []
    wait_for(ae, 1, "timeouts")
    assert rows(ae, "timeouts") == {("other", "acceptor", "acse"): 1}


def test_a_peer_that_is_too_slow(scp: tuple[AE, AssociationServer]) -> None:
    ae, server = scp
    ae.minimum_throughput, ae.throughput_window = 1e6, 0.1
    with associate_raw(port_of(server)) as peer:
        peer.send(store_rq(data_set())[0])
        peer.receive_all()
    wait_for(ae, 1, "timeouts")
    assert rows(ae, "timeouts") == {("CALLING", "acceptor", "throughput"): 1}
    assert counted(ae, "aborts", by="local") == 1


def test_a_peer_that_takes_nothing(scu: AE, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in "net.connection", "association.operations":
        monkeypatch.setattr(f"fastdicom.{module}.ABORT_LINGER", 0.05)
    scu.dimse_timeout = 0.1
    with fake_acceptor(lambda peer: (peer.receive_pdu(), peer.send(acceptance()))[1]) as port:
        association = scu.associate("127.0.0.1", port)
        association.send_c_store(data_set(32 << 20), transfer_syntax=IMPLICIT)
    assert rows(scu, "timeouts") == {("ANY-SCP", "requestor", "sending"): 1}


def test_a_handshake_that_takes_too_long(scu: AE) -> None:
    scu.handshake_timeout = 0.1
    settings = ssl.create_default_context()
    with fake_acceptor(silent) as port:
        assert scu.associate("127.0.0.1", port, tls_args=(settings, "localhost")).is_aborted
    assert rows(scu, "timeouts") == {("ANY-SCP", "requestor", "handshake"): 1}
    assert rows(scu, "associations") == {("ANY-SCP", "requestor", "failed"): 1}


def test_a_connection_that_takes_too_long(scu: AE, monkeypatch: pytest.MonkeyPatch) -> None:
    def time_out(sock: socket.socket, address: object) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr("socket.socket.connect", time_out)
    assert scu.associate("127.0.0.1", 1).is_aborted
    assert rows(scu, "timeouts") == {("ANY-SCP", "requestor", "connection"): 1}
    assert rows(scu, "associations") == {("ANY-SCP", "requestor", "failed"): 1}


def test_a_handler_that_hangs() -> None:
    goes_on = threading.Event()
    ae = store_ae({CT}, [IMPLICIT])
    ae.metrics = Metrics()
    ae.handler_timeout = 0.1
    with serving(ae, [(evt.EVT_C_ECHO, lambda event: goes_on.wait(20) and 0)]) as server:
        with associate_raw(port_of(server)) as peer:
            peer.send(echo_rq())
            peer.receive_all()
        goes_on.set()
        wait_for(ae, 1, "timeouts")
    assert rows(ae, "timeouts") == {("CALLING", "acceptor", "handler"): 1}
    assert rows(ae, "operations") == {("CALLING", "scp", "C-ECHO", "failure"): 1}


# Operations -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "category"),
    [(0x0000, "success"), (0xB000, "warning"), (0xA700, "failure"), (0xFE00, "cancel"), (0x8888, "unknown")],
)
def test_statuses_count_by_category(scu: AE, status: int, category: str) -> None:
    def script(peer: Raw) -> None:
        peer.receive_pdu()
        peer.send(acceptance())
        _, command, _ = peer.receive_message()
        peer.send(response(command, status))
        peer.receive_pdu()
        peer.send(model.release_rp())

    with fake_acceptor(script) as port, scu.associate("127.0.0.1", port) as association:
        association.send_c_store(data_set(), transfer_syntax=IMPLICIT)
    assert rows(scu, "operations") == {("ANY-SCP", "scu", "C-STORE", category): 1}
    assert counted(scu, "sent_instances") == (category in ("success", "warning"))


def test_a_request_that_is_no_service_is_another_one(scp: tuple[AE, AssociationServer]) -> None:
    ae, server = scp
    command = {0x0002: VERIFICATION, 0x0100: 0x0777, 0x0110: 1, 0x0800: 0x0101}
    with associate_raw(port_of(server)) as peer:
        peer.send(model.p_data_tf([(1, 3, model.command_set(command))]))
        peer.receive_message()
    wait_for(ae, 1, "associations", outcome="aborted")
    assert rows(ae, "operations") == {("CALLING", "scp", "other", "failure"): 1}


class Clock:
    """Each look at it takes half a second."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        self.now += 0.5
        return self.now


def test_durations(scp: tuple[AE, AssociationServer], monkeypatch: pytest.MonkeyPatch) -> None:
    ae, server = scp
    monkeypatch.setattr("fastdicom.watching.counting.monotonic", Clock())
    with associate_raw(port_of(server)) as peer:
        for number in range(1, 4):
            peer.send(echo_rq(number))
            peer.receive_message()
        peer.send(*store_rq(data_set()))
        peer.receive_message()
        wait_for(ae, 1, "operations", service="C-STORE")
    assert ae.metrics is not None
    snapshot = ae.metrics.snapshot()
    echoes, stores = (snapshot.histogram(service=service) for service in ("C-ECHO", "C-STORE"))
    assert (echoes.count, echoes.total) == (3, 1.5)
    assert (stores.count, stores.total) == (1, 0.5)
    below = dict(echoes.cumulative())
    assert (below[0.25], below[0.5], below[float("inf")]) == (0, 3, 3)  # a bound is in its class
    assert snapshot.histogram(role="scp", peer="CALLING").count == 4
    assert snapshot.histogram(role="scu").count == 0


def test_the_duration_of_a_query_is_up_to_its_last_response(scu: AE, monkeypatch: pytest.MonkeyPatch) -> None:
    """It began when it was invoked, however many pending responses have come since."""
    clock = Clock()
    for module in "watching.counting", "association.operations":
        monkeypatch.setattr(f"fastdicom.{module}.monotonic", clock)

    def find(event: evt.Event) -> Iterator[tuple[int, Any]]:
        for _ in range(5):
            yield 0xFF00, event.identifier

    scp = AE()
    scp.add_supported_context(MODEL)
    scu.dimse_timeout = None
    with (
        serving(scp, [(evt.EVT_C_FIND, find)]) as server,
        associate(scu, server, contexts=scp.supported_contexts) as association,
    ):
        before = clock.now
        assert len(list(association.send_c_find(identifier(), MODEL))) == 6
        after = clock.now
    assert scu.metrics is not None
    durations = scu.metrics.snapshot().histogram(service="C-FIND")
    assert durations.count == 1
    assert 2.5 < durations.total <= after - before
    assert rows(scu, "operations") == {("ANY-SCP", "scu", "C-FIND", "success"): 1}


# Who is told apart ----------------------------------------------------------------------------------------


def test_peers_beyond_the_limit_are_counted_together() -> None:
    ae = store_ae(set())
    ae.metrics = Metrics(peer_limit=3)
    titles = [b"PEER%d" % number for number in range(8)]
    with serving(ae) as server:
        for title in titles + titles:
            with associate_raw(port_of(server), calling=title) as peer:
                peer.send(echo_rq())
                peer.receive_message()
        wait_for(ae, 16, "associations", outcome="aborted")
    assert rows(ae, "operations") == {
        ("PEER0", "scp", "C-ECHO", "success"): 2,
        ("PEER1", "scp", "C-ECHO", "success"): 2,
        ("PEER2", "scp", "C-ECHO", "success"): 2,
        ("other", "scp", "C-ECHO", "success"): 10,
    }
    for family in FAMILIES:
        if "peer" in family.labels:
            assert {labels[0] for labels in rows(ae, family.name)} <= {"PEER0", "PEER1", "PEER2", "other"}


def test_titles_are_escaped(scp: tuple[AE, AssociationServer]) -> None:
    ae, server = scp
    with associate_raw(port_of(server), calling=b"A\nB\x1b[2J\x7f"):
        pass
    wait_for(ae, 1, "associations", outcome="aborted")
    assert {labels[0] for labels in rows(ae, "associations")} == {"A\\x0aB\\x1b[2J\\x7f"}


# Snapshots ------------------------------------------------------------------------------------------------


def test_a_snapshot_while_associations_run(scp: tuple[AE, AssociationServer]) -> None:
    """What only grows does so, and in the end all is there: nothing is counted twice, or left out."""
    ae, server = scp
    assert ae.metrics is not None
    is_over = threading.Event()
    seen: list[Snapshot] = []

    def look() -> None:
        while not is_over.is_set():
            assert ae.metrics is not None
            seen.append(ae.metrics.snapshot())

    def work() -> None:
        scu = AE()
        scu.requested_contexts = contexts()
        for _ in range(8):
            with associate(scu, server) as association:
                for _ in range(5):
                    association.send_c_echo()

    watcher = threading.Thread(target=look)
    workers = [threading.Thread(target=work) for _ in range(4)]
    watcher.start()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    wait_for(ae, 32, "associations", outcome="released")
    is_over.set()
    watcher.join()
    seen.append(ae.metrics.snapshot())
    assert seen[-1].total("operations", service="C-ECHO", status="success") == 160
    assert seen[-1].total("associations", outcome="accepted") == 32
    assert len(seen) > 10
    for name in "operations", "associations", "received", "sent":
        totals = [snapshot.total(name) for snapshot in seen]
        assert totals == sorted(totals), name
    counts = [snapshot.histogram().count for snapshot in seen]
    assert counts == sorted(counts) and counts[-1] == 160


def test_snapshots_of_processes_add_up() -> None:
    durations = Histogram()
    durations.add(0.7)
    ours = Snapshot({"operations": {("A", "scp", "C-ECHO", "success"): 2}, "sent": {("A", "acceptor"): 10}})
    theirs = Snapshot(
        {
            "operations": {("A", "scp", "C-ECHO", "success"): 3, ("B", "scp", "C-ECHO", "failure"): 1},
            "operation_duration": {("A", "scp", "C-ECHO"): durations},
        }
    )
    total = pickle.loads(pickle.dumps(ours + theirs + theirs))
    assert total.total("operations") == 10
    assert total.total("operations", peer="A") == 8
    assert total.total("sent") == 10
    assert (total.histogram().count, total.histogram().total) == (2, 1.4)
    assert theirs.histogram().count == 1  # as it was


def test_what_is_not_counted_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="nothing that is counted"):
        Snapshot().total("opreations")
    with pytest.raises(ValueError, match="nothing that is counted"):
        Snapshot().total("operations", pear="A")


def test_gauges(scp: tuple[AE, AssociationServer]) -> None:
    ae, server = scp
    place = f"127.0.0.1:{port_of(server)}"
    with associate_raw(port_of(server)):
        wait_for(ae, 1, "established_associations")
        assert counted(ae, "busy_workers", server=place) == 1
        assert counted(ae, "waiting_connections", server=place) == 0
    assert counted(ae, "buffer_pool", state="kept") == ae.buffer_pool.kept


# Switched on and off --------------------------------------------------------------------------------------


def test_metrics_belong_to_one_ae() -> None:
    ours = AE()
    ours.metrics = metrics = Metrics()
    ours.metrics = None
    ours.metrics = metrics
    with pytest.raises(ValueError, match="belong to another AE"):
        AE().metrics = metrics


def test_an_association_counts_from_its_beginning_or_not_at_all(
    scp: tuple[AE, AssociationServer],
) -> None:
    ae, server = scp
    metrics, ae.metrics = ae.metrics, None
    assert metrics is not None
    with associate_raw(port_of(server)) as before:
        ae.metrics = metrics
        with associate_raw(port_of(server), calling=b"SECOND"):
            ae.metrics = None
            before.send(echo_rq())
            before.receive_message()
        wait_until(lambda: metrics.snapshot().total("associations", outcome="aborted") == 1)
    wait_until(lambda: not ae._all_associations())
    assert {labels[0] for labels in metrics.snapshot().values["associations"]} == {"SECOND"}
    assert metrics.snapshot().total("operations") == 0


def test_a_listener_that_raises_does_not_matter(
    scp: tuple[AE, AssociationServer], caplog: pytest.LogCaptureFixture
) -> None:
    ae, server = scp
    assert ae.metrics is not None
    ae.metrics.add_listener(object())  # type: ignore[arg-type] # it has none of the methods
    with associate_raw(port_of(server)) as peer:
        peer.send(echo_rq())
        assert peer.receive_message()[1][0x0900] == 0
    assert "a listener of the metrics raised" in caplog.text


@pytest.mark.parametrize("is_on", [False, True])
def test_who_counts_nothing_calls_nothing(is_on: bool) -> None:
    """Once an association is established, no function of the package is called unless somebody wants it."""
    calls: list[str] = []

    def note(frame: FrameType, what: str, argument: object) -> None:
        if what == "call" and frame.f_code.co_filename.startswith(WATCHING):
            calls.append(frame.f_code.co_name)

    scp, scu = store_ae({CT}, [IMPLICIT]), AE()
    scu.requested_contexts = contexts()
    if is_on:
        scp.metrics, scu.metrics = Metrics(), Metrics()
    begin = threading.Event()

    def handle(event: evt.Event) -> int:
        sys.setprofile(note)  # of the thread that serves
        return 0

    with serving(scp, [(evt.EVT_C_STORE, handle)]) as server, associate(scu, server) as association:
        sys.setprofile(note)
        try:
            for _ in range(5):
                association.send_c_store(data_set(), transfer_syntax=IMPLICIT)
                association.send_c_echo()
        finally:
            sys.setprofile(None)
        begin.set()
        if is_on:
            assert {"received", "sent"} <= set(calls)
        else:
            assert calls == []
