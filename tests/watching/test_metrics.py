"""What is counted of messages and bytes, whose they are, and who may ask for it."""

from __future__ import annotations

import pickle
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import model
import pytest
from counts import counted, rows, wait_for
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
        for number, title in enumerate(titles + titles, 1):
            with associate_raw(port_of(server), calling=title) as peer:
                peer.send(echo_rq())
                peer.receive_message()
            wait_for(ae, number, "associations", outcome="aborted")  # who ends first is named first
    assert rows(ae, "operations") == {
        ("PEER0", "scp", "C-ECHO", "success"): 2,
        ("PEER1", "scp", "C-ECHO", "success"): 2,
        ("PEER2", "scp", "C-ECHO", "success"): 2,
        ("other", "scp", "C-ECHO", "success"): 10,
    }
    for family in FAMILIES:
        if "peer" in family.labels:
            assert {labels[0] for labels in rows(ae, family.name)} <= {"PEER0", "PEER1", "PEER2", "other"}


def test_who_is_not_known_yet_is_not_counted_yet(scp: tuple[AE, AssociationServer]) -> None:
    """What is counted under one label does not go to another one."""
    ae, server = scp
    seen: list[dict[tuple[str, ...], Any]] = []
    server.bind(evt.EVT_REQUESTED, lambda event: seen.append(rows(ae, "received")))
    with associate_raw(port_of(server)):
        assert seen == [{}]
        wait_until(lambda: rows(ae, "received").keys() == {("CALLING", "acceptor")})


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
    may_go_on = threading.Event()
    server.bind(evt.EVT_C_ECHO, lambda event: 0 if may_go_on.wait(20) else 0x0110)
    with associate_raw(port_of(server)) as peer:
        wait_for(ae, 1, "established_associations")
        peer.send(echo_rq())
        wait_for(ae, 1, "busy_workers", server=place)
        may_go_on.set()
        assert peer.receive_message()[1][0x0900] == 0
        wait_for(ae, 0, "busy_workers", server=place)  # it is idle
        assert counted(ae, "waiting_connections", server=place) == 0
    assert counted(ae, "buffer_pool", state="kept") == ae.buffer_pool.kept
    with Path(__file__).open("rb") as file:
        held = ae.buffer_pool.read_file(file.fileno(), 0, 100)
    assert counted(ae, "buffer_pool", state="used") == ae.buffer_pool.used > 0
    del held


def test_gauges_of_others() -> None:
    ae = AE()
    ae.metrics = Metrics()

    def pool() -> Iterator[tuple[str, tuple[str, ...], float]]:
        yield "pooled_associations", ("PACS", "idle"), 3
        yield "pool_queue", ("PACS",), 1

    ae.add_gauges(pool)
    assert counted(ae, "pooled_associations", state="idle") == 3
    assert counted(ae, "pool_queue", pool="PACS") == 1
    ae.remove_gauges(pool)
    ae.remove_gauges(pool)
    assert counted(ae, "pooled_associations") == 0


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
        code = frame.f_code
        if what == "call" and (code.co_filename.startswith(WATCHING) or code.co_name.startswith("_tell_")):
            calls.append(code.co_name)

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
