"""`TlsWire`: what every wire does, over TLS, and what only TLS has."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest
from core.test_wire import (
    ABORT,
    CONTENT,
    WITH_DATA,
    End,
    in_thread,
    split,
    test_abort_while_sending_ends_it,
    test_both_send_large_messages,
    test_broken_protocol_is_raised,
    test_closed,
    test_closed_while_sending,
    test_deadline,
    test_idle_and_progress_timeouts,
    test_message_while_sending_is_told,
    test_messages_arrive,
    test_no_deadline_any_more,
    test_pdus_wait_behind_each_other,
    test_receive_fails,
    test_send_fails,
    test_send_goes_on_after_it_timed_out,
    test_send_goes_on_after_it_was_woken,
    test_what_has_come_is_received_after_the_deadline,
    test_what_was_said_before_it_closed_is_heard,
    test_who_is_too_slow,
    test_woken,
    test_woken_by_another_thread,
    wide_writer,
)
from reading import new_reader, summary
from tls_files import NAME, authority, issued

from fastdicom._core.pdata import Signal
from fastdicom.net import readiness
from fastdicom.net.tls import TlsSocket
from fastdicom.net.tls_wire import TlsWire
from fastdicom.net.wires import open_wire

__all__ = [
    "test_abort_while_sending_ends_it",
    "test_both_send_large_messages",
    "test_broken_protocol_is_raised",
    "test_closed",
    "test_closed_while_sending",
    "test_deadline",
    "test_idle_and_progress_timeouts",
    "test_message_while_sending_is_told",
    "test_messages_arrive",
    "test_no_deadline_any_more",
    "test_pdus_wait_behind_each_other",
    "test_receive_fails",
    "test_send_fails",
    "test_send_goes_on_after_it_timed_out",
    "test_send_goes_on_after_it_was_woken",
    "test_what_has_come_is_received_after_the_deadline",
    "test_what_was_said_before_it_closed_is_heard",
    "test_who_is_too_slow",
    "test_woken",
    "test_woken_by_another_thread",
]


@pytest.fixture(params=["TLSv1_2", "TLSv1_3"])
def contexts(request: pytest.FixtureRequest) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The settings of a server and of a client."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    issued("server", "ours", False).configure_cert(server)
    authority("ours").configure_trust(client)
    client.maximum_version = ssl.TLSVersion[request.param]
    server.num_tickets = 0  # what one side sends is what the other receives
    return server, client


class TlsEnd(End):
    """One end of a TLS connection, with a wire on it."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, *, is_server: bool) -> None:
        self.reader = new_reader()
        self.waker, self.woken = socket.socketpair()
        name = None if is_server else NAME
        self.socket = TlsSocket(sock, context, is_server=is_server, server_hostname=name)
        self.wire: Any = open_wire(self.socket, self.woken.fileno(), self.reader)
        self.wire.set_timeouts(20, 20)


class Bare:
    """A client without a wire: it says when and how which encrypted bytes go."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        self.socket = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=NAME)

    def step(self) -> bool:
        """Go on with the handshake; tell whether it is done."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            self.socket.sendall(self._outgoing.read())
            self._incoming.write(self.socket.recv(65536))
            return False
        self.socket.sendall(self._outgoing.read())
        return True

    def encrypted(self, data: bytes) -> bytes:
        self.tls.write(data)
        return self._outgoing.read()

    def good_bye(self) -> bytes:
        with pytest.raises(ssl.SSLWantReadError):
            self.tls.unwrap()
        return self._outgoing.read()


@pytest.fixture
def ends(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> Iterator[tuple[End, End]]:
    sockets = socket.socketpair()
    one = TlsEnd(sockets[0], contexts[0], is_server=True)
    other = TlsEnd(sockets[1], contexts[1], is_server=False)
    wait = in_thread(one.wire.handshake)
    assert other.wire.handshake() is wait() is Signal.SENT
    yield one, other
    one.close()
    other.close()


@pytest.fixture
def pair(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> Iterator[tuple[TlsEnd, Bare]]:
    """A wire after its handshake, and a peer without one."""
    ours, theirs = socket.socketpair()
    theirs.settimeout(20)
    end, bare = TlsEnd(ours, contexts[0], is_server=True), Bare(theirs, contexts[1])
    wait = in_thread(end.wire.handshake)
    while not bare.step():
        pass
    assert wait() is Signal.SENT
    yield end, bare
    end.close()
    theirs.close()


@pytest.fixture
def end(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> Iterator[TlsEnd]:
    ours, theirs = socket.socketpair()
    end = TlsEnd(ours, contexts[0], is_server=True)
    wait = in_thread(end.wire.handshake)
    end.peer = contexts[1].wrap_socket(theirs, server_hostname=NAME)  # type: ignore[attr-defined]
    assert wait() is Signal.SENT
    yield end
    end.close()


@pytest.fixture
def peer(end: Any) -> Iterator[ssl.SSLSocket]:
    """The peer of `end`, which speaks TLS."""
    with end.peer:
        yield end.peer


def test_a_pdu_after_a_cut_message_is_at_a_boundary(ends: tuple[End, End]) -> None:
    one, other = ends
    one.waker.send(b"x")
    assert one.wire.send(wide_writer()) is Signal.WOKEN
    one.woken.recv(1)
    other.reader.end_data_transfer()
    plain: list[bytes] = []

    def read_to_the_abort() -> bytes:
        while not b"".join(plain[-2:]).endswith(ABORT):
            piece = memoryview(bytearray(100_000))
            n, _ = other.socket.read(piece)
            if n == 0:
                other.wire._readiness.wait(20, reading=True, writing=False)
                other.socket.receive_encrypted(piece)
            else:
                plain.append(bytes(piece[:n]))
        return b"".join(plain)

    read = in_thread(read_to_the_abort)
    assert one.wire.send_pdu(ABORT) is Signal.SENT
    *pdus, last = split(read())
    assert last == ABORT
    assert {pdu[0] for pdu in pdus} == {4}
    assert sum(map(len, pdus)) < len(CONTENT)


def test_records_in_pieces(pair: tuple[TlsEnd, Bare]) -> None:
    """Wherever the network cuts, and however records and PDUs lie."""
    end, bare = pair
    data = b"".join(bare.encrypted(ABORT[at : at + 3]) for at in range(0, len(ABORT), 3))
    end.wire.set_timeouts(0, 0)
    for i in range(len(data) - 1):
        bare.socket.sendall(data[i : i + 1])
        assert end.wire.receive() is Signal.TIMED_OUT
    bare.socket.sendall(data[-1:])
    assert end.wire.receive() == ABORT


def test_many_pdus_in_one_record(pair: tuple[TlsEnd, Bare]) -> None:
    """What OpenSSL has is not seen by poll."""
    end, bare = pair
    bare.socket.sendall(bare.encrypted(ABORT * 1000) + bare.encrypted(ABORT * 500))
    end.wire.set_timeouts(0, 0)
    assert {end.wire.receive() for _ in range(1500)} == {ABORT}
    assert end.wire.receive() is Signal.TIMED_OUT


def test_a_record_that_trickles_does_not_put_off_the_idle_timeout(pair: tuple[TlsEnd, Bare]) -> None:
    end, bare = pair
    record = bare.encrypted(ABORT)
    end.wire.set_timeouts(0.1, None)
    is_over = threading.Event()

    def receive() -> Any:
        outcome = end.wire.receive()
        is_over.set()
        return outcome

    outcome = in_thread(receive)
    for i in range(len(record) - 1):
        bare.socket.sendall(record[i : i + 1])
        if is_over.wait(0.03):  # far less than the idle timeout
            break
    assert is_over.is_set()
    assert outcome() is Signal.TIMED_OUT
    assert end.wire.bytes_received < len(record) - 1


def test_good_bye_closes(pair: tuple[TlsEnd, Bare]) -> None:
    end, bare = pair
    bare.socket.sendall(bare.encrypted(ABORT) + bare.good_bye())
    assert end.wire.receive() == ABORT
    assert end.wire.receive() is Signal.CLOSED
    assert end.wire.receive() is Signal.CLOSED


def test_bytes_that_are_not_tls(pair: tuple[TlsEnd, Bare]) -> None:
    end, bare = pair
    bare.socket.sendall(bare.encrypted(ABORT) + b"\x17\x03\x03\x00\x20" + bytes(32))
    assert end.wire.receive() == ABORT
    assert end.wire.receive() is Signal.FAILED
    assert "bad record mac" in end.wire.failure_text
    assert end.wire.receive() is Signal.FAILED


@pytest.mark.parametrize("outcome", [Signal.WOKEN, Signal.TIMED_OUT, Signal.FAILED])
def test_a_handshake_that_is_interrupted(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext], outcome: Signal
) -> None:
    ours, theirs = socket.socketpair()
    end = TlsEnd(ours, contexts[0], is_server=True)
    try:
        if outcome is Signal.WOKEN:
            end.waker.send(b"x")
        elif outcome is Signal.TIMED_OUT:
            end.wire.set_deadline(monotonic() - 1)
        else:
            theirs.sendall(ABORT * 10)
        assert end.wire.handshake() is outcome
        if outcome is Signal.FAILED:
            assert "does not speak TLS on this port" in end.wire.failure_text
        else:  # it goes on
            end.wire.set_deadline(None)
            end.woken.setblocking(False)
            if outcome is Signal.WOKEN:
                end.woken.recv(1)
            wait = in_thread(end.wire.handshake)
            bare = Bare(theirs, contexts[1])
            while not bare.step():
                pass
            assert wait() is Signal.SENT
    finally:
        end.close()
        theirs.close()


def test_where_there_is_no_poll(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "HAS_POLL", False)
    sockets = socket.socketpair()
    one = TlsEnd(sockets[0], contexts[0], is_server=True)
    other = TlsEnd(sockets[1], contexts[1], is_server=False)
    wait = in_thread(one.wire.handshake)
    assert other.wire.handshake() is wait() is Signal.SENT
    receive = in_thread(other.wire.receive)
    assert one.wire.send(wide_writer()) is Signal.SENT
    assert summary(receive()) == (1, WITH_DATA, CONTENT)
    one.waker.send(b"x")
    assert one.wire.receive() is Signal.WOKEN
    other.wire.set_timeouts(0.001, None)
    assert other.wire.receive() is Signal.TIMED_OUT
    one.close()
    other.close()


def test_a_wire_is_for_its_socket(ends: tuple[End, End]) -> None:
    assert type(ends[0].wire) is TlsWire
    one, other = socket.socketpair()
    with one, other:
        assert not isinstance(open_wire(one, other.fileno(), new_reader()), TlsWire)
