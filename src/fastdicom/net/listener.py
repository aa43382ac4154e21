"""Serving connections: a lobby where they wait until they can be served, and workers that serve them.

No connection waits for a thread to be made, or to be handed to one, and none has a thread while there is
nothing to do for it: before its request is there it waits in the lobby, afterwards in the parking lot.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from functools import partial
from time import monotonic

from fastdicom.errors import TlsError
from fastdicom.log import get_logger
from fastdicom.net.addresses import Address
from fastdicom.net.crew import Crew, Job, Workforce
from fastdicom.net.lobby import Lobby
from fastdicom.net.visitor import Visitor

LOGGER = get_logger(__name__)


class Listener(Crew):
    """A listening socket whose connections are served by threads.

    Parameters
    ----------
    listening
        The listening socket; it belongs to the listener from now on.
    serve
        Called with each connection by a worker. Even if it raises, it has `depart` called, once, when the
        connection is not served any more; until then it may wait in the parking lot.
    workforce
        How many workers there may be.
    connection_limit
        Returns how many connections may be served at once; further ones wait in the lobby.
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
        serve: Callable[[Visitor], None],
        *,
        workforce: Workforce,
        connection_limit: Callable[[], int],
        handshake_timeout: Callable[[], float | None],
        request_timeout: Callable[[], float | None],
        address_limit: Callable[[], int | None],
        tls_context: Callable[[], ssl.SSLContext | None],
    ) -> None:
        super().__init__(workforce, "fastdicom-server")
        listening.setblocking(False)
        self.address: Address = listening.getsockname()
        self._serve = serve
        self._connection_limit = connection_limit
        self._lobby = Lobby(
            listening,
            handshake_timeout=handshake_timeout,
            request_timeout=request_timeout,
            address_limit=address_limit,
            tls_context=tls_context,
            lot=self.lot,
        )
        self._guests = 0  # connections that are served, or looked at by a worker
        self._visitors_first = False
        self._is_stopping = False
        self._is_stopped = False

    def start(self) -> None:
        """Accept connections from now on until `stop`."""
        self._add_thread()

    def wait(self) -> None:
        """Wait until accepting has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopped)

    def stop(self, timeout: float) -> None:
        """Accept no more connections and close those that wait; those that are served go on.

        Parameters
        ----------
        timeout
            Seconds to wait until it is so; it takes no time unless the machine is very busy.
        """
        with self._changed:
            self._is_stopping = True
            self._lobby.wake()
            self._changed.wait_for(lambda: self._is_stopped or not self._threads, timeout)
            if not self._threads:
                self._is_over()  # it has never been started

    def join(self, timeout: float) -> None:
        """Wait until no connection is served any more, but for one that the caller serves."""
        deadline = monotonic() + timeout
        with self._changed:
            ours = int(threading.current_thread() in self._working)
            if not self._changed.wait_for(lambda: self._guests <= ours, timeout) or ours:
                return
            self._changed.wait_for(lambda: not self._threads, deadline - monotonic())

    def see_off(self, sock: socket.socket, deadline: float) -> None:
        """Take over a connection that only waits for the peer to close it, until the deadline at most."""
        self._lobby.see_off(sock, deadline)

    @property
    def waiting(self) -> int:
        """How many connections wait to be served."""
        return len(self._lobby)

    def depart(self) -> None:
        """Take note that a connection is not served any more."""
        with self._changed:
            was_full = self._guests >= self._connection_limit()
            self._guests -= 1
            self._changed.notify_all()
        if was_full or self._is_stopping:
            self._lobby.wake()

    # For the crew.

    def wake(self) -> None:
        """End the leader's wait."""
        self._lobby.wake()

    def _wait(self) -> None:
        self._lobby.wait()

    def _has_job(self) -> bool:
        return self.lot.has_ready or self._has_visitor()

    def _has_visitor(self) -> bool:
        return self._lobby.has_ready and self._guests < self._connection_limit()

    def _take_job(self) -> Job | None:
        # Visitors and associations take turns, so that neither keep out the others.
        self._visitors_first = not self._visitors_first
        if self._visitors_first:
            return self._take_visitor() or self.lot.take()
        return self.lot.take() or self._take_visitor()

    def _take_visitor(self) -> Job | None:
        visitor = self._lobby.take() if self._has_visitor() else None
        if visitor is None:
            return None
        with self._changed:
            self._guests += 1
        return partial(self._attend, visitor)

    def _is_over(self) -> bool:
        if not self._is_stopping:
            return False
        with self._changed:
            self._close_entrance()
            if self._guests or not self._lobby.is_empty:
                return False
            self._lobby.close()
            self.lot.close()
            return True

    def _close_entrance(self) -> None:
        if not self._is_stopped:
            self._lobby.close_entrance()
            self._is_stopped = True
            self._changed.notify_all()

    def _attend(self, visitor: Visitor) -> None:
        """Do for a connection what can be done without waiting: serve it, or let it wait in the lobby."""
        is_ready = False
        try:
            is_ready = self._is_ready(visitor)
            if is_ready:
                self._serve(visitor)
            elif not visitor.is_gone:
                self._lobby.put(visitor)
        except BaseException:
            visitor.close()
            raise
        finally:
            if not is_ready:
                self.depart()

    def _is_ready(self, visitor: Visitor) -> bool:
        """Whether a connection can be served; otherwise it has to wait, or is closed."""
        if visitor.is_early:
            return self._lobby.arrives(visitor)
        if not visitor.needs_handshake:
            return True
        if visitor.deadline is not None and monotonic() >= visitor.deadline:
            LOGGER.warning("a TLS handshake was not done in time")
            visitor.close()
            return False
        try:
            return visitor.step() and self._lobby.begin(visitor)
        except (TlsError, ValueError) as error:
            LOGGER.warning("a TLS connection could not be accepted: %s", error)
            visitor.close()
            return False
