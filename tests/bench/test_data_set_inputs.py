"""The data sets of the scenarios without a network are what they are said to be."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.filereader import read_dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from fastdicom.bench import data_set_inputs, inputs

# An RT plan in implicit VR, a structure set without File Meta Information, a structured report, a compressed
# image, a deflated one, two truncated files, and no DICOM at all.
NAMES = (
    "rtplan.dcm",
    "rtstruct.dcm",
    "test-SR.dcm",
    "JPEG2000.dcm",
    "image_dfl.dcm",
    "rtplan_truncated.dcm",
    "MR_truncated.dcm",
    "README.txt",
)
KINDS = {
    "1.2.840.10008.5.1.4.1.1.481.5",
    "1.2.840.10008.5.1.4.1.1.481.3",
    "1.2.840.10008.5.1.4.1.1.88.33",
    "1.2.840.10008.5.1.4.1.1.7",
}


def read(instance: inputs.Instance) -> Dataset:
    is_implicit = instance.transfer_syntax == ImplicitVRLittleEndian
    return read_dataset(BytesIO(instance.data_set()), is_implicit, True)


@pytest.fixture
def _few_files(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(str(get_testdata_file("rtplan.dcm"))).parent
    paths = [folder / name for name in (*NAMES, NAMES[0])]
    monkeypatch.setattr(inputs, "real_paths", lambda pattern: paths)


def test_headers_have_89_elements_and_one_length(tmp_path: Path) -> None:
    instances = data_set_inputs.prepare("header", tmp_path)
    assert len(instances) == data_set_inputs.HEADERS
    assert len({instance.data_set_length for instance in instances}) == 1
    data_sets = [read(instance) for instance in instances]
    assert {len(data_set) for data_set in data_sets} == {89}
    assert len({data_set.SOPInstanceUID for data_set in data_sets}) == len(instances)
    assert sum(element.VR == "SQ" for element in data_sets[0]) == 3
    assert sum(element.tag.is_private for element in data_sets[0]) == 4


def test_the_image_has_its_exact_size(tmp_path: Path) -> None:
    (explicit,) = data_set_inputs.prepare("image", tmp_path / "explicit")
    (implicit,) = data_set_inputs.prepare("image-implicit", tmp_path / "implicit")
    assert explicit.data_set_length == 528_000
    assert read(explicit)["PixelData"].value == read(implicit)["PixelData"].value
    assert len(read(implicit).PixelData) == 2 * 512 * 512


@pytest.mark.usefixtures("_few_files")
def test_real_ones_are_those_that_pydicom_takes_once_each(tmp_path: Path) -> None:
    instances = data_set_inputs.prepare("files", tmp_path)
    assert [instance.transfer_syntax for instance in instances] == [
        "1.2.840.10008.1.2",
        "1.2.840.10008.1.2",
        "1.2.840.10008.1.2.1",
        "1.2.840.10008.1.2.4.91",
    ]
    assert {read(instance).SOPClassUID for instance in instances} == KINDS


@pytest.mark.usefixtures("_few_files")
@pytest.mark.parametrize(
    ("name", "transfer_syntax"),
    [("files-implicit", ImplicitVRLittleEndian), ("files-explicit", ExplicitVRLittleEndian)],
)
def test_those_to_be_transcoded_are_in_one_syntax(name: str, transfer_syntax: str, tmp_path: Path) -> None:
    instances = data_set_inputs.prepare(name, tmp_path)
    assert {instance.transfer_syntax for instance in instances} == {transfer_syntax}
    assert [read(instance).Modality for instance in instances] == ["RTPLAN", "RTSTRUCT", "SR"]
