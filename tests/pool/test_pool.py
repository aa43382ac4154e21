"""Associations that are lent: opened on demand, kept, checked, closed."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import model
import pytest
from destinations import ABORT_OF_USER, Destination, Visit, answer_all, destination, only
from pools import MR, Clock
from raw_peer import CT, EXPLICIT, FIND, IMPLICIT, VERIFICATION
from servers import DEADLINE, await_event, port_of, serving, store_ae, wait_until

from fastdicom import (
    AE,
    Association,
    AssociationPool,
    build_context,
    evt,
)
from fastdicom.errors import NoAcceptedContext, PoolClosed, PoolTimeout
from fastdicom.pool import BreakerState
from fastdicom.pool import pool as pool_module
from fastdicom.watching.metrics import Metrics

OPEN, CLOSED, HALF_OPEN = BreakerState.OPEN, BreakerState.CLOSED, BreakerState.HALF_OPEN


def echo(association: Association) -> None:
    assert association.send_c_echo().Status == 0


# --- lending ---------------------------------------------------------------------------------------------


def test_one_is_opened_and_lent_again() -> None:
    with destination() as peer, AssociationPool(peer.address) as pool:
        assert pool.statistics().opened == 0
        for _ in range(5):
            with pool.association() as association:
                echo(association)
                assert pool.statistics().lent == 1
        with pool.association(VERIFICATION) as again:
            assert again is association
        statistics = pool.statistics()
        assert (statistics.open, statistics.idle, statistics.lent, statistics.opened) == (1, 1, 0, 1)
        assert len(peer.visits) == 1
    assert association.is_released


def test_several_at_once_up_to_the_limit() -> None:
    with destination() as peer, AssociationPool(peer.address, limit=2, longest_wait=0.05) as pool:
        with pool.association() as first, pool.association() as second:
            assert first is not second
            with pytest.raises(PoolTimeout, match=r"in time: 2 are lent, and 2 may be open"):
                pool.association().__enter__()
            with pytest.raises(TimeoutError):
                pool.association().__enter__()
        with pool.association() as third:
            assert third in (first, second)


def test_many_threads() -> None:
    most = 0
    with destination() as peer, AssociationPool(peer.address, limit=3) as pool:

        def use(_: int) -> None:
            nonlocal most
            with pool.association() as association:
                most = max(most, pool.statistics().open)
                echo(association)

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(use, range(60)))
        assert most <= 3
        assert len(peer.visits) <= 3
        assert pool.statistics().idle == pool.statistics().open == len(peer.visits)


def test_a_busy_one_stays_and_another_proposes_what_both_needed() -> None:
    with destination() as peer, AssociationPool(peer.address) as pool:
        with pool.association(CT, EXPLICIT) as busy:
            with pool.association(MR, IMPLICIT) as other:
                assert busy.is_established
                assert other is not busy
            assert (CT, [EXPLICIT]) in peer.visits[1].proposed
            assert (MR, [IMPLICIT]) in peer.visits[1].proposed
            with pool.association(CT, EXPLICIT) as fits_both:
                assert fits_both is other
        # In several transfer syntaxes: any will do.
        with pool.association(CT, [IMPLICIT, EXPLICIT]):
            pass
        assert len(peer.visits) == 2


def test_at_the_limit_an_idle_one_makes_room() -> None:
    with destination() as peer, AssociationPool(peer.address, limit=1) as pool:
        with pool.association(CT, EXPLICIT) as first:
            pass
        with pool.association(MR, IMPLICIT) as second:
            assert first.is_released
            echo(second)
        assert pool.statistics().opened == len(peer.visits) == 2


def test_what_is_always_proposed() -> None:
    contexts = [build_context(FIND)]
    with destination() as peer, AssociationPool(peer.address, contexts=contexts) as pool:
        with pool.association():
            pass
        assert [uid for uid, _ in peer.visits[0].proposed] == [FIND, VERIFICATION]


def test_what_the_peer_refuses() -> None:
    """It is asked once; the association serves others."""
    with destination(accepts=only(CT)) as peer, AssociationPool(peer.address) as pool:
        for _ in range(3):
            with pytest.raises(NoAcceptedContext, match="MR Image Storage") as error:
                pool.association(MR, IMPLICIT).__enter__()
            assert (error.value.sop_class_uid, error.value.transfer_syntax) == (MR, IMPLICIT)
        with pool.association(CT, IMPLICIT), pytest.raises(NoAcceptedContext):
            pool.association(MR).__enter__()
        statistics = pool.statistics()
        assert (statistics.failed, statistics.lent, statistics.hosts[0].state) == (0, 0, CLOSED)
        assert len(peer.visits) <= 3


def test_a_peer_that_accepts_no_context_at_all_is_not_broken() -> None:
    with destination(accepts=lambda uid, syntax: False) as peer, AssociationPool(peer.address) as pool:
        for _ in range(5):
            with pytest.raises(NoAcceptedContext):
                pool.association(CT, IMPLICIT).__enter__()
        assert pool.statistics().hosts[0].state is CLOSED
        assert pool.statistics().opening == 0


def test_after_an_exception_one_that_is_idle_is_kept() -> None:
    with destination() as peer, AssociationPool(peer.address) as pool:
        for _ in range(2):
            with pytest.raises(KeyError), pool.association() as association:
                raise KeyError(association.send_c_echo().Status)
        assert association.is_established
        assert len(peer.visits) == 1


@pytest.mark.parametrize("fails", [False, True])
def test_one_that_is_left_in_the_middle_of_something_is_not_lent_again(fails: bool) -> None:
    """What is in progress is cancelled, and the association released; aborted after an exception."""
    ended: list[bytes] = []

    def find(visit: Visit) -> None:
        request = visit.next_pdus()
        while pdus := visit.next_pdus():
            if pdus[0][:1] == b"\4":  # C-CANCEL
                visit.answer(request[:1], 0xFE00)
            elif pdus[0] == model.release_rq():
                ended.append(pdus[0])
                visit.raw.send(model.release_rp())
                return
            else:
                ended.append(pdus[0])
                return

    with destination(find) as peer, AssociationPool(peer.address) as pool:
        try:
            with pool.association(FIND) as association:
                responses = association.send_c_find(b"", FIND)
                if fails:
                    raise KeyError
        except KeyError:
            pass
        assert pool.statistics().open == 0
        assert association.is_aborted if fails else association.is_released
        wait_until(lambda: ended)
        assert ended == [ABORT_OF_USER if fails else model.release_rq()]
        assert pool.statistics().failed == 0
        del responses


def test_one_that_ends_itself_is_gone() -> None:
    with destination() as peer, AssociationPool(peer.address) as pool:
        with pool.association() as association:
            association.release()
        assert (pool.statistics().open, pool.statistics().failed) == (0, 0)
        with pool.association() as again:
            assert again is not association
        assert len(peer.visits) == 2


# --- idle ones -------------------------------------------------------------------------------------------


def test_idle_ones_are_released() -> None:
    clock = Clock()
    with destination() as peer, AssociationPool(peer.address, clock=clock, idle_timeout=30) as pool:
        with pool.association() as first, pool.association() as second:
            pass
        clock.advance(20)
        with pool.association() as used:
            pass
        clock.advance(15)
        pool.tidy()
        other = first if used is second else second
        assert other.is_released and used.is_established
        assert pool.statistics().open == 1
        clock.advance(15)
        pool.tidy()
        assert used.is_released
        assert pool.statistics().open == 0


def test_a_thread_does_so_by_itself_and_ends() -> None:
    with destination() as peer, AssociationPool(peer.address, idle_timeout=0.05) as pool:
        for _ in range(2):
            with pool.association() as association:
                pass
            wait_until(lambda: association.is_released)
            wait_until(lambda: not pool._is_kept)
        assert not [
            each for each in threading.enumerate() if each.name == "fastdicom-pool" and each.is_alive()
        ]


def echoes(peer: Destination) -> Counter[int]:
    """Have a destination count the requests of each association."""
    counted: Counter[int] = Counter()

    def serve(visit: Visit) -> None:
        while (pdus := visit.next_pdus()) and pdus[0] != model.release_rq():
            counted[visit.number] += 1
            visit.answer(pdus)
        visit.raw.send(model.release_rp())

    peer.serve = serve
    return counted


def test_one_that_was_idle_for_long_is_checked() -> None:
    clock = Clock()
    with destination() as peer, AssociationPool(peer.address, clock=clock, check_after=10) as pool:
        counted = echoes(peer)
        for pause, expected in ((0, 0), (9, 0), (10, 1), (5, 1), (25, 2)):
            clock.advance(pause)
            with pool.association() as association:
                assert counted[0] == expected
                assert association.dimse_timeout == pool.ae.dimse_timeout


def test_without_verification_it_is_not_checked() -> None:
    clock = Clock()
    with (
        destination(accepts=lambda uid, syntax: uid == CT) as peer,
        AssociationPool(peer.address, clock=clock, check_after=10) as pool,
    ):
        counted = echoes(peer)
        for _ in range(2):
            clock.advance(20)
            with pool.association(CT, IMPLICIT):
                assert counted[0] == 0


@pytest.mark.parametrize("how", ["is silent", "hangs up", "aborts"])
def test_one_that_does_not_answer_is_replaced(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "CHECK_TIMEOUT", 0.05)
    clock = Clock()

    def serve(visit: Visit) -> None:
        if visit.number:
            answer_all(visit)
            return
        visit.next_pdus()
        if how == "is silent":
            visit.next_pdus()
        elif how == "aborts":
            visit.raw.send(ABORT_OF_USER)

    with destination(serve) as peer, AssociationPool(peer.address, clock=clock) as pool:
        with pool.association() as first:
            pass
        clock.advance(20)
        with pool.association() as second:
            assert second is not first
            echo(second)
        statistics = pool.statistics()
        assert (statistics.open, statistics.opened, statistics.hosts[0].state) == (1, 2, CLOSED)


def test_one_that_the_peer_has_ended_is_replaced() -> None:
    is_over = threading.Event()

    def serve(visit: Visit) -> None:
        if visit.number:
            answer_all(visit)
            return
        await_event(is_over)
        visit.raw.send(model.release_rq())
        assert visit.next_pdus() == [model.release_rp()]

    with destination(serve) as peer, AssociationPool(peer.address) as pool:
        with pool.association() as first:
            pass
        is_over.set()
        wait_until(lambda: first.is_released)
        with pool.association() as second:
            echo(second)
        assert pool.statistics().failed == 0


# --- ends ------------------------------------------------------------------------------------------------


def test_closing_aborts_what_is_lent_and_releases_what_is_not() -> None:
    with destination() as peer:
        pool = AssociationPool(peer.address)
        with pool.association() as lent:
            with pool.association() as idle:
                pass
            assert pool.close() == 1
            assert lent.is_aborted and idle.is_released
            assert pool.statistics().lent == 1
        assert pool.statistics().open == 0
        with pytest.raises(PoolClosed):
            pool.association().__enter__()
        assert pool.close() == 0


def test_draining_waits_for_what_is_lent() -> None:
    with destination() as peer:
        pool = AssociationPool(peer.address)
        with ThreadPoolExecutor(1) as threads:
            with pool.association() as association:
                closed = threads.submit(pool.close, DEADLINE)
                wait_until(lambda: pool._lending._is_closed)
                with pytest.raises(PoolClosed):
                    pool.association().__enter__()
                echo(association)
            assert closed.result(DEADLINE) == 0
        assert association.is_released
        assert pool.statistics().open == 0


def test_those_who_wait_are_told_of_the_end() -> None:
    with destination() as peer:
        pool = AssociationPool(peer.address, limit=1)
        with ThreadPoolExecutor(1) as threads, pool.association():
            waiting = threads.submit(pool.association().__enter__)
            wait_until(lambda: pool.statistics().waiting == 1)
            pool.close()
            assert isinstance(waiting.exception(DEADLINE), PoolClosed)


def test_metrics_of_its_ae_have_it() -> None:
    ae = AE()
    ae.metrics = Metrics()
    with destination() as peer:
        label = f"ARCHIVE@127.0.0.1:{peer.address[1]}"
        with AssociationPool(peer.address, ae, ae_title="ARCHIVE") as pool:
            with pool.association(), pool.association():
                pass
            with pool.association():
                now = ae.metrics.snapshot()
                assert now.total("pooled_associations", pool=label, state="lent") == 1
                assert now.total("pooled_associations", pool=label, state="idle") == 1
                assert now.total("pool_queue", pool=label) == 0
        assert ae.metrics.snapshot().total("pooled_associations", pool=label) == 0


def test_what_it_is_made_of() -> None:
    ae = AE("SOMEBODY")
    seen: list[evt.Event] = []
    with (
        destination() as peer,
        AssociationPool(
            peer.address, ae, ae_title="ELSEWHERE", evt_handlers=[(evt.EVT_ESTABLISHED, seen.append)]
        ) as pool,
    ):
        with pool.association() as association:
            assert association.requestor.ae_title == "SOMEBODY"
            assert association.acceptor.ae_title == "ELSEWHERE"
        assert [event.assoc for event in seen] == [association]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"address": []}, "at least one host"),
        ({"limit": 0}, "limit is 0"),
        ({"window": 0}, "window is 0"),
        ({"longest_wait": -1}, "longest_wait is -1"),
        ({"idle_timeout": -1}, "idle_timeout is -1"),
        ({"check_after": -1}, "check_after is -1"),
        ({"retries": -1}, "retries is -1"),
        ({"ae_title": "more than 16 characters"}, "AE title"),
    ],
)
def test_what_it_cannot_be_made_of(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AssociationPool(**{"address": ("127.0.0.1", 104), **arguments})


def test_what_cannot_be_proposed_says_nothing_of_the_peer() -> None:
    with serving(store_ae({CT})) as server:
        pool = AssociationPool(("127.0.0.1", port_of(server)), ext_neg=["no item"])
        with pytest.raises((TypeError, AttributeError, ValueError)):
            pool.association().__enter__()
        assert (pool.statistics().opening, pool.statistics().failed) == (0, 0)
