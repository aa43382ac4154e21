"""`send_c_store_many`: the window is kept full, nothing is read too early, and it ends in good order."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from many_stores import WINDOW, end, many, number_of, objects, outcomes, peer
from raw_peer import CT, IMPLICIT, Raw, acceptance, contexts, data_set, fake_acceptor, response
from servers import DEADLINE, associate, await_event, port_of, serving, store_ae, wait_until

from fastdicom import AE, build_async_ops, evt
from fastdicom.association import pipelining
from fastdicom.errors import AssociationError
from fastdicom.services.outcomes import Outcome

# --- the window ------------------------------------------------------------------------------------------


def test_the_window_is_full_before_anything_is_answered_and_responses_come_in_any_order() -> None:
    def script(raw: Raw) -> None:
        for _ in range(3):
            requests = [raw.receive_message()[1] for _ in range(WINDOW)]
            assert len({request[0x0110] for request in requests}) == WINDOW
            for request in reversed(requests):
                raw.send(response(request, 0xB000 + number_of(request)))
        end(raw)

    with peer(script) as association:
        items = list(objects(3 * WINDOW))
        told = list(many(association, items))
        assert {items.index(item): status.Status for item, status in told} == {
            number: 0xB000 + number for number in range(3 * WINDOW)
        }
        assert outcomes(told) == [Outcome.WARNING] * len(items)
        association.release()
        assert association.is_released


def test_no_more_is_under_way_than_asked_for_or_granted() -> None:
    """The next request leaves after a response, not before."""

    def script(raw: Raw) -> None:
        waiting = [raw.receive_message()[1] for _ in range(3)]
        for _ in range(4):
            raw.socket.settimeout(0.02)
            with pytest.raises(TimeoutError):
                raw.socket.recv(1)
            raw.socket.settimeout(DEADLINE)
            raw.send(response(waiting.pop()))
            waiting.append(raw.receive_message()[1])
        raw.send(*map(response, waiting))
        end(raw)

    for granted, window in ((3, None), (WINDOW, 3), (3, 100)):
        with peer(script, granted) as association:
            assert len(list(many(association, objects(7), window=window))) == 7
            association.release()


def test_without_a_window_one_at_a_time_and_the_next_is_ready_meanwhile() -> None:
    asked: list[int] = []

    def script(raw: Raw) -> None:
        for number in range(5):
            request = raw.receive_message()[1]
            assert number_of(request) == number
            wait_until(lambda: len(asked) >= min(number + 2, 5))  # noqa: B023
            raw.socket.settimeout(0.02)
            with pytest.raises(TimeoutError):
                raw.socket.recv(1)
            raw.socket.settimeout(DEADLINE)
            raw.send(response(request))
        end(raw)

    def items() -> Iterator[bytes]:
        for number, item in enumerate(objects(5)):
            asked.append(number)
            yield item

    with peer(script, window=1) as association:
        assert outcomes(list(many(association, items()))) == [Outcome.STORED] * 5
        association.release()


def test_the_iterable_is_read_as_it_is_sent() -> None:
    """One without an end: never more than the window and one ahead of what has been told."""
    asked = 0

    def items() -> Iterator[bytes]:
        nonlocal asked
        for item in objects():
            asked += 1
            yield item

    handlers = [(evt.EVT_C_STORE, lambda event: 0), (evt.EVT_ASYNC_OPS, lambda event: (WINDOW, 1))]
    with serving(store_ae({CT}), handlers) as server:
        association = associate(AE(), server, contexts=contexts(), ext_neg=[build_async_ops(WINDOW, 1)])
        with association, many(association, items()) as stores:
            for told in range(1, 201):
                assert next(stores).outcome is Outcome.STORED
                assert asked <= told + WINDOW + 1
        assert association.is_released


def test_where_there_is_no_limit_there_is_one() -> None:
    most = 0

    def script(raw: Raw) -> None:
        waiting = [raw.receive_message()[1] for _ in range(16)]
        raw.socket.settimeout(0.02)
        with pytest.raises(TimeoutError):
            raw.socket.recv(1)
        raw.socket.settimeout(DEADLINE)
        raw.send(*map(response, waiting))
        waiting = [raw.receive_message()[1] for _ in range(4)]
        raw.send(*map(response, waiting))
        end(raw)

    def run(raw: Raw) -> None:
        raw.receive_pdu()
        raw.send(acceptance(window=(0, 0)))
        script(raw)

    with fake_acceptor(run) as port:
        proposal = [build_async_ops(0, 0)]
        with AE().associate("127.0.0.1", port, contexts=contexts(), ext_neg=proposal) as association:
            assert association.maximum_operations_invoked == most
            assert len(list(many(association, objects(20)))) == 20


def test_several_threads_share_the_window() -> None:
    handlers = [(evt.EVT_C_STORE, lambda event: 0), (evt.EVT_ASYNC_OPS, lambda event: (3, 1))]
    with serving(store_ae({CT}), handlers) as server:
        association = associate(AE(), server, contexts=contexts(), ext_neg=[build_async_ops(3, 1)])
        with association, ThreadPoolExecutor(6) as pool:
            stored = [pool.submit(lambda: list(many(association, objects(40)))) for _ in range(4)]
            echoed = [pool.submit(lambda: [association.send_c_echo().Status for _ in range(40)])]
            for each in stored:
                assert outcomes(each.result(DEADLINE)) == [Outcome.STORED] * 40
            assert set(echoed[0].result(DEADLINE)) == {0}


def test_the_same_thread_may_ask_for_something_else_between_two_results() -> None:
    """Even when the window is full."""
    handlers = [(evt.EVT_C_STORE, lambda event: 0), (evt.EVT_ASYNC_OPS, lambda event: (3, 1))]
    with serving(store_ae({CT}), handlers) as server:
        association = associate(AE(), server, contexts=contexts(), ext_neg=[build_async_ops(3, 1)])
        with association:
            for told in many(association, objects(30)):
                assert told.outcome is Outcome.STORED
                assert association.send_c_echo().Status == 0
                assert association.send_c_store(data_set(), transfer_syntax=IMPLICIT).Status == 0
        assert association.is_released


# --- ends ------------------------------------------------------------------------------------------------


def test_what_the_iterable_raises_comes_after_what_is_under_way() -> None:
    class Broken(Exception):
        pass

    def items() -> Iterator[bytes]:
        yield from objects(5)
        raise Broken

    def script(raw: Raw) -> None:
        requests = [raw.receive_message()[1] for _ in range(5)]
        raw.send(*map(response, requests))
        end(raw)

    with peer(script) as association:
        stores = many(association, items())
        assert [next(stores).outcome for _ in range(5)] == [Outcome.STORED] * 5
        with pytest.raises(Broken):
            next(stores)
        assert next(stores, None) is None
        association.release()


def test_closing_waits_for_what_is_under_way_and_tells_of_it() -> None:
    def script(raw: Raw) -> None:
        requests = [raw.receive_message()[1] for _ in range(WINDOW)]
        raw.send(response(requests[0]))
        requests.append(raw.receive_message()[1])
        raw.send(*map(response, requests[1:]))
        end(raw)

    with peer(script) as association:
        stores = many(association, objects())
        assert next(stores).outcome is Outcome.STORED
        left = stores.close()
        assert outcomes(left) == [Outcome.STORED] * WINDOW
        assert stores.close() == []
        association.release()


def test_closing_while_one_is_ready_does_not_send_it() -> None:
    def script(raw: Raw) -> None:
        first, second = raw.receive_message()[1], None
        raw.send(response(first, 0xC000))
        second = raw.receive_message()[1]
        raw.send(response(second))
        end(raw)

    with peer(script, window=1) as association:
        stores = many(association, [data_set(10, "1.2.3.0"), b"no object", *objects(3)])
        told = [next(stores), next(stores)]
        assert sorted(outcomes(told), key=str) == [Outcome.FAILED] * 2
        assert outcomes(stores.close()) == [Outcome.STORED]
        association.release()


def test_who_is_interrupted_is_told_of_everything_all_the_same() -> None:
    class Interrupting:
        def __fspath__(self) -> str:
            raise KeyboardInterrupt

    handlers = [(evt.EVT_C_STORE, lambda event: 0), (evt.EVT_ASYNC_OPS, lambda event: (3, 1))]
    with serving(store_ae({CT}), handlers) as server:
        association = associate(AE(), server, contexts=contexts(), ext_neg=[build_async_ops(3, 1)])
        interrupting = Interrupting()
        first, last = objects(2)
        with association:
            stores = many(association, [first, interrupting, last])
            with pytest.raises(KeyboardInterrupt):
                next(stores)
            told = {id(each.item): each.outcome for each in stores}
        assert told == {
            id(first): Outcome.STORED,
            id(interrupting): Outcome.NOT_SENT,
            id(last): Outcome.STORED,
        }


@pytest.mark.parametrize("is_kept", [False, True])
def test_an_iterator_that_is_left_gives_its_room_back(is_kept: bool) -> None:
    """The association goes on, or is released, once what was under way has been answered."""
    handlers = [(evt.EVT_C_STORE, lambda event: 0), (evt.EVT_ASYNC_OPS, lambda event: (3, 1))]
    with serving(store_ae({CT}), handlers) as server:
        association = associate(AE(), server, contexts=contexts(), ext_neg=[build_async_ops(3, 1)])
        with association:
            for _ in range(5):
                stores = many(association, objects())
                for told in stores:
                    assert told.outcome is Outcome.STORED
                    break
                if not is_kept:
                    del stores
                assert association.send_c_echo().Status == 0
        assert association.is_released


@pytest.mark.parametrize("has_threads", [True, False])
def test_an_iterator_that_is_left_does_not_leave_others_waiting(
    has_threads: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody waits for room, and nobody receives any more."""
    if not has_threads:

        def start_new_thread(*arguments: Any) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(pipelining, "start_new_thread", start_new_thread)
    is_left = threading.Event()

    def script(raw: Raw) -> None:
        raw.send(response(raw.receive_message()[1]))
        request = raw.receive_message()[1]
        await_event(is_left)
        raw.send(response(request))
        raw.send(response(raw.receive_message()[1]))
        end(raw)

    with peer(script, window=1) as association, ThreadPoolExecutor(1) as pool:
        stores = many(association, objects())
        assert next(stores).outcome is Outcome.STORED
        if has_threads:
            echoed = pool.submit(association.send_c_echo)
            wait_until(lambda: association._waiting)
        del stores
        if not has_threads:
            echoed = pool.submit(association.send_c_echo)
        is_left.set()
        assert echoed.result(DEADLINE).Status == 0
        association.release()


def test_release_by_another_thread_waits() -> None:
    handlers = [(evt.EVT_C_STORE, lambda event: 0), (evt.EVT_ASYNC_OPS, lambda event: (3, 1))]
    with serving(store_ae({CT}), handlers) as server:
        association = associate(AE(), server, contexts=contexts(), ext_neg=[build_async_ops(3, 1)])
        stores = many(association, objects(10))
        assert next(stores).outcome is Outcome.STORED
        with ThreadPoolExecutor(1) as pool:
            released = pool.submit(association.release)
            told = [next(stores) for _ in range(3)]
            assert Outcome.FAILED not in outcomes(told)
            left = list(stores)
            released.result(DEADLINE)
        assert set(outcomes(told + left)) <= {Outcome.STORED, Outcome.NOT_SENT}
        assert association.is_released


def test_what_cannot_be_asked_for() -> None:
    with serving(store_ae({CT})) as server:
        association = associate(AE(), server, contexts=contexts())
        with pytest.raises(ValueError, match="window is 0; it must be at least 1"):
            association.send_c_store_many([], window=0)
        with pytest.raises(TypeError):
            association.send_c_store_many(17)  # type: ignore[type-var, arg-type]
        assert list(association.send_c_store_many([])) == []
        association.release()
        with pytest.raises(AssociationError):
            association.send_c_store_many([])
    assert port_of(server)
