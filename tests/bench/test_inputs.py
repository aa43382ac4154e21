"""Made files have their exact sizes; real ones are what they are said to be."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import dcmread

from fastdicom.bench import inputs


@pytest.mark.parametrize(("name", "files"), [("ct", 2), ("small", 3)])
def test_made_files_have_the_exact_size(name: str, files: int, tmp_path: Path) -> None:
    made = replace(inputs.MADE[name], files=files)
    instances = inputs.make(name, made, tmp_path)
    assert [instance.data_set_length for instance in instances] == [made.data_set_length] * files
    assert len({instance.sop_instance for instance in instances}) == files
    for instance in instances:
        data_set = dcmread(instance.path)
        assert data_set.SOPInstanceUID == instance.sop_instance
        assert data_set.pixel_array.shape == (made.side, made.side)
        # Counted from the end of the File Meta Information, as pydicom finds it.
        encoded = Path(instance.path).read_bytes()
        assert encoded[-made.data_set_length :][:8] == b"\x08\x00\x08\x00CS\x16\x00"


def test_the_sizes_are_those_of_the_scenarios() -> None:
    assert {name: made.data_set_length for name, made in inputs.MADE.items()} == {
        "ct": 528_000,
        "small": 12_000,
        "large": 210_000_000,
    }


def test_a_multi_frame_image(tmp_path: Path) -> None:
    made = inputs.Made(100_000, files=1, side=64, frames=11)
    (instance,) = inputs.make("large", made, tmp_path)
    assert instance.data_set_length == 100_000
    assert dcmread(instance.path).pixel_array.shape == (11, 64, 64)


def test_files_are_the_same_each_time(tmp_path: Path) -> None:
    made = inputs.Made(3_000, files=2, side=16)
    digests = [
        [hashlib.sha256(Path(instance.path).read_bytes()).hexdigest() for instance in instances]
        for instances in (inputs.make("a", made, tmp_path / "1"), inputs.make("a", made, tmp_path / "2"))
    ]
    assert digests[0] == digests[1]
    assert digests[0][0] != digests[0][1]


def test_a_size_that_the_pixels_exceed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="leaves -"):
        inputs.make("a", inputs.Made(500, files=1, side=16), tmp_path)


def test_real_files_are_instances_with_distinct_uids() -> None:
    instances = inputs.real_instances()
    assert len({instance.sop_instance for instance in instances}) == len(instances) >= 5
    assert {instance.transfer_syntax for instance in instances} == {"1.2.840.10008.1.2.1"}
    for instance in instances:
        assert 0 < instance.data_set_length < Path(instance.path).stat().st_size
