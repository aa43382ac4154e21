"""The same work as `_core.wire`, over Python's `socket`: for platforms without the POSIX loop.

It drives the sans-I/O face of the reader and the writer. `Wire` documents the methods.
"""

from __future__ import annotations

import select
import socket
from time import monotonic
from typing import TypeAlias

from fastdicom._core.pdata import Message, MessageWriter, ObservedPdu, Reader, Signal

Outcome: TypeAlias = Message | ObservedPdu | Signal | bytes

# What ends a send at once. Whatever else the peer says meanwhile waits for the next `receive`.
_WAITS = (Message, ObservedPdu, Signal)


class SocketWire:
    """A connected TCP socket with a reader behind it.

    Parameters
    ----------
    descriptor
        The socket. It stays the caller's to close.
    wake_descriptor
        Becomes readable when another thread wants attention: `Signal.WOKEN`. The caller drains it.
    reader
        What takes the received bytes apart.
    """

    def __init__(self, descriptor: int, wake_descriptor: int, reader: Reader) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(False)
        self._wake_descriptor = wake_descriptor
        self.reader = reader
        self.failure = 0
        self.bytes_received = 0
        self.bytes_sent = 0
        self._idle: float | None = None
        self._progress: float | None = None
        self._deadline: float | None = None
        self._unsent = b""
        self._left_of_pdu = 0  # bytes of `_unsent` that belong to a PDU of which some have gone
        self._pending: Outcome | None = None

    def __del__(self) -> None:
        # The descriptor belongs to the caller.
        self._socket.detach()

    def set_timeouts(self, idle: float | None, progress: float | None) -> None:
        """Bound the waits that follow."""
        self._idle = idle
        self._progress = progress

    def set_deadline(self, deadline: float | None) -> None:
        """Bound all waits that follow by a time of the monotonic clock."""
        self._deadline = deadline

    def receive(self) -> Outcome:
        """Wait for the next event."""
        if self._pending is not None:
            outcome, self._pending = self._pending, None
            return outcome
        while True:
            outcome = self.reader.next_event()
            if outcome is not Signal.NEED_DATA:
                return outcome
            timeout = self._progress if self.reader.is_mid_message else self._idle
            ended, _ = self._wait(timeout, is_sending=False)
            if ended is None:
                ended = self._receive_once()
            if ended is not None:
                return ended

    def send(self, message: MessageWriter) -> Outcome:
        """Send a message."""
        while True:
            if not self._unsent:
                self._unsent = message.data_to_send()
                if not self._unsent:
                    return Signal.SENT
            ended = self.flush()
            if ended is not Signal.SENT:
                return ended

    def send_pdu(self, pdu: bytes) -> Outcome:
        """Send a PDU that is not P-DATA-TF."""
        self._unsent = self._unsent[: self._left_of_pdu] + pdu
        return self.flush()

    def flush(self) -> Outcome:
        """Go on with `send_pdu`."""
        while self._unsent:
            try:
                n = self._socket.send(self._unsent)
            except BlockingIOError:
                ended = self._wait_to_send()
                if ended is not None:
                    return ended
                continue
            except OSError as error:
                return self._failed_to_send(error)
            self._advance(n)
        return Signal.SENT

    def _advance(self, n: int) -> None:
        self.bytes_sent += n
        # Where the PDU that the last sent byte belongs to ends.
        at = self._left_of_pdu
        while at < n:
            at += 6 + int.from_bytes(self._unsent[at + 2 : at + 6], "big")
        self._left_of_pdu = at - n
        self._unsent = self._unsent[n:]

    def _failed_to_send(self, error: OSError) -> Outcome:
        # What the peer said before it closed, an A-ABORT most likely, says more than EPIPE.
        if self._pending is None and self._receive_once() is None:
            heard = self.reader.next_event()
            if isinstance(heard, bytes):
                return heard
        self.failure = error.errno or 0
        return Signal.FAILED

    def _wait_to_send(self) -> Outcome | None:
        ended, is_readable = self._wait(self._progress, is_sending=True)
        if ended is not None or not is_readable:
            return ended
        ended = self._receive_once()
        if ended is not None:
            return ended
        heard = self.reader.next_event()
        if heard is Signal.NEED_DATA:
            return None
        if isinstance(heard, _WAITS):
            self._pending = heard
            return None
        return heard

    def _wait(self, timeout: float | None, *, is_sending: bool) -> tuple[Signal | None, bool]:
        """Wait for the socket; what ended the wait otherwise, and whether the socket is readable."""
        if self._deadline is not None:
            left = max(self._deadline - monotonic(), 0)
            timeout = left if timeout is None else min(left, timeout)
        readers: list[int | socket.socket] = [self._wake_descriptor]
        if self._pending is None:
            readers.append(self._socket)
        writers = [self._socket] if is_sending else []
        readable, writable, _ = select.select(readers, writers, [], timeout)
        if self._wake_descriptor in readable:
            return Signal.WOKEN, False
        if not readable and not writable:
            return Signal.TIMED_OUT, False
        return None, self._socket in readable

    def _receive_once(self) -> Signal | None:
        buffer = self.reader.get_buffer()
        try:
            n = self._socket.recv_into(buffer)
        except BlockingIOError:
            return None
        except OSError as error:
            self.failure = error.errno or 0
            return Signal.FAILED
        if n == 0:
            return Signal.CLOSED
        self.bytes_received += n
        self.reader.commit(n)
        return None
