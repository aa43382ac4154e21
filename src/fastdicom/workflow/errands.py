"""Work that is done later, in a few threads of its own: reports to be sent, and sent again when they fail.

An errand is called until it says that it is done. Threads are started when there is something to do, and end
when there has been nothing for a while.
"""

from __future__ import annotations

import heapq
import threading
import weakref
from collections.abc import Callable
from itertools import count
from time import monotonic
from typing import TypeAlias

from fastdicom.dimse.messages import message_name
from fastdicom.events import EVT_DIMSE_SENT, Event
from fastdicom.log import get_logger

LOGGER = get_logger(__name__)

Errand: TypeAlias = Callable[[], float | None]
"""Returns None when it is done, else after how many seconds it is to be called again."""

# Seconds after which a thread without work ends.
IDLE = 5.0

# For how long a response may be waited for, and how long at a time: others have errands, too. In seconds.
RESPONSE_TIMEOUT = 60.0
RESPONSE_INTERVAL = 0.05


class Errands:
    """Runs errands.

    Parameters
    ----------
    name
        For the threads.
    workers
        How many threads there may be.
    """

    def __init__(self, name: str, workers: int) -> None:
        self._name = name
        self._workers = workers
        self._waiting: list[tuple[float, int, Errand]] = []
        self._order = count()
        self._changed = threading.Condition()
        self._threads = 0
        self._idle = 0
        self._is_closed = False

    def add(self, errand: Errand) -> None:
        """Have an errand run as soon as possible; nothing happens after `close`."""
        self._put(errand, 0.0)

    def close(self) -> None:
        """Drop what has not been done. What is being done goes on to its end."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._changed.notify_all()

    def _put(self, errand: Errand, delay: float) -> None:
        with self._changed:
            if self._is_closed:
                return
            heapq.heappush(self._waiting, (monotonic() + delay, next(self._order), errand))
            if self._idle < len(self._waiting) and self._threads < self._workers:
                self._threads += 1
                threading.Thread(target=self._work, name=self._name, daemon=True).start()
            self._changed.notify()

    def _work(self) -> None:
        while True:
            errand = self._take()
            if errand is None:
                return
            try:
                delay = errand()
            except Exception:
                LOGGER.exception(f"{self._name}: an errand failed, and is dropped")
                delay = None
            if delay is not None:
                self._put(errand, delay)

    def _take(self) -> Errand | None:
        """Wait for the next errand that is due; None when this thread is to end."""
        with self._changed:
            self._idle += 1
            try:
                while not self._is_closed:
                    delay = self._waiting[0][0] - monotonic() if self._waiting else IDLE
                    if self._waiting and delay <= 0:
                        return heapq.heappop(self._waiting)[2]
                    if not self._changed.wait(delay) and not self._waiting:
                        break
                self._threads -= 1
                return None
            finally:
                self._idle -= 1


class Response:
    """The response to a request that is being served; what is told about the request has to wait for it.

    A report that is there before the response is what many a peer does not understand. To be made by the
    handler of the request.

    Parameters
    ----------
    event
        The request.
    """

    def __init__(self, event: Event) -> None:
        self._association = weakref.ref(event.assoc)
        self._message_id = event.message_id
        self._deadline = monotonic() + RESPONSE_TIMEOUT
        self._sent = threading.Event()
        self._bound = self._note  # `unbind` wants the same object
        event.assoc.bind(EVT_DIMSE_SENT, self._bound)

    def _note(self, event: Event) -> None:
        command = event.message.command
        is_response = message_name(command.command_field).endswith("-RSP")
        if is_response and command.get(0x0120) == self._message_id:
            self._sent.set()
            event.assoc.unbind(EVT_DIMSE_SENT, self._bound)

    @property
    def is_awaited(self) -> bool:
        """Whether it has not been sent, and may still be; waits for it a moment. For errands."""
        if self._sent.wait(RESPONSE_INTERVAL):
            return False
        association = self._association()
        return association is not None and association.is_established and monotonic() < self._deadline
