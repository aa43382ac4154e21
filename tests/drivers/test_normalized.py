"""The six DIMSE-N services, with their data sets in both directions."""

from __future__ import annotations

from typing import Any

import pytest
from drivers.both import Driver
from drivers.conftest import Run
from drivers.parties import MPPS, acceptor, proposal
from pydicom.dataset import Dataset

from fastdicom import build_context, evt
from fastdicom.sop_class import (
    StorageCommitmentPushModel,
    UnifiedProcedureStepEvent,
    UnifiedProcedureStepPull,
)

INSTANCE = "1.2.3.4"
COMMITMENT = StorageCommitmentPushModel


def attributes(name: str) -> Dataset:
    """Return some attributes."""
    dataset = Dataset()
    dataset.PatientName = name
    return dataset


def test_create_and_set(driver: Driver, run: Run) -> None:
    seen: list[Any] = []

    async def create(event: Any) -> tuple[int, Dataset]:
        seen.append((event.request.AffectedSOPInstanceUID, event.attribute_list.PatientName))
        return 0x0000, event.attribute_list

    async def change(event: Any) -> tuple[int, Dataset | None]:
        seen.append((event.request.RequestedSOPInstanceUID, event.modification_list.PatientName))
        return 0x0110, None

    async def scenario() -> None:
        handlers = [(evt.EVT_N_CREATE, create), (evt.EVT_N_SET, change)]
        async with (
            driver.serving(acceptor(driver), handlers) as server,
            driver.associated(driver.ae(), server, **proposal()) as assoc,
        ):
            status, reply = await assoc.send_n_create(attributes("A"), MPPS, INSTANCE)
            assert (status.Status, reply.PatientName) == (0x0000, "A")
            status, reply = await assoc.send_n_set(attributes("B"), MPPS, INSTANCE)
            assert (status.Status, reply) == (0x0110, None)
            with pytest.raises(ValueError, match="must name an instance"):
                await assoc.send_n_set(attributes("B"), MPPS, "")

    run(scenario())
    assert seen == [(INSTANCE, "A"), (INSTANCE, "B")]


def test_get_action_delete_and_report(driver: Driver, run: Run) -> None:
    seen: list[Any] = []
    pull, event_class = UnifiedProcedureStepPull, UnifiedProcedureStepEvent

    async def get(event: Any) -> tuple[int, Dataset]:
        seen.append([int(tag) for tag in event.attribute_identifiers])
        return 0x0000, attributes("C")

    async def act(event: Any) -> tuple[int, Dataset | None]:
        seen.append((event.action_type, event.action_information.PatientName))
        return 0x0000, None

    async def report(event: Any) -> tuple[int, Dataset | None]:
        seen.append((event.event_type, event.event_information.PatientName))
        return 0x0000, None

    async def scenario() -> None:
        ae = driver.ae()
        for sop_class in (pull, event_class, COMMITMENT):
            ae.add_supported_context(sop_class)
        handlers = [(evt.EVT_N_GET, get), (evt.EVT_N_ACTION, act), (evt.EVT_N_EVENT_REPORT, report)]
        contexts = [build_context(each) for each in (pull, event_class, COMMITMENT)]
        async with (
            driver.serving(ae, handlers) as server,
            driver.associated(driver.ae(), server, contexts) as assoc,
        ):
            status, reply = await assoc.send_n_get([0x00100010], pull, INSTANCE)
            assert (status.Status, reply.PatientName) == (0x0000, "C")
            status, _ = await assoc.send_n_action(attributes("D"), 1, COMMITMENT, INSTANCE)
            assert status.Status == 0x0000
            status, _ = await assoc.send_n_event_report(attributes("E"), 1, COMMITMENT, INSTANCE)
            assert status.Status in (0x0000, 0x0211)  # on a context where it is for the SCP to send
            with pytest.raises(ValueError, match="no accepted presentation context"):
                await assoc.send_n_delete(MPPS, INSTANCE)

    run(scenario())
    assert seen[:2] == [[0x00100010], (1, "D")]


def test_delete(driver: Driver, run: Run) -> None:
    from fastdicom.sop_class import BasicFilmSession

    async def delete(event: Any) -> int:
        return 0x0112

    async def scenario() -> None:
        ae = driver.ae()
        ae.add_supported_context(BasicFilmSession)
        async with (
            driver.serving(ae, [(evt.EVT_N_DELETE, delete)]) as server,
            driver.associated(driver.ae(), server, [build_context(BasicFilmSession)]) as assoc,
        ):
            assert (await assoc.send_n_delete(BasicFilmSession, INSTANCE)).Status == 0x0112

    run(scenario())
