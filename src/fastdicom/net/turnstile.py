"""A lock that is held during a wait: who wants it wakes the one who waits, and is let in."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Turnstile:
    """A reentrant lock whose holder can be asked to give way.

    Parameters
    ----------
    wake
        Ends the holder's wait, if it waits: it then calls `give_way`.

    Attributes
    ----------
    lock
        The lock itself, to be tried without a call, and released.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self.lock = threading.RLock()
        # Who wants the lock while another thread has it stands here, one at a time.
        self._entrance = threading.Lock()
        self._has_visitor = False
        self._stays = 0

    def enter(self) -> None:
        """Acquire the lock."""
        if not self.lock.acquire(False):
            self.queue()

    def queue(self) -> None:
        """Acquire the lock that another thread has."""
        with self._entrance:
            self._has_visitor = True
            self._wake()
            self.lock.acquire()
            self._has_visitor = False

    def try_to_enter(self) -> bool:
        """Acquire the lock unless another thread has it."""
        return self.lock.acquire(False)

    def leave(self) -> None:
        """Release the lock."""
        self.lock.release()

    @property
    def has_visitor(self) -> bool:
        """Whether somebody wants the lock that another thread has."""
        return self._has_visitor

    def give_way(self) -> None:
        """Let in who has been waiting, and go on when they have left. The lock is held."""
        if self._has_visitor and not self._stays:
            self.lock.release()
            with self._entrance:
                pass  # who stood here has the lock now
            self.lock.acquire()

    def stay(self) -> None:
        """Give no way from now on: a handler runs in the middle of something. The lock is held."""
        self._stays += 1

    def move_on(self) -> None:
        """End what `stay` began."""
        self._stays -= 1
