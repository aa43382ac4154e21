"""One of the processes that serve, as its keeper sees it: started, told, heard, and started again."""

from __future__ import annotations

import signal
import socket
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from time import monotonic

from fastdicom.net.handing_over import channel
from fastdicom.net.sharing import Entrance
from fastdicom.processes.messages import Message
from fastdicom.processes.recipe import FORK, Recipe
from fastdicom.processes.worker import Closable, send, work

# A process that has lived for so many seconds was worth starting.
STABLE = 10.0

# Seconds until the next one is started when one did not live that long: doubled each time in a row.
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 30.0
DOUBLINGS = 16


def pause_after(failures: int) -> float:
    """Return for how many seconds nothing is started after so many short lives in a row."""
    return min(FIRST_PAUSE * 2.0 ** min(failures - 1, DOUBLINGS), LONGEST_PAUSE) if failures else 0.0


class Place:
    """Where one process of the server runs, or is about to.

    Parameters
    ----------
    context
        What starts processes, of `multiprocessing`.
    recipe
        What runs in it.
    entrance
        Where connections come from.
    is_handed_over
        Whether they are handed over, through `end`.

    Attributes
    ----------
    pipe, end
        To the process; None while there is none.
    due
        When the next process is to be started; None while one is there, or none is wanted.
    numbers
        The last ones that it has told of.
    is_asked
        Whether its numbers are awaited.
    reason
        Why the process could not begin, as it said; empty.
    """

    def __init__(
        self, context: BaseContext, recipe: Recipe, entrance: Entrance, *, is_handed_over: bool
    ) -> None:
        self._context = context
        self._recipe = recipe
        self._entrance = entrance
        self._is_handed_over = is_handed_over
        self._process: BaseProcess | None = None
        self._begun = 0.0
        self._failures = 0
        self.pipe: Connection | None = None
        self.end: socket.socket | None = None
        self.due: float | None = monotonic()
        self.numbers: dict[str, float] = {}
        self.is_asked = False
        self.reason = ""

    def start(self, of_others: list[Closable]) -> None:
        """Start a process.

        Parameters
        ----------
        of_others
            The pipes and sockets that this process has: a forked one has to close them.

        Raises
        ------
        OSError
            When there can be no further process, or no pipe to it.
        """
        self.due, self._begun, self.numbers, self.reason = None, monotonic(), {}, ""
        self.pipe, far = self._context.Pipe()
        far_end = None
        if self._is_handed_over:
            self.end, far_end = channel()
        entrance = Entrance(self._entrance.family, self._entrance.address, self._entrance.is_dual, far_end)
        is_forked = self._context.get_start_method() == FORK
        others = [*self.closables(), *of_others] if is_forked else []
        process = self._context.Process(  # type: ignore[attr-defined]
            target=work, args=(self._recipe, entrance, far, others), name="fastdicom-serving"
        )
        process.start()
        self._process = process
        far.close()
        if far_end is not None:
            far_end.close()

    def closables(self) -> list[Closable]:
        """Return this process's ends of what connects it with the other one."""
        return [each for each in (self.pipe, self.end) if each is not None]

    @property
    def sentinel(self) -> int | None:
        """What becomes readable when the process ends; None while there is none."""
        return None if self._process is None else self._process.sentinel

    @property
    def pid(self) -> int | None:
        """The number of the process."""
        return None if self._process is None else self._process.pid

    def tell(self, message: Message) -> None:
        """Send a message to the process, if there is one."""
        if self.pipe is not None:
            send(self.pipe, message)

    def deafen(self) -> None:
        """Take note that the process has closed its pipe."""
        if self.pipe is not None:
            self.pipe.close()
            self.pipe = None

    def bury(self) -> str:
        """Take note that the process has ended; return how it did, in words."""
        self.deafen()
        if self.end is not None:
            self.end.close()
            self.end = None
        self.is_asked = False
        process, self._process = self._process, None
        if process is None:
            return f"could not be started ({self.reason})"
        process.join()
        code = process.exitcode or 0
        process.close()
        # What it counted remains; what there was at this moment does not.
        self.numbers = {name: value for name, value in self.numbers.items() if not is_momentary(name)}
        if code >= 0:
            return f"ended with exit status {code}" + (f" ({self.reason})" if self.reason else "")
        try:
            return f"was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"was ended by signal {-code}"

    def replace(self) -> float:
        """Have another process started; return in how many seconds."""
        has_failed = monotonic() - self._begun < STABLE
        self._failures = self._failures + 1 if has_failed else 0
        pause = pause_after(self._failures)
        self.due = monotonic() + pause
        return pause

    def kill(self) -> None:
        """End the process at once."""
        if self._process is not None:
            self._process.kill()


def is_momentary(name: str) -> bool:
    """Whether a number is of this moment, and not a count of all that has happened."""
    return name.startswith("active")
