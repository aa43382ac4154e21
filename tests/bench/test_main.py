"""The command line of the benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from fastdicom.bench import __main__ as program
from fastdicom.bench import certificates
from fastdicom.bench.contestants import Contestant
from fastdicom.bench.run import Result
from fastdicom.bench.scenarios import FULL, QUICK, SCENARIOS, Effort, Scenario

Call = tuple[list[str], list[str], Effort]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, results: list[Result]) -> list[Call]:
    """Replace the measurement, and return with what it was called."""
    seen: list[Call] = []

    def run_all(
        scenarios: Sequence[Scenario], contestants: Sequence[Contestant], effort: Effort
    ) -> list[Result]:
        seen.append(([s.name for s in scenarios], [c.name for c in contestants], effort))
        return results[:1]

    monkeypatch.setattr(program, "run_all", run_all)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    return seen


def test_everything_by_default(calls: list[Call]) -> None:
    assert program.main([]) == 0
    ((scenarios, contestants, effort),) = calls
    assert scenarios == [scenario.name for scenario in SCENARIOS]
    assert contestants[0] == "fastdicom"
    assert effort is FULL


def test_quick_leaves_out_extras_that_are_not_named(calls: list[Call]) -> None:
    program.main(["--quick", "--peers", "none"])
    program.main(["--quick", "--peers", "none", "--scenario", "store-real", "--scenario", "echo"])
    assert [call[2] for call in calls] == [QUICK, QUICK]
    assert "store-real" not in calls[0][0]
    assert "store-ct" in calls[0][0]
    assert calls[1][0] == ["store-real", "echo"]


def test_without_certificates_there_is_no_tls(
    calls: list[Call], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program.main(["--peers", "none"])
    monkeypatch.setattr(certificates, "are_possible", lambda: False)
    program.main(["--peers", "none"])
    assert set(calls[0][0]) - set(calls[1][0]) == {"tls"}
    assert "tls is left out, for want of certificates: pip install" in capsys.readouterr().err


@pytest.mark.usefixtures("calls")
def test_the_files(tmp_path: Path) -> None:
    json, html = tmp_path / "r.json", tmp_path / "r.html"
    assert program.main(["--peers", "none", "--json", str(json), "--html", str(html)]) == 0
    assert json.read_text().startswith("{")
    assert html.read_text().startswith("<!DOCTYPE html>")


@pytest.mark.usefixtures("calls")
def test_a_failure_shows_in_the_exit_status(results: list[Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "run_all", lambda *_: results)
    assert program.main(["--peers", "none"]) == 1


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["--scenario", "fly"], "invalid choice: 'fly'"),
        (["--peers", "orthanc"], "no peer is named orthanc"),
        (["--json", "/nowhere/at/all.json"], "there is no such directory"),
    ],
)
def test_wrong_arguments(
    argv: list[str], complaint: str, calls: list[Call], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        program.main(argv)
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err
    assert calls == []
