"""PS3.4 Annex P: Application Event Logging."""

from __future__ import annotations

from fastdicom import _sop_classes as sop
from fastdicom.annexes.table import N_ACTION, Annex, ServiceClass, SOPClassRow, status_rows

ANNEX = Annex(
    "P",
    ServiceClass.APPLICATION_EVENT_LOGGING,
    (
        SOPClassRow(
            sop.ProceduralEventLogging,
            {
                # P.2.2.3
                N_ACTION: status_rows("""
                    B101  Specified Synchronization Frame of Reference UID does not match the SCP's
                    B102  Study Instance UID coercion; event logged under a different Study Instance UID
                    B104  IDs inconsistent in matching a current study; event logged
                    C101  Procedural Logging not available for specified Study Instance UID
                    C102  Event Information does not match Template
                    C103  Cannot match event to a current study
                    C104  IDs inconsistent in matching a current study; event not logged
                """)
            },
            actions={1: "Record Procedural Event"},
            instances=(sop.ProceduralEventLoggingInstance,),
        ),
        SOPClassRow(
            sop.SubstanceAdministrationLogging,
            {
                # P.3.2.3
                N_ACTION: status_rows("""
                    C10E  Operator not authorized to add entry to Medication Administration Record
                    C110  Patient cannot be identified from Patient ID (0010,0020) or Admission ID (0038,0010)
                    C111  Update of Medication Administration Record failed
                """)
            },
            actions={1: "Record Substance Administration Event"},
            instances=(sop.SubstanceAdministrationLoggingInstance,),
        ),
    ),
)
