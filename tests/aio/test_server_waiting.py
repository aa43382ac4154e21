"""Connections that wait, and TLS, at a server of asyncio."""

from __future__ import annotations

import socket
import ssl

import model
import pytest
import tls_files
from aio_servers import acceptor, connected, port_of, serving, until
from raw_peer import IMPLICIT, contexts, data_set, request

from fastdicom import evt
from fastdicom.aio import AE
from fastdicom.errors import TlsError
from fastdicom.net import aio_listener
from fastdicom.tls import client_context, server_context

A_MOMENT = 0.05


# --- connections that ask for nothing ---------------------------------------------------------------------


def test_too_many_that_wait(run, caplog):
    async def scenario():
        async with serving(acceptor(maximum_waiting_per_address=3)) as server:
            peers = [await connected(server) for _ in range(4)]
            assert await peers[0].receive_pdu() == b""
            assert "the oldest was closed" in caplog.text
            await peers[3].associate()
            for peer in peers:
                peer.close()

    run(scenario())


def test_unfinished_requests_are_bounded(run, monkeypatch, caplog):
    monkeypatch.setattr(aio_listener, "MEMORY_LIMIT", 150)

    async def scenario():
        async with serving() as server:
            peers = [await connected(server) for _ in range(2)]
            for peer in peers:
                await peer.send(request()[:100])
            await until(lambda: "unfinished requests" in caplog.text)
            assert len(server._listener._guests) == 1
            assert server._listener._memory == 100
            for peer in peers:
                peer.close()
            await until(lambda: not server._listener._guests)
            assert server._listener._memory == 0

    run(scenario())


def test_one_that_never_asks(run):
    async def scenario():
        async with serving(acceptor(acse_timeout=A_MOMENT)) as server:
            peer = await connected(server)
            await peer.send(request()[:50])
            assert await peer.receive_all() == []
            peer.close()

    run(scenario())


def test_another_protocol(run):
    async def scenario():
        async with serving() as server:
            peer = await connected(server)
            await peer.send(b"GET / HTTP/1.1\r\n\r\n")
            assert await peer.receive_all() == [model.abort(0, 0)]
            peer.close()

    run(scenario())


def test_no_descriptors_left(run, monkeypatch, caplog):
    """Who has waited longest makes room, and accepting goes on."""
    monkeypatch.setattr(aio_listener, "PAUSE", 0.01)

    async def scenario():
        async with serving() as server:
            first = await connected(server)
            await until(lambda: server._listener._guests)
            await server._listener._bear(OSError(24, "Too many open files"))
            assert await first.receive_all() == []
            first.close()
            assert "cannot accept" in caplog.text

    run(scenario())


# --- TLS --------------------------------------------------------------------------------------------------


def test_tls_with_mutual_authentication(run, tmp_path):
    ours, theirs = tls_files.write(tmp_path, "server"), tls_files.write(tmp_path, "client")

    async def scenario():
        context = server_context(ours.certificate, ours.key, ca=ours.ca)
        async with serving(ssl_context=context) as server:
            tls_args = (
                client_context(certificate=theirs.certificate, key=theirs.key, ca=theirs.ca),
                "localhost",
            )
            handlers = [(evt.EVT_C_STORE, lambda event: 0x0000)]
            server.bind(*handlers[0])
            assoc = await AE().associate("127.0.0.1", port_of(server), contexts(), tls_args=tls_args)
            async with assoc:
                assert assoc.tls.peer_certificate.common_names == ("server",)
                (accepted,) = server.active_associations
                assert accepted.tls.peer_certificate.common_names == ("client",)
                status = await assoc.send_c_store(data_set(3 << 20), transfer_syntax=IMPLICIT)
                assert status.Status == 0
            assert assoc.is_released

    run(scenario())


def test_a_client_without_a_certificate(run, tmp_path, caplog):
    ours = tls_files.write(tmp_path, "server")

    async def scenario():
        context = server_context(ours.certificate, ours.key, ca=ours.ca)
        async with serving(ssl_context=context) as server:
            tls_args = client_context(ca=ours.ca), "localhost"
            assoc = await AE().associate("127.0.0.1", port_of(server), contexts(), tls_args=tls_args)
            assert not assoc.is_established and assoc.is_aborted
            await until(lambda: "could not be accepted" in caplog.text)
            assert server._listener._guests == {}

    run(scenario())


def test_a_server_that_is_not_trusted(run, tmp_path):
    ours = tls_files.write(tmp_path, "server", by="theirs")
    trusted = tls_files.write(tmp_path, "other").ca

    async def scenario():
        context = server_context(ours.certificate, ours.key, verifies_peer=False)
        async with serving(ssl_context=context) as server:
            tls_args = client_context(ca=trusted), "localhost"
            assoc = await AE().associate("127.0.0.1", port_of(server), contexts(), tls_args=tls_args)
            with pytest.raises(TlsError, match="certificate is not accepted"):
                async with assoc:
                    pass

    run(scenario())


def test_a_handshake_that_never_ends(run, tmp_path, caplog):
    ours = tls_files.write(tmp_path, "server")

    async def scenario():
        context = server_context(ours.certificate, ours.key, verifies_peer=False)
        async with serving(acceptor(handshake_timeout=A_MOMENT), ssl_context=context) as server:
            peer = await connected(server)
            assert await peer.receive_all() == []
            peer.close()
            await until(lambda: "not done in time" in caplog.text)

    run(scenario())


def test_a_server_that_never_ends_its_handshake(run):
    async def scenario():
        listener = socket.create_server(("127.0.0.1", 0))
        ae = AE()
        ae.handshake_timeout = A_MOMENT
        tls_args = ssl.create_default_context(), "localhost"
        assoc = await ae.associate("127.0.0.1", listener.getsockname()[1], contexts(), tls_args=tls_args)
        with pytest.raises(TlsError, match="not done in time"):
            async with assoc:
                pass
        listener.close()
        assert ae._associations == set()

    run(scenario())


def test_another_context_while_running(run, tmp_path):
    ours = tls_files.write(tmp_path, "server")

    async def scenario():
        async with serving() as server:
            await (await AE().associate("127.0.0.1", port_of(server), contexts())).release()
            server.ssl_context = server_context(ours.certificate, ours.key, verifies_peer=False)
            tls_args = client_context(ca=ours.ca), "localhost"
            assoc = await AE().associate("127.0.0.1", port_of(server), contexts(), tls_args=tls_args)
            assert assoc.is_established
            await assoc.release()

    run(scenario())
