"""Pending responses at a pace while a C-GET or C-MOVE is performed, so that its SCU knows that it goes on.

A thread of its own sends them, however long a sub-operation takes, or the handler. It also looks for the
response of a sub-operation whose own thread is with the handler for longer. During a C-MOVE, when
nobody else receives on the association with the SCU, it looks after that as well: C-CANCEL is taken note of,
and the end of the association is told at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self

from fastdicom.association.driving import drive
from fastdicom.errors import AssociationError, ProtocolError
from fastdicom.log import get_logger
from fastdicom.net.readiness import Readiness
from fastdicom.net.waker import Waker
from fastdicom.services.performer import Step

if TYPE_CHECKING:
    from fastdicom.association.waiting import Waiting

LOGGER = get_logger("fastdicom.association")


# After each sub-operation there is one, as users expect. But thousands of small objects a second must not be
# slowed down by as many responses: after so many of them, there are so many seconds between two.
FIRST = 32
GAP = 0.02

# How often it is looked for the response of a sub-operation, should its thread be with the handler, and
# whether the association has ended, where other threads receive.
LOOK = 0.05

# What has come may be for another thread, which receives just now: not to be looked at again at once.
LOOK_AGAIN = 0.01


class Pacing:
    """The pending responses of one operation.

    Parameters
    ----------
    association
        The association with the SCU.
    interval
        At most so many seconds lie between two of them; None for any time.
    send
        Sends one. It is called by one thread at a time.
    look
        Looks whether a sub-operation has been answered, and calls `report` then. It does not wait.
    on_end
        Called once the association has ended; None when somebody else sees to that.

    A sub-operation is counted by its own thread, or the one here.
    """

    def __init__(
        self,
        association: Waiting,
        interval: float | None,
        send: Step,
        look: Step,
        on_end: Callable[[], object] | None,
    ) -> None:
        self._association = association
        self._interval = interval
        self._send = send
        self._look = look
        self._on_end = on_end
        self._counting = threading.Lock()
        self._lock = threading.Lock()  # for sending
        self._last = monotonic()
        self._first_left = FIRST
        self._is_over = False
        self._waker = Waker()
        self._thread: threading.Thread | None = None

    async def __aenter__(self) -> Self:
        thread = threading.Thread(target=self._run, name="fastdicom-pacing", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # then there are those after sub-operations only
            LOGGER.error("no further thread can be had: %s", error)
        else:
            self._thread = thread
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_over = True
        self._waker.wake()
        if self._thread is not None:
            self._thread.join()
        self._waker.close()

    async def begin_counting(self) -> None:
        """Wait until nobody else counts."""
        self._counting.acquire()

    def try_to_count(self) -> bool:
        """Begin to count, if nobody else does; tell whether it is so."""
        return self._counting.acquire(False)

    def end_counting(self) -> None:
        """Let others count."""
        self._counting.release()

    async def report(self) -> None:
        """Send a pending response, as a sub-operation has ended; not so when they end too fast.

        Raises
        ------
        AssociationError
            When the association has ended.
        """
        if self._first_left:
            self._first_left -= 1
        elif monotonic() - self._last < GAP:
            return
        with self._lock:
            await self._send_one()

    def _run(self) -> None:
        try:
            self._watch()
        except (AssociationError, ProtocolError):
            if self._on_end is not None:
                self._on_end()
                with suppress(AssociationError):  # the connection is closed by who receives
                    self._association.look_around()

    def _watch(self) -> None:
        association = self._association
        watches = self._on_end is not None
        descriptor = -1 if association.is_attended or not watches else association.descriptor
        readiness = Readiness(descriptor, self._waker.fileno())
        while not self._is_over:
            if watches:
                association.look_around()
            drive(self._look())
            drive(self._beat_if_due())
            if readiness.wait(self._time_left(LOOK), reading=descriptor >= 0, writing=False)[1]:
                association.look_around()
                readiness.wait(LOOK_AGAIN, reading=False, writing=False)

    def _time_left(self, limit: float | None) -> float | None:
        if self._interval is None:
            return limit
        left = max(self._last + self._interval - monotonic(), 0.0)
        return left if limit is None else min(left, limit)

    async def _beat_if_due(self) -> None:
        if self._time_left(None) == 0.0:
            with self._lock:
                if not self._is_over and self._time_left(None) == 0.0:
                    await self._send_one()

    async def _send_one(self) -> None:
        await self._send()
        self._last = monotonic()
