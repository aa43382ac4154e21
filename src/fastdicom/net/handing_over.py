"""Connections that one process accepts and another one serves: their descriptors go through a Unix socket.

For platforms on which several processes cannot listen on a port of their own (`sharing`), and for a listening
socket that there is only once. POSIX only.
"""

from __future__ import annotations

import os
import socket
from typing import Any

# What comes with a descriptor; a stream has no message without a byte.
CONTENT = b"\0"


class HandedOver(socket.socket):
    """One end of a Unix socket, that listens: what it accepts are the connections put in at the other end.

    Parameters
    ----------
    end
        The end; it belongs to this object from now on.
    address
        Where the connections come from: the address that is listened on.
    """

    def __init__(self, end: socket.socket, address: tuple[Any, ...]) -> None:
        super().__init__(end.family, end.type, end.proto, fileno=end.detach())
        self._address = address

    def getsockname(self) -> tuple[Any, ...]:
        """Return the address that is listened on."""
        return self._address

    def accept(self) -> tuple[socket.socket, tuple[Any, ...]]:
        """Return the next connection, and the address of its peer.

        Raises
        ------
        BlockingIOError
            When there is none.
        OSError
            When the connection has gone meanwhile, or nobody is left at the other end.
        """
        content, descriptors, _, _ = socket.recv_fds(self, len(CONTENT), 1)
        if not descriptors:
            # The kernel drops a descriptor that there is no room for in this process.
            raise OSError("a connection was lost on its way" if content else "no more connections will come")
        connection = socket.socket(fileno=descriptors[0])
        connection.set_inheritable(False)
        try:
            return connection, connection.getpeername()
        except OSError:
            connection.close()
            raise


def hand_over(connection: socket.socket, end: socket.socket) -> bool:
    """Put a connection into a Unix socket that does not block, and close it here.

    Returns
    -------
    bool
        False when there is no room, and nothing has been done.

    Raises
    ------
    OSError
        When nobody is left at the other end.
    """
    try:
        socket.send_fds(end, [CONTENT], [connection.fileno()])
    except BlockingIOError:
        return False
    connection.close()
    return True


def channel() -> tuple[socket.socket, socket.socket]:
    """Return a Unix socket for `hand_over`, and the other end of it, for `HandedOver`."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    near.setblocking(False)
    return near, far


def can_hand_over() -> bool:
    """Whether the platform has it."""
    return os.name == "posix" and hasattr(socket, "send_fds")
