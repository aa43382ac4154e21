"""Several operations of one association at once: the asynchronous operations window (PS3.7 D.3.3.3)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import model
import pytest
from raw_peer import (
    CT,
    ECHO_CONTEXT,
    IMPLICIT,
    STORE_CONTEXT,
    VERIFICATION,
    Raw,
    associate_raw,
    connect_raw,
    contexts,
    data_set,
    echo_rq,
    fake_acceptor,
    response,
    store_rq,
)
from servers import DEADLINE, associate, await_event, port_of, serving, store_ae, wait_until

from fastdicom import AE, Association, build_async_ops, build_context, build_role, evt
from fastdicom.errors import AssociationError
from fastdicom.sop_class import Verification

WINDOW = 8
ABORT_OF_USER = model.abort(0, 0)


def with_window(invoked: int, performed: int) -> bytes:
    """Return user information with a window in it."""
    return model.user_information(
        model.maximum_length(16384),
        model.implementation_class_uid("1.2.3"),
        model.asynchronous_operations(invoked, performed),
    )


# --- as requestor ----------------------------------------------------------------------------------------


def accept(peer: Raw, invoked: int) -> None:
    peer.receive_pdu()
    items = [
        model.application_context(),
        model.context_ac(1, 0, IMPLICIT),
        model.context_ac(3, 0, IMPLICIT),
        with_window(invoked, 1),
    ]
    peer.send(model.associate(2, b"CALLED", b"CALLING", items))


def use_peer(
    script: Callable[[Raw], None], work: Callable[[Association], None], ae: AE | None = None
) -> None:
    """Associate with a scripted peer, proposing a window of 8."""
    with fake_acceptor(script) as port:
        association = (ae or AE()).associate(
            "127.0.0.1", port, contexts=contexts(), ext_neg=[build_async_ops(WINDOW, 1)]
        )
        assert association.is_established
        work(association)


def store(association: Association, number: int) -> int:
    encoded = data_set(1000, f"1.2.3.{number}")
    return int(association.send_c_store(encoded, transfer_syntax=IMPLICIT).Status)


def end(peer: Raw) -> None:
    assert peer.receive_pdu() == model.release_rq()
    peer.send(model.release_rp())


def test_responses_out_of_order() -> None:
    """As pipelining acceptors answer: eight requests first, then the responses, the last one first."""

    def script(peer: Raw) -> None:
        accept(peer, WINDOW)
        for _ in range(3):
            requests = [peer.receive_message()[1] for _ in range(WINDOW)]
            assert len({request[0x0110] for request in requests}) == WINDOW
            for request in reversed(requests):
                number = int(str(request[0x1000]).rpartition(".")[2])
                peer.send(response(request, 0xB000 + number))
        end(peer)

    def work(association: Association) -> None:
        assert association.maximum_operations_invoked == WINDOW
        with ThreadPoolExecutor(WINDOW) as pool:
            statuses = list(pool.map(lambda number: store(association, number), range(3 * WINDOW)))
        assert statuses == [0xB000 + number for number in range(3 * WINDOW)]
        association.release()
        assert association.is_released

    use_peer(script, work)


@pytest.mark.parametrize("granted", [1, 3])
def test_no_more_than_the_peer_agreed_to(granted: int) -> None:
    """Ten threads, a window of fewer: the peer sees no further request before it has answered."""

    def script(peer: Raw) -> None:
        accept(peer, granted)
        waiting = [peer.receive_message()[1] for _ in range(granted)]
        for _ in range(10 - granted):
            peer.socket.settimeout(0.02)
            with pytest.raises(TimeoutError):
                peer.socket.recv(1)
            peer.socket.settimeout(DEADLINE)
            peer.send(response(waiting.pop()))
            waiting.append(peer.receive_message()[1])
        peer.send(*(response(request) for request in waiting))
        end(peer)

    def work(association: Association) -> None:
        with ThreadPoolExecutor(10) as pool:
            assert set(pool.map(lambda number: store(association, number), range(10))) == {0}
        association.release()

    use_peer(script, work)


def test_a_larger_answer_than_asked_for_is_cut() -> None:
    """S8."""

    with fake_acceptor(lambda peer: accept(peer, 60000)) as port:
        association = AE().associate(
            "127.0.0.1", port, contexts=contexts(), ext_neg=[build_async_ops(WINDOW, 1)]
        )
        assert association.maximum_operations_invoked == WINDOW
        association.abort()


def test_an_abort_reaches_all_who_wait() -> None:
    def script(peer: Raw) -> None:
        accept(peer, WINDOW)
        for _ in range(WINDOW):
            peer.receive_message()
        peer.send(ABORT_OF_USER)

    def work(association: Association) -> None:
        with ThreadPoolExecutor(WINDOW + 4) as pool:
            outcomes = [pool.submit(store, association, number) for number in range(WINDOW + 4)]
        errors = [outcome.exception(DEADLINE) for outcome in outcomes]
        # Eight had been sent, and got no status; four waited for their turn.
        assert (
            sorted(type(error).__name__ for error in errors)
            == ["AssociationAborted"] * 4 + ["AttributeError"] * WINDOW
        )
        assert association.is_aborted

    use_peer(script, work)


def test_one_that_is_never_answered_ends_it() -> None:
    """The others are, which is no progress for that one."""
    ae = AE()
    ae.dimse_timeout = 0.3

    def script(peer: Raw) -> None:
        accept(peer, 2)
        forgotten = peer.receive_message()[1]
        while True:
            pdu = peer.receive_pdu()
            if pdu == ABORT_OF_USER:
                return
            ((_, command, _),) = model.read_messages([pdu])
            request = model.read_command_set(command)
            assert request[0x0110] != forgotten[0x0110]
            peer.send(response(request))

    def work(association: Association) -> None:
        is_sent = threading.Event()
        association.bind(evt.EVT_DIMSE_SENT, lambda event: is_sent.set())

        def echo_on() -> None:
            await_event(is_sent)
            while association.is_established:
                if "Status" not in association.send_c_echo():
                    return

        with ThreadPoolExecutor(2) as pool:
            forgotten = pool.submit(association.send_c_echo)
            echoes = pool.submit(echo_on)
            assert "Status" not in forgotten.result(DEADLINE)
            error = echoes.exception(DEADLINE)
            assert error is None or isinstance(error, AssociationError)
        assert association.is_aborted

    use_peer(script, work, ae)


def test_release_waits_for_the_operations_of_others() -> None:
    def script(peer: Raw) -> None:
        accept(peer, WINDOW)
        requests = [peer.receive_message()[1] for _ in range(2)]
        is_asked.set()
        peer.socket.settimeout(0.05)
        with pytest.raises(TimeoutError):
            peer.socket.recv(1)  # no A-RELEASE-RQ
        peer.socket.settimeout(DEADLINE)
        peer.send(*map(response, requests))
        end(peer)

    is_asked = threading.Event()

    def work(association: Association) -> None:
        with ThreadPoolExecutor(3) as pool:
            stored = [pool.submit(store, association, number) for number in range(2)]
            await_event(is_asked)
            released = pool.submit(association.release)
            assert [each.result(DEADLINE) for each in stored] == [0, 0]
            released.result(DEADLINE)
        assert association.is_released

    use_peer(script, work)


def test_both_sides_send_more_than_fits_and_nobody_waits_for_ever() -> None:
    """What comes while we send is received: requests of the peer, larger than all buffers."""
    large = data_set(8 << 20)
    stored: list[int] = []

    def keep(event: evt.Event) -> int:
        stored.append(event.encoded.encoded_length())
        return 0

    with serving(
        store_ae({CT}), [(evt.EVT_C_STORE, keep), (evt.EVT_ASYNC_OPS, lambda event: (2, 2))]
    ) as server:
        for context in server.contexts:
            context.scu_role = context.scp_role = True
        accepted: list[Association] = []
        server.bind(evt.EVT_ESTABLISHED, lambda event: accepted.append(event.assoc))
        with associate(
            AE(),
            server,
            contexts=[build_context(CT, IMPLICIT)],
            ext_neg=[build_role(CT, True, True), build_async_ops(2, 2)],
            evt_handlers=[(evt.EVT_C_STORE, keep)],
        ) as association:
            wait_until(lambda: accepted)
            with ThreadPoolExecutor(2) as pool:
                outcomes = [
                    pool.submit(each.send_c_store, large, transfer_syntax=IMPLICIT)
                    for each in (association, accepted[0])
                    for _ in range(1)
                ]
                assert [outcome.result(DEADLINE).Status for outcome in outcomes] == [0, 0]
    assert stored == [len(large)] * 2


# --- as acceptor -----------------------------------------------------------------------------------------


class Gate:
    """A handler that holds everybody until so many are there."""

    def __init__(self, count: int) -> None:
        self.barrier = threading.Barrier(count + 1)
        self.most = self.inside = 0
        self.lock = threading.Lock()

    def handle(self, event: evt.Event) -> int:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.barrier.wait(DEADLINE)
        with self.lock:
            self.inside -= 1
        return 0x0000


def associate_with_window(port: int, invoked: int) -> tuple[Raw, bytes]:
    """Propose a window; returns the peer and the item of the answer."""
    peer = connect_raw(port)
    items = [
        model.application_context(),
        model.context_rq(ECHO_CONTEXT, VERIFICATION, [IMPLICIT]),
        model.context_rq(STORE_CONTEXT, CT, [IMPLICIT]),
        with_window(invoked, 1),
    ]
    peer.send(model.associate(1, b"CALLED", b"CALLING", items))
    answer = peer.receive_pdu()
    assert answer[:1] == b"\2"
    return peer, answer


def test_as_many_as_agreed_on_are_in_progress_at_once() -> None:
    gate = Gate(WINDOW)
    handlers = [(evt.EVT_C_ECHO, gate.handle), (evt.EVT_ASYNC_OPS, lambda event: (WINDOW, 1))]
    with serving(store_ae({CT}), handlers) as server:
        peer, answer = associate_with_window(port_of(server), 100)
        with peer:
            assert model.asynchronous_operations(WINDOW, 1) in answer
            for _ in range(2):
                peer.send(*(echo_rq(message_id) for message_id in range(1, WINDOW + 1)))
                gate.barrier.wait(DEADLINE)
                answered = [peer.receive_message()[1] for _ in range(WINDOW)]
                assert {each[0x0120] for each in answered} == set(range(1, WINDOW + 1))
                assert {each[0x0900] for each in answered} == {0}
            peer.send(model.release_rq())
            assert peer.receive_pdu() == model.release_rp()
    assert gate.most == WINDOW


def test_c8_one_too_many_is_aborted() -> None:
    gate = Gate(WINDOW)
    handlers = [(evt.EVT_C_ECHO, gate.handle), (evt.EVT_ASYNC_OPS, lambda event: (WINDOW, 1))]
    with serving(store_ae({CT}), handlers) as server:
        peer, _ = associate_with_window(port_of(server), WINDOW)
        with peer:
            peer.send(*(echo_rq(message_id) for message_id in range(1, WINDOW + 2)))
            assert peer.receive_pdu() == ABORT_OF_USER
            gate.barrier.wait(DEADLINE)
            assert peer.receive_all() == []


def test_c8_two_at_once_without_a_window() -> None:
    with serving(store_ae({CT})) as server, associate_raw(port_of(server)) as peer:
        peer.send(echo_rq(1) + echo_rq(2))
        first = peer.receive_message()[1]
        assert (first[0x0120], first[0x0900]) == (1, 0)
        assert peer.receive_all() == [ABORT_OF_USER]


def test_c7_a_message_id_twice_at_once() -> None:
    gate = Gate(1)
    handlers = [(evt.EVT_C_ECHO, gate.handle), (evt.EVT_ASYNC_OPS, lambda event: (WINDOW, 1))]
    with serving(store_ae({CT}), handlers) as server:
        peer, _ = associate_with_window(port_of(server), WINDOW)
        with peer:
            peer.send(echo_rq(5), echo_rq(5))
            refused = peer.receive_message()[1]
            assert (refused[0x0120], refused[0x0900]) == (5, 0x0210)
            # The first of them is in progress still: a refusal does not end it.
            peer.send(echo_rq(5))
            assert peer.receive_message()[1][0x0900] == 0x0210
            gate.barrier.wait(DEADLINE)
            assert peer.receive_message()[1][0x0900] == 0


def test_without_a_limit_the_peer_waits_in_the_end() -> None:
    """Sixteen at once; more stay in the socket until one of those is done."""
    gate = Gate(16)
    handlers = [(evt.EVT_C_ECHO, gate.handle), (evt.EVT_ASYNC_OPS, lambda event: (0, 0))]
    with serving(store_ae({CT}), handlers) as server:
        peer, answer = associate_with_window(port_of(server), 0)
        with peer:
            assert model.asynchronous_operations(0, 1) in answer
            peer.send(*(echo_rq(message_id) for message_id in range(1, 33)))
            for _ in range(2):
                gate.barrier.wait(DEADLINE)
            assert {peer.receive_message()[1][0x0120] for _ in range(32)} == set(range(1, 33))
    assert gate.most == 16


def test_stores_at_once_have_their_own_files(tmp_path: Any) -> None:
    """The file of a data set belongs to its message, while the next one is received already."""
    gate = Gate(4)
    paths: list[Any] = []

    def keep(event: evt.Event) -> int:
        paths.append((event.request.AffectedSOPInstanceUID, event.dataset_path, bytes(event.encoded)))
        return gate.handle(event)

    ae = store_ae({CT})
    ae.memory_limit = 100
    handlers = [(evt.EVT_C_STORE, keep), (evt.EVT_ASYNC_OPS, lambda event: (4, 1))]
    with serving(ae, handlers) as server:
        peer, _ = associate_with_window(port_of(server), 4)
        with peer:
            encoded = {
                f"1.2.3.4.{number}": data_set(500 + number, f"1.2.3.4.{number}") for number in range(4)
            }
            for number, (instance, content) in enumerate(encoded.items(), 1):
                command = model.command_set(
                    {0x0002: CT, 0x0100: 1, 0x0110: number, 0x0700: 0, 0x0800: 1, 0x1000: instance}
                )
                peer.send(*model.message(3, command, content, 16382))
            gate.barrier.wait(DEADLINE)
            assert {peer.receive_message()[1][0x0900] for _ in range(4)} == {0}
    assert {instance: content for instance, _, content in paths} == encoded
    assert len({path for _, path, _ in paths}) == 4
    assert not any(path.exists() for _, path, _ in paths)


def test_an_acceptor_may_ask_something_of_its_own_from_any_thread() -> None:
    """A thread of the user sends while the thread of the association waits."""
    accepted: list[Association] = []
    stored: list[bytes] = []

    def keep(event: evt.Event) -> int:
        stored.append(bytes(event.encoded))
        return 0

    with serving(
        store_ae({CT}), [(evt.EVT_ESTABLISHED, lambda event: accepted.append(event.assoc))]
    ) as server:
        for context in server.contexts:
            context.scu_role = context.scp_role = True
        with associate(
            AE(),
            server,
            contexts=[build_context(Verification), build_context(CT, IMPLICIT)],
            ext_neg=[build_role(CT, True, True)],
            evt_handlers=[(evt.EVT_C_STORE, keep)],
        ) as association:
            wait_until(lambda: accepted)
            with ThreadPoolExecutor(1) as pool:
                for number in range(3):
                    encoded = data_set(100 + 2 * number)
                    outcome = pool.submit(accepted[0].send_c_store, encoded, transfer_syntax=IMPLICIT)
                    wait_until(lambda: association.is_established and outcome.done())  # noqa: B023
                    assert outcome.result().Status == 0
                    assert stored[-1] == encoded
                    assert association.send_c_echo().Status == 0


def test_an_operation_within_an_operation_has_no_room() -> None:
    """A handler that asks for what only its own end would make room for is told so, and does not hang."""
    errors: list[Exception] = []

    def greedy(event: evt.Event) -> int:
        try:
            event.assoc.send_c_echo()
        except AssociationError as error:
            errors.append(error)
        return 0

    def script(peer: Raw) -> None:
        peer.receive_pdu()
        items = [
            model.application_context(),
            model.context_ac(1, 0, IMPLICIT),
            model.context_ac(3, 0, IMPLICIT),
            model.user_information(
                model.maximum_length(16384),
                model.implementation_class_uid("1.2.3"),
                model.role_selection(CT, 1, 1),
            ),
        ]
        peer.send(model.associate(2, b"CALLED", b"CALLING", items))
        request = peer.receive_message()[1]
        peer.send(*store_rq(data_set()))
        assert peer.receive_message()[1][0x0900] == 0
        peer.send(response(request))
        end(peer)

    with fake_acceptor(script) as port:
        handlers = [(evt.EVT_C_STORE, greedy)]
        with AE().associate(
            "127.0.0.1",
            port,
            contexts=contexts(),
            ext_neg=[build_role(CT, True, True)],
            evt_handlers=handlers,
        ) as association:
            assert association.send_c_echo().Status == 0
    assert len(errors) == 1
    assert "1 operations are in progress, one of them of this thread" in str(errors[0])
