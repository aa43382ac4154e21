"""PS3.4 Annex B: Storage, with the classes of DICONDE and DICOS and those that are retired."""

from __future__ import annotations

from fastdicom import _sop_classes as sop
from fastdicom.annexes.table import C_STORE, Annex, ServiceClass, SOPClassRow, status_rows

# Table B.2-1
STORE = {
    C_STORE: status_rows("""
        A700-A7FF  Refused: Out of Resources
        A900-A9FF  Error: Data Set Does Not Match SOP Class
        B000       Coercion of Data Elements
        B006       Elements Discarded
        B007       Data Set Does Not Match SOP Class
        C000-CFFF  Error: Cannot Understand
    """)
}

# B.3.1; the bytes between are reserved
NEGOTIATION = (
    "level_of_support",
    "reserved",
    "digital_signature_level",
    "reserved",
    "element_coercion",
    "reserved",
)

ANNEX = Annex(
    "B",
    ServiceClass.STORAGE,
    (
        *(SOPClassRow(uid, STORE, extended_negotiation=NEGOTIATION) for uid in sop.STORAGE_CLASSES),
        *(
            SOPClassRow(uid, STORE, extended_negotiation=NEGOTIATION, is_retired=True)
            for uid in sop.RETIRED_STORAGE_CLASSES
        ),
    ),
)
