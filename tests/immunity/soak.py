"""How often something is done: a little in the usual tests, as often as fits into the time of `make soak`."""

from __future__ import annotations

import os
from collections.abc import Callable
from time import monotonic

import pytest

SECONDS = float(os.environ.get("SOAK_SECONDS", "60"))
"""What a test marked `soak` may take, beside its start and its end."""

soak = pytest.mark.soak
long = pytest.mark.timeout(SECONDS + 120)


def repeat(work: Callable[[int], object], wanted: int, what: str, seconds: float = SECONDS) -> int:
    """Do something with 0, 1, 2, … until it has been done so often, or the time is over; return how often."""
    start = monotonic()
    count = 0
    while count < wanted and monotonic() - start < seconds:
        work(count)
        count += 1
    print(f"\n{count} of {wanted} {what} in {monotonic() - start:.1f} s")
    return count
