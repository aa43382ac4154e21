"""Connections that are reset when they are closed, as the peer does not take what it was sent.

Closed in the ordinary way, the system would keep that and offer it for minutes, to a peer that is not told
that nobody is here any more.
"""

from __future__ import annotations

import socket
import struct
import sys
from contextlib import suppress

# On, and no time for what has not been taken.
_RESET = struct.pack("HH" if sys.platform == "win32" else "ii", 1, 0)


def reset_when_closed(sock: socket.socket) -> None:
    """Have the connection reset when it is closed."""
    with suppress(OSError):  # it is closed already
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def reset_what_is_not_taken(sock: socket.socket) -> None:
    """Have the connection reset when it is closed, if the peer's system has not acknowledged all by now."""
    if _untaken(sock):
        reset_when_closed(sock)


if sys.platform == "linux":
    import fcntl
    import termios

    def _untaken(sock: socket.socket) -> int:
        # tcp(7): SIOCOUTQ is TIOCOUTQ.
        count = bytearray(4)
        with suppress(OSError, ValueError):  # closed: -1
            fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, count)
        return int.from_bytes(count, sys.byteorder)

else:

    def _untaken(sock: socket.socket) -> int:
        return 0  # it cannot be told
