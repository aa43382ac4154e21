"""Whoever does the work of a scenario without a network gets the same out of it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from fastdicom.bench import data_set_inputs
from fastdicom.bench.data_set_inputs import Encoded, real_data_set
from fastdicom.bench.peers import data_sets
from fastdicom.bench.peers.data_sets import EDITS, READ, Worker, materials, operation
from fastdicom.bench.peers.side import Job
from fastdicom.bench.scenarios import BY_NAME, SCENARIOS

LOCAL = [scenario for scenario in SCENARIOS if scenario.is_local and not scenario.is_extra]
NAMES = ("rtplan.dcm", "rtstruct.dcm", "test-SR.dcm", "MR_small_bigendian.dcm", "JPEG2000.dcm")


@pytest.fixture(scope="module", params=["made", *NAMES])
def encoded(request: pytest.FixtureRequest) -> Encoded:
    if request.param == "made":
        return next(data_set_inputs.SETS["image"]())
    found = real_data_set(Path(str(get_testdata_file(request.param))))
    assert found is not None
    return found


def both(kind: str, material: Any, target: str = "") -> tuple[Any, Any]:
    """Return what fastdicom and pydicom make of it."""
    return tuple(operation(name, kind, UID(target))(material) for name in ("fastdicom", "pydicom"))  # type: ignore[return-value]


def digest(buffers: list[Any]) -> str:
    """Return what stands for the bytes: half a megabyte is nothing to compare in an assertion."""
    return hashlib.sha256(b"".join(buffers)).hexdigest()


def test_index(encoded: Encoded) -> None:
    ours, theirs = both("index", encoded)
    assert ours == theirs > 20


def test_read_5(encoded: Encoded) -> None:
    ours, theirs = both("read-5", encoded)
    assert ours == theirs
    assert [type(value) for value in ours] == [type(value) for value in theirs]
    assert len(ours) == len(READ) == 5


def test_to_pydicom(encoded: Encoded) -> None:
    ours, theirs = both("to-pydicom", encoded)
    raw, expected = ([tag for tag, each in made._dict.items() if each.is_raw] for made in (ours, theirs))
    assert set(expected) <= set(raw)
    assert {theirs[tag].VR for tag in set(raw) - set(expected)} <= {"SQ"}
    assert len(raw) > 20
    assert ours == theirs


def test_decode_all(encoded: Encoded) -> None:
    ours, theirs = both("decode-all", encoded)
    assert ours == theirs
    assert [type(value) for value in ours] == [type(value) for value in theirs]


def test_encode(encoded: Encoded) -> None:
    decoded = data_set_inputs.decode(encoded.data, encoded.transfer_syntax), encoded.transfer_syntax
    ours, theirs = both("encode", decoded)
    assert digest(ours) == digest(theirs)


def test_edit_5(encoded: Encoded) -> None:
    ours, theirs = both("edit-5", encoded)
    edited, expected = (
        data_set_inputs.decode(b"".join(each), encoded.transfer_syntax) for each in (ours, theirs)
    )
    assert edited == expected
    assert {keyword: edited[keyword].value for keyword in EDITS} == EDITS
    assert len(EDITS) == 5


@pytest.mark.parametrize("name", ["transcode", "transcode-swap"])
@pytest.mark.parametrize("file", ["made", "rtplan.dcm", "MR_small.dcm"])
def test_transcode(name: str, file: str) -> None:
    source = ImplicitVRLittleEndian if name == "transcode" else ExplicitVRLittleEndian
    if file == "made":
        given = next(data_set_inputs.SETS["image"]())
    else:
        given = real_data_set(Path(str(get_testdata_file(file))))  # type: ignore[assignment]
    (encoded,) = data_set_inputs.changed(iter([given]), source)
    ours, theirs = both("transcode", encoded, BY_NAME[name].target)
    assert digest(ours) == digest(theirs) != digest([encoded.data])


def test_the_limit_is_a_copy() -> None:
    copy = operation("limit", "transcode", UID(""))
    long, short = (Encoded(data, ExplicitVRLittleEndian) for data in (b"a longer one", b"short"))
    assert [b"".join(copy(each)) for each in (long, short, long)] == [long.data, short.data, long.data]


@pytest.mark.parametrize("scenario", LOCAL, ids=lambda scenario: scenario.name)
def test_everyone_who_takes_part_can(scenario: Any) -> None:
    for name in ("fastdicom", "pydicom", *(["limit"] if scenario.is_bare else [])):
        assert callable(operation(name, scenario.kind, UID(scenario.target)))


def test_the_operations_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    instances = data_set_inputs.prepare("header", tmp_path)[:3]
    fields = {
        "kind": "index",
        "instances": [vars(instance) for instance in instances],
        "contexts": [],
        "directory": None,
        "associations": 0,
        "delay": 0.0,
        "reads_files": False,
        "is_encoded": False,
        "certificates": None,
        "target": "",
    }
    path = tmp_path / "job.json"
    path.write_text(json.dumps(fields))
    done: list[Encoded] = []
    monkeypatch.setattr(data_sets, "operation", lambda *_: done.append)
    job = Job(str(path))
    Worker("pydicom", job).run(0, 7)
    assert done == [materials(job)[i] for i in job.cycle(7)]
