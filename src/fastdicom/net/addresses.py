"""From a host and a port to a connected or a listening socket."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import Any, TypeAlias

from fastdicom.errors import ConnectionFailed

# A host alone, or IPv6's (host, flow information, scope ID).
Host: TypeAlias = str | tuple[str, int, int]
Address: TypeAlias = tuple[str, int] | tuple[str, int, int, int]

# A router's peers come in bursts; the kernel cuts it to what it allows.
BACKLOG = 1024


def prepare(sock: socket.socket) -> None:
    """Set what every association's socket has."""
    # A response must not wait for the acknowledgement of what was sent before.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "SO_NOSIGPIPE"):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_NOSIGPIPE, 1)


def _candidates(host: Host, port: int) -> list[tuple[Any, ...]]:
    name, *rest = host if isinstance(host, tuple) else (host,)
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    if not rest:
        return [(family, address) for family, _, _, _, address in found]
    return [
        (family, (*address[:2], *rest)) for family, _, _, _, address in found if family == socket.AF_INET6
    ]


def connect(
    host: Host, port: int, bind_address: Address | None, timeout: float | None
) -> tuple[socket.socket, tuple[Any, ...]]:
    """Connect to a peer: each of its addresses is tried, in the order of the resolver.

    Parameters
    ----------
    host, port
        The peer.
    bind_address
        The local address to connect from; None for any.
    timeout
        Seconds for each attempt; None for what the system does.

    Returns
    -------
    socket, tuple
        The connected socket, and which of the peer's addresses it is connected to.

    Raises
    ------
    ConnectionFailed
        When none answered; the message has what the last one said.
    """
    failure: OSError | None = None
    try:
        candidates = _candidates(host, port)
    except (OSError, UnicodeError) as error:
        raise ConnectionFailed(f"{host}: cannot find its address: {error}") from error
    for family, address in candidates:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            prepare(sock)
            if bind_address is not None:
                sock.bind(bind_address)
            sock.settimeout(timeout)
            sock.connect(address)
            return sock, address
        except OSError as error:
            sock.close()
            failure = error
    raise ConnectionFailed(f"cannot connect to {host}, port {port}: {failure}") from failure


def listen(address: Address) -> socket.socket:
    """Return a listening socket. An empty host means all addresses of this machine.

    Raises
    ------
    OSError
        When the address cannot be had.
    """
    host, port = address[:2]
    if host == "" and socket.has_dualstack_ipv6():
        with suppress(OSError):
            return socket.create_server(
                ("::", port), family=socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=True
            )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock
