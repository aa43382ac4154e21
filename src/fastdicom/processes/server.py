"""A server of several processes, as the program that started it sees it."""

from __future__ import annotations

import atexit
import copy
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from fastdicom.events import EventHandler
from fastdicom.log import get_logger
from fastdicom.net.addresses import Address
from fastdicom.net.crew import REQUESTORS, REST
from fastdicom.net.sharing import SharedPort
from fastdicom.presentation import PresentationContext
from fastdicom.processes import messages
from fastdicom.processes.keeper import PATIENCE, keep
from fastdicom.processes.messages import GRACE
from fastdicom.processes.recipe import FORK, Recipe, Tls, tls_context
from fastdicom.processes.worker import send
from fastdicom.watching.metrics import Gauge
from fastdicom.watching.snapshot import Snapshot

if TYPE_CHECKING:
    from fastdicom.ae import ApplicationEntity

LOGGER = get_logger(__name__)

# Seconds for all processes to be started and to listen.
START_TIMEOUT = 120.0

# Seconds that associations may go on at SIGTERM.
DRAIN = 30.0

# What the threads of this library are called.
OUR_THREADS = "fastdicom"


class ProcessServer:
    """Accepts associations for an application entity, in several processes that share one port.

    The handlers run in those processes, which know nothing of each other: what a handler changes is changed
    in its own process only. Limits, such as `AE.maximum_associations` and `AE.memory_limit`, hold in each
    process. A process that dies is replaced; the associations that it had are lost.

    Attributes
    ----------
    ae
        The application entity. Its settings are those of the processes, as they were when the server was
        made; later changes have no effect there.
    ae_title
        What it answers to here.
    contexts
        The presentation contexts that it supports here.
    server_address
        Where it listens; the port is the real one when 0 was asked for.
    processes
        How many serve.
    drain
        For how many seconds associations may go on when SIGTERM ends `serve_forever`, and when this process
        ends without a `shutdown`; 30. To be set before the server is started.
    """

    def __init__(
        self,
        ae: ApplicationEntity,
        address: Address | socket.socket,
        ae_title: str,
        contexts: Sequence[PresentationContext],
        ssl_context: Tls = None,
        evt_handlers: Sequence[EventHandler] = (),
        *,
        processes: int,
        context: BaseContext | str | None = None,
    ) -> None:
        if processes < 1:
            raise ValueError(f"processes is {processes}; at least 1 is needed")
        if ae.association_limit is not None:
            raise ValueError("an association_limit counts within one process; this AE is to be in several")
        self.ae = ae
        self.ae_title = ae_title
        self.contexts = list(contexts)
        self.processes = processes
        self.drain = DRAIN
        self._context = _start_method(context)
        self._is_forking = self._context.get_start_method() == FORK
        self._tls = ssl_context
        self._handlers = list(evt_handlers)
        self._settings = copy.copy(ae)  # as they are now
        if not self._is_forking:
            self._recipe().check()
        self._port = SharedPort(address, ae.socket_options)
        self.server_address = self._port.address
        # For what follows; reentrant, as a signal handler may shut down what it has interrupted.
        self._changed = threading.Condition(threading.RLock())
        self._keeper: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._owner = os.getpid()
        self._is_listening = False
        self._has_ended = False
        self._terminations = 0
        self._failure: str | None = None
        self._aborted = 0
        self._numbers: dict[str, float] = {}
        self._answers = 0

    def _recipe(self) -> Recipe:
        return Recipe(self._settings, self.ae_title, self.contexts, self._handlers, self._tls, self.drain)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.shutdown()

    # Beginning.

    def start(self) -> None:
        """Accept associations from now on, if that has not begun already.

        Raises
        ------
        RuntimeError
            When the processes cannot be started: the start method is "fork", and this process has threads of
            this library already; or one of them ended before it listened, and the message says why.
        """
        if self._keeper is not None:
            return
        if self._is_forking:
            _check_can_fork()
        self._pipe, far = self._context.Pipe()
        of_program = [self._pipe] if self._is_forking else []
        self._keeper = self._context.Process(
            target=keep,
            args=(
                self._context.get_start_method(),
                self._recipe(),
                self._port.entrance(),
                self._port.listening,
                self.processes,
                far,
                of_program,
            ),
            name="fastdicom-keeper",
        )
        self._keeper.start()
        far.close()
        if self._port.listening is not None:
            self._port.close()  # the keeper has it
        atexit.register(self._end_with_the_program)
        threading.Thread(target=self._listen, name="fastdicom-processes", daemon=True).start()
        with self._changed:
            self._changed.wait_for(
                lambda: self._is_listening or self._has_ended or self._terminations > 0, START_TIMEOUT
            )
            if (self._is_listening or self._terminations > 0) and self._failure is None:
                return
            failure = self._failure or f"the processes did not listen within {START_TIMEOUT:.0f} s"
        self.shutdown()
        raise RuntimeError(failure)

    def serve_forever(self) -> None:
        """Accept associations until `shutdown`; SIGTERM drains, a second one ends the drain.

        Signals are seen only in the main thread.

        Raises
        ------
        RuntimeError
            As `start` does.
        """
        with _sigterm_calling(self._terminate):
            self.start()
            with self._changed:
                self._changed.wait_for(lambda: self._has_ended or self._terminations > 0)
            if self._has_ended:
                return
            LOGGER.info("SIGTERM: the processes have %.0f s to end their associations", self.drain)
            self._tell(messages.SHUTDOWN, self.drain)
            with self._changed:
                self._changed.wait_for(lambda: self._has_ended or self._terminations > 1, self.drain + GRACE)
            self.shutdown()

    # Ending.

    def stop(self) -> None:
        """Accept no more: the associations that there are go on."""
        self._tell(messages.STOP)

    def shutdown(self, drain: float | None = None) -> int:
        """Stop accepting, end the associations that there are and the processes, and wait for that.

        It may be called from any thread, and more than once: a second call without `drain` ends the drain of
        the first.

        Parameters
        ----------
        drain
            For how many seconds the associations may go on; None aborts them at once.

        Returns
        -------
        int
            How many associations were aborted: 0 when all had ended by themselves.
        """
        keeper = self._keeper
        if keeper is not None:
            self._tell(messages.SHUTDOWN, drain)
            limit = (drain or 0.0) + 2 * GRACE
            with self._changed:
                if not self._changed.wait_for(lambda: self._has_ended, limit):
                    LOGGER.error("the processes of the server have not ended within %.0f s", limit)
                    keeper.kill()
            keeper.join(GRACE)
            atexit.unregister(self._end_with_the_program)
        self._port.close()
        self.ae.forget_server(self)
        return self._aborted

    def server_close(self) -> None:
        """Do the same as `shutdown`, without a drain."""
        self.shutdown()

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        """Take note of SIGTERM. What it interrupts goes on: an exception could come anywhere in it."""
        with self._changed:
            self._terminations += 1
            self._changed.notify_all()

    def _end_with_the_program(self) -> None:
        if os.getpid() == self._owner:
            self.shutdown(self.drain)

    # In between.

    @property
    def ssl_context(self) -> Tls:
        """The settings of TLS; set, they are for the connections to come.

        While the server runs they can only be set to a function that makes them, and which can be pickled:
        it is called here once, so that an error is raised here, and then in each process.

        Raises
        ------
        TypeError
            When they are set to anything else.
        """
        return self._tls

    @ssl_context.setter
    def ssl_context(self, value: Tls) -> None:
        if not callable(value):
            raise TypeError("to the processes of a server goes a function that makes the settings of TLS")
        tls_context(value)
        self._tls = value
        self._tell(messages.TLS, value)

    def statistics(self) -> dict[str, float]:
        """Return what the processes have counted, summed over those that there are and those that there were.

        What a process had counted since it was last asked is lost when it dies.

        Returns
        -------
        dict of str and float
            By name; ``active_…`` is of this moment.
        """
        return {name: number for name, number in self._ask().items() if " " not in name}

    def gauges(self) -> Iterator[Gauge]:
        """Yield what the metrics of all processes say, added up, if the AE has metrics."""
        yield from Snapshot.of_flat(self._ask()).rows()

    def _ask(self) -> dict[str, float]:
        with self._changed:
            before = self._answers
            if self._is_listening and not self._has_ended:
                self._tell(messages.ASK)
                self._changed.wait_for(lambda: self._answers > before or self._has_ended, 2 * PATIENCE)
            return dict(self._numbers)

    def _tell(self, *message: Any) -> None:
        with self._changed:
            if self._pipe is not None:
                send(self._pipe, message)

    def _listen(self) -> None:
        """Hear what the keeper says, in a thread of its own."""
        pipe = self._pipe
        hears: dict[str, Callable[..., None]] = {
            messages.LISTENING: self._take_listening,
            messages.FAILED: self._take_failure,
            messages.LOG: LOGGER.log,
            messages.TOLD: self._take_numbers,
            messages.ENDED: self._take_end,
        }
        with suppress(EOFError, OSError):
            while pipe is not None:
                word, *rest = pipe.recv()
                hears[word](*rest)
        with self._changed:
            if not self._has_ended:
                LOGGER.error("the process that keeps the server has ended; its processes end, too")
                self._has_ended = True
            self._pipe = None
            self._changed.notify_all()
        if pipe is not None:
            pipe.close()

    def _take_listening(self) -> None:
        with self._changed:
            self._is_listening = True
            self._changed.notify_all()

    def _take_failure(self, reason: str) -> None:
        self._failure = reason

    def _take_numbers(self, numbers: dict[str, float]) -> None:
        with self._changed:
            self._numbers = numbers
            self._answers += 1
            self._changed.notify_all()

    def _take_end(self, aborted: int, numbers: dict[str, float]) -> None:
        with self._changed:
            self._aborted, self._numbers, self._has_ended = aborted, numbers, True
            self._changed.notify_all()


def _start_method(context: BaseContext | str | None) -> Any:
    """Return what starts processes."""
    return multiprocessing.get_context(context) if context is None or isinstance(context, str) else context


def _check_can_fork() -> None:
    for thread in threading.enumerate():
        if thread.name == REQUESTORS:  # it ends a while after the last association of a requestor
            thread.join(2 * REST)
    names = sorted({thread.name for thread in threading.enumerate() if thread.name.startswith(OUR_THREADS)})
    if names:
        raise RuntimeError(
            f'the start method "fork" would copy the locks of threads that run already ({", ".join(names)}) '
            'and not the threads: start this server before anything else, or with context="spawn"'
        )


@contextmanager
def _sigterm_calling(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Have SIGTERM call the handler, in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL if previous is None else previous)
