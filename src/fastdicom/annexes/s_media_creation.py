"""PS3.4 Annex S: Media Creation Management."""

from __future__ import annotations

from fastdicom import _sop_classes as sop
from fastdicom.annexes.table import N_ACTION, N_CREATE, N_GET, Annex, ServiceClass, SOPClassRow, status_rows

ANNEX = Annex(
    "S",
    ServiceClass.MEDIA_CREATION_MANAGEMENT,
    (
        SOPClassRow(
            sop.MediaCreationManagement,
            {
                N_CREATE: (),
                # S.3.2.2.4
                N_ACTION: status_rows("""
                    A510  An Initiate Media Creation action has already been received for this SOP Instance
                    C201  Media creation request already completed
                    C202  Media creation request already in progress and cannot be interrupted
                    C203  Cancellation denied for unspecified reason
                """),
                # S.3.2.3.4
                N_GET: status_rows("0001 Requested optional Attributes are not supported"),
            },
            actions={1: "Initiate Media Creation", 2: "Cancel Media Creation"},
        ),
    ),
)
