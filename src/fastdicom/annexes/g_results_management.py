"""PS3.4 Annex G as it stood until 2004: Results Management, which is retired."""

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
    "G",
    ServiceClass.RESULTS_MANAGEMENT,
    (
        SOPClassRow(
            sop.DetachedResultsManagement,
            without_statuses(N_GET),
            without_statuses(N_EVENT_REPORT),
            events={1: "Results Created", 2: "Results Deleted", 3: "Results Updated"},
            scp_may_associate=True,
            is_retired=True,
        ),
        SOPClassRow(
            sop.DetachedInterpretationManagement,
            without_statuses(N_GET, N_SET),
            without_statuses(N_EVENT_REPORT),
            events={
                1: "Interpretation Created",
                2: "Interpretation Recorded",
                3: "Interpretation Transcribed",
                4: "Interpretation Approved",
                5: "Interpretation Deleted",
                6: "Interpretation Updated",
            },
            scp_may_associate=True,
            is_retired=True,
        ),
        meta(
            sop.DetachedResultsManagementMeta,
            sop.DetachedResultsManagement,
            sop.DetachedInterpretationManagement,
            is_retired=True,
        ),
    ),
)
