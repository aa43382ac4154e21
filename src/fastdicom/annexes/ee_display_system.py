"""PS3.4 Annex EE: Display System Management."""

from __future__ import annotations

from fastdicom import _sop_classes as sop
from fastdicom.annexes.table import N_GET, Annex, ServiceClass, SOPClassRow, without_statuses

ANNEX = Annex(
    "EE",
    ServiceClass.DISPLAY_SYSTEM_MANAGEMENT,
    (SOPClassRow(sop.DisplaySystem, without_statuses(N_GET), instances=(sop.DisplaySystemInstance,)),),
)
