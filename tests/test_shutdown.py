"""Ending servers: at once, with a drain, from anywhere, and more than once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any

import model
import pytest
from raw_peer import Raw, associate_raw, connect_raw, echo_rq, request
from servers import DEADLINE, POLL, associate, await_event, port_of, serving, store_ae, wait_until

from fastdicom import AE, build_context, evt
from fastdicom.sop_class import Verification

CONTEXTS = [build_context(Verification)]


class Later(threading.Thread):
    """A call in another thread; `result` waits for it."""

    def __init__(self, call: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._call = call
        self._result: list[Any] = []
        self.start()

    def run(self) -> None:
        self._result.append(self._call())

    def result(self) -> Any:
        self.join(DEADLINE)
        return self._result[0]


def refuses_connections(port: int) -> bool:
    try:
        connect_raw(port).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # it was being closed
        pass
    return False


def echo(peer: Raw) -> None:
    peer.send(echo_rq())
    assert peer.receive_message()[1][0x0900] == 0


def release(peer: Raw) -> None:
    peer.send(model.release_rq())
    assert peer.receive_pdu() == model.release_rp()
    peer.close()


@pytest.mark.parametrize("whole", ["server", "AE"])
def test_a_drain_lets_associations_finish(whole: str) -> None:
    ae = store_ae(set())
    with serving(ae) as server:
        ending: Any = server if whole == "server" else ae
        port = port_of(server)
        peer, idle = associate_raw(port), connect_raw(port)
        shutdown = Later(lambda: ending.shutdown(drain=DEADLINE))
        wait_until(lambda: refuses_connections(port))
        assert idle.receive_all() == []
        idle.close()
        echo(peer)
        echo(peer)
        assert shutdown.is_alive()
        release(peer)
        assert shutdown.result() == 0
        assert ae.active_associations == []


@pytest.mark.parametrize("whole", ["server", "AE"])
def test_a_drain_has_an_end(whole: str) -> None:
    ae = store_ae(set())
    with serving(ae) as server:
        ending: Any = server if whole == "server" else ae
        peers = [associate_raw(port_of(server)) for _ in range(3)]
        release(peers[0])
        start = monotonic()
        assert ending.shutdown(drain=0.2) == 2
        assert 0.2 <= monotonic() - start < 5
        for peer in peers[1:]:
            assert peer.receive_all() == [model.abort(0, 0)]
            peer.close()


def test_a_request_that_comes_too_late_is_refused_for_now() -> None:
    """It is being looked at when the drain begins."""
    ae = store_ae(set())
    requested, may_go_on = threading.Event(), threading.Event()

    def hold(event: evt.Event) -> None:
        requested.set()
        await_event(may_go_on)

    with serving(ae, [(evt.EVT_REQUESTED, hold)]) as server, connect_raw(port_of(server)) as peer:
        peer.send(request())
        await_event(requested)
        shutdown = Later(lambda: ae.shutdown(drain=DEADLINE))
        wait_until(lambda: refuses_connections(port_of(server)))
        may_go_on.set()
        assert peer.receive_pdu() == model.reject(2, 3, 1)
        peer.close()
        assert shutdown.result() == 0


def test_one_server_of_an_ae_is_drained() -> None:
    ae = store_ae(set())
    with serving(ae) as one, serving(ae) as other, associate_raw(port_of(other)) as peer:
        assert one.shutdown(drain=DEADLINE) == 0
        echo(peer)
        with associate(AE(), other, contexts=CONTEXTS) as association:
            assert association.is_established
        release(peer)


def test_requestors_are_waited_for_as_well() -> None:
    ae = store_ae(set())
    with serving(store_ae(set())) as server:
        association = associate(ae, server, contexts=CONTEXTS)
        shutdown = Later(lambda: ae.shutdown(drain=DEADLINE))
        assert association.send_c_echo().Status == 0x0000
        assert shutdown.is_alive()
        association.release()
        assert shutdown.result() == 0
        association = associate(ae, server, contexts=CONTEXTS)
        assert ae.shutdown(drain=0.05) == 1
        assert association.is_aborted


def test_without_a_drain_all_are_aborted_at_once() -> None:
    ae = store_ae(set())
    with serving(ae) as server:
        peers = [associate_raw(port_of(server)) for _ in range(5)]
        idle = connect_raw(port_of(server))
        start = monotonic()
        assert ae.shutdown() == 5
        assert monotonic() - start < 4
        for peer in peers:
            assert peer.receive_all() == [model.abort(0, 0)]
        assert idle.receive_all() == []
        assert refuses_connections(port_of(server))
        for peer in [*peers, idle]:
            peer.close()


def test_shut_down_more_than_once() -> None:
    ae = store_ae(set())
    with serving(ae) as server:
        peer = associate_raw(port_of(server))
        drain = Later(lambda: ae.shutdown(drain=DEADLINE))
        wait_until(lambda: refuses_connections(port_of(server)))
        assert ae.shutdown() == 1  # ends the drain as well
        assert drain.result() == 0
        peer.close()
        assert [ae.shutdown(), server.shutdown(), ae.shutdown(drain=5), server.shutdown(drain=5)] == [0] * 4
        server.server_close()


def test_many_threads_shut_down_at_once() -> None:
    ae = store_ae(set())
    with serving(ae) as server:
        peers = [associate_raw(port_of(server)) for _ in range(4)]
        assert sum(call.result() for call in [Later(ae.shutdown) for _ in range(6)]) >= 4
        for peer in peers:
            assert peer.receive_all() == [model.abort(0, 0)]
            peer.close()


@pytest.mark.parametrize("drain", [None, 0.1])
@pytest.mark.parametrize("whole", ["server", "AE"])
def test_from_within_a_handler(whole: str, drain: float | None) -> None:
    ae = store_ae(set())
    results: list[int] = []
    done = threading.Event()

    def end(event: evt.Event) -> int:
        ending: Any = server if whole == "server" else ae
        results.append(ending.shutdown(drain=drain))
        done.set()
        return 0x0000

    with (
        serving(ae, [(evt.EVT_C_ECHO, end)]) as server,
        associate_raw(port_of(server)) as peer,
        associate_raw(port_of(server)) as other,
    ):
        start = monotonic()
        peer.send(echo_rq())
        await_event(done)
        assert monotonic() - start < 4
        assert results == [2]
        assert peer.receive_all() == other.receive_all() == [model.abort(0, 0)]
        wait_until(lambda: ae.active_associations == [])
        assert refuses_connections(port_of(server))


@pytest.mark.parametrize("whole", ["server", "AE"])
def test_from_within_a_handler_the_others_may_finish(whole: str) -> None:
    ae = store_ae(set())
    results: list[int] = []

    def end(event: evt.Event) -> int:
        ending: Any = server if whole == "server" else ae
        results.append(ending.shutdown(drain=DEADLINE))
        return 0x0000

    with (
        serving(ae, [(evt.EVT_C_ECHO, end)]) as server,
        associate_raw(port_of(server)) as peer,
        associate_raw(port_of(server)) as other,
    ):
        peer.send(echo_rq())
        wait_until(lambda: refuses_connections(port_of(server)))
        start = monotonic()
        release(other)
        assert peer.receive_all() == [model.abort(0, 0)]
        wait_until(lambda: results == [1])  # its own
        assert monotonic() - start < DEADLINE / 2


def test_a_handler_that_hangs_does_not_hang_the_shutdown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastdicom.server.PATIENCE", 0.2)
    begun, may_end = threading.Event(), threading.Event()

    def hang(event: evt.Event) -> int:
        begun.set()
        await_event(may_end)
        return 0x0000

    with serving(store_ae(set()), [(evt.EVT_C_ECHO, hang)]) as server, associate_raw(port_of(server)) as peer:
        peer.send(echo_rq())
        await_event(begun)
        start = monotonic()
        assert server.shutdown(drain=0.1) == 1
        assert monotonic() - start < 4
        may_end.set()


def test_handlers_that_raise_at_the_end() -> None:
    def fail(event: evt.Event) -> None:
        raise ZeroDivisionError

    handlers = [(event, fail) for event in (evt.EVT_ABORTED, evt.EVT_CONN_CLOSE, evt.EVT_RELEASED)]
    with serving(store_ae(set()), handlers) as server:
        peer, other = associate_raw(port_of(server)), associate_raw(port_of(server))
        release(other)
        assert server.shutdown(drain=0.1) == 1
        assert peer.receive_all() == [model.abort(0, 0)]
        peer.close()


def test_nothing_is_left_behind() -> None:
    def state() -> tuple[int, int]:
        return len(os.listdir("/proc/self/fd")), threading.active_count()

    ae = store_ae(set())
    before = state()
    for _ in range(20):
        server = ae.start_server(("127.0.0.1", 0), block=False)
        with associate(AE(), server, contexts=CONTEXTS):
            pass
        with connect_raw(port_of(server)):
            ae.shutdown(drain=1)
    wait_until(lambda: state() <= before)


SIGNALLED = """
import signal, sys
from fastdicom import AE
from fastdicom.sop_class import Verification

ae = AE()
ae.add_supported_context(Verification)
signal.signal(signal.SIGTERM, lambda *args: print(ae.shutdown(drain=0.3), flush=True))
signal.signal(signal.SIGUSR1, lambda *args: print("ready", flush=True))
import os, threading
threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGUSR1)).start()
ae.start_server(("127.0.0.1", int(sys.argv[1])))
"""


def test_from_a_signal_handler_while_the_server_blocks(free_port: int) -> None:
    command = [sys.executable, "-c", SIGNALLED, str(free_port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            peer = associate_raw(free_port)
            process.send_signal(signal.SIGTERM)
            assert peer.receive_all() == [model.abort(0, 0)]
            peer.close()
            assert process.stdout.readline() == "1\n"
            assert process.wait(DEADLINE) == 0
        finally:
            process.kill()


@pytest.fixture
def free_port() -> int:
    from peers import unused_port

    return unused_port()


def test_in_the_middle_of_a_burst() -> None:
    """Whatever a connection is at when the server ends: it ends, too."""
    for _ in range(2):
        with serving(store_ae(set())) as server:
            peers = [connect_raw(port_of(server)) for _ in range(30)]
            for number, peer in enumerate(peers):
                peer.send(request()[: None if number % 2 else 50])
            POLL.wait(0.002)
            server.shutdown()
            for peer in peers:
                peer.receive_all()
                peer.close()
