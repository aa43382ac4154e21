"""Associations with one destination, kept open and lent."""

from __future__ import annotations

from fastdicom.pool.breaker import BackOff, BreakerState
from fastdicom.pool.pool import AssociationPool
from fastdicom.pool.quirks import Quirks
from fastdicom.pool.statistics import HostStatistics, PoolStatistics

__all__ = ["AssociationPool", "BackOff", "BreakerState", "HostStatistics", "PoolStatistics", "Quirks"]
