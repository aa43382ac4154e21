"""A link over real sockets: what comes is told, however it is cut; what is sent arrives; and how it ends."""

from __future__ import annotations

import model
import pytest
from aio_links import Pair, echo_response
from raw_peer import data_set, echo_rq, request, store_rq

from fastdicom._core.pdata import Signal
from fastdicom.ul.provider import AbortIndication, ProviderAbortIndication, ReleaseIndication
from fastdicom.ul.states import State

RELEASE_RQ, RELEASE_RP, A_ABORT = model.release_rq(), model.release_rp(), model.abort(0, 0)


@pytest.mark.parametrize("step", [1, 7, 1000, 1 << 20])
def test_where_the_bytes_are_cut_does_not_matter(run, step):
    async def scenario():
        pair = await Pair().connect()
        encoded = data_set(3000 if step == 1 else 40_000)
        whole = b"".join([request(), echo_rq(1), *store_rq(encoded, 2), echo_rq(3), RELEASE_RQ])
        for i in range(0, len(whole), step):
            await pair.peer.send(whole[i : i + step])
        await pair.told.first(ReleaseIndication)
        assert [message.command.message_id for message in pair.told.messages] == [1, 2, 3]
        assert bytes(pair.told.messages[1].data_set) == encoded
        assert (await pair.peer.receive_pdu())[:1] == b"\2"
        assert await pair.peer.receive_pdu() == RELEASE_RP
        pair.peer.close()
        await pair.told.closed()
        await pair.link.wait_closed()
        assert (pair.closes, pair.link.is_open, pair.link.fault) == (1, False, None)
        assert pair.ends == 1

    run(scenario())


def test_messages_are_sent(run):
    async def scenario():
        pair = await Pair().associated()
        for i in range(1, 4):
            await pair.peer.send(echo_rq(i))
            message = await pair.told.first(object, i)
            assert message.command.message_id == i
            assert await pair.link.send(echo_response(i))
            _, command, _ = await pair.peer.receive_message()
            assert command[0x0120] == i
        await pair.close()

    run(scenario())


def test_the_peer_aborts(run):
    async def scenario():
        pair = await Pair().associated()
        await pair.peer.send(A_ABORT)
        told = await pair.told.closed()
        assert told[-2:] == [AbortIndication(0, 0), Signal.CLOSED]
        assert await pair.peer.receive_all() == []
        await pair.close()

    run(scenario())


def test_we_abort(run):
    async def scenario():
        pair = await Pair().associated()
        pair.link.abort(2, 6)
        assert await pair.peer.receive_pdu() == model.abort(2, 6)
        assert pair.link.provider.state is State.Sta13 and pair.link.is_open
        pair.peer.close()
        assert (await pair.told.closed())[-1] is Signal.CLOSED
        await pair.link.wait_closed()

    run(scenario())


def test_the_connection_breaks(run):
    async def scenario():
        pair = await Pair().associated()
        pair.peer.reset()
        told = await pair.told.closed()
        (indication,) = pair.told.of(ProviderAbortIndication)
        assert indication.is_local and "closed in Sta6" in indication.message
        assert told[-1] is Signal.CLOSED and pair.closes == 1
        await pair.link.wait_closed()

    run(scenario())
