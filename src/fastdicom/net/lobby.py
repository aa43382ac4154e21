"""Where connections wait without a thread: for their first PDU to be whole, or for the peer to close.

One poller has the listening socket and everybody who waits. It belongs to one thread at a time, the leader
of `listener`; other threads only put something down for it (`put`, `see_off`) and wake it. A connection that
waits costs a descriptor and less than a kilobyte. There is a limit to them, over all and per remote address;
beyond it the one that has waited longest goes: whoever wants an association asks for it at once, so that is
whom it hurts least, and a flood cannot shut others out.
"""

from __future__ import annotations

import errno
import heapq
import selectors
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from time import monotonic

from fastdicom.log import get_logger
from fastdicom.net.parking import ParkingLot
from fastdicom.net.resetting import reset_what_is_not_taken
from fastdicom.net.visitor import KEPT_LIMIT, Visitor
from fastdicom.net.waker import Waker

LOGGER = get_logger(__name__)

# Connections that may wait, where the process may have enough descriptors.
WAITING_LIMIT = 16384

# Bytes in memory of all the first PDUs that are not whole yet.
MEMORY_LIMIT = 64 << 20

# Seconds until accepting is tried again when there are no descriptors or no memory.
PAUSE = 0.1

# Seconds in which those who are leaving have to be gone once the lobby is being closed.
CLOSING_LINGER = 1.0

# Threads that may wait a moment for what is about to come: a request, or the end.
MOMENTS_AT_ONCE = 4

OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)


def waiting_limit() -> int:
    """Return how many connections may wait: some descriptors must be left for associations and files."""
    try:
        import resource
    except ImportError:  # no POSIX
        return 256  # select of Windows takes 512 sockets
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return WAITING_LIMIT
    return max(16, min(WAITING_LIMIT, soft - max(256, soft // 4)))


class Lobby:
    """The connections of a listening socket that nobody serves yet, or any more.

    Parameters
    ----------
    listening
        The listening socket, not blocking; `close_entrance` closes it.
    handshake_timeout, request_timeout
        Return for how many seconds a connection may wait for its TLS handshake to be done, and then for its
        first PDU; None for ever.
    address_limit
        Returns how many connections of one remote address may wait; None for no limit of their own.
    tls_context
        Returns the settings of TLS; None without it.
    lot
        The associations that wait, which its leader sees to as well; None for none.
    limit
        How many may wait over all; what `waiting_limit` says unless given.
    """

    def __init__(
        self,
        listening: socket.socket,
        *,
        handshake_timeout: Callable[[], float | None],
        request_timeout: Callable[[], float | None],
        address_limit: Callable[[], int | None],
        tls_context: Callable[[], ssl.SSLContext | None],
        lot: ParkingLot | None = None,
        limit: int | None = None,
    ) -> None:
        self._listening = listening
        self._handshake_timeout = handshake_timeout
        self._request_timeout = request_timeout
        self._tls_context = tls_context
        self._address_limit = address_limit
        self._scratch = bytearray(KEPT_LIMIT)
        self._waker = Waker()
        self._lock = threading.RLock()  # for the three that follow
        self._moments = 0
        self._put: deque[Visitor] = deque()
        self._is_closed = False
        # Everybody in here, the oldest first; over all, and for each address.
        self._present: dict[Visitor, None] = {}
        self._of_address: dict[object, dict[Visitor, None]] = {}
        self._limit = waiting_limit() if limit is None else limit
        self._memory = 0
        self._ready: deque[Visitor] = deque()
        self._expired: deque[Visitor] = deque()
        self._deadlines: list[tuple[float, int, Visitor]] = []
        self._number = count()
        self._accepts_again: float | None = None
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._waker, selectors.EVENT_READ, self._wake_up)
        self._selector.register(listening, selectors.EVENT_READ, self._accept)
        self._lot = lot
        if lot is not None:
            self._selector.register(lot, selectors.EVENT_READ, lot.collect)

    def __len__(self) -> int:
        return len(self._present)

    # For any thread.

    def wake(self) -> None:
        """Make `wait` return."""
        with self._lock:
            if not self._is_closed:
                self._waker.wake()

    def see_off(self, sock: socket.socket, deadline: float) -> None:
        """Take over a connection with which this side is done.

        What the peer still sends is read and dropped, until it closes or until the deadline, in monotonic
        time. Closed at once, with bytes unread, the connection would be reset, and the peer might not get to
        see what it was told last.
        """
        with suppress(OSError):
            sock.shutdown(socket.SHUT_WR)
        # Whoever had the socket may close it: it is not theirs any more.
        own = socket.socket(sock.family, sock.type, sock.proto, fileno=sock.detach())
        visitor = Visitor(own, (), monotonic(), deadline)
        visitor.is_leaving = True
        # Mostly the peer closes at once.
        if self._happens_soon(visitor.leaves):
            visitor.close()
        else:
            self.put(visitor)

    def put(self, visitor: Visitor) -> None:
        """Let a connection wait here."""
        with self._lock:
            if self._is_closed:
                visitor.close()
            else:
                self._put.append(visitor)
                self._waker.wake()

    def arrives(self, visitor: Visitor) -> bool:
        """Wait a moment for what is to come to an early one; tell whether a thread can serve it now."""
        visitor.is_early = False
        return self._happens_soon(visitor.arrives)

    def _happens_soon(self, happens: Callable[[], bool]) -> bool:
        """Have a thread wait a moment, but not too many at once."""
        with self._lock:
            if self._moments >= MOMENTS_AT_ONCE:
                return False
            self._moments += 1
        try:
            return happens()
        finally:
            with self._lock:
                self._moments -= 1

    def begin(self, visitor: Visitor) -> bool:
        """Wait for the request from now on, after a handshake; tell whether it is here already."""
        visitor.accepted = monotonic()
        timeout = self._request_timeout()
        visitor.deadline = None if timeout is None else visitor.accepted + timeout
        return visitor.look()

    # For the leader.

    @property
    def has_ready(self) -> bool:
        """Whether a connection can be served now, or its time is over."""
        return bool(self._ready or self._expired)

    def take(self) -> Visitor | None:
        """Return a connection that can be served now, or whose time is over; None when there is none."""
        for queue in (self._ready, self._expired):
            while queue:
                visitor = queue.popleft()
                if not visitor.is_gone:  # it may have been dropped meanwhile
                    self._forget(visitor)
                    visitor.settle()
                    return visitor
        return None

    def wait(self) -> None:
        """Wait until something has happened, and see to it. Who could be taken does not end the wait."""
        with self._lock:
            put = list(self._put)
            self._put.clear()
        for visitor in put:
            self._enter(visitor)
        now = monotonic()
        if self._accepts_again is not None and now >= self._accepts_again:
            self._accepts_again = None
            self._selector.register(self._listening, selectors.EVENT_READ, self._accept)
        times = [time for time in self._times() if time is not None]
        timeout = max(0.0, min(times) - now) if times else None
        if put:
            timeout = 0.0  # with them, everything may be different
        for key, _ in self._selector.select(timeout):
            if isinstance(key.data, Visitor):
                if not key.data.is_gone:
                    self._hear(key.data)
            else:
                key.data()
        self._expire(monotonic())
        if self._lot is not None:
            self._lot.collect()

    def _times(self) -> tuple[float | None, ...]:
        """Return when there is something to do, even if nothing comes."""
        of_lot = None if self._lot is None else self._lot.until()
        return self._next_deadline(), self._accepts_again, of_lot

    def close_entrance(self) -> None:
        """Accept nobody any more, and close the connections that wait to be served."""
        if self._listening.fileno() >= 0:
            if self._accepts_again is None:
                self._selector.unregister(self._listening)
            self._accepts_again = None
            self._listening.close()
        for visitor in list(self._present):
            if not visitor.is_leaving:
                self._drop(visitor)
            else:
                self._set_deadline(visitor, monotonic() + CLOSING_LINGER)

    @property
    def is_empty(self) -> bool:
        """Whether nobody is here, nor about to be."""
        with self._lock:
            return not (self._present or self._put)

    def close(self) -> None:
        """Close everything."""
        with self._lock:
            self._is_closed = True
            put = list(self._put)
            self._put.clear()
            self._selector.close()
            self._waker.close()
        self._listening.close()
        for visitor in [*put, *self._present]:
            visitor.close()
        self._present.clear()
        self._of_address.clear()
        self._deadlines.clear()

    # What happens.

    def _wake_up(self) -> None:
        self._waker.drain()

    def _accept(self) -> None:
        try:
            sock, address = self._listening.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError as error:
            self._bear(error)
            return
        now = monotonic()
        context = self._tls_context()
        timeout = self._request_timeout() if context is None else self._handshake_timeout()
        visitor = Visitor(sock, address, now, None if timeout is None else now + timeout, context)
        if context is None:
            # Mostly the request is here by now, or on its way: then a thread may as well be there for it.
            visitor.is_early = not visitor.look(self._scratch)
            if not visitor.is_early or self._moments < MOMENTS_AT_ONCE:
                self._register(visitor)
                self._ready.append(visitor)
                return
            visitor.is_early = False
        self._enter(visitor)

    def _bear(self, error: OSError) -> None:
        """Make room when accepting fails, or leave it for a while."""
        LOGGER.warning("cannot accept a connection: %s", error)
        if error.errno in OUT_OF_DESCRIPTORS and self._present:
            self._drop(next(iter(self._present)))
        else:
            self._selector.unregister(self._listening)
            self._accepts_again = monotonic() + PAUSE

    def _hear(self, visitor: Visitor) -> None:
        """Look what a connection has to say."""
        if visitor.is_leaving:
            if visitor.has_left():
                self._drop(visitor)
            return
        before = visitor.memory
        is_ready = visitor.look(self._scratch)
        self._memory += visitor.memory - before
        if is_ready:
            self._selector.unregister(visitor.socket)
            self._ready.append(visitor)
        else:
            self._bound_memory(visitor)

    def _expire(self, now: float) -> None:
        while self._deadlines and self._deadlines[0][0] <= now:
            deadline, _, visitor = heapq.heappop(self._deadlines)
            if visitor not in self._present or visitor.deadline != deadline:
                continue
            if visitor.is_leaving:
                reset_what_is_not_taken(visitor.socket)
                self._drop(visitor)
            elif visitor.socket in self._selector.get_map():
                self._selector.unregister(visitor.socket)
                self._expired.append(visitor)

    # Who is here.

    def _enter(self, visitor: Visitor) -> None:
        """Let a connection wait."""
        if self._listening.fileno() < 0:
            if not visitor.is_leaving:
                visitor.close()
                return
            visitor.deadline = min(visitor.deadline or 0.0, monotonic() + CLOSING_LINGER)
        self._register(visitor)
        if visitor.is_gone:  # nobody may wait
            return
        try:
            self._selector.register(visitor.socket, visitor.events, visitor)
        except OSError as error:
            LOGGER.warning("a connection cannot wait: %s", error)
            self._drop(visitor)
            return
        if visitor.deadline is not None:
            self._set_deadline(visitor, visitor.deadline)

    def _register(self, visitor: Visitor) -> None:
        """Count a connection in, and drop another one when there are too many."""
        self._present[visitor] = None
        self._memory += visitor.memory
        host = visitor.address[0] if visitor.address else None
        same = self._of_address.setdefault(host, {})
        same[visitor] = None
        limit = self._address_limit()
        if host is not None and limit is not None and len(same) > limit:
            self._drop(next(iter(same)))
            self._report_dropped()
        elif len(self._present) > self._limit:
            self._drop(next(iter(self._present)))
            self._report_dropped()
        else:
            self._bound_memory(visitor)

    def _bound_memory(self, visitor: Visitor) -> None:
        if self._memory > MEMORY_LIMIT:
            self._drop(visitor)
            LOGGER.warning("unfinished requests are longer than %d bytes: one was closed", MEMORY_LIMIT)

    def _forget(self, visitor: Visitor) -> None:
        """Count a connection out."""
        del self._present[visitor]
        self._memory -= visitor.memory
        host = visitor.address[0] if visitor.address else None
        same = self._of_address[host]
        del same[visitor]
        if not same:
            del self._of_address[host]

    def _drop(self, visitor: Visitor) -> None:
        """Close a connection."""
        self._forget(visitor)
        with suppress(KeyError):  # who is ready is not waited for
            self._selector.unregister(visitor.socket)
        visitor.close()

    # Deadlines.

    def _set_deadline(self, visitor: Visitor, deadline: float) -> None:
        visitor.deadline = deadline
        heapq.heappush(self._deadlines, (deadline, next(self._number), visitor))
        # Those who have gone leave theirs behind.
        if len(self._deadlines) > 64 + 2 * len(self._present):
            self._deadlines = [row for row in self._deadlines if row[2] in self._present]
            heapq.heapify(self._deadlines)

    def _next_deadline(self) -> float | None:
        return self._deadlines[0][0] if self._deadlines else None

    def _report_dropped(self) -> None:
        LOGGER.warning("too many connections wait for their request: the oldest was closed")
