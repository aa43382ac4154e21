"""Metrics for Prometheus, in a registry of the package prometheus-client (the extra ``prometheus``).

Nothing is kept here: each scrape takes a snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from fastdicom.watching.histogram import Histogram
from fastdicom.watching.metrics import Metrics
from fastdicom.watching.snapshot import FAMILIES, Family, Kind, Snapshot
from fastdicom.watching.watched import Watched

PREFIX = "fastdicom_"


class AECollector(Collector):
    """A collector over application entities: ``REGISTRY.register(AECollector(ae))``.

    The names are those of `FAMILIES` behind ``fastdicom_``, with the unit and ``_total`` as is usual there;
    the first label is ``ae``, the AE title.

    Parameters
    ----------
    entities
        The AEs; one collector for all of them, as a registry takes each name once. Those that have no metrics
        get some, and count from now on.
    """

    def __init__(self, *entities: Watched) -> None:
        self._entities = entities
        for entity in entities:
            if entity.metrics is None:
                entity.metrics = Metrics()

    def describe(self) -> Iterable[Metric]:
        """Return the families without their values."""
        return [_filled(family, ()) for family in FAMILIES]

    def collect(self) -> Iterator[Metric]:
        """Yield the families with the values of now."""
        snapshots = [(each.ae_title, each.metrics.snapshot()) for each in self._entities if each.metrics]
        for family in FAMILIES:
            yield _filled(family, snapshots)


def _filled(family: Family, snapshots: Iterable[tuple[str, Snapshot]]) -> Metric:
    labels = ("ae", *family.labels)
    about = PREFIX + family.name, family.description
    rows = [
        ((title, *values), value)
        for title, snapshot in snapshots
        for values, value in snapshot.values[family.name].items()
    ]
    if family.kind is Kind.HISTOGRAM:
        histograms = HistogramMetricFamily(*about, labels=labels, unit=family.unit)
        for row, value in rows:
            if isinstance(value, Histogram):
                buckets = [(_bound(upper), float(count)) for upper, count in value.cumulative()]
                histograms.add_metric(row, buckets, value.total)
        return histograms
    kind = CounterMetricFamily if family.kind is Kind.COUNTER else GaugeMetricFamily
    numbers: CounterMetricFamily | GaugeMetricFamily = kind(*about, labels=labels, unit=family.unit)
    for row, value in rows:
        if not isinstance(value, Histogram):
            numbers.add_metric(row, value)
    return numbers


def _bound(seconds: float) -> str:
    return "+Inf" if seconds == float("inf") else str(seconds)
