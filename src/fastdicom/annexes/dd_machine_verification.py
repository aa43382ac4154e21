"""PS3.4 Annex DD: RT Machine Verification, and the trial of it that is retired."""

from __future__ import annotations

from fastdicom import _sop_classes as sop
from fastdicom.annexes.table import (
    N_ACTION,
    N_CREATE,
    N_DELETE,
    N_EVENT_REPORT,
    N_GET,
    N_SET,
    Annex,
    ServiceClass,
    SOPClassRow,
    status_rows,
    without_statuses,
)

NOT_FOUND = status_rows("C112 Applicable Machine Verification instance not found")

# DD.3.2
VERIFY = {
    N_CREATE: status_rows("""
        C221  The Referenced Fraction Group Number does not exist in the referenced plan
        C222  No beams exist within the referenced fraction group
        C223  SCU already verifying and cannot currently process this request
        C227  Referenced RT Plan not found
    """),
    N_SET: NOT_FOUND
    + status_rows("""
        C224  Referenced Beam Number not found within the referenced Fraction Group
        C225  Referenced device or accessory not supported
        C226  Referenced device or accessory not found within the referenced beam
    """),
    N_GET: NOT_FOUND,
    N_ACTION: NOT_FOUND,
    N_DELETE: NOT_FOUND,
}

ANNEX = Annex(
    "DD",
    ServiceClass.RT_MACHINE_VERIFICATION,
    tuple(
        SOPClassRow(
            sop_class,
            VERIFY,
            without_statuses(N_EVENT_REPORT),
            actions={1: "Request Beam Verification"},
            events={1: "Pending", 2: "Done"},
            is_retired=is_retired,
        )
        for sop_class, is_retired in (
            (sop.RTConventionalMachineVerification, False),
            (sop.RTIonMachineVerification, False),
            (sop.RTConventionalMachineVerificationTrial, True),
            (sop.RTIonMachineVerificationTrial, True),
        )
    ),
)
