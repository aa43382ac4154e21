"""AEs for the tests of all drivers: one that supports everything, and what a requestor proposes to it."""

from __future__ import annotations

from typing import Any

from drivers.both import Driver
from pydicom.dataset import Dataset
from raw_peer import CT, EXPLICIT, IMPLICIT

from fastdicom import build_async_ops, build_context, build_role, evt
from fastdicom.sop_class import (
    ModalityPerformedProcedureStep,
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove,
    Verification,
)

FIND = PatientRootQueryRetrieveInformationModelFind
GET = PatientRootQueryRetrieveInformationModelGet
MOVE = PatientRootQueryRetrieveInformationModelMove
MPPS = ModalityPerformedProcedureStep

SUCCESS, PENDING, CANCELLED = 0x0000, 0xFF00, 0xFE00


def acceptor(driver: Driver, **settings: Any) -> Any:
    """Return an AE that supports verification, CT images, query, retrieval and procedure steps."""
    ae = driver.ae("ACCEPTOR", maximum_associations=100, **settings)
    for sop_class in (Verification, FIND, GET, MOVE, MPPS):
        ae.add_supported_context(sop_class, IMPLICIT)
    ae.add_supported_context(CT, [IMPLICIT, EXPLICIT], scu_role=True, scp_role=True)
    return ae


def proposal(window: int = 1) -> dict[str, Any]:
    """Return arguments of `associate`: all of that, with CT images in either direction."""
    contexts = [build_context(each, IMPLICIT) for each in (Verification, FIND, GET, MOVE, MPPS, CT)]
    items = [build_role(CT, scu_role=True, scp_role=True)]
    if window != 1:
        items.append(build_async_ops(window, window))
    return {"contexts": contexts, "ext_neg": items}


def window_of(count: int) -> tuple[Any, Any]:
    """Return a handler that agrees to so many operations at once."""

    async def agree(event: Any) -> tuple[int, int]:
        return min(count, event.nr_invoked), min(count, event.nr_performed)

    return evt.EVT_ASYNC_OPS, agree


def query(number: int = 0) -> Dataset:
    """Return an identifier."""
    dataset = Dataset()
    dataset.QueryRetrieveLevel = "PATIENT"
    dataset.PatientID = f"P{number}"
    return dataset
