"""An association that is used all the time and must not notice anything, and how a raw peer uses one."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from time import monotonic
from typing import Any, Self

import model
from raw_peer import STORE_CONTEXT, Raw, connect_raw, data_set, echo_rq, request, store_command
from servers import DEADLINE

OUR_MAXIMUM_LENGTH = 16382
"""What the victim says it takes unless told otherwise."""

BYSTANDER = "2.25.1"
"""The instance that bystanders store, in victim.py as well."""

PAUSE = 0.02
"""Seconds between two rounds of the bystander."""

IMMEDIATELY = 2.0
"""Seconds: what a machine that is busy takes for an association, and no timeout here hides in."""


def echo(peer: Raw, message_id: int = 1) -> None:
    """Echo on an association, with success."""
    peer.send(echo_rq(message_id))
    command = peer.receive_message()[1]
    assert (command[0x0120], command[0x0900]) == (message_id, 0x0000)


def store(peer: Raw, message_id: int = 1, instance: str = "1.2.3.4", length: int = 500) -> None:
    """Store on an association, with success."""
    command = store_command(message_id, instance)
    peer.send(*model.message(STORE_CONTEXT, command, data_set(length, instance), OUR_MAXIMUM_LENGTH))
    answer = peer.receive_message()[1]
    assert (answer[0x0120], answer[0x0900]) == (message_id, 0x0000)


def release(peer: Raw) -> None:
    """Release an association in good order."""
    peer.send(model.release_rq())
    assert peer.receive_pdu() == model.release_rp()


def established(port: int, **options: Any) -> Raw:
    """Return a peer with an association that has been accepted."""
    peer = connect_raw(port)
    peer.send(request(**options))
    answer = peer.receive_pdu()
    assert answer[:1] == b"\2", f"not accepted: {answer[:16]!r}"
    return peer


def final_pdus(peer: Raw) -> list[bytes]:
    """Say no more, and return the PDUs that come until the victim closes."""
    with suppress(OSError):
        peer.socket.shutdown(socket.SHUT_WR)
    return peer.receive_all()


def send_anyway(peer: Raw, *pdus: bytes) -> None:
    """Send to a victim that may have closed already."""
    with suppress(ConnectionError):
        peer.send(*pdus)


class Bystander:
    """An association that is used all the time, in a thread, and must not notice anything."""

    def __init__(self, port: int) -> None:
        self._peer = established(port)
        self._changed = threading.Condition()  # for what follows
        self._is_over = False
        self._wanted = 0
        self._failure: BaseException | None = None
        self.rounds = 0
        self.slowest = 0.0
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
        self._thread.join(DEADLINE)
        if self._failure is None and not self._thread.is_alive():
            self._round()
            release(self._peer)
        self._peer.close()
        if kind is None:
            self.check()

    def _work(self) -> None:
        try:
            while not self._is_over:
                self._round()
                with self._changed:
                    self._changed.notify_all()
                    if self.rounds >= self._wanted and not self._is_over:
                        self._changed.wait(PAUSE)
        except BaseException as error:
            with self._changed:
                self._failure = error
                self._changed.notify_all()

    def _round(self) -> None:
        start = monotonic()
        echo(self._peer, 1)
        store(self._peer, 2, BYSTANDER)
        self.slowest = max(self.slowest, monotonic() - start)
        self.rounds += 1

    def check(self) -> None:
        """Fail if it has noticed anything."""
        assert not (self._is_over and self._thread.is_alive()), "the bystander hangs"
        if self._failure is not None:
            raise AssertionError("the bystander was affected") from self._failure

    def keep_on(self) -> None:
        """Wait until it has done two more rounds, one of which began after this call."""
        with self._changed:
            wanted = self._wanted = self.rounds + 2
            self._changed.notify_all()
            is_done = self._changed.wait_for(
                lambda: self._failure is not None or self.rounds >= wanted, DEADLINE
            )
        self.check()
        assert is_done, f"the bystander is not served within {DEADLINE} s"
