"""From a host and a port to a connected or a listening socket."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from time import monotonic
from typing import Any, NamedTuple, TypeAlias

from fastdicom.errors import ConnectionFailed
from fastdicom.net.handing_over import HandedOver
from fastdicom.net.proxy import Proxy
from fastdicom.net.socket_options import SocketOptions

# A host alone, or IPv6's (host, flow information, scope ID).
Host: TypeAlias = str | tuple[str, int, int]
Address: TypeAlias = tuple[str, int] | tuple[str, int, int, int]


class AddressInformation(NamedTuple):
    """One end of a connection; flow information and scope ID are those of IPv6, and 0 without it."""

    address: str
    port: int
    flowinfo: int = 0
    scope_id: int = 0

    @property
    def is_ipv6(self) -> bool:
        """Whether it is an address of IPv6."""
        return ":" in self.address

    @property
    def is_ipv4(self) -> bool:
        """Whether it is an address of IPv4."""
        return not self.is_ipv6

    @property
    def as_tuple(self) -> Address:
        """The same as the socket module has it."""
        return (*self,) if self.is_ipv6 else self[:2]


def _is_plain_address(host: Host) -> bool:
    """Whether a host is an address of IPv4 in the usual form."""
    try:
        return isinstance(host, str) and bool(socket.inet_pton(socket.AF_INET, host))
    except OSError:
        return False


def _candidates(host: Host, port: int) -> list[tuple[Any, ...]]:
    if _is_plain_address(host) and type(port) is int and 0 <= port <= 0xFFFF:
        return [(socket.AF_INET, (host, port))]  # what the resolver would say, too
    name, *rest = host if isinstance(host, tuple) else (host,)
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    if not rest:
        return [(family, address) for family, _, _, _, address in found]
    return [
        (family, (*address[:2], *rest)) for family, _, _, _, address in found if family == socket.AF_INET6
    ]


def connect(
    host: Host,
    port: int,
    *,
    bind_address: Address | None,
    timeout: float | None,
    options: SocketOptions,
    proxy: Proxy | None = None,
) -> tuple[socket.socket, tuple[Any, ...]]:
    """Connect to a peer, or to the proxy before it: each address is tried, in the order of the resolver.

    Parameters
    ----------
    host, port
        The peer.
    bind_address
        The local address to connect from; None for any.
    timeout
        Seconds for each attempt, the proxy's part included; None for what the system does.
    options
        What is set on the socket.
    proxy
        Asked to connect to the peer, whose name it resolves; None for none.

    Returns
    -------
    socket, tuple
        The connected socket, and which address it is connected to.

    Raises
    ------
    ConnectionFailed
        When none answered; the message has what the last one said.
    """
    first: tuple[Host, int] = (host, port) if proxy is None else (proxy.host, proxy.port)
    failure: OSError | None = None
    try:
        candidates = _candidates(*first)
    except (OSError, UnicodeError) as error:
        raise ConnectionFailed(f"{first[0]}: cannot find its address: {error}") from error
    for family, address in candidates:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            options.apply(sock)
            if bind_address is not None:
                sock.bind(bind_address)
            sock.settimeout(timeout)
            deadline = None if timeout is None else monotonic() + timeout
            sock.connect(address)
            if proxy is not None:
                proxy.open_tunnel(sock, host, port, deadline)
                sock.settimeout(timeout)
            return sock, address
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
    by = "" if proxy is None else f" through {proxy}"
    raise ConnectionFailed(f"cannot connect to {host}, port {port}{by}: {failure}") from failure


def listen(address: Address | socket.socket, options: SocketOptions) -> socket.socket:
    """Return a listening socket.

    Parameters
    ----------
    address
        Host and port; an empty host means all addresses of this machine. Or a socket that is bound already,
        or one that listens already.
    options
        What is set on it, and on the connections that it accepts.

    Raises
    ------
    OSError
        When the address cannot be had.
    ValueError
        When the socket is not a TCP socket over IPv4 or IPv6, or is bound to nothing.
    """
    if isinstance(address, HandedOver):
        return address
    bound = bind(address, options)
    try:
        bound.listen(options.backlog)
    except OSError:
        if bound is not address:
            bound.close()
        raise
    return bound


def bind(address: Address | socket.socket, options: SocketOptions) -> socket.socket:
    """Return a bound socket that does not listen yet; for the rest see `listen`."""
    if isinstance(address, socket.socket):
        check_is_tcp(address)
        if address.getsockname()[1] == 0:
            raise ValueError("the socket to listen on is not bound to a port")
        options.apply(address)
        return address
    host, port = address[:2]
    if host == "" and socket.has_dualstack_ipv6():
        with suppress(OSError):
            return bound_socket(socket.AF_INET6, ("::", port), options, is_dual=True)
    return bound_socket(socket.AF_INET6 if ":" in host else socket.AF_INET, address, options)


def check_is_tcp(sock: socket.socket) -> None:
    """Check that a socket is one that associations can come through.

    Raises
    ------
    ValueError
        When it is not a TCP socket over IPv4 or IPv6.
    """
    if sock.family not in (socket.AF_INET, socket.AF_INET6) or sock.type != socket.SOCK_STREAM:
        raise ValueError(
            f"socket {sock.fileno()} is of family {sock.family} and type {sock.type}; "
            "a TCP socket over IPv4 or IPv6 is needed"
        )


def bound_socket(
    family: int,
    address: tuple[Any, ...],
    options: SocketOptions,
    *,
    is_dual: bool = False,
    is_shared: bool = False,
) -> socket.socket:
    """Return a socket that is bound to an address.

    Parameters
    ----------
    family, address
        Of IPv4 or IPv6.
    options
        What is set on it.
    is_dual
        IPv6 and IPv4.
    is_shared
        Further sockets may be bound to it, if they say so, too (SO_REUSEPORT).

    Raises
    ------
    OSError
        When the address cannot be had.
    """
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if is_dual:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        options.apply(sock)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock
