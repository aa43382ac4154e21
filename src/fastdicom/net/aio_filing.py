"""What a link has written to files, or passed on: by threads, and nothing is received meanwhile.

While a data set goes to a file, the reader's next event is what writes it, so a thread asks for that.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from time import monotonic
from typing import Any, TypeAlias

from fastdicom._core.pdata import Message, ObservedPdu, Reader, Signal
from fastdicom.errors import ProtocolError
from fastdicom.net.aio_clock import Timed
from fastdicom.net.aio_shortage import Shortage
from fastdicom.net.sinks import Choice, Sinks
from fastdicom.ul.provider import Provider
from fastdicom.ul.states import State

Outcome: TypeAlias = Message | ObservedPdu | Signal | bytes

# States in which nothing that comes is of use any more.
GONE = (State.Sta1, State.Sta13)

_CHOICES = (Signal.COMMAND, Signal.LOOK, Signal.FULL, Signal.SINK_FAILED)


class Filing(Timed):
    """What a link has to receive into files with.

    Attributes
    ----------
    reader
        What takes received bytes apart. A thread may have it.
    sinks
        Chooses where data sets go.
    """

    def __init__(self, provider: Provider, reader: Reader, sinks: Sinks | None) -> None:
        super().__init__(provider)
        self.reader = reader
        self.sinks: Any = sinks
        self._kept: Outcome | None = None  # what a thread came upon
        self._holds = 0
        self._is_writing = False  # the data set that comes goes to a file
        self._is_busy = False  # a thread has the reader
        self._is_over = False  # CLOSED has been told

    def settle(self, choice: Choice) -> None:
        """Go on as it has been chosen for `sinks.arrival`, after COMMAND."""
        if self._holds and not self._is_over:
            self._holds -= 1
            self._lend(self._settle_in_thread, choice)

    def _lend(self, work: Callable[..., object], *arguments: object) -> None:
        """Have a thread work with the reader; it goes on when that is done."""
        self._is_busy = True
        self._flows = False
        self._settle()
        future = self._loop.run_in_executor(None, work, *arguments)
        future.add_done_callback(self._take_back)

    def _work_off(self, event: Any = None) -> Outcome:
        """Go on to what a thread cannot do: files are opened and written here, and what is taken on."""
        is_late = event is Signal.NO_ROOM  # it has been waited for
        while True:
            if event is None:
                event = self.reader.next_event()
            if event is Signal.NEED_DATA and self.reader.at_pause is Signal.FULL:
                event = Signal.FULL
            if not (isinstance(event, Signal) and (event in _CHOICES or is_late)):
                return event  # type: ignore[no-any-return]
            is_late = False
            if self.sinks.choose(event, self.reader):
                if self.sinks.arrival is not None:
                    return Signal.COMMAND
                self._pass_on()
            event = None

    def _pass_on(self) -> None:
        taker = self.sinks.taker
        if taker is not None:
            taker.pass_on()

    def _settle_in_thread(self, choice: Choice) -> Outcome:
        self.sinks.settle(choice, self.reader)
        self._pass_on()
        return self._work_off()

    def _await_room(self) -> None:
        """Receive nothing until the memory budget has room for it, or it has been waited for too long."""
        self.hold()
        Shortage(self._loop, self.reader.pool, self.reader.wanted, self._pace.progress, self._end_shortage)

    def _end_shortage(self, has_room: bool) -> None:
        if self._holds and not self._is_over:
            if not has_room:
                self._kept = Signal.NO_ROOM
            self.go_on()

    def _take_back(self, future: asyncio.Future[Any]) -> None:
        self._is_busy = False
        self._is_writing = self.sinks.is_receiving
        self._pace.moved_at = monotonic()
        try:
            self._kept = future.result()
        except ProtocolError as error:
            self._blame(error)
        except (Exception, asyncio.CancelledError):
            self._fail()
        if self.provider.state in GONE:
            self._kept = None
            self.reader.ignore_everything()
        self._pump()

    # What the link does for it.

    @abstractmethod
    def hold(self) -> None:
        """Tell nothing more until `go_on` has been called as often."""

    @abstractmethod
    def go_on(self) -> None:
        """End what `hold` began."""

    @abstractmethod
    def _settle(self) -> None:
        """Say whether more is to be received, and when to look at the time."""

    @abstractmethod
    def _blame(self, error: ProtocolError) -> None:
        """Abort for what the peer sent."""

    @abstractmethod
    def _fail(self) -> None:
        """End the connection for an error of this program."""
