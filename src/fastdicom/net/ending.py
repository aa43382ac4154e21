"""How a connection ends: it is closed here, or somebody else waits for the peer to close it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from fastdicom._core.pdata import Reader
from fastdicom.net.resetting import reset_when_closed
from fastdicom.net.streaming import Streaming
from fastdicom.ul.provider import Provider
from fastdicom.ul.states import State

# How long an A-ABORT may take to leave, and the peer to close after it, before the connection is just closed.
ABORT_LINGER = 1.0


class Ending(Streaming):
    """What a connection does when it is over.

    Attributes
    ----------
    on_close
        Called when the connection is closed.
    see_off : callable or None
        Takes the socket, and a time of the monotonic clock, when nothing is left but to wait until then for
        the peer to close (Sta13). None: `receive` waits.
    """

    def __init__(self, provider: Provider, sock: socket.socket, reader: Reader) -> None:
        super().__init__(provider, sock, reader)
        self.on_close: Callable[[], object] = bool
        self.see_off: Callable[[socket.socket, float], None] | None = None

    def _leave(self, see_off: Callable[[socket.socket, float], None]) -> None:
        """Let somebody else wait for the peer to close (AR-5, AA-2)."""
        now = monotonic()
        ends_at = self.ends_at
        self._mark_closed()
        self.provider.transport_closed(now)
        see_off(self._socket, now + ABORT_LINGER if ends_at is None else ends_at)
        self._let_go()

    def _let_go(self) -> None:
        # An association refers to itself in circles: memory must not wait until those are found.
        self._wire.forget()
        self.reader.discard()
        self._wire.rest()
        self._stream_end.notify_all()
        self.on_close()

    def _close(self) -> None:
        if not self._mark_closed():
            return
        if self.provider.state is not State.Sta1:
            self.provider.transport_closed(monotonic())
        if self._wire.has_unsent:
            reset_when_closed(self._socket)
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self._socket.close()
        self._let_go()
