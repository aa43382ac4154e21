"""PS3.4 Annex R: Instance Availability Notification."""

from __future__ import annotations

from fastdicom import _sop_classes as sop
from fastdicom.annexes.table import N_CREATE, Annex, ServiceClass, SOPClassRow, without_statuses

ANNEX = Annex(
    "R",
    ServiceClass.INSTANCE_AVAILABILITY_NOTIFICATION,
    (SOPClassRow(sop.InstanceAvailabilityNotification, without_statuses(N_CREATE)),),
)
