"""Serving connections: leader and followers.

One thread at a time, the leader, looks after the lobby, where connections wait until they can be served. Who
gets one passes the lead to the next thread and serves the connection itself: no connection waits for a
thread to be made, or to be handed to one, and none has a thread before there is something to do for it.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from time import monotonic

from fastdicom.errors import TlsError
from fastdicom.log import get_logger
from fastdicom.net.addresses import Address
from fastdicom.net.lobby import PAUSE, Lobby
from fastdicom.net.visitor import Visitor

LOGGER = get_logger(__name__)

# Threads that may wait for the lead; further ones end when they have served.
FOLLOWERS = 4


class Listener:
    """A listening socket whose connections are served by threads.

    Parameters
    ----------
    listening
        The listening socket; it belongs to the listener from now on.
    serve
        Called with each connection, in a thread that has nothing else to do.
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
        connection_limit: Callable[[], int],
        handshake_timeout: Callable[[], float | None],
        request_timeout: Callable[[], float | None],
        address_limit: Callable[[], int | None],
        tls_context: Callable[[], ssl.SSLContext | None],
    ) -> None:
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
        )
        self._lead = threading.Lock()
        # For what follows; reentrant, as a signal handler may stop us in the middle of it.
        self._changed = threading.Condition(threading.RLock())
        self._threads: set[threading.Thread] = set()
        self._serving: set[threading.Thread] = set()
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
        us = {threading.current_thread()}
        with self._changed:
            if not self._changed.wait_for(lambda: self._serving <= us, timeout) or self._serving:
                return
            self._changed.wait_for(lambda: not self._threads, deadline - monotonic())

    def see_off(self, sock: socket.socket, deadline: float) -> None:
        """Take over a connection that only waits for the peer to close it, until the deadline at most."""
        self._lobby.see_off(sock, deadline)

    @property
    def waiting(self) -> int:
        """How many connections wait to be served."""
        return len(self._lobby)

    def _add_thread(self) -> None:
        thread = threading.Thread(target=self._work, name="fastdicom-server", daemon=True)
        with self._changed:
            self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError as error:
            with self._changed:
                self._threads.discard(thread)
            LOGGER.error("no further thread can be had: %s", error)

    def _work(self) -> None:
        """Lead, serve, and follow again."""
        try:
            while self._is_needed():
                with self._lead:
                    visitor = self._next_visitor()
                if visitor is None:
                    return
                self._attend(visitor)
        finally:
            with self._changed:
                self._threads.discard(threading.current_thread())
                self._changed.notify_all()

    def _is_needed(self) -> bool:
        with self._changed:
            return len(self._threads) - len(self._serving) <= 1 + FOLLOWERS

    def _next_visitor(self) -> Visitor | None:
        """Wait for a connection that can be served; None when all is over."""
        while not self._is_over():
            has_room = len(self._serving) < self._connection_limit()
            visitor = self._lobby.take() if has_room else None
            if visitor is None:
                self._wait()
                continue
            with self._changed:
                self._serving.add(threading.current_thread())
                has_follower = len(self._threads) > len(self._serving)
            if not has_follower:
                self._add_thread()
            return visitor
        return None

    def _wait(self) -> None:
        try:
            self._lobby.wait()
        except Exception:
            # Whatever it was, others want to be served.
            LOGGER.exception("accepting connections has met an error of this program")
            with self._changed:
                self._changed.wait(PAUSE)

    def _is_over(self) -> bool:
        """Whether nothing is left to do, once we have been stopped."""
        if not self._is_stopping:
            return False
        with self._changed:
            self._close_entrance()
            if self._serving or not self._lobby.is_empty:
                return False
            self._lobby.close()
            return True

    def _close_entrance(self) -> None:
        if not self._is_stopped:
            self._lobby.close_entrance()
            self._is_stopped = True
            self._changed.notify_all()

    def _attend(self, visitor: Visitor) -> None:
        """Do for a connection what can be done without waiting: serve it, or let it wait in the lobby."""
        try:
            if self._is_ready(visitor):
                self._serve(visitor)
                visitor.close()
            elif not visitor.is_gone:
                self._lobby.put(visitor)
        except Exception:
            LOGGER.exception("an association ended in an error of this program")
            visitor.close()
        finally:
            with self._changed:
                was_full = len(self._serving) >= self._connection_limit()
                self._serving.discard(threading.current_thread())
                self._changed.notify_all()
            if was_full or self._is_stopping:
                self._lobby.wake()

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
