"""Accepting connections: leader and followers.

One thread at a time, the leader, waits for a connection. Who gets one passes the lead to the next thread
and serves the connection itself: no connection waits for a thread to be made, or to be handed to one.
"""

from __future__ import annotations

import logging
import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from fastdicom.net.addresses import Address, listen, prepare
from fastdicom.net.waker import Waker

LOGGER = logging.getLogger(__name__)

# Out of descriptors or memory: seconds until accepting is tried again.
PAUSE = 0.1

# Threads that may wait for the lead; further ones end when they have served.
FOLLOWERS = 4

Connection = tuple[socket.socket, tuple[object, ...]]


class Listener:
    """A listening socket whose connections are served by threads.

    Parameters
    ----------
    address
        Where to listen.
    serve
        Called with each accepted socket and the peer's address, in a thread that has nothing else to do.
    connection_limit
        Returns how many connections may be served at once; further ones wait in the kernel's queue.

    Raises
    ------
    OSError
        When the address cannot be had.
    """

    def __init__(
        self,
        address: Address,
        serve: Callable[[socket.socket, tuple[object, ...]], None],
        connection_limit: Callable[[], int],
    ) -> None:
        self._socket = listen(address)
        self._socket.setblocking(False)
        self.address: Address = self._socket.getsockname()
        self._serve = serve
        self._connection_limit = connection_limit
        self._waker = Waker()
        self._lead = threading.Lock()
        self._lock = threading.Lock()  # for what follows
        self._threads: set[threading.Thread] = set()
        self._serving = 0
        self._is_stopping = False
        self._stopped = threading.Event()

    def start(self) -> None:
        """Accept connections from now on until `stop`."""
        self._add_thread()

    def wait(self) -> None:
        """Wait until accepting has ended."""
        self._stopped.wait()

    def stop(self) -> None:
        """Accept no more connections; those that there are go on."""
        with self._lock:
            self._is_stopping = True
            self._wake()

    def join(self, timeout: float) -> None:
        """Wait until accepting has ended, and then for the connections, each `timeout` seconds at most."""
        self._stopped.wait(timeout)
        with self._lock:
            threads = self._threads - {threading.current_thread()}
        for thread in threads:
            thread.join(timeout)

    def _wake(self) -> None:
        if not self._stopped.is_set():
            self._waker.wake()

    def _add_thread(self) -> None:
        thread = threading.Thread(target=self._work, name="fastdicom-server", daemon=True)
        with self._lock:
            self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError as error:
            with self._lock:
                self._threads.discard(thread)
            LOGGER.error("no further thread can be had: %s", error)

    def _work(self) -> None:
        """Lead, serve, and follow again."""
        try:
            while self._is_needed():
                with self._lead:
                    connection = self._next_connection()
                if connection is None:
                    return
                self._serve_connection(*connection)
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _is_needed(self) -> bool:
        with self._lock:
            return len(self._threads) - self._serving <= 1 + FOLLOWERS

    def _next_connection(self) -> Connection | None:
        """Wait for a connection; None when accepting has ended."""
        while not self._is_stopping:
            self._wait()
            connection = self._accept()
            if connection is not None:
                return connection
        with self._lock:
            if not self._stopped.is_set():
                self._stopped.set()
                self._socket.close()
                self._waker.close()
        return None

    def _wait(self) -> None:
        has_room = self._serving < self._connection_limit()
        readers = [self._waker.fileno(), *([self._socket.fileno()] if has_room else [])]
        if hasattr(select, "poll"):
            poll = select.poll()
            for descriptor in readers:
                poll.register(descriptor, select.POLLIN)
            ready = [descriptor for descriptor, _ in poll.poll()]
        else:
            ready, _, _ = select.select(readers, [], [])
        if readers[0] in ready:
            self._waker.drain()

    def _accept(self) -> Connection | None:
        if self._is_stopping or self._serving >= self._connection_limit():
            return None
        try:
            connection = self._socket.accept()
        except (BlockingIOError, ConnectionError):
            return None
        except OSError as error:
            LOGGER.error("cannot accept a connection: %s", error)
            self._stopped.wait(PAUSE)
            return None
        with self._lock:
            self._serving += 1
            has_follower = len(self._threads) > self._serving
        if not has_follower:
            self._add_thread()
        return connection

    def _serve_connection(self, sock: socket.socket, address: tuple[object, ...]) -> None:
        try:
            with suppress(OSError):  # the peer may be gone already
                prepare(sock)
            self._serve(sock, address)
        except Exception:
            LOGGER.exception("an association ended in an error of this program")
        finally:
            sock.close()
            with self._lock:
                was_full = self._serving >= self._connection_limit()
                self._serving -= 1
                if was_full:
                    self._wake()
