"""How a pool is used, at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from fastdicom.pool.breaker import BreakerState
from fastdicom.pool.hosts import HostAddress


@dataclass(frozen=True)
class HostStatistics:
    """One host of a destination.

    Attributes
    ----------
    address
        Its name and port.
    state
        Of its circuit breaker.
    retry_after
        In how many seconds it may be tried; 0.0 when that is so already.
    open, opening, lent
        How many associations it has, how many are being requested, and how many of the former are lent.
    opened, failed
        How many associations have been opened so far; how many requests for one have failed, and how many
        associations have broken while they were lent.
    """

    address: HostAddress
    state: BreakerState
    retry_after: float
    open: int
    opening: int
    lent: int
    opened: int
    failed: int


@dataclass(frozen=True)
class PoolStatistics:
    """A pool.

    Attributes
    ----------
    open, opening
        How many associations there are, and how many are being requested.
    lent, idle
        How many of them are lent, and how many are not.
    waiting
        How many wait for one.
    opened, failed
        So far, over all hosts; see `HostStatistics`.
    hosts
        Each host, in the order in which they were given.
    """

    open: int
    opening: int
    lent: int
    idle: int
    waiting: int
    opened: int
    failed: int
    hosts: tuple[HostStatistics, ...]
