"""Handlers that raise, return nonsense, or take too long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from drivers.both import Driver, until
from drivers.conftest import Run
from drivers.parties import FIND, GET, MOVE, MPPS, PENDING, acceptor, proposal, query
from pydicom.dataset import Dataset
from raw_peer import IMPLICIT, data_set

from fastdicom import evt


async def raising(event: Any) -> Any:
    raise LookupError("nothing there")


async def raising_later(event: Any) -> AsyncIterator[Any]:
    raise LookupError("nothing there")
    yield


async def last_status(responses: Any) -> int:
    return [status.Status async for status, _ in responses][-1]


async def ask_all(assoc: Any) -> dict[str, int]:
    """Return the statuses of the answers to one request of each kind."""
    told = {
        "echo": (await assoc.send_c_echo()).Status,
        "store": (await assoc.send_c_store(data_set(), transfer_syntax=IMPLICIT)).Status,
        "find": await last_status(assoc.send_c_find(query(), FIND)),
        "get": await last_status(assoc.send_c_get(query(), GET)),
        "move": await last_status(assoc.send_c_move(query(), "ELSEWHERE", MOVE)),
    }
    dataset = Dataset()
    dataset.PatientName = "A"
    status, _ = await assoc.send_n_create(dataset, MPPS, "1.2.3")
    return told | {"create": status.Status}


EVENTS = (evt.EVT_C_ECHO, evt.EVT_C_STORE, evt.EVT_C_FIND, evt.EVT_C_GET, evt.EVT_C_MOVE, evt.EVT_N_CREATE)


def test_handlers_that_raise(driver: Driver, run: Run) -> None:
    async def scenario() -> None:
        async with (
            driver.serving(acceptor(driver), [(event, raising) for event in EVENTS]) as server,
            driver.associated(driver.ae(), server, **proposal()) as assoc,
        ):
            assert await ask_all(assoc) == {
                "echo": 0x0110,
                "store": 0xC211,
                "find": 0xC311,
                "get": 0xC411,
                "move": 0xC511,
                "create": 0x0110,
            }

    run(scenario())


def test_generators_that_raise(driver: Driver, run: Run) -> None:
    handlers = [(event, raising_later) for event in (evt.EVT_C_FIND, evt.EVT_C_GET, evt.EVT_C_MOVE)]

    async def scenario() -> None:
        async with (
            driver.serving(acceptor(driver), handlers) as server,
            driver.associated(driver.ae(), server, **proposal()) as assoc,
        ):
            assert await last_status(assoc.send_c_find(query(), FIND)) == 0xC311
            assert await last_status(assoc.send_c_get(query(), GET)) == 0xC413
            assert await last_status(assoc.send_c_move(query(), "ELSEWHERE", MOVE)) == 0xC514

    run(scenario())


def test_no_handlers(driver: Driver, run: Run) -> None:
    async def scenario() -> None:
        async with (
            driver.serving(acceptor(driver)) as server,
            driver.associated(driver.ae(), server, **proposal()) as assoc,
        ):
            assert await ask_all(assoc) == {
                "echo": 0x0000,
                "store": 0xC211,
                "find": 0xC311,
                "get": 0xC411,
                "move": 0xC511,
                "create": 0x0110,
            }

    run(scenario())


def test_what_is_no_status(driver: Driver, run: Run) -> None:
    answers: list[Any] = ["0000", Dataset(), 0x1_0000, None]

    async def store(event: Any) -> Any:
        return answers.pop(0)

    async def scenario() -> None:
        async with (
            driver.serving(acceptor(driver), [(evt.EVT_C_STORE, store)]) as server,
            driver.associated(driver.ae(), server, **proposal()) as assoc,
        ):
            told = [(await assoc.send_c_store(data_set(), transfer_syntax=IMPLICIT)).Status for _ in range(4)]
            assert told == [0xC002, 0xC001, 0xC002, 0xC002]

    run(scenario())


@pytest.mark.parametrize("kind", ["echo", "store", "find", "next of find", "get"])
def test_one_that_takes_too_long(driver: Driver, run: Run, kind: str) -> None:
    """Its operation fails, and the association is aborted."""
    is_over = asyncio.Event()

    async def hang(event: Any) -> Any:
        await is_over.wait()
        return ()

    async def hang_later(event: Any) -> AsyncIterator[Any]:
        yield PENDING, query(1)
        await is_over.wait()

    handlers = {
        "echo": (evt.EVT_C_ECHO, hang),
        "store": (evt.EVT_C_STORE, hang),
        "find": (evt.EVT_C_FIND, hang),
        "next of find": (evt.EVT_C_FIND, hang_later),
        "get": (evt.EVT_C_GET, hang),
    }
    statuses: list[int] = []

    async def ask(assoc: Any) -> None:
        if kind == "echo":
            statuses.append((await assoc.send_c_echo()).Status)
        elif kind == "store":
            statuses.append((await assoc.send_c_store(data_set(), transfer_syntax=IMPLICIT)).Status)
        else:
            responses = assoc.send_c_get(query(), GET) if kind == "get" else assoc.send_c_find(query(), FIND)
            statuses.extend([status.Status async for status, _ in responses])

    async def scenario() -> None:
        # The first match has to be in time, on a busy machine, too.
        ae = acceptor(driver, handler_timeout=0.5 if kind == "next of find" else 0.05)
        async with driver.serving(ae, [handlers[kind]]) as server:
            assoc = await driver.associate(driver.ae(), server.server_address[1], **proposal())
            await ask(assoc)
            await until(lambda: assoc.is_aborted)
            is_over.set()

    run(scenario())
    failed = {"echo": 0x0110, "store": 0xC211, "find": 0xC311, "next of find": 0xC311, "get": 0xC411}
    assert statuses[-1] == failed[kind]
    assert len(statuses) == (2 if kind == "next of find" else 1)
