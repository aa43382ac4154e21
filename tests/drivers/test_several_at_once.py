"""An association that several tasks use: the negotiated window is kept, and what is beyond it waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from drivers.both import Driver, until
from drivers.conftest import Run
from drivers.parties import FIND, PENDING, acceptor, proposal, query, window_of
from raw_peer import IMPLICIT, data_set

from fastdicom import evt


@pytest.mark.parametrize("window", [1, 2, 4])
def test_the_window_is_kept(driver: Driver, run: Run, window: int) -> None:
    """And made use of."""
    now, most = 0, 0

    async def store(event: Any) -> int:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1
        return 0x0000

    async def scenario() -> None:
        handlers = [(evt.EVT_C_STORE, store), window_of(4)]
        async with (
            driver.serving(acceptor(driver), handlers) as server,
            driver.associated(driver.ae(), server, **proposal(window)) as assoc,
        ):
            assert assoc.maximum_operations_invoked == window
            tasks = [
                assoc.send_c_store(data_set(64, f"1.2.{number}"), transfer_syntax=IMPLICIT)
                for number in range(12)
            ]
            statuses = await asyncio.gather(*tasks)
            assert [each.Status for each in statuses] == [0x0000] * 12

    run(scenario())
    assert most == window


def test_answers_in_any_order(driver: Driver, run: Run) -> None:
    """Each task gets its own."""

    async def echo(event: Any) -> int:
        await asyncio.sleep(0.02 if event.message_id == 1 else 0)
        return 0x0100 + event.message_id

    async def scenario() -> None:
        handlers = [(evt.EVT_C_ECHO, echo), window_of(4)]
        async with (
            driver.serving(acceptor(driver), handlers) as server,
            driver.associated(driver.ae(), server, **proposal(4)) as assoc,
        ):
            order: list[int] = []

            async def ask(message_id: int) -> None:
                status = await assoc.send_c_echo(message_id)
                assert status.Status == 0x0100 + message_id
                order.append(message_id)

            await asyncio.gather(*map(ask, (1, 2, 3)))
            assert order[-1] == 1

    run(scenario())


def test_a_query_while_objects_are_sent(driver: Driver, run: Run) -> None:
    async def find(event: Any) -> AsyncIterator[Any]:
        for number in range(20):
            await asyncio.sleep(0)
            yield PENDING, query(number)

    async def store(event: Any) -> int:
        return 0x0000

    async def scenario() -> None:
        handlers = [(evt.EVT_C_FIND, find), (evt.EVT_C_STORE, store), window_of(3)]
        async with (
            driver.serving(acceptor(driver), handlers) as server,
            driver.associated(driver.ae(), server, **proposal(3)) as assoc,
        ):

            async def ask() -> int:
                return len([status async for status, _ in assoc.send_c_find(query(), FIND)])

            async def send() -> int:
                done = [
                    (await assoc.send_c_store(data_set(5000), transfer_syntax=IMPLICIT)).Status == 0
                    for _ in range(10)
                ]
                return sum(done)

            assert await asyncio.gather(ask(), send(), ask()) == [21, 10, 21]

    run(scenario())


def test_within_a_query(driver: Driver, run: Run) -> None:
    """Where one operation is all that was agreed on, another one waits until all responses have come."""

    async def find(event: Any) -> AsyncIterator[Any]:
        for number in range(3):
            yield PENDING, query(number)

    async def scenario() -> None:
        async with (
            driver.serving(acceptor(driver), [(evt.EVT_C_FIND, find)]) as server,
            driver.associated(driver.ae(), server, **proposal()) as assoc,
        ):
            found = []
            async for _, match in assoc.send_c_find(query(), FIND):
                found.append(match and match.PatientID)
                assert (await assoc.send_c_echo()).Status == 0
            assert found == ["P0", "P1", "P2", None]

    run(scenario())


def test_release_waits_for_what_is_in_progress(driver: Driver, run: Run) -> None:
    go_on = asyncio.Event()
    is_asked: list[bool] = []

    async def echo(event: Any) -> int:
        is_asked.append(True)
        await go_on.wait()
        return 0x0000

    async def scenario() -> None:
        handlers = [(evt.EVT_C_ECHO, echo), window_of(2)]
        async with (
            driver.serving(acceptor(driver), handlers) as server,
            driver.associated(driver.ae(), server, **proposal(2)) as assoc,
        ):
            asking = asyncio.ensure_future(assoc.send_c_echo())
            await until(lambda: is_asked)
            releasing = asyncio.ensure_future(assoc.release())
            await asyncio.sleep(0.02)
            assert not releasing.done()
            go_on.set()
            assert (await asking).Status == 0
            await releasing
            assert assoc.is_released

    run(scenario())
