"""PS3.4 Annex HH: Defined Procedure Protocol Query/Retrieve."""

from __future__ import annotations

from fastdicom import _sop_classes as sop
from fastdicom.annexes.c_query_retrieve import information_model
from fastdicom.annexes.table import Annex, ServiceClass

ANNEX = Annex(
    "HH",
    ServiceClass.DEFINED_PROCEDURE_PROTOCOL_QUERY_RETRIEVE,
    information_model(
        sop.DefinedProcedureProtocolInformationModelFind,
        sop.DefinedProcedureProtocolInformationModelMove,
        sop.DefinedProcedureProtocolInformationModelGet,
    ),
)
