"""What is measured in another way than by a rate: idle associations, and when a first byte is out.

A probe starts its processes anew in each round: memory that was used before would cost nothing again.
"""

from __future__ import annotations

import contextlib
import statistics
from abc import abstractmethod
from pathlib import Path
from time import monotonic

from fastdicom.bench.contestants import IMPLEMENTATIONS, OURS, Contestant, Task
from fastdicom.bench.entries import Figure, Sides
from fastdicom.bench.process import Side
from fastdicom.bench.scenarios import Effort

KILOBYTE = 1000
MILLISECOND = 1e-3
PERCENT = 100

# Seconds until what has been opened is taken to be idle.
SETTLING = 0.5
# How many times the length of a run nothing is done: what is to be seen is little.
IDLENESS = 4


class Probe(Sides):
    """A contestant of which values are measured; for the parameters see `Sides`."""

    def __init__(self, contestant: Contestant, task: Task, directory: Path) -> None:
        super().__init__(contestant, task, directory)
        self.values: dict[str, list[float]] = {name: [] for name in task.scenario.result_names}
        self._peak: int | None = None
        self._seconds = 0.0
        self._run_seconds = 0.0

    def prepare(self, effort: Effort) -> None:
        """Take note of how long a run is to be."""
        self._run_seconds = effort.run_seconds

    def run(self, most_seconds: float) -> None:
        """Do one run and keep what it told, unless the runs so far have taken so long."""
        if self._seconds >= most_seconds:
            return
        started = monotonic()
        try:
            told = self._measure()
        finally:
            self._sides.close()
            self._sides = contextlib.ExitStack()
            self._all.clear()
        self._seconds += monotonic() - started
        for variant in self._task.scenario.variants:
            self.values[self._task.scenario.name_of(variant)].append(told[variant.suffix])

    @abstractmethod
    def _measure(self) -> dict[str, float]:
        """Return the values of one run by the suffixes of their results."""

    def _ready(self) -> None:
        for side in self._all:
            side.wait_until_ready()

    def figure(self, name: str) -> Figure | None:
        """Return the figure for one result."""
        values = self.values[name]
        if not values:
            return None
        return Figure(statistics.median(values), min(values), max(values), None, self._peak)


class Idle(Probe):
    """Idle associations: the CPU of the server, its memory for each, and the time to open one.

    The memory is what the server's has grown by, divided by their number; a first few, opened and closed
    before, do not count. The time is that of the first ones, and of some more when all are there, which are
    closed again. The CPU is that of the seconds after.
    """

    def _measure(self) -> dict[str, float]:
        receiver = self._start(self._contestant.receiver, "receiver")
        sender = self._start(self._contestant.sender, "sender")
        self._ready()
        port = receiver.ask(do="open", processes=1)["port"]
        sender.ask(do="warm", port=port)
        before = receiver.ask(do="open", processes=1)["rss_bytes"]
        first = sender.ask(do="hold", port=port)["seconds"]
        sender.ask(do="wait", seconds=SETTLING)
        after = receiver.ask(do="open", processes=1)["rss_bytes"]
        later = sender.ask(do="sample", port=port)["seconds"]
        sender.ask(do="wait", seconds=SETTLING)
        receiver.ask(do="open", processes=1)
        seconds = self._run_seconds * IDLENESS
        started = monotonic()
        sender.ask(do="wait", seconds=seconds)
        used = receiver.ask(do="close")
        self._peak = used["peak_rss_bytes"]
        return {
            "cpu": used["cpu_s"] / (monotonic() - started) * PERCENT,
            "memory": (after - before) / self._task.scenario.associations / KILOBYTE,
            "first": first / MILLISECOND,
            "next": later / MILLISECOND,
        }


class FirstByte(Probe):
    """How much of an object has gone into a middle when the first byte of it comes out."""

    def _measure(self) -> dict[str, float]:
        middle = self._start(self._contestant.receiver, "middle")
        ends: Side = self._start(IMPLEMENTATIONS[OURS], "sender")
        self._ready()
        far = ends.ask(do="listen")["port"]
        port = middle.ask(do="open", port=far, way=self._task.scenario.variants[0].way)["port"]
        told = ends.ask(do="send", port=port)
        self._peak = middle.ask(do="close")["peak_rss_bytes"]
        return {"": told["share"] * PERCENT}


PROBES: dict[str, type[Probe]] = {"idle": Idle, "first-byte": FirstByte}
