"""``python -m fastdicom.bench``: what to measure, and where the results go.

The exit status is 0 when every contestant was measured, 1 when one failed, 2 when the arguments are wrong.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from fastdicom.bench import certificates, data_set_inputs, inputs, report_html, report_json, report_terminal
from fastdicom.bench.contestants import IMPLEMENTATIONS, Contestant, Task, select
from fastdicom.bench.machine import machine, versions
from fastdicom.bench.run import Result, measure, step_count
from fastdicom.bench.scenarios import BY_NAME, FULL, QUICK, SCENARIOS, Effort, Scenario

INTERRUPTED = 130
TERMINATED = 143


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    described = "\n".join(f"  {scenario.name:16}{scenario.summary}" for scenario in SCENARIOS)
    arguments = argparse.ArgumentParser(
        prog="python -m fastdicom.bench",
        description="Measure how fast fastdicom moves images, beside bare sockets and other implementations.",
        epilog=f"scenarios:\n{described}\n\npeers: {', '.join(IMPLEMENTATIONS)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    arguments.add_argument(
        "--quick", action="store_true", help=f"{QUICK.rounds} short rounds instead of {FULL.rounds}"
    )
    arguments.add_argument(
        "--scenario",
        action="append",
        choices=list(BY_NAME),
        metavar="NAME",
        help="measure only this one; may be repeated (default: all)",
    )
    arguments.add_argument(
        "--peers",
        default="auto",
        metavar="auto|none|NAME,...",
        help="who runs beside fastdicom and the limit (default: auto, all that are installed)",
    )
    arguments.add_argument(
        "--pairs", action="store_true", help="also run fastdicom with each peer at the other end"
    )
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write the results as JSON")
    arguments.add_argument("--html", type=Path, metavar="FILE", help="write the results as a page with plots")
    return arguments


def run_all(scenarios: Sequence[Scenario], contestants: Sequence[Contestant], effort: Effort) -> list[Result]:
    """Make the files and measure each scenario."""
    results: list[Result] = []
    steps = sum(step_count(scenario, contestants, effort) for scenario in scenarios)
    with (
        tempfile.TemporaryDirectory(prefix="fastdicom-bench-") as temporary,
        report_terminal.progress(steps) as report,
    ):
        directory = Path(temporary)
        made: dict[str | None, list[inputs.Instance]] = {None: []}
        for scenario in scenarios:
            if scenario.inputs is not None and scenario.inputs not in made:
                prepare = data_set_inputs.prepare if scenario.is_local else inputs.prepare
                made[scenario.inputs] = prepare(scenario.inputs, directory / scenario.inputs)
            files = None
            if scenario.is_secured:
                files = certificates.make(directory / f"{scenario.name}-certificates")
            task = Task(scenario, made[scenario.inputs], files)
            results += measure(task, contestants, effort, directory, report)
    return results


def stop(signal_number: int, frame: object) -> None:
    """End as if by an exception, so that every process and file is cleared away."""
    sys.exit(TERMINATED)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit status."""
    arguments = parser()
    options = arguments.parse_args(argv)
    try:
        contestants, missing = select(options.peers, options.pairs)
    except ValueError as error:
        arguments.error(str(error))
    for path in (options.json, options.html):
        if path is not None and not path.resolve().parent.is_dir():
            arguments.error(f"{path}: there is no such directory")
    for line in missing:
        print(line, file=sys.stderr)
    effort = QUICK if options.quick else FULL
    scenarios = [scenario for scenario in SCENARIOS if effort.has_extras or not scenario.is_extra]
    if options.scenario:
        scenarios = [BY_NAME[name] for name in dict.fromkeys(options.scenario)]
    if not certificates.are_possible():
        left_out = [scenario for scenario in scenarios if scenario.is_secured]
        scenarios = [scenario for scenario in scenarios if scenario not in left_out]
        for scenario in left_out:
            print(
                f"{scenario.name} is left out, for want of certificates: {certificates.REMEDY}",
                file=sys.stderr,
            )
    signal.signal(signal.SIGTERM, stop)
    try:
        results = run_all(scenarios, contestants, effort)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    facts = machine(), versions()
    report_terminal.show(*facts, results)
    if options.json is not None:
        options.json.write_text(report_json.render(*facts, results), encoding="utf-8")
    if options.html is not None:
        options.html.write_text(report_html.render(*facts, results), encoding="utf-8")
    return 1 if any(result.errors for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
