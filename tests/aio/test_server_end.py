"""How a server of asyncio ends, and where objects go."""

from __future__ import annotations

import asyncio
import socket

import model
import pytest
from aio_servers import acceptor, connected, port_of, serving, until
from raw_peer import CT, IMPLICIT, contexts, data_set, echo_rq, store_rq
from servers import DEADLINE

from fastdicom import evt
from fastdicom.aio import AE
from fastdicom.errors import AssociationAborted

A_MOMENT = 0.05


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
        assert kept.parent == tmp_path
        await until(lambda: not spooled.exists())  # by a thread, once it is answered

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
