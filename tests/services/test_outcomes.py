"""What has become of an object that was to be stored: PS3.4 Table B.2-1, PS3.7 Annex C, and errors."""

from __future__ import annotations

import pickle

import pytest

from fastdicom.dimse.results import StatusDataset, no_answer
from fastdicom.errors import AssociationAborted, AssociationRejected, ConnectionFailed, NoAcceptedContext
from fastdicom.services.outcomes import (
    Outcome,
    Stored,
    Verdict,
    outcome_of_status,
    verdict_of_error,
    verdict_of_status,
)
from fastdicom.status import STORAGE_SERVICE_CLASS_STATUS

LATER, NEVER, DONE = Verdict.RETRY_LATER, Verdict.NEVER_RETRY, Verdict.DONE


def status_of(code: int) -> StatusDataset:
    status = StatusDataset()
    status.Status = code
    return status


@pytest.mark.parametrize(
    ("code", "outcome", "verdict"),
    [
        (0x0000, Outcome.STORED, DONE),
        (0xB000, Outcome.WARNING, DONE),
        (0xB006, Outcome.WARNING, DONE),
        (0xB007, Outcome.WARNING, DONE),
        (0x0107, Outcome.WARNING, DONE),
        (0xA700, Outcome.FAILED, LATER),
        (0xA7FF, Outcome.FAILED, LATER),
        (0xA900, Outcome.FAILED, NEVER),
        (0xA9FF, Outcome.FAILED, NEVER),
        (0xC000, Outcome.FAILED, NEVER),
        (0xCFFF, Outcome.FAILED, NEVER),
        (0x0110, Outcome.FAILED, LATER),
        (0x0111, Outcome.FAILED, NEVER),
        (0x0122, Outcome.FAILED, NEVER),
        (0x0124, Outcome.FAILED, NEVER),
        (0x0210, Outcome.FAILED, LATER),
        (0x0211, Outcome.FAILED, NEVER),
        (0x0212, Outcome.FAILED, NEVER),
        (0x0213, Outcome.FAILED, LATER),
        # No C-STORE is answered with these: it has not been stored, and why is not known.
        (0xFE00, Outcome.FAILED, LATER),
        (0xFF00, Outcome.FAILED, LATER),
        (0xD123, Outcome.FAILED, LATER),
    ],
)
def test_statuses(code: int, outcome: Outcome, verdict: Verdict) -> None:
    assert (outcome_of_status(code), verdict_of_status(code)) == (outcome, verdict)


def test_every_status_of_the_service_class_agrees_with_its_category() -> None:
    outcomes = {"Success": Outcome.STORED, "Warning": Outcome.WARNING}
    for code, (category, _) in STORAGE_SERVICE_CLASS_STATUS.items():
        assert outcome_of_status(code) is outcomes.get(category, Outcome.FAILED), hex(code)
        assert (verdict_of_status(code) is DONE) == (category in outcomes)


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (None, LATER),
        (ConnectionFailed("nobody there"), LATER),
        (AssociationAborted(2, 0), LATER),
        (AssociationRejected(2, 3, 1), LATER),
        (AssociationRejected(1, 1, 7), NEVER),
        (NoAcceptedContext("", "1.2", "1.2"), NEVER),
        (ValueError("no DICOM file"), NEVER),
        (AttributeError("no SOP Class UID"), NEVER),
        (FileNotFoundError(), NEVER),
        (PermissionError(), NEVER),
        (OSError(5, "input/output error"), LATER),
        (TimeoutError(), LATER),
        (MemoryError(), LATER),
    ],
)
def test_errors(error: Exception | None, verdict: Verdict) -> None:
    assert verdict_of_error(error) is verdict
    assert Stored("x", no_answer(), Outcome.NOT_SENT, error).verdict is verdict


def test_a_result_is_a_pair_with_attributes() -> None:
    stored = Stored("a.dcm", status_of(0xA700), Outcome.FAILED)
    item, status = stored
    assert item is stored.item == "a.dcm"
    assert status is stored.status
    assert (stored.outcome, stored.error, stored.verdict) == (Outcome.FAILED, None, LATER)
    assert repr(stored) == "<Stored: failed, status A700H>"
    again = pickle.loads(pickle.dumps(stored))
    assert (again.item, again.status, again.outcome) == ("a.dcm", status, Outcome.FAILED)


def test_without_a_response_it_is_known_to_be_unknown() -> None:
    error = AssociationAborted(2, 0)
    stored = Stored("a.dcm", no_answer(), Outcome.UNKNOWN, error)
    assert "Status" not in stored.status
    assert stored.verdict is Verdict.MAYBE_STORED
    assert "unknown" in repr(stored) and repr(error) in repr(stored)
