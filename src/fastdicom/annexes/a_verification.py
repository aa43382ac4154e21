"""PS3.4 Annex A: Verification."""

from __future__ import annotations

from fastdicom import _sop_classes as sop
from fastdicom.annexes.table import C_ECHO, Annex, ServiceClass, SOPClassRow, without_statuses

ANNEX = Annex("A", ServiceClass.VERIFICATION, (SOPClassRow(sop.Verification, without_statuses(C_ECHO)),))
