"""PS3.4 Annex D as it stood until 2004: Study Content Notification, which is retired."""

from __future__ import annotations

from fastdicom import _sop_classes as sop
from fastdicom.annexes.table import C_STORE, Annex, ServiceClass, SOPClassRow, status_rows

NOTIFY = {
    C_STORE: status_rows("""
        A700-A7FF  Refused: Out of Resources
        A900-A9FF  Error: Data Set Does Not Match SOP Class
        C000-CFFF  Error: Cannot Understand
    """)
}

ANNEX = Annex(
    "D",
    ServiceClass.STUDY_CONTENT_NOTIFICATION,
    (SOPClassRow(sop.BasicStudyContentNotification, NOTIFY, is_retired=True),),
)
