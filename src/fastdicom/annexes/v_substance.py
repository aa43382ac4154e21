"""PS3.4 Annex V: Substance Administration Query, of product characteristics and of approvals."""

from __future__ import annotations

from fastdicom import _sop_classes as sop
from fastdicom.annexes.table import C_FIND, Annex, ServiceClass, SOPClassRow, status_rows

# V.4.1.1.4
FIND = {
    C_FIND: status_rows("""
        A700       Refused: Out of Resources
        A900       Error: Data Set Does Not Match SOP Class
        C000-CFFF  Failed: Unable to Process
        FF00       Matches are continuing, current match is supplied
        FF01       Matches are continuing, one or more optional keys were not supported
    """)
}

ANNEX = Annex(
    "V",
    ServiceClass.SUBSTANCE_ADMINISTRATION_QUERY,
    (SOPClassRow(sop.ProductCharacteristicsQuery, FIND), SOPClassRow(sop.SubstanceApprovalQuery, FIND)),
)
