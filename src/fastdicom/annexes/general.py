"""PS3.7 Annex C: the statuses of every service, and the category that a code is of."""

from __future__ import annotations

from fastdicom.annexes.table import StatusRow, StatusRows, status_rows

SUCCESS = "Success"
FAILURE = "Failure"
WARNING = "Warning"
CANCEL = "Cancel"
PENDING = "Pending"
UNKNOWN = "Unknown"

# PS3.7 Annex C, the status types; the first row that a code lies in decides.
CATEGORIES = (
    StatusRow(0x0000, 0x0000, SUCCESS),
    StatusRow(0x0001, 0x0001, WARNING),
    StatusRow(0x0107, 0x0107, WARNING),
    StatusRow(0x0116, 0x0116, WARNING),
    StatusRow(0x0100, 0x02FF, FAILURE),
    StatusRow(0xA000, 0xAFFF, FAILURE),
    StatusRow(0xB000, 0xBFFF, WARNING),
    StatusRow(0xC000, 0xCFFF, FAILURE),
    StatusRow(0xFE00, 0xFE00, CANCEL),
    StatusRow(0xFF00, 0xFF01, PENDING),
)

# PS3.7 Annex C: what any service class may answer.
STATUSES: StatusRows = status_rows("""
    0000
    0105  No Such Attribute
    0106  Invalid Attribute Value
    0107  Attribute List Error
    0110  Processing Failure
    0111  Duplicate SOP Instance
    0112  No Such SOP Instance
    0113  No Such Event Type
    0114  No Such Argument
    0115  Invalid Argument Value
    0116  Attribute Value Out of Range
    0117  Invalid Object Instance
    0118  No Such SOP Class
    0119  Class-Instance Conflict
    0120  Missing Attribute
    0121  Missing Attribute Value
    0122  Refused: SOP Class Not Supported
    0123  No Such Action
    0124  Refused: Not Authorized
    0210  Duplicate Invocation
    0211  Unrecognized Operation
    0212  Mistyped Argument
    0213  Resource Limitation
    FE00
""")


def category_of(code: int) -> str:
    """Return the category of a status; `UNKNOWN` outside of PS3.7 Annex C."""
    return next((name for first, last, name in CATEGORIES if first <= code <= last), UNKNOWN)
