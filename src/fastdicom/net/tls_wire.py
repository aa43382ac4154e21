"""The wire of a TLS connection: `SocketWire` with OpenSSL between the socket and the reader.

`bytes_received` and `bytes_sent` are those of the TCP connection, encrypted, and so is what timeouts and the
minimum throughput count: a record that trickles is progress as any PDU that trickles is.
"""

from __future__ import annotations

import socket
import ssl

from fastdicom._core.pdata import Reader, Signal
from fastdicom.errors import TlsError
from fastdicom.net.socket_wire import Outcome, SocketWire
from fastdicom.net.tls import TlsSocket, describe

# Encrypted bytes that are received at once: many records, of 16 KiB each at most.
RECEIVED_AT_ONCE = 256 << 10

# Bytes that are encrypted before they are sent.
ENCRYPTED_AT_ONCE = 256 << 10


class TlsWire(SocketWire):
    """A connected TLS socket with a reader behind it.

    Parameters
    ----------
    sock
        The socket. It stays the caller's to close.
    wake_descriptor
        Becomes readable when another thread wants attention: `Signal.WOKEN`. The caller drains it.
    reader
        What takes the received bytes apart.

    Attributes
    ----------
    failure_text : str
        What the last `Signal.FAILED` was about.
    """

    def __init__(self, sock: TlsSocket, wake_descriptor: int, reader: Reader) -> None:
        self._tls = sock
        self.failure_text = ""
        # Kept: memory that is taken anew for each receive costs more than the receive.
        self._room: memoryview | None = None
        super().__init__(sock.fileno(), wake_descriptor, reader)

    def _open(self, descriptor: int) -> socket.socket:
        return self._tls

    def __del__(self) -> None:
        """Leave the socket to the caller."""

    def handshake(self) -> Signal:
        """Do the handshake, or go on with it: SENT when it is done."""
        while True:
            try:
                wanted = self._tls.step()
            except TlsError as error:
                self.failure_text = str(error)
                return Signal.FAILED
            if wanted is None:
                return Signal.SENT
            ended, _ = self._wait(None, reading=wanted == "read", writing=wanted == "write")
            if ended is not None:
                if ended is Signal.TIMED_OUT:
                    self.failure_text = "it was not done in time"
                return ended

    def rest(self) -> None:
        """Give back memory that is not needed until something comes."""
        self._room = None
        super().rest()

    # Receiving.

    def _receive_once(self) -> None:
        try:
            # The end of the connection is told when all that came before it has been decrypted.
            if self._room is None:
                self._room = memoryview(bytearray(RECEIVED_AT_ONCE))
            self.bytes_received += self._tls.receive_encrypted(self._room) or 0
        except OSError as error:
            self._fail(error)

    @property
    def holds_bytes(self) -> bool:
        """Whether bytes have been taken from the socket that `receive` has not told of."""
        return self.reader.has_more or self._tls.has_pending

    def has_news(self) -> bool:
        """Say that it may: what has been taken from the socket may wait to be decrypted."""
        return True

    def _take_pending(self) -> bool:
        if self._ended is not None or not self._tls.has_pending:
            return False
        filled = 0
        try:
            filled, is_end = self._tls.read(self.reader.get_buffer(RECEIVED_AT_ONCE))
            if is_end:
                self._ended = Signal.CLOSED
            # A renegotiation or a new key may want an answer.
            if self._tls.has_encrypted:
                self.bytes_sent += self._tls.send_encrypted()
        except OSError as error:
            self._fail(error)
        self.reader.commit(filled)
        return filled > 0

    def _fail(self, error: OSError) -> None:
        self._explain(error)
        self._ended = Signal.FAILED

    def _explain(self, error: OSError) -> None:
        if isinstance(error, ssl.SSLError):
            self.failure, self.failure_text = 0, describe(error)
        else:
            self.failure, self.failure_text = error.errno or 0, str(error)

    # Sending.

    @property
    def has_unsent(self) -> bool:
        """Whether the socket has not taken all of what was begun to be sent."""
        return bool(self._unsent) or self._tls.has_encrypted

    def _send_once(self, listens: bool) -> Outcome | None:
        try:
            is_blocked = not self._tls.has_encrypted and not self._encrypt()
            self.bytes_sent += self._tls.send_encrypted()
        except OSError as error:
            self._explain(error)
            return self._failed_to_send(error)
        if is_blocked:
            return self._wait_to_write()
        return self._wait_to_send(listens) if self._tls.has_encrypted else None

    def _encrypt(self) -> bool:
        """Encrypt some of what is to be sent; False when TLS has to receive something first."""
        n = self._tls.write(self._unsent[:ENCRYPTED_AT_ONCE])
        self._advance(n)
        return n > 0

    def _wait_to_write(self) -> Signal | None:
        """Receive what TLS has to have before it can go on, in a renegotiation."""
        ended, _ = self._wait_in_message(reading=True, writing=False)
        if ended is None:
            self._receive_once()
        return ended or self._ended
