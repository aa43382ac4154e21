"""Connections that wait to be served: without a thread, with hardly any memory, not in the way of others."""

from __future__ import annotations

import errno
import os
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, process_time
from typing import Any

import model
import pytest
from immunity.harness import COUNTS_MEMORY
from raw_peer import Raw, associate_raw, connect_raw, echo_rq, request
from servers import DEADLINE, POLL, associate, await_event, port_of, serving, store_ae, wait_until

from fastdicom import AE, build_context, evt
from fastdicom.net.lobby import Lobby
from fastdicom.net.visitor import HEADER, KEPT_LIMIT, Visitor, awaited_length, awaited_record_length
from fastdicom.sop_class import Verification

CONTEXTS = [build_context(Verification)]
LONG = 300_000


def long_request() -> bytes:
    """Return an A-ASSOCIATE-RQ that no socket buffer keeps: with items of unknown types."""
    filler = b"".join(b"\x77\0" + (60_000).to_bytes(2, "big") + bytes(60_000) for _ in range(LONG // 60_000))
    return request(extra=filler)


def threads() -> int:
    return sum(thread.name == "fastdicom-server" for thread in threading.enumerate())


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def is_served(server: Any) -> bool:
    """Whether an ordinary requestor has its association and an answer."""
    with associate(AE(), server, contexts=CONTEXTS) as association:
        return association.send_c_echo().Status == 0x0000


@contextmanager
def quiet_server(ae: AE | None = None, handlers: Any = None, **options: Any) -> Iterator[Any]:
    """Serve; in the end no descriptor of it is left."""
    with serving(ae or store_ae(set()), handlers, **options) as server:
        yield server


@contextmanager
def idle_connections(server: Any, count: int, said: bytes = b"") -> Iterator[list[Raw]]:
    with ExitStack() as stack:
        peers = [stack.enter_context(connect_raw(port_of(server))) for _ in range(count)]
        for peer in peers:
            if said:
                peer.send(said)
        yield peers


# --- what is waited for ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("front", "length"),
    [
        (b"", 6),
        (b"\1\0\0\0\0", 6),
        (b"\1\0\0\0\0\x44", 6 + 0x44),
        (b"\1\0\0\x10\0\0", 6 + (1 << 20)),
        (b"\1\0\0\x10\0\1", 6),  # longer than any: the answer is known
        (b"\2\0\0\0\0\x44", 6 + 0x44),
        (b"\4\0\0\0\0\x44", 6),  # data before an association
        (b"\5\0\0\0\0\4", 10),
        (b"\5\0\0\0\0\5", 6),
        (b"\x08\0\0\0\0\4", 6),
        (b"GET / HTTP/1.1", 6),
        (b"\x16\3\1\0\0\0", 6),
    ],
)
def test_what_is_waited_for(front: bytes, length: int) -> None:
    assert awaited_length(front, len(front)) == length
    assert HEADER == 6


@pytest.mark.parametrize(
    ("front", "length"),
    [
        (b"", 5),
        (b"\x16\3\1\2", 5),
        (b"\x16\3\1\2\0", 517),
        (b"\x16\3\1\x41\0", 5 + 0x4100),
        (b"\x16\3\1\x41\1", 5),  # longer than any record
        (b"\x15\3\1\0\2", 5),
        (b"\1\0\0\0\0\x44", 5),
    ],
)
def test_what_is_waited_for_with_tls(front: bytes, length: int) -> None:
    assert awaited_record_length(front, len(front)) == length


# --- who waits -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", [b"", request()[:50]], ids=["nothing", "half a request"])
def test_who_waits_has_no_thread_and_hardly_any_memory(said: bytes) -> None:
    """T3, and T1 as far as others are concerned."""
    with quiet_server() as server:
        assert is_served(server)
        before = resident()
        with idle_connections(server, 500, said) as peers:
            start = monotonic()
            assert is_served(server)
            assert monotonic() - start < 2.0
            assert threads() <= 12
            each = (resident() - before) / len(peers)  # both ends are in this process
            assert not COUNTS_MEMORY or each < 32 << 10
            wait_until(lambda: server.active_associations == [])
            # Each of them is served as soon as it asks.
            peers[7].send(request()[len(said) :])
            assert peers[7].receive_pdu()[:1] == b"\2"


def test_a_request_that_trickles_in_wakes_nobody_for_each_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    """L6, T1."""
    looks: list[int] = []
    look = Visitor.look

    def counted(visitor: Visitor, scratch: bytearray | None = None) -> bool:
        looks.append(1)
        return look(visitor, scratch)

    monkeypatch.setattr(Visitor, "look", counted)
    with quiet_server() as server, connect_raw(port_of(server)) as peer:
        for octet in request():
            peer.send(bytes([octet]))
            POLL.wait(0.0005)
        assert peer.receive_pdu()[:1] == b"\2"
        peer.send(echo_rq())
        assert peer.receive_message()[1][0x0900] == 0
    assert len(looks) <= 8


def test_where_the_platform_wakes_us_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without SO_RCVLOWAT what has come is taken from the socket, or the poller would not wait any more."""
    monkeypatch.setattr(Visitor, "_await", lambda visitor, length: setattr(visitor, "_awaited", length))
    with quiet_server() as server, connect_raw(port_of(server)) as peer:
        rq = request()
        for begin, end in [(0, 3), (3, 50), (50, 51), (51, len(rq))]:
            peer.send(rq[begin:end])
            POLL.wait(0.01)
        assert peer.receive_pdu()[:1] == b"\2"
        peer.send(echo_rq())
        assert peer.receive_message()[1][0x0900] == 0


@pytest.mark.parametrize("cuts", [[], [3], [6], [7], [100_000, 200_000]])
def test_a_long_request(cuts: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel is asked to keep no more of it than any other connection has."""
    kept: list[int] = []
    await_ = Visitor._await

    def noting(visitor: Visitor, length: int) -> None:
        kept.append(length)
        await_(visitor, length)

    monkeypatch.setattr(Visitor, "_await", noting)
    rq = long_request()
    assert len(rq) >= LONG
    with quiet_server() as server, connect_raw(port_of(server)) as peer:
        for begin, end in zip([0, *cuts], [*cuts, len(rq)], strict=True):
            peer.send(rq[begin:end])
            POLL.wait(0.01)
        assert peer.receive_pdu()[:1] == b"\2"
        peer.send(echo_rq())
        assert peer.receive_message()[1][0x0900] == 0
    assert max(kept) <= KEPT_LIMIT


def test_the_association_waits_as_any_other_once_it_is_served() -> None:
    """A byte of a message wakes whoever serves it: what the poller was told does not outlast the lobby."""
    with quiet_server() as server, connect_raw(port_of(server)) as peer:
        peer.send(request()[:40])
        POLL.wait(0.02)
        peer.send(request()[40:])
        assert peer.receive_pdu()[:1] == b"\2"
        POLL.wait(0.02)  # it sleeps
        peer.send(model.release_rq())  # ten bytes, far less than the request
        assert peer.receive_pdu() == model.release_rp()


def test_who_arrives_in_a_moment_is_woken_by_each_byte_as_well() -> None:
    rq = long_request()
    with ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        peer = stack.enter_context(connect_raw(listening.getsockname()[1]))
        sock, address = listening.accept()
        visitor = Visitor(sock, address, monotonic(), None)
        stack.callback(visitor.close)
        assert not visitor.look(bytearray(KEPT_LIMIT))
        sending = threading.Thread(target=peer.send, args=(rq,))
        sending.start()
        while not visitor.arrives():
            pass
        assert visitor.received == rq
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT) == 1
        sending.join()


@pytest.mark.parametrize("said", [b"", b"\1", request()[:50], long_request()[:100_000]])
@pytest.mark.parametrize("manner", ["is silent", "closes", "resets"])
def test_who_waits_is_closed_in_time(said: bytes, manner: str) -> None:
    """T1: ARTIM runs from the moment when the connection was accepted (PS3.8 9.1.5)."""
    ae = store_ae(set())
    ae.acse_timeout = 0.4 if manner == "is silent" else DEADLINE
    told: list[str] = []
    times: list[float] = []
    closed = threading.Event()

    def note(event: evt.Event) -> None:
        told.append(event.event.name)
        times.append(monotonic())
        if event.event is evt.EVT_CONN_CLOSE:
            closed.set()

    events = [evt.EVT_CONN_OPEN, evt.EVT_CONN_CLOSE, evt.EVT_ABORTED, evt.EVT_REQUESTED]
    with (
        quiet_server(ae, [(event, note) for event in events]) as server,
        connect_raw(port_of(server)) as peer,
    ):
        before = descriptors()
        start = monotonic()
        peer.send(said)
        POLL.wait(0.02)
        if manner == "is silent":
            assert peer.receive_all() == []
            assert 0.3 < monotonic() - start < 5
        elif manner == "closes":
            peer.close()
        else:
            peer.reset()
        await_event(closed)
        assert told == ["EVT_CONN_OPEN", "EVT_CONN_CLOSE"]
        assert times[1] - times[0] < 0.2  # the time was up when it got a thread
        assert is_served(server)
        wait_until(lambda: descriptors() <= before)


def test_many_run_out_of_time_at_once() -> None:
    ae = store_ae(set())
    ae.acse_timeout = 0.3
    with quiet_server(ae) as server, idle_connections(server, 200) as peers:
        assert is_served(server)
        for peer in peers:
            assert peer.receive_all() == []
        assert is_served(server)


# --- how many wait ---------------------------------------------------------------------------------------


def test_the_oldest_goes_when_too_many_wait(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("fastdicom.net.lobby.waiting_limit", lambda: 5)
    monkeypatch.setattr("fastdicom.net.lobby.MOMENTS_AT_ONCE", 0)  # they wait in the order in which they came
    with quiet_server() as server, idle_connections(server, 12, b"\1") as peers:
        for peer in peers[:7]:
            assert peer.receive_all() == []
        assert is_served(server)  # it does not wait, and so it is not one too many for long
        for peer in peers[8:]:
            peer.send(request()[1:])
            assert peer.receive_pdu()[:1] == b"\2"
    assert "too many connections wait" in caplog.text


def connect_from(address: str, port: int) -> Raw:
    return Raw(socket.create_connection(("127.0.0.1", port), DEADLINE, (address, 0)))


def test_so_many_may_wait_from_one_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastdicom.net.lobby.MOMENTS_AT_ONCE", 0)
    ae = store_ae(set())
    ae.maximum_waiting_per_address = 3
    with quiet_server(ae) as server, ExitStack() as stack:
        other = stack.enter_context(connect_from("127.0.0.2", port_of(server)))
        peers = [stack.enter_context(connect_from("127.0.0.3", port_of(server))) for _ in range(6)]
        for peer in peers[:3]:
            assert peer.receive_all() == []
        for peer in [other, *peers[3:]]:
            peer.send(request())
            assert peer.receive_pdu()[:1] == b"\2"


def test_nobody_may_wait() -> None:
    ae = store_ae(set())
    ae.maximum_waiting_per_address = 0
    with quiet_server(ae) as server:
        with idle_connections(server, 10) as peers:
            for peer in peers:
                assert peer.receive_all() == []
        ae.maximum_waiting_per_address = None
        assert is_served(server)


def test_the_memory_of_unfinished_requests_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastdicom.net.lobby.MEMORY_LIMIT", 250_000)
    with quiet_server() as server, idle_connections(server, 3, long_request()[:100_000]) as peers:
        # The one whose bytes are read last is closed, whichever it is.
        readable, _, _ = select.select([peer.socket for peer in peers], [], [], 20)
        (closed,) = (peer for peer in peers if peer.socket in readable)
        assert closed.receive_all() == []
        peers.remove(closed)
        for peer in peers:  # they are finished, and their memory is free again
            peer.send(long_request()[100_000:])
            assert peer.receive_pdu()[:1] == b"\2"
        assert is_served(server)


def test_who_is_not_served_yet_waits_for_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastdicom.server.REJECTIONS_AT_ONCE", 0)
    ae = store_ae(set())
    ae.maximum_associations = 1
    begun, may_end = threading.Event(), threading.Event()

    def hang(event: evt.Event) -> int:
        begun.set()
        await_event(may_end)
        return 0x0000

    with (
        quiet_server(ae, [(evt.EVT_C_ECHO, hang)]) as server,
        associate_raw(port_of(server)) as first,
        connect_raw(port_of(server)) as second,
    ):
        first.send(echo_rq())
        await_event(begun)
        second.send(request())
        spent = process_time()
        POLL.wait(0.3)
        assert process_time() - spent < 0.15  # the leader sleeps, although somebody is ready
        may_end.set()
        first.send(model.release_rq())
        assert second.receive_pdu()[:1] == b"\2"


# --- what goes wrong -------------------------------------------------------------------------------------


class Listening(socket.socket):
    """A listening socket that fails when it is told to."""

    failure: int | None = None

    def accept(self) -> Any:
        if self.failure is not None:
            raise OSError(self.failure, os.strerror(self.failure))
        return super().accept()


@contextmanager
def failing_server() -> Iterator[tuple[Any, Listening]]:
    sock = Listening(socket.AF_INET, socket.SOCK_STREAM)
    sock.bind(("127.0.0.1", 0))
    server = store_ae(set()).start_server(sock, block=False)
    try:
        yield server, sock
    finally:
        server.shutdown()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_without_descriptors_it_waits_and_goes_on(number: int, caplog: pytest.LogCaptureFixture) -> None:
    with failing_server() as (server, sock):
        assert is_served(server)
        sock.failure = number
        with connect_raw(port_of(server)) as peer:
            peer.send(request())
            spent = process_time()
            POLL.wait(0.4)
            assert process_time() - spent < 0.2
            sock.failure = None
            assert peer.receive_pdu()[:1] == b"\2"
        assert is_served(server)
    assert "cannot accept a connection" in caplog.text


def test_without_descriptors_the_oldest_goes() -> None:
    with failing_server() as (server, sock), idle_connections(server, 3, b"\1") as peers:
        assert is_served(server)  # by now the three wait
        sock.failure = errno.EMFILE
        with connect_raw(port_of(server)) as late:
            assert peers[0].receive_all() == []
            sock.failure = None
            late.send(request())
            assert late.receive_pdu()[:1] == b"\2"


def test_an_error_of_this_program_does_not_end_the_server(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wait = Lobby.wait
    failures = iter([True, True])

    def fail(lobby: Lobby) -> None:
        if next(failures, False):
            raise ZeroDivisionError
        wait(lobby)

    monkeypatch.setattr(Lobby, "wait", fail)
    with quiet_server() as server:
        assert is_served(server)
    assert "an error of this program" in caplog.text


# --- who leaves ------------------------------------------------------------------------------------------


def refused(peer: Raw) -> None:
    peer.send(request(version=0))
    assert peer.receive_pdu() == model.reject(1, 2, 2)


def aborted(peer: Raw) -> None:
    peer.send(echo_rq())
    assert peer.receive_pdu() == model.abort(0, 0)


@pytest.mark.parametrize("lead_to", [refused, aborted])
def test_who_never_closes_has_no_thread(lead_to: Callable[[Raw], None]) -> None:
    """R4: in Sta13 the connection is closed when ARTIM has expired."""
    ae = store_ae(set())
    ae.acse_timeout = 1.0
    with quiet_server(ae) as server:
        before = descriptors()
        with idle_connections(server, 40) as peers:
            for peer in peers:
                lead_to(peer)
                assert peer.receive_pdu() == b""  # half closed at once
            assert is_served(server)
            assert threads() <= 12
            peers[0].close()
            wait_until(lambda: descriptors() <= before + 2 * 40 - 2)
            wait_until(lambda: descriptors() <= before + 39)  # only our ends are left


def send_for_ever(peer: Raw) -> None:
    for _ in range(10_000):
        peer.send(bytes(1 << 20))


def test_who_goes_on_to_send_is_left() -> None:
    ae = store_ae(set())
    ae.acse_timeout = 1.0
    with quiet_server(ae) as server, connect_raw(port_of(server)) as peer:
        refused(peer)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            send_for_ever(peer)
        assert is_served(server)


@pytest.mark.soak
def test_thousands_wait() -> None:
    """T3, or as many as there are descriptors for: both ends are in this process."""
    ae = store_ae(set())
    ae.maximum_waiting_per_address = None
    with quiet_server(ae) as server:
        before = resident()
        with idle_connections(server, 9_000) as peers:
            assert is_served(server)
            assert (resident() - before) / len(peers) < 32 << 10
            assert threads() <= 12
