"""From a host and a port to a connected link, without blocking the event loop."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from typing import Any

from fastdicom.errors import ConnectionFailed, TlsError
from fastdicom.net.addresses import Address, Host
from fastdicom.net.aio_link import Link
from fastdicom.net.ending import ABORT_LINGER
from fastdicom.net.proxy import Proxy
from fastdicom.net.socket_options import SocketOptions
from fastdicom.net.tls import describe

# asyncio wants a number where there is to be no limit: a year.
FOR_EVER = 365 * 86400.0


async def connect(
    host: Host,
    port: int,
    *,
    bind_address: Address | None,
    timeout: float | None,
    options: SocketOptions,
    proxy: Proxy | None = None,
) -> tuple[socket.socket, tuple[Any, ...]]:
    """Connect to a peer, or to the proxy before it: each address is tried, in the order of the resolver.

    Parameters, results and errors are those of `addresses.connect`.
    """
    first: tuple[Host, int] = (host, port) if proxy is None else (proxy.host, proxy.port)
    failure: OSError | None = None
    try:
        candidates = await _candidates(*first)
    except (OSError, UnicodeError) as error:
        raise ConnectionFailed(f"{first[0]}: cannot find its address: {error}") from error
    for family, address in candidates:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            options.apply(sock)
            if bind_address is not None:
                sock.bind(bind_address)
            sock.setblocking(False)
            async with asyncio.timeout(timeout):
                await asyncio.get_running_loop().sock_connect(sock, address)
                if proxy is not None:
                    await _open_tunnel(proxy, sock, host, port)
            return sock, address
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
    by = "" if proxy is None else f" through {proxy}"
    why = "timed out" if isinstance(failure, TimeoutError) and not str(failure) else failure
    raise ConnectionFailed(f"cannot connect to {host}, port {port}{by}: {why}") from failure


async def _candidates(host: Host, port: int) -> list[tuple[Any, ...]]:
    name, *rest = host if isinstance(host, tuple) else (host,)
    found = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)
    if not rest:
        return [(family, address) for family, _, _, _, address in found]
    return [
        (family, (*address[:2], *rest)) for family, _, _, _, address in found if family == socket.AF_INET6
    ]


async def _open_tunnel(proxy: Proxy, sock: socket.socket, host: Host, port: int) -> None:
    """Ask for a connection to a peer. The reply is read a byte at a time: nothing behind it may be lost."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, proxy.request(host, port))
    reply = bytearray()
    while not proxy.has_ended(reply):
        byte = await loop.sock_recv(sock, 1)
        if not byte:
            raise ConnectionResetError(f"{proxy} closed the connection")
        reply += byte
    proxy.check(reply)


async def open_link(
    link: Link,
    sock: socket.socket,
    *,
    context: ssl.SSLContext | None,
    server_hostname: str | None,
    handshake_timeout: float | None,
) -> None:
    """Give a connected socket to a link; with a context, after the TLS handshake.

    Parameters
    ----------
    link
        The link; its `on_open` is called.
    sock
        The connected socket; it is the link's from now on, and closed if this fails.
    context
        The settings of TLS; None without it.
    server_hostname
        The name that the server's certificate is to be for; None for none.
    handshake_timeout
        Seconds until the handshake is given up; None for never.

    Raises
    ------
    TlsError
        When the handshake failed.
    ValueError
        When the context and the name do not fit.
    """
    if context is not None and context.check_hostname and not server_hostname:
        sock.close()
        raise ValueError("this SSLContext wants to check the name of the host, and there is none")
    options: dict[str, Any] = {} if context is None else handshake_options(handshake_timeout)
    loop = asyncio.get_running_loop()
    try:
        await loop.create_connection(
            lambda: link,
            sock=sock,
            ssl=context,
            # Without a name asyncio would take that of the address, and there is none.
            server_hostname=None if context is None else server_hostname or "",
            **options,
        )
    except OSError as error:
        sock.close()
        raise TlsError(f"the TLS handshake failed: {explain(error)}") from error
    except BaseException:
        with suppress(OSError):
            sock.close()
        raise


def handshake_options(timeout: float | None) -> dict[str, float]:
    """Return what asyncio is told of the time for TLS."""
    return {
        "ssl_handshake_timeout": FOR_EVER if timeout is None else max(timeout, 0.001),
        "ssl_shutdown_timeout": ABORT_LINGER,
    }


def explain(error: Exception) -> str:
    """Return why a TLS handshake failed."""
    if isinstance(error, ssl.SSLError):
        return describe(error)
    if isinstance(error, ConnectionAbortedError | TimeoutError):  # what asyncio says of its timeout
        return "it was not done in time"
    if isinstance(error, ConnectionResetError):
        return "the peer closed the connection"
    return str(error)
