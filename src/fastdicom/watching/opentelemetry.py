"""Metrics and spans for OpenTelemetry, by its API alone (the extra ``opentelemetry``).

Counters and gauges are observable: they are read when a reader of the SDK asks. Durations are recorded as
operations end, as the API has no observable histogram. DICOM carries no trace context: spans of the two sides
of an association are in traces of their own, unless both are in this process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextvars import Token
from threading import get_ident
from time import time_ns
from typing import TYPE_CHECKING

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, Observation, get_meter
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, TracerProvider

from fastdicom._version import __version__
from fastdicom.watching.histogram import BOUNDS
from fastdicom.watching.metrics import Metrics
from fastdicom.watching.snapshot import FAMILIES, Kind, Rows

if TYPE_CHECKING:
    from fastdicom._core.command import CommandSet
    from fastdicom.watching.counting import AssociationMetrics, Operation
    from fastdicom.watching.watched import Watched

NAME = "fastdicom"
UNITS = {"bytes": "By", "seconds": "s", "": "1"}


def instrument(
    ae: Watched, *, meter_provider: MeterProvider | None = None, tracer_provider: TracerProvider | None = None
) -> None:
    """Give an application entity instruments and spans, from the next association on.

    Instruments are those of `FAMILIES`, named ``fastdicom.…``, with their labels and ``ae`` as attributes.
    Each association is a span, and each DIMSE operation one below it; the handler of a request runs within
    its span, so that spans made there are its children.

    Parameters
    ----------
    ae
        The AE; it gets metrics if it has none.
    meter_provider, tracer_provider
        Where meter and tracer come from; the global providers unless given. Without an SDK they do nothing.
    """
    if ae.metrics is None:
        ae.metrics = Metrics()
    meter = get_meter(NAME, __version__, meter_provider)
    tracer = trace.get_tracer(NAME, __version__, tracer_provider)
    _make_instruments(meter, ae.ae_title, ae.metrics)
    ae.metrics.add_listener(_Spans(ae.ae_title, ae.metrics, meter, tracer))


class _Rows:
    """Hands out the families of a snapshot one by one; each of them is taken from a newer one next time."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._lock = threading.Lock()
        self._left: dict[str, Rows] = {}

    def take(self, name: str) -> Rows:
        with self._lock:
            if name not in self._left:
                self._left = self._metrics.snapshot().values
            return self._left.pop(name)


def _make_instruments(meter: Meter, title: str, metrics: Metrics) -> None:
    rows = _Rows(metrics)
    kinds = {Kind.COUNTER: meter.create_observable_counter, Kind.GAUGE: meter.create_observable_gauge}
    for family in FAMILIES:
        if family.kind is not Kind.HISTOGRAM:
            observe = _observer(rows, title, family.name, family.labels)
            name = f"{NAME}.{family.name}"
            kinds[family.kind](name, [observe], UNITS[family.unit], family.description)


def _observer(
    rows: _Rows, title: str, name: str, labels: tuple[str, ...]
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(options: CallbackOptions) -> Iterable[Observation]:
        for values, value in rows.take(name).items():
            if isinstance(value, int | float):
                yield Observation(value, {"ae": title, **dict(zip(labels, values, strict=True))})

    return observe


class _AssociationSpan:
    """The span of an association, and those of the operations that are being served."""

    def __init__(self, span: Span) -> None:
        self.span = span
        self.context = trace.set_span_in_context(span)
        # By Message ID. A span is current in the thread that serves it, until the response has left.
        self.served: dict[int, tuple[Span, int, Token[contexts.Context]]] = {}


class _Spans:
    """Who is told of associations and operations."""

    def __init__(self, title: str, metrics: Metrics, meter: Meter, tracer: Tracer) -> None:
        self._title = title
        self._metrics = metrics
        self._tracer = tracer
        self._durations = meter.create_histogram(
            f"{NAME}.operation_duration",
            "s",
            "From a request to its final response",
            explicit_bucket_boundaries_advisory=BOUNDS,
        )

    def association_began(self, metrics: AssociationMetrics) -> None:
        association = metrics.association
        span = self._tracer.start_span(
            "DICOM association",
            kind=SpanKind.CLIENT if association.is_requestor else SpanKind.SERVER,
            attributes={"dicom.ae": self._title, "dicom.association.id": association.id},
        )
        metrics.span = _AssociationSpan(span)

    def request_received(self, metrics: AssociationMetrics, service: str, command: CommandSet) -> None:
        ours, message_id = metrics.span, command.message_id
        if isinstance(ours, _AssociationSpan) and message_id is not None:
            span = self._tracer.start_span(service, ours.context, SpanKind.SERVER)
            token = contexts.attach(trace.set_span_in_context(span))
            ours.served[message_id] = span, get_ident(), token

    def operation_ended(self, metrics: AssociationMetrics, operation: Operation) -> None:
        peer = self._metrics.label(metrics)
        self._durations.record(
            operation.seconds,
            {"ae": self._title, "peer": peer, "role": operation.role, "service": operation.service},
        )
        ours = metrics.span
        if not isinstance(ours, _AssociationSpan):
            return
        now = time_ns()
        if operation.role == "scu":
            begun = now - int(operation.seconds * 1e9)
            span = self._tracer.start_span(operation.service, ours.context, SpanKind.CLIENT, start_time=begun)
        else:
            served = ours.served.pop(operation.message_id, None)
            if served is None:
                return
            span, thread, token = served
            if thread == get_ident():
                contexts.detach(token)
        span.set_attribute("dicom.message_id", operation.message_id)
        if operation.status is not None:
            span.set_attribute("dicom.status", f"{operation.status:04X}H")
        if operation.category == "failure":
            span.set_status(Status(StatusCode.ERROR))
        span.end(now)

    def association_ended(self, metrics: AssociationMetrics) -> None:
        ours = metrics.span
        if not isinstance(ours, _AssociationSpan):
            return
        for span, thread, token in ours.served.values():
            if thread == get_ident():
                contexts.detach(token)
            span.set_status(Status(StatusCode.ERROR, "not answered"))
            span.end()
        fields = metrics.association.log_fields
        ours.span.set_attribute("dicom.peer", fields["peer"])
        ours.span.set_attribute("network.peer.address", fields["peer_address"])
        ours.span.set_attribute("dicom.association.outcome", metrics.outcome or "")
        if metrics.outcome != "released":
            ours.span.set_status(Status(StatusCode.ERROR, metrics.outcome))
        ours.span.end()
