"""Waiting for a socket and a waker."""

from __future__ import annotations

import socket

import pytest

from fastdicom.net import readiness
from fastdicom.net.readiness import Readiness
from fastdicom.net.waker import Waker


@pytest.mark.parametrize("has_poll", [True, False])
def test_a_waker_may_be_all_that_is_waited_for(monkeypatch: pytest.MonkeyPatch, has_poll: bool) -> None:
    """Where there is no socket to look after its descriptor stands for both."""
    monkeypatch.setattr(readiness, "HAS_POLL", has_poll)
    waker = Waker()
    both = Readiness(waker.fileno(), waker.fileno())
    assert both.wait(0, reading=False, writing=False) == (False, False, False)
    waker.wake()
    assert both.wait(20, reading=False, writing=False)[0]
    waker.close()


@pytest.mark.parametrize("has_poll", [True, False])
def test_a_socket_and_a_waker(monkeypatch: pytest.MonkeyPatch, has_poll: bool) -> None:
    monkeypatch.setattr(readiness, "HAS_POLL", has_poll)
    ours, theirs = socket.socketpair()
    waker = Waker()
    with ours, theirs:
        ready = Readiness(ours.fileno(), waker.fileno())
        assert ready.wait(0, reading=True, writing=False) == (False, False, False)
        assert ready.wait(20, reading=True, writing=True) == (False, False, True)
        theirs.send(b"\0")
        assert ready.wait(20, reading=True, writing=False) == (False, True, False)
        waker.wake()
        assert ready.wait(20, reading=False, writing=False) == (True, False, False)
    waker.close()
