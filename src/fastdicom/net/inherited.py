"""Listening sockets that whoever started the process has opened: systemd's LISTEN_FDS protocol."""

from __future__ import annotations

import os
import socket

from fastdicom.net.addresses import check_is_tcp

# sd_listen_fds(3): the first of them.
FIRST_DESCRIPTOR = 3

VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")

# More than any unit file lists; what a variable of the environment may make us look at.
COUNT_LIMIT = 1024


def inherited_sockets() -> list[socket.socket]:
    """Return the listening sockets that systemd, or a program like it, has passed to this process.

    To be called once, early, with one thread running: the sockets are then closed when another program is
    executed, and the variables of the environment are gone, so that no child takes them for its own.

    Returns
    -------
    list of socket
        In the order of the unit file; each may be given to `AE.start_server` instead of an address. Empty
        when none were passed to this process.

    Raises
    ------
    ValueError
        When LISTEN_FDS is not a number, or a descriptor is not a listening TCP socket over IPv4 or IPv6. The
        variables are gone nevertheless.
    """
    pid, count, _ = (os.environ.pop(name, "") for name in VARIABLES)
    if pid != str(os.getpid()):
        return []
    if not (count.isascii() and count.isdecimal()) or int(count) > COUNT_LIMIT:
        raise ValueError(f"LISTEN_FDS is {count!r}; a number up to {COUNT_LIMIT} was expected")
    descriptors = range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + int(count))
    return [_listening(descriptor) for descriptor in descriptors]


def _listening(descriptor: int) -> socket.socket:
    try:
        os.set_inheritable(descriptor, False)
        sock = socket.socket(fileno=descriptor)
    except OSError as error:
        raise ValueError(f"descriptor {descriptor} of LISTEN_FDS is not a socket: {error}") from error
    try:
        check_is_tcp(sock)
        is_listening = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except ValueError:
        sock.detach()  # it is not ours
        raise
    if not is_listening:
        sock.detach()
        raise ValueError(f"socket {descriptor} of LISTEN_FDS does not listen")
    return sock
