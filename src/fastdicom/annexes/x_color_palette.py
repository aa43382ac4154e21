"""PS3.4 Annex X: Color Palette Query/Retrieve."""

from __future__ import annotations

from fastdicom import _sop_classes as sop
from fastdicom.annexes.c_query_retrieve import information_model
from fastdicom.annexes.table import Annex, ServiceClass

ANNEX = Annex(
    "X",
    ServiceClass.COLOR_PALETTE_QUERY_RETRIEVE,
    information_model(
        sop.ColorPaletteQueryRetrieveInformationModelFind,
        sop.ColorPaletteQueryRetrieveInformationModelMove,
        sop.ColorPaletteQueryRetrieveInformationModelGet,
    ),
)
