"""The keeper: starts the processes that serve, replaces those that die, and passes on what is said.

It has one thread, which waits for everything at once. A process that dies is replaced: at once if it has
lived for a while, else after a pause, which doubles with each one in a row that has not.
"""

from __future__ import annotations

import multiprocessing
import signal
import socket
from collections.abc import Callable
from logging import WARNING
from multiprocessing.connection import Connection, wait
from time import monotonic
from typing import Any

from fastdicom.net.sharing import Entrance
from fastdicom.net.waker import Waker
from fastdicom.processes import messages
from fastdicom.processes.doorman import Doorman
from fastdicom.processes.messages import GRACE
from fastdicom.processes.place import Place
from fastdicom.processes.recipe import Recipe
from fastdicom.processes.worker import IGNORED, Closable, leave_signals, send

# Seconds for the processes to tell their numbers.
PATIENCE = 2.0


def keep(
    method: str,
    recipe: Recipe,
    entrance: Entrance,
    listening: socket.socket | None,
    count: int,
    pipe: Connection,
    of_program: list[Connection],
) -> None:
    """Be the keeper.

    Parameters
    ----------
    method
        How processes are started, as `multiprocessing` names it.
    recipe, entrance
        The server, and what it listens on.
    listening
        The socket whose connections are handed over; None when each process has its own.
    count
        How many processes there are to be.
    pipe
        To the program.
    of_program
        The ends of pipes that a forked keeper has and must not keep.
    """
    for each in of_program:
        each.close()
    leave_signals(IGNORED)
    context = multiprocessing.get_context(method)
    doorman = None if listening is None else Doorman(listening)
    places = [Place(context, recipe, entrance, is_handed_over=doorman is not None) for _ in range(count)]
    keeper = Keeper(places, doorman, pipe, recipe.drain)
    signal.signal(signal.SIGTERM, lambda number, frame: keeper.terminate())
    keeper.run()


class Keeper:
    """Keeps the processes of a server.

    Parameters
    ----------
    places
        One for each process.
    doorman
        Who accepts connections; None when the processes do.
    pipe
        To the program.
    drain
        For how many seconds associations may go on at SIGTERM, or when the program has gone.
    """

    def __init__(self, places: list[Place], doorman: Doorman | None, pipe: Connection, drain: float) -> None:
        self._places = places
        self._doorman = doorman
        self._pipe = pipe
        self._drain = drain
        self._waker = Waker()
        self._is_terminated = False
        self._awaited = len(places)  # until all have begun to listen
        self._is_ending = False
        self._kill_at: float | None = None
        self._told_by: float | None = None
        self._counted: dict[str, float] = {}
        self._aborted = 0
        self._is_program_here = True

    def terminate(self) -> None:
        """Drain and end, from a handler of a signal."""
        self._is_terminated = True
        self._waker.wake()

    def run(self) -> None:
        """Keep the processes until all is over."""
        while self._start() or not self._is_ending:
            sources = self._sources()
            for source in wait(list(sources), self._timeout()):
                sources[source]()
            self._look_at_the_clock()
        send(self._pipe, (messages.ENDED, self._aborted, self._numbers()))

    def _start(self) -> bool:
        """Start what is to be started; tell whether a process is there or about to be."""
        now = monotonic()
        for place in self._places:
            if place.due is not None and place.due <= now:
                try:
                    place.start(self._closables())
                except OSError as error:
                    place.reason = str(error)
                    self._bury(place)
        return any(place.sentinel is not None or place.due is not None for place in self._places)

    def _closables(self) -> list[Closable]:
        doorman = [] if self._doorman is None else self._doorman.closables()
        return [self._pipe, *doorman, *(each for place in self._places for each in place.closables())]

    # What is waited for.

    def _sources(self) -> dict[Any, Callable[[], None]]:
        sources: dict[Any, Callable[[], None]] = {self._waker: self._wake_up}
        if self._is_program_here:
            sources[self._pipe] = self._hear_program
        if self._doorman is not None and self._doorman.source is not None:
            sources[self._doorman.source] = self._open_door
        for place in self._places:
            # What it said last is heard before it is buried.
            if place.pipe is not None:
                sources[place.pipe] = lambda place=place: self._hear(place)  # type: ignore[misc]
            elif place.sentinel is not None:
                sources[place.sentinel] = lambda place=place: self._bury(place)  # type: ignore[misc]
        return sources

    def _timeout(self) -> float | None:
        times = [self._kill_at, self._told_by, *(place.due for place in self._places)]
        if self._doorman is not None:
            times.append(self._doorman.due)
        known = [time for time in times if time is not None]
        return max(0.0, min(known) - monotonic()) if known else None

    def _look_at_the_clock(self) -> None:
        now = monotonic()
        if self._kill_at is not None and self._kill_at <= now:
            self._kill_at = None
            for place in self._places:
                place.kill()
        have_all_told = not any(place.is_asked for place in self._places)
        if self._told_by is not None and (have_all_told or self._told_by <= now):
            self._told_by = None
            self._tell(messages.TOLD, self._numbers())
        if self._doorman is not None and self._doorman.due is not None and self._doorman.due <= now:
            self._open_door()

    def _wake_up(self) -> None:
        self._waker.drain()
        if self._is_terminated:
            self._is_terminated = False
            self._shutdown(self._drain)

    # What the program says.

    def _hear_program(self) -> None:
        try:
            word, *rest = self._pipe.recv()
        except (EOFError, OSError):
            self._is_program_here = False
            self._shutdown(self._drain)
            return
        answers: dict[str, Callable[..., None]] = {
            messages.STOP: self._stop,
            messages.SHUTDOWN: self._shutdown,
            messages.ASK: self._ask,
            messages.TLS: lambda tls: self._tell_all(messages.TLS, tls),
        }
        answers[word](*rest)

    def _tell(self, *message: Any) -> None:
        if self._is_program_here:
            send(self._pipe, message)

    def _tell_all(self, *message: Any) -> None:
        for place in self._places:
            place.tell(message)

    def _stop(self) -> None:
        self._is_ending = True
        if self._doorman is not None:
            self._doorman.close()
        self._tell_all(messages.STOP)

    def _shutdown(self, drain: float | None) -> None:
        self._is_ending = True
        if self._doorman is not None:
            self._doorman.close()
        for place in self._places:
            place.due = None
        self._tell_all(messages.SHUTDOWN, drain)
        self._kill_at = monotonic() + (drain or 0.0) + GRACE

    def _ask(self) -> None:
        for place in self._places:
            place.is_asked = place.pipe is not None
        self._tell_all(messages.ASK)
        self._told_by = monotonic() + PATIENCE

    def _open_door(self) -> None:
        if self._doorman is not None:
            self._doorman.attend(place.end for place in self._places)

    # What the processes say.

    def _hear(self, place: Place) -> None:
        try:
            word, *rest = place.pipe.recv() if place.pipe is not None else (messages.ENDED,)
        except (EOFError, OSError):
            place.deafen()
            return
        if word == messages.LISTENING:
            self._awaited -= 1
            if self._awaited == 0:
                self._tell(messages.LISTENING)
        elif word == messages.FAILED:
            (place.reason,) = rest
        elif word == messages.TOLD:
            (place.numbers,) = rest
            place.is_asked = False
        elif word == messages.ENDED:
            aborted, place.numbers = rest
            self._aborted += aborted

    def _bury(self, place: Place) -> None:
        pid = place.pid
        manner = place.bury()
        for name, value in place.numbers.items():
            self._counted[name] = self._counted.get(name, 0) + value
        place.numbers = {}
        if self._is_ending:
            return
        if self._awaited > 0:
            self._tell(messages.FAILED, f"a process of the server {manner} before it listened")
            self._shutdown(None)
            return
        pause = place.replace()
        self._counted["processes_replaced"] = self._counted.get("processes_replaced", 0) + 1
        self._tell(
            messages.LOG,
            WARNING,
            "process %s of the server %s; what associations it had are lost, and it is replaced in %.1f s",
            pid,
            manner,
            pause,
        )

    def _numbers(self) -> dict[str, float]:
        """Return the sum over the processes that there are, and those that there were."""
        total = dict(self._counted)
        for place in self._places:
            for name, value in place.numbers.items():
                total[name] = total.get(name, 0) + value
        return total
