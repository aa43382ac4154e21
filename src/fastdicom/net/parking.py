"""Where associations wait without a thread, for something to come or for their time to be over.

One poller and one heap of deadlines hold them all. Any thread may park one, or have it looked after at once;
who is to be looked after stands in a queue, from which workers take. One that is parked costs a descriptor
and a place in the heap. Whoever closes a descriptor has it leave first: its number may be another's at once.
"""

from __future__ import annotations

import heapq
import selectors
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from enum import Enum, auto
from itertools import count
from time import monotonic

from fastdicom.net.waker import Waker

# Whether the platform's poller can be polled itself. Elsewhere an association keeps its thread.
HAS_POLLER = hasattr(selectors.DefaultSelector, "fileno")


class _State(Enum):
    TAKEN = auto()  # a worker has it
    PARKED = auto()
    READY = auto()  # in the queue
    GONE = auto()


class Ticket:
    """The place of one association in a lot.

    Parameters
    ----------
    work
        What a worker does who has taken it: it parks it again, or has it go.

    Attributes
    ----------
    is_summoned
        Whether it is to be looked after again as soon as its worker is done.
    """

    __slots__ = ("_booked", "_deadline", "_descriptor", "_state", "is_summoned", "work")

    def __init__(self, work: Callable[[], None]) -> None:
        self.work: Callable[[], None] | None = work
        self.is_summoned = False
        self._state = _State.TAKEN
        self._descriptor: int | None = None
        self._deadline: float | None = None
        self._booked: float | None = None  # the earliest time that the heap has for it


class ParkingLot:
    """Associations that wait without a thread; `Ticket` is the place of one."""

    def __init__(self) -> None:
        # For all that follows; reentrant, as a signal handler may end what it has interrupted.
        self._lock = threading.RLock()
        self._waker = Waker()
        self._selector = selectors.DefaultSelector() if HAS_POLLER else None
        if self._selector is not None:
            self._selector.register(self._waker, selectors.EVENT_READ)
        self._ready: deque[Ticket] = deque()
        self._heap: list[tuple[float, int, Ticket]] = []
        self._number = count()
        self._members = 0
        self._is_closed = False
        # Until when the leader waits; it is woken for what is earlier.
        self._waits_until: float | None = 0.0

    def __len__(self) -> int:
        return self._members

    # For any thread.

    def add(self, work: Callable[[], None]) -> Ticket:
        """Return a ticket for an association that its caller looks after now."""
        with self._lock:
            self._members += 1
        return Ticket(work)

    def park(self, ticket: Ticket, descriptor: int | None, deadline: float | None) -> None:
        """Have it wait until its descriptor is readable, or until a time; at once if it has been summoned.

        Parameters
        ----------
        ticket
            A worker has it, the caller.
        descriptor
            The socket; None not to wait for it.
        deadline
            Of the monotonic clock; None for never.
        """
        with self._lock:
            if ticket._state is not _State.TAKEN:  # it has gone meanwhile
                return
            if ticket.is_summoned or self._is_closed:
                self._queue(ticket)
                return
            ticket._state = _State.PARKED
            ticket._deadline = deadline
            if descriptor is not None and self._selector is not None:
                ticket._descriptor = descriptor
                self._selector.register(descriptor, selectors.EVENT_READ, ticket)
            if deadline is not None:
                self._book(ticket, deadline)

    def summon(self, ticket: Ticket) -> None:
        """Have it looked after; afterwards its descriptor is not waited for any more, and may be closed."""
        with self._lock:
            if ticket._state is _State.PARKED:
                self._queue(ticket)
            elif ticket._state is _State.TAKEN:
                ticket.is_summoned = True

    def hand_on(self, ticket: Ticket) -> None:
        """Have another worker take it, now that the caller has something else to do."""
        with self._lock:
            if ticket._state is _State.TAKEN:
                self._queue(ticket)

    def leave(self, ticket: Ticket) -> None:
        """Have it go for good. Its descriptor may be closed afterwards."""
        with self._lock:
            if ticket._state is _State.GONE:
                return
            self._unregister(ticket)
            ticket._state = _State.GONE
            ticket.work = None  # what it has a place in the heap for may be thrown away
            self._members -= 1
            if self._members == 0 and not self._is_closed and self._has_to_wait_long():
                self._waker.wake()

    def wake(self) -> None:
        """Make the leader's wait end."""
        with self._lock:
            if not self._is_closed:
                self._waker.wake()

    def retake(self, ticket: Ticket) -> bool:
        """Take it, if nobody has since `hand_on`."""
        with self._lock:
            is_ready = ticket._state is _State.READY
            if is_ready:
                ticket._state = _State.TAKEN
            return is_ready

    def take(self) -> Callable[[], None] | None:
        """Take one that is to be looked after, and return what to do; None when there is none."""
        with self._lock:
            while self._ready:
                ticket = self._ready.popleft()
                if ticket._state is _State.READY:
                    ticket._state = _State.TAKEN
                    return ticket.work
        return None

    @property
    def has_ready(self) -> bool:
        """Whether one is to be looked after."""
        return bool(self._ready)

    # For the leader.

    def fileno(self) -> int:
        """Return the descriptor that is readable when `collect` has something to do."""
        return (self._waker if self._selector is None else self._selector).fileno()

    def until(self) -> float | None:
        """Return when `collect` has something to do at the latest; the leader waits until then."""
        with self._lock:
            while self._heap and not self._is_booked(self._heap[0]):
                heapq.heappop(self._heap)
            self._waits_until = self._heap[0][0] if self._heap else None
            return self._waits_until

    def collect(self) -> None:
        """Have those looked after whose descriptors are readable, or whose time is over."""
        with self._lock:
            self._waits_until = 0.0  # nobody waits: who is parked now is seen before the next wait
            if self._is_closed:
                return
            if self._selector is None:
                self._waker.drain()
            else:
                self._poll(self._selector)
            self._expire(monotonic())

    def close(self) -> None:
        """Close the poller. What is parked has to be ended by others."""
        with self._lock:
            self._is_closed = True
            if self._selector is not None:
                self._selector.close()
            self._waker.close()

    # With the lock.

    def _poll(self, selector: selectors.BaseSelector) -> None:
        for key, _ in selector.select(0):
            if key.data is None:
                self._waker.drain()
            elif key.data._state is _State.PARKED:
                self._queue(key.data, wakes=False)

    def _expire(self, now: float) -> None:
        while self._heap and self._heap[0][0] <= now:
            row = heapq.heappop(self._heap)
            ticket = row[2]
            if not self._is_booked(row):
                continue
            ticket._booked = None
            if ticket._state is not _State.PARKED or ticket._deadline is None:
                continue
            if ticket._deadline <= now:
                self._queue(ticket, wakes=False)
            else:
                self._book(ticket, ticket._deadline)

    def _queue(self, ticket: Ticket, *, wakes: bool = True) -> None:
        self._unregister(ticket)
        ticket.is_summoned = False
        ticket._state = _State.READY
        self._ready.append(ticket)
        if wakes and not self._is_closed:
            self._waker.wake()

    def _unregister(self, ticket: Ticket) -> None:
        descriptor, ticket._descriptor = ticket._descriptor, None
        if descriptor is not None and self._selector is not None and not self._is_closed:
            with suppress(KeyError, ValueError, OSError):
                self._selector.unregister(descriptor)

    def _book(self, ticket: Ticket, deadline: float) -> None:
        """Have a place in the heap for it. One that comes first will do: the time is looked at again then."""
        if ticket._booked is None or deadline < ticket._booked:
            ticket._booked = deadline
            heapq.heappush(self._heap, (deadline, next(self._number), ticket))
            # Those who have gone, or have an earlier place, leave theirs behind.
            if len(self._heap) > 64 + 2 * self._members:
                self._heap = [row for row in self._heap if self._is_booked(row)]
                heapq.heapify(self._heap)
        if self._waits_until is None or deadline < self._waits_until:
            self._waits_until = deadline
            self._waker.wake()

    def _is_booked(self, row: tuple[float, int, Ticket]) -> bool:
        return row[2]._booked == row[0] and row[2]._state is not _State.GONE

    def _has_to_wait_long(self) -> bool:
        """Whether the leader waits for longer than it should once nobody is here any more."""
        return self._waits_until is None or self._waits_until > monotonic() + 1.0
