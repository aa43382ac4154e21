"""Each contestant end to end, at a tiny size."""

from __future__ import annotations

import dataclasses
import functools

import pytest

from fastdicom.bench import contestants
from fastdicom.bench.contestants import IMPLEMENTATIONS, select
from fastdicom.bench.scenarios import BY_NAME


@pytest.fixture
def only_dcmtk_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    here = {name: None if name.startswith("dcmtk") else "1" for name in IMPLEMENTATIONS}
    table = {
        name: dataclasses.replace(implementation, version=functools.partial(here.get, name))
        for name, implementation in IMPLEMENTATIONS.items()
    }
    monkeypatch.setattr(contestants, "IMPLEMENTATIONS", table)


def names(peers: str, has_pairs: bool = False) -> list[str]:
    return [contestant.name for contestant in select(peers, has_pairs)[0]]


@pytest.mark.usefixtures("only_dcmtk_is_missing")
def test_who_runs() -> None:
    assert names("auto") == ["fastdicom", "fastdicom-aio", "limit", "limit-tls", "pydicom", "pynetdicom"]
    assert names("none") == ["fastdicom", "fastdicom-aio", "limit", "limit-tls"]
    assert names("pynetdicom") == ["fastdicom", "fastdicom-aio", "limit", "limit-tls", "pynetdicom"]
    assert names("auto", has_pairs=True)[6:] == ["fastdicom>pynetdicom", "pynetdicom>fastdicom"]


@pytest.mark.usefixtures("only_dcmtk_is_missing")
def test_who_is_missing() -> None:
    assert [line.split()[0] for line in select("auto", False)[1]] == ["dcmtk", "dcmtk-nagle"]
    with pytest.raises(ValueError, match="dcmtk is not here: install DCMTK's tools"):
        select("pynetdicom,dcmtk", False)
    with pytest.raises(
        ValueError, match="no peer is named orthanc; there are fastdicom, fastdicom-aio, limit"
    ):
        select("orthanc", False)


def test_who_takes_part_over_tls() -> None:
    secured = [name for name, each in IMPLEMENTATIONS.items() if each.takes_part_in(BY_NAME["tls"])]
    assert secured == ["fastdicom", "limit-tls", "pynetdicom", "dcmtk"]
    assert not IMPLEMENTATIONS["limit-tls"].takes_part_in(BY_NAME["store-ct"])


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        ("edit-5", ["fastdicom", "pydicom"]),
        ("index-real", ["fastdicom", "pydicom"]),
        ("transcode", ["fastdicom", "limit", "pydicom"]),
        ("echo", ["fastdicom", "limit", "pynetdicom", "dcmtk"]),
        ("find", ["fastdicom", "pynetdicom"]),
    ],
)
def test_who_takes_part_with_and_without_a_network(scenario: str, expected: list[str]) -> None:
    taking_part = [name for name, each in IMPLEMENTATIONS.items() if each.takes_part_in(BY_NAME[scenario])]
    assert taking_part == expected


def test_tools_take_no_part_in_associate() -> None:
    dcmtk = contestants.Contestant(IMPLEMENTATIONS["dcmtk"], IMPLEMENTATIONS["fastdicom"])
    assert not dcmtk.takes_part_in(BY_NAME["associate"])
    assert dcmtk.takes_part_in(BY_NAME["store-ct"])
    assert not IMPLEMENTATIONS["dcmtk-nagle"].takes_part_in(BY_NAME["store-large"])
