"""The same work as `_core.wire`, over Python's `socket`: for platforms without the POSIX loop.

It drives the sans-I/O face of the reader and the writer. `Wire` documents the methods. `tls_wire` does it
over TLS: how bytes get from the socket to the reader, and from here to the socket, is in few methods.
"""

from __future__ import annotations

import socket
from time import monotonic
from typing import TypeAlias

from fastdicom._core.linger import Linger
from fastdicom._core.pdata import Message, MessageWriter, ObservedPdu, Reader, Signal
from fastdicom.net.readiness import Readiness

Outcome: TypeAlias = Message | ObservedPdu | Signal | bytes

# PS3.8 9.3.1: type, a reserved byte, and the length of what follows in four bytes.
_HEADER = 6

# Seconds in which nothing comes: somebody waits for what has come of a data set.
_PAUSE = 0.01

# Bytes that may wait when one more PDU is to be sent: a few of the longest, A-ASSOCIATE.
_QUEUE_LIMIT = 4 << 20


class SocketWire:
    """A connected TCP socket with a reader behind it.

    Parameters
    ----------
    descriptor
        The socket. It stays the caller's to close.
    wake_descriptor
        Becomes readable when another thread wants attention: `Signal.WOKEN`. The caller drains it. -1 for
        none.
    reader
        What takes the received bytes apart.
    """

    def __init__(self, descriptor: int, wake_descriptor: int, reader: Reader) -> None:
        self._readiness = Readiness(descriptor, wake_descriptor)
        self._socket = self._open(descriptor)
        self.reader = reader
        self.failure = 0
        self.bytes_received = 0
        self.bytes_sent = 0
        self._idle: float | None = None
        self._progress: float | None = None
        self._deadline: float | None = None
        self._window = 0.0
        self._window_least = 0.0
        self._window_begin: float | None = None  # within a message, when the window began
        self._window_moved = 0
        self._quiet_begin: float | None = None  # of a wait that goes on elsewhere
        self._sending: MessageWriter | None = None
        self._unsent = memoryview(b"")
        self._left_of_pdu = 0  # bytes of `_unsent` that belong to a PDU of which some have gone
        self._ended: Signal | None = None  # nothing more will come

    def _open(self, descriptor: int) -> socket.socket:
        sock = socket.socket(fileno=descriptor)
        sock.setblocking(False)
        return sock

    def __del__(self) -> None:
        # The descriptor belongs to the caller.
        self._socket.detach()

    def forget(self) -> None:
        """Let go of what has not been sent: it never will be."""
        self._sending = None
        self._unsent = memoryview(b"")

    def set_wake_descriptor(self, descriptor: int) -> None:
        """Have another descriptor wake the waits that follow."""
        self._readiness = Readiness(self._socket.fileno(), descriptor)

    def rest(self) -> None:
        """Give back memory that is not needed until something comes."""
        self.reader.rest()

    def set_timeouts(self, idle: float | None, progress: float | None) -> None:
        """Bound the waits that follow."""
        self._idle = idle
        self._progress = progress

    def set_deadline(self, deadline: float | None) -> None:
        """Bound all waits that follow by a time of the monotonic clock."""
        self._deadline = deadline

    def set_minimum_throughput(self, bytes_per_second: float, seconds: float) -> None:
        """End a message with `Signal.TOO_SLOW` when less is moved within a window."""
        self._window = seconds if bytes_per_second > 0 else 0.0
        self._window_least = bytes_per_second * seconds

    # Receiving.

    @property
    def holds_bytes(self) -> bool:
        """Whether bytes have been taken from the socket that `receive` has not told of."""
        return self.reader.has_more

    @property
    def has_unsent(self) -> bool:
        """Whether the socket has not taken all of what was begun to be sent."""
        return bool(self._unsent)

    def has_news(self) -> bool:
        """Whether `receive` has something to tell at once, or may have."""
        if self.reader.has_more or self._ended is not None:
            return True
        is_woken, is_readable, _ = self._readiness.wait(0, reading=True, writing=False)
        return is_woken or is_readable

    @property
    def due(self) -> float | None:
        """When a wait that goes on elsewhere ends."""
        begin = monotonic() if self._quiet_begin is None else self._quiet_begin
        is_within = self.reader.is_mid_message
        timeout = self._progress if is_within else self._idle
        times = [] if self._deadline is None else [self._deadline]
        if timeout is not None:
            times.append(begin + timeout)
        if is_within and self._window and self._window_begin is not None:
            times.append(self._window_begin + self._window)
        return min(times, default=None)

    def receive(self, linger: Linger | None = None, first: MessageWriter | None = None) -> Outcome:
        """Wait for the next event, after a message has been sent."""
        outcome = Signal.SENT if first is None else self.send(first)
        return self._receive(linger) if outcome is Signal.SENT else outcome

    def _receive(self, linger: Linger | None) -> Outcome:
        begin = None if linger is None else self._quiet_begin
        idle_until: float | None = None
        has_received = False
        while True:
            outcome = self.reader.next_event()
            if outcome is not Signal.NEED_DATA:
                return outcome
            if self._take_pending():
                continue
            if self._ended is not None:
                return self._ended
            # What has come is told even after the deadline, but a peer cannot put that off by sending more.
            if has_received and self._deadline is not None and monotonic() >= self._deadline:
                return Signal.TIMED_OUT
            if begin is None:
                begin = monotonic()
            at_pause = self.reader.at_pause
            if at_pause is not None:
                ended = self._wait_for_pause(at_pause)
            elif self.reader.is_mid_message:
                ended = self._wait_in_message(reading=True, writing=False, linger=linger, begin=begin)[0]
            else:
                # However many bytes come that are no part of a message.
                if idle_until is None and self._idle is not None:
                    idle_until = begin + self._idle
                self._window_begin = None
                left = None if idle_until is None else max(idle_until - monotonic(), 0)
                ended = self._wait(left, reading=True, writing=False, linger=linger)[0]
            self._quiet_begin = begin if ended is Signal.QUIET else None
            if ended is not None:
                return ended
            self._receive_once()
            has_received = True
            begin = None

    def _take_pending(self) -> bool:
        """Give the reader what waits on this side of the socket; False when nothing does."""
        return False

    def _receive_once(self) -> None:
        """Take from the socket what is there."""
        try:
            n = self._socket.recv_into(self.reader.get_buffer())
        except BlockingIOError:
            return
        except OSError as error:
            self.failure = error.errno or 0
            self._ended = Signal.FAILED
            return
        if n == 0:
            self._ended = Signal.CLOSED
            return
        self.bytes_received += n
        self.reader.commit(n)

    # Sending.

    @property
    def is_sending(self) -> bool:
        """Whether a message has been begun and not been sent whole."""
        return self._sending is not None

    def send(self, message: MessageWriter, listens: bool = True) -> Outcome:
        """Send a message."""
        if self._sending is not None and self._sending is not message:
            raise RuntimeError("another message has not been sent whole")
        self._sending = message
        while True:
            ended = self._send_all(listens)
            if ended is not Signal.SENT:
                return ended
            self._unsent = memoryview(message.data_to_send())
            if not self._unsent:
                self._sending = None
                return Signal.SENT

    def send_pdu(self, pdu: bytes) -> Outcome:
        """Send a PDU that is not P-DATA-TF."""
        left = self._unsent
        if self._sending is not None:  # no more of the message than the PDU that has been begun
            left = left[: self._left_of_pdu]
            self._sending = None
        if len(left) > _QUEUE_LIMIT:
            raise RuntimeError("too many PDUs wait to be sent")
        self._unsent = memoryview(b"".join((left, pdu)))
        return self.flush()

    def flush(self) -> Outcome:
        """Go on with `send_pdu`."""
        return self._send_all(listens=True)

    def _send_all(self, listens: bool) -> Outcome:
        while self.has_unsent:
            ended = self._send_once(listens)
            if ended is not None:
                return ended
        self._window_begin = None
        return Signal.SENT

    def _send_once(self, listens: bool) -> Outcome | None:
        """Hand something to the socket, or wait until it takes more; what the peer says meanwhile."""
        try:
            n = self._socket.send(self._unsent)
        except BlockingIOError:
            return self._wait_to_send(listens)
        except OSError as error:
            return self._failed_to_send(error)
        self.bytes_sent += n
        self._advance(n)
        return None

    def _advance(self, n: int) -> None:
        """Account for n bytes of `_unsent`: where the PDU ends that the last of them belongs to."""
        self._quiet_begin = None
        # What is all sent ends where a PDU does.
        at = n if n == len(self._unsent) else self._left_of_pdu
        while at < n:
            at += _HEADER + int.from_bytes(self._unsent[at + 2 : at + _HEADER], "big")
        self._left_of_pdu = at - n
        self._unsent = self._unsent[n:]

    def _failed_to_send(self, error: OSError) -> Outcome:
        # What the peer said before it closed, an A-ABORT most likely, says more than EPIPE.
        before = -1
        while self.bytes_received != before:
            before = self.bytes_received
            heard = self._heard()
            if heard is not None and not isinstance(heard, Signal):
                return heard
            if self._ended is None:
                self._receive_once()
        self.failure = error.errno or 0
        return Signal.FAILED

    def _wait_to_send(self, listens: bool) -> Outcome | None:
        """Wait for room; what the peer says meanwhile, or what ended the wait, if anything."""
        heard = self._heard() if listens else None
        if heard is not None:
            return heard
        ended, is_readable = self._wait_in_message(reading=listens, writing=True)
        if ended is None and is_readable:
            self._receive_once()
            return self._heard()
        return ended

    def _heard(self) -> Outcome | None:
        """Return what has been received and not been told, or that nothing more will come."""
        while True:
            heard = self.reader.next_event()
            if heard is not Signal.NEED_DATA:
                return heard
            if not self._take_pending():
                return self._ended

    # Waiting.

    def _wait_in_message(
        self, *, reading: bool, writing: bool, linger: Linger | None = None, begin: float | None = None
    ) -> tuple[Signal | None, bool]:
        """Wait while a message is received or sent, unless too little has moved."""
        if self._is_too_slow():
            return Signal.TOO_SLOW, False
        left = self._progress
        if left is not None and begin is not None:
            left = max(begin + left - monotonic(), 0)
        return self._wait(left, reading=reading, writing=writing, linger=linger)

    def _wait_for_pause(self, signal: Signal) -> Signal | None:
        """Wait, but not for long: then this is what there is to tell."""
        if self._is_too_slow():
            return Signal.TOO_SLOW
        progress = _PAUSE if self._progress is None else min(self._progress, _PAUSE)
        ended, _ = self._wait(progress, reading=True, writing=False)
        is_over = self._deadline is not None and monotonic() >= self._deadline
        return signal if ended is Signal.TIMED_OUT and not is_over else ended

    def _is_too_slow(self) -> bool:
        if not self._window:
            return False
        now = monotonic()
        moved = self.bytes_received + self.bytes_sent
        if self._window_begin is not None and now - self._window_begin < self._window:
            return False
        is_slow = self._window_begin is not None and moved - self._window_moved < self._window_least
        self._window_begin, self._window_moved = now, moved
        return is_slow

    def _wait(
        self, timeout: float | None, *, reading: bool, writing: bool, linger: Linger | None = None
    ) -> tuple[Signal | None, bool]:
        """Wait for the socket; what ended the wait otherwise, and whether the socket is readable."""
        if self._deadline is not None:
            left = max(self._deadline - monotonic(), 0)
            timeout = left if timeout is None else min(left, timeout)
        moment = None if linger is None else linger.milliseconds / 1000
        lingers = moment is not None and (timeout is None or moment < timeout)
        if lingers:
            timeout = moment
        is_woken, is_readable, is_writable = self._readiness.wait(timeout, reading=reading, writing=writing)
        if is_woken:
            return Signal.WOKEN, False
        if not is_readable and not is_writable:
            return Signal.QUIET if lingers else Signal.TIMED_OUT, False
        return None, is_readable
