"""PS3.4 Annex Z: Composite Instance Retrieve Without Bulk Data."""

from __future__ import annotations

from fastdicom import _sop_classes as sop
from fastdicom.annexes.c_query_retrieve import GET
from fastdicom.annexes.table import Annex, ServiceClass, SOPClassRow

ANNEX = Annex(
    "Z", ServiceClass.QUERY_RETRIEVE, (SOPClassRow(sop.CompositeInstanceRetrieveWithoutBulkDataGet, GET),)
)
