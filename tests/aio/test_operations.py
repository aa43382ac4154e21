"""What tasks may do with an association that threads cannot: be cancelled, and come in great numbers."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from typing import Any

import model
import pytest
import queries
from drivers.both import until
from drivers.parties import FIND, GET, PENDING, proposal, query, window_of
from raw_peer import IMPLICIT, Raw, data_set, echo_rq, fake_acceptor
from retrieving import small_object

from fastdicom import build_async_ops, evt
from fastdicom.aio import AE
from fastdicom.errors import AssociationError

ECHO_CONTEXT = queries.ECHO_CONTEXT


def echo_rsp(message_id: Any) -> bytes:
    """Return the response to a C-ECHO request."""
    return queries.command(
        {0x0002: queries.VERIFICATION, 0x0100: 0x8030, 0x0120: message_id, 0x0900: 0}, None, ECHO_CONTEXT
    )


@asynccontextmanager
async def asking(script, window=None, **settings):
    """Associate with a scripted SCP of C-FIND and C-ECHO; aborted in the end, if it is still there."""

    def run(peer: Raw) -> None:
        queries.accept(peer, window)
        script(peer)

    ae = AE()
    for name, value in settings.items():
        setattr(ae, name, value)
    acceptor = fake_acceptor(run)
    port = acceptor.__enter__()
    try:
        items = [build_async_ops(*window)] if window is not None else []
        assoc = await ae.associate("127.0.0.1", port, queries.contexts(), ext_neg=items)
        assert assoc.is_established
        try:
            yield assoc
        finally:
            assoc.abort()
            await assoc.wait_closed()
    finally:
        await asyncio.to_thread(acceptor.__exit__, None, None, None)


@asynccontextmanager
async def between(handlers, window=1, **settings):
    """Associate with a server of our own."""
    from drivers.conftest import DRIVERS
    from drivers.parties import acceptor

    ae = acceptor(DRIVERS["asyncio"], **settings)
    async with await ae.start_server(("127.0.0.1", 0), evt_handlers=handlers) as server:
        assoc = await AE().associate("127.0.0.1", server.server_address[1], **proposal(window))
        async with assoc:
            yield assoc


# Cancelled.


def test_who_waits_for_a_response_is_cancelled(run):
    """The response is dropped when it comes, and its Message ID belongs to it until then."""
    go_on = threading.Event()

    def script(peer: Raw) -> None:
        peer.receive_message()
        peer.receive_message()
        peer.send(echo_rsp(2))
        assert go_on.wait(20)
        peer.send(echo_rsp(1))
        peer.receive_message()
        peer.send(echo_rsp(1))
        queries.receive_abort(peer)

    async def scenario():
        async with asking(script, (2, 2)) as assoc:
            task = asyncio.create_task(assoc.send_c_echo(1))
            await until(lambda: assoc._exchange.is_invoking)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await assoc.send_c_echo(2)).Status == 0
            with pytest.raises(ValueError, match="msg_id 1 belongs to an operation that is in progress"):
                await assoc.send_c_echo(1)
            go_on.set()
            await until(lambda: not assoc._exchange.is_invoking)
            assert (await assoc.send_c_echo(1)).Status == 0

    run(scenario())


def test_one_that_is_dropped_counts_in_the_window(run):
    """The next operation waits for its response."""
    order = []

    def script(peer: Raw) -> None:
        peer.receive_message()
        peer.socket.settimeout(0.05)
        with pytest.raises(TimeoutError):
            peer.receive(1)
        order.append("nothing came")
        peer.socket.settimeout(20)
        peer.send(echo_rsp(1))
        peer.receive_message()
        peer.send(echo_rsp(2))
        queries.receive_abort(peer)

    async def scenario():
        async with asking(script) as assoc:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await assoc.send_c_echo()
            assert (await assoc.send_c_echo()).Status == 0
            assert order == ["nothing came"]

    run(scenario())


def test_who_waits_for_its_turn_is_cancelled(run):
    """Nothing has been sent, and the others have their turn."""
    asked = []

    async def echo(event):
        asked.append(event.message_id)
        await asyncio.sleep(0.02)
        return 0x0000

    async def scenario():
        async with between([(evt.EVT_C_ECHO, echo)]) as assoc:
            tasks = [asyncio.create_task(assoc.send_c_echo(number)) for number in (1, 2, 3, 4)]
            await until(lambda: asked)
            tasks[1].cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(each).__name__ for each in results] == [
                "StatusDataset",
                "CancelledError",
                "StatusDataset",
                "StatusDataset",
            ]
        assert asked == [1, 3, 4]  # and in the order in which they came

    run(scenario())


def test_who_waits_for_a_match_is_cancelled(run):
    """The peer is asked to cancel the operation."""
    cancelled = []

    def script(peer: Raw) -> None:
        message_id = queries.receive_find(peer)
        peer.send(queries.find_rsp(message_id, PENDING, queries.encoded(1)))
        cancelled.append(queries.receive_cancel(peer))
        peer.send(queries.find_rsp(message_id, PENDING, queries.encoded(2)))  # was under way
        peer.send(queries.find_rsp(message_id, queries.CANCELLED))
        peer.receive_message()
        peer.send(echo_rsp(2))
        queries.receive_abort(peer)

    async def scenario():
        async with asking(script) as assoc:
            matches = []

            async def ask():
                async for _, match in assoc.send_c_find(queries.identifier(), queries.MODEL):
                    matches.append(match.PatientID)

            task = asyncio.create_task(ask())
            await until(lambda: matches)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await assoc.send_c_echo()).Status == 0
            assert cancelled == [1]
            assert matches == ["P1"]

    run(scenario())


def test_a_get_is_cancelled_with_its_task(run):
    ended = asyncio.Event()

    async def retrieve(event):
        try:
            yield 1000
            for number in range(1, 1001):
                await asyncio.sleep(0.001)
                yield PENDING, small_object(number)
        finally:
            ended.set()

    async def store(event):
        return 0x0000

    async def scenario():
        async with between([(evt.EVT_C_GET, retrieve)]) as assoc:
            assoc.bind(evt.EVT_C_STORE, store)

            async def retrieve_all():
                return [status async for status, _ in assoc.send_c_get(query(), GET)]

            with pytest.raises(TimeoutError):
                await asyncio.wait_for(retrieve_all(), 0.05)
            await ended.wait()
            assert (await assoc.send_c_echo()).Status == 0

    run(scenario())


def test_the_end_while_tasks_wait(run):
    """For a response, and for their turns: all of them are told."""
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def echo(event):
        asked.set()
        await go_on.wait()

    async def scenario():
        async with between([(evt.EVT_C_ECHO, echo)], window=2) as assoc:
            tasks = [asyncio.create_task(assoc.send_c_echo()) for _ in range(5)]
            await asked.wait()
            assoc.abort()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(each, AssociationError) or "Status" not in each for each in results), (
                results
            )
            assert any(isinstance(each, AssociationError) for each in results)
            go_on.set()  # a handler is not interrupted: it may be in the middle of something

    run(scenario())


# Slow and fast.


def test_responses_that_nobody_asks_for(run):
    """No more are received than a few, and none is lost."""
    count = 3000

    def script(peer: Raw) -> None:
        message_id = queries.receive_find(peer)
        for number in range(count):
            peer.send(queries.find_rsp(message_id, PENDING, queries.encoded(number)))
        peer.send(queries.find_rsp(message_id, 0))
        queries.receive_abort(peer)

    async def scenario():
        async with asking(script) as assoc:
            responses = assoc.send_c_find(queries.identifier(), queries.MODEL).encoded()
            await anext(responses)
            await asyncio.sleep(0.1)
            inquiry = responses._inquiry
            assert inquiry is not None
            assert 16 <= len(inquiry.responses) <= 64
            assert len([status async for status, _ in responses]) == count

    run(scenario())


def test_another_operation_while_responses_are_kept(run):
    """Who waits for something else is not held up by them."""

    async def find(event):
        for number in range(500):
            yield PENDING, query(number)

    async def scenario():
        async with between([(evt.EVT_C_FIND, find), window_of(2)], window=2) as assoc:
            responses = assoc.send_c_find(query(), FIND)
            await anext(responses)
            await until(lambda: responses._inquiry is None or len(responses._inquiry.responses) >= 64)
            async with asyncio.timeout(5):
                assert (await assoc.send_c_echo()).Status == 0
            assert len([status async for status, _ in responses]) == 500

    run(scenario())


def test_a_plain_handler_does_not_hold_up_the_loop(run):
    go_on = threading.Event()
    threads = []

    def store(event):
        threads.append(threading.current_thread())
        assert go_on.wait(20)
        return 0x0000

    def find(event):
        threads.append(threading.current_thread())
        yield PENDING, query(1)
        threads.append(threading.current_thread())

    async def scenario():
        async with between(
            [(evt.EVT_C_STORE, store), (evt.EVT_C_FIND, find), window_of(2)], window=2
        ) as assoc:
            task = asyncio.create_task(assoc.send_c_store(data_set(), transfer_syntax=IMPLICIT))
            await until(lambda: threads)
            assert (await assoc.send_c_echo()).Status == 0
            go_on.set()
            assert (await task).Status == 0
            assert len([status async for status, _ in assoc.send_c_find(query(), FIND)]) == 2
        assert threading.current_thread() not in threads

    run(scenario())


# Handlers that ask for something themselves.


def test_a_handler_asks_within_a_get(run):
    """Its operation would wait for the end of the C-GET, and that for the handler."""
    errors = []

    async def retrieve(event):
        yield 1
        yield PENDING, small_object(1)

    async def store(event):
        try:
            await event.assoc.send_c_echo()
        except AssociationError as error:
            errors.append(str(error))
        return 0x0000

    async def scenario():
        async with between([(evt.EVT_C_GET, retrieve)]) as assoc:
            assoc.bind(evt.EVT_C_STORE, store)
            statuses = [status.Status async for status, _ in assoc.send_c_get(query(), GET)]
            assert statuses[-1] == 0
        assert len(errors) == 1
        assert "a handler runs within one of them" in errors[0]

    run(scenario())


def test_a_handler_asks_for_several_things_elsewhere(run):
    """Its tasks take turns where one operation at once was agreed on."""

    async def scenario():
        async with between([]) as onward:

            async def store(event):
                statuses = await asyncio.gather(*(onward.send_c_echo() for _ in range(3)))
                return sum(each.Status for each in statuses)

            async with between([(evt.EVT_C_STORE, store)]) as assoc:
                assert (await assoc.send_c_store(data_set(), transfer_syntax=IMPLICIT)).Status == 0

    run(scenario())


def test_a_handler_of_a_get_asks_its_scu(run):
    """The sub-operation that is under way is waited for first."""

    async def retrieve(event):
        yield 2
        yield PENDING, small_object(1)
        assert (await event.assoc.send_c_store(small_object(7))).Status == 0
        yield PENDING, small_object(2)

    stored = []

    async def store(event):
        stored.append(event.request.AffectedSOPInstanceUID)
        return 0x0000

    async def scenario():
        async with between([(evt.EVT_C_GET, retrieve)]) as assoc:
            assoc.bind(evt.EVT_C_STORE, store)
            statuses = [status.Status async for status, _ in assoc.send_c_get(query(), GET)]
            assert statuses[-1] == 0
        assert stored == ["1.2.3.1", "1.2.3.7", "1.2.3.2"]

    run(scenario())


# Many objects.


@pytest.mark.parametrize("window", [1, 4])
def test_many_objects(run, window):
    now, most = 0, 0
    is_full = asyncio.Event()

    async def store(event):
        nonlocal now, most
        now += 1
        most = max(most, now)
        if now == window:
            is_full.set()
        await is_full.wait()
        await asyncio.sleep(0)
        now -= 1
        return 0xA700 if event.request.AffectedSOPInstanceUID == "1.2.3" else 0x0000

    async def items():
        for number in range(20):
            await asyncio.sleep(0)
            yield small_object(number) if number != 7 else "nothing.dcm"

    async def scenario():
        async with between([(evt.EVT_C_STORE, store), window_of(4)], window=window) as assoc:
            told = [stored async for stored in assoc.send_c_store_many(items())]
            assert len(told) == 20
            assert sum("Status" in status and status.Status == 0 for _, status in told) == 19
            assert (await assoc.send_c_echo()).Status == 0
        assert most == window

    run(scenario())


def test_many_objects_given_up(run):
    """What is under way is dropped when it is answered."""

    async def store(event):
        await asyncio.sleep(0.01)
        return 0x0000

    async def scenario():
        async with between([(evt.EVT_C_STORE, store), window_of(4)], window=4) as assoc:
            async for _ in assoc.send_c_store_many([small_object(number) for number in range(20)]):
                break
            assert (await assoc.send_c_echo()).Status == 0
            await until(lambda: not assoc._exchange.is_invoking)
            async with assoc.send_c_store_many([small_object(1)]) as told:
                assert [status.Status async for _, status in told] == [0]

    run(scenario())


def test_requests_of_the_peer_are_answered_while_it_answers_none(run):
    """The loop takes what comes, whoever waits."""

    def script(peer: Raw) -> None:
        queries.receive_find(peer)
        peer.send(model.p_data_tf([(ECHO_CONTEXT, 3, echo_rq(9)[12:])]))
        _, answer, _ = peer.receive_message()
        assert answer[0x0100] == 0x8030
        peer.send(queries.find_rsp(1, 0))
        queries.receive_abort(peer)

    async def scenario():
        async with asking(script) as assoc:
            statuses = [
                each.Status async for each, _ in assoc.send_c_find(queries.identifier(), queries.MODEL)
            ]
            assert statuses == [0]

    run(scenario())


def test_an_iterator_that_outlives_its_loop():
    """What nobody has any more is not missed by a loop that is closed."""
    kept = []

    async def find(event):
        while True:
            yield PENDING, query(1)
            await asyncio.sleep(0.001)

    async def scenario():
        async with between([(evt.EVT_C_FIND, find)]) as assoc:
            kept.append(assoc.send_c_find(query(), FIND))
            await anext(kept[0])
            assoc.abort()

    asyncio.run(scenario())
    kept.clear()
