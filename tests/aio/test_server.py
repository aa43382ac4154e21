"""A server of asyncio: who is let in, what is negotiated, TLS, listening sockets, and how it ends."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager

import model
import pytest
import tls_files
from aio_links import Peer
from raw_peer import CT, IMPLICIT, contexts, data_set, echo_rq, request, store_rq
from servers import DEADLINE

import fastdicom
from fastdicom import evt
from fastdicom.aio import AE
from fastdicom.errors import AssociationAborted, AssociationRejected, TlsError
from fastdicom.net import aio_listener
from fastdicom.sop_class import Verification
from fastdicom.tls import client_context, server_context
from fastdicom.ul.items import UserIdentityNegotiation
from fastdicom.ul.window import build_async_ops

A_MOMENT = 0.05


def port_of(server):
    return server.server_address[1]


def acceptor(**settings):
    ae = AE()
    ae.maximum_associations = 1000
    ae.add_supported_context(Verification)
    ae.add_supported_context(CT)
    for name, value in settings.items():
        setattr(ae, name, value)
    return ae


@asynccontextmanager
async def serving(ae=None, handlers=(), **options):
    server = await (ae or acceptor()).start_server(("127.0.0.1", 0), evt_handlers=list(handlers), **options)
    async with server:
        yield server


async def connected(server):
    sock = socket.socket()
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port_of(server)))
    return Peer(sock)


async def until(is_so):
    async with asyncio.timeout(DEADLINE):
        while not is_so():
            await asyncio.sleep(0.001)


# --- serving ----------------------------------------------------------------------------------------------


def test_echo_and_store(run):
    stored = []

    async def store(event):
        await asyncio.sleep(0)
        stored.append(bytes(event.encoded))
        return 0x0000

    async def scenario():
        async with serving(handlers=[(evt.EVT_C_STORE, store)]) as server:
            ae = AE()
            async with await ae.associate("127.0.0.1", port_of(server), contexts()) as assoc:
                assert (await assoc.send_c_echo()).Status == 0
                for size in (0, 70_000, 3 << 20):
                    status = await assoc.send_c_store(data_set(size), transfer_syntax=IMPLICIT)
                    assert status.Status == 0
                assert server.active_associations[0].remote["ae_title"] == "FASTDICOM"
            assert assoc.is_released
            await until(lambda: not server.active_associations)
        assert stored == [data_set(size) for size in (0, 70_000, 3 << 20)]

    run(scenario())


def test_a_blocking_requestor_and_a_blocking_server(run):
    """Both drivers speak the same."""

    def echo_in_thread(port):
        with fastdicom.AE().associate("127.0.0.1", port, contexts()) as assoc:
            return assoc.send_c_echo().Status

    async def scenario():
        async with serving() as server:
            assert await asyncio.to_thread(echo_in_thread, port_of(server)) == 0
        ae = fastdicom.AE()
        ae.add_supported_context(Verification)
        blocking = ae.start_server(("127.0.0.1", 0), block=False)
        try:
            async with await AE().associate("127.0.0.1", port_of(blocking), contexts()[:1]) as assoc:
                assert (await assoc.send_c_echo()).Status == 0
        finally:
            await asyncio.to_thread(blocking.shutdown)

    run(scenario())


def test_a_request_that_is_whole_is_answered_without_a_task(run):
    """From within the transport's callback, when nothing has to wait."""
    tasks = []

    def echo(event):
        tasks.append(asyncio.all_tasks())
        return 0x0000

    async def scenario():
        async with serving(handlers=[(evt.EVT_C_ECHO, echo)]) as server:
            peer = await connected(server)
            await peer.associate()
            before = asyncio.all_tasks()
            await peer.send(echo_rq())
            _, command, _ = await peer.receive_message()
            assert command[0x0900] == 0
            assert tasks == [before]
            peer.close()

    run(scenario())


def test_idle_associations_cost_no_tasks_and_no_threads(run):
    async def scenario():
        async with serving() as server:
            before = asyncio.all_tasks()
            peers = [await connected(server) for _ in range(300)]
            for peer in peers:
                await peer.associate()
            assert len(server.active_associations) == 300
            assert asyncio.all_tasks() == before
            for peer in peers:
                peer.close()

    run(scenario())


# --- who is let in ----------------------------------------------------------------------------------------


REJECTIONS = [
    ({"require_called_aet": True}, (1, 1, 7)),
    ({"require_calling_aet": ["OTHER"]}, (1, 1, 3)),
    ({"maximum_associations": 0}, (2, 3, 2)),
]


@pytest.mark.parametrize(("settings", "expected"), REJECTIONS, ids=["called", "calling", "too many"])
def test_who_is_not_let_in(run, settings, expected):
    told = []

    async def scenario():
        handlers = [
            (event, lambda event: told.append(event.event))
            for event in (evt.EVT_REJECTED, evt.EVT_CONN_CLOSE)
        ]
        async with serving(acceptor(**settings), handlers) as server:
            assoc = await AE().associate("127.0.0.1", port_of(server), contexts())
            assert assoc.is_rejected and not assoc.is_established
            with pytest.raises(AssociationRejected) as rejected:
                async with assoc:
                    pass
            error = rejected.value
            assert (error.result, error.source, error.diagnostic) == expected
        assert told == [evt.EVT_REJECTED, evt.EVT_CONN_CLOSE]

    run(scenario())


def test_the_place_of_one_who_has_gone_is_free(run):
    async def scenario():
        async with serving(acceptor(maximum_associations=1)) as server:
            ae = AE()
            for _ in range(5):
                async with await ae.associate("127.0.0.1", port_of(server), contexts()) as assoc:
                    refused = await ae.associate("127.0.0.1", port_of(server), contexts())
                    assert refused.is_rejected
                assert assoc.is_released

    run(scenario())


@pytest.mark.parametrize("is_coroutine", [True, False])
@pytest.mark.parametrize("is_verified", [True, False])
def test_negotiation_handlers(run, is_coroutine, is_verified):
    def plain(event):
        return is_verified, b"token"

    async def coroutine(event):
        async with asyncio.timeout(DEADLINE):  # which wants a task
            await asyncio.sleep(0)
        return plain(event)

    def window(event):
        return 4, 4

    async def scenario():
        identity = UserIdentityNegotiation(1, True, b"user")
        handler = coroutine if is_coroutine else plain
        handlers = [(evt.EVT_USER_ID, handler), (evt.EVT_ASYNC_OPS, window)]
        async with serving(handlers=handlers) as server:
            ext_neg = [identity, build_async_ops(8, 1)]
            assoc = await AE().associate("127.0.0.1", port_of(server), contexts(), ext_neg=ext_neg)
            assert (assoc.is_established, assoc.is_rejected) == (is_verified, not is_verified)
            if is_verified:
                assert assoc.maximum_operations_invoked == 4
            await assoc.release()

    run(scenario())


def test_a_coroutine_that_refuses_a_request(run):
    async def refuse(event):
        await asyncio.sleep(0)
        event.assoc.acse.send_reject(1, 1, 3)

    async def scenario():
        async with serving(handlers=[(evt.EVT_REQUESTED, refuse)]) as server:
            assert (await AE().associate("127.0.0.1", port_of(server), contexts())).is_rejected

    run(scenario())


def test_a_peer_that_leaves_while_a_handler_thinks(run):
    async def scenario():
        thinks, has_left = asyncio.Event(), asyncio.Event()

        async def think(event):
            thinks.set()
            await has_left.wait()
            return True, None

        async with serving(handlers=[(evt.EVT_USER_ID, think)]) as server:
            asking = asyncio.create_task(
                AE().associate(
                    "127.0.0.1",
                    port_of(server),
                    contexts(),
                    ext_neg=[UserIdentityNegotiation(1, False, b"user")],
                )
            )
            await thinks.wait()
            asking.cancel()
            await asyncio.wait([asking])
            await until(lambda: not server._associations)
            has_left.set()
            assert server.active_associations == []

    run(scenario())


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


# --- the end ----------------------------------------------------------------------------------------------


def test_a_socket_that_is_bound_already(run):
    async def scenario():
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        server = await acceptor().start_server(sock)
        async with server, await AE().associate("127.0.0.1", port_of(server), contexts()) as assoc:
            assert (await assoc.send_c_echo()).Status == 0
        assert sock.fileno() == -1

    run(scenario())


def test_what_cannot_be_served(run):
    async def scenario():
        with pytest.raises(ValueError, match="no presentation contexts are supported"):
            await AE().start_server(("127.0.0.1", 0))
        with pytest.raises(RuntimeError, match="no presentation contexts are requested"):
            await AE().associate("127.0.0.1", 1)

    run(scenario())


def test_shutdown_aborts_who_is_there(run):
    async def scenario():
        async with serving() as server:
            assoc = await AE().associate("127.0.0.1", port_of(server), contexts())
            assert await server.shutdown() == 1
            await until(lambda: assoc.is_aborted)
            assert await server.shutdown() == 0
            with pytest.raises(AssociationAborted):
                await assoc.send_c_echo()

    run(scenario())


def test_shutdown_with_a_drain(run):
    """Who is there may go on, nobody else is let in."""

    async def scenario():
        async with serving() as server:
            assoc = await AE().associate("127.0.0.1", port_of(server), contexts())
            waiting = await connected(server)
            draining = asyncio.create_task(server.shutdown(drain=DEADLINE))
            assert await waiting.receive_all() == []
            waiting.close()
            assert (await assoc.send_c_echo()).Status == 0
            refused = await AE().associate("127.0.0.1", port_of(server), contexts())
            assert refused.is_aborted
            assert not draining.done()
            await assoc.release()
            assert await draining == 0

    run(scenario())


def test_a_drain_that_takes_too_long(run):
    async def scenario():
        async with serving() as server:
            peer = await connected(server)
            await peer.associate()
            draining = asyncio.create_task(server.shutdown(drain=A_MOMENT))
            assert await peer.receive_pdu() == model.abort(0, 0)
            peer.close()
            assert await draining == 1

    run(scenario())


def test_a_second_shutdown_ends_the_drain(run):
    async def scenario():
        async with serving() as server:
            assoc = await AE().associate("127.0.0.1", port_of(server), contexts())
            draining = asyncio.create_task(server.shutdown(drain=DEADLINE))
            await until(lambda: server._is_stopping)
            assert await server.shutdown() == 1
            assert await draining == 0
            await until(lambda: assoc.is_aborted)

    run(scenario())


def test_a_handler_that_shuts_down(run):
    results = []

    async def scenario():
        async def stop(event):
            results.append(await server.shutdown(drain=A_MOMENT))
            return 0x0000

        async with serving(handlers=[(evt.EVT_C_ECHO, stop)]) as server:
            assoc = await AE().associate("127.0.0.1", port_of(server), contexts())
            assert "Status" not in await assoc.send_c_echo()
            await until(lambda: results)
            assert results == [1]

    run(scenario())


def test_serve_forever(run):
    async def scenario():
        server = await acceptor().start_server(("127.0.0.1", 0))
        serving_it = asyncio.create_task(server.serve_forever())
        assoc = await AE().associate("127.0.0.1", port_of(server), contexts())
        serving_it.cancel()
        await asyncio.wait([serving_it])
        assert serving_it.cancelled()
        await until(lambda: assoc.is_aborted)
        other = await acceptor().start_server(("127.0.0.1", 0))
        ending = asyncio.create_task(other.serve_forever())
        await other.shutdown()
        await ending

    run(scenario())


def test_the_shutdown_of_an_ae_ends_its_requestors_too(run):
    async def scenario():
        ours = acceptor()
        async with serving() as theirs:
            server = await ours.start_server(("127.0.0.1", 0))
            assoc = await ours.associate("127.0.0.1", port_of(theirs), contexts())
            other = await AE().associate("127.0.0.1", port_of(server), contexts())
            assert await ours.shutdown() == 2
            assert assoc.is_aborted and ours.active_associations == []
            await until(lambda: other.is_aborted)

    run(scenario())


def test_a_large_object_goes_to_a_file(run, tmp_path):
    """In both ways: the store directory, and beyond memory_limit; the loop goes on meanwhile."""
    paths = []

    async def store(event):
        paths.append(event.dataset_path)
        assert event.dataset_path.read_bytes().endswith(data_set(3 << 20))
        return 0x0000

    async def scenario():
        for settings in ({"store_directory": tmp_path}, {"memory_limit": 100_000}):
            async with serving(acceptor(**settings), [(evt.EVT_C_STORE, store)]) as server:
                peer = await connected(server)
                await peer.associate()
                for pdu in store_rq(data_set(3 << 20)):
                    await peer.send(pdu)
                assert (await peer.receive_message())[1][0x0900] == 0
                await peer.send(echo_rq(2))
                assert (await peer.receive_message())[1][0x0120] == 2
                peer.close()
        kept, spooled = paths
        assert kept.parent == tmp_path and not spooled.exists()

    run(scenario())


def test_a_peer_that_leaves_while_its_object_is_written(run, tmp_path):
    async def scenario():
        async with serving(acceptor(store_directory=tmp_path)) as server:
            peer = await connected(server)
            await peer.associate()
            for pdu in store_rq(data_set(3 << 20))[:-1]:
                await peer.send(pdu)
            peer.reset()
            await until(lambda: not server._links)
        assert list(tmp_path.iterdir()) == []

    run(scenario())


def test_a_handler_chooses_by_the_header(run, tmp_path):
    async def choose(event):
        await asyncio.sleep(0)
        assert event.header["SOPClassUID"] == CT
        return tmp_path / "here.dcm"

    async def scenario():
        handlers = [(evt.EVT_C_STORE_HEADER, choose), (evt.EVT_C_STORE, lambda event: 0x0000)]
        async with (
            serving(handlers=handlers) as server,
            await AE().associate("127.0.0.1", port_of(server), contexts()) as assoc,
        ):
            status = await assoc.send_c_store(data_set(1 << 20), transfer_syntax=IMPLICIT)
            assert status.Status == 0
        assert (tmp_path / "here.dcm").read_bytes().endswith(data_set(1 << 20))

    run(scenario())
