"""PS3.4 Annex BB: Implant Template Query/Retrieve."""

from __future__ import annotations

from fastdicom import _sop_classes as sop
from fastdicom.annexes.c_query_retrieve import information_model
from fastdicom.annexes.table import Annex, ServiceClass

ANNEX = Annex(
    "BB",
    ServiceClass.IMPLANT_TEMPLATE_QUERY_RETRIEVE,
    (
        *information_model(
            sop.GenericImplantTemplateInformationModelFind,
            sop.GenericImplantTemplateInformationModelMove,
            sop.GenericImplantTemplateInformationModelGet,
        ),
        *information_model(
            sop.ImplantAssemblyTemplateInformationModelFind,
            sop.ImplantAssemblyTemplateInformationModelMove,
            sop.ImplantAssemblyTemplateInformationModelGet,
        ),
        *information_model(
            sop.ImplantTemplateGroupInformationModelFind,
            sop.ImplantTemplateGroupInformationModelMove,
            sop.ImplantTemplateGroupInformationModelGet,
        ),
    ),
)
