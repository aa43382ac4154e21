"""PS3.4 Annex Q: Relevant Patient Information Query, which has one match or none."""

from __future__ import annotations

from fastdicom import _sop_classes as sop
from fastdicom.annexes.table import C_FIND, Annex, ServiceClass, SOPClassRow, status_rows

# Q.4.1.1.4
FIND = {
    C_FIND: status_rows("""
        A700  Refused: Out of Resources
        A900  Error: Identifier Does Not Match SOP Class
        C000  Failed: Unable to Process
        C100  Failed: More than one match found
        C200  Failed: Unable to support requested template
        FF00  Current match is supplied
    """)
}

ANNEX = Annex(
    "Q",
    ServiceClass.RELEVANT_PATIENT_INFORMATION_QUERY,
    (
        SOPClassRow(sop.GeneralRelevantPatientInformationQuery, FIND),
        SOPClassRow(sop.BreastImagingRelevantPatientInformationQuery, FIND),
        SOPClassRow(sop.CardiacRelevantPatientInformationQuery, FIND),
    ),
)
