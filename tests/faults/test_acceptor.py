"""A peer that closes, resets or goes silent at each step, as our acceptor meets it (T1, R4)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import model
import pytest
from raw_peer import (
    CT,
    Raw,
    associate_raw,
    connect_raw,
    data_set,
    echo_rq,
    request,
    store_rq,
)
from servers import associate, await_event, port_of, serving, wait_until

from fastdicom import AE, evt
from fastdicom.sop_class import Verification

TIMEOUT = 0.2

# A silent peer gets an A-ABORT, and a second to close; the rest is for a machine that is busy.
LONGEST = TIMEOUT + 1.0 + 3.0

A_ABORT = model.abort(0, 0)


class Watched:
    """A server with one slot and short timeouts, and what it tells."""

    def __init__(self, ae: AE, server: Any) -> None:
        self.ae = ae
        self.server = server
        self.told: list[str] = []
        self.closed = threading.Event()
        self.associations: list[Any] = []

    def note(self, event: evt.Event) -> None:
        self.told.append(event.event.name)
        if event.event is evt.EVT_CONN_OPEN:
            self.associations.append(event.assoc)
        if event.event is evt.EVT_CONN_CLOSE:
            self.closed.set()


@contextmanager
def watched_server() -> Iterator[Watched]:
    ae = AE()
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = TIMEOUT
    ae.maximum_associations = 1
    ae.add_supported_context(Verification)
    ae.add_supported_context(CT)
    watched = Watched(ae, None)
    names = [evt.EVT_ABORTED, evt.EVT_RELEASED, evt.EVT_ESTABLISHED, evt.EVT_CONN_OPEN, evt.EVT_CONN_CLOSE]
    handlers: list[Any] = [(name, watched.note) for name in names]
    handlers.append((evt.EVT_C_STORE, lambda event: 0x0000))
    with serving(ae, handlers) as watched.server:
        yield watched


def connected(port: int) -> Raw:
    return connect_raw(port)


def in_rq(port: int) -> Raw:
    peer = connect_raw(port)
    peer.send(request()[:50])
    return peer


def established(port: int) -> Raw:
    return associate_raw(port)


def in_pdu_header(port: int) -> Raw:
    peer = associate_raw(port)
    peer.send(echo_rq()[:4])
    return peer


def in_command(port: int) -> Raw:
    peer = associate_raw(port)
    peer.send(echo_rq()[:40])
    return peer


def between_pdus(port: int) -> Raw:
    peer = associate_raw(port)
    peer.send(*store_rq(data_set(100_000))[:3])
    return peer


def in_data_set(port: int) -> Raw:
    peer = associate_raw(port)
    peer.send(b"".join(store_rq(data_set(100_000)))[:60_000])
    return peer


def before_response(port: int) -> Raw:
    peer = associate_raw(port)
    peer.send(*store_rq(data_set()))
    return peer


def in_release(port: int) -> Raw:
    peer = associate_raw(port)
    peer.send(model.release_rq()[:7])
    return peer


# What leads there, and whether it happens within an association.
STEPS: dict[str, tuple[Callable[[int], Raw], bool]] = {
    "connected": (connected, False),
    "in the RQ": (in_rq, False),
    "after the AC": (established, True),
    "in a PDU header": (in_pdu_header, True),
    "in a command set": (in_command, True),
    "between the PDUs of a data set": (between_pdus, True),
    "in a data set": (in_data_set, True),
    "before the response": (before_response, True),
    "in the release request": (in_release, True),
}


def assert_slot_is_free(watched: Watched) -> None:
    wait_until(lambda: watched.ae.active_associations == [])
    # The one slot there is: it is free when EVT_CONN_CLOSE has been told, or very soon.
    ae = AE()
    ae.add_requested_context(Verification)
    wait_until(lambda: is_served(ae, watched.server))


def is_served(ae: AE, server: Any) -> bool:
    association = associate(ae, server)
    if not association.is_established:
        return False
    assert association.send_c_echo().Status == 0x0000
    association.release()
    assert association.is_released
    return True


@pytest.mark.parametrize("manner", ["closes", "resets", "is silent"])
@pytest.mark.parametrize("step", STEPS)
def test_the_peer_fails(step: str, manner: str) -> None:
    lead_to, is_association = STEPS[step]
    with watched_server() as watched:
        peer = lead_to(port_of(watched.server))
        start = monotonic()
        if manner == "closes":
            peer.close()
        elif manner == "resets":
            peer.reset()
        await_event(watched.closed)
        assert monotonic() - start < LONGEST
        if manner == "is silent":
            said = peer.receive_all()
            peer.close()
            answers = 1 if lead_to is before_response else 0
            # PS3.8 9.1.5: without an association the ARTIM timer only closes.
            assert said[answers:] == ([A_ABORT] if is_association else [])
            assert len(said) == answers + is_association
        (association,) = watched.associations[:1]
        assert not association.is_established
        assert not association.is_released and not association.is_rejected
        told = ["EVT_ESTABLISHED", "EVT_ABORTED"] if is_association else []
        # Where a connection is lost, its close is told of first.
        wait_until(lambda: [name for name in watched.told if not name.startswith("EVT_CONN")] == told)
        assert watched.told.count("EVT_CONN_OPEN") == watched.told.count("EVT_CONN_CLOSE") == 1
        assert_slot_is_free(watched)


def test_a_peer_that_trickles_its_request_is_not_waited_for() -> None:
    """ARTIM is for all of the request: a byte now and then does not start it anew."""
    with watched_server() as watched, connect_raw(port_of(watched.server)) as peer:
        start = monotonic()
        pause = threading.Event()
        for octet in request():
            if watched.closed.is_set():
                break
            try:
                peer.send(bytes([octet]))
            except (BrokenPipeError, ConnectionResetError):
                break
            pause.wait(0.02)
        await_event(watched.closed)
        assert monotonic() - start < LONGEST
        assert_slot_is_free(watched)


def test_a_peer_that_never_closes_after_its_abort_is_closed() -> None:
    """R4: the state machine waits for the peer in Sta13, but not for longer than ARTIM."""
    with watched_server() as watched, connect_raw(port_of(watched.server)) as peer:
        peer.send(echo_rq())  # data before an association
        assert peer.receive_all() == [model.abort(0, 0)]
        await_event(watched.closed)
        assert_slot_is_free(watched)


@pytest.mark.parametrize(
    "noise",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32),
        b"\x0bMSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.5\r\x1c\r",
        bytes(range(255, 191, -1)),
    ],
    ids=["HTTP", "TLS", "HL7", "noise"],
)
def test_another_protocol_on_our_port(noise: bytes) -> None:
    """G1."""
    with watched_server() as watched, connect_raw(port_of(watched.server)) as peer:
        peer.send(noise)
        assert peer.receive_all() in ([A_ABORT], [])  # AA-1; a reset may overtake it
        await_event(watched.closed)
        assert_slot_is_free(watched)


def send_for_ever(peer: Raw, data: bytes) -> None:
    """Send, at most a hundred times what the buffers of both directions hold."""
    for _ in range(10_000):
        peer.send(data)


def test_a_peer_that_does_not_read_our_responses() -> None:
    """T1: what we send does not wait for ever."""
    with watched_server() as watched:
        burst = b"".join(echo_rq(1 + i) for i in range(2000))
        peer = associate_raw(port_of(watched.server))
        peer.socket.settimeout(TIMEOUT)
        with pytest.raises((TimeoutError, ConnectionError)):
            send_for_ever(peer, burst)
        await_event(watched.closed)
        peer.close()
        assert_slot_is_free(watched)


def test_many_peers_that_say_nothing_do_not_lock_out_others() -> None:
    with watched_server() as watched:
        silent = [connect_raw(port_of(watched.server)) for _ in range(20)]
        assert_slot_is_free(watched)
        for peer in silent:
            assert peer.receive_all() == []
            peer.close()
