"""How long things took: counts in classes of duration, which can be added up. It has no lock of its own."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import Self

# Upper bounds in seconds: from an echo on a local network to a retrieval of a whole study.
BOUNDS = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0),
)


class Histogram:
    """Durations, counted by the classes that end at `BOUNDS`.

    Attributes
    ----------
    counts
        How many lie in each class, its upper bound included; the last class has no bound.
    total
        The sum of them all, in seconds.
    """

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count a duration."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    def __iadd__(self, other: Histogram) -> Self:
        self.counts = [ours + theirs for ours, theirs in zip(self.counts, other.counts, strict=True)]
        self.total += other.total
        return self

    def copy(self) -> Histogram:
        """Return one that counts on its own from now on."""
        copied = Histogram()
        copied += self
        return copied

    @property
    def count(self) -> int:
        """How many durations have been counted."""
        return sum(self.counts)

    def cumulative(self) -> Iterator[tuple[float, int]]:
        """Yield each upper bound in seconds, and how many durations are no longer; infinity is the last."""
        return zip((*BOUNDS, float("inf")), accumulate(self.counts), strict=True)
