"""The status tables under the names that programs know, against pynetdicom's."""

from __future__ import annotations

import pytest
from peers import require_pynetdicom

from fastdicom import status
from fastdicom.annexes.registry import ROWS
from fastdicom.annexes.table import Operation
from fastdicom.status import code_to_category

TABLES = [name for name in dir(status) if name.endswith("_STATUS") and name.isupper()]


def test_every_table_of_pynetdicom_is_here_with_the_same_codes() -> None:
    peer = require_pynetdicom().status
    theirs = [name for name in dir(peer) if name.endswith("_STATUS")]
    assert len(theirs) >= 18
    for name in theirs:
        ours, other = getattr(status, name), getattr(peer, name)
        assert {code: row[0] for code, row in ours.items()} == {
            code: row[0] for code, row in other.items()
        }, name


@pytest.mark.parametrize("name", TABLES)
def test_a_table_agrees_with_the_ranges(name: str) -> None:
    table = getattr(status, name)
    assert table.items() >= status.GENERAL_STATUS.items()
    assert {code: row[0] for code, row in table.items()} == {code: code_to_category(code) for code in table}


@pytest.mark.parametrize(
    ("name", "code", "meaning"),
    [
        ("QR_FIND_SERVICE_CLASS_STATUS", 0xA900, "Error: Identifier Does Not Match SOP Class"),
        ("QR_MOVE_SERVICE_CLASS_STATUS", 0xA801, "Refused: Move Destination unknown"),
        ("QR_GET_SERVICE_CLASS_STATUS", 0xAA02, "Unable to extract frames"),
        ("RELEVANT_PATIENT_SERVICE_CLASS_STATUS", 0xC100, "Failed: More than one match found"),
        ("PROCEDURE_STEP_STATUS", 0x0110, "Processing Failure"),
        ("PRINT_JOB_MANAGEMENT_SERVICE_CLASS_STATUS", 0xB600, "Memory allocation not supported"),
        (
            "UNIFIED_PROCEDURE_STEP_SERVICE_CLASS_STATUS",
            0xC301,
            "The correct Transaction UID was not provided",
        ),
        ("UNIFIED_PROCEDURE_STEP_SERVICE_CLASS_STATUS", 0xCABC, "Failed: Unable to Process"),
        ("RT_MACHINE_VERIFICATION_SERVICE_CLASS_STATUS", 0xC227, "Referenced RT Plan not found"),
        (
            "GENERAL_PURPOSE_WORKLIST_SERVICE_CLASS_STATUS",
            0xA502,
            "Refused: the wrong Transaction UID is used",
        ),
        ("STUDY_CONTENT_NOTIFICATION_SERVICE_CLASS_STATUS", 0xC123, "Error: Cannot Understand"),
    ],
)
def test_meanings(name: str, code: int, meaning: str) -> None:
    assert getattr(status, name)[code][1] == meaning


def test_c_get_has_no_destination_that_could_be_unknown() -> None:
    assert 0xA801 not in status.QR_GET_SERVICE_CLASS_STATUS
    assert 0xA710 not in {
        row.first for row in ROWS["1.2.840.10008.5.1.4.1.2.2.1"].scu_invokes[Operation.C_FIND]
    }
    assert 0xA710 in status.QR_FIND_SERVICE_CLASS_STATUS
