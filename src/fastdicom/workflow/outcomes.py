"""How an operation on a procedure step ends that is not done: refused here, or failed there."""

from __future__ import annotations

from pydicom.dataset import Dataset

from fastdicom.errors import FastdicomError
from fastdicom.status import STATUS_SUCCESS, STATUS_WARNING, code_to_category


class StateError(FastdicomError, RuntimeError):
    """The state of a procedure step does not allow what was asked for; nothing was sent or changed."""


class OperationFailed(FastdicomError):
    """The SCP has not done what it was asked for, or did not answer.

    Parameters
    ----------
    subject
        What was asked for.
    status
        The status in the response, with what explains it; empty when there was none. The association is then
        gone, and whether the operation was done is not known.
    """

    def __init__(self, subject: str, status: Dataset) -> None:
        code = status.get("Status")
        if code is None:
            text = "the peer did not answer"
        else:
            comment = status.get("ErrorComment")
            text = f"the peer answered with {code:04X}H" + (f": {comment!r}" if comment else "")
        super().__init__(f"{subject}: {text}")
        self.status = status

    @property
    def code(self) -> int | None:
        """The status; None when there was no response."""
        code: int | None = self.status.get("Status")
        return code


def done(subject: str, response: tuple[Dataset, Dataset | None]) -> tuple[Dataset, Dataset]:
    """Return the status of an operation that was done, and the data set of its response, which may be empty.

    Parameters
    ----------
    subject
        What was asked for.
    response
        What the association returned.

    Raises
    ------
    OperationFailed
        When the status is neither a success nor a warning.
    """
    status, reply = response
    if "Status" not in status or code_to_category(status.Status) not in (STATUS_SUCCESS, STATUS_WARNING):
        raise OperationFailed(subject, status)
    return status, Dataset() if reply is None else reply
