"""PS3.4 Annex II: Protocol Approval Query/Retrieve."""

from __future__ import annotations

from fastdicom import _sop_classes as sop
from fastdicom.annexes.c_query_retrieve import information_model
from fastdicom.annexes.table import Annex, ServiceClass

ANNEX = Annex(
    "II",
    ServiceClass.PROTOCOL_APPROVAL_QUERY_RETRIEVE,
    information_model(
        sop.ProtocolApprovalInformationModelFind,
        sop.ProtocolApprovalInformationModelMove,
        sop.ProtocolApprovalInformationModelGet,
    ),
)
