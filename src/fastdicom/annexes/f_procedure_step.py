"""PS3.4 Annex F: Modality Performed Procedure Step, and the retired Study Management."""

from __future__ import annotations

from fastdicom import _sop_classes as sop
from fastdicom.annexes.table import (
    N_CREATE,
    N_EVENT_REPORT,
    N_GET,
    N_SET,
    Annex,
    ServiceClass,
    SOPClassRow,
    meta,
    status_rows,
    without_statuses,
)

ANNEX = Annex(
    "F",
    ServiceClass.PROCEDURE_STEP,
    (
        SOPClassRow(
            sop.ModalityPerformedProcedureStep,
            {
                N_CREATE: (),
                # F.7.2.2.4
                N_SET: status_rows("0110 Performed Procedure Step Object may no longer be updated"),
            },
        ),
        SOPClassRow(
            sop.ModalityPerformedProcedureStepRetrieve,
            # F.8.2.1.4
            {N_GET: status_rows("0001 Requested optional Attributes are not supported")},
            # F.8.2: the three SOP classes share their instances
            goes_by=(sop.ModalityPerformedProcedureStep,),
        ),
        SOPClassRow(
            sop.ModalityPerformedProcedureStepNotification,
            {},
            without_statuses(N_EVENT_REPORT),
            # Table F.9.2-1
            events={
                1: "Performed Procedure Step In Progress",
                2: "Performed Procedure Step Completed",
                3: "Performed Procedure Step Discontinued",
                4: "Performed Procedure Step Updated",
                5: "Performed Procedure Step Deleted",
            },
            goes_by=(sop.ModalityPerformedProcedureStep,),
            scp_may_associate=True,
        ),
    ),
)

STUDY_MANAGEMENT = Annex(
    "F",
    ServiceClass.STUDY_MANAGEMENT,
    (
        SOPClassRow(
            sop.DetachedStudyManagement,
            without_statuses(N_GET, N_SET),
            without_statuses(N_EVENT_REPORT),
            events={
                1: "Study Created",
                2: "Study Scheduled",
                3: "Patient Arrived",
                4: "Study Started",
                5: "Study Completed",
                6: "Study Verified",
                7: "Study Read",
                8: "Study Deleted",
                9: "Study Updated",
            },
            scp_may_associate=True,
            is_retired=True,
        ),
        SOPClassRow(sop.StudyComponentManagement, without_statuses(N_CREATE, N_SET, N_GET), is_retired=True),
        meta(
            sop.DetachedStudyManagementMeta,
            sop.DetachedStudyManagement,
            sop.StudyComponentManagement,
            is_retired=True,
        ),
    ),
)
