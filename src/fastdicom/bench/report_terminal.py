"""Progress and tables on the terminal: with rich when it is installed, plain when not."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fastdicom.bench import text
from fastdicom.bench.run import Result

REMEDY = 'pip install "fastdicom-net[bench]"'


def has_rich() -> bool:
    """Return whether rich is installed."""
    return importlib.util.find_spec("rich") is not None


@contextmanager
def progress(steps: int) -> Iterator[Callable[[str], None]]:
    """Show progress on standard error; call the value before each of so many steps."""
    if has_rich() and sys.stderr.isatty():
        with rich_progress(steps) as report:
            yield report
    else:
        yield plain_progress(steps)


@contextmanager
def rich_progress(steps: int) -> Iterator[Callable[[str], None]]:
    """Show a bar, how long it has taken and how long it will."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=steps)
        begun = 0

        def report(line: str) -> None:
            nonlocal begun
            bar.update(task, description=line, completed=begun)
            begun += 1

        yield report


def plain_progress(steps: int) -> Callable[[str], None]:
    """Return what prints a line whenever another scenario begins."""
    begun = 0
    shown = ""

    def report(line: str) -> None:
        nonlocal begun, shown
        scenario = line.partition(":")[0]
        if scenario != shown:
            print(f"[{100 * begun // max(steps, 1):3} %] {scenario}", file=sys.stderr, flush=True)
            shown = scenario
        begun += 1

    return report


def show(machine: dict[str, str | int | None], versions: dict[str, str], results: list[Result]) -> None:
    """Print the results."""
    columns, rows = text.ratio_table(results)
    print_table = rich_table if has_rich() else plain_table
    print_table(text.FIGURE_TITLE, list(text.FIGURE_COLUMNS), text.figure_table(results), 2)
    print_table(text.RATIO_TITLE, columns, rows, 1)
    for line in text.errors(results):
        print(line)
    print(text.machine_line(machine, versions))
    if not has_rich():
        print(f"For a progress bar and better tables: {REMEDY}", file=sys.stderr)


def plain_table(title: str, columns: list[str], rows: list[list[str]], words: int) -> None:
    """Print a table of aligned columns, of which the first few are words and the others numbers."""
    widths = [max(len(row[i]) for row in [columns, *rows]) for i in range(len(columns))]
    print(title)
    for row in [columns, *rows]:
        cells = [
            cell.ljust(width) if i < words else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())
    print()


def rich_table(title: str, columns: list[str], rows: list[list[str]], words: int) -> None:
    """Print a table with rich, with a rule between scenarios."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", padding=(0, 2, 0, 0)
    )
    for i, column in enumerate(columns):
        table.add_column(Text(column), justify="left" if i < words else "right", no_wrap=i < words)
    scenarios = [row[0] for row in rows]
    for i, row in enumerate(rows):
        is_last = words > 1 and i + 1 < len(rows) and scenarios[i + 1] != scenarios[i]
        is_repeated = words > 1 and i > 0 and scenarios[i - 1] == scenarios[i]
        cells = ["" if is_repeated else row[0], *row[1:]]
        table.add_row(*(Text(cell) for cell in cells), end_section=is_last)
    Console().print(table)
