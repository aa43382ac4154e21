"""The wire for a socket: compiled where there is POSIX, else over Python's `socket`; over `ssl` for TLS."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

from fastdicom._core.pdata import Reader, Signal
from fastdicom.net.socket_wire import SocketWire
from fastdicom.net.tls import TlsSocket
from fastdicom.net.tls_wire import TlsWire

try:
    from fastdicom._core.wire import Wire
except ImportError:  # no POSIX
    Wire = SocketWire  # type: ignore[misc, assignment]

AnyWire: TypeAlias = Wire | SocketWire

# What a wire tells of a peer that is not moving on: which timeout that is, and what is told of it.
STALLS: Mapping[Signal, tuple[str, str]] = MappingProxyType(
    {
        Signal.TIMED_OUT: (
            "sending",
            "the peer took nothing for as long as dimse_timeout and network_timeout allow",
        ),
        Signal.TOO_SLOW: ("throughput", "the peer is slower than minimum_throughput allows"),
    }
)


def open_wire(sock: socket.socket, wake_descriptor: int, reader: Reader) -> AnyWire:
    """Return what receives and sends on a connected socket.

    Parameters
    ----------
    sock
        The socket; it stays the caller's to close.
    wake_descriptor
        Becomes readable when another thread wants attention.
    reader
        What takes the received bytes apart.
    """
    if isinstance(sock, TlsSocket):
        return TlsWire(sock, wake_descriptor, reader)
    return Wire(sock.fileno(), wake_descriptor, reader)
