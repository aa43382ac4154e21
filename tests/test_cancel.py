"""C-CANCEL: what the requestor wants no more of, and what the acceptor sees between two results."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from peers import require_pynetdicom
from pydicom.dataset import Dataset
from queries import (
    ABORT_BY_USER,
    CANCELLED,
    ECHO_CONTEXT,
    ENDS,
    FIND_CONTEXT,
    MODEL,
    PENDING,
    Endless,
    asking,
    associate_raw,
    cancel_rq,
    command,
    encoded,
    end,
    find_rq,
    find_rsp,
    finding,
    identifier,
    outcome,
    query_ae,
    receive_cancel,
    receive_find,
    rows_of,
    statuses,
    three,
)
from raw_peer import IMPLICIT, Raw
from servers import DEADLINE, await_event, port_of, serving, wait_until

from fastdicom import AE, evt
from fastdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelMove,
)

# --- cancelled by the requestor ---------------------------------------------------------------------------


def test_cancel_at_the_first_response() -> None:
    """The handler never looks for it: the service ends it, and closes the generator."""
    handler = Endless()
    with finding(handler) as association:
        responses = association.send_c_find(identifier(), MODEL)
        status, match = next(responses)
        assert status.Status == PENDING and match.PatientID == "P1"
        responses.cancel()
        responses.cancel()
        *pending, last = statuses(responses)
        assert set(pending) <= {PENDING} and last == CANCELLED
        assert handler.is_closed.is_set() and handler.saw_cancel
        with pytest.raises(StopIteration):
            next(responses)
        responses.cancel()
        responses.close()
        assert association.send_c_echo().Status == 0x0000


def test_a_handler_that_looks() -> None:
    is_asked = threading.Event()

    def handler(event: Any) -> Iterator[Any]:
        is_asked.set()
        wait_until(lambda: event.is_cancelled)
        yield 0xFE00, None

    with finding(handler) as association:
        responses = association.send_c_find(identifier(), MODEL, 9)
        await_event(is_asked)
        association.send_c_cancel(9, query_model=MODEL)
        assert statuses(responses) == [CANCELLED]


def test_a_handler_that_ends_when_it_is_cancelled() -> None:
    def handler(event: Any) -> Iterator[Any]:
        wait_until(lambda: event.is_cancelled)
        yield from ()

    with finding(handler) as association:
        responses = association.send_c_find(identifier(), MODEL, 9)
        association.send_c_cancel(9, FIND_CONTEXT)
        assert statuses(responses) == [CANCELLED]


def test_5_1_row_13_cancel_that_is_there_before_the_handler_starts() -> None:
    """It is not lost."""
    handler = Endless()
    with serving(query_ae(), [(evt.EVT_C_FIND, handler)]) as server, associate_raw(port_of(server)) as peer:
        peer.send(find_rq(5) + cancel_rq(5))
        assert peer.receive_message()[1][0x0900] == CANCELLED
        assert handler.count == 1
        peer.send(find_rq(5) + cancel_rq(5))
        assert peer.receive_message()[1][0x0900] == CANCELLED


def test_5_1_row_14_a_hundred_cancels() -> None:
    """For what is over, unknown, and in progress."""
    handler = Endless()
    with serving(query_ae(), [(evt.EVT_C_FIND, handler)]) as server, associate_raw(port_of(server)) as peer:
        for _ in range(3):
            peer.send(find_rq(1) + b"".join(cancel_rq(number) for number in (*range(2, 100), 1, 1, 0)))
            while (status := peer.receive_message()[1][0x0900]) == PENDING:
                pass
            assert status == CANCELLED
            peer.send(b"".join(cancel_rq(number % 3) for number in range(100)))
        (server_side,) = server.active_associations
        assert not server_side._exchange.cancelled and not server_side._exchange.performed


def test_cancel_of_what_is_unknown_or_over() -> None:
    with finding(three) as association:
        association.send_c_cancel(1, FIND_CONTEXT)
        for message_id in (1, 2):
            assert [status for status, _ in outcome(association)] == [PENDING] * 3 + [0x0000]
            association.send_c_cancel(message_id, FIND_CONTEXT)
        assert association.send_c_echo().Status == 0x0000


def test_what_cannot_be_asked_for() -> None:
    with finding(three) as association:
        with pytest.raises(ValueError, match="no presentation context"):
            association.send_c_cancel(1)
        with pytest.raises(ValueError, match="no presentation context"):
            association.send_c_cancel(1, 77)
        with pytest.raises(ValueError, match=r"no accepted presentation context .* MOVE"):
            association.send_c_move(identifier(), "DEST", PatientRootQueryRetrieveInformationModelMove)
        with pytest.raises(ValueError, match="17 characters"):
            association.send_c_move(identifier(), "D" * 17, MODEL)
        broken = Dataset()
        broken.add_new(0x00280010, "US", "none")
        with pytest.raises(ValueError, match="cannot be encoded"):
            association.send_c_find(broken, MODEL)
        with pytest.raises(TypeError, match="not int"):
            association.send_c_find(5, MODEL)
        with pytest.raises(ValueError, match="msg_id"):
            association.send_c_find(identifier(), MODEL, 0x10000)
        with pytest.raises(ValueError, match="0700"):
            association.send_c_find(identifier(), MODEL, priority=70000)
        assert len(outcome(association)) == 4
        association.release()
        with pytest.raises(RuntimeError):
            association.send_c_find(identifier(), MODEL)
        with pytest.raises(RuntimeError):
            association.send_c_cancel(1, FIND_CONTEXT)


# --- given up ---------------------------------------------------------------------------------------------


def close(responses: Any) -> None:
    responses.close()


def leave(responses: Any) -> None:
    with responses:
        pass


GIVING_UP = [close, leave, None]


@pytest.mark.parametrize("give_up", GIVING_UP)
def test_given_up_early(give_up: Callable[[Any], None] | None) -> None:
    """It is cancelled on the wire, and the association goes on."""
    handler = Endless()
    with finding(handler) as association:
        for _ in range(3):
            handler.is_closed.clear()
            responses: Any = association.send_c_find(identifier(), MODEL)
            next(responses)
            if give_up is not None:
                give_up(responses)
                assert list(responses) == []
            responses = None
            await_event(handler.is_closed)
            assert handler.saw_cancel
            assert association.send_c_echo().Status == 0x0000
        association.release()
        assert association.is_released


def test_left_by_break() -> None:
    handler = Endless()
    with finding(handler) as association:
        for _status, match in association.send_c_find(identifier(), MODEL):
            assert match.PatientID == "P1"
            break
        await_event(handler.is_closed)
        association.release()
        assert association.is_released


def test_given_up_in_a_circle() -> None:
    """The garbage collector finds it, in the middle of whatever."""
    handler = Endless()
    with finding(handler) as association:
        is_held, is_collected = threading.Event(), threading.Event()

        def hold() -> bool:
            with association._guard, association._link._turnstile.lock:
                is_held.set()
                return is_collected.wait(DEADLINE)

        circle: Any = [association.send_c_find(identifier(), MODEL)]
        circle.append(circle)
        with ThreadPoolExecutor(1) as pool:
            holding = pool.submit(hold)
            await_event(is_held)
            del circle
            gc.collect()  # which must not wait for anybody
            is_collected.set()
            assert holding.result(DEADLINE)
        await_event(handler.is_closed)
        assert association.send_c_echo().Status == 0x0000


def test_given_up_before_anything_has_come() -> None:
    """What comes is dropped, and the Message ID stays in use until it ends."""

    def script(peer: Raw) -> None:
        assert receive_find(peer) == 1 and receive_cancel(peer) == 1
        assert receive_find(peer) == 2
        peer.send(find_rsp(1, PENDING, encoded(1)) * 20 + find_rsp(1, CANCELLED))
        peer.send(find_rsp(2, PENDING, encoded(2)) + find_rsp(2, 0x0000))
        end(peer)

    with asking(script, window=(2, 1)) as association:
        association.send_c_find(identifier(), MODEL).close()
        responses = association.send_c_find(identifier(), MODEL)
        assert [match and match.PatientID for _, match in responses] == ["P2", None]
        association.release()


def test_given_up_when_it_is_over() -> None:
    """No C-CANCEL for what has ended."""

    def script(peer: Raw) -> None:
        peer.send(find_rsp(receive_find(peer), PENDING, encoded(1)) + find_rsp(1, 0x0000))
        peer.send(command({0x0100: 0x8030, 0x0120: peer.receive_message()[1][0x0110], 0x0900: 0}, None, 3))
        end(peer)

    with asking(script) as association:
        responses = association.send_c_find(identifier(), MODEL)
        assert association.send_c_echo().Status == 0x0000  # by then it has ended
        responses.cancel()
        responses.close()
        association.release()
        assert association.is_released


@pytest.mark.parametrize("is_asked_for", [True, False])
def test_release_cancels(is_asked_for: bool) -> None:
    handler = Endless()
    with finding(handler) as association:
        responses = association.send_c_find(identifier(), MODEL)
        if is_asked_for:
            next(responses)
        association.release()
        assert association.is_released and handler.is_closed.is_set()
        assert statuses(responses) == [None]


def test_a_peer_that_does_not_listen_to_cancel() -> None:
    """It goes on for ever: the association ends after dimse_timeout."""

    def script(peer: Raw) -> None:
        message_id = receive_find(peer)
        receive_cancel(peer)
        peer.socket.settimeout(0.01)
        received = b""
        while ABORT_BY_USER not in received:
            try:
                peer.send(find_rsp(message_id, PENDING, encoded(1)))
                received += peer.socket.recv(100)
            except TimeoutError:
                continue
            except OSError:
                return

    with asking(script, dimse_timeout=0.3) as association:
        association.send_c_find(identifier(), MODEL).close()
        association.release()
        assert association.is_aborted and not association.is_released


# --- at the acceptor, between two results -----------------------------------------------------------------


@pytest.mark.parametrize("how", ENDS)
def test_the_requestor_goes_away(how: str) -> None:
    """The generator is closed, and nothing is left."""
    handler = Endless()
    ae = query_ae()
    with serving(ae, [(evt.EVT_C_FIND, handler)]) as server, associate_raw(port_of(server)) as peer:
        peer.send(find_rq(1))
        assert peer.receive_message()[1][0x0900] == PENDING
        ENDS[how](peer)
        await_event(handler.is_closed)
        wait_until(lambda: not ae._all_associations())


@pytest.mark.parametrize("window", [1, 2])
def test_another_request_in_the_middle(window: int) -> None:
    """One more than the window allows is an abort; within it, it is served."""
    handler = Endless()
    handlers: list[Any] = [(evt.EVT_C_FIND, handler), (evt.EVT_ASYNC_OPS, lambda event: (window, 1))]
    proposed = None if window == 1 else (window, 1)
    with serving(query_ae(), handlers) as server, associate_raw(port_of(server), proposed) as peer:
        peer.send(find_rq(1))
        assert peer.receive_message()[1][0x0900] == PENDING
        peer.send(command({0x0002: "1.2.840.10008.1.1", 0x0100: 0x0030, 0x0110: 2}, None, ECHO_CONTEXT))
        if window == 1:
            assert peer.receive_all()[-1] == ABORT_BY_USER
        else:
            while (response := peer.receive_message()[1])[0x0100] != 0x8030:
                assert response[0x0900] == PENDING
            peer.send(cancel_rq(1))
            while (response := peer.receive_message()[1])[0x0900] == PENDING:
                pass
            assert response[0x0900] == CANCELLED
        await_event(handler.is_closed)


def test_a_handler_that_aborts() -> None:
    def handler(event: Any) -> Iterator[Any]:
        yield PENDING, identifier(1)
        event.assoc.abort()
        yield PENDING, identifier(2)

    with finding(handler) as association:
        assert [status for status, _ in rows_of(association)] == [PENDING, None]
        assert association.is_aborted


# --- pynetdicom -------------------------------------------------------------------------------------------


def test_pynetdicom_cancels_ours() -> None:
    pynetdicom = require_pynetdicom()
    handler = Endless()
    with serving(query_ae(), [(evt.EVT_C_FIND, handler)]) as server:
        ae = pynetdicom.AE()
        ae.add_requested_context(MODEL, IMPLICIT)
        association = ae.associate("127.0.0.1", port_of(server))
        try:
            responses = association.send_c_find(identifier(), MODEL, msg_id=7)
            assert next(responses)[0].Status == PENDING
            association.send_c_cancel(7, query_model=MODEL)
            *_, (status, match) = responses
            assert (status.Status, match) == (CANCELLED, None)
            await_event(handler.is_closed)
        finally:
            association.release()


@pytest.mark.parametrize("gives_up", [False, True])
def test_ours_cancels_pynetdicom(gives_up: bool) -> None:
    pynetdicom = require_pynetdicom()
    is_over = threading.Event()

    def handler(event: Any) -> Iterator[Any]:
        yield PENDING, identifier(0)
        # It reads nothing while it has something to send: with more to say it might not hear of it in time.
        wait_until(lambda: event.is_cancelled)
        is_over.set()
        yield CANCELLED, None

    scp = pynetdicom.AE()
    scp.add_supported_context(MODEL)
    server = scp.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(pynetdicom.evt.EVT_C_FIND, handler)]
    )
    try:
        ae = AE()
        ae.add_requested_context(MODEL)
        with ae.associate("127.0.0.1", server.server_address[1]) as association:
            responses = association.send_c_find(identifier(), MODEL)
            assert next(responses)[0].Status == PENDING
            if gives_up:
                responses.close()
            else:
                responses.cancel()
                assert statuses(responses)[-1] == CANCELLED
            await_event(is_over)
        assert association.is_released
    finally:
        server.shutdown()
