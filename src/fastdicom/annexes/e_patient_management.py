"""PS3.4 Annex E as it stood until 2004: Patient Management, which is retired."""

from __future__ import annotations

from fastdicom import _sop_classes as sop
from fastdicom.annexes.table import (
    N_EVENT_REPORT,
    N_GET,
    N_SET,
    Annex,
    ServiceClass,
    SOPClassRow,
    meta,
    without_statuses,
)

ANNEX = Annex(
    "E",
    ServiceClass.PATIENT_MANAGEMENT,
    (
        SOPClassRow(
            sop.DetachedPatientManagement,
            without_statuses(N_GET),
            without_statuses(N_EVENT_REPORT),
            events={1: "Patient Created", 2: "Patient Deleted", 3: "Patient Updated"},
            scp_may_associate=True,
            is_retired=True,
        ),
        SOPClassRow(
            sop.DetachedVisitManagement,
            without_statuses(N_GET, N_SET),
            without_statuses(N_EVENT_REPORT),
            events={
                1: "Visit Created",
                2: "Visit Scheduled",
                3: "Patient Admitted",
                4: "Patient Transferred",
                5: "Patient Discharged",
                6: "Visit Deleted",
                7: "Visit Updated",
            },
            scp_may_associate=True,
            is_retired=True,
        ),
        meta(
            sop.DetachedPatientManagementMeta,
            sop.DetachedPatientManagement,
            sop.DetachedVisitManagement,
            is_retired=True,
        ),
    ),
)
