"""Accepting connections for other processes, and handing them over in turn."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from time import monotonic

from fastdicom.log import get_logger
from fastdicom.net.handing_over import hand_over

LOGGER = get_logger(__name__)

# Seconds until it is tried again, when nobody takes a connection or none can be accepted.
PAUSE = 0.05


class Doorman:
    """The listening socket of a server whose processes have none.

    Parameters
    ----------
    listening
        The socket, not blocking; it belongs to this object from now on.
    """

    def __init__(self, listening: socket.socket) -> None:
        self._listening: socket.socket | None = listening
        self._waiting: socket.socket | None = None
        self._turn = 0
        self.due: float | None = None

    @property
    def source(self) -> socket.socket | None:
        """What becomes readable when a connection can be accepted; None while nothing is to be accepted."""
        return self._listening if self.due is None else None

    def closables(self) -> list[socket.socket]:
        """Return the sockets that a forked process must not keep."""
        return [each for each in (self._listening, self._waiting) if each is not None]

    def attend(self, ends: Iterable[socket.socket | None]) -> None:
        """Accept a connection, or take the one that waits, and hand it over."""
        self.due = None
        if self._listening is None:
            return
        try:
            connection = self._waiting or self._listening.accept()[0]
        except (BlockingIOError, ConnectionError):
            return
        except OSError as error:
            LOGGER.warning("cannot accept a connection: %s", error)
            self.due = monotonic() + PAUSE
            return
        self._waiting = None if self._is_taken(connection, ends) else connection
        if self._waiting is not None:
            self.due = monotonic() + PAUSE

    def _is_taken(self, connection: socket.socket, ends: Iterable[socket.socket | None]) -> bool:
        present = [end for end in ends if end is not None]
        self._turn += 1
        for number in range(len(present)):
            try:
                if hand_over(connection, present[(self._turn + number) % len(present)]):
                    return True
            except OSError as error:
                # The process is about to end, or too many descriptors are on their way.
                LOGGER.debug("a connection could not be handed over: %s", error)
        return False

    def close(self) -> None:
        """Accept nothing more."""
        for each in self.closables():
            each.close()
        self._listening = self._waiting = self.due = None
