"""A link keeps to its limits: ARTIM, idle, progress and minimum throughput both ways, and the end."""

from __future__ import annotations

import asyncio
from time import monotonic

import model
import pytest
from aio_links import Pair
from raw_peer import STORE_CONTEXT, data_set, echo_rq, request, store_command, store_rq

from fastdicom._core.pdata import MessageWriter, Signal
from fastdicom.net import aio_clock, aio_link
from fastdicom.net.aio_pace import Pace
from fastdicom.ul.provider import ProviderAbortIndication
from fastdicom.ul.states import State

A_MOMENT = 0.05
A_ABORT = model.abort(0, 0)

LARGE = data_set(8 << 20)


# --- the rules, without a connection ----------------------------------------------------------------------


def check(pace: Pace, now: float, count: int = 0, *, receiving: bool = False, sending: bool = False):
    return pace.check(now, count, is_receiving=receiving, is_sending=sending)


def next_check(pace: Pace, now: float, *, receiving: bool = False, sending: bool = False):
    return pace.next_check(now, is_receiving=receiving, is_sending=sending)


def test_without_limits_nothing_is_looked_at():
    pace = Pace(100.0)
    assert next_check(pace, 100.0, receiving=True) is None
    assert check(pace, 1e9, receiving=True) is None


def test_idle_is_told_again_and_again():
    pace = Pace(100.0)
    pace.set_limits(60, 30, 0, 0)
    assert check(pace, 159.9) is None
    assert check(pace, 160.0) is Signal.TIMED_OUT
    assert check(pace, 219.0) is None
    assert check(pace, 220.0) is Signal.TIMED_OUT
    pace.moved_at = 230.0
    assert check(pace, 289.0) is None


def test_a_message_has_to_move():
    pace = Pace(100.0)
    pace.set_limits(60, 30, 0, 0)
    assert check(pace, 129.0, receiving=True) is None
    pace.moved_at = 129.0
    assert check(pace, 158.9, receiving=True) is None
    assert check(pace, 159.0, receiving=True) is Signal.TIMED_OUT


def test_a_look_is_never_too_late():
    """Whatever begins after a look, the next one is there before it may last too long."""
    pace = Pace(100.0)
    pace.set_limits(60, 30, 100, 45)
    assert next_check(pace, 100.0) == 130.0  # a message that begins now must have moved by then
    assert next_check(pace, 150.0) == 160.0
    assert next_check(pace, 110.0, receiving=True) == 130.0
    pace.set_limits(None, None, 100, 45)
    assert next_check(pace, 100.0) == 145.0
    assert check(pace, 100.0, receiving=True) is None  # the window begins
    assert next_check(pace, 120.0, receiving=True) == 145.0


def test_what_is_sent_is_looked_at_more_often():
    pace = Pace(100.0)
    pace.set_limits(60, 30, 0, 0)
    assert next_check(pace, 100.0, sending=True) == 107.5
    assert check(pace, 107.5, 1000, sending=True) is None  # it has moved since
    assert check(pace, 137.4, 1000, sending=True) is None
    assert check(pace, 137.5, 1000, sending=True) is Signal.TIMED_OUT


def test_the_throughput_is_that_of_a_window():
    pace = Pace(0.0)
    pace.set_limits(None, None, 100, 60)
    assert check(pace, 1.0, 0, receiving=True) is None
    assert check(pace, 61.0, 6000, receiving=True) is None
    assert check(pace, 121.0, 11_999, receiving=True) is Signal.TOO_SLOW


def test_between_messages_no_window_runs():
    pace = Pace(0.0)
    pace.set_limits(None, None, 100, 60)
    assert check(pace, 1.0, 0, receiving=True) is None
    assert check(pace, 30.0, 0) is None
    assert check(pace, 300.0, 0, receiving=True) is None
    pace.window_begin = None  # a message has ended, and the next one begun
    assert check(pace, 500.0, 10, receiving=True) is None


# --- over a connection ------------------------------------------------------------------------------------


def test_a_peer_that_never_asks(run):
    async def scenario():
        pair = await Pair(artim=A_MOMENT).connect()
        begun = monotonic()
        assert await pair.peer.receive_all() == []
        assert monotonic() - begun < 1
        assert await pair.told.closed() == [Signal.CLOSED]
        pair.peer.close()
        await pair.link.wait_closed()

    run(scenario())


def test_a_request_that_trickles(run):
    """However many bytes come, the ARTIM timer runs."""

    async def scenario():
        pair = await Pair(artim=A_MOMENT).connect()
        with pytest.raises(OSError):
            await crawl(pair, request()[:200] * 100, 0.001)
        await pair.told.closed()
        pair.peer.close()

    run(scenario())


def test_idle_is_told_and_does_not_end_anything(run):
    async def scenario():
        pair = await Pair().associated()
        pair.link.set_timeouts(A_MOMENT, 20, 0, 0)
        await pair.told.until(lambda told: told.count(Signal.TIMED_OUT) == 2)
        await pair.peer.send(echo_rq())
        await pair.told.until(lambda told: pair.told.messages)
        await pair.close()

    run(scenario())


def test_a_message_that_stands_still(run):
    async def scenario():
        pair = await Pair().associated()
        pair.link.set_timeouts(20, A_MOMENT, 0, 0)
        await pair.peer.send(store_rq(data_set(100_000))[0])
        await pair.told.until(lambda told: Signal.TIMED_OUT in told)
        await pair.close()

    run(scenario())


def test_a_message_that_crawls(run):
    async def scenario():
        pair = await Pair().associated()
        pair.link.set_timeouts(20, 20, 1000, A_MOMENT)
        whole = b"".join(store_rq(data_set(100_000)))
        sending = asyncio.create_task(crawl(pair, whole))
        assert await pair.peer.receive_pdu() == A_ABORT
        sending.cancel()
        assert "minimum_throughput" in pair.link.fault
        pair.peer.close()
        await pair.told.closed()
        await asyncio.wait([sending])

    run(scenario())


async def crawl(pair: Pair, whole: bytes, pause: float = 0.005) -> None:
    for i in range(len(whole)):
        await pair.peer.send(whole[i : i + 1])
        await asyncio.sleep(pause)


def test_a_peer_that_takes_nothing(run, monkeypatch):
    monkeypatch.setattr(aio_link, "ABORT_LINGER", A_MOMENT)

    async def scenario():
        pair = await Pair().associated()
        pair.link.set_timeouts(20, A_MOMENT, 0, 0)
        message = MessageWriter(STORE_CONTEXT, store_command(), [LARGE], 16384)
        assert await pair.link.send(message) is False
        assert "took nothing" in pair.link.fault
        await pair.told.closed()  # in spite of all that it never took
        pair.peer.close()

    run(scenario())


def test_a_peer_that_takes_little(run, monkeypatch):
    monkeypatch.setattr(aio_link, "ABORT_LINGER", A_MOMENT)

    async def scenario():
        pair = await Pair().associated()
        pair.link.set_timeouts(20, 20, 1e9, A_MOMENT)
        message = MessageWriter(STORE_CONTEXT, store_command(), [LARGE], 16384)
        assert await pair.link.send(message) is False
        assert "minimum_throughput" in pair.link.fault
        await pair.told.closed()
        pair.peer.close()

    run(scenario())


def test_a_peer_that_does_not_close_after_our_abort(run, monkeypatch):
    monkeypatch.setattr(aio_link, "ABORT_LINGER", A_MOMENT)

    async def scenario():
        pair = await Pair().associated()
        pair.link.abort()
        assert await pair.peer.receive_all() == [A_ABORT]
        await pair.told.closed()
        pair.peer.close()

    run(scenario())


def test_a_peer_that_does_not_close_is_seen_off(run):
    """Over for the association at once; the connection stays until ARTIM has run out."""

    async def scenario():
        pair = await Pair(artim=A_MOMENT).associated()
        pair.link.sees_off = True
        await pair.peer.send(model.release_rq())
        await pair.told.closed()
        assert pair.link.provider.state is State.Sta1 and not pair.link._is_lost
        await pair.peer.send(echo_rq() * 1000)  # which is dropped
        assert await pair.peer.receive_all() == [model.release_rp()]
        await pair.link.wait_closed()
        pair.peer.close()
        assert pair.told.messages == []

    run(scenario())


def test_linger_bounds_everything(run):
    async def scenario():
        pair = await Pair().associated()
        pair.link.linger(A_MOMENT)
        await pair.told.closed()
        assert pair.told.of(ProviderAbortIndication)
        pair.peer.close()

    run(scenario())


def test_memory_is_given_back_when_nothing_comes(run, monkeypatch):
    monkeypatch.setattr(aio_clock, "REST_AFTER", A_MOMENT / 2)

    async def scenario():
        pair = await Pair().associated()
        pair.link.set_timeouts(A_MOMENT, A_MOMENT, 0, 0)
        rests: list[None] = []
        monkeypatch.setattr(
            pair.link, "_rest", lambda: rests.append(None) or type(pair.link)._rest(pair.link)
        )
        pair.link.set_timeouts(20, A_MOMENT, 0, 0)
        while not rests:
            await asyncio.sleep(0.001)
        await pair.peer.send(*store_rq(data_set(100_000)))
        await pair.told.until(lambda told: pair.told.messages)
        assert bytes(pair.told.messages[0].data_set) == data_set(100_000)
        await pair.close()

    run(scenario())
