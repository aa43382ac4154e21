"""Associations over TLS: mutual authentication, what is known of the peer, and every way to fail."""

from __future__ import annotations

import hashlib
import logging
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import model
import pytest
from raw_peer import CT, IMPLICIT, Raw, acceptance, contexts, data_set, fake_acceptor
from servers import associate, await_event, port_of, serving, store_ae, wait_until
from tls_files import NAME, Files, authority, write

from fastdicom import AE, AssociationAborted, ConnectionFailed, build_context, evt
from fastdicom.errors import TlsError
from fastdicom.net.tls import TlsSocket
from fastdicom.server import AssociationServer
from fastdicom.sop_class import Verification
from fastdicom.tls import Profile, client_context, server_context


@pytest.fixture
def server_files(tmp_path: Path) -> Files:
    return write(tmp_path, "server")


@pytest.fixture
def client_files(tmp_path: Path) -> Files:
    return write(tmp_path, "client")


def for_server(files: Files, **options: Any) -> ssl.SSLContext:
    return server_context(files.certificate, files.key, ca=files.ca, **options)


def for_client(files: Files, **options: Any) -> ssl.SSLContext:
    return client_context(certificate=files.certificate, key=files.key, ca=files.ca, **options)


@pytest.fixture
def server(server_files: Files) -> Iterator[AssociationServer]:
    with serving(store_ae({CT}), ssl_context=for_server(server_files)) as running:
        yield running


def echo(server: AssociationServer, context: ssl.SSLContext | None, name: str | None = NAME) -> Any:
    """Associate, echo and release; return the association."""
    tls_args = None if context is None else (context, name)
    with associate(AE(), server, contexts=[build_context(Verification)], tls_args=tls_args) as association:
        assert association.send_c_echo().Status == 0x0000
    assert association.is_released
    return association


def free(server: AssociationServer) -> bool:
    """Whether no association holds a place any more."""
    return not server.ae.active_associations and not server.active_associations


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_what_is_known_of_the_peer(server_files: Files, client_files: Files, version: ssl.TLSVersion) -> None:
    seen: list[Any] = []
    handlers = [(evt.EVT_ESTABLISHED, lambda event: seen.append(event.assoc.tls))]
    context = for_client(client_files)
    context.maximum_version = version
    with serving(store_ae(set()), handlers, ssl_context=for_server(server_files)) as server:
        ours = echo(server, context).tls
    (theirs,) = seen
    protocol = version.name.replace("_", ".")
    assert ours.protocol == theirs.protocol == protocol
    assert ours.cipher == theirs.cipher
    assert "GCM" in ours.cipher and ours.cipher_bits == theirs.cipher_bits == 256
    for details, owner, files in ((ours, "server", server_files), (theirs, "client", client_files)):
        certificate = details.peer_certificate
        encoded = ssl.PEM_cert_to_DER_cert(files.certificate.read_text())
        assert certificate.fingerprint == hashlib.sha256(encoded).hexdigest()
        assert len(certificate.encoded) == len(encoded)
        assert certificate.common_names == (owner,)
        assert f"commonName={owner}" in certificate.subject
        assert set(certificate.alternative_names) == {NAME, "127.0.0.1"}


def test_without_tls_nothing_is_known() -> None:
    with serving(store_ae(set())) as server:
        assert echo(server, None).tls is None


@pytest.mark.parametrize("profile", Profile)
def test_a_profile_at_both_ends(server_files: Files, client_files: Files, profile: Profile) -> None:
    with serving(store_ae(set()), ssl_context=for_server(server_files, profile=profile)) as server:
        echo(server, for_client(client_files, profile=profile))


@pytest.mark.parametrize("size", [0, 64, 70_000, 5 << 20])
def test_objects_of_all_sizes(server_files: Files, client_files: Files, size: int) -> None:
    arrived: list[bytes] = []

    def keep(event: evt.StoreEvent) -> int:
        arrived.append(bytes(event.encoded))
        return 0x0000

    handlers = [(evt.EVT_C_STORE, keep)]
    with (
        serving(store_ae({CT}), handlers, ssl_context=for_server(server_files)) as server,
        associate(
            AE(), server, contexts=[build_context(CT, IMPLICIT)], tls_args=(for_client(client_files), NAME)
        ) as association,
    ):
        for i in range(3):
            status = association.send_c_store(data_set(size, f"1.2.{i}"), transfer_syntax=IMPLICIT)
            assert status.Status == 0x0000
    assert association.is_released
    assert arrived == [data_set(size, f"1.2.{i}") for i in range(3)]


def test_the_name_of_the_host_is_checked(server: AssociationServer, client_files: Files) -> None:
    context = for_client(client_files)
    assert echo(server, context, None).tls is not None  # addr, which is 127.0.0.1
    with pytest.raises(TlsError, match=r"certificate is not accepted: Hostname mismatch"):
        echo(server, context, "elsewhere")
    assert echo(server, for_client(client_files, checks_host_name=False), "elsewhere").tls is not None


def test_without_a_name_it_is_that_of_the_address(client_files: Files, server_files: Files) -> None:
    elsewhere = authority("ours").issue_cert("elsewhere")
    context = for_server(server_files)
    elsewhere.configure_cert(context)
    with (
        serving(store_ae(set()), ssl_context=context) as server,
        pytest.raises(TlsError, match=r"certificate is not accepted: IP address mismatch"),
    ):
        echo(server, for_client(client_files), None)


def test_no_name_at_all(client_files: Files) -> None:
    with socket.socket() as sock, pytest.raises(ValueError, match="the name of the host, and there is none"):
        TlsSocket(sock, for_client(client_files), is_server=False)


def test_a_context_for_the_other_side(server: AssociationServer, server_files: Files) -> None:
    with pytest.raises(ValueError, match="cannot be used here"):
        echo(server, for_server(server_files))
    assert free(server)


# --- failures ---------------------------------------------------------------------------------------------


def nobody(folder: Path) -> ssl.SSLContext:
    return client_context(ca=write(folder, "nobody").ca)


def expired(folder: Path) -> ssl.SSLContext:
    return for_client(write(folder, "expired", is_expired=True))


def unknown(folder: Path) -> ssl.SSLContext:
    return for_client(write(folder, "unknown", by="theirs"))


def old(folder: Path) -> ssl.SSLContext:
    context = for_client(write(folder, "old"))
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


REFUSED = {
    nobody: ("certificate required|handshake_failure|wants a certificate", "the peer sent no certificate"),
    expired: ("expired", "certificate has expired"),
    unknown: ("does not know the CA", "self.signed certificate|unable to get local issuer"),
    old: ("no TLS version in common", "no TLS version in common"),
}


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("refused", REFUSED, ids=lambda each: each.__name__)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_requestor_that_is_refused(
    server_files: Files,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    refused: Callable[[Path], ssl.SSLContext],
    version: ssl.TLSVersion,
) -> None:
    told, logged = REFUSED[refused]
    context = refused(tmp_path)
    if refused is not old:
        context.maximum_version = version
    with serving(store_ae(set()), ssl_context=for_server(server_files)) as server:
        # With TLS 1.3 the requestor is done before it is refused, and may have sent its request.
        with caplog.at_level(logging.WARNING), pytest.raises((TlsError, AssociationAborted), match=told):
            echo(server, context)
        wait_until(lambda: any(says(logged, record) for record in caplog.records), caplog.text)
        assert free(server)


def says(pattern: str, record: logging.LogRecord) -> bool:
    return record.name.startswith("fastdicom.net") and re.search(pattern, record.getMessage()) is not None


def test_a_server_that_is_not_trusted(server: AssociationServer, tmp_path: Path) -> None:
    context = for_client(write(tmp_path, "client", trusts="theirs"))
    with pytest.raises(ConnectionFailed, match=r"certificate is not accepted: .*(self.signed|local issuer)"):
        echo(server, context)
    assert free(server)


def test_tls_on_a_plain_port(client_files: Files) -> None:
    with serving(store_ae(set())) as server:
        with pytest.raises(TlsError, match="does not speak TLS on this port"):
            echo(server, for_client(client_files))
        wait_until(lambda: free(server))


def test_plain_on_a_tls_port(server: AssociationServer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), pytest.raises(AssociationAborted):
        echo(server, None)
    wait_until(lambda: "does not speak TLS" in caplog.text or "HTTP" in caplog.text, caplog.text)
    assert free(server)


def test_a_server_that_says_nothing(client_files: Files) -> None:
    ae = AE()
    ae.handshake_timeout = 0.01
    ae.add_requested_context(Verification)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        association = ae.associate(
            "127.0.0.1", silent.getsockname()[1], tls_args=(for_client(client_files), NAME)
        )
    assert association.is_aborted
    with pytest.raises(TlsError, match="not done in time"), association:
        pass
    assert ae.active_associations == []


def test_a_server_that_closes(client_files: Files) -> None:
    ae = AE()
    ae.add_requested_context(Verification)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def close() -> None:
            sock, _ = listening.accept()
            sock.recv(10_000)
            sock.close()

        thread = threading.Thread(target=close)
        thread.start()
        with pytest.raises(TlsError, match=r"the peer closed the connection|the connection broke"):
            ae.associate(
                "127.0.0.1", listening.getsockname()[1], tls_args=(for_client(client_files), NAME)
            ).__enter__()
        thread.join()


def test_shutdown_in_the_middle_of_a_handshake(client_files: Files) -> None:
    ae = AE()
    ae.add_requested_context(Verification)
    opened = threading.Event()
    associations: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:

        def request() -> None:
            associations.append(
                ae.associate(
                    "127.0.0.1",
                    silent.getsockname()[1],
                    tls_args=(for_client(client_files), NAME),
                    evt_handlers=[(evt.EVT_CONN_OPEN, lambda _: opened.set())],
                )
            )

        thread = threading.Thread(target=request)
        thread.start()
        await_event(opened)
        begin = monotonic()
        while thread.is_alive():  # it is remembered a moment after it is open
            ae.shutdown()
            thread.join(0.01)
        assert monotonic() - begin < 5  # of 10 s for the handshake
    assert associations[0].is_aborted


def test_abort_in_the_middle_of_a_long_send(server_files: Files, client_files: Files) -> None:
    """R1: it does not wait for a peer that takes nothing."""
    begun = threading.Event()
    context = for_server(server_files)

    def script(peer: Raw) -> None:
        peer.socket = context.wrap_socket(peer.socket, server_side=True)
        peer.receive_pdu()
        peer.send(acceptance())
        peer.receive(1000)
        begun.set()

    results: list[Any] = []
    ae = AE()
    with fake_acceptor(script) as port:
        association = ae.associate("127.0.0.1", port, contexts(), tls_args=(for_client(client_files), NAME))

        def send() -> None:
            results.append(association.send_c_store(data_set(64 << 20), transfer_syntax=IMPLICIT))

        thread = threading.Thread(target=send)
        thread.start()
        await_event(begun)
        begin = monotonic()
        association.abort()
        thread.join()
        assert monotonic() - begin < 5
    assert association.is_aborted
    assert "Status" not in results[0]
    assert ae.active_associations == []


def test_good_bye_is_said(server: AssociationServer, client_files: Files) -> None:
    """The peer can tell an end from one that somebody else has made (RFC 8446 6.1)."""
    context = for_client(client_files)
    plain = socket.create_connection(("127.0.0.1", port_of(server)), 20)
    with context.wrap_socket(plain, server_hostname=NAME, suppress_ragged_eofs=False) as sock:
        sock.sendall(model.abort(0, 0))
        assert sock.recv(100) == b""  # and no SSLEOFError


# --- new certificates -------------------------------------------------------------------------------------


def test_new_certificates_while_running(server_files: Files, client_files: Files, tmp_path: Path) -> None:
    context = for_client(client_files)
    contexts = [build_context(Verification)]
    with (
        serving(store_ae(set()), ssl_context=for_server(server_files)) as server,
        associate(AE(), server, contexts=contexts, tls_args=(context, NAME)) as before,
    ):
        server.ssl_context = for_server(write(tmp_path, "renewed"))
        with associate(AE(), server, contexts=contexts, tls_args=(context, NAME)) as after:
            assert before.tls.peer_certificate.common_names == ("server",)
            assert after.tls.peer_certificate.common_names == ("renewed",)
            for association in (before, after):
                assert association.send_c_echo().Status == 0x0000
