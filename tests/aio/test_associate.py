"""Requesting an association on an event loop: what comes of it, proxies, and cancellation at every step."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager

import model
import pytest
from aio_links import Peer
from raw_peer import acceptance, contexts, echo_rq

from fastdicom import evt
from fastdicom.aio import AE
from fastdicom.errors import AssociationAborted, ConnectionFailed
from fastdicom.net import aio_link

A_MOMENT = 0.05
A_ABORT = model.abort(0, 0)


@asynccontextmanager
async def listening():
    """A listening socket; what it yields accepts one connection."""
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)

        async def accept():
            sock, _ = await loop.sock_accept(listener)
            return Peer(sock)

        yield listener.getsockname()[1], accept


@asynccontextmanager
async def established(ae=None, **options):
    async with listening() as (port, accept):
        asking = asyncio.create_task((ae or AE()).associate("127.0.0.1", port, contexts(), **options))
        peer = await accept()
        assert (await peer.receive_pdu())[:1] == b"\1"
        await peer.send(acceptance())
        yield await asking, peer
        peer.close()


def test_release(run):
    told = []
    events = (
        evt.EVT_CONN_OPEN,
        evt.EVT_REQUESTED,
        evt.EVT_ACCEPTED,
        evt.EVT_ESTABLISHED,
        evt.EVT_RELEASED,
        evt.EVT_CONN_CLOSE,
    )

    async def scenario():
        handlers = [(event, lambda event: told.append(event.event)) for event in events]
        async with established(evt_handlers=handlers) as (assoc, peer):
            releasing = asyncio.create_task(assoc.release())
            assert await peer.receive_pdu() == model.release_rq()
            await peer.send(model.release_rp())
            await releasing
            assert assoc.is_released and not assoc.is_established
            assert await peer.receive_all() == []
            await assoc.release()  # once more: nothing happens
        assert told == list(events)

    run(scenario())


def test_the_peer_releases(run):
    """Which is noticed, and answered, without anybody waiting for it."""

    async def scenario():
        async with established() as (assoc, peer):
            await peer.send(model.release_rq())
            assert await peer.receive_pdu() == model.release_rp()
            assert assoc.is_released

    run(scenario())


def test_the_peer_aborts(run):
    async def scenario():
        async with established() as (assoc, peer):
            asking = asyncio.create_task(assoc.send_c_echo())
            await peer.receive_message()
            await peer.send(model.abort(2, 1))
            assert "Status" not in await asking
            assert assoc.is_aborted
            with pytest.raises(AssociationAborted, match="service provider"):
                await assoc.send_c_echo()

    run(scenario())


def test_an_exception_aborts(run):
    async def scenario():
        async with established() as (assoc, peer):
            with pytest.raises(KeyError):
                async with assoc:
                    raise KeyError
            assert await peer.receive_pdu() == A_ABORT
            assert assoc.is_aborted

    run(scenario())


def test_an_abort_takes_effect_at_once(run):
    async def scenario():
        async with established() as (assoc, peer):
            assoc.abort()
            assert assoc.is_aborted and not assoc.is_established
            assert await peer.receive_pdu() == A_ABORT

    run(scenario())


def test_nobody_is_there(run):
    async def scenario():
        async with listening() as (port, _):
            pass
        assoc = await AE().associate("127.0.0.1", port, contexts())
        with pytest.raises(ConnectionFailed, match=f"port {port}"):
            async with assoc:
                pass
        assoc = await AE().associate("no.such.host.invalid", 104, contexts())
        with pytest.raises(ConnectionFailed, match="cannot find its address"):
            async with assoc:
                pass

    run(scenario())


def test_no_answer(run):
    async def scenario():
        ae = AE()
        ae.acse_timeout = A_MOMENT
        async with listening() as (port, accept):
            assoc = await ae.associate("127.0.0.1", port, contexts())
            assert assoc.is_aborted
            peer = await accept()
            assert [pdu[0] for pdu in await peer.receive_all()] == [1]
            peer.close()
        assert ae._associations == set()

    run(scenario())


def test_no_response(run):
    async def scenario():
        ae = AE()
        ae.dimse_timeout = A_MOMENT
        async with established(ae) as (assoc, peer):
            asking = asyncio.create_task(assoc.send_c_echo())
            await peer.receive_message()
            assert await peer.receive_pdu() == A_ABORT
            peer.close()
            assert "Status" not in await asking

    run(scenario())


def test_a_peer_that_closes_instead_of_answering(run):
    async def scenario():
        async with listening() as (port, accept):
            asking = asyncio.create_task(AE().associate("127.0.0.1", port, contexts()))
            (await accept()).close()
            assert (await asking).is_aborted

    run(scenario())


def test_requests_of_the_peer_are_served(run):
    async def scenario():
        handlers = [(evt.EVT_C_ECHO, lambda event: 0x0000)]
        async with established(evt_handlers=handlers) as (assoc, peer):
            await peer.send(echo_rq(5))
            _, command, _ = await peer.receive_message()
            assert command[0x0120] == 5
            assoc.abort()

    run(scenario())


# --- cancellation -----------------------------------------------------------------------------------------


async def cancelled(task: asyncio.Task) -> None:
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


def test_cancelled_while_it_connects(run):
    async def scenario():
        ae = AE()
        with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
            # Those in the queue of one that does not accept: the next ones hang.
            address = listener.getsockname()
            fillers = []
            for _ in range(3):
                fillers.append(socket.socket())
                fillers[-1].setblocking(False)
                fillers[-1].connect_ex(address)
            asking = asyncio.create_task(ae.associate(*address, contexts()))
            await asyncio.sleep(A_MOMENT)
            assert not asking.done()
            await cancelled(asking)
            for filler in fillers:
                filler.close()
        assert ae._associations == set()

    run(scenario())


def test_cancelled_while_it_waits_for_the_answer(run, monkeypatch):
    """Who has been asked is told, and the connection does not stay."""
    monkeypatch.setattr(aio_link, "ABORT_LINGER", A_MOMENT)

    async def scenario():
        ae = AE()
        async with listening() as (port, accept):
            asking = asyncio.create_task(ae.associate("127.0.0.1", port, contexts()))
            peer = await accept()
            await peer.receive_pdu()
            await cancelled(asking)
            assert await peer.receive_pdu() == A_ABORT
            assert await peer.receive_all() == []
            assert ae._associations == set()
            peer.close()

    run(scenario())


def test_cancelled_during_the_handshake(run):
    async def scenario():
        ae = AE()
        async with listening() as (port, accept):
            tls_args = ssl.create_default_context(), "localhost"
            asking = asyncio.create_task(ae.associate("127.0.0.1", port, contexts(), tls_args=tls_args))
            peer = await accept()
            assert await peer.receive(1) == b"\x16"
            await cancelled(asking)
            while await peer.receive(1000):
                pass
            assert ae._associations == set()
            peer.close()

    run(scenario())


# --- a proxy ----------------------------------------------------------------------------------------------


def test_through_a_proxy(run):
    async def scenario():
        async with listening() as (port, accept):
            proxy = f"http://user:secret@127.0.0.1:{port}"
            asking = asyncio.create_task(AE().associate("pacs", 104, contexts(), proxy=proxy))
            peer = await accept()
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += await peer.receive(1)
            assert head.startswith(b"CONNECT pacs:104 HTTP/1.1\r\n")
            await peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
            assert (await peer.receive_pdu())[:1] == b"\1"
            await peer.send(acceptance())
            assoc = await asking
            assert assoc.is_established
            assoc.abort()
            peer.close()

    run(scenario())


def test_a_proxy_that_refuses_or_says_nothing(run):
    async def scenario():
        async with listening() as (port, accept):
            ae = AE()
            asking = asyncio.create_task(ae.associate("pacs", 104, contexts(), proxy=("127.0.0.1", port)))
            peer = await accept()
            await peer.send(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            with pytest.raises(ConnectionFailed, match="refused: '403"):
                async with await asking:
                    pass
            peer.close()
            ae.connection_timeout = A_MOMENT
            with pytest.raises(ConnectionFailed, match="timed out"):
                async with await ae.associate("pacs", 104, contexts(), proxy=("127.0.0.1", port)):
                    pass
            (await accept()).close()

    run(scenario())
