"""The runner with each contestant, end to end at the smallest size, and with sides that fail."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fastdicom.bench import certificates, data_set_inputs, entries, inputs, run
from fastdicom.bench.contestants import IMPLEMENTATIONS, Contestant, Task
from fastdicom.bench.peers import dcmtk
from fastdicom.bench.run import Result, measure, rotated, step_count
from fastdicom.bench.scenarios import BY_NAME, Effort, Scenario

TINY = Effort(rounds=2, run_seconds=0.01, most_seconds=30.0, has_extras=False, share=0.02)
needs_limit = pytest.mark.skipif(os.name != "posix", reason="the limit is compiled on POSIX systems only")
BARE = ("store-ct", "store-write", "echo", "associate")
ALONE = (*BARE, "associate-170", "find", "find-encoded", "get", "n-create")
LOCAL = ("index", "read-5", "to-pydicom", "decode-all", "encode", "edit-5", "transcode", "transcode-swap")


def contestant(name: str) -> Contestant:
    sender, _, receiver = name.partition(">")
    return Contestant(IMPLEMENTATIONS[sender], IMPLEMENTATIONS[receiver or sender])


@pytest.fixture
def instances(tmp_path: Path) -> list[inputs.Instance]:
    return inputs.make("tiny", inputs.Made(3_000, files=3, side=16), tmp_path / "inputs")


def measured(
    scenario: Scenario, names: list[str], instances: list[inputs.Instance], tmp_path: Path
) -> list[Result]:
    steps: list[str] = []
    contestants = [contestant(name) for name in names]
    files = certificates.make(tmp_path / "certificates") if scenario.is_secured else None
    task = Task(scenario, instances, files)
    results = measure(task, contestants, TINY, tmp_path / "run", steps.append)
    assert len(steps) == step_count(scenario, contestants, TINY)
    assert list((tmp_path / "run").iterdir()) == []
    return results


def check_figures(results: list[Result], scenario: Scenario, names: list[str]) -> None:
    assert [result.name for result in results] == list(scenario.result_names)
    for result in results:
        assert result.errors == {}
        assert sorted(result.figures) == sorted(names)
        for figure in result.figures.values():
            assert 0 <= figure.min <= figure.median <= figure.max
            assert figure.peak_rss_bytes is None or figure.peak_rss_bytes > 1 << 20


def test_what_bytes_alone_do_not_tell_the_limit_sits_out() -> None:
    for name in ("find", "find-encoded", "get", "n-create"):
        assert not contestant("limit").takes_part_in(BY_NAME[name])
        assert not contestant("dcmtk").takes_part_in(BY_NAME[name])


@pytest.fixture
def _dcmtk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "LEAST_TOOL_SECONDS", 0.01)
    if dcmtk.version() is None:
        if os.environ.get("CI"):
            pytest.fail("DCMTK's tools are not installed")
        pytest.skip("DCMTK's tools are not installed")


def test_each_contestant_is_first_in_turn() -> None:
    assert [rotated("abc", i) for i in range(4)] == [list("abc"), list("bca"), list("cab"), list("abc")]
    assert rotated("", 1) == []


@needs_limit
@pytest.mark.parametrize("scenario", BARE)
def test_limit(scenario: str, instances: list[inputs.Instance], tmp_path: Path) -> None:
    results = measured(BY_NAME[scenario], ["limit"], instances, tmp_path)
    check_figures(results, BY_NAME[scenario], ["limit"])


@pytest.mark.parametrize("scenario", ALONE)
def test_fastdicom(scenario: str, instances: list[inputs.Instance], tmp_path: Path) -> None:
    results = measured(BY_NAME[scenario], ["fastdicom"], instances, tmp_path)
    check_figures(results, BY_NAME[scenario], ["fastdicom"])


@pytest.mark.parametrize(
    "scenario", ["store-ct", "store-write", "echo", "associate", "associate-170", "get", "n-create"]
)
def test_pynetdicom(scenario: str, instances: list[inputs.Instance], tmp_path: Path) -> None:
    results = measured(BY_NAME[scenario], ["pynetdicom"], instances, tmp_path)
    check_figures(results, BY_NAME[scenario], ["pynetdicom"])


@pytest.mark.usefixtures("_dcmtk")
@pytest.mark.parametrize("scenario", ["store-ct", "store-write", "echo"])
def test_dcmtk(scenario: str, instances: list[inputs.Instance], tmp_path: Path) -> None:
    results = measured(BY_NAME[scenario], ["dcmtk"], instances, tmp_path)
    check_figures(results, BY_NAME[scenario], ["dcmtk"])


@pytest.mark.parametrize("name", ["fastdicom", pytest.param("limit-tls", marks=needs_limit), "pynetdicom"])
def test_tls(name: str, instances: list[inputs.Instance], tmp_path: Path) -> None:
    check_figures(measured(BY_NAME["tls"], [name], instances, tmp_path), BY_NAME["tls"], [name])


@pytest.mark.usefixtures("_dcmtk")
def test_dcmtk_over_tls(instances: list[inputs.Instance], tmp_path: Path) -> None:
    names = ["dcmtk", "dcmtk>fastdicom", "fastdicom>dcmtk"]
    check_figures(measured(BY_NAME["tls"], names, instances, tmp_path), BY_NAME["tls"], names)


@pytest.mark.usefixtures("_dcmtk")
@pytest.mark.parametrize("peer", ["dcmtk", "pynetdicom"])
def test_mixed_pairs(peer: str, instances: list[inputs.Instance], tmp_path: Path) -> None:
    names = [f"fastdicom>{peer}", f"{peer}>fastdicom"]
    results = measured(BY_NAME["store-write"], names, instances, tmp_path)
    check_figures(results, BY_NAME["store-write"], names)


@pytest.mark.parametrize("scenario", LOCAL)
def test_without_a_network(scenario: str, tmp_path: Path) -> None:
    data_sets = data_set_inputs.prepare(str(BY_NAME[scenario].inputs), tmp_path / "inputs")
    names = ["fastdicom", "pydicom", *(["limit"] if BY_NAME[scenario].is_bare else [])]
    results = measured(BY_NAME[scenario], names, data_sets, tmp_path)
    check_figures(results, BY_NAME[scenario], names)


def test_one_that_fails_without_a_network(tmp_path: Path) -> None:
    data_sets = data_set_inputs.prepare("header", tmp_path / "inputs")
    for instance in data_sets:
        Path(instance.path).unlink()
    (result,) = measured(BY_NAME["index"], ["pydicom"], data_sets, tmp_path)
    assert result.figures == {}
    assert "FileNotFoundError" in result.errors["pydicom"]


@needs_limit
def test_one_that_fails_leaves_the_others(tmp_path: Path, instances: list[inputs.Instance]) -> None:
    # pynetdicom decodes its files when it starts, the limit takes them for any bytes.
    for instance in instances:
        Path(instance.path).write_bytes(bytes(Path(instance.path).stat().st_size))
    (result,) = measured(BY_NAME["store-ct"], ["pynetdicom", "limit"], instances, tmp_path)
    assert list(result.figures) == ["limit"]
    assert "InvalidDicomError" in result.errors["pynetdicom"]


@needs_limit
@pytest.mark.parametrize(("lengths", "whole"), [([], 0), ([3_500, 3_500, 2_999], 2), ([3_500] * 4, 4)])
def test_files_that_do_not_arrive_are_a_failure(
    lengths: list[int],
    whole: int,
    tmp_path: Path,
    instances: list[inputs.Instance],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run.Entry, "_take_files", lambda _: lengths)
    monkeypatch.setattr(run.Entry, "_calibrate", lambda *_: 5)
    (result,) = measured(BY_NAME["store-write"], ["limit"], instances, tmp_path)
    assert result.figures == {}
    assert result.errors["limit"].endswith(f"wrote {len(lengths)} files, {whole} whole, of 3")


@needs_limit
def test_a_slow_contestant_sits_out(tmp_path: Path, instances: list[inputs.Instance]) -> None:
    entry = run.Entry(contestant("limit"), Task(BY_NAME["echo"], instances), tmp_path / "entry")
    try:
        entry.prepare(TINY)
        for _ in range(3):
            entry.run(1e-9)
        assert len(entry.costs["echo"]) == 1
    finally:
        entry.close()
