"""Release over real sockets: collisions (PS3.8 Table 9-10, Sta9 to Sta12), and aborts from any handler."""

from __future__ import annotations

import threading
from typing import Any

import model
import pytest
from raw_peer import Raw, acceptance, associate_raw, contexts, echo_rq, fake_acceptor
from servers import await_event, port_of, serving, store_ae

from fastdicom import AE, Association, evt

RELEASE_RQ, RELEASE_RP, A_ABORT = model.release_rq(), model.release_rp(), model.abort(0, 0)

# Longer than a peer needs that answers at once; short, because tests wait for it.
NETWORK_TIMEOUT = 0.2


class Watch:
    """The events at the end of an association, and the association itself."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.closed = threading.Event()
        self.association: Association | None = None
        ends = [evt.EVT_RELEASED, evt.EVT_ABORTED, evt.EVT_CONN_CLOSE]
        self.handlers: list[Any] = [(event, self.note) for event in ends]

    def note(self, event: evt.Event) -> None:
        self.association = event.assoc
        self.told.append(event.event.name)
        if event.event is evt.EVT_CONN_CLOSE:
            self.closed.set()


# --- release ----------------------------------------------------------------------------------------------


def test_a_collision_as_requestor() -> None:
    """Sta7, Sta9, Sta11: the requestor answers first."""

    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[0] == 1
        peer.send(acceptance())
        assert peer.receive_pdu() == RELEASE_RQ
        peer.send(RELEASE_RQ)
        assert peer.receive_pdu() == RELEASE_RP
        peer.send(RELEASE_RP)
        assert peer.receive_all() == []

    watch = Watch()
    with fake_acceptor(script) as port:
        association = AE().associate("127.0.0.1", port, contexts=contexts(), evt_handlers=watch.handlers)
        association.release()
        assert association.is_released and not association.is_aborted
    assert watch.told == ["EVT_RELEASED", "EVT_CONN_CLOSE"]


def idle_server(watch: Watch) -> Any:
    """Serve, and release associations on which nothing is received for a while."""

    def release_when_idle(event: evt.Event) -> None:
        event.assoc.network_timeout_response = "A-RELEASE"

    ae = store_ae(set())
    ae.network_timeout = NETWORK_TIMEOUT
    return serving(ae, [*watch.handlers, (evt.EVT_ESTABLISHED, release_when_idle)])


def test_an_idle_association_is_released() -> None:
    watch = Watch()
    with idle_server(watch) as server, associate_raw(port_of(server)) as peer:
        assert peer.receive_pdu() == RELEASE_RQ
        peer.send(RELEASE_RP)
        assert peer.receive_all() == []
        await_event(watch.closed)
        assert watch.told == ["EVT_RELEASED", "EVT_CONN_CLOSE"]


def test_a_collision_as_acceptor() -> None:
    """Sta7, Sta10, Sta12: the acceptor waits for the requestor's answer, and then gives its own."""
    watch = Watch()
    with idle_server(watch) as server, associate_raw(port_of(server)) as peer:
        assert peer.receive_pdu() == RELEASE_RQ
        peer.send(RELEASE_RQ)
        peer.send(RELEASE_RP)
        assert peer.receive_pdu() == RELEASE_RP
        peer.close()
        await_event(watch.closed)
        assert watch.told == ["EVT_RELEASED", "EVT_CONN_CLOSE"]
        assert watch.association is not None
        assert watch.association.is_released and not watch.association.is_aborted


def test_an_acceptor_whose_release_is_not_answered_aborts() -> None:
    watch = Watch()
    with idle_server(watch) as server, associate_raw(port_of(server)) as peer:
        assert peer.receive_pdu() == RELEASE_RQ
        assert peer.receive_pdu() == A_ABORT
        peer.close()
        await_event(watch.closed)
        assert watch.told == ["EVT_ABORTED", "EVT_CONN_CLOSE"]


def test_an_association_that_is_idle_in_a_message_is_aborted() -> None:
    watch = Watch()
    with idle_server(watch) as server, associate_raw(port_of(server)) as peer:
        peer.send(echo_rq()[:40])
        assert peer.receive_pdu() == A_ABORT


# --- aborts from handlers ---------------------------------------------------------------------------------


def abort(event: evt.Event) -> int:
    event.assoc.abort()
    return 0x0000


ABORTING = [evt.EVT_C_ECHO, evt.EVT_DATA_RECV, evt.EVT_PDU_RECV, evt.EVT_DIMSE_RECV]


@pytest.mark.parametrize("event", ABORTING, ids=lambda event: event.name)
def test_a_handler_of_the_acceptor_aborts(event: evt.EventType) -> None:
    """R1: the peer gets an A-ABORT from the service user, and no response."""
    watch = Watch()

    def bind(established: evt.Event) -> None:
        established.assoc.bind(event, abort)

    handlers = [*watch.handlers, (evt.EVT_ESTABLISHED, bind)]
    with serving(store_ae(set()), handlers) as server, associate_raw(port_of(server)) as peer:
        peer.send(echo_rq())
        assert peer.receive_pdu() == A_ABORT
        peer.close()
        await_event(watch.closed)
    assert watch.told == ["EVT_ABORTED", "EVT_CONN_CLOSE"]


def test_an_acceptor_aborts_as_soon_as_it_is_established() -> None:
    watch = Watch()
    handlers = [*watch.handlers, (evt.EVT_ESTABLISHED, abort)]
    with serving(store_ae(set()), handlers) as server, associate_raw(port_of(server)) as peer:
        assert peer.receive_pdu() == A_ABORT
        peer.close()
        await_event(watch.closed)
    assert watch.told == ["EVT_ABORTED", "EVT_CONN_CLOSE"]


def test_a_handler_of_the_requestor_aborts() -> None:
    pdus: list[bytes] = []

    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[0] == 1
        peer.send(acceptance())
        pdus.append(peer.receive_pdu())

    watch = Watch()
    with fake_acceptor(script) as port:
        handlers = [*watch.handlers, (evt.EVT_ESTABLISHED, abort)]
        association = AE().associate("127.0.0.1", port, contexts=contexts(), evt_handlers=handlers)
        assert association.is_aborted and not association.is_established
    assert pdus == [A_ABORT]
    assert watch.told == ["EVT_ABORTED", "EVT_CONN_CLOSE"]
