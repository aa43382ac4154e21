"""Reaching a peer through an HTTP proxy: CONNECT (RFC 9110 9.3.6).

The proxy's reply is read a byte at a time, so that nothing of what the peer says behind it is lost, and is
bounded in size and in time.
"""

from __future__ import annotations

import socket
from base64 import b64encode
from dataclasses import dataclass, field
from time import monotonic
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

# A proxy says less; what is longer is no reply to CONNECT.
REPLY_LIMIT = 16 << 10

# What a proxy that is given as an address stands for, when no port is given.
DEFAULT_PORT = 8080

ProxyLike: TypeAlias = "str | tuple[str, int] | Proxy"


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy that lets CONNECT through.

    Parameters
    ----------
    host, port
        Where it listens.
    authorization
        The value of Proxy-Authorization; None for none. It is in no message and in no `repr`.
    """

    host: str
    port: int
    authorization: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, proxy: ProxyLike) -> Proxy:
        """Return a proxy from ``"http://user:password@host:port"``, ``"host:port"`` or ``(host, port)``.

        The user information is sent as it is (Basic, RFC 7617), percent-decoded.

        Raises
        ------
        ValueError
            When it is none of these. The message does not have the password.
        """
        if isinstance(proxy, Proxy):
            return proxy
        if not isinstance(proxy, str):
            return cls(*proxy)
        try:
            parts = urlsplit(proxy if "//" in proxy else f"//{proxy}", scheme="http")
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port, parts = None, None, urlsplit("//")
        if not host or parts.scheme != "http" or parts.path not in ("", "/") or parts.query:
            raise ValueError("a proxy is http://host:port or http://user:password@host:port")
        authorization = None
        if parts.username is not None:
            user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            authorization = f"Basic {b64encode(user.encode()).decode()}"
        return cls(host, DEFAULT_PORT if port is None else port, authorization)

    def __str__(self) -> str:
        return f"the proxy {self.host}:{self.port}"

    def open_tunnel(
        self, sock: socket.socket, host: str | tuple[str, int, int], port: int, deadline: float | None
    ) -> None:
        """Ask for a connection to a peer.

        Parameters
        ----------
        sock
            A blocking socket that is connected to the proxy.
        host, port
            The peer; the proxy resolves its name.
        deadline
            When the reply must be there, as monotonic time; None to wait for ever.

        Raises
        ------
        ConnectionRefusedError
            When the proxy says no, with its status.
        OSError
            When it does not answer, or not in HTTP.
        """
        sock.sendall(self.request(host, port))
        self.check(self._read_reply(sock, deadline))

    def request(self, host: str | tuple[str, int, int], port: int) -> bytes:
        """Return what asks for a connection to a peer.

        Raises
        ------
        OSError
            When the peer's name cannot be written so.
        """
        name = host if isinstance(host, str) else host[0]
        try:
            name = name if ":" in name else name.encode("idna").decode("ascii")
        except UnicodeError as error:
            raise OSError(f"{self} cannot be asked for host name {name!r}: {error}") from error
        if not name.isprintable() or " " in name:
            raise OSError(f"{self} cannot be asked for host name {name!r}")
        target = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        if self.authorization is not None:
            lines.append(f"Proxy-Authorization: {self.authorization}")
        return "\r\n".join([*lines, "", ""]).encode("ascii")

    def has_ended(self, reply: bytes | bytearray) -> bool:
        """Whether a reply is whole.

        Raises
        ------
        OSError
            When it is too long to be one.
        """
        if reply.endswith(b"\r\n\r\n"):
            return True
        if len(reply) >= REPLY_LIMIT:
            raise OSError(f"the reply of {self} is longer than {REPLY_LIMIT} bytes")
        return False

    def check(self, reply: bytes | bytearray) -> None:
        """Check that a reply says that the peer is connected.

        Raises
        ------
        ConnectionRefusedError
            When the proxy says no, with its status.
        OSError
            When it does not answer in HTTP.
        """
        status_line = reply.partition(b"\r\n")[0]
        version, _, status = status_line.decode("latin-1").partition(" ")
        code = status[:3]
        if not version.startswith("HTTP/1.") or len(code) != 3 or not code.isdecimal():
            raise OSError(f"{self} does not answer in HTTP: {bytes(status_line[:64])!r}")
        if not code.startswith("2"):
            raise ConnectionRefusedError(f"{self} refused: {status[:64]!r}")

    def _read_reply(self, sock: socket.socket, deadline: float | None) -> bytes:
        reply = bytearray()
        while not self.has_ended(reply):
            try:
                if deadline is not None:
                    # Never 0, which would be not to wait at all.
                    sock.settimeout(max(deadline - monotonic(), 0.001))
                byte = sock.recv(1)
            except TimeoutError as error:
                raise TimeoutError(f"{self} did not answer in time") from error
            if not byte:
                raise ConnectionResetError(f"{self} closed the connection")
            reply += byte
        return bytes(reply)
