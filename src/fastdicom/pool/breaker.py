"""Whether to try a host that has failed: a circuit breaker, pure but for the random source it is given.

Closed, it lets everything through. After some failures in a row it opens, and nothing is tried for a while.
Then it is half open: one attempt is made, and decides. Each time that it opens again it stays so for longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from random import Random

from fastdicom.checks import checked_positive


class BreakerState(Enum):
    """What a breaker lets through."""

    CLOSED = "closed"
    """Everything."""
    OPEN = "open"
    """Nothing."""
    HALF_OPEN = "half open"
    """One attempt."""


@dataclass(frozen=True)
class BackOff:
    """When a host is taken for broken, and for how long it is left alone.

    Attributes
    ----------
    failures
        So many in a row are taken for a broken host; 3.
    shortest, longest
        For how many seconds it is left alone, at first and at most; 1 and 60. Each time it is twice as long.
    jitter
        Which part of that time is drawn by lot, so that not everybody comes back at once; 0.5, of 0 to 1.
    """

    failures: int = 3
    shortest: float = 1.0
    longest: float = 60.0
    jitter: float = 0.5

    def __post_init__(self) -> None:
        if self.failures < 1:
            raise ValueError(f"failures is {self.failures}; it must be at least 1")
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"jitter is {self.jitter}; 0 to 1 are allowed")
        checked_positive("shortest", self.shortest)
        checked_positive("longest", self.longest)

    def duration(self, times: int, random: Random) -> float:
        """Return for how long a host is left alone that has been left alone so many times in a row."""
        # Past some 60 doublings every time is the longest one; a larger exponent would only overflow.
        whole = min(self.shortest * 2.0 ** min(times, 60), self.longest)
        return whole * (1 - self.jitter * random.random())


class Breaker:
    """The breaker of one host. Times are those of any monotonic clock, in seconds.

    Parameters
    ----------
    back_off
        When it opens, and for how long.
    random
        For the jitter.
    """

    def __init__(self, back_off: BackOff, random: Random) -> None:
        self._back_off = back_off
        self._random = random
        self._failures = 0
        self._times_opened = 0
        self._opens_until: float | None = None
        self._is_tried = False

    def state(self, now: float) -> BreakerState:
        """Return what it lets through at this time."""
        if self._opens_until is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if now < self._opens_until else BreakerState.HALF_OPEN

    def may_try(self, now: float) -> bool:
        """Return whether an attempt may begin."""
        state = self.state(now)
        return state is BreakerState.CLOSED or (state is BreakerState.HALF_OPEN and not self._is_tried)

    def retry_after(self, now: float) -> float:
        """Return in how many seconds it may be tried; 0.0 when that is so already."""
        return 0.0 if self._opens_until is None else max(self._opens_until - now, 0.0)

    def begin(self, now: float) -> None:
        """Take note of an attempt; `accept`, `fail` or `give_up` follows."""
        self._is_tried = self.state(now) is BreakerState.HALF_OPEN

    def give_up(self) -> None:
        """Take note that an attempt has come to nothing, which says nothing of the host."""
        self._is_tried = False

    def accept(self) -> None:
        """Take note that the host has accepted an association. It has still to show that it can be used."""
        self._is_tried = False
        if self._opens_until is not None:
            self._opens_until = None
            self._failures = self._back_off.failures - 1

    def succeed(self) -> None:
        """Take note that the host does what it should."""
        self._failures = self._times_opened = 0
        self._opens_until = None
        self._is_tried = False

    def fail(self, now: float) -> None:
        """Take note of a failure. While it is open, what fails was begun before, and changes nothing."""
        state = self.state(now)
        self._is_tried = False
        if state is BreakerState.OPEN:
            return
        self._failures += 1
        if state is BreakerState.HALF_OPEN or self._failures >= self._back_off.failures:
            self._opens_until = now + self._back_off.duration(self._times_opened, self._random)
            self._times_opened += 1
