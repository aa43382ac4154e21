"""PS3.4 Annex K: Basic Worklist Management, and the General Purpose Worklist that is retired since 2011."""

from __future__ import annotations

from fastdicom import _sop_classes as sop
from fastdicom.annexes.table import (
    C_FIND,
    N_ACTION,
    N_CREATE,
    N_GET,
    N_SET,
    Annex,
    ServiceClass,
    SOPClassRow,
    meta,
    status_rows,
)

# K.4.1.1.4
FIND = {
    C_FIND: status_rows("""
        A700       Refused: Out of Resources
        A900       Error: Identifier Does Not Match SOP Class
        C000-CFFF  Failed: Unable to Process
        FF00       Matches are continuing, current match is supplied
        FF01       Matches are continuing, one or more optional keys were not supported
    """)
}

# K.5.1; what is reserved is always 1
QUERY_OPTIONS = ("reserved", "reserved", "fuzzy_matching", "timezone_adjustment")

ANNEX = Annex(
    "K",
    ServiceClass.BASIC_WORKLIST_MANAGEMENT,
    (SOPClassRow(sop.ModalityWorklistInformationModelFind, FIND, extended_negotiation=QUERY_OPTIONS),),
)

GENERAL_PURPOSE = Annex(
    "K",
    ServiceClass.GENERAL_PURPOSE_WORKLIST_MANAGEMENT,
    (
        SOPClassRow(
            sop.GeneralPurposeWorklistInformationModelFind,
            FIND,
            extended_negotiation=QUERY_OPTIONS,
            is_retired=True,
        ),
        SOPClassRow(
            sop.GeneralPurposeScheduledProcedureStep,
            {
                N_ACTION: status_rows("""
                    A501  Refused: the GP-SPS may no longer be updated
                    A502  Refused: the wrong Transaction UID is used
                    A503  Refused: the GP-SPS is already IN PROGRESS
                """)
            },
            actions={1: "Request GP-SPS Status Modification"},
            is_retired=True,
        ),
        SOPClassRow(
            sop.GeneralPurposePerformedProcedureStep,
            {
                N_CREATE: status_rows("""
                    A504  Refused: the referenced GP-SPS does not exist
                    A505  Refused: the referenced GP-SPS is not IN PROGRESS
                """),
                N_SET: status_rows("A506 Refused: the GP-PPS may no longer be updated"),
                N_GET: (),
            },
            is_retired=True,
        ),
        meta(
            sop.GeneralPurposeWorklistManagementMeta,
            sop.GeneralPurposeWorklistInformationModelFind,
            sop.GeneralPurposeScheduledProcedureStep,
            sop.GeneralPurposePerformedProcedureStep,
            is_retired=True,
        ),
    ),
)
