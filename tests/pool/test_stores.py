"""Storing through a pool: over several associations, once more where that is safe, each told of once."""

from __future__ import annotations

import gc
import io
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import model
import pytest
from destinations import ABORT_OF_USER, Visit, answer_all, destination, only
from many_stores import objects
from pools import MR, Clock
from pydicom.data import get_testdata_file
from raw_peer import CT, IMPLICIT, data_set
from servers import DEADLINE, POLL, await_event, wait_until

from fastdicom import AssociationPool
from fastdicom.errors import AssociationAborted, HostsUnavailable, NoAcceptedContext, PoolClosed, PoolTimeout
from fastdicom.pool import BackOff
from fastdicom.services.outcomes import Outcome, Stored, Verdict

# More than the buffers of two sockets take.
LARGE = 8 << 20

STORED, FAILED, UNKNOWN, NOT_SENT = Outcome.STORED, Outcome.FAILED, Outcome.UNKNOWN, Outcome.NOT_SENT


def many(pool: AssociationPool, items: Any, **options: Any) -> list[Stored[Any]]:
    return list(pool.send_c_store_many(items, transfer_syntax=IMPLICIT, **options))


def outcomes(results: list[Stored[Any]]) -> Counter[Outcome]:
    return Counter(result.outcome for result in results)


def mr(number: int) -> bytes:
    """Return an object of another SOP class."""
    return data_set(100, f"1.2.3.{number}").replace(CT.encode() + b"\0", MR.encode() + b"\0")


# --- one -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "outcome", "verdict"),
    [
        (0x0000, STORED, Verdict.DONE),
        (0xB000, Outcome.WARNING, Verdict.DONE),
        (0xA700, FAILED, Verdict.RETRY_LATER),
        (0xC000, FAILED, Verdict.NEVER_RETRY),
    ],
)
def test_the_status_decides(status: int, outcome: Outcome, verdict: Verdict) -> None:
    def serve(visit: Visit) -> None:
        visit.answer(visit.next_pdus(), status)
        answer_all(visit)

    with destination(serve) as peer, AssociationPool(peer.address) as pool:
        item = data_set()
        stored = pool.send_c_store(item, transfer_syntax=IMPLICIT)
        assert stored == (item, stored.status)
        assert (stored.status.Status, stored.outcome, stored.verdict) == (status, outcome, verdict)
        assert stored.error is None
        assert pool.statistics().idle == 1


def test_what_cannot_be_sent(tmp_path: Path) -> None:
    with destination(accepts=only(CT)) as peer, AssociationPool(peer.address) as pool:
        for item, kind in [(tmp_path / "missing", FileNotFoundError), (17, TypeError), (b"no", ValueError)]:
            stored = pool.send_c_store(item)
            assert isinstance(stored.error, kind)
            assert (stored.outcome, stored.verdict) == (FAILED, Verdict.NEVER_RETRY)
        assert peer.visits == []
        for _ in range(2):
            stored = pool.send_c_store(mr(1), transfer_syntax=IMPLICIT)
            assert isinstance(stored.error, NoAcceptedContext)
            assert (stored.outcome, stored.verdict) == (FAILED, Verdict.NEVER_RETRY)
        assert len(peer.visits) == 1


def test_where_nobody_is() -> None:
    with destination() as peer:
        address = peer.address
    with AssociationPool(address, back_off=BackOff(failures=2), clock=Clock()) as pool:
        errors = [pool.send_c_store(data_set(), transfer_syntax=IMPLICIT) for _ in range(3)]
    assert outcomes(errors) == {NOT_SENT: 3}
    assert {each.verdict for each in errors} == {Verdict.RETRY_LATER}
    assert isinstance(errors[2].error, HostsUnavailable)


def test_after_the_end() -> None:
    with destination() as peer:
        pool = AssociationPool(peer.address)
        pool.close()
        stored = pool.send_c_store(data_set(), transfer_syntax=IMPLICIT)
        assert (stored.outcome, type(stored.error)) == (NOT_SENT, PoolClosed)


def reset_in_the_middle(visit: Visit) -> None:
    """Break the first association in the middle of an object."""
    if visit.number == 0:
        visit.raw.receive(100_000)
        visit.raw.reset()
    else:
        answer_all(visit)


def test_what_did_not_leave_whole_is_sent_on_another_association() -> None:
    with destination(reset_in_the_middle, receive_buffer=8192) as peer, AssociationPool(peer.address) as pool:
        stored = pool.send_c_store(data_set(LARGE), transfer_syntax=IMPLICIT)
        assert stored.outcome is STORED
        assert len(peer.visits) == 2
        assert pool.statistics().failed == 1


def test_not_more_often_than_asked_for() -> None:
    def serve(visit: Visit) -> None:
        visit.raw.receive(100_000)
        visit.raw.reset()

    with destination(serve, receive_buffer=8192) as peer, AssociationPool(peer.address, retries=1) as pool:
        stored = pool.send_c_store(data_set(LARGE), transfer_syntax=IMPLICIT)
        assert (stored.outcome, stored.verdict) == (NOT_SENT, Verdict.RETRY_LATER)
        assert isinstance(stored.error, AssociationAborted)
        assert len(peer.visits) == 2


def test_an_open_file_is_read_once() -> None:
    """And sent on another association as it was read."""
    content = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()
    with destination(reset_in_the_middle, receive_buffer=8192) as peer, AssociationPool(peer.address) as pool:
        stored = pool.send_c_store(
            io.BytesIO(content + bytes.fromhex("fcff fcff 4f42 0000 0000 0001") + bytes(LARGE))
        )
        assert stored.outcome is STORED
        assert len(peer.visits) == 2


@pytest.mark.parametrize("resends", [False, True])
def test_what_may_be_stored_is_sent_again_only_if_asked_for(resends: bool) -> None:
    def serve(visit: Visit) -> None:
        if visit.number == 0:
            visit.next_pdus()
            visit.raw.send(ABORT_OF_USER)
        else:
            answer_all(visit)

    with destination(serve) as peer, AssociationPool(peer.address, resends_unknown=resends) as pool:
        stored = pool.send_c_store(data_set(), transfer_syntax=IMPLICIT)
        expected = (STORED, Verdict.DONE) if resends else (UNKNOWN, Verdict.MAYBE_STORED)
        assert (stored.outcome, stored.verdict) == expected
        assert len(peer.visits) == (2 if resends else 1)


# --- many ------------------------------------------------------------------------------------------------


def test_several_associations_at_once() -> None:
    """Each has something under way before any of them is answered."""
    everybody = threading.Barrier(4)

    def serve(visit: Visit) -> None:
        pdus = visit.next_pdus()
        everybody.wait(DEADLINE)
        visit.answer(pdus)
        answer_all(visit)

    with destination(serve) as peer, AssociationPool(peer.address, limit=4) as pool:
        items = list(objects(50))
        told = many(pool, items)
        assert outcomes(told) == {STORED: 50}
        assert sorted(map(items.index, (item for item, _ in told))) == list(range(50))
        assert len(peer.visits) == 4
        assert pool.statistics().idle == 4


def test_no_more_associations_than_asked_for() -> None:
    with destination() as peer, AssociationPool(peer.address, limit=4) as pool:
        assert outcomes(many(pool, objects(20), associations=1)) == {STORED: 20}
        assert outcomes(many(pool, objects(20), associations=9, window=3)) == {STORED: 20}
        assert len(peer.visits) <= 4


def test_each_keeps_its_window_full() -> None:
    most = []

    def serve(visit: Visit) -> None:
        waiting = [visit.next_pdus() for _ in range(8)]
        most.append(len(waiting))
        for pdus in reversed(waiting):
            visit.answer(pdus)
        answer_all(visit)

    with destination(serve, window=8) as peer, AssociationPool(peer.address, limit=1, window=8) as pool:
        assert outcomes(many(pool, objects(8))) == {STORED: 8}
        assert most == [8]
        assert len(peer.visits) == 1


def test_a_mixture_of_sop_classes() -> None:
    """Those that were not known when an association was opened go over another one."""
    with destination() as peer, AssociationPool(peer.address, limit=2) as pool:
        items = [mr(number) if number % 3 == 0 else data_set(100, f"1.2.3.{number}") for number in range(60)]
        told = many(pool, items)
        assert outcomes(told) == {STORED: 60}
        assert sorted(items.index(each.item) for each in told) == list(range(60))
        assert len(peer.visits) <= 4
        assert any({CT, MR} <= {uid for uid, _ in visit.proposed} for visit in peer.visits)
        # From now on each association has both.
        peer_visits = len(peer.visits)
        assert outcomes(many(pool, items)) == {STORED: 60}
        assert len(peer.visits) <= peer_visits + 2


def test_what_the_peer_refuses_fails_and_the_others_go() -> None:
    with destination(accepts=only(CT)) as peer, AssociationPool(peer.address, limit=2) as pool:
        items = [mr(number) if number % 2 else data_set(100, f"1.2.3.{number}") for number in range(20)]
        told = many(pool, [*items, "/missing.dcm"])
        assert outcomes(told) == {STORED: 10, FAILED: 11}
        errors = Counter(type(each.error) for each in told if each.outcome is FAILED)
        assert errors == {NoAcceptedContext: 10, FileNotFoundError: 1}
        assert len(peer.visits) <= 5


def test_the_same_item_several_times() -> None:
    path = str(get_testdata_file("CT_small.dcm"))
    with destination() as peer, AssociationPool(peer.address) as pool:
        told = list(pool.send_c_store_many([path] * 20))
        assert outcomes(told) == {STORED: 20}
        assert {each.item for each in told} == {path}
        assert peer.visits


def test_an_association_that_breaks() -> None:
    """What was under way is not known, what was not sent goes over the next one."""

    def serve(visit: Visit) -> None:
        if visit.number == 0:
            for _ in range(3):
                visit.answer(visit.next_pdus())
            for _ in range(4):
                visit.next_pdus()
            visit.raw.send(ABORT_OF_USER)
        else:
            answer_all(visit)

    with destination(serve, window=4) as peer, AssociationPool(peer.address, limit=1, window=4) as pool:
        items = list(objects(30))
        told = many(pool, items)
        assert outcomes(told) == {STORED: 26, UNKNOWN: 4}
        assert sorted(items.index(each.item) for each in told) == list(range(30))
        assert [items.index(each.item) for each in told if each.outcome is UNKNOWN] == [3, 4, 5, 6]
        assert len(peer.visits) == 2


def test_an_association_that_breaks_while_others_go_on() -> None:
    def serve(visit: Visit) -> None:
        if visit.number % 3 == 2:
            visit.next_pdus()
            visit.raw.reset()
        else:
            answer_all(visit)

    with destination(serve) as peer, AssociationPool(peer.address, resends_unknown=True, retries=9) as pool:
        items = list(objects(60))
        told = many(pool, items)
        assert outcomes(told) == {STORED: 60}
        assert sorted(items.index(each.item) for each in told) == list(range(60))
        assert peer.visits


def test_while_others_have_lent_everything() -> None:
    """Threads that get none leave their objects to one that has, if there is such a one."""

    def serve(visit: Visit) -> None:
        while (pdus := visit.next_pdus()) and pdus[0] != model.release_rq():
            if visit.number == 2:
                wait_until(lambda: have_given_up.is_set() or pool.statistics().waiting == 2)
                wait_until(lambda: pool.statistics().waiting == 0)
                have_given_up.set()
            visit.answer(pdus)
        visit.raw.send(model.release_rp())

    have_given_up = threading.Event()
    with destination(serve) as peer, AssociationPool(peer.address, limit=3, longest_wait=0.1) as pool:
        with pool.association(), pool.association():  # one is left, and three threads want it
            assert outcomes(many(pool, objects(20))) == {STORED: 20}
        assert have_given_up.is_set()
        with ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(pool.association())
            told = many(pool, objects(3))
            assert outcomes(told) == {NOT_SENT: 3}
            assert {type(each.error) for each in told} == {PoolTimeout}
        assert peer.visits


def test_a_destination_that_is_not_there() -> None:
    with destination() as peer:
        address = peer.address
    with AssociationPool(address, back_off=BackOff(failures=1), clock=Clock()) as pool:
        told = many(pool, objects(50))
    assert outcomes(told) == {NOT_SENT: 50}


# --- ends ------------------------------------------------------------------------------------------------


def test_what_the_items_raise_comes_last() -> None:
    class Broken(Exception):
        pass

    def items() -> Iterator[bytes]:
        yield from objects(10)
        raise Broken

    with destination() as peer, AssociationPool(peer.address) as pool:
        stores = pool.send_c_store_many(items(), transfer_syntax=IMPLICIT)
        assert outcomes([next(stores) for _ in range(10)]) == {STORED: 10}
        with pytest.raises(Broken):
            next(stores)
        assert next(stores, None) is None
        assert pool.statistics().lent == 0
        assert peer.visits


def test_closing_waits_for_what_is_under_way_and_tells_of_it() -> None:
    may_answer = threading.Event()

    def serve(visit: Visit) -> None:
        first = visit.next_pdus()
        visit.answer(first)
        second = visit.next_pdus()
        await_event(may_answer)
        visit.answer(second)
        answer_all(visit)

    with destination(serve) as peer, AssociationPool(peer.address, limit=1) as pool:
        stores = pool.send_c_store_many(objects(), transfer_syntax=IMPLICIT)
        assert next(stores).outcome is STORED
        with ThreadPoolExecutor(1) as threads:
            left = threads.submit(stores.close)
            may_answer.set()
            told = left.result(DEADLINE)
        assert set(outcomes(told)) <= {STORED, NOT_SENT}
        assert outcomes(told)[STORED] >= 1
        assert stores.close() == []
        assert pool.statistics().lent == 0
        assert peer.visits


def test_items_are_not_read_far_ahead_of_the_results() -> None:
    asked = 0

    def items() -> Iterator[bytes]:
        nonlocal asked
        for item in objects():
            asked += 1
            yield item

    with destination() as peer, AssociationPool(peer.address, limit=2, window=1) as pool:
        with pool.send_c_store_many(items(), transfer_syntax=IMPLICIT) as stores:
            for told in range(1, 101):
                assert next(stores).outcome is STORED
                if told in (1, 50):
                    POLL.wait(0.05)  # others would go on meanwhile
                # For each thread: untaken results, one that waits for room, one under way, one ready.
                assert asked <= told + 2 * (4 + 1 + 1 + 1)
        assert peer.visits


def test_an_iterator_that_is_left_stops() -> None:
    with destination() as peer, AssociationPool(peer.address, limit=2) as pool:
        for told in pool.send_c_store_many(objects(), transfer_syntax=IMPLICIT):
            assert told.outcome is STORED
            break
        gc.collect(0)
        wait_until(lambda: pool.statistics().lent == 0)
        assert peer.visits
        never = pool.send_c_store_many(objects())
        assert never.close() == []


def test_nothing_to_store() -> None:
    with destination() as peer, AssociationPool(peer.address) as pool:
        assert many(pool, []) == []
        assert peer.visits == []


@pytest.mark.parametrize("name", ["associations", "window"])
def test_what_cannot_be_asked_for(name: str) -> None:
    pool = AssociationPool(("127.0.0.1", 104))
    with pytest.raises(ValueError, match=f"{name} is 0; it must be at least 1"):
        pool.send_c_store_many([], **{name: 0})
    with pytest.raises(TypeError):
        pool.send_c_store_many(17)  # type: ignore[type-var, arg-type]


def test_the_pool_is_closed_meanwhile() -> None:
    """Each object is told of all the same."""
    is_closing = threading.Event()

    def serve(visit: Visit) -> None:
        visit.answer(visit.next_pdus())
        await_event(is_closing)
        while visit.raw.receive_pdu() not in (b"", ABORT_OF_USER, model.release_rq()):
            pass

    with destination(serve) as peer:
        pool = AssociationPool(peer.address, limit=2)
        stores = pool.send_c_store_many(objects(20), transfer_syntax=IMPLICIT)
        told = [next(stores), next(stores)]
        wait_until(lambda: pool.statistics().lent == 2)
        is_closing.set()
        pool.close()
        told += stores
        assert len(told) == 20
        assert outcomes(told)[STORED] == 2
        assert set(outcomes(told)) == {STORED, UNKNOWN, NOT_SENT}
