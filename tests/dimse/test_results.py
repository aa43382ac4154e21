"""The status of an operation is a pydicom Dataset like any other, however cheaply it was made."""

from __future__ import annotations

import copy
import pickle

import pytest
from pydicom import Dataset

from fastdicom._core.command import CommandSet, encode_command
from fastdicom.dimse.results import StatusDataset, no_answer, status_dataset


def by_element(named: dict[str, object]) -> dict[int, object]:
    return {int(name[1:], 16): value for name, value in named.items()}


def response(status: int, **further: object) -> StatusDataset:
    elements = {0x0100: 0x8001, 0x0120: 1, 0x0800: 0x0101, 0x0900: status}
    return status_dataset(CommandSet(encode_command(dict(sorted((elements | by_element(further)).items())))))


@pytest.mark.parametrize("status", [0x0000, 0x0107, 0xA700, 0xB000, 0xFFFF])
def test_the_status(status: int) -> None:
    result = response(status)
    assert isinstance(result, Dataset)
    assert result.Status == status
    assert result[0x0000, 0x0900].value == status
    assert "Status" in result and len(result) == 1


def test_what_explains_it() -> None:
    result = response(0xA700, e0901=[0x00100010, 0x7FE00010], e0902="the disk is full", e0903=3)
    assert list(result.OffendingElement) == [0x00100010, 0x7FE00010]
    assert result.ErrorComment == "the disk is full"
    assert result.ErrorID == 3
    assert "A7" in str(result) or "42752" in str(result)


def test_the_attributes_that_it_is_about() -> None:
    result = response(0x0107, e1005=[0x20000010, 0x20000020])
    assert list(result.AttributeIdentifierList) == [0x20000010, 0x20000020]
    assert response(0x0105, e1005=[0x20000010]).AttributeIdentifierList == 0x20000010
    assert "AttributeIdentifierList" not in response(0x0105, e1005=[])


SUBOPERATIONS = {"e1020": 1, "e1021": 2, "e1022": 3, "e1023": 4}


@pytest.mark.parametrize("command_field", [0x8010, 0x8021])
@pytest.mark.parametrize("status", [0x0000, 0xB000, 0xFF00])
def test_sub_operations_are_counted_in_a_success_too(command_field: int, status: int) -> None:
    result = response(status, e0100=command_field, **SUBOPERATIONS)
    assert result.NumberOfRemainingSuboperations == 1
    assert result.NumberOfCompletedSuboperations == 2
    assert result.NumberOfFailedSuboperations == 3
    assert result.NumberOfWarningSuboperations == 4
    assert len(result) == 5


@pytest.mark.parametrize(
    ("command_field", "keywords"),
    [
        (0x8100, ["AffectedSOPClassUID", "AffectedSOPInstanceUID", "EventTypeID"]),
        (0x8140, ["AffectedSOPInstanceUID"]),
        (0x8130, []),
        (0x8001, []),
    ],
    ids=["N-EVENT-REPORT", "N-CREATE", "N-ACTION", "C-STORE"],
)
def test_what_a_response_is_about(command_field: int, keywords: list[str]) -> None:
    result = response(0x0000, e0002="1.2.840", e0100=command_field, e1000="1.2.3", e1002=5)
    said = {"AffectedSOPClassUID": "1.2.840", "AffectedSOPInstanceUID": "1.2.3", "EventTypeID": 5}
    assert [element.keyword for element in result if element.keyword != "Status"] == keywords
    assert {keyword: getattr(result, keyword) for keyword in keywords} == {k: said[k] for k in keywords}


def test_it_is_a_dataset_of_its_own() -> None:
    """Nothing of one shows in another, though both are made from the same pieces."""
    one, other = response(0x0000), response(0x0000)
    one.Status = 0xC001
    one.PatientName = "A"
    one.private_block(0x11, "ME", create=True).add_new(1, "LO", "mine")
    assert other.Status == 0x0000
    assert "PatientName" not in other and len(other) == 1
    with pytest.raises(KeyError):
        other.private_block(0x11, "ME")


def test_copies_and_comparisons() -> None:
    result = response(0xB000)
    assert copy.deepcopy(result) == result
    assert pickle.loads(pickle.dumps(result)).Status == 0xB000
    plain = Dataset()
    plain.update(result)
    assert plain.Status == 0xB000


def test_no_answer() -> None:
    result = no_answer()
    assert len(result) == 0 and not result and "Status" not in result
    assert result == Dataset()
    with pytest.raises(AttributeError, match="no answer"):
        _ = result.Status
