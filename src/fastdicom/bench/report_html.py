"""The results as one page without anything outside it: plots are SVG in data URIs, for light and dark.

Each scenario has a plot of the medians with the minimum and maximum as whiskers, on a logarithmic axis
because rates lie three powers of ten apart. Without matplotlib the page has its tables only.
"""

from __future__ import annotations

import base64
import importlib.util
import io
from html import escape

from fastdicom.bench import text
from fastdicom.bench.contestants import OURS
from fastdicom.bench.run import Result

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
       color: #1b1f24; background: #ffffff; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
p.note { color: #57606a; font-size: 0.9rem; }
div.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.9rem; }
th, td { padding: 0.25rem 0.7rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #d0d7de; }
th.word, td.word { text-align: left; }
td.failed { color: #b3261e; }
tr.ours td { font-weight: 600; }
figure { margin: 0 0 1.5rem; } img { max-width: 100%; height: auto; }
@media (prefers-color-scheme: dark) {
  body { color: #e6edf3; background: #0d1117; } p.note { color: #9198a1; }
  th, td { border-color: #3d444d; } td.failed { color: #ff8a80; }
}
"""
# Text, grid, everyone, fastdicom; each reads on the page's background.
LIGHT = ("#1b1f24", "#d0d7de", "#6e7781", "#0a58ca")
DARK = ("#e6edf3", "#3d444d", "#9198a1", "#79b8ff")
REMEDY = 'For plots: pip install "fastdicom-net[bench]"'


def render(machine: dict[str, str | int | None], versions: dict[str, str], results: list[Result]) -> str:
    """Return the page."""
    columns, rows = text.ratio_table(results)
    has_matplotlib = importlib.util.find_spec("matplotlib") is not None
    plots = "".join(plot(result) for result in results if result.figures) if has_matplotlib else ""
    failures = "".join(f"<li>{escape(line)}</li>" for line in text.errors(results))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>fastdicom: the benchmark</title>
<style>{STYLE}</style>
</head>
<body>
<h1>fastdicom: the benchmark</h1>
<p class="note">{escape(text.machine_line(machine, versions))}</p>
<h2>{escape(text.RATIO_TITLE)}</h2>
{table(columns, rows, 1)}
{f"<h2>Failures</h2><ul>{failures}</ul>" if failures else ""}
<h2>Rates: median, minimum and maximum</h2>
{plots or f'<p class="note">{escape(REMEDY)}</p>'}
<h2>{escape(text.FIGURE_TITLE)}</h2>
{table(list(text.FIGURE_COLUMNS), text.figure_table(results), 2)}
<p class="note">MB and GB are decimal and count data sets only. Both ends run on this machine.</p>
</body>
</html>
"""


def table(columns: list[str], rows: list[list[str]], words: int) -> str:
    """Return a table, of which the first few columns are words and the others numbers."""

    def cells(tag: str, row: list[str]) -> str:
        return "".join(f"<{tag}{style(i, cell)}>{escape(cell)}</{tag}>" for i, cell in enumerate(row))

    def style(i: int, cell: str) -> str:
        if i < words:
            return ' class="word"'
        return ' class="failed"' if cell == "failed" else ""

    def line(row: list[str]) -> str:
        start = '<tr class="ours">' if words > 1 and row[1] == OURS else "<tr>"
        return start + cells("td", row) + "</tr>"

    lines = "".join(line(row) for row in rows)
    return f'<div class="wide"><table><tr>{cells("th", columns)}</tr>{lines}</table></div>'


def plot(result: Result) -> str:
    """Return the plot of one scenario, in both colour schemes."""
    light, dark = (data_uri(draw(result, colours)) for colours in (LIGHT, DARK))
    title = f"{result.name}: {result.scenario.summary}"
    return (
        f"<figure><figcaption>{escape(title)}</figcaption><picture>"
        f'<source srcset="{dark}" media="(prefers-color-scheme: dark)">'
        f'<img src="{light}" alt="{escape(title)}"></picture></figure>\n'
    )


def data_uri(svg: bytes) -> str:
    """Return an SVG as an address that contains it."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii")


def draw(result: Result, colours: tuple[str, str, str, str]) -> bytes:
    """Return the plot as SVG: a dot at the median, a line from minimum to maximum."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter, StrMethodFormatter

    ink, grid, everyone, ours = colours
    names = text.contestants([result])
    names = [name for name in names if name in result.figures][::-1]
    figure = Figure(figsize=(8.5, 0.7 + 0.38 * len(names)), layout="constrained")
    axes = figure.subplots()
    for place, name in enumerate(names):
        rate = result.figures[name]
        colour = ours if name == OURS else everyone
        axes.plot([rate.min, rate.max], [place, place], color=colour, linewidth=2.5, solid_capstyle="butt")
        axes.plot([rate.median], [place], "o", color=colour, markersize=8)
        label = text.number(rate.median)
        axes.annotate(label, (rate.median, place), (0, 7), textcoords="offset points", ha="center", color=ink)
    axes.set_xscale("log")
    axes.margins(x=0.08)
    axes.set_ylim(-0.6, len(names) - 0.1)
    axes.set_yticks(range(len(names)), names)
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(result.unit, color=ink)
    axes.grid(axis="x", color=grid, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=ink, length=0, which="both")
    for spine in axes.spines.values():
        spine.set_visible(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", transparent=True)
    return buffer.getvalue()
