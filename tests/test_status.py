"""DIMSE statuses: categories by range, the tables, the constants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from peers import require_pynetdicom

from fastdicom import status
from fastdicom.status import (
    GENERAL_STATUS,
    STORAGE_SERVICE_CLASS_STATUS,
    VERIFICATION_SERVICE_CLASS_STATUS,
    Status,
    code_to_category,
    code_to_status,
)


@pytest.mark.parametrize(
    ("code", "category"),
    [
        (0x0000, "Success"),
        (0x0001, "Warning"),
        (0x0002, "Unknown"),
        (0x00FF, "Unknown"),
        (0x0100, "Failure"),
        (0x0106, "Failure"),
        (0x0107, "Warning"),
        (0x0108, "Failure"),
        (0x0116, "Warning"),
        (0x0122, "Failure"),
        (0x0213, "Failure"),
        (0x02FF, "Failure"),
        (0x0300, "Unknown"),
        (0x9FFF, "Unknown"),
        (0xA000, "Failure"),
        (0xA700, "Failure"),
        (0xAFFF, "Failure"),
        (0xB000, "Warning"),
        (0xBFFF, "Warning"),
        (0xC000, "Failure"),
        (0xCFFF, "Failure"),
        (0xD000, "Unknown"),
        (0xFE00, "Cancel"),
        (0xFE01, "Unknown"),
        (0xFF00, "Pending"),
        (0xFF01, "Pending"),
        (0xFF02, "Unknown"),
        (0xFFFF, "Unknown"),
    ],
)
def test_the_category_of_a_code(code: int, category: str) -> None:
    assert code_to_category(code) == category


@pytest.mark.parametrize("code", [-1, 0x10000, 1.0, "0", None])
def test_what_is_no_status(code: Any) -> None:
    with pytest.raises(ValueError, match="must be a number from 0 to 0xFFFF"):
        code_to_category(code)
    with pytest.raises(ValueError, match="must be a number from 0 to 0xFFFF"):
        code_to_status(code)


def test_a_status_as_a_data_set() -> None:
    data_set = code_to_status(0xA700)
    assert [element.tag for element in data_set] == [0x00000900]
    assert data_set.Status == 0xA700


@pytest.mark.parametrize("name", ["GENERAL_STATUS", "STORAGE_SERVICE_CLASS_STATUS"])
def test_the_tables_agree_with_the_ranges(name: str) -> None:
    table = getattr(status, name)
    assert {code: row[0] for code, row in table.items()} == {code: code_to_category(code) for code in table}


def test_the_tables_agree_with_pynetdicom() -> None:
    peer = require_pynetdicom().status
    for name in ("GENERAL_STATUS", "VERIFICATION_SERVICE_CLASS_STATUS", "STORAGE_SERVICE_CLASS_STATUS"):
        ours, theirs = getattr(status, name), getattr(peer, name)
        assert {code: row[0] for code, row in ours.items()} == {code: row[0] for code, row in theirs.items()}


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (0xA6FF, None),
        (0xA700, "Refused: Out of Resources"),
        (0xA7FF, "Refused: Out of Resources"),
        (0xA800, None),
        (0xA900, "Error: Data Set Does Not Match SOP Class"),
        (0xA9FF, "Error: Data Set Does Not Match SOP Class"),
        (0xAA00, None),
        (0xB007, "Data Set Does Not Match SOP Class"),
        (0xC000, "Error: Cannot Understand"),
        (0xCFFF, "Error: Cannot Understand"),
        (0xD000, None),
        (0x0117, "Invalid Object Instance"),
    ],
)
def test_storage_statuses(code: int, meaning: str | None) -> None:
    assert STORAGE_SERVICE_CLASS_STATUS.get(code, (None, None))[1] == meaning


def test_verification_has_the_general_statuses() -> None:
    assert VERIFICATION_SERVICE_CLASS_STATUS == GENERAL_STATUS
    assert len(GENERAL_STATUS) == 24


def test_the_named_statuses() -> None:
    named = {member.name: member.value for member in Status}
    assert named == {"SUCCESS": 0, "CANCEL": 0xFE00, "PENDING": 0xFF00, "MOVE_DESTINATION_UNKNOWN": 0xA801}


@pytest.fixture
def new_name() -> Iterator[str]:
    """Return a name that is not taken, and free it again."""
    yield "OUT_OF_CHEESE"
    if hasattr(Status, "OUT_OF_CHEESE"):
        delattr(Status, "OUT_OF_CHEESE")


def test_a_status_can_be_added(new_name: str) -> None:
    Status.add(new_name, 0xC123)
    assert getattr(Status, new_name) == 0xC123
    with pytest.raises(ValueError, match="is taken by"):
        Status.add(new_name, 0xC124)
    assert getattr(Status, new_name) == 0xC123


def test_an_added_status_must_be_one(new_name: str) -> None:
    with pytest.raises(ValueError, match="0 to 0xFFFF"):
        Status.add(new_name, 0x10000)
    assert not hasattr(Status, new_name)
