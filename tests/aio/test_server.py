"""A server of asyncio: what it serves, who is let in, and what is negotiated."""

from __future__ import annotations

import asyncio
import threading
import traceback

import pytest
from aio_servers import acceptor, connected, port_of, serving, until
from raw_peer import IMPLICIT, contexts, data_set, echo_rq
from servers import DEADLINE

import fastdicom
from fastdicom import evt
from fastdicom.aio import AE
from fastdicom.errors import AssociationRejected
from fastdicom.sop_class import Verification
from fastdicom.ul.items import UserIdentityNegotiation
from fastdicom.ul.window import build_async_ops

A_MOMENT = 0.05


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


def test_a_request_that_is_whole_is_answered_at_once(run):
    """From within the transport's callback, when nothing has to wait."""
    callers = []

    async def echo(event):
        callers.extend(frame.name for frame in traceback.extract_stack())
        return 0x0000

    async def scenario():
        async with serving(handlers=[(evt.EVT_C_ECHO, echo)]) as server:
            peer = await connected(server)
            await peer.associate()
            await peer.send(echo_rq())
            _, command, _ = await peer.receive_message()
            assert command[0x0900] == 0
            assert "buffer_updated" in callers
            peer.close()

    run(scenario())


def test_idle_associations_cost_no_tasks_and_no_threads(run):
    async def scenario():
        async with serving() as server:
            before, threads = asyncio.all_tasks(), set(threading.enumerate())
            peers = [await connected(server) for _ in range(300)]
            for peer in peers:
                await peer.associate()
            assert len(server.active_associations) == 300
            assert len(asyncio.all_tasks() - before) <= 1  # the spare one of them all
            assert set(threading.enumerate()) <= threads
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
