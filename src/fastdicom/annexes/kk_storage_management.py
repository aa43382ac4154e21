"""PS3.4 Annex KK: Storage Management, which is the creation of inventories."""

from __future__ import annotations

from fastdicom import _sop_classes as sop
from fastdicom.annexes.table import (
    N_ACTION,
    N_EVENT_REPORT,
    Annex,
    ServiceClass,
    SOPClassRow,
    status_rows,
    without_statuses,
)

ANNEX = Annex(
    "KK",
    ServiceClass.STORAGE_MANAGEMENT,
    (
        SOPClassRow(
            sop.InventoryCreation,
            # KK.2.2.4
            {N_ACTION: status_rows("B010 One or more Key Attributes are not supported for matching")},
            without_statuses(N_EVENT_REPORT),
            # Tables KK.2-1 and KK.2-2
            actions={11: "Initiate", 12: "Request Status", 13: "Cancel", 14: "Pause", 15: "Resume"},
            events={
                11: "Inventory Terminated with Instances",
                12: "Inventory Status",
                13: "Inventory Terminated without Instances",
            },
            instances=(sop.StorageManagementInstance,),
            scp_may_associate=True,
        ),
    ),
)
