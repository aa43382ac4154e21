"""What is passed on while it comes, when somebody is slow, or dies in the middle."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import Any

import pytest
from raw_peer import IMPLICIT, associate_raw, data_set, fake_acceptor, store_rq
from routing import Archive, Destination, Router, raw_association, routed
from servers import await_event, port_of, wait_until
from test_forwarding import LARGE, SMALL, send

from fastdicom import Association, evt
from fastdicom.association.delivery import Lane, SpillFile
from fastdicom.association.forwarding import PIECE_LENGTH
from fastdicom.errors import AssociationError

# More than sockets and buffers hold.
HUGE = 8 << 20
BUFFER = 1 << 20

RECEIVE_BUFFER = 64 << 10


def in_thread(sender: Association, length: int, statuses: list[Any]) -> threading.Thread:
    """Send an object from another thread."""

    def work() -> None:
        statuses.append(sender.send_c_store(data_set(length), transfer_syntax=IMPLICIT).get("Status"))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def raw_destination(stack: ExitStack, script: Any) -> Association:
    port = stack.enter_context(fake_acceptor(script, RECEIVE_BUFFER))
    association = raw_association(port)
    stack.callback(association.kill)
    return association


# --- a destination that does not read ---------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2])
def test_the_sender_waits(count: int) -> None:
    destination, statuses = Destination(), []  # type: ignore[var-annotated]
    with ExitStack() as stack:
        slow = raw_destination(stack, destination.idle)
        archive = Archive(stack)
        router = Router(stack, slow, *[archive.association(stack, IMPLICIT)][: count - 1], buffer=BUFFER)
        thread = in_thread(router.association(stack, IMPLICIT), HUGE, statuses)
        await_event(router.is_asked)
        pool = router.ae.buffer_pool
        wait_until(lambda: slow._link._wire.bytes_sent > PIECE_LENGTH)
        before = -1
        while before != slow._link._wire.bytes_sent:  # until the sockets are full
            before = slow._link._wire.bytes_sent
            assert pool.used <= BUFFER + 4 * PIECE_LENGTH
            thread.join(0.05)
        assert before < HUGE
        assert thread.is_alive()
        assert pool.used <= BUFFER + 4 * PIECE_LENGTH
        destination.may_go_on.set()
        thread.join()
        assert statuses == [0x0000]
        assert destination.pdus == [data_set(HUGE)]
        assert archive.objects == [data_set(HUGE)][: count - 1]


@pytest.mark.parametrize("answer", ["all", "any"])
def test_what_the_slow_one_has_not_taken_goes_to_disk(answer: str) -> None:
    destination, statuses = Destination(), []  # type: ignore[var-annotated]
    with ExitStack() as stack:
        archive = Archive(stack)
        destinations = [raw_destination(stack, destination.idle), archive.association(stack, IMPLICIT)]
        router = Router(stack, *destinations, slow="spill", buffer=BUFFER, answer=answer)
        thread = in_thread(router.association(stack, IMPLICIT), HUGE, statuses)
        wait_until(lambda: archive.objects)
        assert router.ae.buffer_pool.used <= BUFFER + 4 * PIECE_LENGTH
        if answer == "any":
            thread.join()
            assert statuses == [0x0000]
        (forwarded,) = router.forwarded
        assert not forwarded.results[0].is_over
        destination.may_go_on.set()
        assert forwarded.wait(10)
        thread.join()
        assert statuses == [0x0000]
        assert destination.pdus == archive.objects == [data_set(HUGE)]
        assert all(result.is_stored for result in forwarded.results)


@pytest.mark.parametrize(("answer", "status"), [("all", 0xA700), ("any", 0x0000)])
def test_the_slow_one_fails(answer: str, status: int) -> None:
    destination, statuses = Destination(), []  # type: ignore[var-annotated]
    with ExitStack() as stack:
        archive = Archive(stack)
        slow = raw_destination(stack, destination.listen_late)
        # A buffer that the fast one keeps up with: it has what the object is long.
        router = Router(stack, slow, slow="fail", buffer=BUFFER, answer=answer)
        fast = archive.association(stack, IMPLICIT)
        thread = in_thread(router.association(stack, IMPLICIT), HUGE, statuses)
        thread.join()
        assert statuses == [0xA700]
        (result,) = router.forwarded[0].results
        assert isinstance(result.error, AssociationError)
        assert "buffer is 1048576" in str(result.error)
        wait_until(lambda: slow.is_aborted)
        destination.may_go_on.set()
        router.destinations = [slow, fast]
        router.options["buffer"] = 2 * HUGE
        assert send(router.association(stack, IMPLICIT), HUGE, IMPLICIT) == status
        assert router.forwarded[1].results[1].is_stored
    assert destination.pdus[-1][:1] == b"\7"


def test_a_disk_that_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    destination, statuses = Destination(), []  # type: ignore[var-annotated]

    def fail(*_: Any) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(SpillFile, "write", fail)
    with ExitStack() as stack:
        slow = raw_destination(stack, destination.listen_late)
        router = Router(stack, slow, slow="spill", buffer=BUFFER)
        in_thread(router.association(stack, IMPLICIT), HUGE, statuses).join()
        assert statuses == [0xA700]
        assert isinstance(router.forwarded[0].results[0].error, OSError)
        destination.may_go_on.set()


def test_no_thread_is_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: Any) -> None:
        raise RuntimeError("can't start new thread")

    with routed(2) as (sender, router, archives):
        with monkeypatch.context() as patch:
            patch.setattr("fastdicom.association.delivery.threading.Thread.start", start)
            assert send(sender, LARGE) == 0xA700
        assert [archive.objects for archive in archives] == [[], []]
        assert all(isinstance(result.error, RuntimeError) for result in router.forwarded[0].results)


def test_small_objects_do_not_pile_up() -> None:
    """Of those that are answered before a slow destination has them, so many are under way and no more."""
    destination, statuses = Destination(), []  # type: ignore[var-annotated]
    with ExitStack() as stack:
        slow = raw_destination(stack, destination.idle)
        router = Router(stack, slow, slow="spill", answer="none")
        sender = router.association(stack, IMPLICIT)

        def work() -> None:
            statuses.extend(send(sender, SMALL, IMPLICIT) for _ in range(12))

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        wait_until(lambda: len(statuses) == 9)
        thread.join(0.05)
        assert len(statuses) == 9
        slow.abort()
        destination.may_go_on.set()
        thread.join()
        assert statuses == [0x0000] * 9 + [0xA700] * 3


# --- who dies ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slow", ["wait", "spill"])
@pytest.mark.parametrize(("answer", "status"), [("all", 0xA700), ("any", 0x0000)])
def test_a_destination_dies_in_the_middle(answer: str, status: int, slow: str) -> None:
    with ExitStack() as stack:
        archive = Archive(stack)
        dying = raw_destination(stack, Destination().die)
        destinations = [dying, archive.association(stack, IMPLICIT)]
        router = Router(stack, *destinations, answer=answer, slow=slow)
        sender = router.association(stack, IMPLICIT)
        assert send(sender, HUGE, IMPLICIT) == status
        dead, stored = router.forwarded[0].results
        assert isinstance(dead.error, AssociationError)
        assert stored.is_stored
        assert len(archive.objects) == 1
        assert send(sender, LARGE, IMPLICIT) == status  # it is not tried again
        router.destinations = [dying]
        assert send(sender, LARGE, IMPLICIT) == 0xA700
        assert send(sender, SMALL, IMPLICIT) == 0xA700
        wait_until(lambda: router.ae.buffer_pool.used == 0)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("how", ["reset", "abort", "local"])
def test_the_sender_dies_in_the_middle(how: str, count: int) -> None:
    with ExitStack() as stack:
        archives = [Archive(stack) for _ in range(count)]
        aborted = threading.Event()
        for archive in archives:
            archive.server.bind(evt.EVT_ABORTED, lambda _: aborted.set())
        outgoing = [archive.association(stack, IMPLICIT) for archive in archives]
        for association in outgoing:
            stack.callback(association.kill)
        router = Router(stack, *outgoing)
        peer = stack.enter_context(associate_raw(port_of(router.server)))
        peer.send(*store_rq(data_set(LARGE))[:20])
        wait_until(lambda: all(association._link.is_streaming for association in outgoing))
        if how == "reset":
            peer.reset()
        elif how == "abort":
            peer.send(b"\7\0\0\0\0\4\0\0\0\0")
        else:
            router.ae.active_associations[0].abort()
        await_event(aborted)
        assert router.forwarded[0].wait(10)
        assert all("middle" in str(result.error) for result in router.forwarded[0].results)
        wait_until(lambda: all(association.is_aborted for association in outgoing))
        assert all(archive.objects == [] for archive in archives)
        wait_until(lambda: router.ae.buffer_pool.used == 0)


@pytest.mark.parametrize("slow", ["wait", "fail"])
def test_an_early_response(slow: str) -> None:
    destination = Destination()
    with ExitStack() as stack:
        outgoing = raw_destination(stack, destination.answer_early)
        router = Router(stack, outgoing, slow=slow)
        peer = stack.enter_context(associate_raw(port_of(router.server)))
        pdus = store_rq(data_set(LARGE))
        peer.send(*pdus[:10])
        wait_until(lambda: outgoing._link.is_streaming)
        destination.may_go_on.set()
        peer.send(*pdus[10:])
        assert b"\0\x09\x02\0\0\0\x02\xa7" in peer.receive_pdu()


def test_the_destination_is_aborted_by_somebody_else() -> None:
    with ExitStack() as stack:
        archive = Archive(stack)
        outgoing = archive.association(stack, IMPLICIT)
        stack.callback(outgoing.kill)
        router = Router(stack, outgoing)
        peer = stack.enter_context(associate_raw(port_of(router.server)))
        pdus = store_rq(data_set(LARGE))
        peer.send(*pdus[:10])
        wait_until(lambda: outgoing._link.is_streaming)
        outgoing.abort()
        assert outgoing.is_aborted
        peer.send(*pdus[10:])
        assert b"\0\x09\x02\0\0\0\x00\xa7" in peer.receive_pdu()
        assert archive.objects == []


def test_the_handler_aborts_the_incoming_association() -> None:
    def choose(event: Any) -> Any:
        router._choose(event)
        event.assoc.abort()
        return router.forwarded[-1]

    with ExitStack() as stack:
        archive = Archive(stack)
        outgoing = archive.association(stack, IMPLICIT)
        router = Router(stack, outgoing)
        router.server.unbind(evt.EVT_C_STORE_HEADER, router._choose)
        router.server.bind(evt.EVT_C_STORE_HEADER, choose)
        for length in (SMALL, LARGE):
            sender = router.association(stack, IMPLICIT)
            stack.callback(sender.kill)
            assert "Status" not in sender.send_c_store(data_set(length), transfer_syntax=IMPLICIT)
        wait_until(lambda: not router.ae.active_associations)
        assert outgoing.is_established
        assert outgoing.send_c_store(data_set(SMALL), transfer_syntax=IMPLICIT).Status == 0x0000
        assert archive.objects == [data_set(SMALL)]


def test_a_request_that_is_not_served_is_broken_off() -> None:
    """Without a SOP Instance UID: the destination does not get half of it."""
    with ExitStack() as stack:
        archive = Archive(stack)
        outgoing = archive.association(stack, IMPLICIT)
        stack.callback(outgoing.kill)
        router = Router(stack, outgoing)
        peer = stack.enter_context(associate_raw(port_of(router.server)))
        pdus = store_rq(data_set(LARGE))
        pdus[0] = pdus[0].replace(b"1.2.3.4\0", b"\0" * 8)
        peer.send(*pdus)
        assert peer.receive_pdu()[:1] in (b"\4", b"\7")
        wait_until(lambda: outgoing.is_aborted)
        assert archive.objects == []


def test_room_in_a_lane() -> None:
    """A piece that is longer than the buffer goes when nothing else waits."""

    class Over:
        is_over = False

    lane = Lane(Over(), "fail", 10, threading.Condition())  # type: ignore[arg-type]
    lane.put(b"x" * 11)
    lane.end()
    assert lane._next() == ([b"x" * 11], True)
