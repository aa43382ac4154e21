"""What a program may ask of an association as of a thread: whether it goes on, and to wait until it does not.

An association is no thread: an acceptor's is served by one of the server's, and a requestor's by whoever uses
it. What pynetdicom's associations have as they are threads is here as far as it means something.
"""

from __future__ import annotations

from threading import get_ident
from time import monotonic

from fastdicom.association.requests import Requests

# Seconds between two looks at the connection of a requestor that nobody uses meanwhile.
LOOK_INTERVAL = 0.05


class Managing(Requests):
    """What an association needs to be managed by a program, besides what it needs to be used."""

    __slots__ = ()

    def follow_timeouts(self, name: str | None) -> None:
        """Take over a timeout that has been set for all associations of the AE."""
        super().follow_timeouts(name)
        if self._connection is not None:
            self._connection.on_news()  # it may wait already, for another time

    @property
    def is_invoking(self) -> bool:
        """Whether an operation that this side has asked for is in progress."""
        return self._exchange.is_invoking

    def is_alive(self) -> bool:
        """Whether there is a connection still: what has come meanwhile is looked at first."""
        self._look()
        return self._connection is not None and self._connection.is_open

    def join(self, timeout: float | None = None) -> None:
        """Wait until the connection is closed. The peer is served meanwhile.

        Parameters
        ----------
        timeout
            Seconds to wait at most; None for ever.

        Raises
        ------
        RuntimeError
            When it would be waited for in a handler of its own.
        """
        if get_ident() in tuple(self._exchange.performed.values()):
            raise RuntimeError("an association cannot be waited for in a handler of its own")
        end = None if timeout is None else monotonic() + timeout
        while self.is_alive():
            left = LOOK_INTERVAL if end is None else min(LOOK_INTERVAL, end - monotonic())
            if left <= 0:
                return
            with self._guard:
                self._waiting += 1
                try:
                    self._turn.wait(left)
                finally:
                    self._waiting -= 1
