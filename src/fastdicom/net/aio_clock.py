"""The time half of a link: one timer, for whatever is the next thing that must not take longer."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from time import monotonic

from fastdicom._core.pdata import Signal
from fastdicom.net.aio_sending import Sending
from fastdicom.ul.provider import Provider

# Seconds without anything after which memory for what comes is given back, when the time is looked at.
REST_AFTER = 1.0


class Timed(Sending):
    """What a link has to keep to its limits with.

    Attributes
    ----------
    on_first
        Called before the state machine is told of the first thing that comes, or that nothing came in time.
    first_deadline
        Until when the first thing has to come, while `on_first` waits for it.
    """

    def __init__(self, provider: Provider) -> None:
        super().__init__(provider)
        self.on_first: Callable[[], object] | None = None
        self.first_deadline: float | None = None
        self._is_lost = False  # the transport is gone
        self._bytes_received = 0
        self._limit: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    @property
    def bytes_moved(self) -> tuple[int, int]:
        """How many bytes have been received and handed over to be sent, without what TLS adds to them."""
        return self._bytes_received, self._bytes_sent

    def is_quiet_for(self, seconds: float | None) -> bool:
        """Whether nothing has come or gone for so long; None is for ever."""
        return seconds is not None and monotonic() - self._pace.moved_at >= seconds

    def _set_timer(self) -> None:
        now = monotonic()
        at = self._next_look(now)
        if self._timer is not None:
            if at is not None and self._timer_at <= at:
                return  # it will be seen then that it was early
            self._timer.cancel()
            self._timer = None
        if at is not None:
            self._timer_at = at
            self._timer = self._loop.call_later(max(at - now, 0), self._look_at_time)

    def _next_look(self, now: float) -> float | None:
        if self._is_lost:
            return None
        times = [time for time in (self._limit, self._deadline) if time is not None]
        if self._is_watched:
            look = self._pace.next_check(now, is_receiving=self._is_receiving, is_sending=self._is_blocked)
            if look is not None:
                times.append(look)
        return min(times, default=None)

    @property
    def _deadline(self) -> float | None:
        """When the ARTIM timer runs out, or the time to ask for an association."""
        return self.provider.deadline if self.on_first is None else self.first_deadline

    def _look_at_time(self) -> None:
        self._timer = None
        now = monotonic()
        if any(time is not None and now >= time for time in (self._limit, self._deadline)):
            self._time_out(now)
        elif self._is_watched:
            signal = self._pace.check(
                now,
                self._bytes_received + self._bytes_sent - self._transport.get_write_buffer_size(),
                is_receiving=self._is_receiving,
                is_sending=self._is_blocked,
            )
            if signal is not None:
                self._tell_limit(signal)
            elif not (self._is_receiving or self._is_blocked) and self.is_quiet_for(REST_AFTER):
                self._rest()
        self._pump()
        self._settle()

    # What the link does for it.

    @abstractmethod
    def _rest(self) -> None:
        """Give back memory that is not needed until something comes."""

    @property
    @abstractmethod
    def _is_watched(self) -> bool:
        """Whether the peer is to do something: not while it waits for us."""

    @property
    @abstractmethod
    def _is_receiving(self) -> bool:
        """Whether a message has begun to come."""

    @abstractmethod
    def _time_out(self, now: float) -> None:
        """Take note that the time is over for what is going on."""

    @abstractmethod
    def _tell_limit(self, signal: Signal) -> None:
        """Take note that too little has moved."""

    @abstractmethod
    def _pump(self) -> None:
        """Tell all there is to tell."""
