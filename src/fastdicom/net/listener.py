"""The accept loop: a thread for the listening socket, and one for each connection that comes."""

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

Serve = Callable[[socket.socket, tuple[object, ...]], None]


class Listener:
    """A listening socket whose connections are served by threads.

    Parameters
    ----------
    address
        Where to listen.
    serve
        Called in a new thread with each accepted socket and the peer's address.
    connection_limit
        Returns how many connections may be served at once; further ones wait in the kernel's queue.

    Raises
    ------
    OSError
        When the address cannot be had.
    """

    def __init__(self, address: Address, serve: Serve, connection_limit: Callable[[], int]) -> None:
        self._socket = listen(address)
        self._socket.setblocking(False)
        self.address: Address = self._socket.getsockname()
        self._serve = serve
        self._connection_limit = connection_limit
        self._waker = Waker()
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._is_stopping = False
        self._stopped = threading.Event()

    def run(self) -> None:
        """Accept connections until `stop`."""
        try:
            while not self._is_stopping:
                self._wait()
                if not self._is_stopping:
                    self._accept()
        finally:
            self._socket.close()
            with self._lock:
                self._stopped.set()
                self._waker.close()

    def _wait(self) -> None:
        has_room = len(self._threads) < self._connection_limit()
        readers = [self._waker.fileno(), *([self._socket.fileno()] if has_room else [])]
        if hasattr(select, "poll"):
            poll = select.poll()
            for descriptor in readers:
                poll.register(descriptor, select.POLLIN)
            poll.poll()
        else:
            select.select(readers, [], [])
        self._waker.drain()

    def _accept(self) -> None:
        while len(self._threads) < self._connection_limit():
            try:
                sock, address = self._socket.accept()
            except (BlockingIOError, ConnectionError):
                return
            except OSError as error:
                LOGGER.error("cannot accept a connection: %s", error)
                self._stopped.wait(PAUSE)
                return
            thread = threading.Thread(target=self._run_connection, args=(sock, address), daemon=True)
            with self._lock:
                self._threads.add(thread)
            try:
                thread.start()
            except RuntimeError as error:
                LOGGER.error("cannot serve a connection: %s", error)
                sock.close()
                self._forget(thread)

    def _run_connection(self, sock: socket.socket, address: tuple[object, ...]) -> None:
        try:
            with suppress(OSError):  # the peer may be gone already
                prepare(sock)
            self._serve(sock, address)
        except Exception:
            LOGGER.exception("an association ended in an error of this program")
        finally:
            sock.close()
            self._forget(threading.current_thread())

    def _forget(self, thread: threading.Thread) -> None:
        with self._lock:
            was_full = len(self._threads) >= self._connection_limit()
            self._threads.discard(thread)
            if was_full and not self._stopped.is_set():
                self._waker.wake()

    def stop(self) -> None:
        """Close the listening socket; connections go on."""
        self._is_stopping = True
        with self._lock:
            if not self._stopped.is_set():
                self._waker.wake()

    def join(self, timeout: float | None = None) -> None:
        """Wait until `run` has ended, and then for the connections, each `timeout` seconds at most."""
        self._stopped.wait(timeout)
        for thread in list(self._threads):
            if thread is not threading.current_thread():
                thread.join(timeout)
