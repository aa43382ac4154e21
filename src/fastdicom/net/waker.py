"""Waking a thread that waits in poll, from any other thread."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable


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


class LentWaker:
    """A waker that costs a descriptor only while a thread may wait. From any thread, at any time.

    Parameters
    ----------
    is_wanted
        Whether somebody wants to wake right now, who may have found no waker.

    Attributes
    ----------
    is_closed
        Whether there will never be one again.
    """

    def __init__(self, is_wanted: Callable[[], bool]) -> None:
        self.is_closed = False
        self._is_wanted = is_wanted
        self._waker: Waker | None = Waker()
        # Reentrant: memory that is given back, at any point of the program, may wake who waits for it.
        self._lock = threading.RLock()

    def fileno(self) -> int:
        """Return the descriptor to wait for; -1 while there is none."""
        waker = self._waker
        return -1 if waker is None else waker.fileno()

    @property
    def is_there(self) -> bool:
        """Whether there is one now."""
        return self._waker is not None

    def lend(self, use: Callable[[int], None]) -> None:
        """Have one, before a wait. Where there is no descriptor left, the wait cannot be ended early."""
        with self._lock:
            if self._waker is not None or self.is_closed:
                return
            with contextlib.suppress(OSError):
                self._waker = Waker()
                use(self._waker.fileno())
                # Who has wanted something before found nothing to wake.
                if self._is_wanted():
                    self._waker.wake()

    def take_back(self, use: Callable[[int], None]) -> None:
        """Have none any more: nobody waits."""
        with self._lock:
            waker, self._waker = self._waker, None
            if waker is not None:
                use(-1)
                waker.close()

    def wake(self) -> None:
        """End the wait, if somebody waits."""
        with self._lock:
            if self._waker is not None:
                self._waker.wake()

    def drain(self) -> None:
        """Take note that the wait has ended."""
        with self._lock:
            if self._waker is not None:
                self._waker.drain()

    def close(self) -> bool:
        """Have none for good; False when that is so already. Nobody waits."""
        with self._lock:
            was_closed, self.is_closed = self.is_closed, True
            waker, self._waker = self._waker, None
            if waker is not None:
                waker.close()
            return not was_closed
