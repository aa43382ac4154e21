"""The socket loop in C, and the same work over Python's `socket`: they behave alike."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import model
import pytest
from reading import new_reader, summary

from fastdicom._core.pdata import MessageWriter, Reader, Signal
from fastdicom.errors import ProtocolError
from fastdicom.net.socket_wire import SocketWire

try:
    from fastdicom._core.wire import Wire
except ImportError:  # no POSIX
    WIRES: list[Any] = [SocketWire]
else:
    WIRES = [Wire, SocketWire]

WITH_DATA = model.command_set({0x0100: 0x0001, 0x0110: 7, 0x0800: 1})
WITHOUT_DATA = model.command_set({0x0100: 0x0030, 0x0110: 8, 0x0800: model.NO_DATA_SET})
CONTENT = bytes(i % 251 for i in range(251)) * 32_000  # 8 MB
ABORT, RELEASE_RQ = model.abort(0, 0), model.release_rq()


class End:
    """One end of a connection, with a wire on it."""

    def __init__(self, wire_class: Any, sock: socket.socket) -> None:
        self.socket = sock
        self.waker, self.woken = socket.socketpair()
        self.reader: Reader = new_reader()
        self.wire = wire_class(sock.fileno(), self.woken.fileno(), self.reader)
        self.wire.set_timeouts(20, 20)

    def close(self) -> None:
        del self.wire
        for each in (self.socket, self.waker, self.woken):
            each.close()


@pytest.fixture(params=WIRES, ids=lambda each: each.__name__)
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[End, End]]:
    one, other = (End(request.param, sock) for sock in socket.socketpair())
    yield one, other
    one.close()
    other.close()


@pytest.fixture
def end(ends: tuple[End, End]) -> End:
    return ends[0]


@pytest.fixture
def peer(ends: tuple[End, End]) -> socket.socket:
    return ends[1].socket


def in_thread(work: Callable[[], Any]) -> Callable[[], Any]:
    """Run `work` in a thread; what is returned waits for its result."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()

    def result() -> Any:
        thread.join()
        return results[0]

    return result


def read_all(sock: socket.socket) -> bytes:
    # A SocketWire on it has made it non-blocking.
    sock.settimeout(20)
    parts = []
    while part := sock.recv(1 << 20):
        parts.append(part)
    return b"".join(parts)


def wide_writer(data_set: bytes = CONTENT) -> MessageWriter:
    return MessageWriter(1, WITH_DATA, [data_set], 16384)


def split(data: bytes) -> list[bytes]:
    pdus = []
    while data:
        pdu_type, body, data = model.split_pdu(data)
        pdus.append(model.pdu(pdu_type, body))
    return pdus


def test_messages_arrive(ends: tuple[End, End]) -> None:
    one, other = ends
    receive = in_thread(lambda: [summary(other.wire.receive()) for _ in range(3)])
    assert one.wire.send(wide_writer()) is Signal.SENT
    assert one.wire.send(MessageWriter(1, WITHOUT_DATA, None, 16384)) is Signal.SENT
    assert one.wire.send_pdu(RELEASE_RQ) is Signal.SENT
    assert receive() == [(1, WITH_DATA, CONTENT), (1, WITHOUT_DATA, None), RELEASE_RQ]
    assert one.wire.bytes_sent == other.wire.bytes_received > len(CONTENT)
    assert other.wire.reader is other.reader


def test_one_byte_at_a_time(end: End, peer: socket.socket) -> None:
    data = b"".join(model.message(1, WITH_DATA, b"data set", 20)) + ABORT
    end.wire.set_timeouts(0, 0)
    told = []
    for i in range(len(data)):
        peer.sendall(data[i : i + 1])
        while (outcome := end.wire.receive()) is not Signal.TIMED_OUT:
            told.append(summary(outcome))
    assert told == [(1, WITH_DATA, b"data set"), ABORT]
    assert end.wire.bytes_received == len(data)


def test_both_send_large_messages(ends: tuple[End, End]) -> None:
    # Neither can be done before the other has read.
    def send_and_receive(end: End) -> Any:
        writer, told = wide_writer(), []
        while (outcome := end.wire.send(writer)) is not Signal.SENT:
            told.append(summary(outcome))
        return outcome, told[0] if told else summary(end.wire.receive())

    first = in_thread(lambda: send_and_receive(ends[0]))
    second = in_thread(lambda: send_and_receive(ends[1]))
    assert first() == second() == (Signal.SENT, (1, WITH_DATA, CONTENT))


def test_send_goes_on_after_it_was_woken(ends: tuple[End, End]) -> None:
    one, other = ends
    writer = wide_writer()
    one.waker.send(b"x")
    assert one.wire.send(writer) is Signal.WOKEN
    assert 0 < one.wire.bytes_sent < len(CONTENT)
    assert one.wire.send(writer) is Signal.WOKEN
    one.woken.recv(1)
    receive = in_thread(other.wire.receive)
    assert one.wire.send(writer) is Signal.SENT
    assert summary(receive()) == (1, WITH_DATA, CONTENT)


def test_send_goes_on_after_it_timed_out(ends: tuple[End, End]) -> None:
    one, other = ends
    writer = wide_writer()
    one.wire.set_timeouts(None, 0)
    assert one.wire.send(writer) is Signal.TIMED_OUT
    one.wire.set_timeouts(None, 20)
    receive = in_thread(other.wire.receive)
    assert one.wire.send(writer) is Signal.SENT
    assert summary(receive()) == (1, WITH_DATA, CONTENT)


def test_pdu_after_a_cut_message_is_at_a_boundary(ends: tuple[End, End]) -> None:
    one, other = ends
    one.waker.send(b"x")
    assert one.wire.send(wide_writer()) is Signal.WOKEN
    sent = one.wire.bytes_sent
    one.woken.recv(1)
    receive = in_thread(lambda: read_all(other.socket))
    assert one.wire.send_pdu(ABORT) is Signal.SENT
    one.socket.shutdown(socket.SHUT_WR)
    data = receive()
    # The PDU that had been begun is whole, and no other has been begun.
    *pdus, last = split(data)
    assert last == ABORT
    assert {pdu[0] for pdu in pdus} == {4}
    assert sent <= sum(map(len, pdus)) < sent + 16390
    assert len(data) == one.wire.bytes_sent


def test_pdus_wait_behind_each_other(ends: tuple[End, End]) -> None:
    one, other = ends
    first, second = (
        model.associate(1, name, b"B", [model.item(0x10, bytes(60_000))] * 10) for name in (b"1", b"2")
    )
    one.waker.send(b"x")
    # The wire has the only reference to what it has not sent.
    assert one.wire.send_pdu(bytes(bytearray(first))) is Signal.WOKEN
    assert one.wire.send_pdu(bytes(bytearray(second))) is Signal.WOKEN
    one.woken.recv(1)
    receive = in_thread(lambda: [other.wire.receive(), other.wire.receive()])
    assert one.wire.flush() is Signal.SENT
    assert receive() == [first, second]


@pytest.mark.skipif(len(WIRES) == 1, reason="there is no POSIX loop")
def test_what_waits_is_bounded() -> None:
    one, other = (End(Wire, sock) for sock in socket.socketpair())
    one.waker.send(b"x")
    assert one.wire.send(MessageWriter(1, WITH_DATA, [b"ab"] * 400_000, 0)) is Signal.WOKEN
    for _ in range(16):
        assert one.wire.send_pdu(ABORT) is Signal.WOKEN

    def send_many() -> None:
        for _ in range(1000):
            one.wire.send_pdu(ABORT)

    with pytest.raises(RuntimeError, match="too many PDUs wait"):
        send_many()
    one.close()
    other.close()


@pytest.mark.skipif(len(WIRES) == 1, reason="there is no POSIX loop")
def test_one_message_at_a_time() -> None:
    one, other = (End(Wire, sock) for sock in socket.socketpair())
    one.waker.send(b"x")
    assert one.wire.send(wide_writer()) is Signal.WOKEN
    with pytest.raises(RuntimeError, match="another message has not been sent whole"):
        one.wire.send(wide_writer())
    one.close()
    other.close()


def answering(end: End, times: int) -> Callable[[], Any]:
    """Have an end receive, and answer, so many times; what it has received."""

    def work() -> list[Any]:
        told = []
        for _ in range(times):
            told.append(summary(end.wire.receive()))
            assert end.wire.send(MessageWriter(1, WITHOUT_DATA, None, 16384)) is Signal.SENT
        return told

    return in_thread(work)


def test_sent_and_received_in_one_go(ends: tuple[End, End]) -> None:
    one, other = ends
    told = answering(other, 3)
    for data_set in (b"short!", CONTENT, b"short again!"):
        outcome = one.wire.receive(None, wide_writer(data_set))
        assert not one.wire.is_sending
        assert summary(outcome) == (1, WITHOUT_DATA, None)
    assert told() == [(1, WITH_DATA, each) for each in (b"short!", CONTENT, b"short again!")]


def test_in_one_go_it_goes_on_after_it_was_woken(ends: tuple[End, End]) -> None:
    one, other = ends
    writer = wide_writer()
    one.waker.send(b"x")
    assert one.wire.receive(None, writer) is Signal.WOKEN
    assert one.wire.is_sending
    one.woken.recv(1)
    told = answering(other, 1)
    assert summary(one.wire.receive(None, writer)) == (1, WITHOUT_DATA, None)
    assert not one.wire.is_sending
    assert told() == [(1, WITH_DATA, CONTENT)]


def test_in_one_go_it_is_told_whether_all_was_sent(ends: tuple[End, End]) -> None:
    one, other = ends
    one.wire.set_timeouts(0, 0)
    assert one.wire.receive(None, wide_writer(b"short!")) is Signal.TIMED_OUT
    assert not one.wire.is_sending
    assert one.wire.receive(None, wide_writer()) is Signal.TIMED_OUT
    assert one.wire.is_sending
    other.socket.sendall(ABORT)
    assert one.wire.receive(None) == ABORT


def test_abort_while_sending_ends_it(end: End, peer: socket.socket) -> None:
    peer.sendall(ABORT)
    assert end.wire.send(wide_writer()) == ABORT


def test_message_while_sending_is_told(end: End, peer: socket.socket) -> None:
    peer.sendall(b"".join(model.message(1, WITHOUT_DATA, None, 0)) + ABORT)
    end.wire.set_timeouts(0, 0)
    writer = wide_writer()
    assert end.wire.send(writer, False) is Signal.TIMED_OUT
    assert summary(end.wire.send(writer)) == (1, WITHOUT_DATA, None)
    assert end.wire.send(writer) == ABORT
    assert end.wire.send(writer) is Signal.TIMED_OUT


def test_who_is_too_slow(end: End, peer: socket.socket) -> None:
    """T5: legal bytes, ever so few."""
    end.wire.set_timeouts(10, 0.001)
    end.wire.set_minimum_throughput(1000, 0.02)
    peer.sendall(ABORT[:3])
    outcome = Signal.TIMED_OUT
    while outcome is Signal.TIMED_OUT:
        outcome = end.wire.receive()
    assert outcome is Signal.TOO_SLOW
    peer.sendall(ABORT[3:])
    assert end.wire.receive() == ABORT
    writer = wide_writer()
    while (outcome := end.wire.send(writer)) is Signal.TIMED_OUT:
        pass
    assert outcome is Signal.TOO_SLOW
    end.wire.set_minimum_throughput(0, 0)
    assert end.wire.send(writer) is Signal.TIMED_OUT


@pytest.mark.parametrize("is_sending", [False, True])
def test_broken_protocol_is_raised(end: End, peer: socket.socket, is_sending: bool) -> None:
    peer.sendall(b"\4\0\0\1\0\0")
    work = (lambda: end.wire.send(wide_writer())) if is_sending else end.wire.receive
    with pytest.raises(ProtocolError, match="a PDU is 65536 bytes long; the limit is 16384"):
        work()


def test_woken(end: End) -> None:
    end.waker.send(b"x")
    assert end.wire.receive() is Signal.WOKEN
    assert end.wire.receive() is Signal.WOKEN


def test_woken_by_another_thread(end: End) -> None:
    receive = in_thread(end.wire.receive)
    end.waker.send(b"x")
    assert receive() is Signal.WOKEN


def test_idle_and_progress_timeouts(end: End, peer: socket.socket) -> None:
    end.wire.set_timeouts(0.001, 20)
    assert end.wire.receive() is Signal.TIMED_OUT
    peer.sendall(ABORT[:5])
    end.wire.set_timeouts(None, 0.001)
    assert end.wire.receive() is Signal.TIMED_OUT
    peer.sendall(ABORT[5:])
    assert end.wire.receive() == ABORT


@pytest.mark.parametrize("ahead", [-1000, 0, 0.005])
def test_deadline(end: End, ahead: float) -> None:
    deadline = monotonic() + ahead
    end.wire.set_timeouts(None, None)
    end.wire.set_deadline(deadline)
    assert end.wire.receive() is Signal.TIMED_OUT
    assert monotonic() >= deadline
    assert end.wire.send(wide_writer()) is Signal.TIMED_OUT


def test_no_deadline_any_more(end: End, peer: socket.socket) -> None:
    end.wire.set_deadline(0)
    assert end.wire.receive() is Signal.TIMED_OUT
    end.wire.set_deadline(None)
    peer.sendall(ABORT)
    assert end.wire.receive() == ABORT


def test_what_has_come_is_received_after_the_deadline(end: End, peer: socket.socket) -> None:
    peer.sendall(ABORT)
    end.wire.set_deadline(0)
    assert end.wire.receive() == ABORT


@pytest.mark.parametrize("said", [b"", ABORT[:7]])
def test_closed(end: End, peer: socket.socket, said: bytes) -> None:
    peer.sendall(said)
    peer.shutdown(socket.SHUT_WR)
    assert end.wire.receive() is Signal.CLOSED
    assert end.wire.receive() is Signal.CLOSED
    assert end.reader.is_mid_message == bool(said)


def test_closed_while_sending(end: End, peer: socket.socket) -> None:
    peer.shutdown(socket.SHUT_WR)
    assert end.wire.send(wide_writer()) is Signal.CLOSED


def test_send_fails(end: End, peer: socket.socket) -> None:
    peer.close()
    assert end.wire.send(wide_writer()) is Signal.FAILED
    assert end.wire.failure in (errno.EPIPE, errno.ECONNRESET)


def test_what_was_said_before_it_closed_is_heard(end: End, peer: socket.socket) -> None:
    peer.sendall(ABORT)
    peer.close()
    assert end.wire.send(wide_writer()) == ABORT


def test_receive_fails(end: End) -> None:
    os.close(end.socket.detach())
    end.wire.set_timeouts(0.001, 0.001)
    try:
        outcome = end.wire.receive()
    except (OSError, ValueError):  # select refuses a closed descriptor
        return
    assert outcome is Signal.FAILED
    assert end.wire.failure == errno.EBADF
