"""Results as rows of text, which the terminal and the page both show."""

from __future__ import annotations

from fastdicom.bench.contestants import IMPLEMENTATIONS, OURS
from fastdicom.bench.entries import Figure
from fastdicom.bench.run import Result

MEBIBYTE = 1 << 20
RATIO_TITLE = "fastdicom is so many times as fast as, or needs so many times less than"
FIGURE_TITLE = "Rates, CPU seconds of both ends for each GB or 1000 operations, memory of the larger end"
FIGURE_COLUMNS = ("scenario", "contestant", "median", "min", "max", "CPU s", "MiB")


def number(value: float) -> str:
    """Return three significant digits, without an exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def ratio(value: float | None) -> str:
    """Return a ratio."""
    if value is None:
        return ""
    return f"{value:.2f}" if value < 9.95 else f"{value:,.0f}"


def contestants(results: list[Result]) -> list[str]:
    """Return everyone who has a figure or an error, in the order of the table of implementations."""
    names = dict.fromkeys(name for result in results for name in (*result.figures, *result.errors))
    order = {name: place for place, name in enumerate(IMPLEMENTATIONS)}
    return sorted(names, key=lambda name: order.get(name, len(order)))


def ratio_table(results: list[Result]) -> tuple[list[str], list[list[str]]]:
    """Return the headline: a row for each scenario, a column for each other contestant."""
    others = [name for name in contestants(results) if name != OURS]
    rows = []
    for result in results:
        cells = ["failed" if name in result.errors else ratio(result.ratios.get(name)) for name in others]
        rows.append([result.name, *cells])
    return ["scenario", *others], rows


def figure_table(results: list[Result]) -> list[list[str]]:
    """Return a row for each scenario and contestant, in FIGURE_COLUMNS."""
    return [
        [f"{result.name}, {result.unit}", name, *figure_cells(figure)]
        for result in results
        for name in contestants(results)
        if (figure := result.figures.get(name))
    ]


def figure_cells(figure: Figure) -> list[str]:
    """Return the cells of one figure."""
    peak = "" if figure.peak_rss_bytes is None else number(figure.peak_rss_bytes / MEBIBYTE)
    rates = [number(value) for value in (figure.median, figure.min, figure.max)]
    cpu = "" if figure.cpu_s is None else number(figure.cpu_s)
    return [*rates, cpu, peak]


def errors(results: list[Result]) -> list[str]:
    """Return a line for each failure."""
    return [
        f"{result.name}: {name} failed: {reason}"
        for result in results
        for name, reason in result.errors.items()
    ]


def machine_line(machine: dict[str, str | int | None], versions: dict[str, str]) -> str:
    """Return the machine and the versions in a line."""
    memory = machine["memory_bytes"]
    parts = [str(machine["processor"]), f"{machine['cores']} cores"]
    if isinstance(memory, int):
        parts.append(f"{memory / (1 << 30):.0f} GiB")
    parts.append(str(machine["system"]))
    return ", ".join(parts) + "; " + ", ".join(f"{name} {version}" for name, version in versions.items())
