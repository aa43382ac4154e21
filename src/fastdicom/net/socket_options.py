"""What is set on the sockets of associations: keep-alive, buffers, and the queue of a listening one."""

from __future__ import annotations

import socket
import sys
from contextlib import suppress
from dataclasses import dataclass

# The names that platforms have for the seconds before the first probe (TCP_KEEPALIVE: macOS).
_IDLE = getattr(socket, "TCP_KEEPIDLE", getattr(socket, "TCP_KEEPALIVE", None))

# Whether an accepted socket has what was set on the listening one.
_ARE_INHERITED = sys.platform == "linux"


@dataclass(frozen=True, slots=True)
class SocketOptions:
    """Options of the TCP connections of an AE. TCP_NODELAY is always on.

    Parameters
    ----------
    keep_alive
        Whether the system probes connections on which nothing happens, so that a peer that has vanished is
        noticed; True.
    keep_alive_idle
        Seconds without traffic before the first probe; None for what the system does, which is two hours as
        a rule.
    keep_alive_interval
        Seconds between probes; None for what the system does.
    keep_alive_count
        Probes without an answer after which the connection is broken; None for what the system does.
    send_buffer, receive_buffer
        Bytes that the system buffers each way; None leaves it to the system, which suits the connection
        while it lasts: a fixed size ends that.
    backlog
        Connections that may wait for a server to accept them; 1024, since a router's peers come in bursts.
        The system cuts it to what it allows.

    Raises
    ------
    ValueError
        When a number is not positive.
    """

    keep_alive: bool = True
    keep_alive_idle: int | None = None
    keep_alive_interval: int | None = None
    keep_alive_count: int | None = None
    send_buffer: int | None = None
    receive_buffer: int | None = None
    backlog: int = 1024

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if name != "keep_alive" and value is not None and value <= 0:
                raise ValueError(f"{name} is {value}; it must be positive")

    def apply(self, sock: socket.socket) -> None:
        """Set the options, before the socket is connected or listens.

        Raises
        ------
        OSError
            When the system does not take a value.
        """
        # A response must not wait for the acknowledgement of what was sent before.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, self.keep_alive)
        if hasattr(socket, "SO_NOSIGPIPE"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_NOSIGPIPE, 1)
        rows = (
            (socket.IPPROTO_TCP, _IDLE, self.keep_alive_idle),
            (socket.IPPROTO_TCP, getattr(socket, "TCP_KEEPINTVL", None), self.keep_alive_interval),
            (socket.IPPROTO_TCP, getattr(socket, "TCP_KEEPCNT", None), self.keep_alive_count),
            (socket.SOL_SOCKET, socket.SO_SNDBUF, self.send_buffer),
            (socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer),
        )
        for level, option, value in rows:
            if option is not None and value is not None:
                sock.setsockopt(level, option, value)

    def apply_to_accepted(self, sock: socket.socket) -> None:
        """Set the options on a connection whose listening socket has them already.

        Linux hands them on. Elsewhere they are set again, as far as the connection still stands.
        """
        if not _ARE_INHERITED:
            with suppress(OSError):
                self.apply(sock)
