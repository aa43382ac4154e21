"""Which host of a destination the next association goes to: a pure choice.

The one with the fewest associations is chosen; of equal ones, the one that has had the fewest so far. Left
out are those whose breaker is open, and those that have said that they take no more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from fastdicom.net.addresses import Host as HostName
from fastdicom.pool.breaker import Breaker

HostAddress: TypeAlias = tuple[HostName, int]

# For how many seconds a host is believed that has refused one association more than it has.
CEILING_LASTS = 60.0


@dataclass(eq=False)
class Host:
    """One host of a destination.

    Attributes
    ----------
    address
        Its name and port.
    breaker
        Whether it may be tried.
    open, opening, lent
        How many associations it has, how many are being requested, and how many of the former are lent.
    opened, failed
        How many associations it has accepted and not accepted, or broken, so far.
    """

    address: HostAddress
    breaker: Breaker
    open: int = 0
    opening: int = 0
    lent: int = 0
    opened: int = 0
    failed: int = 0
    _ceiling: int = 0
    _ceiling_until: float = float("-inf")

    def refuse_more(self, now: float) -> None:
        """Take note that it takes no more associations than it has."""
        self._ceiling = self.open
        self._ceiling_until = now + CEILING_LASTS

    def has_room(self, now: float) -> bool:
        """Return whether it takes one more association, as far as is known."""
        return now >= self._ceiling_until or self.open + self.opening < self._ceiling

    def may_try(self, now: float) -> bool:
        """Return whether an association may be requested."""
        return self.breaker.may_try(now) and self.has_room(now)

    def retry_after(self, now: float) -> float:
        """Return in how many seconds it may be tried; 0.0 when time alone changes nothing."""
        full = 0.0 if self.has_room(now) else self._ceiling_until - now
        return max(self.breaker.retry_after(now), full)


def choose(hosts: Iterable[Host], now: float, besides: Iterable[Host] = ()) -> Host | None:
    """Return the host for the next association; None when none may be tried.

    Parameters
    ----------
    hosts
        All there are.
    now
        The time of the breakers' clock.
    besides
        Those that have been tried already.
    """
    tried = set(besides)
    candidates = [host for host in hosts if host not in tried and host.may_try(now)]
    return min(
        candidates, key=lambda host: (host.open + host.opening, host.opened + host.failed), default=None
    )


def retry_after(hosts: Iterable[Host], now: float) -> float:
    """Return in how many seconds the first of some hosts may be tried, that may not be tried now."""
    return min((seconds for host in hosts if (seconds := host.retry_after(now)) > 0), default=0.0)
