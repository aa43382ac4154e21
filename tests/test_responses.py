"""The iterator over the responses of one operation: on the wire, side by side, and cut short (PS3.7 9.1)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import model
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from queries import (
    ECHO_CONTEXT,
    ENDS,
    FIND_CONTEXT,
    MODEL,
    PENDING,
    answer_echo,
    asking,
    command,
    encoded,
    end,
    find_rsp,
    finding,
    identifier,
    outcome,
    receive_abort,
    receive_find,
    some,
    statuses,
)
from raw_peer import IMPLICIT, Raw, fake_acceptor
from servers import DEADLINE, await_event

from fastdicom import AE, build_context
from fastdicom.data_sets import encode_dataset
from fastdicom.errors import AssociationAborted
from fastdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelMove,
)

# --- requests on the wire ---------------------------------------------------------------------------------


def test_5_1_row_17_requests_on_the_wire() -> None:
    """PS3.7 9.3.2.1: bytes by hand; an identifier without elements is no data set."""

    def script(peer: Raw) -> None:
        for message_id, data_set in ((1, encoded(4)), (77, encoded(5)), (2, None)):
            context_id, request, came = peer.receive_message()
            kind = 0x0101 if data_set is None else 1
            expected = {0x0002: MODEL, 0x0100: 0x0020, 0x0110: message_id, 0x0700: 2, 0x0800: kind}
            assert {key: request[key] for key in expected} == expected and len(request) == len(expected) + 1
            assert (context_id, came) == (FIND_CONTEXT, data_set)
            peer.send(find_rsp(message_id, 0x0000))
        end(peer)

    with asking(script) as association:
        assert statuses(association.send_c_find(identifier(4), MODEL)) == [0]
        assert statuses(association.send_c_find(encoded(5), MODEL, 77)) == [0]
        assert statuses(association.send_c_find(Dataset(), MODEL)) == [0]
        association.release()


def test_sub_operations_are_counted() -> None:
    """C-MOVE: no identifier but that of the last response."""
    move = PatientRootQueryRetrieveInformationModelMove
    failed = Dataset()
    failed.FailedSOPInstanceUIDList = ["1.2.3"]

    def handler(event: Any) -> None:
        raise AssertionError

    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[:1] == b"\1"
        items = [
            model.application_context(),
            model.context_ac(1, 0, IMPLICIT),
            model.user_information(model.maximum_length(16384), model.implementation_class_uid("1.2.3")),
        ]
        peer.send(model.associate(2, b"CALLED", b"CALLING", items))
        _, request, data_set = peer.receive_message()
        assert request[0x0600] == "DEST" and data_set == encoded()
        elements = {0x0002: move, 0x0100: 0x8021, 0x0120: request[0x0110], 0x0900: PENDING}
        for _ in range(3):
            peer.send(command(elements | {0x0800: 1, 0x1020: 2, 0x1021: 1, 0x1022: 0, 0x1023: 0}, encoded()))
        peer.send(command(elements | {0x1020: 1, 0x1021: 1, 0x1022: 1, 0x1023: 0}, encoded()))

        last = encode_dataset(failed, ImplicitVRLittleEndian)
        peer.send(command(elements | {0x0900: 0xB000, 0x1021: 2, 0x1022: 1, 0x1023: 0}, last))
        end(peer)

    with fake_acceptor(script) as port:
        association = AE().associate("127.0.0.1", port, contexts=[build_context(move, IMPLICIT)])
        responses = association.send_c_move(identifier(), " DEST ", move)
        first = next(responses)
        first[0].ErrorComment = "of the user's own"
        assert first[0].NumberOfRemainingSuboperations == 2
        for _ in range(2):
            again = next(responses)
            assert again[1] is None and "ErrorComment" not in again[0]
            again[0].ErrorComment = "of the user's own"
        second, last = responses
        assert (first[0].NumberOfRemainingSuboperations, first[1]) == (2, None)
        assert (second[0].NumberOfFailedSuboperations, second[1]) == (1, None)
        assert last[0].Status == 0xB000 and "NumberOfRemainingSuboperations" not in last[0]
        assert last[0].NumberOfCompletedSuboperations == 2
        assert last[1].FailedSOPInstanceUIDList == "1.2.3"
        association.release()


# --- nested, and side by side -----------------------------------------------------------------------------


def test_a_query_within_a_query() -> None:
    """With a window of 1 the outer one is received to its end first; nothing is lost."""
    with finding(some) as association:
        seen = []
        for status, match in association.send_c_find(identifier(0), MODEL, 1):
            if status.Status == PENDING:
                inner = outcome(association, identifier(100))
                assert inner[:2] == [(PENDING, "P100"), (PENDING, "P101")] and len(inner) == 21
                assert association.send_c_echo(1).Status == 0x0000
                seen.append(match.PatientID)
        assert seen == [f"P{number}" for number in range(20)]
        association.release()
        assert association.is_released


@pytest.mark.parametrize("window", [1, 2])
def test_two_threads(window: int) -> None:
    with finding(some, window=window) as association, ThreadPoolExecutor(2) as pool:
        assert association.maximum_operations_invoked == window

        def query(start: int) -> None:
            for _ in range(5):
                rows = outcome(association, identifier(start))
                assert rows == [*((PENDING, f"P{start + i}") for i in range(20)), (0x0000, None)]
                assert association.send_c_echo().Status == 0x0000

        for done in [pool.submit(query, start) for start in (0, 1000)]:
            done.result(DEADLINE)
        association.release()
        assert association.is_released


def test_responses_that_another_thread_iterates_over() -> None:
    """Which is then the one that need not wait for itself."""
    with finding(some) as association, ThreadPoolExecutor(1) as pool:
        responses = association.send_c_find(identifier(), MODEL)

        def go_on() -> int:
            next(responses)
            return int(association.send_c_echo().Status)

        assert pool.submit(go_on).result(DEADLINE) == 0x0000
        assert len(statuses(responses)) == 20


# --- the end of the association ---------------------------------------------------------------------------


def assert_over(responses: Any) -> None:
    """One empty status, and nothing behind it."""
    status, match = next(responses)
    assert len(status) == 0 and match is None
    with pytest.raises(StopIteration):
        next(responses)


def test_a_peer_that_never_ends() -> None:
    """Each response has dimse_timeout."""

    def script(peer: Raw) -> None:
        message_id = receive_find(peer)
        peer.send(find_rsp(message_id, PENDING, encoded(1)))
        receive_abort(peer)

    with asking(script, dimse_timeout=0.2) as association:
        responses = association.send_c_find(identifier(), MODEL)
        assert next(responses)[0].Status == PENDING
        assert_over(responses)
        assert association.is_aborted


def test_each_response_restarts_the_timeout() -> None:
    """Also while another operation is in progress, and answered."""

    def script(peer: Raw) -> None:
        message_id = receive_find(peer)
        for _ in range(4):
            assert not peer.is_over.wait(0.15)
            peer.send(find_rsp(message_id, PENDING, encoded(1)))
        answer_echo(peer)
        peer.send(find_rsp(message_id, 0x0000))
        end(peer)

    with asking(script, window=(2, 1), dimse_timeout=0.4) as association:
        responses = association.send_c_find(identifier(), MODEL)
        assert [next(responses)[0].Status for _ in range(4)] == [PENDING] * 4
        assert association.send_c_echo().Status == 0x0000
        assert statuses(responses) == [0x0000]
        association.release()


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("when", ["before", "between"])
def test_the_peer_ends_the_association(how: str, when: str) -> None:
    def script(peer: Raw) -> None:
        message_id = receive_find(peer)
        if when == "between":
            peer.send(find_rsp(message_id, PENDING, encoded(1)))
        ENDS[how](peer)

    with asking(script) as association:
        responses = association.send_c_find(identifier(), MODEL)
        got = statuses(responses)
        # A reset may overtake what was sent before it.
        assert (
            got == [None] if when == "before" else got == [PENDING, None] or (how, got) == ("reset", [None])
        )
        assert not association.is_established
        assert association.is_released == (how == "release")
        responses.cancel()
        responses.close()


@pytest.mark.parametrize("then", ["iterate", "drop", "close"])
def test_aborted_by_this_side(then: str) -> None:
    """Nobody waits meanwhile: the connection is closed nevertheless, at once."""

    def script(peer: Raw) -> None:
        message_id = receive_find(peer)
        peer.send(find_rsp(message_id, PENDING, encoded(1)) * 3)
        receive_abort(peer)

    with asking(script) as association:
        responses: Any = association.send_c_find(identifier(), MODEL)
        next(responses)
        association.abort()
        assert association.is_aborted and not association._connected.is_open
        assert association.ae._all_associations() == []
        if then == "iterate":
            assert_over(responses)
        elif then == "close":
            responses.close()
        responses = None


def test_aborted_by_another_thread() -> None:
    is_waiting = threading.Event()

    def script(peer: Raw) -> None:
        receive_find(peer)
        is_waiting.set()
        receive_abort(peer)

    with asking(script) as association, ThreadPoolExecutor(1) as pool:
        responses = association.send_c_find(identifier(), MODEL)
        waiting = pool.submit(next, responses)
        await_event(is_waiting)
        association.abort()
        status, match = waiting.result(DEADLINE)
        assert len(status) == 0 and match is None
        assert statuses(responses) == []


WRONG = {
    "another Message ID": lambda message_id: find_rsp(message_id + 1, PENDING, encoded()),
    "another context": lambda message_id: find_rsp(message_id, PENDING, encoded(), context_id=ECHO_CONTEXT),
    "another service": lambda message_id: find_rsp(message_id, PENDING, encoded(), x0100=0x8021),
    "no status": lambda message_id: command({0x0100: 0x8020, 0x0120: message_id}, encoded()),
    "one behind the last": lambda message_id: find_rsp(message_id, 0) + find_rsp(message_id, 0),
    "a match behind the last": lambda message_id: (
        find_rsp(message_id, 0) + find_rsp(message_id, PENDING, encoded())
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_5_1_row_2_a_response_that_answers_nothing(what: str) -> None:
    """C5: the association is aborted."""

    def script(peer: Raw) -> None:
        message_id = receive_find(peer)
        peer.send(find_rsp(message_id, PENDING, encoded(1)) + WRONG[what](message_id))
        receive_abort(peer)

    with asking(script) as association:
        got = statuses(association.send_c_find(identifier(), MODEL))
        assert got == ([PENDING, 0] if "behind" in what else [PENDING, None])
        assert not association.is_established
        assert association.is_aborted


def test_an_identifier_that_cannot_be_decoded() -> None:
    broken = b"\x08\0\x15\x11" + b"\xff" * 4 + b"no items"

    def script(peer: Raw) -> None:
        message_id = receive_find(peer)
        peer.send(find_rsp(message_id, PENDING, broken) + find_rsp(message_id, PENDING))
        peer.send(find_rsp(message_id, 0, encoded()))
        end(peer)

    with asking(script) as association:
        rows = [(status.Status, match) for status, match in association.send_c_find(identifier(), MODEL)]
        assert rows == [(PENDING, None), (PENDING, None), (0, None)]
        association.release()


def test_more_responses_than_anybody_asks_for() -> None:
    """Another operation waits for the end of this one, and gets 10,001 of its responses first."""

    def script(peer: Raw) -> None:
        message_id = receive_find(peer)
        peer.send(find_rsp(message_id, PENDING, encoded(1)) * 10_001)
        receive_abort(peer)

    with asking(script) as association:
        responses = association.send_c_find(identifier(), MODEL)
        with pytest.raises(AssociationAborted):
            association.send_c_echo()
        assert len(statuses(responses)) == 10_001  # 10,000, and the empty one


def test_as_many_as_may_wait() -> None:
    def script(peer: Raw) -> None:
        message_id = receive_find(peer)
        peer.send(find_rsp(message_id, PENDING, encoded(1)) * 9_999 + find_rsp(message_id, 0))
        answer_echo(peer)
        end(peer)

    with asking(script) as association:
        responses = association.send_c_find(identifier(), MODEL)
        assert association.send_c_echo().Status == 0
        assert len(statuses(responses)) == 10_000
        association.release()
