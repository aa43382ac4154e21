"""Hosts that fail: they are left alone for a while, and others take their place."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import model
import pytest
from destinations import ABORT_OF_USER, Visit, destination
from pools import Clock
from raw_peer import IMPLICIT, data_set
from servers import DEADLINE, await_event, wait_until

from fastdicom import (
    Association,
    AssociationPool,
    AssociationRejected,
    ConnectionFailed,
)
from fastdicom.errors import AssociationAborted, HostsUnavailable
from fastdicom.pool import BackOff, BreakerState
from fastdicom.services.outcomes import Outcome

OPEN, CLOSED, HALF_OPEN = BreakerState.OPEN, BreakerState.CLOSED, BreakerState.HALF_OPEN


def echo(association: Association) -> None:
    assert association.send_c_echo().Status == 0


PLAIN = BackOff(failures=2, shortest=10, longest=40, jitter=0)


def dead() -> tuple[str, int]:
    """Return an address at which nobody listens."""
    with destination() as peer:
        return peer.address


def test_a_broken_destination_is_left_alone_for_longer_and_longer() -> None:
    clock = Clock()
    with destination() as peer, AssociationPool(peer.address, clock=clock, back_off=PLAIN) as pool:
        peer.refuses = lambda number: model.reject(1, 1, 1)
        for _ in range(2):
            with pytest.raises(AssociationRejected):
                pool.association().__enter__()
        for pause in (10, 20, 40, 40):
            with pytest.raises(HostsUnavailable, match=f"is tried again in {pause}.0 s") as error:
                pool.association().__enter__()
            assert isinstance(error.value, ConnectionFailed)
            assert pool.statistics().hosts[0].retry_after == error.value.retry_after == pause
            clock.advance(pause)
            assert pool.statistics().hosts[0].state is HALF_OPEN
            with pytest.raises(AssociationRejected):
                pool.association().__enter__()
        assert (len(peer.visits), pool.statistics().failed) == (6, 6)
        clock.advance(40)
        peer.refuses = lambda number: None
        with pool.association() as association:
            echo(association)
        assert pool.statistics().hosts[0].state is CLOSED


def test_one_that_accepts_and_breaks_is_broken() -> None:
    def serve(visit: Visit) -> None:
        visit.next_pdus()
        visit.raw.send(ABORT_OF_USER)

    with destination(serve) as peer, AssociationPool(peer.address, clock=Clock(), back_off=PLAIN) as pool:
        for _ in range(2):
            with pool.association() as association:
                assert "Status" not in association.send_c_echo()
        assert (pool.statistics().failed, pool.statistics().hosts[0].state) == (2, OPEN)


def test_one_that_breaks_now_and_then_is_not() -> None:
    def serve(visit: Visit) -> None:
        visit.answer(visit.next_pdus())
        visit.next_pdus()
        visit.raw.send(ABORT_OF_USER)

    with destination(serve) as peer, AssociationPool(peer.address, clock=Clock(), back_off=PLAIN) as pool:
        for _ in range(4):
            with pool.association() as association:
                echo(association)
            with pool.association() as association:
                assert "Status" not in association.send_c_echo()
        assert (pool.statistics().failed, pool.statistics().hosts[0].state) == (4, CLOSED)


def test_it_goes_on_with_another_host() -> None:
    clock = Clock()
    with destination() as peer:
        with AssociationPool([dead(), peer.address], clock=clock, back_off=PLAIN) as pool:
            for _ in range(4):
                with pool.association() as association:
                    echo(association)
                    association.release()
            first, second = pool.statistics().hosts
        assert (first.failed, first.state, second.opened, second.state) == (2, OPEN, 4, CLOSED)


def test_it_spreads_over_its_hosts() -> None:
    with destination() as one, destination() as other, destination() as third:
        addresses = [each.address for each in (one, other, third)]
        with AssociationPool(addresses, limit=6) as pool:
            with ThreadPoolExecutor(6) as threads:
                everybody = threading.Barrier(6)

                def use(_: int) -> None:
                    with pool.association() as association:
                        everybody.wait(DEADLINE)
                        echo(association)

                list(threads.map(use, range(6)))
            assert [host.open for host in pool.statistics().hosts] == [2, 2, 2]
        assert [len(each.visits) for each in (one, other, third)] == [2, 2, 2]


def test_all_hosts_are_tried_before_it_fails() -> None:
    with AssociationPool([dead(), dead()], back_off=PLAIN, clock=Clock()) as pool:
        with pytest.raises(ConnectionFailed, match="cannot connect"):
            pool.association().__enter__()
        assert [host.failed for host in pool.statistics().hosts] == [1, 1]


def test_a_peer_that_takes_fewer_than_the_limit() -> None:
    """It says so with a transient rejection, while it has another one: that one is waited for."""
    with destination() as peer, AssociationPool(peer.address, limit=3) as pool:
        peer.refuses = lambda number: model.reject(2, 3, 2) if number == 1 else None
        with ThreadPoolExecutor(3) as threads:
            with pool.association() as association:
                waiting = [threads.submit(pool.send_c_store, data_set(), transfer_syntax=IMPLICIT)]
                wait_until(lambda: len(peer.visits) == 2 and pool.statistics().waiting == 1)
                echo(association)
            assert waiting[0].result(DEADLINE).outcome is Outcome.STORED
        assert pool.statistics().hosts[0].state is CLOSED


def test_while_its_first_association_is_tried_others_wait() -> None:
    clock = Clock()
    may_go_on = threading.Event()
    with destination() as peer, AssociationPool(peer.address, clock=clock, back_off=PLAIN) as pool:
        peer.refuses = lambda number: (
            model.reject(1, 1, 1) if number < 2 else (await_event(may_go_on) or None)
        )
        for _ in range(2):
            with pytest.raises(AssociationRejected):
                pool.association().__enter__()
        clock.advance(10)

        def use() -> None:
            with pool.association() as association:
                echo(association)

        with ThreadPoolExecutor(2) as threads:
            used = [threads.submit(use), threads.submit(use)]
            wait_until(lambda: pool.statistics().waiting == 1 and len(peer.visits) == 3)
            may_go_on.set()
            for each in used:
                each.result(DEADLINE)


def test_the_peer_aborts_during_the_negotiation() -> None:
    with destination() as peer, AssociationPool(peer.address) as pool:
        peer.refuses = lambda number: ABORT_OF_USER
        with pytest.raises(AssociationAborted):
            pool.association().__enter__()
        assert pool.statistics().failed == 1
