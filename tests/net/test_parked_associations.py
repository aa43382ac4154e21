"""Nothing is missed that comes to an association without a thread, nor that nothing comes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from time import monotonic
from typing import Any

import model
import pytest
from parked import (
    all_parked,
    echo,
    idle_peers,
    is_parked,
    without_linger,
)
from raw_peer import (
    CT,
    IMPLICIT,
    Raw,
    acceptance,
    contexts,
    data_set,
    echo_rq,
    fake_acceptor,
    request,
    response,
    store_rq,
)
from servers import DEADLINE, POLL, associate, await_event, port_of, serving, store_ae, wait_until
from tls_files import write

from fastdicom import AE, build_context, evt
from fastdicom.net.parking import HAS_POLLER
from fastdicom.sop_class import ModalityPerformedProcedureStepNotification, Verification
from fastdicom.tls import client_context, server_context

pytestmark = pytest.mark.skipif(not HAS_POLLER, reason="associations keep their threads here")

CONTEXTS = [build_context(Verification)]
ABORT_OF_USER = model.abort(0, 0)

# --- what comes ------------------------------------------------------------------------------------------


@contextmanager
def watched_requestor(
    script: Callable[[Raw], None], event: evt.EventType, ae: AE | None = None, **options: Any
) -> Iterator[tuple[Any, threading.Event, list[str]]]:
    """A requestor that its user leaves alone, and what its handler of an event has seen."""
    happened = threading.Event()
    by: list[str] = []

    def note(event: evt.Event) -> None:
        by.append(threading.current_thread().name)
        happened.set()

    with fake_acceptor(script) as port:
        association = (ae or AE()).associate(
            "127.0.0.1", port, contexts=contexts(), evt_handlers=[(event, note)], **options
        )
        assert association._is_established
        yield association, happened, by
        association.abort()


def accept(peer: Raw) -> None:
    peer.receive_pdu()
    peer.send(acceptance())


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "once it is parked"])
@pytest.mark.parametrize("end", ["release", "abort", "close", "rubbish"])
def test_a_requestor_notices_the_end_without_a_call(end: str, waits: bool) -> None:
    may_end = threading.Event()

    def script(peer: Raw) -> None:
        accept(peer)
        await_event(may_end)
        if end == "release":
            peer.send(model.release_rq())
            assert peer.receive_pdu() == model.release_rp()
        elif end == "abort":
            peer.send(ABORT_OF_USER)
        elif end == "rubbish":
            peer.send(b"\x77\0\0\0\0\4abcd")
            assert peer.receive_pdu()[:1] == b"\7"
        peer.close()

    event = evt.EVT_RELEASED if end == "release" else evt.EVT_ABORTED
    with watched_requestor(script, event) as (association, happened, by):
        if waits:
            wait_until(lambda: any(is_parked(row[2]) for row in association.ae._crew.lot._heap))
        may_end.set()
        await_event(happened)
        assert by == ["fastdicom-requestor"]
        wait_until(lambda: not association._connection.is_open)
        assert association._is_released == (end == "release")
        assert association._is_aborted == (end != "release")
        wait_until(lambda: association.ae._all_associations() == [])
        assert len(association.ae._crew.lot) == 0


def test_a_requestor_answers_a_notification_without_a_call() -> None:
    uid = str(ModalityPerformedProcedureStepNotification)

    def script(peer: Raw) -> None:
        peer.receive_pdu()
        items = [
            model.application_context(),
            model.context_ac(1, 0, IMPLICIT),
            model.user_information(model.maximum_length(16384), model.implementation_class_uid("1.2.3")),
        ]
        peer.send(model.associate(2, b"CALLED", b"CALLING", items))
        command = {0x0002: uid, 0x0100: 0x0100, 0x0110: 7, 0x0800: 0x0101, 0x1000: "1.2.3", 0x1002: 1}
        for _ in range(3):
            peer.send(model.p_data_tf([(1, 3, model.command_set(command))]))
            answer = peer.receive_message()[1]
            assert (answer[0x0120], answer[0x0900]) == (7, 0)
        peer.send(model.release_rq())
        assert peer.receive_pdu() == model.release_rp()

    reported = []

    def report(event: evt.Event) -> tuple[int, None]:
        reported.append(event.event_type)
        return 0x0000, None

    released = threading.Event()
    handlers: list[Any] = [
        (evt.EVT_N_EVENT_REPORT, report),
        (evt.EVT_RELEASED, lambda event: released.set()),
    ]
    with fake_acceptor(script) as port:
        association = AE().associate(
            "127.0.0.1", port, contexts=[build_context(uid, IMPLICIT)], evt_handlers=handlers
        )
        assert association._is_established
        await_event(released)
    assert reported == [1, 1, 1]


def test_what_comes_behind_a_response_is_not_left_in_memory() -> None:
    def script(peer: Raw) -> None:
        accept(peer)
        peer.send(response(peer.receive_message()[1]) + model.release_rq())
        assert peer.receive_pdu() == model.release_rp()

    with watched_requestor(script, evt.EVT_RELEASED) as (association, happened, _):
        lot = association.ae._crew.lot
        wait_until(lambda: any(is_parked(row[2]) for row in lot._heap))
        with lot._lock:  # who waits for the descriptor looks when there is nothing to be read any more
            assert association.send_c_echo().Status == 0x0000
        await_event(happened)


@pytest.mark.parametrize("end", ["A-ABORT", "A-RELEASE"])
def test_a_requestor_notices_that_nothing_comes(end: str) -> None:
    ae = AE()
    ae.network_timeout = 0.3
    times: list[float] = []

    def script(peer: Raw) -> None:
        start = monotonic()  # before the association is accepted: the timer may run before this goes on
        accept(peer)
        last = peer.receive_pdu()
        times.append(monotonic() - start)
        if end == "A-RELEASE":
            assert last == model.release_rq()
            peer.send(model.release_rp())
        else:
            assert last == ABORT_OF_USER
        peer.close()

    event = evt.EVT_RELEASED if end == "A-RELEASE" else evt.EVT_ABORTED
    with watched_requestor(script, event, ae) as (association, happened, _):
        association.network_timeout_response = end
        await_event(happened)
    assert 0.3 <= times[0] < 5


def test_who_is_used_is_not_idle() -> None:
    """network_timeout runs from the last message, not from the first look."""
    ae = AE()
    ae.network_timeout = 0.4
    with serving(store_ae(set())) as server:
        association = associate(ae, server, contexts=CONTEXTS)
        start = monotonic()
        while monotonic() - start < 1.0:
            assert association.send_c_echo().Status == 0
            POLL.wait(0.15)
        assert association.is_established
        wait_until(lambda: association.is_aborted)


def test_a_timeout_that_is_set_later_is_for_those_that_are_parked() -> None:
    ae = store_ae(set())
    with serving(ae) as server, idle_peers(server, 3) as peers:
        start = monotonic()
        ae.network_timeout = 0.1
        for peer in peers:
            assert peer.receive_all() == [ABORT_OF_USER]
        assert monotonic() - start < 5


@pytest.mark.parametrize("tls", [False, True], ids=["", "TLS"])
def test_what_has_come_already_goes_on_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, tls: bool
) -> None:
    """Two messages in one segment, or record, and workers that leave as soon as nothing is there."""
    files = write(tmp_path, "server")
    options: dict[str, Any] = (
        {"ssl_context": server_context(files.certificate, files.key, verifies_peer=False)} if tls else {}
    )
    ae = store_ae({CT})
    with (
        without_linger(monkeypatch, ae),
        serving(ae, [(evt.EVT_C_STORE, lambda event: 0)], **options) as server,
    ):
        sock = socket.create_connection(("127.0.0.1", port_of(server)), DEADLINE)
        if tls:
            sock = client_context(verifies_peer=False).wrap_socket(sock, server_hostname="localhost")
        with Raw(sock) as peer:
            peer.send(request())
            assert peer.receive_pdu()[:1] == b"\2"
            for _ in range(3):
                wait_until(all_parked(server, 1))
                peer.send(*store_rq(data_set(70_000)))
                assert peer.receive_message()[1][0x0900] == 0
            wait_until(all_parked(server, 1))
            start = monotonic()
            peer.send(echo_rq(), model.release_rq())
            assert peer.receive_message()[1][0x0900] == 0
            assert peer.receive_pdu() == model.release_rp()
            assert monotonic() - start < 5
        wait_until(lambda: not server._associations)


# --- in the middle of a message --------------------------------------------------------------------------


def test_a_slow_sender_keeps_no_worker() -> None:
    ae = store_ae({CT})
    ae.workers = 1
    with serving(ae, [(evt.EVT_C_STORE, lambda event: 0)]) as server, idle_peers(server, 2) as peers:
        slow, other = peers
        whole = b"".join(store_rq(data_set(50_000)))
        cuts = [0, 3, 6, 8, 20, 400, 17_000, 17_005, len(whole) - 1, len(whole)]
        for begin, end in pairwise(cuts):
            slow.send(whole[begin:end])
            echo(other)
            wait_until(all_parked(server, 2))
        assert slow.receive_message()[1][0x0900] == 0


def test_a_message_that_stops_has_its_time_from_the_last_byte_on() -> None:
    ae = store_ae({CT})
    ae.dimse_timeout = 0.4
    with serving(ae) as server, idle_peers(server, 1) as (peer,):
        whole = b"".join(store_rq(data_set(1000)))
        start = monotonic()
        for at in range(8):  # each is progress, although nobody waits
            peer.send(whole[at : at + 1])
            POLL.wait(0.1)
        assert monotonic() - start > 2 * 0.4 - 0.1
        wait_until(all_parked(server, 1))
        start = monotonic()
        peer.send(whole[8:9])
        assert peer.receive_all() == [ABORT_OF_USER]
        assert 0.4 <= monotonic() - start < 5


def test_a_message_that_trickles_is_too_slow() -> None:
    ae = store_ae({CT})
    ae.minimum_throughput, ae.throughput_window = 1000, 0.3
    with serving(ae) as server, idle_peers(server, 1) as (peer,):
        whole = b"".join(store_rq(data_set(1000)))
        start = monotonic()
        peer.socket.settimeout(0.05)
        for at in range(400):
            peer.send(whole[at : at + 1])
            try:
                assert peer.receive_pdu() == ABORT_OF_USER
            except TimeoutError:
                continue
            break
        assert 0.3 <= monotonic() - start < 5
