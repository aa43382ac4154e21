"""Accepting connections on an event loop: each becomes a link, which waits for its first PDU by itself.

A connection that waits costs a descriptor and its transport; a task only for its TLS handshake. There is a
limit to them, as in `lobby`, over all and per remote address; beyond it the one that has waited longest goes.
Of what they have sent in part no more is kept than `MEMORY_LIMIT`.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any

from fastdicom.log import get_logger
from fastdicom.net.addresses import Address
from fastdicom.net.aio_connect import explain, handshake_options
from fastdicom.net.aio_link import Link
from fastdicom.net.lobby import MEMORY_LIMIT, OUT_OF_DESCRIPTORS, PAUSE, waiting_limit

LOGGER = get_logger(__name__)

# Connections that are accepted before others of the loop have their turn.
AT_ONCE = 64


class Guest:
    """A connection that has been accepted and has not asked for an association yet.

    Attributes
    ----------
    link
        The link for it.
    address
        The peer's.
    accepted
        When it was there to be used, in monotonic time; with TLS after the handshake.
    """

    __slots__ = ("accepted", "address", "handshake", "link", "memory")

    def __init__(self, link: Link, address: tuple[Any, ...]) -> None:
        self.link = link
        self.address = address
        self.accepted = monotonic()
        self.memory = 0
        self.handshake: asyncio.Task[None] | None = None  # what makes it a transport


class Listener:
    """A listening socket whose connections become links.

    Parameters
    ----------
    listening
        The listening socket; it belongs to the listener from now on.
    make_link
        Makes a link for a connection.
    receive
        Called with a guest when its first PDU has come, or its time is over; it takes over the link.
    handshake_timeout, request_timeout
        Return for how many seconds a connection may wait for its TLS handshake to be done, and then for its
        first PDU; None for ever.
    address_limit
        Returns how many connections of one remote address may wait at once; None for no limit of their own.
    tls_context
        Returns the settings of TLS; None without it.
    """

    def __init__(
        self,
        listening: socket.socket,
        make_link: Callable[[], Link],
        receive: Callable[[Guest], None],
        *,
        handshake_timeout: Callable[[], float | None],
        request_timeout: Callable[[], float | None],
        address_limit: Callable[[], int | None],
        tls_context: Callable[[], ssl.SSLContext | None],
    ) -> None:
        listening.setblocking(False)
        self.address: Address = listening.getsockname()
        self._listening = listening
        self._make_link = make_link
        self._receive = receive
        self._handshake_timeout = handshake_timeout
        self._request_timeout = request_timeout
        self._address_limit = address_limit
        self._tls_context = tls_context
        self._limit = waiting_limit()
        self._memory = 0
        # Everybody who waits, the oldest first; over all, and for each address.
        self._guests: dict[Guest, None] = {}
        self._of_address: dict[object, dict[Guest, None]] = {}
        self._accepting = asyncio.get_running_loop().create_task(self._accept())

    @property
    def waiting(self) -> int:
        """How many connections wait for their handshake or their request."""
        return len(self._guests)

    async def stop(self) -> None:
        """Accept no more connections, and close those that wait."""
        self._accepting.cancel()
        await asyncio.wait([self._accepting])
        self._listening.close()
        for _ in range(2):  # what has come already is looked at
            await asyncio.sleep(0)
        for guest in list(self._guests):
            self._drop(guest)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        count = 0
        while True:
            try:
                sock, address = await loop.sock_accept(self._listening)
            except OSError as error:
                await self._bear(error)
                continue
            guest = Guest(self._make_link(), address)
            guest.handshake = loop.create_task(self._attend(guest, sock))
            guest.handshake.add_done_callback(partial(self._end_handshake, guest, sock))
            self._enter(guest)
            count += 1
            if count % AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _bear(self, error: OSError) -> None:
        """Make room when accepting fails, or leave it for a while."""
        LOGGER.warning("cannot accept a connection: %s", error)
        if error.errno in OUT_OF_DESCRIPTORS and self._guests:
            self._drop(next(iter(self._guests)))
        await asyncio.sleep(PAUSE)

    async def _attend(self, guest: Guest, sock: socket.socket) -> None:
        """Make a transport of a connection, after the TLS handshake if there is one."""
        context = self._tls_context()
        options: dict[str, Any] = {} if context is None else handshake_options(self._handshake_timeout())
        link = guest.link
        link.on_open = lambda: self._await_request(guest)
        await asyncio.get_running_loop().connect_accepted_socket(lambda: link, sock, ssl=context, **options)

    def _end_handshake(self, guest: Guest, sock: socket.socket, task: asyncio.Task[None]) -> None:
        guest.handshake = None
        error = None if task.cancelled() else task.exception()
        if error is None and not task.cancelled():
            return
        self._forget(guest)
        guest.link.close()
        sock.close()
        if isinstance(error, OSError | ValueError):
            LOGGER.warning("a TLS connection could not be accepted: %s", explain(error))
        elif error is not None:
            LOGGER.error("accepting a connection has met an error of this program", exc_info=error)

    def _await_request(self, guest: Guest) -> None:
        link, timeout = guest.link, self._request_timeout()
        guest.accepted = monotonic()
        link.first_deadline = None if timeout is None else guest.accepted + timeout
        link.on_first = lambda: self._hand_over(guest)
        link.on_part = lambda received: self._count(guest, received)
        link.on_close = lambda: self._forget(guest)

    # Who waits.

    def _enter(self, guest: Guest) -> None:
        """Let a connection wait, and drop another one when there are too many."""
        self._guests[guest] = None
        same = self._of_address.setdefault(guest.address[0], {})
        same[guest] = None
        limit = self._address_limit()
        if limit is not None and len(same) > limit:
            self._drop_oldest(same)
        elif len(self._guests) > self._limit:
            self._drop_oldest(self._guests)

    def _hand_over(self, guest: Guest) -> None:
        self._forget(guest)
        guest.link.on_part = bool
        self._receive(guest)

    def _count(self, guest: Guest, received: int) -> None:
        self._memory += received - guest.memory
        guest.memory = received
        if self._memory > MEMORY_LIMIT:
            self._drop(guest)
            LOGGER.warning("unfinished requests are longer than %d bytes: one was closed", MEMORY_LIMIT)

    def _drop_oldest(self, guests: dict[Guest, None]) -> None:
        self._drop(next(iter(guests)))
        LOGGER.warning("too many connections wait for their request: the oldest was closed")

    def _drop(self, guest: Guest) -> None:
        self._forget(guest)
        guest.link.on_first = None
        guest.link.close()
        if guest.handshake is not None:
            guest.handshake.cancel()

    def _forget(self, guest: Guest) -> None:
        if guest not in self._guests:
            return
        del self._guests[guest]
        self._memory -= guest.memory
        host = guest.address[0]
        same = self._of_address[host]
        del same[guest]
        if not same:
            del self._of_address[host]
