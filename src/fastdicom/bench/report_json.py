"""The results as JSON: rates, of which more is better, and fastdicom's ratio to each other contestant.

Where less is better, ``is_better_less`` is there, and the ratio is turned round.

``errors`` is there only where a contestant failed, with its reason.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from fastdicom.bench.run import Result


def as_fields(
    machine: dict[str, str | int | None], versions: dict[str, str], results: list[Result]
) -> dict[str, Any]:
    """Return what the JSON file says."""
    return {"machine": machine, "versions": versions, "scenarios": [scenario(result) for result in results]}


def scenario(result: Result) -> dict[str, Any]:
    """Return one scenario."""
    fields: dict[str, Any] = {
        "name": result.name,
        "unit": result.unit,
        "results": {name: asdict(figure) for name, figure in result.figures.items()},
        "ratios": result.ratios,
    }
    if result.scenario.is_better_less:
        fields["is_better_less"] = True
    if result.errors:
        fields["errors"] = result.errors
    return fields


def render(machine: dict[str, str | int | None], versions: dict[str, str], results: list[Result]) -> str:
    """Return the JSON file's text."""
    return json.dumps(as_fields(machine, versions, results), indent=2) + "\n"
