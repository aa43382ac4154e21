"""TLS over a connected socket, without ever waiting: whoever polls drives it.

OpenSSL works on memory here. One large receive brings in many records and one large send takes many away,
where a system call for each record and its header would cost more than the encryption; what OpenSSL has to
say, an alert for instance, is sent by itself; and nothing is half written when the connection is aborted.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, cast

from fastdicom.errors import TlsError
from fastdicom.tls import Certificate, TlsDetails

if TYPE_CHECKING:
    from collections.abc import Callable

Wanted = Literal["read", "write"] | None

# Encrypted bytes that are received at once in a handshake; a peer needs no more.
HANDSHAKE_ROOM = 16 << 10

# What OpenSSL calls the reasons of failures, and what they mean here.
REASONS = {
    "CERTIFICATE_VERIFY_FAILED": "the peer's certificate is not accepted",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "the peer sent no certificate",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the peer wants a certificate of ours",
    "TLSV1_ALERT_UNKNOWN_CA": "the peer does not accept our certificate: it does not know the CA",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the peer does not accept our certificate: it has expired",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "the peer does not accept our certificate: it is revoked",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the peer does not accept our certificate",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "the peer does not support the type of our certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the peer does not accept our certificate",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the peer refuses: no cipher in common, or it wants a certificate",
    "TLSV1_ALERT_PROTOCOL_VERSION": "the peer refuses: no TLS version in common",
    "UNSUPPORTED_PROTOCOL": "no TLS version in common",
    "NO_PROTOCOLS_AVAILABLE": "no TLS version in common",
    "VERSION_TOO_LOW": "no TLS version in common",
    "NO_SHARED_CIPHER": "no cipher in common",
    "WRONG_VERSION_NUMBER": "the peer does not speak TLS on this port",
    "HTTP_REQUEST": "the peer does not speak TLS but HTTP",
    "UNEXPECTED_EOF_WHILE_READING": "the peer closed the connection",
}


def describe(error: ssl.SSLError) -> str:
    """Return what an error of OpenSSL means, and what it is called there."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{REASONS['CERTIFICATE_VERIFY_FAILED']}: {error.verify_message}"
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return REASONS["UNEXPECTED_EOF_WHILE_READING"]
    reason = error.reason or str(error)
    meaning = REASONS.get(reason)
    return reason.replace("_", " ").lower() if meaning is None else f"{meaning} ({reason})"


def details_of(tls: ssl.SSLObject | ssl.SSLSocket) -> TlsDetails:
    """Return what a handshake has agreed on."""
    name, _, bits = tls.cipher() or ("", "", 0)
    der = tls.getpeercert(binary_form=True)
    certificate = None if der is None else Certificate(der, tls.getpeercert() or {})
    return TlsDetails(tls.version() or "", name, bits, certificate)


class TlsSocket(socket.socket):
    """A connected TCP socket with TLS over it.

    Its methods of `socket.socket` are those of the TCP connection below, which does not block.

    Parameters
    ----------
    sock
        The connected socket; it is taken over, and detached.
    context
        The settings and certificates.
    is_server
        Whether this side accepted the connection.
    server_hostname
        The name that the server's certificate is to be for, and that is sent to it; None for none.

    Raises
    ------
    ValueError
        When the context and the name do not fit. The socket is as before.
    """

    def __init__(
        self,
        sock: socket.socket,
        context: ssl.SSLContext,
        *,
        is_server: bool,
        server_hostname: str | None = None,
    ) -> None:
        if context.check_hostname and not is_server and not server_hostname:
            # Without a name OpenSSL would take any.
            raise ValueError("this SSLContext wants to check the name of the host, and there is none")
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        try:
            self._tls = context.wrap_bio(
                self._incoming, self._outgoing, server_side=is_server, server_hostname=server_hostname
            )
        except ssl.SSLError as error:  # a context for the other side
            raise ValueError(f"this SSLContext cannot be used here: {describe(error)}") from error
        self._encrypted = memoryview(b"")  # to be sent
        self._is_at_end = False
        self._failure: ssl.SSLError | None = None  # to be told when what came before has been
        super().__init__(sock.family, sock.type, sock.proto, fileno=sock.detach())
        self.setblocking(False)

    # The handshake.

    def step(self) -> Wanted:
        """Go on with the handshake.

        Returns
        -------
        "read", "write" or None
            What the socket has to be ready for before the next step; None when the handshake is done.

        Raises
        ------
        TlsError
            It has failed: the message says why. The peer has been told.
        """
        try:
            while True:
                is_done = True
                try:
                    self._tls.do_handshake()
                except ssl.SSLWantReadError:
                    is_done = False
                self.send_encrypted()
                if self.has_encrypted:
                    return "write"
                if is_done:
                    return None
                if self.receive_encrypted(memoryview(bytearray(HANDSHAKE_ROOM))) is None:
                    return "read"
        except ssl.SSLError as error:
            with suppress(OSError):
                self.send_encrypted()  # the alert
            raise TlsError(describe(error)) from error
        except OSError as error:
            raise TlsError(f"the connection broke: {error}") from error

    # Encrypted bytes, from and to the network.

    def receive_encrypted(self, room: memoryview) -> int | None:
        """Take what has come from the network: how many bytes, 0 at the end, None when nothing is there.

        Parameters
        ----------
        room
            Memory that these bytes pass through.
        """
        try:
            n = self.recv_into(room)
        except BlockingIOError:
            return None
        if n:
            self._incoming.write(room[:n])
        elif not self._is_at_end:
            self._is_at_end = True
            self._incoming.write_eof()
        return n

    @property
    def has_encrypted(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._encrypted) or self._outgoing.pending > 0

    def send_encrypted(self) -> int:
        """Send what waits, as far as the network takes it; return how many bytes went."""
        sent = 0
        while self.has_encrypted:
            if not self._encrypted:
                self._encrypted = memoryview(self._outgoing.read())
            try:
                n = self.send(self._encrypted)
            except BlockingIOError:
                break
            self._encrypted = self._encrypted[n:]
            sent += n
        return sent

    # The peer's bytes and ours.

    @property
    def has_pending(self) -> bool:
        """Whether what has been received may hold bytes to read."""
        return (
            self._incoming.pending > 0
            or self._is_at_end
            or self._failure is not None
            or self._tls.pending() > 0
        )

    def read(self, buffer: memoryview) -> tuple[int, bool]:
        """Decrypt what has been received into a buffer, as much of it as has room.

        Returns
        -------
        int, bool
            How many bytes, and whether they are the last.

        Raises
        ------
        ssl.SSLError
            The peer broke TLS, or refuses our certificate; told after all that came before.
        """
        if self._failure is not None:
            raise self._failure
        read = cast("Callable[[int, memoryview], int]", self._tls.read)
        incoming, room, filled = self._incoming, len(buffer), 0
        try:
            while filled < room:  # a record at a time, which is what OpenSSL gives
                n = read(room - filled, buffer[filled:])
                if n == 0:
                    return filled, True
                filled += n
                if not incoming.pending:  # to be told so by OpenSSL takes longer than a record
                    break
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return filled, True  # as on any TCP connection; messages say themselves where they end
        except ssl.SSLError as error:
            if not filled:
                raise
            self._failure = error
        return filled, False

    def write(self, data: memoryview) -> int:
        """Encrypt: how many bytes, fewer than all when something has to be received first.

        Raises
        ------
        ssl.SSLError
            The connection cannot be used any more.
        """
        write, end, at = self._tls.write, len(data), 0
        try:
            while at < end:
                at += write(data[at:])
        except ssl.SSLWantReadError:
            pass
        return at

    # The end.

    def shutdown(self, how: int) -> None:
        """Say good-bye as TLS wants it, if there is room for that, and shut the connection down."""
        # Once only, and only with everything sent that was to be.
        if how != socket.SHUT_RD and not self.has_encrypted:
            with suppress(ssl.SSLError, ValueError, OSError):
                self._tls.unwrap()
            with suppress(OSError):
                self.send_encrypted()
        super().shutdown(how)

    @property
    def details(self) -> TlsDetails:
        """What the handshake has agreed on."""
        return details_of(self._tls)


class Handshake:
    """The handshake of an accepted connection, step by step, for whoever polls it.

    Parameters
    ----------
    sock
        The accepted socket; it is taken over, and detached.
    context
        The settings and certificates of the server.

    Attributes
    ----------
    socket : TlsSocket
        What to poll, and to use once the handshake is done.
    """

    def __init__(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        self.socket = TlsSocket(sock, context, is_server=True)

    def step(self) -> Wanted:
        """Go on: what the socket has to be ready for before the next step; None when it is done.

        Raises
        ------
        TlsError
            It has failed: the message says why. The socket is to be closed.
        """
        return self.socket.step()
