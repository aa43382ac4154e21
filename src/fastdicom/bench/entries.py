"""A contestant in one scenario: its processes, how much they are to do, and what that took."""

from __future__ import annotations

import contextlib
import shutil
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastdicom.bench.contestants import IMPLEMENTATIONS, OURS, Contestant, Implementation, Role, Task, command
from fastdicom.bench.process import Side, SideError
from fastdicom.bench.scenarios import MEGABYTE, Effort, Variant

Reply = dict[str, Any]

BASELINE_RUNS = 3
# Below this, the start-up of a tool is too much of what is measured.
LEAST_TOOL_SECONDS = 0.25
GROWTH = 8
# What one of several senders in a process sends at least: its first message finds no memory in the pool.
MESSAGES_EACH = 4
CLOCK_TICK = 1e-6
THOUSAND = 1000  # MB in a GB, or operations


@dataclass(frozen=True)
class Cost:
    """What one phase of one run took; work is megabytes or operations, whatever the rate is in."""

    work: float
    seconds: float
    cpu_seconds: float
    peak_rss_bytes: int | None


NOTHING = Cost(0.0, 0.0, 0.0, None)
# What a receiver that is not there has used.
NO_RECEIVER: Reply = {"messages": None, "cpu_s": 0.0, "peak_rss_bytes": 0}


@dataclass(frozen=True)
class Figure:
    """The result of one contestant: rates, CPU seconds for a unit of work, memory.

    CPU seconds are None when they are too few to tell from the start-up of the tools.
    """

    median: float
    min: float
    max: float
    cpu_s: float | None
    peak_rss_bytes: int | None


class Sides:
    """The processes of a contestant in one scenario.

    Parameters
    ----------
    contestant
        Who runs.
    task
        What to run.
    directory
        For everything that the processes need and write.
    """

    def __init__(self, contestant: Contestant, task: Task, directory: Path) -> None:
        self.name = contestant.name
        self._contestant = contestant
        self._task = task
        self._directory = directory
        self._received: Path | None = None
        self._sides = contextlib.ExitStack()
        self._all: list[Side] = []
        directory.mkdir(parents=True)

    def _start(self, implementation: Implementation, role: Role, number: int = 0) -> Side:
        stem = f"{role}-{number}"
        job_path = self._directory / f"{stem}.json"
        argv = command(implementation, role, self._task, self._received, job_path)
        side = Side(f"{self.name}'s {role}", argv, self._directory / f"{stem}.log")
        self._sides.callback(side.close)
        self._all.append(side)
        return side

    def close(self) -> None:
        """End the processes and remove their files."""
        self._sides.close()
        shutil.rmtree(self._directory, ignore_errors=True)


class Entry(Sides):
    """A contestant whose rate is measured; for the parameters see `Sides`."""

    def __init__(self, contestant: Contestant, task: Task, directory: Path) -> None:
        super().__init__(contestant, task, directory)
        scenario = task.scenario
        self.variants = [variant for variant in scenario.variants if contestant.can(variant)]
        self.costs: dict[str, list[Cost]] = {scenario.name_of(variant): [] for variant in self.variants}
        self._has_tool = contestant.sender.is_whole_tool or contestant.receiver.is_whole_tool
        self._count = 0
        self._baselines: dict[int, Cost] = {}
        if scenario.is_written:
            self._received = directory / "received"
            self._received.mkdir()
        try:
            self._start_all()
        except BaseException:
            self.close()
            raise

    def _start_all(self) -> None:
        scenario, ours = self._task.scenario, IMPLEMENTATIONS[OURS]
        receiver, sender = self._contestant.receiver, self._contestant.sender
        self._receiver: Side | None = None
        # What stands between the ends, the last of them first.
        self._between: list[Side] = []
        if scenario.has_middle:
            self._between.append(self._start(receiver, "middle"))
            receiver = sender = ours
        if not scenario.is_local:
            self._receiver = self._start(receiver, "receiver")
        if scenario.delay:
            self._between.append(self._start(ours, "relay"))
        most = max(variant.senders for variant in self.variants)
        count = min(most, scenario.sender_processes)
        self._senders = [self._start(sender, "sender", number) for number in range(count)]

    def prepare(self, effort: Effort) -> None:
        """Wait for the processes, and find out how many messages make a run."""
        run_seconds = effort.run_seconds
        for side in self._all:
            side.wait_until_ready()
        if self._has_tool:
            run_seconds = max(run_seconds, LEAST_TOOL_SECONDS)
            for senders in {variant.senders for variant in self.variants}:
                self._baselines[senders] = self._baseline(senders)
        fixed = self._task.scenario.fixed
        self._count = max(1, round(fixed * effort.share)) if fixed else self._calibrate(run_seconds)

    def _baseline(self, senders: int) -> Cost:
        """Measure what one message takes with the start-up of the tools: every run has that once."""
        costs = [self._phase(Variant(senders=senders), senders) for _ in range(BASELINE_RUNS)]
        return Cost(
            costs[0].work,
            statistics.median(cost.seconds for cost in costs),
            statistics.median(cost.cpu_seconds for cost in costs),
            None,
        )

    def _calibrate(self, run_seconds: float) -> int:
        """Return how many messages there are in a run of that length."""
        step = len(self._task.instances) if self._is_mixed else 1
        most = self._task.scenario.most
        count = least = max(step, 2) if self._has_tool else step
        while True:
            seconds = self._phase(self.variants[0], count).seconds
            if seconds >= run_seconds / 4 or count >= most:
                break
            count = min(count * GROWTH, most)
        steps = round(count / step * run_seconds / seconds)
        return min(max(steps * step, least), most)

    @property
    def _is_mixed(self) -> bool:
        """Whether the files differ in size, so that only whole passes over them can be compared."""
        return len({instance.data_set_length for instance in self._task.instances}) > 1

    def run(self, most_seconds: float) -> None:
        """Do one run and keep what it took, unless the runs so far have taken so long."""
        if sum(cost.seconds for costs in self.costs.values() for cost in costs) >= most_seconds:
            return
        for variant in self.variants:
            self.costs[self._task.scenario.name_of(variant)].append(self._phase(variant, self._count))

    def _phase(self, variant: Variant, count: int) -> Cost:
        """Let some senders send so many messages, and take off the baseline once it is known."""
        active = self._senders[: variant.senders]
        each = variant.senders // len(active)
        least = 2 if self._has_tool and self._baselines else each * (MESSAGES_EACH if each > 1 else 1)
        share = max(least, count // len(active))
        port = self._open(variant)
        for sender in active:
            sender.ask(
                do="connect",
                port=port,
                messages=share,
                senders=each,
                window=variant.window,
                pooled=variant.pooled,
            )
        for sender in active:
            sender.tell(do="go")
        sent = [sender.hear() for sender in active]
        between = [side.ask(do="close") for side in self._between]
        received = NO_RECEIVER if self._receiver is None else self._receiver.ask(do="close")
        self._check(sent, received["messages"], self._take_files())
        return self._cost(variant, sent, [received, *between])

    def _open(self, variant: Variant) -> int:
        """Return the port to send to."""
        if self._receiver is None:
            return 0
        port: int = self._receiver.ask(do="open", processes=variant.processes)["port"]
        for side in self._between:
            port = side.ask(do="open", port=port, way=variant.way)["port"]
        return port

    def _take_files(self) -> list[int]:
        """Remove what has been written, and return how long each file was."""
        if self._received is None:
            return []
        paths = [path for path in self._received.iterdir() if path.is_file()]
        lengths = [path.stat().st_size for path in paths]
        for path in paths:
            path.unlink()
        return lengths

    def _check(self, sent: list[Reply], received: int | None, files: list[int]) -> None:
        """Raise unless everything that was sent has arrived."""
        total = sum(reply["messages"] for reply in sent)
        if received is not None and received != total:
            raise SideError(f"{self.name}'s receiver got {received} of {total} messages")
        if self._received is None:
            return
        instances = self._task.instances
        shortest = min(instance.data_set_length for instance in instances)
        whole = sum(length >= shortest for length in files)
        distinct = min(total, len(instances))
        if whole != distinct or len(files) != distinct:
            raise SideError(f"{self.name}'s receiver wrote {len(files)} files, {whole} whole, of {distinct}")

    def _cost(self, variant: Variant, sent: list[Reply], others: list[Reply]) -> Cost:
        base = self._baselines.get(variant.senders, NOTHING)
        work = sum(self._work(reply["messages"]) for reply in sent)
        seconds = max(reply["ended"] for reply in sent) - min(reply["started"] for reply in sent)
        cpu_seconds = sum(reply["cpu_s"] for reply in (*sent, *others))
        peaks = [reply["peak_rss_bytes"] for reply in (*sent, *others)]
        return Cost(
            work - base.work,
            max(seconds - base.seconds, CLOCK_TICK),
            cpu_seconds - base.cpu_seconds,
            None if None in peaks else max(peaks),
        )

    def _work(self, messages: int) -> float:
        """Return the work in so many messages, in the unit of the rate."""
        if not self._task.scenario.is_in_megabytes:
            return messages * self._task.scenario.results_of_each
        lengths = [instance.data_set_length for instance in self._task.instances]
        passes, rest = divmod(messages, len(lengths))
        return (passes * sum(lengths) + sum(lengths[:rest])) / MEGABYTE

    def figure(self, name: str) -> Figure | None:
        """Return the figure for one result; None when this contestant has no part in it."""
        costs = self.costs.get(name)
        if not costs:
            return None
        rates = [cost.work / cost.seconds for cost in costs]
        peaks = [cost.peak_rss_bytes for cost in costs if cost.peak_rss_bytes is not None]
        cpu_seconds = statistics.median(cost.cpu_seconds / cost.work * THOUSAND for cost in costs)
        return Figure(
            statistics.median(rates),
            min(rates),
            max(rates),
            cpu_seconds if cpu_seconds > 0 else None,
            max(peaks, default=None),
        )
