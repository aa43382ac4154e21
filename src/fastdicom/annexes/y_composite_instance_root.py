"""PS3.4 Annex Y: Composite Instance Root Retrieve, of instances or of some of their frames."""

from __future__ import annotations

from fastdicom import _sop_classes as sop
from fastdicom.annexes.c_query_retrieve import GET, MOVE
from fastdicom.annexes.table import C_GET, C_MOVE, Annex, ServiceClass, SOPClassRow, status_rows

# Y.4.1.1.4, Y.4.2.1.4
FRAMES = status_rows("""
    AA00  None of the frames requested were found in the SOP Instance
    AA01  Unable to create new object for this SOP class
    AA02  Unable to extract frames
    AA03  Time-based request received for a non-time-based original SOP Instance
    AA04  Invalid Request
""")

ANNEX = Annex(
    "Y",
    ServiceClass.QUERY_RETRIEVE,
    (
        SOPClassRow(sop.CompositeInstanceRootRetrieveMove, {C_MOVE: MOVE[C_MOVE] + FRAMES}),
        SOPClassRow(sop.CompositeInstanceRootRetrieveGet, {C_GET: GET[C_GET] + FRAMES}),
    ),
)
