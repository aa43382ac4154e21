"""Instruments and spans, as the SDK of OpenTelemetry hands them on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from raw_peer import CT, IMPLICIT, associate_raw, contexts, data_set, echo_rq
from servers import associate, port_of, serving, store_ae, wait_until

from fastdicom import AE, evt
from fastdicom.server import AssociationServer
from fastdicom.watching.opentelemetry import instrument
from fastdicom.watching.snapshot import FAMILIES, Kind


class Sdk:
    """Meters and tracers that keep what they are told."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader])
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))

    def instrument(self, ae: AE) -> None:
        instrument(ae, meter_provider=self.meters, tracer_provider=self.tracers)

    def points(self, name: str) -> dict[tuple[Any, ...], Any]:
        """Return the data points of an instrument by the values of their attributes."""
        data = self.reader.get_metrics_data()
        assert data is not None
        return {
            tuple((point.attributes or {}).values()): point
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == f"fastdicom.{name}"
            for point in metric.data.data_points
        }

    def spans(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.exporter.get_finished_spans() if span.name == name]


@pytest.fixture
def sdk() -> Iterator[Sdk]:
    sdk = Sdk()
    yield sdk
    sdk.meters.shutdown()
    sdk.tracers.shutdown()


@pytest.fixture
def server(sdk: Sdk) -> Iterator[AssociationServer]:
    ae = store_ae({CT}, [IMPLICIT])
    sdk.instrument(ae)

    def store(event: evt.Event) -> int:
        with sdk.tracers.get_tracer("tests").start_as_current_span("a handler's"):
            return 0xA700

    with serving(ae, [(evt.EVT_C_STORE, store)]) as server:
        yield server


def scu() -> AE:
    ae = AE("SCU")
    ae.requested_contexts = contexts()
    return ae


def test_instruments(sdk: Sdk, server: AssociationServer) -> None:
    with associate(scu(), server) as association:
        for _ in range(3):
            association.send_c_echo()
    wait_until(
        lambda: server.ae.metrics and server.ae.metrics.snapshot().total("associations", outcome="released")
    )
    assert sdk.points("operations")["FASTDICOM", "SCU", "scp", "C-ECHO", "success"].value == 3
    durations = sdk.points("operation_duration")["FASTDICOM", "SCU", "scp", "C-ECHO"]
    assert durations.count == 3 and durations.sum > 0
    assert sdk.points("associations")["FASTDICOM", "SCU", "acceptor", "released"].value == 1
    with associate(scu(), server) as association:
        association.send_c_echo()
    wait_until(lambda: sdk.points("associations")["FASTDICOM", "SCU", "acceptor", "released"].value == 2)
    assert sdk.points("operations")["FASTDICOM", "SCU", "scp", "C-ECHO", "success"].value == 4


def test_there_is_an_instrument_for_each_family(sdk: Sdk, server: AssociationServer) -> None:
    with associate_raw(port_of(server)) as peer:
        peer.send(echo_rq())
        peer.receive_message()
        wait_until(lambda: sdk.points("operations"))
        data = sdk.reader.get_metrics_data()
    assert data is not None
    found = {
        metric.name: metric
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    assert found["fastdicom.received"].unit == "By"
    counters = {f"fastdicom.{family.name}" for family in FAMILIES if family.kind is Kind.COUNTER}
    expected = {"operations", "established_associations", "buffer_pool"}
    assert {f"fastdicom.{name}" for name in expected} <= set(found)
    assert set(found) <= {f"fastdicom.{family.name}" for family in FAMILIES}
    assert all(metric.data.is_monotonic for name, metric in found.items() if name in counters)


def test_spans(sdk: Sdk, server: AssociationServer) -> None:
    """Operations are below their association, and what a handler does is below its operation."""
    client = scu()
    sdk.instrument(client)
    tracer = sdk.tracers.get_tracer("tests")
    with tracer.start_as_current_span("a job") as job, associate(client, server) as association:
        association.send_c_store(data_set(), transfer_syntax=IMPLICIT)
        identity = association.id
    wait_until(lambda: len(sdk.spans("DICOM association")) == 2)
    by_kind = {span.kind: span for span in sdk.spans("DICOM association")}
    ours, theirs = by_kind[SpanKind.CLIENT], by_kind[SpanKind.SERVER]
    assert ours.parent is not None and ours.parent.span_id == job.get_span_context().span_id
    assert theirs.parent is None  # DICOM carries no trace context
    assert ours.attributes is not None and theirs.attributes is not None
    assert ours.attributes["dicom.association.id"] == identity
    assert ours.attributes["dicom.association.outcome"] == "released"
    assert theirs.attributes["dicom.peer"] == "SCU"
    stores = {span.kind: span for span in sdk.spans("C-STORE")}
    for kind, association_span in (SpanKind.CLIENT, ours), (SpanKind.SERVER, theirs):
        store = stores[kind]
        assert store.parent is not None and store.attributes is not None
        assert store.parent.span_id == association_span.context.span_id
        assert store.attributes["dicom.status"] == "A700H"
        assert store.status.status_code is StatusCode.ERROR
        assert association_span.start_time <= store.start_time <= store.end_time <= association_span.end_time
    (handler,) = sdk.spans("a handler's")
    assert handler.parent is not None
    assert handler.parent.span_id == stores[SpanKind.SERVER].context.span_id


def test_the_span_of_a_request_that_is_never_answered(sdk: Sdk) -> None:
    ae = store_ae(set())
    sdk.instrument(ae)

    def echo(event: evt.Event) -> int:
        event.assoc.abort()
        return 0x0000

    with serving(ae, [(evt.EVT_C_ECHO, echo)]) as server:
        with associate_raw(port_of(server)) as peer:
            peer.send(echo_rq())
            peer.receive_all()
        wait_until(lambda: sdk.spans("DICOM association"))
    (span,) = sdk.spans("C-ECHO")
    assert span.status.description == "not answered"
    (association,) = sdk.spans("DICOM association")
    assert association.status.status_code is StatusCode.ERROR
    assert association.attributes is not None
    assert association.attributes["dicom.association.outcome"] == "aborted"


def test_without_an_sdk_nothing_happens() -> None:
    ae = store_ae(set())
    instrument(ae)
    with serving(ae) as server, associate_raw(port_of(server)) as peer:
        peer.send(echo_rq())
        assert peer.receive_message()[1][0x0900] == 0
