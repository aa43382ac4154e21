"""TLS connections that wait: for the handshake, and for the request behind it (T2, R1)."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import model
import pytest
import trustme
from raw_peer import Raw, connect_raw, echo_rq, request
from servers import DEADLINE, POLL, await_event, port_of, serving, store_ae, wait_until

from fastdicom import AE, AdmissionPolicy, evt


@dataclass
class Certificates:
    server: ssl.SSLContext
    client: ssl.SSLContext
    fingerprint: str


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    import hashlib

    ca = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.verify_mode = ssl.CERT_OPTIONAL
    ca.issue_cert("127.0.0.1").configure_cert(server)
    identity = ca.issue_cert("client.example")
    identity.configure_cert(client)
    for context in (server, client):
        ca.configure_trust(context)
    der = ssl.PEM_cert_to_DER_cert(identity.cert_chain_pems[0].bytes().decode())
    return Certificates(server, client, hashlib.sha256(der).hexdigest())


@contextmanager
def tls_server(certificates: Certificates, ae: AE | None = None, handlers: Any = None) -> Iterator[Any]:
    with serving(ae or store_ae(set()), handlers, ssl_context=certificates.server) as server:
        yield server


def connect_tls(server: Any, certificates: Certificates) -> Raw:
    plain = socket.create_connection(("127.0.0.1", port_of(server)), DEADLINE)
    return Raw(certificates.client.wrap_socket(plain, server_hostname="127.0.0.1"))


def client_hello(certificates: Certificates) -> bytes:
    outgoing = ssl.MemoryBIO()
    tls = certificates.client.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def is_served(server: Any, certificates: Certificates) -> bool:
    with connect_tls(server, certificates) as peer:
        peer.send(request())
        if peer.receive_pdu()[:1] != b"\2":
            return False
        peer.send(echo_rq())
        assert peer.receive_message()[1][0x0900] == 0
        peer.send(model.release_rq())
        return peer.receive_pdu() == model.release_rp()


def threads() -> int:
    return sum(thread.name == "fastdicom-server" for thread in threading.enumerate())


def test_a_request_over_tls(certificates: Certificates) -> None:
    with tls_server(certificates) as server:
        for _ in range(3):
            assert is_served(server, certificates)


@pytest.mark.parametrize("cut", [0, 1, 3, 5, 100, None], ids=str)
def test_half_a_client_hello(certificates: Certificates, cut: int | None) -> None:
    """T2: it has neither a thread nor an SSL object; a whole one has an answer, and no thread."""
    hello = client_hello(certificates)
    with tls_server(certificates) as server, ExitStack() as stack:
        peers = [stack.enter_context(connect_raw(port_of(server))) for _ in range(150)]
        for peer in peers:
            peer.send(hello[:cut])
        start = monotonic()
        assert is_served(server, certificates)
        assert monotonic() - start < 3
        assert threads() <= 12


@pytest.mark.parametrize("said", [b"", b"\1", request()[:-1]])
def test_those_who_stop_behind_the_handshake(certificates: Certificates, said: bytes) -> None:
    with tls_server(certificates) as server, ExitStack() as stack:
        peers = [stack.enter_context(connect_tls(server, certificates)) for _ in range(100)]
        for peer in peers:
            peer.send(said)
        assert is_served(server, certificates)
        assert threads() <= 12
        peers[50].send(request()[len(said) :])
        assert peers[50].receive_pdu()[:1] == b"\2"


def test_each_byte_in_a_record_of_its_own(certificates: Certificates) -> None:
    with tls_server(certificates) as server, connect_tls(server, certificates) as peer:
        for octet in request():
            peer.send(bytes([octet]))
        assert peer.receive_pdu()[:1] == b"\2"


def test_a_request_of_many_records(certificates: Certificates) -> None:
    filler = b"\x77\0" + (60_000).to_bytes(2, "big") + bytes(60_000)
    with tls_server(certificates) as server, connect_tls(server, certificates) as peer:
        rq = request(extra=filler * 4)
        peer.send(rq[:100_000])
        POLL.wait(0.02)
        # What follows the request in the same records is not lost.
        peer.send(rq[100_000:], echo_rq())
        assert peer.receive_pdu()[:1] == b"\2"


@pytest.mark.parametrize("said", [b"", b"\x16\3\1", "hello"], ids=["nothing", "a header", "a ClientHello"])
def test_a_handshake_has_its_own_deadline(certificates: Certificates, said: Any) -> None:
    ae = store_ae(set())
    ae.handshake_timeout, ae.acse_timeout = 0.2, DEADLINE
    with tls_server(certificates, ae) as server, connect_raw(port_of(server)) as peer:
        start = monotonic()
        peer.send(client_hello(certificates) if said == "hello" else said)
        while peer.receive(1):
            pass
        assert 0.15 < monotonic() - start < 5
        assert is_served(server, certificates)


def test_artim_begins_behind_the_handshake(certificates: Certificates) -> None:
    ae = store_ae(set())
    ae.acse_timeout = 0.3
    closed = threading.Event()
    with tls_server(certificates, ae, [(evt.EVT_CONN_CLOSE, lambda event: closed.set())]) as server:
        with connect_tls(server, certificates) as peer:
            start = monotonic()
            peer.send(b"\1")
            assert peer.receive_all() == []
            assert 0.25 < monotonic() - start < 5
            await_event(closed)
        assert is_served(server, certificates)


@pytest.mark.parametrize(
    "noise", [request(), b"GET / HTTP/1.1\r\n\r\n", bytes(range(200, 256)), b"\x16\3\1\0\4abcd"]
)
def test_no_tls_on_the_tls_port(certificates: Certificates, noise: bytes, caplog: Any) -> None:
    """G1."""
    with tls_server(certificates) as server:
        with connect_raw(port_of(server)) as peer:
            peer.send(noise)
            assert len(peer.receive(1000)) < 100  # an alert perhaps
        assert is_served(server, certificates)
    assert "a TLS connection could not be accepted" in caplog.text


@pytest.mark.parametrize("manner", ["closes", "resets"])
@pytest.mark.parametrize("cut", [0, 3, 100, None], ids=str)
def test_the_peer_goes_in_the_handshake(certificates: Certificates, cut: int | None, manner: str) -> None:
    with tls_server(certificates) as server:
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(5):
            peer = connect_raw(port_of(server))
            peer.send(client_hello(certificates)[:cut])
            if manner == "closes":
                peer.close()
            else:
                peer.reset()
        assert is_served(server, certificates)
        wait_until(lambda: len(list(Path("/proc/self/fd").iterdir())) <= before)


def test_shut_down_in_the_handshake(certificates: Certificates) -> None:
    """R1."""
    with tls_server(certificates) as server, ExitStack() as stack:
        peers = [stack.enter_context(connect_raw(port_of(server))) for _ in range(20)]
        for number, peer in enumerate(peers):
            peer.send(client_hello(certificates)[: None if number % 2 else 50])
        late = stack.enter_context(connect_tls(server, certificates))
        start = monotonic()
        assert server.shutdown() == 0
        assert monotonic() - start < 4
        assert late.receive_all() == []


def test_a_certificate_stands_for_calling_ae_titles(certificates: Certificates) -> None:
    ae = store_ae(set())
    with tls_server(certificates, ae) as server:
        for titles, is_let_in in [
            ({certificates.fingerprint: ["CALLING"]}, True),
            ({certificates.fingerprint: ["OTHER"]}, False),
            ({"00" * 32: ["CALLING"]}, False),
            (
                lambda certificate: (
                    ["CALLING"] if certificate.fingerprint == certificates.fingerprint else []
                ),
                True,
            ),
            (lambda certificate: 1 / 0, False),
            (None, True),
        ]:
            ae.admission = AdmissionPolicy(certificate_titles=titles)
            with connect_tls(server, certificates) as peer:
                peer.send(request())
                answer = peer.receive_pdu()
            assert answer[:1] == b"\2" if is_let_in else answer == model.reject(1, 1, 3)


def test_another_context_while_running(certificates: Certificates) -> None:
    """Certificates are reloaded without a restart: the connections that there are do not notice."""
    with tls_server(certificates) as server, connect_tls(server, certificates) as established:
        established.send(request())
        assert established.receive_pdu()[:1] == b"\2"
        other = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        other.issue_cert("127.0.0.1").configure_cert(context)
        server.ssl_context = context
        with pytest.raises(ssl.SSLCertVerificationError):
            connect_tls(server, certificates)
        established.send(echo_rq())
        assert established.receive_message()[1][0x0900] == 0
        server.ssl_context = certificates.server
        assert is_served(server, certificates)
