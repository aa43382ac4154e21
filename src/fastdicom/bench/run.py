"""Running: sides are started, counts calibrated, and rounds alternate between the contestants.

A contestant that fails leaves the scenario with a reason, and the others go on.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from fastdicom.bench.contestants import OURS, Contestant, Task
from fastdicom.bench.entries import Entry, Figure
from fastdicom.bench.probes import PROBES, Probe
from fastdicom.bench.process import SideError
from fastdicom.bench.scenarios import Effort, Scenario, Variant

T = TypeVar("T")


@dataclass
class Result:
    """One scenario, or one phase of it."""

    name: str
    scenario: Scenario
    variant: Variant = field(default_factory=Variant)
    figures: dict[str, Figure] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """The unit of its figures."""
        return self.variant.unit or self.scenario.unit

    @property
    def ratios(self) -> dict[str, float]:
        """How many times as good as each other contestant fastdicom is: as fast, or as little."""
        if OURS not in self.figures:
            return {}
        ours = self.figures[OURS].median
        pairs = {name: (ours, figure.median) for name, figure in self.figures.items() if name != OURS}
        if self.scenario.is_better_less:
            pairs = {name: (other, our) for name, (our, other) in pairs.items()}
        return {name: above / below for name, (above, below) in pairs.items() if below}


def rotated(contestants: Sequence[T], round_number: int) -> list[T]:
    """Return the contestants in the order of one round: each is first in turn."""
    first = round_number % max(len(contestants), 1)
    return [*contestants[first:], *contestants[:first]]


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
    results = [
        Result(task.scenario.name_of(variant), task.scenario, variant) for variant in task.scenario.variants
    ]
    entries: list[Entry | Probe] = []
    running: list[Entry | Probe] = []

    def attempt(name: str, step: Callable[[], None]) -> None:
        try:
            step()
        except (SideError, OSError) as error:
            running[:] = [entry for entry in running if entry.name != name]
            for result in results:
                result.errors[name] = str(error)

    def start(contestant: Contestant, place: Path) -> None:
        entry: Entry | Probe = PROBES.get(task.scenario.kind, Entry)(contestant, task, place)
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
            attempt(entry.name, functools.partial(entry.prepare, effort))
        for round_number in range(effort.rounds):
            for entry in rotated(entries, round_number):
                report(f"{task.scenario.name}: round {round_number + 1}, {entry.name}")
                if entry in running:
                    attempt(entry.name, functools.partial(entry.run, effort.most_seconds))
    for result in results:
        figures = {entry.name: entry.figure(result.name) for entry in running}
        result.figures = {name: figure for name, figure in figures.items() if figure is not None}
    return results


def step_count(scenario: Scenario, contestants: Sequence[Contestant], effort: Effort) -> int:
    """Return how often `measure` reports."""
    return sum(contestant.takes_part_in(scenario) for contestant in contestants) * (1 + effort.rounds)
