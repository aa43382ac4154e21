"""Servers with associations that are parked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import model
import pytest
from raw_peer import (
    Raw,
    associate_raw,
    echo_rq,
)
from servers import port_of, wait_until

from fastdicom import AE
from fastdicom.net.parking import ParkingLot

# A leader and those that may wait for the lead.
IDLE_THREADS = 5


def lot_of(server: Any) -> ParkingLot:
    lot: ParkingLot = server._listener.lot
    return lot


def is_parked(ticket: Any) -> bool:
    return bool(ticket._descriptor is not None)


def tickets(server: Any) -> list[Any]:
    """The places in the lot of a server."""
    return [attendance._ticket for attendance in list(server._associations.values())]


def all_parked(server: Any, count: int) -> Callable[[], bool]:
    """Whether so many associations wait for their descriptors."""
    return lambda: sum(map(is_parked, tickets(server))) == count


def threads(name: str = "fastdicom-server") -> int:
    return sum(thread.name == name for thread in threading.enumerate())


def echo(peer: Raw, message_id: int = 1) -> None:
    peer.send(echo_rq(message_id))
    assert peer.receive_message()[1][0x0900] == 0


def release(peer: Raw) -> None:
    peer.send(model.release_rq())
    assert peer.receive_pdu() == model.release_rp()
    peer.close()


@contextmanager
def idle_peers(server: Any, count: int, others: int = 0) -> Iterator[list[Raw]]:
    """So many associations, all of them parked, as others of the server are."""
    with ExitStack() as stack:
        peers = [stack.enter_context(associate_raw(port_of(server))) for _ in range(count)]
        wait_until(all_parked(server, count + others))
        yield peers


@contextmanager
def without_linger(monkeypatch: pytest.MonkeyPatch, ae: AE) -> Iterator[None]:
    """Have workers leave at once, so that everything that can happen while nobody is there does."""
    monkeypatch.setattr("fastdicom.net.crew.LINGER", 0)
    ae.workforce.linger.milliseconds = 0
    yield


def associate_with_window(server: Any, window: int) -> Raw:
    return associate_raw(port_of(server), window=(window, 1))
