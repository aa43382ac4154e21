"""PS3.4 Annex U: Hanging Protocol Query/Retrieve."""

from __future__ import annotations

from fastdicom import _sop_classes as sop
from fastdicom.annexes.c_query_retrieve import information_model
from fastdicom.annexes.table import Annex, ServiceClass

ANNEX = Annex(
    "U",
    ServiceClass.HANGING_PROTOCOL_QUERY_RETRIEVE,
    information_model(
        sop.HangingProtocolInformationModelFind,
        sop.HangingProtocolInformationModelMove,
        sop.HangingProtocolInformationModelGet,
    ),
)
