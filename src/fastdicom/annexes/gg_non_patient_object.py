"""PS3.4 Annex GG: Non-Patient Object Storage."""

from __future__ import annotations

from fastdicom import _sop_classes as sop
from fastdicom.annexes.table import C_STORE, Annex, ServiceClass, SOPClassRow, status_rows

# Table GG.4-1
STORE = {
    C_STORE: status_rows("""
        A700  Refused: Out of Resources
        A900  Error: Data Set Does Not Match SOP Class
        C000  Error: Cannot Understand
    """)
}

ANNEX = Annex(
    "GG",
    ServiceClass.NON_PATIENT_OBJECT_STORAGE,
    tuple(
        SOPClassRow(sop_class, STORE)
        for sop_class in (
            sop.HangingProtocolStorage,
            sop.ColorPaletteStorage,
            sop.GenericImplantTemplateStorage,
            sop.ImplantAssemblyTemplateStorage,
            sop.ImplantTemplateGroupStorage,
            sop.CTDefinedProcedureProtocolStorage,
            sop.ProtocolApprovalStorage,
            sop.XADefinedProcedureProtocolStorage,
            sop.InventoryStorage,
        )
    ),
)
