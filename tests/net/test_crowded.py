"""Where several workers are busy, a response leaves together with the wait for what comes next."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import model
import pytest
from parked import echo, idle_peers
from raw_peer import Raw, echo_rq
from servers import await_event, serving, store_ae, wait_until

from fastdicom import evt
from fastdicom.association.association import Association
from fastdicom.net.parking import HAS_POLLER

pytestmark = pytest.mark.skipif(not HAS_POLLER, reason="associations keep their threads here")

BUSY, ASKS = 99, 7  # Message IDs: who keeps workers busy, and who asks meanwhile


@contextmanager
def crowded(handle: Any) -> Iterator[tuple[Any, Raw]]:
    """A server on which two workers are busy with others, and a peer on which `handle` is called."""
    may_go = threading.Event()
    busy: list[int] = []

    def choose(event: evt.Event) -> Any:
        if event.message_id != BUSY:
            return handle(event)
        busy.append(BUSY)
        await_event(may_go)
        return 0x0000

    with (
        serving(store_ae(set()), [(evt.EVT_C_ECHO, choose)]) as server,
        idle_peers(server, 3) as (one, other, peer),
    ):
        for each in (one, other):
            each.send(echo_rq(BUSY))
        wait_until(lambda: len(busy) == 2)
        try:
            yield server, peer
        finally:
            may_go.set()
        for each in (one, other):
            assert each.receive_message()[1][0x0900] == 0


def test_a_response_leaves_with_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    deferred = []
    serve = Association.serve

    def watch(self: Association, message: Any, **options: Any) -> Any:
        response = serve(self, message, **options)
        deferred.append(response is not None)
        return response

    monkeypatch.setattr(Association, "serve", watch)
    with crowded(lambda event: 0x0000) as (_, peer):
        for message_id in range(1, 6):
            echo(peer, message_id)
        assert deferred == [True] * 5


def test_a_response_leaves_although_another_thread_receives() -> None:
    is_held, may_leave = threading.Event(), threading.Event()

    def hold(association: Any) -> None:
        with association._lead:
            is_held.set()
            await_event(may_leave)

    def handle(event: evt.Event) -> int:
        if event.message_id == ASKS:
            threading.Thread(target=hold, args=(event.assoc,)).start()
            await_event(is_held)
        return 0x0000

    with crowded(handle) as (_, peer):
        try:
            echo(peer, ASKS)
        finally:
            may_leave.set()
        echo(peer)


ABORTS: dict[str, Callable[[Any], object]] = {
    "until it is closed": lambda association: association.abort(),
    "while another thread waits for that": lambda association: association.abort(block=False),
    "and nobody waits": lambda association: association._link.abort(),
}


@pytest.mark.parametrize("how", ABORTS)
def test_a_handler_that_aborts(how: str, caplog: pytest.LogCaptureFixture) -> None:
    def handle(event: evt.Event) -> int:
        ABORTS[how](event.assoc)
        return 0x0000

    with caplog.at_level("INFO"), crowded(handle) as (server, peer):
        peer.send(echo_rq(ASKS))
        assert peer.receive_pdu() == model.abort(0, 0)
        wait_until(lambda: len(server._associations) == 2)
    assert "error of this program" not in caplog.text
    assert how == "until it is closed" or "the response was not sent" in caplog.text


def test_a_peer_that_aborts_before_its_response(caplog: pytest.LogCaptureFixture) -> None:
    has_aborted = threading.Event()

    def handle(event: evt.Event) -> int:
        await_event(has_aborted)
        wait_until(event.assoc._link._wire.has_news)
        return 0x0000

    with crowded(handle) as (server, peer):
        peer.send(echo_rq(ASKS), model.abort(0, 0))
        has_aborted.set()
        wait_until(lambda: len(server._associations) == 2)
    assert "error of this program" not in caplog.text
