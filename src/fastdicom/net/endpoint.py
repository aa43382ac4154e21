"""A connection as something that is waited for: by its own `receive`, or elsewhere while it rests.

While somebody may wait on its wire it has a waker, and memory for what comes; while it rests it has neither,
and whoever waits for its descriptor instead is told what happens without anything coming.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from time import monotonic

from fastdicom._core.pdata import Message, Reader
from fastdicom.net.turnstile import Turnstile
from fastdicom.net.waker import LentWaker
from fastdicom.net.wires import open_wire
from fastdicom.ul.provider import Provider


class Endpoint:
    """What is known of a connection by who waits for it.

    Attributes
    ----------
    on_news
        Called, by any thread, when somebody is to receive although nothing may come any more.
    before_close
        Called, by any thread, before the descriptor is closed or given away.
    """

    def __init__(self, provider: Provider, sock: socket.socket, reader: Reader) -> None:
        self.provider = provider
        self.reader = reader
        self.on_news: Callable[[], object] = bool
        self.before_close: Callable[[], object] = bool
        self._socket = sock
        self._waker = LentWaker(self._is_awaited)
        self._wire = open_wire(sock, self._waker.fileno(), reader)
        # Handlers of PDU events run with it held, and may abort or release.
        self._turnstile = Turnstile(self._waker.wake)
        self._lock = self._turnstile.lock
        self._arrived: deque[Message] = deque()  # while one was sent
        self._is_closed = False
        self._is_abort_wanted = False
        # In Sta6 Evt9 and Evt10 change nothing (DT-1, DT-2): while this is so, the table is not asked.
        self._flows = False
        self._limit: float | None = None
        self._set_deadline: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether the connection has not been closed yet."""
        return not self._is_closed

    def fileno(self) -> int:
        """Return the socket's descriptor, which is readable when something has come; -1 once it is closed."""
        return self._socket.fileno()

    @property
    def bytes_moved(self) -> tuple[int, int]:
        """How many bytes have been received and sent, with what TLS adds to them."""
        return self._wire.bytes_received, self._wire.bytes_sent

    def has_news(self) -> bool:
        """Whether `receive` has something to tell at once, or may have."""
        return self._is_closed or not self._flows or bool(self._arrived) or self._wire.has_news()

    @property
    def holds_bytes(self) -> bool:
        """Whether something has come that `receive` has not told of, and `fileno` does not any more."""
        return self._wire.holds_bytes or bool(self._arrived)

    def linger(self, seconds: float) -> None:
        """Bound all further waits together; after that the connection is closed."""
        self._limit = monotonic() + seconds
        self._flows = False

    # Resting.

    def rest(self) -> bool:
        """Give back what is only needed while somebody works for it; False when another thread does."""
        if not self._turnstile.try_to_enter():
            return False
        try:
            self._flows = False
            self._waker.take_back(self._wire.set_wake_descriptor)
            self._wire.rest()
        finally:
            self._turnstile.leave()
        return True

    @property
    def due(self) -> float | None:
        """Until when something has to come after QUIET, in monotonic time; None for ever."""
        return self._wire.due

    @property
    def ends_at(self) -> float | None:
        """When it ends whatever comes, in monotonic time; None when it does not."""
        limits = [limit for limit in (self.provider.deadline, self._limit) if limit is not None]
        return min(limits, default=None)

    # With the lock held.

    def _bound_wait(self, *, waits: bool = True) -> None:
        """Set an end to the waits that follow, and have something to be woken by."""
        deadline = self.ends_at if waits else 0.0
        if deadline != self._set_deadline:
            self._wire.set_deadline(deadline)
            self._set_deadline = deadline
        if waits and not self._waker.is_there:
            self._waker.lend(self._wire.set_wake_descriptor)

    def _is_awaited(self) -> bool:
        return self._is_abort_wanted or self._turnstile.has_visitor

    def _mark_closed(self) -> bool:
        """Take note that the descriptor is not to be used any more; False when it is so already."""
        is_first = self._waker.close()
        if is_first:
            self._is_closed = True
            self.before_close()
        return is_first
