"""C-FIND: matches, the last status, cancelling, and giving up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from drivers.both import Driver, until
from drivers.conftest import Run
from drivers.parties import CANCELLED, FIND, PENDING, SUCCESS, acceptor, proposal, query

from fastdicom import evt
from fastdicom.sop_class import StudyRootQueryRetrieveInformationModelFind


async def three(event: Any) -> AsyncIterator[Any]:
    assert event.identifier.PatientID == "P0"
    for number in range(1, 4):
        yield PENDING, query(number)


async def outcome(responses: Any) -> list[tuple[int, Any]]:
    return [(status.Status, match and match.PatientID) async for status, match in responses]


def test_matches(driver: Driver, run: Run) -> None:
    async def scenario() -> None:
        async with (
            driver.serving(acceptor(driver), [(evt.EVT_C_FIND, three)]) as server,
            driver.associated(driver.ae(), server, **proposal()) as assoc,
        ):
            expected = [(PENDING, "P1"), (PENDING, "P2"), (PENDING, "P3"), (SUCCESS, None)]
            assert await outcome(assoc.send_c_find(query(), FIND)) == expected
            assert await outcome(assoc.send_c_find(query(), FIND, 4321)) == expected
            encoded = [match async for _, match in assoc.send_c_find(query(), FIND).encoded()]
            assert [type(each) for each in encoded] == [memoryview] * 3 + [type(None)]

    run(scenario())


def test_what_cannot_be_asked(driver: Driver, run: Run) -> None:
    async def scenario() -> None:
        async with driver.serving(acceptor(driver)) as server:
            async with driver.associated(driver.ae(), server, **proposal()) as assoc:
                with pytest.raises(ValueError, match="no accepted presentation context"):
                    await outcome(assoc.send_c_find(query(), StudyRootQueryRetrieveInformationModelFind))
                assert await outcome(assoc.send_c_find(query(), FIND)) == [(0xC311, None)]
            with pytest.raises(RuntimeError, match="released"):
                await outcome(assoc.send_c_find(query(), FIND))

    run(scenario())


def test_a_handler_has_the_last_word(driver: Driver, run: Run) -> None:
    """And what it does after that is not asked for."""
    ended: list[bool] = []

    async def refuse(event: Any) -> AsyncIterator[Any]:
        try:
            yield PENDING, query(1)
            yield 0xA700, None
            yield PENDING, query(2)
        finally:
            ended.append(True)

    async def scenario() -> None:
        async with (
            driver.serving(acceptor(driver), [(evt.EVT_C_FIND, refuse)]) as server,
            driver.associated(driver.ae(), server, **proposal()) as assoc,
        ):
            assert await outcome(assoc.send_c_find(query(), FIND)) == [(PENDING, "P1"), (0xA700, None)]

    run(scenario())
    assert ended == [True]


def test_cancelled_by_the_requestor(driver: Driver, run: Run) -> None:
    seen: list[bool] = []

    async def endless(event: Any) -> AsyncIterator[Any]:
        number = 0
        while not event.is_cancelled:
            number += 1
            yield PENDING, query(number)
            await asyncio.sleep(0.001)
        seen.append(event.is_cancelled)

    async def scenario() -> None:
        async with (
            driver.serving(acceptor(driver), [(evt.EVT_C_FIND, endless)]) as server,
            driver.associated(driver.ae(), server, **proposal()) as assoc,
        ):
            responses = assoc.send_c_find(query(), FIND)
            statuses = []
            async for status, _ in responses:
                statuses.append(status.Status)
                if len(statuses) == 3:
                    await responses.cancel()
            assert statuses[-1] == CANCELLED
            assert set(statuses[:-1]) == {PENDING}
            assert (await assoc.send_c_echo()).Status == 0

    run(scenario())
    assert len(seen) <= 1  # or it was closed before it looked


def test_given_up(driver: Driver, run: Run) -> None:
    """The peer is asked to cancel it, and the association is there for the next operation."""
    closed: list[bool] = []

    async def endless(event: Any) -> AsyncIterator[Any]:
        try:
            while True:
                yield PENDING, query(1)
                await asyncio.sleep(0.001)
        finally:
            closed.append(True)

    async def scenario() -> None:
        async with driver.serving(acceptor(driver), [(evt.EVT_C_FIND, endless)]) as server:
            async with driver.associated(driver.ae(), server, **proposal()) as assoc:
                responses = assoc.send_c_find(query(), FIND)
                status, _ = await anext(aiter(responses))
                assert status.Status == PENDING
                await responses.aclose()
                assert (await assoc.send_c_echo()).Status == 0
                assert closed == [True]
            assert assoc.is_released

    run(scenario())


def test_forgotten(driver: Driver, run: Run) -> None:
    """One that nobody has any more is cancelled as well."""
    closed: list[bool] = []

    async def endless(event: Any) -> AsyncIterator[Any]:
        try:
            while True:
                yield PENDING, query(1)
                await asyncio.sleep(0.001)
        finally:
            closed.append(True)

    async def scenario() -> None:
        async with (
            driver.serving(acceptor(driver), [(evt.EVT_C_FIND, endless)]) as server,
            driver.associated(driver.ae(), server, **proposal()) as assoc,
        ):
            async for _ in assoc.send_c_find(query(), FIND):
                break
            await until(lambda: closed)
            assert (await assoc.send_c_echo()).Status == 0

    run(scenario())


def test_cancelled_by_message_id(driver: Driver, run: Run) -> None:
    async def waiting(event: Any) -> AsyncIterator[Any]:
        yield PENDING, query(1)
        while not event.is_cancelled:
            await asyncio.sleep(0.001)
        yield PENDING, query(2)

    async def scenario() -> None:
        async with (
            driver.serving(acceptor(driver), [(evt.EVT_C_FIND, waiting)]) as server,
            driver.associated(driver.ae(), server, **proposal()) as assoc,
        ):
            told = []
            async for status, _ in assoc.send_c_find(query(), FIND, 77):
                told.append(status.Status)
                if status.Status == PENDING:
                    await assoc.send_c_cancel(77, query_model=FIND)
            assert told == [PENDING, CANCELLED]

    run(scenario())


def test_many_matches(driver: Driver, run: Run) -> None:
    """All of them come, in order, however slowly they are taken."""

    async def many(event: Any) -> AsyncIterator[Any]:
        for number in range(300):
            yield PENDING, query(number)

    async def scenario() -> None:
        async with (
            driver.serving(acceptor(driver), [(evt.EVT_C_FIND, many)]) as server,
            driver.associated(driver.ae(), server, **proposal()) as assoc,
        ):
            found = []
            async for _, match in assoc.send_c_find(query(), FIND):
                found.append(match and match.PatientID)
                if len(found) % 100 == 0:
                    await asyncio.sleep(0.01)
            assert found == [f"P{number}" for number in range(300)] + [None]

    run(scenario())


def test_a_list_of_matches(driver: Driver, run: Run) -> None:
    """A handler need not be a generator."""

    async def some(event: Any) -> list[Any]:
        return [(PENDING, query(1)), (PENDING, query(2))]

    async def none(event: Any) -> None:
        return None

    async def scenario() -> None:
        for handler, expected in ((some, ["P1", "P2", None]), (none, [None])):
            async with (
                driver.serving(acceptor(driver), [(evt.EVT_C_FIND, handler)]) as server,
                driver.associated(driver.ae(), server, **proposal()) as assoc,
            ):
                assert [match for _, match in await outcome(assoc.send_c_find(query(), FIND))] == expected

    run(scenario())
