"""Waiting for memory: a data set that the budget has no room for is not received meanwhile.

Its sender has to wait, as nothing is taken from the socket. Who gives memory back wakes who waits longest.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from fastdicom._core.buffer import BufferPool
from fastdicom.net.readiness import Readiness


class Shortage:
    """The wait of one connection.

    Parameters
    ----------
    pool
        Where the memory is to come from.
    wake
        Ends the wait; from any thread.
    """

    def __init__(self, pool: BufferPool, wake: Callable[[], None]) -> None:
        self._pool = pool
        self._wake = wake
        self._since: float | None = None

    def wait(self, wanted: int, wake_descriptor: int, limit: float | None, deadline: float | None) -> bool:
        """Wait until there may be room, or somebody wants attention; False when it has taken too long.

        Parameters
        ----------
        wanted
            How many bytes there was no room for.
        wake_descriptor
            Becomes readable when it is woken.
        limit
            For how many seconds it may be waited since there was room last; None for ever.
        deadline
            Until when this wait may take, as a time of the monotonic clock.
        """
        now = monotonic()
        if self._since is None:
            self._since = now
        ends = [end for end in (deadline, None if limit is None else self._since + limit) if end is not None]
        left = min(ends) - now if ends else None
        if left is not None and left <= 0:
            return False
        self._pool.waiting.append(self._wake)
        try:
            # Looked at once more: what has been given back before this was not told.
            if self._pool.has_room(wanted):
                return True
            is_woken, _, _ = Readiness(-1, wake_descriptor).wait(left, reading=False, writing=False)
            if is_woken and self._pool.has_room(wanted + 1):
                self._pool.tell_next()  # there is some for who comes next, too
            return is_woken
        finally:
            with suppress(ValueError):  # it has been called, and taken away
                self._pool.waiting.remove(self._wake)

    def end(self) -> None:
        """Take note that there was room, or that it is not waited for any more: it is the next one's turn."""
        if self._since is not None:
            self._since = None
            self._pool.tell_next()
