"""Watching an application entity: counters and histograms, their exporters, and traces of PDUs.

Nothing here is called for an association unless it was switched on before the association began: `AE.metrics`
and `AE.trace`. `prometheus` and `opentelemetry` want the packages of those names, and are imported by hand.
"""

from __future__ import annotations

from fastdicom.watching.histogram import Histogram
from fastdicom.watching.metrics import Metrics
from fastdicom.watching.snapshot import Snapshot
from fastdicom.watching.trace import Trace

__all__ = ["Histogram", "Metrics", "Snapshot", "Trace"]
