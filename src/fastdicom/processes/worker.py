"""A process that serves: one `AssociationServer`, and a pipe to the keeper.

SIGTERM drains it, and so does the end of the keeper. SIGINT, which a terminal sends to everybody, is left to
the program's own process.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from fastdicom.log import get_logger
from fastdicom.net.sharing import Entrance
from fastdicom.net.waker import Waker
from fastdicom.processes import messages
from fastdicom.processes.messages import Message
from fastdicom.processes.recipe import Recipe, Tls, tls_context
from fastdicom.server import AssociationServer

LOGGER = get_logger(__name__)

# A terminal sends them to everybody; the program's own process decides.
IGNORED = ("SIGINT", "SIGHUP")


class Closable(Protocol):
    """A pipe, or a socket."""

    def close(self) -> None:
        """Close this process's end of it."""


def work(recipe: Recipe, entrance: Entrance, pipe: Connection, of_others: Iterable[Closable]) -> None:
    """Be a process that serves.

    Parameters
    ----------
    recipe, entrance
        The server, and where its connections come from.
    pipe
        To the keeper.
    of_others
        What a forked process has and must not keep.
    """
    for each in of_others:
        each.close()
    leave_signals(IGNORED)
    waker = Waker()
    is_asked_to_end: list[int] = []

    def end(number: int, frame: object) -> None:
        is_asked_to_end.append(number)
        waker.wake()

    signal.signal(signal.SIGTERM, end)
    try:
        server = recipe.make_server(entrance)
    except Exception as error:
        LOGGER.exception("a process of the server cannot begin")
        send(pipe, (messages.FAILED, f"{type(error).__name__}: {error}"))
        sys.exit(1)
    server.start()
    send(pipe, (messages.LISTENING,))
    Worker(server, pipe, waker, recipe.drain).run(is_asked_to_end)


def leave_signals(names: Iterable[str]) -> None:
    """Ignore signals that are for the program's own process."""
    for name in names:
        if number := getattr(signal, name, None):
            signal.signal(number, signal.SIG_IGN)


def send(pipe: Connection, message: Message) -> None:
    """Send a message; who is not there any more misses nothing."""
    try:
        pipe.send(message)
    except OSError:
        LOGGER.debug("nobody is there to be told: %s", message[0])


class Worker:
    """The conversation of a serving process with the keeper, in its main thread."""

    def __init__(self, server: AssociationServer, pipe: Connection, waker: Waker, drain: float) -> None:
        self._server = server
        self._pipe = pipe
        self._waker = waker
        self._drain = drain
        self._aborted = 0
        self._has_ended = False
        self._answers: dict[str, Callable[..., None]] = {
            messages.STOP: server.stop,
            messages.SHUTDOWN: self._end,
            messages.ASK: lambda: send(pipe, (messages.TOLD, numbers(server))),
            messages.TLS: self._replace_tls,
        }

    def run(self, is_asked_to_end: list[int]) -> None:
        """Answer until the server has ended; an entry in the list is a wish that it does."""
        sources: list[Any] = [self._waker, self._pipe]
        while not self._has_ended:
            for source in wait(sources):
                if source is self._pipe:
                    if not self._hear():
                        sources.remove(self._pipe)
                else:
                    self._waker.drain()
            if is_asked_to_end:
                is_asked_to_end.clear()
                self._end(self._drain)
        send(self._pipe, (messages.ENDED, self._aborted, numbers(self._server)))

    def _hear(self) -> bool:
        """Do what the keeper says; False when it has gone."""
        try:
            word, *rest = self._pipe.recv()
        except (EOFError, OSError):
            self._end(self._drain)
            return False
        self._answers[word](*rest)
        return True

    def _end(self, drain: float | None) -> None:
        """Begin to end; doing so again without a drain ends the drain."""
        threading.Thread(target=self._shutdown, args=(drain,), name="fastdicom-end", daemon=True).start()

    def _shutdown(self, drain: float | None) -> None:
        aborted = self._server.ae.shutdown(drain)
        self._aborted += aborted
        self._has_ended = True
        self._waker.wake()

    def _replace_tls(self, tls: Tls) -> None:
        try:
            self._server.ssl_context = tls_context(tls)
        except Exception:
            LOGGER.exception("the settings of TLS stay as they are")


def numbers(server: AssociationServer) -> dict[str, float]:
    """Return what this process has counted, for the sum over all of them.

    A name that begins with ``active`` is of this moment: it counts nothing any more when the process has
    ended.
    """
    told: dict[str, float] = {"active_associations": len(server.active_associations), "active_processes": 1}
    metrics = server.ae.metrics
    return told if metrics is None else told | metrics.snapshot().flat()
