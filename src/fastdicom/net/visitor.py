"""A connection from its acceptance to the moment when a thread can serve it without waiting for the peer.

What has come stays in the kernel's buffer: a look at it tells how long the first PDU is, and SO_RCVLOWAT
lets the poller sleep until all of it is there, however slowly it trickles in. Only what is too long for that
buffer, what is encrypted, or where the platform wakes us early, is read into memory meanwhile. Whatever
cannot become an A-ASSOCIATE-RQ is ready at once: the state machine knows the answer.
"""

from __future__ import annotations

import select
import selectors
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

from fastdicom._core.pdata import ASSOCIATE_PDU_LIMIT
from fastdicom.net.tls import Handshake, TlsSocket
from fastdicom.tls import TlsDetails

# PS3.8 9.3.1: type, a reserved byte, and the length of what follows in four bytes.
HEADER = 6

# The lengths of the PDUs that are waited for to be whole (PS3.8 9.3); of any other the header says enough.
LENGTHS = {
    1: range(ASSOCIATE_PDU_LIMIT + 1),
    2: range(ASSOCIATE_PDU_LIMIT + 1),
    3: range(4, 5),
    5: range(4, 5),
    6: range(4, 5),
    7: range(4, 5),
}

# RFC 8446 5.1: the header of a TLS record, the type of those of a handshake, and how long a record may be.
RECORD_HEADER = 5
HANDSHAKE_RECORD = 22
RECORD_LIMIT = (16 << 10) + 256

# What may stay in the kernel's buffer until it is whole; half of what the smallest common one holds.
KEPT_LIMIT = 32 << 10

# What a leaving peer may still send, before it is left: more than the buffers of both sides hold.
DROPPED_LIMIT = 16 << 20

# Seconds that a thread may wait for what is about to come, rather than have the lobby wait for it.
MOMENT = 0.002

# Python waits in spite of a socket's own mode unless told otherwise; where there is no such flag, the socket
# itself does not block.
DONT_WAIT = getattr(socket, "MSG_DONTWAIT", 0)
PEEK = DONT_WAIT | socket.MSG_PEEK


def awaited_length(front: bytes | bytearray | memoryview, received: int) -> int:
    """Return how many bytes are to be there before a thread can serve without waiting.

    Parameters
    ----------
    front
        Begins with what has been received.
    received
        How much of it has been received, in bytes.
    """
    if received < HEADER:
        return HEADER
    length = int.from_bytes(front[2:HEADER], "big")
    return HEADER + length if length in LENGTHS.get(front[0], ()) else HEADER


def awaited_record_length(front: bytes | bytearray | memoryview, received: int) -> int:
    """Return the same for a TLS connection: the record that holds the ClientHello, or its beginning."""
    if received < RECORD_HEADER:
        return RECORD_HEADER
    length = int.from_bytes(front[3:RECORD_HEADER], "big")
    is_awaited = front[0] == HANDSHAKE_RECORD and length <= RECORD_LIMIT
    return RECORD_HEADER + length if is_awaited else RECORD_HEADER


class Visitor:
    """An accepted connection.

    Parameters
    ----------
    sock
        Its socket.
    address
        The peer's.
    accepted
        When it was accepted, as monotonic time.
    deadline
        Until when it may wait; None for ever.
    context
        The settings of TLS; None without it.

    Attributes
    ----------
    socket
        Its socket, a `TlsSocket` from the first step of the handshake on.
    accepted
        When the connection was there to be used, with TLS after the handshake.
    received : bytearray or None
        The first bytes of the peer, when they had to be taken from the socket.
    needs_handshake : bool
        Whether TLS is still to be agreed on.
    events : int
        What to wait for, as `selectors` says it.
    is_early : bool
        Whether a thread has taken it on before anything has come: it asks `arrives` first.
    is_leaving : bool
        Whether it is only waited for to be closed by the peer.
    """

    __slots__ = (
        "_awaited",
        "_context",
        "_dropped",
        "_handshake",
        "accepted",
        "address",
        "deadline",
        "events",
        "is_early",
        "is_leaving",
        "needs_handshake",
        "received",
        "socket",
    )

    def __init__(
        self,
        sock: socket.socket,
        address: tuple[object, ...],
        accepted: float,
        deadline: float | None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.socket = sock
        self.address = address
        self.accepted = accepted
        self.deadline = deadline
        self.received: bytearray | None = None
        self.needs_handshake = context is not None
        self.events = selectors.EVENT_READ
        self.is_early = False
        self.is_leaving = False
        self._context = context
        self._handshake: Handshake | None = None
        self._awaited = 1
        self._dropped = 0
        if not DONT_WAIT:
            sock.setblocking(False)

    @property
    def is_gone(self) -> bool:
        """Whether its socket has been closed, or given away."""
        return self.socket.fileno() < 0

    @property
    def memory(self) -> int:
        """How many bytes of the peer are held in memory."""
        return 0 if self.received is None else len(self.received)

    @property
    def tls(self) -> TlsDetails | None:
        """What the TLS handshake has agreed on; None without TLS."""
        return self.socket.details if isinstance(self.socket, TlsSocket) else None

    def look(self, scratch: bytearray | None = None) -> bool:
        """Look what has come; tell whether a thread can go on with it now, without waiting.

        Parameters
        ----------
        scratch
            `KEPT_LIMIT` bytes or more, to decrypt in; made when there is TLS and none is given.
        """
        try:
            if self.needs_handshake:
                return self._handshake is not None or self._peek(awaited_record_length)
            if isinstance(self.socket, TlsSocket):
                return self._decrypt(self.socket, scratch or bytearray(KEPT_LIMIT))
            return self._peek(awaited_length) if self.received is None else self._read(self.received)
        except BlockingIOError:
            return False
        except OSError:
            return True  # what has happened to it is told to whoever serves it

    def _peek(self, awaited_by: Callable[[bytes, int], int]) -> bool:
        front = self.socket.recv(KEPT_LIMIT, PEEK)
        received = len(front)
        awaited = awaited_by(front, received)
        if received == 0 or received >= awaited:
            return True
        if received < self._awaited or awaited > KEPT_LIMIT:
            if self.needs_handshake:
                return True
            self.received = bytearray()
            return self._read(self.received)
        self._await(awaited)
        return False

    def _read(self, held: bytearray) -> bool:
        while (left := awaited_length(held, len(held)) - len(held)) > 0:
            left = min(left, KEPT_LIMIT)
            self._await(left)
            more = self.socket.recv(left, DONT_WAIT)
            if not more:
                return True
            held += more
        return True

    def _decrypt(self, sock: TlsSocket, scratch: bytearray) -> bool:
        if self.received is None:
            self.received = bytearray()
        held = self.received
        while (left := awaited_length(held, len(held)) - len(held)) > 0:
            n, is_end = sock.read(memoryview(scratch)[: min(left, KEPT_LIMIT)])
            held += scratch[:n]
            if is_end:
                return True
            if n == 0 and sock.receive_encrypted(memoryview(scratch)) is None:
                return False
        return True

    def arrives(self) -> bool:
        """Wait a moment for what is to come to an early one; tell whether a thread can serve it now."""
        has_arrived = self._wait_a_moment() and self.look()
        if has_arrived:
            self.settle()
        return has_arrived

    def leaves(self) -> bool:
        """Wait a moment for a leaving one to close; tell whether it has."""
        return self._wait_a_moment() and self.has_left()

    def _wait_a_moment(self) -> bool:
        if hasattr(select, "poll"):
            poll = select.poll()
            poll.register(self.socket, select.POLLIN)
            return bool(poll.poll(MOMENT * 1000))
        return bool(select.select([self.socket], [], [], MOMENT)[0])

    def step(self) -> bool:
        """Go on with the TLS handshake; tell whether it is done.

        Raises
        ------
        TlsError
            It has failed; the peer has been told.
        ValueError
            The context cannot be used for it.
        """
        if self._handshake is None and self._context is not None:
            self._handshake = Handshake(self.socket, self._context)
            self.socket = self._handshake.socket
        wanted = None if self._handshake is None else self._handshake.step()
        self.events = selectors.EVENT_WRITE if wanted == "write" else selectors.EVENT_READ
        self.needs_handshake = wanted is not None
        return wanted is None

    def has_left(self) -> bool:
        """Drop what a leaving one still sends, `KEPT_LIMIT` of it; tell whether that was the end."""
        try:
            dropped = len(self.socket.recv(KEPT_LIMIT, DONT_WAIT))
        except BlockingIOError:
            return False
        except OSError:
            return True
        self._dropped += dropped
        return dropped == 0 or self._dropped > DROPPED_LIMIT

    def settle(self) -> None:
        """Make the socket as any other: it wakes with each byte who waits for it."""
        self._await(1)

    def _await(self, length: int) -> None:
        if length != self._awaited:
            self._awaited = length
            with suppress(OSError, AttributeError):  # not every platform has it
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, length)

    def close(self) -> None:
        """Close the connection."""
        with suppress(OSError):
            self.socket.close()
