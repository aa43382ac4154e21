"""The collector for Prometheus: what its own package makes of it, and reads again."""

from __future__ import annotations

import urllib.request

import pytest
from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.parser import text_string_to_metric_families
from raw_peer import CT, IMPLICIT, associate_raw, data_set, echo_rq, store_rq
from servers import port_of, serving, store_ae, wait_until

from fastdicom import AE, evt
from fastdicom.watching.histogram import BOUNDS
from fastdicom.watching.prometheus import AECollector
from fastdicom.watching.snapshot import FAMILIES


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return each sample by its name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_scrape() -> None:
    ae = store_ae({CT}, [IMPLICIT])
    registry = CollectorRegistry()
    registry.register(AECollector(ae))
    endpoint, thread = start_http_server(0, "127.0.0.1", registry)
    with serving(ae, [(evt.EVT_C_STORE, lambda event: 0x0000)]) as server:
        with associate_raw(port_of(server), calling=b'A"\\\nB') as peer:
            peer.send(*store_rq(data_set()))
            peer.receive_message()
            for number in range(2, 5):
                peer.send(echo_rq(number))
                peer.receive_message()
        wait_until(lambda: ae.metrics and ae.metrics.snapshot().total("associations", outcome="aborted"))
    with urllib.request.urlopen(f"http://127.0.0.1:{endpoint.server_port}/metrics") as answer:
        text = answer.read().decode()
    endpoint.shutdown()
    endpoint.server_close()
    thread.join()
    found = samples(text)
    whose = ("ae", "FASTDICOM"), ("peer", 'A"\\\\x0aB')
    aborted = whose[0], ("outcome", "aborted"), whose[1], ("role", "acceptor")
    assert found["fastdicom_associations_total", aborted] == 1
    assert found["fastdicom_received_instances_total", whose] == 1
    assert found["fastdicom_received_bytes_total", (*whose, ("role", "acceptor"))] > 300
    echoes = *whose, ("role", "scp"), ("service", "C-ECHO")
    assert found["fastdicom_operations_total", (*echoes, ("status", "success"))] == 3
    assert found["fastdicom_operation_duration_seconds_count", echoes] == 3
    assert found["fastdicom_operation_duration_seconds_sum", echoes] > 0
    buckets = {
        dict(labels)["le"]: value
        for (name, labels), value in found.items()
        if name.endswith("_bucket") and ("service", "C-ECHO") in labels
    }
    assert [float(bound) for bound in buckets] == [*BOUNDS, float("inf")]
    assert list(buckets.values()) == sorted(buckets.values()) and buckets["+Inf"] == 3
    assert ("fastdicom_buffer_pool_bytes", (whose[0], ("state", "kept"))) in found


def test_each_family_is_there_once_for_all_aes() -> None:
    registry = CollectorRegistry()
    registry.register(AECollector(AE("FIRST"), AE("SECOND")))
    families = list(text_string_to_metric_families(generate_latest(registry).decode()))
    assert len(families) == len(FAMILIES) == len({family.name for family in families})
    pools = next(family for family in families if family.name == "fastdicom_buffer_pool_bytes")
    assert {sample.labels["ae"] for sample in pools.samples} == {"FIRST", "SECOND"}
    with pytest.raises(ValueError, match="Duplicated"):
        registry.register(AECollector(AE("THIRD")))


def test_the_metrics_that_there_are_stay() -> None:
    ae = AE()
    AECollector(ae)
    metrics = ae.metrics
    assert metrics is not None
    AECollector(ae)
    assert ae.metrics is metrics
