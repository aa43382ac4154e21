"""Running: sides are started, counts calibrated, and rounds alternate between the contestants.

A contestant that fails leaves the scenario with a reason, and the others go on.
"""

from __future__ import annotations

import contextlib
import functools
import shutil
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from fastdicom.bench.contestants import OURS, Contestant, Implementation, Role, Task, command
from fastdicom.bench.process import Side, SideError
from fastdicom.bench.scenarios import MEGABYTE, Effort, Scenario

T = TypeVar("T")
Reply = dict[str, Any]

BASELINE_RUNS = 3
# Below this, the start-up of a tool is too much of what is measured.
LEAST_TOOL_SECONDS = 0.25
GROWTH = 8
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


@dataclass
class Result:
    """One scenario, or one phase of it."""

    name: str
    scenario: Scenario
    figures: dict[str, Figure] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def ratios(self) -> dict[str, float]:
        """How many times as fast as each other contestant fastdicom is."""
        if OURS not in self.figures:
            return {}
        ours = self.figures[OURS].median
        return {name: ours / figure.median for name, figure in self.figures.items() if name != OURS}


def rotated(contestants: Sequence[T], round_number: int) -> list[T]:
    """Return the contestants in the order of one round: each is first in turn."""
    first = round_number % max(len(contestants), 1)
    return [*contestants[first:], *contestants[:first]]


class Entry:
    """A contestant in one scenario: its processes, its counts, and what its runs took.

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
        self.costs: dict[str, list[Cost]] = {name: [] for name in task.scenario.result_names}
        self._task = task
        self._has_tool = contestant.sender.is_whole_tool or contestant.receiver.is_whole_tool
        self._directory = directory
        self._count = 0
        self._baselines: dict[int, Cost] = {}
        self._sides = contextlib.ExitStack()
        self._received: Path | None = None
        directory.mkdir(parents=True)
        if task.scenario.is_written:
            self._received = directory / "received"
            self._received.mkdir()
        try:
            self._receiver: Side | None = None
            if not task.scenario.is_local:
                self._receiver = self._start(contestant.receiver, "receiver", 0)
            self._senders = [
                self._start(contestant.sender, "sender", number) for number in range(task.scenario.senders)
            ]
        except BaseException:
            self.close()
            raise

    def _start(self, implementation: Implementation, role: Role, number: int) -> Side:
        stem = f"{role}-{number}"
        job_path = self._directory / f"{stem}.json"
        argv = command(implementation, role, self._task, self._received, job_path)
        side = Side(f"{self.name}'s {role}", argv, self._directory / f"{stem}.log")
        self._sides.callback(side.close)
        return side

    def close(self) -> None:
        """End the processes and remove their files."""
        self._sides.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def prepare(self, run_seconds: float) -> None:
        """Wait for the processes, and find out how many messages make a run of that length."""
        for side in (self._receiver, *self._senders):
            if side is not None:
                side.wait_until_ready()
        if self._has_tool:
            run_seconds = max(run_seconds, LEAST_TOOL_SECONDS)
            for senders in {1, len(self._senders)}:
                self._baselines[senders] = self._baseline(senders)
        self._count = self._calibrate(run_seconds)

    def _baseline(self, senders: int) -> Cost:
        """Measure what one message takes with the start-up of the tools: every run has that once."""
        costs = [self._phase(senders, 1) for _ in range(BASELINE_RUNS)]
        return Cost(
            costs[0].work,
            statistics.median(cost.seconds for cost in costs),
            statistics.median(cost.cpu_seconds for cost in costs),
            None,
        )

    def _calibrate(self, run_seconds: float) -> int:
        """Return how many messages one sender needs for a run of that length."""
        step = len(self._task.instances) if self._is_mixed else 1
        most = self._task.scenario.most
        count = least = max(step, 2) if self._has_tool else step
        while True:
            seconds = self._phase(1, count).seconds
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
        scenario = self._task.scenario
        share = max(2 if self._has_tool else 1, self._count // scenario.senders)
        counts = {scenario.name: (scenario.senders, share)}
        if scenario.senders > 1:
            counts[f"{scenario.name}-after"] = (1, self._count)
        for name, (senders, count) in counts.items():
            self.costs[name].append(self._phase(senders, count))

    def _phase(self, senders: int, count: int) -> Cost:
        """Let some senders send so many messages each, and take off the baseline once it is known."""
        port = 0 if self._receiver is None else self._receiver.ask(do="open")["port"]
        active = self._senders[:senders]
        for sender in active:
            sender.ask(do="connect", port=port, messages=count)
        for sender in active:
            sender.tell(do="go")
        sent = [sender.hear() for sender in active]
        received = NO_RECEIVER if self._receiver is None else self._receiver.ask(do="close")
        self._check(sent, received["messages"], self._take_files())
        return self._cost(sent, received)

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

    def _cost(self, sent: list[Reply], received: Reply) -> Cost:
        base = self._baselines.get(len(sent), NOTHING)
        work = sum(self._work(reply["messages"]) for reply in sent)
        seconds = max(reply["ended"] for reply in sent) - min(reply["started"] for reply in sent)
        cpu_seconds = sum(reply["cpu_s"] for reply in sent) + received["cpu_s"]
        peaks = [reply["peak_rss_bytes"] for reply in (*sent, received)]
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

    def figure(self, name: str) -> Figure:
        """Return the figure for one result."""
        costs = self.costs[name]
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


def measure(
    task: Task,
    contestants: Sequence[Contestant],
    effort: Effort,
    directory: Path,
    report: Callable[[str], None],
) -> list[Result]:
    """Measure one scenario.

    Parameters
    ----------
    task
        The scenario and its files.
    contestants
        Who runs; those that do not take part are left out.
    effort
        How many rounds, how long.
    directory
        For temporary files.
    report
        Called with a line of text before each step; the number of calls is `step_count`.

    Returns
    -------
    list of Result
        One for each of the scenario's result names.
    """
    results = [Result(name, task.scenario) for name in task.scenario.result_names]
    entries: list[Entry] = []
    running: list[Entry] = []

    def attempt(name: str, step: Callable[[], None]) -> None:
        try:
            step()
        except (SideError, OSError) as error:
            running[:] = [entry for entry in running if entry.name != name]
            for result in results:
                result.errors[name] = str(error)

    def start(contestant: Contestant, place: Path) -> None:
        entry = Entry(contestant, task, place)
        stack.callback(entry.close)
        entries.append(entry)
        running.append(entry)

    with contextlib.ExitStack() as stack:
        taking_part = [contestant for contestant in contestants if contestant.takes_part_in(task.scenario)]
        for number, contestant in enumerate(taking_part):
            place = directory / f"{task.scenario.name}-{number}"
            attempt(contestant.name, functools.partial(start, contestant, place))
        for entry in entries:
            report(f"{task.scenario.name}: {entry.name} warms up")
            attempt(entry.name, functools.partial(entry.prepare, effort.run_seconds))
        for round_number in range(effort.rounds):
            for entry in rotated(entries, round_number):
                report(f"{task.scenario.name}: round {round_number + 1}, {entry.name}")
                if entry in running:
                    attempt(entry.name, functools.partial(entry.run, effort.most_seconds))
    for result in results:
        result.figures = {entry.name: entry.figure(result.name) for entry in running}
    return results


def step_count(scenario: Scenario, contestants: Sequence[Contestant], effort: Effort) -> int:
    """Return how often `measure` reports."""
    return sum(contestant.takes_part_in(scenario) for contestant in contestants) * (1 + effort.rounds)
