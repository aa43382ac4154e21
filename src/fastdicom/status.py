"""DIMSE statuses: the code, its category and its meaning (PS3.7 Annex C, PS3.4).

One table a service class. A status that is in none of them still has a category, by its range.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TypeAlias

from pydicom.dataset import Dataset

STATUS_SUCCESS = "Success"
STATUS_FAILURE = "Failure"
STATUS_WARNING = "Warning"
STATUS_CANCEL = "Cancel"
STATUS_PENDING = "Pending"
STATUS_UNKNOWN = "Unknown"

StatusTable: TypeAlias = dict[int, tuple[str, str]]

# PS3.7 Annex C: what any service class may answer.
GENERAL_STATUS: StatusTable = {
    0x0000: (STATUS_SUCCESS, ""),
    0x0105: (STATUS_FAILURE, "No Such Attribute"),
    0x0106: (STATUS_FAILURE, "Invalid Attribute Value"),
    0x0107: (STATUS_WARNING, "Attribute List Error"),
    0x0110: (STATUS_FAILURE, "Processing Failure"),
    0x0111: (STATUS_FAILURE, "Duplicate SOP Instance"),
    0x0112: (STATUS_FAILURE, "No Such SOP Instance"),
    0x0113: (STATUS_FAILURE, "No Such Event Type"),
    0x0114: (STATUS_FAILURE, "No Such Argument"),
    0x0115: (STATUS_FAILURE, "Invalid Argument Value"),
    0x0116: (STATUS_WARNING, "Attribute Value Out of Range"),
    0x0117: (STATUS_FAILURE, "Invalid Object Instance"),
    0x0118: (STATUS_FAILURE, "No Such SOP Class"),
    0x0119: (STATUS_FAILURE, "Class-Instance Conflict"),
    0x0120: (STATUS_FAILURE, "Missing Attribute"),
    0x0121: (STATUS_FAILURE, "Missing Attribute Value"),
    0x0122: (STATUS_FAILURE, "Refused: SOP Class Not Supported"),
    0x0123: (STATUS_FAILURE, "No Such Action"),
    0x0124: (STATUS_FAILURE, "Refused: Not Authorized"),
    0x0210: (STATUS_FAILURE, "Duplicate Invocation"),
    0x0211: (STATUS_FAILURE, "Unrecognized Operation"),
    0x0212: (STATUS_FAILURE, "Mistyped Argument"),
    0x0213: (STATUS_FAILURE, "Resource Limitation"),
    0xFE00: (STATUS_CANCEL, ""),
}

# PS3.4 A.4: C-ECHO has no statuses of its own.
VERIFICATION_SERVICE_CLASS_STATUS: StatusTable = GENERAL_STATUS

# PS3.4 Table B.2-1.
STORAGE_SERVICE_CLASS_STATUS: StatusTable = {
    **GENERAL_STATUS,
    **dict.fromkeys(range(0xA700, 0xA800), (STATUS_FAILURE, "Refused: Out of Resources")),
    **dict.fromkeys(range(0xA900, 0xAA00), (STATUS_FAILURE, "Error: Data Set Does Not Match SOP Class")),
    **dict.fromkeys(range(0xC000, 0xD000), (STATUS_FAILURE, "Error: Cannot Understand")),
    0xB000: (STATUS_WARNING, "Coercion of Data Elements"),
    0xB006: (STATUS_WARNING, "Elements Discarded"),
    0xB007: (STATUS_WARNING, "Data Set Does Not Match SOP Class"),
}

# PS3.7 Annex C, the status types; the first row that a code lies in decides.
_CATEGORIES = (
    (0x0000, 0x0000, STATUS_SUCCESS),
    (0x0001, 0x0001, STATUS_WARNING),
    (0x0107, 0x0107, STATUS_WARNING),
    (0x0116, 0x0116, STATUS_WARNING),
    (0x0100, 0x02FF, STATUS_FAILURE),
    (0xA000, 0xAFFF, STATUS_FAILURE),
    (0xB000, 0xBFFF, STATUS_WARNING),
    (0xC000, 0xCFFF, STATUS_FAILURE),
    (0xFE00, 0xFE00, STATUS_CANCEL),
    (0xFF00, 0xFF01, STATUS_PENDING),
)


class Status(IntEnum):
    """Statuses that handlers return by name; `Status.add` makes more."""

    SUCCESS = 0x0000
    CANCEL = 0xFE00
    PENDING = 0xFF00
    MOVE_DESTINATION_UNKNOWN = 0xA801

    @classmethod
    def add(cls, name: str, code: int) -> None:
        """Give a name to one more status, for the whole program.

        Parameters
        ----------
        name
            The name, as in ``Status.NAME``; one that is not taken.
        code
            The status, 0 to 0xFFFF.
        """
        if hasattr(cls, name):
            raise ValueError(f"Status.{name} is taken by {getattr(cls, name)!r}")
        setattr(cls, name, _checked_code(code))


def _checked_code(code: object) -> int:
    """Return `code` if it can be the value of (0000,0900), an unsigned short."""
    if not isinstance(code, int) or not 0 <= code <= 0xFFFF:
        raise ValueError(f"The status is {code!r}; it must be a number from 0 to 0xFFFF")
    return code


def code_to_category(code: int) -> str:
    """Return the category of a status.

    Parameters
    ----------
    code
        The status, 0 to 0xFFFF.

    Returns
    -------
    str
        "Success", "Failure", "Warning", "Cancel", "Pending"; "Unknown" outside of PS3.7 Annex C.
    """
    code = _checked_code(code)
    return next((name for first, last, name in _CATEGORIES if first <= code <= last), STATUS_UNKNOWN)


def code_to_status(code: int) -> Dataset:
    """Return a data set with the element *Status* (0000,0900), as the ``send_*`` methods return it.

    Parameters
    ----------
    code
        The status, 0 to 0xFFFF.
    """
    status = Dataset()
    status.Status = _checked_code(code)
    return status
