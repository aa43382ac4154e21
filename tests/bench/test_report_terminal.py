"""The tables on the terminal."""

from __future__ import annotations

import pytest

from fastdicom.bench import report_terminal
from fastdicom.bench.run import Result


@pytest.fixture(params=["rich", "plain"])
def has_rich(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if request.param == "rich":
        pytest.importorskip("rich")
    else:
        monkeypatch.setattr(report_terminal, "has_rich", lambda: False)
    return bool(request.param == "rich")


def test_the_tables(
    has_rich: bool,
    machine: dict[str, str | int | None],
    versions: dict[str, str],
    results: list[Result],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "110")
    report_terminal.show(machine, versions, results)
    shown = capsys.readouterr()
    lines = [line.split() for line in shown.out.splitlines()]
    assert ["scenario", "limit", "pynetdicom", "dcmtk", "fastdicom>dcmtk"] in lines
    assert ["store-ct", "0.80", "2.00"] in lines
    assert ["echo", "failed", "5.00"] in lines
    assert ["store-ct,", "MB/s", "fastdicom", "2,000", "1,900", "2,100", "0.5", "60"] in lines
    assert "echo: pynetdicom failed: the <server> & the client disagree" in shown.out
    assert ("fastdicom-net[bench]" in shown.err) is not has_rich


def test_plain_progress_names_each_scenario_once(capsys: pytest.CaptureFixture[str]) -> None:
    report = report_terminal.plain_progress(4)
    for line in ("echo: warm", "echo: round 1", "store-ct: warm", "store-ct: round 1"):
        report(line)
    assert capsys.readouterr().err.split("\n") == ["[  0 %] echo", "[ 50 %] store-ct", ""]
