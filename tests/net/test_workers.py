"""Workers: no more than there may be, for all who want something, whatever others do at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from time import monotonic
from typing import Any

import model
import pytest
from parked import (
    all_parked,
    associate_with_window,
    echo,
    idle_peers,
    lot_of,
    release,
    threads,
    without_linger,
)
from raw_peer import (
    CT,
    IMPLICIT,
    Raw,
    associate_raw,
    connect_raw,
    data_set,
    echo_rq,
    request,
)
from servers import DEADLINE, POLL, associate, await_event, port_of, serving, store_ae, wait_until

from fastdicom import AE, build_context, evt
from fastdicom.net.parking import HAS_POLLER
from fastdicom.sop_class import Verification

pytestmark = pytest.mark.skipif(not HAS_POLLER, reason="associations keep their threads here")

CONTEXTS = [build_context(Verification)]
ABORT_OF_USER = model.abort(0, 0)

# --- workers ---------------------------------------------------------------------------------------------


class Crowd:
    """A handler that counts how many are in it, and holds all until it is told."""

    def __init__(self) -> None:
        self.may_go = threading.Event()
        self.lock = threading.Lock()
        self.inside = self.most = self.done = 0

    def handle(self, event: evt.Event) -> int:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        await_event(self.may_go)
        with self.lock:
            self.inside -= 1
            self.done += 1
        return 0x0000


def test_no_more_workers_than_there_may_be_and_everybody_is_served() -> None:
    crowd = Crowd()
    ae = store_ae(set())
    ae.workers = 3
    with (
        serving(ae, [(evt.EVT_C_ECHO, crowd.handle)]) as one,
        serving(ae, [(evt.EVT_C_ECHO, crowd.handle)]) as other,
        idle_peers(one, 6) as peers,
        idle_peers(other, 6) as others,
    ):
        for peer in [*peers, *others]:
            peer.send(echo_rq())
        wait_until(lambda: crowd.inside == 3)
        POLL.wait(0.05)
        assert crowd.most == 3
        ae.workers = 5
        wait_until(lambda: crowd.inside == 5)
        crowd.may_go.set()
        for peer in [*peers, *others]:
            assert peer.receive_message()[1][0x0900] == 0
        assert crowd.most == 5 and crowd.done == 12
        for _ in range(3):
            for number, peer in enumerate([*peers, *others]):
                echo(peer, number + 1)


@pytest.mark.parametrize("workers", [0, -1])
def test_there_is_a_worker(workers: int) -> None:
    ae = AE()
    assert ae.workers == 128
    with pytest.raises(ValueError, match="1 or more"):
        ae.workers = workers


def test_a_handler_that_hangs_keeps_one_worker() -> None:
    crowd = Crowd()
    ae = store_ae(set())
    ae.workers = 2

    def handle(event: evt.Event) -> int:
        return crowd.handle(event) if event.message_id == 9 else 0

    with serving(ae, [(evt.EVT_C_ECHO, handle)]) as server, idle_peers(server, 5) as peers:
        peers[0].send(echo_rq(9))
        wait_until(lambda: crowd.inside == 1)
        for _ in range(3):
            for peer in peers[1:]:
                echo(peer)
        crowd.may_go.set()
        assert peers[0].receive_message()[1][0x0900] == 0


def test_a_window_of_eight_with_three_workers() -> None:
    crowd = Crowd()
    ae = store_ae({CT})
    ae.workers = 3
    handlers: list[Any] = [(evt.EVT_C_ECHO, crowd.handle), (evt.EVT_ASYNC_OPS, lambda event: (8, 1))]
    with serving(ae, handlers) as server, associate_with_window(server, 8) as peer:
        for turn in range(5):
            peer.send(*(echo_rq(message_id) for message_id in range(1, 9)))
            if turn == 0:
                wait_until(lambda: crowd.inside == 3)
                crowd.may_go.set()
            answered = [peer.receive_message()[1] for _ in range(8)]
            assert sorted(int(str(each[0x0120])) for each in answered) == list(range(1, 9))
            assert {each[0x0900] for each in answered} == {0}
        assert crowd.most == 3 and crowd.done == 40
        wait_until(all_parked(server, 1))
        release(peer)
        wait_until(lambda: not server._associations)


def test_a_window_and_workers_that_leave_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ae = store_ae({CT})
    handlers: list[Any] = [(evt.EVT_ASYNC_OPS, lambda event: (8, 1))]
    with without_linger(monkeypatch, ae), serving(ae, handlers) as server:
        with associate_with_window(server, 8) as peer:
            for turn in range(100):
                peer.send(*(echo_rq(message_id) for message_id in range(1, 2 + turn % 8)))
                for _ in range(1 + turn % 8):
                    assert peer.receive_message()[1][0x0900] == 0
            release(peer)
        wait_until(lambda: not server._associations)
        assert server._listener._guests == 0 and len(lot_of(server)) == 0


def test_an_association_to_ourselves_within_a_handler() -> None:
    ae = store_ae(set())
    ae.add_requested_context(Verification)

    with serving(ae) as server:

        def chain(event: evt.Event) -> int:
            if event.message_id > 1:
                with associate(ae, server) as nested:
                    return int(nested.send_c_echo(msg_id=event.message_id - 1).Status)
            return 0

        server.bind(evt.EVT_C_ECHO, chain)
        with associate(ae, server) as association:
            assert association.send_c_echo(msg_id=9).Status == 0


# --- races -----------------------------------------------------------------------------------------------


def abort(association: Any) -> None:
    association.abort()


def kill(association: Any) -> None:
    association.kill()


def ask_release(association: Any) -> None:
    association.release()


@pytest.mark.parametrize("end", [abort, kill, ask_release])
@pytest.mark.parametrize("said", [b"", echo_rq(), model.release_rq(), ABORT_OF_USER, None])
def test_what_comes_and_what_another_thread_does(
    monkeypatch: pytest.MonkeyPatch, end: Callable[[Any], None], said: bytes | None
) -> None:
    """The peer says something, or closes, and an association that is parked is ended at the same time."""
    ae = store_ae(set())
    ae.acse_timeout = 2
    with without_linger(monkeypatch, ae), serving(ae) as server:
        for turn in range(12):
            peer = associate_raw(port_of(server))
            if turn % 2:
                wait_until(all_parked(server, 1))
            (association,) = server._associations
            start = threading.Barrier(2)

            def speak(peer: Raw = peer, start: threading.Barrier = start) -> None:
                start.wait(DEADLINE)
                try:
                    if said is None:
                        peer.close()
                    elif said:
                        peer.send(said)
                    if end is ask_release:  # which would be waited for
                        peer.close()
                except OSError:
                    pass

            speaker = threading.Thread(target=speak)
            speaker.start()
            start.wait(DEADLINE)
            end(association)
            speaker.join()
            peer.close()
            wait_until(lambda: not server._associations)
            assert len(lot_of(server)) == 0
        assert server._listener._guests == 0
        with associate_raw(port_of(server)) as peer:
            echo(peer)


def test_a_requestor_that_is_used_while_it_is_looked_after(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers look all the time, and take away what an operation needs whenever they find it idle."""
    monkeypatch.setattr("fastdicom.association.performing.LOOK_AGAIN", 0.0)
    monkeypatch.setattr("fastdicom.association.performing.LOOK_AGAIN_LIMIT", 0.0)
    ae = store_ae({CT})
    with without_linger(monkeypatch, ae), serving(ae, [(evt.EVT_C_STORE, lambda event: 0)]) as server:
        requestor = AE()
        encoded = data_set(20_000)
        for _ in range(3):
            with associate(
                requestor, server, contexts=[*CONTEXTS, build_context(CT, IMPLICIT)]
            ) as association:
                for _ in range(30):
                    assert association.send_c_echo().Status == 0
                    assert association.send_c_store(encoded, transfer_syntax=IMPLICIT).Status == 0
            assert association.is_released


def test_shutdown_ends_all_that_are_parked() -> None:
    ae = store_ae(set())
    with serving(ae) as server, idle_peers(server, 50) as peers:
        start = monotonic()
        assert server.shutdown() == 50
        assert monotonic() - start < 4
        for peer in peers:
            assert peer.receive_all() == [ABORT_OF_USER]
        assert not server._associations and threads() == 0


def test_without_a_poller_an_association_keeps_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("net.parking", "net.crew", "association.performing", "association.workers"):
        monkeypatch.setattr(f"fastdicom.{module}.HAS_POLLER", False)
    ae = store_ae(set())
    ae.workers = 1
    handlers: list[Any] = [(evt.EVT_ASYNC_OPS, lambda event: (8, 1))]
    with serving(ae, handlers) as server, ExitStack() as stack:
        peers = [stack.enter_context(associate_raw(port_of(server))) for _ in range(10)]
        peers += [stack.enter_context(associate_with_window(server, 8))]
        assert threads() >= 11
        for peer in peers:
            echo(peer)
        peers[-1].send(*(echo_rq(message_id) for message_id in range(1, 9)))
        for _ in range(8):
            assert peers[-1].receive_message()[1][0x0900] == 0
        for peer in peers:
            release(peer)
        wait_until(lambda: not server._associations)


@pytest.mark.parametrize("what", ["answer_request", "Association"])
def test_who_cannot_be_served_is_counted_out_once(
    what: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Counted out twice, another one would be taken for the last when the server ends."""

    def fail(*arguments: Any, **options: Any) -> None:
        raise RuntimeError("on purpose")

    with serving(store_ae(set())) as server, idle_peers(server, 1) as peers:
        with monkeypatch.context() as patch:
            patch.setattr(f"fastdicom.server.{what}", fail)
            with connect_raw(port_of(server)) as peer:
                peer.send(request())
                assert peer.receive_all() == []
            wait_until(lambda: "ended in an error of this program" in caplog.text)
        assert server._listener._guests == 1
        server.stop()
        echo(peers[0])
        release(peers[0])
        server.shutdown()
        assert server._listener._guests == 0 and not server._listener._threads
    assert caplog.text.count("an error of this program") == 1
