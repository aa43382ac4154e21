"""What a link keeps is bounded, in both directions; two that send at once do not block each other."""

from __future__ import annotations

import asyncio
import socket

import model
import pytest
from aio_links import Pair, echo_response
from raw_peer import CT, STORE_CONTEXT, data_set, echo_rq, store_command, store_rq

from fastdicom._core.pdata import MessageWriter, Signal
from fastdicom.errors import AssociationError
from fastdicom.net.aio_sending import HIGH_WATER
from fastdicom.ul.provider import AbortIndication

SMALL_BUFFER = (socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

# More than the buffers of both sides of a connection hold.
LARGE = data_set(8 << 20)


def store(encoded: bytes, message_id: int = 1) -> MessageWriter:
    return MessageWriter(STORE_CONTEXT, store_command(message_id), [encoded], 16384)


async def until_blocked(pair: Pair) -> None:
    """Wait until the transport has all that it may keep."""
    while not pair.link._is_blocked:
        await asyncio.sleep(0)


def test_a_large_message_arrives(run):
    async def scenario():
        pair = await Pair().associated()
        sending = asyncio.create_task(pair.link.send(store(LARGE)))
        _, command, encoded = await pair.peer.receive_message()
        assert (command[0x0002], encoded) == (CT, LARGE)
        assert await sending
        await pair.close()

    run(scenario())


def test_a_peer_that_does_not_read_costs_no_memory(run):
    async def scenario():
        pair = await Pair().connect([SMALL_BUFFER])
        await pair.peer.associate()
        sending = asyncio.create_task(pair.link.send(store(LARGE)))
        await until_blocked(pair)
        before = pair.link._bytes_sent
        for _ in range(10):
            await asyncio.sleep(0.001)
        # Two pieces may be more than what it takes to block.
        assert pair.link._transport.get_write_buffer_size() <= HIGH_WATER + (256 << 10)
        assert pair.link._bytes_sent - before <= HIGH_WATER + (256 << 10)
        assert not sending.done()
        await pair.peer.receive_message()
        assert await sending
        await pair.close()

    run(scenario())


def test_both_sides_send_at_once(run):
    async def scenario():
        pair = await Pair(memory_limit=64 << 20).associated()
        theirs = asyncio.create_task(pair.peer.send(*store_rq(LARGE, 7)))
        ours = asyncio.create_task(pair.link.send(store(LARGE)))
        await until_blocked(pair)
        message = await pair.told.first(object, 1)
        assert message.command.message_id == 7 and bytes(message.data_set) == LARGE
        _, _, encoded = await pair.peer.receive_message()
        assert encoded == LARGE
        await theirs
        assert await ours
        await pair.close()

    run(scenario())


def test_messages_of_several_tasks_are_sent_one_after_the_other(run):
    async def scenario():
        pair = await Pair().associated()
        encoded = [data_set((1 << 20) + i) for i in (0, 2, 4)]
        sending = [asyncio.create_task(pair.link.send(store(each, i))) for i, each in enumerate(encoded)]
        echo = asyncio.create_task(pair.link.send(echo_response(9)))
        for i, each in enumerate(encoded):
            _, command, received = await pair.peer.receive_message()
            assert (command[0x0110], received) == (i, each)
        assert (await pair.peer.receive_message())[1][0x0120] == 9
        assert await asyncio.gather(*sending, echo) == [True] * 4
        await pair.close()

    run(scenario())


def test_the_peer_aborts_in_the_middle_of_a_long_message(run):
    async def scenario():
        pair = await Pair().associated()
        sending = asyncio.create_task(pair.link.send(store(LARGE)))
        waiting = asyncio.create_task(pair.link.send(echo_response()))
        await until_blocked(pair)
        await pair.peer.send(model.abort(0, 0))
        assert await sending is False
        with pytest.raises(AssociationError):
            await waiting
        assert (await pair.told.closed())[-2:] == [AbortIndication(0, 0), Signal.CLOSED]
        await pair.close()

    run(scenario())


def test_we_abort_in_the_middle_of_a_long_message(run):
    async def scenario():
        pair = await Pair().associated()
        sending = asyncio.create_task(pair.link.send(store(LARGE)))
        await until_blocked(pair)
        pair.link.abort()
        assert await sending is False
        pdus = await pair.peer.receive_until(model.abort(0, 0))
        assert {pdu[0] for pdu in pdus[:-1]} == {4}  # whole PDUs, up to where it was aborted
        assert sum(map(len, pdus)) < len(LARGE)
        pair.peer.close()
        await pair.told.closed()

    run(scenario())


def test_who_sends_is_cancelled(run):
    """Before a message has begun nothing happens; half of one cannot be taken back."""

    async def scenario():
        pair = await Pair().associated()
        sending = asyncio.create_task(pair.link.send(store(LARGE)))
        waiting = asyncio.create_task(pair.link.send(echo_response()))
        await until_blocked(pair)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled() and pair.link.provider.state.name == "Sta6"
        sending.cancel()
        await asyncio.wait([sending])
        assert sending.cancelled()
        await pair.peer.receive_until(model.abort(0, 0))
        pair.peer.close()
        await pair.told.closed()

    run(scenario())


def test_who_waits_for_a_turn_that_is_given_to_one_who_has_gone(run):
    async def scenario():
        pair = await Pair().associated()
        sending = asyncio.create_task(pair.link.send(store(LARGE)))
        first, second = (asyncio.create_task(pair.link.send(echo_response(i))) for i in (1, 2))
        await until_blocked(pair)
        wake = pair.link._wake_sender

        def wake_and_cancel() -> None:
            wake()
            if not pair.link._is_sending:
                first.cancel()

        pair.link._wake_sender = wake_and_cancel
        await pair.peer.receive_message()
        assert await sending
        assert (await pair.peer.receive_message())[1][0x0120] == 2
        assert await second
        await asyncio.wait([first])
        assert first.cancelled()
        await pair.close()

    run(scenario())


def test_while_it_is_held_nothing_is_told_and_the_peer_has_to_wait(run):
    async def scenario():
        pair = await Pair().associated()
        pair.link.hold()
        flood = asyncio.create_task(pair.peer.send(*[echo_rq(1)] * 100_000))
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert pair.told.messages == [] and not flood.done()
        assert not pair.link._transport.is_reading()
        pair.link.go_on()
        await flood
        await pair.told.until(lambda told: len(pair.told.messages) == 100_000)
        await pair.close()

    run(scenario())


def test_who_holds_it_from_within_gets_nothing_more(run):
    async def scenario():
        pair = await Pair().associated()
        take = pair.take

        def hold_each(happening: object) -> None:
            take(happening)
            pair.link.hold()

        pair.link.on_happening = hold_each
        await pair.peer.send(*[echo_rq(i) for i in range(1, 6)])
        for i in range(1, 6):
            await pair.told.first(object, i)
            await asyncio.sleep(0)
            assert len(pair.told.messages) == i
            pair.link.go_on()
        pair.link.abort()  # which nothing holds up
        assert await pair.peer.receive_until(model.abort(0, 0)) == [model.abort(0, 0)]
        pair.peer.close()
        await pair.told.closed()

    run(scenario())
