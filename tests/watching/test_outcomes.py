"""How associations end: each way is counted, and so is which timeout it was."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable

import model
import pytest
from counts import counted, rows, wait_for
from raw_peer import (
    CT,
    IMPLICIT,
    Raw,
    acceptance,
    associate_raw,
    connect_raw,
    data_set,
    echo_rq,
    fake_acceptor,
    request,
    store_rq,
)
from servers import associate, port_of, serving, store_ae

from fastdicom import AE, evt
from fastdicom.server import AssociationServer
from fastdicom.watching import Metrics

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
    for module in "net.connection", "association.waiting":
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
