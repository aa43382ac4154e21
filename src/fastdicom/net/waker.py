"""Waking a thread that waits in poll, from any other thread."""

from __future__ import annotations

import contextlib
import os
import socket


class Waker:
    """A descriptor that becomes readable when somebody calls `wake`.

    One descriptor where the platform has event descriptors, else a pair of sockets.
    """

    def __init__(self) -> None:
        self._event: int | None = None
        self._pair: tuple[socket.socket, socket.socket] | None = None
        if hasattr(os, "eventfd"):
            self._event = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        else:
            self._pair = socket.socketpair()
            for end in self._pair:
                end.setblocking(False)

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._event if self._event is not None else self._ends[0].fileno()

    @property
    def _ends(self) -> tuple[socket.socket, socket.socket]:
        if self._pair is None:
            raise ValueError("the waker is closed")
        return self._pair

    def wake(self) -> None:
        """Make the descriptor readable. Once it is, more calls change nothing."""
        with contextlib.suppress(BlockingIOError):
            if self._event is not None:
                os.eventfd_write(self._event, 1)
            else:
                self._ends[1].send(b"\0")

    def drain(self) -> None:
        """Make the descriptor unreadable again."""
        with contextlib.suppress(BlockingIOError):
            if self._event is not None:
                os.eventfd_read(self._event)
            else:
                while self._ends[0].recv(64):
                    pass

    def close(self) -> None:
        """Close the descriptor; `wake` and `drain` must not be called any more."""
        if self._event is not None:
            os.close(self._event)
            self._event = None
        elif self._pair is not None:
            for end in self._pair:
                end.close()
            self._pair = None
