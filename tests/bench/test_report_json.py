"""The JSON has the promised shape."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fastdicom.bench import report_json
from fastdicom.bench.run import Result

Fields = dict[str, Any]


@pytest.fixture
def report(machine: Fields, versions: dict[str, str], results: list[Result]) -> Fields:
    fields: Fields = json.loads(report_json.render(machine, versions, results))
    return fields


def test_the_shape(report: Fields, machine: Fields, versions: dict[str, str]) -> None:
    assert list(report) == ["machine", "versions", "scenarios"]
    assert report["machine"] == machine
    assert report["versions"] == versions
    first, second = report["scenarios"]
    assert set(first) == {"name", "unit", "results", "ratios"}
    assert first["name"] == "store-ct"
    assert first["unit"] == "MB/s"
    assert first["results"]["fastdicom"] == {
        "median": 2000.0,
        "min": 1900.0,
        "max": 2100.0,
        "cpu_s": 0.5,
        "peak_rss_bytes": 60 << 20,
    }
    assert second["results"]["dcmtk"]["cpu_s"] is None


def test_a_ratio_is_ours_to_theirs(report: Fields) -> None:
    first, second = report["scenarios"]
    assert first["ratios"] == {"limit": 0.8, "fastdicom>dcmtk": 2.0}
    assert second["ratios"] == {"dcmtk": 5.0}


def test_a_failure_has_its_reason_and_no_figures(report: Fields) -> None:
    first, second = report["scenarios"]
    assert "errors" not in first
    assert second["errors"] == {"pynetdicom": "the <server> & the client disagree"}
    assert "pynetdicom" not in second["results"]


def test_without_our_figure_there_are_no_ratios(results: list[Result]) -> None:
    first = results[0]
    del first.figures["fastdicom"]
    assert report_json.scenario(first)["ratios"] == {}
