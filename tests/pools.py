"""What tests of pools have in common."""

from __future__ import annotations

from fastdicom.pool.lending import Lending

MR = "1.2.840.10008.5.1.4.1.1.4"


class Clock:
    """A clock that stands until a test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def counts(lending: Lending) -> tuple[int, int, int]:
    """Return how many are open, lent and idle."""
    statistics = lending.statistics()
    return statistics.open, statistics.lent, statistics.idle
