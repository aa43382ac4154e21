"""When something has to have moved on a connection that nobody waits on. Times are arguments.

A timer that is set anew with each message costs more than a small message. So there is a look now and then,
never later than the earliest time at which a limit can be passed, and what moves is only noted down.
"""

from __future__ import annotations

from fastdicom._core.pdata import Signal

# Looks at a message that is being sent, within the time in which something of it has to go: what the network
# takes is not told.
LOOKS = 4


class Pace:
    """The limits of a connection, and what has moved.

    Attributes
    ----------
    moved_at
        When something came or went last, in monotonic time; set by who sees it.
    window_begin
        When the window of the minimum throughput began; None between messages, set by who sees their ends.
    """

    __slots__ = (
        "_counted",
        "_counted_in_window",
        "_idle",
        "_least",
        "_period",
        "_told_at",
        "_window",
        "moved_at",
        "progress",
        "window_begin",
    )

    def __init__(self, now: float) -> None:
        self.moved_at = self._told_at = now
        self.window_begin: float | None = None
        self._counted = self._counted_in_window = 0
        self.set_limits(None, None, 0, 0)

    def set_limits(
        self, idle: float | None, progress: float | None, throughput: float, window: float
    ) -> None:
        """Set the limits, as `Wire.set_timeouts` and `set_minimum_throughput` have them.

        Parameters
        ----------
        idle, progress
            Seconds in which something must come between messages, and move within one; None for ever.
        throughput, window
            Bytes a second that a message must move at, on the average of so many seconds; 0 for no limit.
        """
        self._idle = idle
        self.progress = progress
        self._window = window if throughput > 0 else 0.0
        self._least = throughput * window
        limits = [limit for limit in (idle, progress, self._window or None) if limit is not None]
        self._period = min(limits, default=None)

    def check(self, now: float, count: int, *, is_receiving: bool, is_sending: bool) -> Signal | None:
        """Tell whether a limit has been passed: TIMED_OUT or TOO_SLOW.

        Parameters
        ----------
        now
            The time.
        count
            How many bytes have come and gone.
        is_receiving, is_sending
            Whether a message has begun to come, and whether one is on its way and has to wait.
        """
        if is_sending and count != self._counted:
            self.moved_at = now
        self._counted = count
        if is_receiving or is_sending:
            if self._is_too_slow(now, count):
                return Signal.TOO_SLOW
            limit = self.progress
        else:
            self.window_begin = None
            limit = self._idle
        if limit is not None and now - max(self.moved_at, self._told_at) >= limit:
            self._told_at = now
            return Signal.TIMED_OUT
        return None

    def _is_too_slow(self, now: float, count: int) -> bool:
        if not self._window or (self.window_begin is not None and now - self.window_begin < self._window):
            return False
        is_slow = self.window_begin is not None and count - self._counted_in_window < self._least
        self.window_begin, self._counted_in_window = now, count
        return is_slow

    def next_check(self, now: float, *, is_receiving: bool, is_sending: bool) -> float | None:
        """Return when to check again; None for never."""
        if self._period is None:
            return None
        times = [now + self._period]
        begin = max(self.moved_at, self._told_at)
        if is_receiving or is_sending:
            if self._window and self.window_begin is not None:
                times.append(self.window_begin + self._window)
            if self.progress is not None:
                times.append(now + self.progress / LOOKS if is_sending else begin + self.progress)
        elif self._idle is not None:
            times.append(begin + self._idle)
        return min(times)
