"""`send_c_store_many` on an event loop: the window is kept full, and every item is told of once."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import model
import pytest
from many_stores import WINDOW, objects
from pydicom.data import get_testdata_file
from raw_peer import CT, IMPLICIT, acceptance, contexts, data_set, fake_acceptor, response
from servers import port_of, serving, store_ae

from fastdicom import build_async_ops, build_context, evt
from fastdicom.aio import AE
from fastdicom.errors import AssociationAborted, NoAcceptedContext
from fastdicom.services.outcomes import Outcome

ABORT_OF_USER = model.abort(0, 0)


@asynccontextmanager
async def established(script, window=WINDOW):
    """Associate with a scripted peer that has granted a window."""

    def run(raw):
        raw.receive_pdu()
        raw.send(acceptance(window=(window, 1) if window > 1 else None))
        script(raw)

    with fake_acceptor(run) as port:
        proposal = [build_async_ops(WINDOW, 1)]
        association = await AE().associate("127.0.0.1", port, contexts(), ext_neg=proposal)
        assert association.is_established
        yield association


def end(raw):
    assert raw.receive_pdu() == model.release_rq()
    raw.send(model.release_rp())


def many(association, items, **options):
    return association.send_c_store_many(items, transfer_syntax=IMPLICIT, **options)


async def slowly(items):
    """The same as an asynchronous iterable."""
    for item in items:
        await asyncio.sleep(0)
        yield item


@pytest.mark.parametrize("form", [list, iter, slowly])
def test_the_window_is_full_and_responses_come_in_any_order(run, form):
    def script(raw):
        for _ in range(3):
            requests = [raw.receive_message()[1] for _ in range(WINDOW)]
            for request in reversed(requests):
                raw.send(response(request, 0xB000))
        end(raw)

    async def scenario():
        async with established(script) as association:
            items = list(objects(3 * WINDOW))
            told = [stored async for stored in many(association, form(items))]
            assert {stored.outcome for stored in told} == {Outcome.WARNING}
            assert sorted(items.index(item) for item, _ in told) == list(range(3 * WINDOW))
            await association.release()

    run(scenario())


def test_files_and_what_cannot_be_sent(run):
    path = Path(str(get_testdata_file("CT_small.dcm")))
    items = [path, path.with_name("missing.dcm"), str(get_testdata_file("MR_small.dcm")), path.read_bytes()]
    expected = [None, FileNotFoundError, NoAcceptedContext, None]

    async def scenario(port):
        proposed, window = [build_context(CT)], [build_async_ops(4, 1)]
        async with await AE().associate("127.0.0.1", port, proposed, ext_neg=window) as association:
            told = {stored.item: stored async for stored in association.send_c_store_many(items)}
        for item, kind in zip(items, expected, strict=True):
            stored = told.pop(item)
            assert stored.outcome is (Outcome.STORED if kind is None else Outcome.FAILED)
            assert stored.error is None if kind is None else isinstance(stored.error, kind)
        assert not told

    handlers = [(evt.EVT_C_STORE, lambda event: 0), (evt.EVT_ASYNC_OPS, lambda event: (4, 1))]
    with serving(store_ae({CT}), handlers) as server:
        run(scenario(port_of(server)))


@pytest.mark.parametrize("answered", [0, 3])
def test_a_broken_association(run, answered):
    def script(raw):
        requests = [raw.receive_message()[1] for _ in range(WINDOW)]
        raw.send(*map(response, requests[:answered]))
        for _ in range(answered):
            raw.receive_message()
        raw.send(ABORT_OF_USER)
        raw.close()

    async def scenario():
        async with established(script) as association:
            items = list(objects(20))
            told = [stored async for stored in many(association, items)]
            outcomes = {items.index(stored.item): stored for stored in told}
            assert sorted(outcomes) == list(range(20)) and len(told) == 20
            for number, stored in outcomes.items():
                if number < answered:
                    assert stored.outcome is Outcome.STORED
                else:
                    is_sent = number < WINDOW + answered
                    assert stored.outcome is (Outcome.UNKNOWN if is_sent else Outcome.NOT_SENT)
                    assert isinstance(stored.error, AssociationAborted)

    run(scenario())


def test_closing_waits_for_what_is_under_way(run):
    def script(raw):
        requests = [raw.receive_message()[1] for _ in range(WINDOW)]
        raw.send(response(requests[0]))
        requests.append(raw.receive_message()[1])
        raw.send(*map(response, requests[1:]))
        end(raw)

    async def scenario():
        async with established(script) as association:
            async with many(association, objects()) as stores:
                assert (await anext(stores)).outcome is Outcome.STORED
                left = await stores.aclose()
            assert [stored.outcome for stored in left] == [Outcome.STORED] * WINDOW
            await association.release()

    run(scenario())


def test_what_the_items_raise_comes_last(run):
    class Broken(Exception):
        pass

    async def items():
        for item in objects(5):
            yield item
        raise Broken

    def script(raw):
        requests = [raw.receive_message()[1] for _ in range(5)]
        raw.send(*map(response, requests))
        end(raw)

    async def scenario():
        async with established(script) as association:
            stores = many(association, items())
            assert [(await anext(stores)).outcome for _ in range(5)] == [Outcome.STORED] * 5
            with pytest.raises(Broken):
                await anext(stores)
            await association.release()

    run(scenario())


def test_one_that_is_left_gives_its_room_back(run):
    async def scenario(port):
        window = [build_async_ops(3, 1)]
        association = await AE().associate("127.0.0.1", port, contexts(), ext_neg=window)
        async with association:
            for _ in range(5):
                async for stored in many(association, objects()):
                    assert stored.outcome is Outcome.STORED
                    break
                assert (await association.send_c_echo()).Status == 0
        assert association.is_released

    handlers = [(evt.EVT_C_STORE, lambda event: 0), (evt.EVT_ASYNC_OPS, lambda event: (3, 1))]
    with serving(store_ae({CT}), handlers) as server:
        run(scenario(port_of(server)))


def test_a_task_that_is_cancelled_while_it_waits(run):
    """What was under way goes on, and is told of by whoever asks next."""
    answered = asyncio.Event()

    def script(raw):
        requests = [raw.receive_message()[1] for _ in range(3)]
        loop.call_soon_threadsafe(answered.set)
        assert raw.socket.recv(1, 2) == b"\4"  # MSG_PEEK: the echo below
        raw.send(*map(response, requests))
        raw.send(response(raw.receive_message()[1]))
        end(raw)

    async def scenario():
        nonlocal loop
        loop = asyncio.get_running_loop()
        async with established(script) as association:
            stores = many(association, objects(3))
            task = asyncio.create_task(anext(stores))
            await answered.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await association.send_c_echo()).Status == 0
            assert [stored.outcome async for stored in stores] == [Outcome.STORED] * 3
            await association.release()

    loop = None
    run(scenario())


def test_what_cannot_be_asked_for(run):
    async def scenario(port):
        association = await AE().associate("127.0.0.1", port, contexts())
        with pytest.raises(ValueError, match="window is 0"):
            association.send_c_store_many([], window=0)
        with pytest.raises(TypeError):
            association.send_c_store_many(17)
        assert [stored.outcome async for stored in many(association, [data_set()])] == [Outcome.STORED]
        await association.release()
        with pytest.raises(RuntimeError):
            association.send_c_store_many([])

    with serving(store_ae({CT}), [(evt.EVT_C_STORE, lambda event: 0)]) as server:
        run(scenario(port_of(server)))
