"""C-MOVE as SCP goes on: when the destination is lost, when it is slow, and until the requestor is gone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from raw_peer import IMPLICIT
from retrieving import (
    MOVE,
    PENDING,
    Admissions,
    Closing,
    Receiver,
    Told,
    archive,
    archive_ae,
    asking,
    destination,
    identifier,
    move,
    moving,
    small_object,
)
from servers import DEADLINE, await_event, port_of, wait_until

from fastdicom import AE, Association, build_async_ops, build_context, evt
from fastdicom.server import AssociationServer

# --- associations that are lost ---


def test_an_object_that_was_on_its_way_when_the_association_was_lost_is_sent_again() -> None:
    lost: list[str] = []

    def answer(event: Any) -> int:
        uid = str(event.request.AffectedSOPInstanceUID)
        if uid == "1.2.3.2" and not lost:
            lost.append(uid)
            event.assoc.abort()
        return 0x0000

    receiver = Receiver(answer)
    with (
        destination(receiver) as there,
        archive(moving(there, *[small_object(number) for number in (1, 2, 3)])) as server,
    ):
        told = move(server)
    assert receiver.uids == ["1.2.3.1", "1.2.3.2", "1.2.3.2", "1.2.3.3"]
    assert (told.statuses[-1], told.counts[-1]) == (0x0000, (None, 3, 0, 0))


def test_an_object_with_which_it_is_lost_twice_has_failed() -> None:
    def answer(event: Any) -> int:
        if event.request.AffectedSOPInstanceUID == "1.2.3.2":
            event.assoc.abort()
        return 0x0000

    receiver = Receiver(answer)
    with (
        destination(receiver) as there,
        archive(moving(there, *[small_object(number) for number in (1, 2, 3)])) as server,
    ):
        told = move(server)
    assert receiver.uids == ["1.2.3.1", "1.2.3.2", "1.2.3.2", "1.2.3.3"]
    assert (told.statuses[-1], told.counts[-1]) == (0xB000, (None, 2, 1, 0))
    assert told.failed == ["1.2.3.2"]


def test_an_association_that_has_ended_meanwhile_is_opened_again() -> None:
    may_go_on = threading.Event()
    associations: list[Association] = []
    admissions = Admissions()

    def handler(event: Any) -> Iterator[Any]:
        yield "127.0.0.1", port_of(there)
        yield 2
        yield PENDING, small_object(1)
        await_event(may_go_on)
        yield PENDING, small_object(2)

    receiver = Receiver(lambda event: associations.append(event.assoc) or 0)
    with (
        destination(receiver, handlers=admissions.handlers) as there,
        archive(handler) as server,
        asking(server) as association,
    ):
        responses = association.send_c_move(identifier(), "THERE", MOVE)
        next(responses)
        associations[0].abort()
        may_go_on.set()
        told = Told.of(responses)
    assert receiver.uids == ["1.2.3.1", "1.2.3.2"]
    assert told.statuses[-1] == 0x0000
    assert admissions.total == 2


def test_a_destination_that_is_gone_is_given_up_and_all_the_rest_has_failed() -> None:
    tried: list[Any] = []
    has_answered = threading.Event()
    with destination(handlers=[(evt.EVT_DIMSE_SENT, lambda event: has_answered.set())]) as there:
        port = port_of(there)

        def handler(event: Any) -> Iterator[Any]:
            yield "127.0.0.1", port
            yield 50
            yield PENDING, small_object(0)
            assert has_answered.wait(DEADLINE)  # the next is asked for while this one is on its way
            there.shutdown()
            for number in range(1, 50):
                yield PENDING, small_object(number)

        ae = archive_ae()
        associate = ae.associate

        def counted(*arguments: Any, **options: Any) -> Association:
            tried.append(arguments)
            return associate(*arguments, **options)

        ae.associate = counted  # type: ignore[method-assign]
        with archive(handler, ae) as server:
            told = move(server)
    assert told.statuses[-1] == 0xB000
    assert told.counts[-1] == (None, 1, 49, 0)
    assert told.failed == [f"1.2.3.{number}" for number in range(1, 50)]
    assert len(tried) < 10


# --- while a sub-operation takes its time ---


class Slow:
    """A destination's handler that waits in the middle of a sub-operation."""

    def __init__(self) -> None:
        self.has_begun = threading.Event()
        self.may_end = threading.Event()

    def __call__(self, event: Any) -> int:
        """Take an object, in time."""
        self.has_begun.set()
        assert self.may_end.wait(2 * DEADLINE)  # longer than those wait who must not wait for it
        return 0x0000


def windows() -> list[Any]:
    """Return with and without operations at once: then somebody else receives meanwhile."""
    return [None, [build_async_ops(1, 1)], [build_async_ops(4, 1)]]


@contextmanager
def asking_with(server: AssociationServer, ext_neg: Any) -> Iterator[Association]:
    """Associate with an archive, with a window or without one."""
    contexts = [build_context(MOVE, IMPLICIT)]
    yield AE("ASKING").associate("127.0.0.1", port_of(server), contexts, ext_neg=ext_neg)


def test_pending_responses_come_at_a_pace_while_a_sub_operation_takes_its_time() -> None:
    slow = Slow()
    told = Told()
    with (
        destination(slow) as there,
        archive(moving(there, small_object(1)), pending_interval=0.01) as server,
        asking(server) as ours,
    ):
        for status, found in ours.send_c_move(identifier(), "THERE", MOVE):
            told.add(status, found)
            if len(told.statuses) == 3:
                slow.may_end.set()
    assert told.counts[:3] == [(1, 0, 0, 0)] * 3
    assert told.counts[-2:] == [(0, 1, 0, 0), (None, 1, 0, 0)]


@pytest.mark.parametrize("ext_neg", windows())
def test_who_waits_for_responses_is_not_idle(ext_neg: Any) -> None:
    slow = Slow()
    told = Told()
    with destination(slow) as there:
        handler = moving(there, small_object(1))
        with (
            archive(handler, pending_interval=0.05, network_timeout=0.1) as server,
            asking_with(server, ext_neg) as association,
        ):
            for status, found in association.send_c_move(identifier(), "THERE", MOVE):
                told.add(status, found)
                if len(told.statuses) == 6:
                    slow.may_end.set()
            association.release()
    assert told.statuses[-2:] == [PENDING, 0x0000]


def test_without_a_pace_there_is_one_after_each_sub_operation() -> None:
    with destination() as there:
        objects = [small_object(number) for number in range(5)]
        with archive(moving(there, *objects), pending_interval=None) as server:
            told = move(server)
    assert told.statuses == [PENDING] * 5 + [0x0000]


@pytest.mark.parametrize("ext_neg", windows())
def test_a_cancel_during_a_sub_operation_ends_it_after_that(ext_neg: Any) -> None:
    slow = Slow()
    admissions = Admissions()

    def results(event: Any) -> Iterator[Any]:
        yield "127.0.0.1", port_of(there)
        yield 3
        yield PENDING, small_object(1)
        yield PENDING, small_object(2)
        yield PENDING, small_object(3)

    handler = Closing(results)
    ae = archive_ae()
    with destination(slow, handlers=admissions.handlers) as there, archive(handler, ae) as server:
        with asking_with(server, ext_neg) as association:
            responses = association.send_c_move(identifier(), "THERE", MOVE)
            await_event(slow.has_begun)
            (performing,) = server.active_associations
            responses.cancel()
            # Taken note of while the sub-operation goes on.
            wait_until(lambda: performing._exchange.cancelled)
            slow.may_end.set()
            told = Told.of(responses)
            association.release()
        assert handler.is_closed.is_set()
        wait_until(lambda: not admissions.now)  # released
    assert told.statuses[-1] == 0xFE00
    assert told.counts[-1] == (2, 1, 0, 0)
    assert told.failed is None


@pytest.mark.parametrize("ext_neg", windows())
@pytest.mark.parametrize("how", ["abort", "disconnect"])
def test_when_the_requestor_is_gone_the_destination_is_told_at_once(how: str, ext_neg: Any) -> None:
    slow = Slow()
    aborted = threading.Event()

    def tell(event: Any) -> None:
        aborted.set()

    ae = archive_ae()
    with destination(slow) as there:
        handler = Closing(moving(there, small_object(1), small_object(2)))
        with (
            archive(handler, ae, pending_interval=None) as server,
            asking_with(server, ext_neg) as association,
        ):
            responses = association.send_c_move(identifier(), "THERE", MOVE)
            await_event(slow.has_begun)
            (receiving,) = there.active_associations
            if how == "abort":
                association.abort()
            else:
                association._link.close()
            wait_until(lambda: not ae.active_associations)  # while the destination still waits
            slow.may_end.set()
            await_event(handler.is_closed)
            wait_until(lambda: receiving.is_aborted)
            assert PENDING not in Told.of(responses).statuses
