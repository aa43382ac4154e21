"""What has become of an object that was to be stored, and whether to send it once more (PS3.4 B.2.3).

Pure classification, of a status, of an error, or of an association that broke. Nothing is sent here, and how
often and when an object is sent again is for others to say.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Generic, TypeVar

from fastdicom.annexes import general
from fastdicom.dimse.results import StatusDataset, no_answer
from fastdicom.errors import AssociationError, AssociationRejected

__all__ = ["Outcome", "Stored", "Verdict", "outcome_of_status", "verdict_of_error", "verdict_of_status"]

Item = TypeVar("Item")

# PS3.8 Table 9-21
REJECTED_PERMANENTLY = 1


class Outcome(Enum):
    """What is known of an object that was to be stored."""

    STORED = "stored"
    """The peer has stored it."""
    WARNING = "warning"
    """The peer has stored it, with a remark: the status tells which."""
    FAILED = "failed"
    """The peer answered with a failure, or the object itself could not be sent: nothing was."""
    UNKNOWN = "unknown"
    """All of it was sent, and the association broke before the response: the peer may have stored it."""
    NOT_SENT = "not sent"
    """It was not sent, or not all of it: the peer cannot have stored it."""


class Verdict(Enum):
    """Whether to send an object once more."""

    DONE = "done"
    """It is stored."""
    RETRY_LATER = "retry later"
    """The peer or the network could not take it just now; it is not stored."""
    NEVER_RETRY = "never retry"
    """It would fail again: the object, or what this peer takes, has to change first."""
    MAYBE_STORED = "maybe stored"
    """It may be stored. Most peers take the same object twice, but not all do so without a trace."""


# First status, last status, and whether another attempt may do better; the first row that fits decides.
# PS3.4 Table B.2-1 and PS3.7 Annex C. What is not listed says nothing of the object: a later attempt may do.
FAILURES = (
    (0x0110, 0x0110, Verdict.RETRY_LATER),  # processing failure
    (0x0210, 0x0210, Verdict.RETRY_LATER),  # duplicate invocation: of the Message ID, not of the object
    (0x0213, 0x0213, Verdict.RETRY_LATER),  # resource limitation
    (0x0100, 0x02FF, Verdict.NEVER_RETRY),  # the request or its attributes, no such class, not authorized
    (0xA700, 0xA7FF, Verdict.RETRY_LATER),  # refused: out of resources
    (0xA800, 0xA8FF, Verdict.NEVER_RETRY),  # SOP class not supported, of earlier editions
    (0xA900, 0xA9FF, Verdict.NEVER_RETRY),  # data set does not match SOP class
    (0xC000, 0xCFFF, Verdict.NEVER_RETRY),  # cannot understand
)

# The file system says of these that it has nothing that could be sent; of others, that it failed just now.
LASTING_FILE_ERRORS = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)


def outcome_of_status(code: int) -> Outcome:
    """Return what a C-STORE response says, by its status."""
    category = general.category_of(code)
    if category == general.SUCCESS:
        return Outcome.STORED
    return Outcome.WARNING if category == general.WARNING else Outcome.FAILED


def verdict_of_status(code: int) -> Verdict:
    """Return whether to send an object once more that has been answered with this status."""
    if outcome_of_status(code) is not Outcome.FAILED:
        return Verdict.DONE
    fitting = (verdict for first, last, verdict in FAILURES if first <= code <= last)
    return next(fitting, Verdict.RETRY_LATER)


def verdict_of_error(error: BaseException | None) -> Verdict:
    """Return whether to send an object once more of which nothing was sent, for this reason."""
    if isinstance(error, AssociationRejected):
        is_lasting = error.result == REJECTED_PERMANENTLY
    elif error is None or isinstance(error, AssociationError | MemoryError):
        is_lasting = False
    else:
        is_lasting = not isinstance(error, OSError) or isinstance(error, LASTING_FILE_ERRORS)
    return Verdict.NEVER_RETRY if is_lasting else Verdict.RETRY_LATER


class Stored(tuple[Item, StatusDataset], Generic[Item]):  # noqa: SLOT001, a tuple can have no slots
    """What has become of one item; it unpacks to ``(item, status)``.

    Parameters
    ----------
    item
        What was to be stored, as it was given.
    status
        A `pydicom.Dataset` with (0000,0900) Status; an empty one when there was no response.
    outcome
        What is known of it.
    error
        Why there was no response; None when there was one, or nobody wanted it to be sent any more.

    Attributes
    ----------
    outcome, error
        As given.
    """

    outcome: Outcome
    error: Exception | None

    def __new__(  # noqa: D102
        cls, item: Item, status: StatusDataset, outcome: Outcome, error: Exception | None = None
    ) -> Stored[Item]:
        stored = super().__new__(cls, (item, status))
        stored.outcome = outcome
        stored.error = error
        return stored

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self[0], self[1], self.outcome, self.error

    def __repr__(self) -> str:
        code = f", status {self[1].Status:04X}H" if "Status" in self[1] else ""
        because = "" if self.error is None else f", {self.error!r}"
        return f"<Stored: {self.outcome.value}{code}{because}>"

    @property
    def item(self) -> Item:
        """What was to be stored."""
        return self[0]

    @property
    def status(self) -> StatusDataset:
        """The status of the response, as `send_c_store` returns it."""
        return self[1]

    @property
    def verdict(self) -> Verdict:
        """Whether to send it once more."""
        if self.outcome is Outcome.UNKNOWN:
            return Verdict.MAYBE_STORED
        if "Status" in self[1]:
            return verdict_of_status(self[1].Status)
        return verdict_of_error(self.error)


def answered(item: Item, status: StatusDataset) -> Stored[Item]:
    """Return what has become of an item that has been answered."""
    return Stored(item, status, outcome_of_status(status.Status))


def unanswered(item: Item, outcome: Outcome, error: Exception | None) -> Stored[Item]:
    """Return what has become of an item that has no response."""
    return Stored(item, no_answer(), outcome, error)
