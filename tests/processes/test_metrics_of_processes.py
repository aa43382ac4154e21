"""Metrics of a server in several processes: they are counted there, and asked for here."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from servers import wait_until

from fastdicom import AE
from fastdicom.watching import Histogram, Metrics, Snapshot


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_counts_of_all_processes(run: Callable[..., Any], context: str) -> None:
    program = run(counts=True, context=context)
    program.echo_until(2)
    with program.associate() as association:
        before = program.ask("count")[0]
        assert before >= 2
        for _ in range(3):
            association.send_c_echo()
        wait_until(lambda: program.ask("count") == [before + 3, before + 3, 1])
    wait_until(lambda: program.ask("count") == [before + 3, before + 3, 0])
    assert all(" " not in name for name in program.ask("statistics"))


def test_another_process_counts_anew() -> None:
    ae = AE()
    ae.metrics = Metrics(peer_limit=7)
    for other in copy.copy(ae), pickle.loads(pickle.dumps(ae)):
        assert other.metrics is not None and other.metrics is not ae.metrics
        assert other.metrics._peer_limit == 7
    assert copy.copy(AE()).metrics is None


def test_a_snapshot_as_numbers() -> None:
    durations = Histogram()
    for seconds in 0.2, 0.7, 1000.0:
        durations.add(seconds)
    snapshot = Snapshot(
        {
            "operations": {('A "\\', "scp", "C-ECHO", "success"): 2, ("", "", "", ""): 3},
            "operation_duration": {("A", "scp", "C-ECHO"): durations},
            "established_associations": {("A", "acceptor"): 5},
        }
    )
    numbers = snapshot.flat() | {"active_processes": 2.0, "processes_replaced": 1.0}
    again = Snapshot.of_flat({name: 2 * number for name, number in numbers.items()})
    assert again.values["operations"] == {('A "\\', "scp", "C-ECHO", "success"): 4, ("", "", "", ""): 6}
    assert again.histogram().counts == [2 * count for count in durations.counts]
    assert again.histogram().total == 2 * durations.total
    assert again.total("established_associations") == 10
    momentary = [name for name in snapshot.flat() if name.startswith("active")]
    assert len(momentary) == 1 and "established" in momentary[0]
