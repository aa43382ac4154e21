"""Associations that wait: without a thread, and without being looked at."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest
from parked import (
    IDLE_THREADS,
    all_parked,
    echo,
    idle_peers,
    is_parked,
    lot_of,
    threads,
)
from servers import POLL, associate, serving, store_ae, wait_until

from fastdicom import AE, build_context
from fastdicom.net.parking import HAS_POLLER, ParkingLot
from fastdicom.net.waker import LentWaker
from fastdicom.sop_class import Verification

pytestmark = pytest.mark.skipif(not HAS_POLLER, reason="associations keep their threads here")

CONTEXTS = [build_context(Verification)]

# --- the lot ---------------------------------------------------------------------------------------------


@pytest.fixture
def lot() -> Iterator[ParkingLot]:
    made = ParkingLot()
    yield made
    made.close()


def is_readable(lot: ParkingLot) -> bool:
    return bool(select.select([lot.fileno()], [], [], 0)[0])


def test_who_is_parked_is_ready_when_something_comes(lot: ParkingLot) -> None:
    ours, peers = socket.socketpair()
    work = list
    with ours, peers:
        ticket = lot.add(work)
        lot.until()
        lot.park(ticket, ours.fileno(), None)
        assert not is_readable(lot)
        lot.collect()
        assert lot.take() is None
        peers.send(b"!")
        assert is_readable(lot)
        lot.collect()
        assert lot.take() is work
        assert lot.take() is None
        # It is not waited for any more, until it is parked again.
        assert not is_readable(lot)
        lot.park(ticket, ours.fileno(), None)
        assert is_readable(lot)
        lot.leave(ticket)
        assert not is_readable(lot) and len(lot) == 0


def test_who_is_parked_is_ready_when_its_time_is_over(lot: ParkingLot) -> None:
    now = monotonic()
    late, early, never = (lot.add(list) for _ in range(3))
    lot.park(late, None, now + 1000)
    lot.park(early, None, now - 1)
    lot.park(never, None, None)
    assert lot.until() == now - 1
    lot.collect()
    assert lot.take() is not None and lot.take() is None
    assert lot.until() == now + 1000


def test_an_earlier_deadline_wakes_the_leader_and_a_later_one_does_not(lot: ParkingLot) -> None:
    now = monotonic()
    first, second, third = (lot.add(list) for _ in range(3))
    lot.park(first, None, now + 1000)
    lot.collect()
    lot.until()
    lot.park(second, None, now + 2000)
    assert not is_readable(lot)
    lot.park(third, None, now + 500)
    assert is_readable(lot)


def test_a_deadline_that_is_put_off_again_and_again_takes_no_more_room(lot: ParkingLot) -> None:
    now = monotonic()
    ticket = lot.add(list)
    for i in range(1000):
        lot.park(ticket, None, now + 1000 + i)
        lot.hand_on(ticket)  # nobody's: it is parked
        lot.summon(ticket)
        assert lot.take() is not None
    lot.park(ticket, None, now + 5000)
    assert len(lot._heap) == 1
    assert lot.until() == now + 1000  # it is looked at then, and stays until its time


def test_those_who_have_gone_leave_nothing_behind(lot: ParkingLot) -> None:
    now = monotonic()
    for i in range(1000):
        ticket = lot.add(list)
        lot.park(ticket, None, now + 1000 + i)
        lot.leave(ticket)
    assert len(lot) == 0 and len(lot._heap) <= 66
    assert lot.until() is None


def test_who_is_summoned_while_a_worker_has_it_is_ready_as_soon_as_it_is_parked(lot: ParkingLot) -> None:
    ours, peers = socket.socketpair()
    ticket = lot.add(list)
    lot.summon(ticket)
    assert lot.take() is None
    ours.close()
    peers.close()
    lot.park(ticket, 10**6, None)  # whatever the descriptor is by now: it is not waited for
    assert lot.take() is not None
    lot.park(ticket, None, None)
    assert lot.take() is None


def test_who_is_handed_on_may_be_taken_back(lot: ParkingLot) -> None:
    ticket = lot.add(list)
    lot.hand_on(ticket)
    assert lot.retake(ticket) and not lot.retake(ticket)
    assert lot.take() is None
    lot.hand_on(ticket)
    assert lot.take() is not None and not lot.retake(ticket)


def test_who_has_gone_cannot_be_parked_or_summoned(lot: ParkingLot) -> None:
    ticket = lot.add(list)
    lot.leave(ticket)
    lot.park(ticket, 10**6, 0.0)
    lot.summon(ticket)
    lot.leave(ticket)
    lot.collect()
    assert lot.take() is None and len(lot) == 0


def test_who_wanted_to_wake_while_there_was_no_waker_wakes_the_next_one() -> None:
    is_wanted = False
    used: list[int] = []
    waker = LentWaker(lambda: is_wanted)
    waker.take_back(used.append)
    waker.wake()
    assert waker.fileno() == -1 and used == [-1]
    waker.lend(used.append)
    assert not select.select([waker.fileno()], [], [], 0)[0]
    waker.take_back(used.append)
    is_wanted = True
    waker.lend(used.append)
    assert select.select([used[-1]], [], [], 0)[0]
    assert waker.close() and not waker.close()
    waker.lend(used.append)
    assert waker.fileno() == -1


# --- what an idle association costs ----------------------------------------------------------------------


def test_idle_associations_have_no_thread_and_one_descriptor() -> None:
    with serving(store_ae(set())) as server:
        server.ae.maximum_associations = 300
        with idle_peers(server, 1):
            before = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else None
            with idle_peers(server, 200, 1) as peers:
                assert threads() <= IDLE_THREADS
                if before is not None:  # each has two ends here
                    assert len(os.listdir("/proc/self/fd")) <= before + 2 * 200 + 2
                for peer in (peers[0], peers[100], peers[-1]):
                    echo(peer)
                wait_until(all_parked(server, 201))
                assert threads() <= IDLE_THREADS


def test_nobody_looks_after_what_is_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    collect = ParkingLot.collect
    with (
        serving(store_ae(set())) as server,
        associate(AE(), server, contexts=CONTEXTS) as association,
        idle_peers(server, 20, 1),
    ):
        watch = association.ae._crew
        assert watch is not None
        wait_until(lambda: sum(is_parked(row[2]) for row in watch.lot._heap) == 1)
        wait_until(lambda: len({row[2] for row in lot_of(server)._heap if is_parked(row[2])}) == 21)
        wait_until(lambda: lot_of(server)._waits_until and watch.lot._waits_until)
        lots = (watch.lot, lot_of(server))  # what another test has left behind may still be about to end

        def count(lot: ParkingLot) -> None:
            looks.extend(1 for each in lots if each is lot)
            collect(lot)

        monkeypatch.setattr(ParkingLot, "collect", count)
        POLL.wait(0.5)
        assert len(looks) <= 2  # who was about to be told may have been; nobody looks again and again


def test_a_requestor_that_is_soon_over_is_never_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    parked: list[int | None] = []
    park = ParkingLot.park

    def note(lot: ParkingLot, ticket: Any, descriptor: int | None, deadline: float | None) -> None:
        parked.append(descriptor)
        park(lot, ticket, descriptor, deadline)

    monkeypatch.setattr("fastdicom.association.performing.LOOK_AGAIN", 0.9)
    with serving(store_ae(set())) as server:
        ae = AE()
        with associate(ae, server, contexts=CONTEXTS):
            assert ae._crew is not None
            lot = ae._crew.lot
            wait_until(lambda: lot._waits_until)  # for this one: earlier than for any that follows
        wait_until(lambda: not server._associations)
        monkeypatch.setattr(ParkingLot, "park", note)
        wakes: list[int] = []
        monkeypatch.setattr(lot._waker, "wake", lambda: wakes.append(1))
        monkeypatch.setattr("fastdicom.association.performing.HAS_POLLER", False)  # of the acceptor's
        for _ in range(5):
            with associate(ae, server, contexts=CONTEXTS) as association:
                assert association.send_c_echo().Status == 0
        assert parked == [None] * 5
        assert wakes == []


def test_who_watches_ends_when_there_is_nothing_to_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastdicom.net.crew.REST", 0.05)
    with serving(store_ae(set())) as server:
        ae = AE()
        for _ in range(2):
            with associate(ae, server, contexts=CONTEXTS):
                assert threads("fastdicom-requestor") >= 1
                assert ae._crew is not None
                watch = ae._crew
            wait_until(lambda: ae._crew is None)
            wait_until(lambda: not watch._threads)  # noqa: B023
