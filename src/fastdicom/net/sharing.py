"""One port for several processes.

Where the system spreads the connections to a port over all sockets that listen on it (Linux, SO_REUSEPORT),
each process has a socket of its own. Elsewhere, and for a listening socket that was given, one process
accepts and hands the connections over (`handing_over`).
"""

from __future__ import annotations

import socket
import sys
from dataclasses import dataclass
from typing import Any

from fastdicom.net.addresses import Address, bind, bound_socket, listen
from fastdicom.net.handing_over import HandedOver, can_hand_over
from fastdicom.net.socket_options import SocketOptions

# Others have the option, too, but the last socket gets everything (macOS), or it has another name (FreeBSD).
SPREADS_CONNECTIONS = sys.platform == "linux" and hasattr(socket, "SO_REUSEPORT")


@dataclass(frozen=True)
class Entrance:
    """Where the connections of one process come from. It can be sent to another process.

    Parameters
    ----------
    family, address
        What is listened on.
    is_dual
        IPv6 and IPv4.
    end
        The end of a Unix socket through which they are handed over; None for a listening socket of its own.
    """

    family: int
    address: tuple[Any, ...]
    is_dual: bool
    end: socket.socket | None = None

    def open(self, options: SocketOptions) -> socket.socket:
        """Return a bound socket for a server.

        Raises
        ------
        OSError
            When the address cannot be had.
        """
        if self.end is not None:
            return HandedOver(self.end, self.address)
        return bound_socket(self.family, self.address, options, is_dual=self.is_dual, is_shared=True)


class SharedPort:
    """A port that is reserved for the processes of a server, until `close`.

    Parameters
    ----------
    address
        As for a server of one process.
    options
        What is set on its sockets.

    Attributes
    ----------
    address
        What is listened on; the port is the real one when 0 was asked for.
    listening
        The socket to accept connections from and hand them over; None when each process has its own.

    Raises
    ------
    OSError
        When the address cannot be had, or the platform has no way to share it.
    ValueError
        When a socket was given that cannot be listened on.
    """

    def __init__(self, address: Address | socket.socket, options: SocketOptions) -> None:
        is_given = isinstance(address, socket.socket)
        self.listening: socket.socket | None = None
        # Without SO_REUSEPORT: that fails if somebody listens here, even if they would share.
        if SPREADS_CONNECTIONS and not is_given:
            self._reserved = bind(address, options)
        elif can_hand_over():
            self._reserved = self.listening = listen(address, options)
            self.listening.setblocking(False)
        else:
            raise OSError("this platform has no way to share a port between processes")
        self.address: Address = self._reserved.getsockname()

    def entrance(self, end: socket.socket | None = None) -> Entrance:
        """Return what a process needs: with one end of a channel, if it is handed its connections."""
        is_dual = self._reserved.family == socket.AF_INET6 and not self._reserved.getsockopt(
            socket.IPPROTO_IPV6, socket.IPV6_V6ONLY
        )
        return Entrance(self._reserved.family, self.address, is_dual, end)

    def close(self) -> None:
        """Give the port back."""
        self._reserved.close()
