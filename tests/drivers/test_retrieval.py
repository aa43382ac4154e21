"""C-GET and C-MOVE: sub-operations on the same association, and on another one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from drivers.both import LOCALHOST, Driver
from drivers.conftest import Run
from drivers.parties import CANCELLED, GET, MOVE, PENDING, acceptor, proposal, query
from raw_peer import IMPLICIT, data_set
from retrieving import Told, file_of, small_object

from fastdicom import evt

SOME_FAILED = 0xB000


async def told_by(responses: Any) -> Told:
    """Take all responses."""
    told = Told()
    async for status, found in responses:
        told.add(status, found)
    return told


class Received:
    """The handler of who the objects come to."""

    def __init__(self, *answers: int) -> None:
        self.uids: list[str] = []
        self._answers = list(answers)

    async def __call__(self, event: Any) -> int:
        """Take an object."""
        await asyncio.sleep(0)
        self.uids.append(str(event.request.AffectedSOPInstanceUID))
        return self._answers.pop(0) if self._answers else 0x0000


def objects(directory: Path) -> list[Any]:
    """Return an object in every form."""
    return [
        file_of(directory, 1),
        small_object(2),
        (data_set(64, "1.2.3.3"), IMPLICIT),
        file_of(directory, 4),
    ]


def test_get(driver: Driver, run: Run, tmp_path: Path) -> None:
    received = Received()
    bound = [(evt.EVT_C_STORE, received.__call__)]

    async def retrieve(event: Any) -> AsyncIterator[Any]:
        yield 4
        for each in objects(tmp_path):
            await asyncio.sleep(0)
            yield PENDING, each

    async def scenario() -> None:
        async with (
            driver.serving(acceptor(driver), [(evt.EVT_C_GET, retrieve)]) as server,
            driver.associated(driver.ae(), server, handlers=bound, **proposal()) as assoc,
        ):
            told = await told_by(assoc.send_c_get(query(), GET))
            assert told.counts[-1] == (None, 4, 0, 0)
            assert told.statuses == [PENDING] * 4 + [0x0000]
            assert (await assoc.send_c_echo()).Status == 0

    run(scenario())
    assert received.uids == ["1.2.3.1", "1.2.3.2", "1.2.3.3", "1.2.3.4"]


def test_get_into_a_directory(driver: Driver, run: Run, tmp_path: Path) -> None:
    directory = tmp_path / "received"
    directory.mkdir()

    async def retrieve(event: Any) -> AsyncIterator[Any]:
        yield 2
        yield PENDING, file_of(tmp_path, 1)
        yield PENDING, (data_set(600_000, "1.2.3.2"), IMPLICIT)

    async def scenario() -> None:
        async with driver.serving(acceptor(driver), [(evt.EVT_C_GET, retrieve)]) as server:
            ae = driver.ae(store_directory=directory)
            async with driver.associated(ae, server, **proposal()) as assoc:
                told = await told_by(assoc.send_c_get(query(), GET))
                assert told.counts[-1] == (None, 2, 0, 0)

    run(scenario())
    assert sorted(path.name for path in directory.iterdir()) == ["1.2.3.1.dcm", "1.2.3.2.dcm"]


def test_what_fails_is_counted(driver: Driver, run: Run, tmp_path: Path) -> None:
    received = Received(0x0000, 0xA700, 0xB007)
    bound = [(evt.EVT_C_STORE, received.__call__)]

    async def retrieve(event: Any) -> AsyncIterator[Any]:
        yield 4
        for number in range(1, 4):
            yield PENDING, small_object(number)
        yield PENDING, tmp_path / "nothing.dcm"

    async def scenario() -> None:
        async with (
            driver.serving(acceptor(driver), [(evt.EVT_C_GET, retrieve)]) as server,
            driver.associated(driver.ae(), server, handlers=bound, **proposal()) as assoc,
        ):
            told = await told_by(assoc.send_c_get(query(), GET))
            assert told.statuses[-1] == SOME_FAILED
            assert told.counts[-1] == (None, 1, 2, 1)
            assert told.failed == ["1.2.3.2"]

    run(scenario())


def test_get_cancelled(driver: Driver, run: Run) -> None:
    received = Received()
    bound = [(evt.EVT_C_STORE, received.__call__)]
    closed: list[bool] = []

    async def retrieve(event: Any) -> AsyncIterator[Any]:
        try:
            yield 1000
            for number in range(1, 1001):
                await asyncio.sleep(0.001)
                yield PENDING, small_object(number)
        finally:
            closed.append(True)

    async def scenario() -> None:
        async with (
            driver.serving(acceptor(driver), [(evt.EVT_C_GET, retrieve)]) as server,
            driver.associated(driver.ae(), server, handlers=bound, **proposal()) as assoc,
        ):
            responses = assoc.send_c_get(query(), GET)
            told = Told()
            async for status, found in responses:
                told.add(status, found)
                if len(told.statuses) == 2:
                    await responses.cancel()
            assert told.statuses[-1] == CANCELLED
            remaining, completed, failed, warning = told.counts[-1]
            assert completed == len(received.uids) >= 2
            assert (failed, warning, remaining) == (0, 0, 1000 - completed)
            assert closed == [True]

    run(scenario())


def test_pending_responses_while_a_handler_takes_its_time(driver: Driver, run: Run) -> None:
    """And the object under way is counted meanwhile."""
    received = Received()
    bound = [(evt.EVT_C_STORE, received.__call__)]
    told = Told()

    async def retrieve(event: Any) -> AsyncIterator[Any]:
        yield 1
        yield PENDING, small_object(1)
        while len(told.statuses) < 4:
            await asyncio.sleep(0.005)

    async def scenario() -> None:
        ae = acceptor(driver, pending_interval=0.02)
        async with (
            driver.serving(ae, [(evt.EVT_C_GET, retrieve)]) as server,
            driver.associated(driver.ae(), server, handlers=bound, **proposal()) as assoc,
        ):
            async for status, found in assoc.send_c_get(query(), GET):
                told.add(status, found)

    run(scenario())
    assert told.statuses[-1] == 0x0000
    assert (0, 1, 0, 0) in told.counts[:-1]


@pytest.mark.parametrize("first", ["path", "Dataset", "encoded"])
def test_move(driver: Driver, run: Run, tmp_path: Path, first: str) -> None:
    received = Received()
    ports: list[int] = []
    what = {
        "path": file_of(tmp_path, 1),
        "Dataset": small_object(1),
        "encoded": (data_set(64, "1.2.3.1"), IMPLICIT),
    }

    async def retrieve(event: Any) -> AsyncIterator[Any]:
        assert event.move_destination == "ELSEWHERE"
        yield LOCALHOST, ports[0]
        yield 2
        yield PENDING, what[first]
        yield PENDING, small_object(2)

    async def scenario() -> None:
        there = driver.ae("ELSEWHERE")
        there.add_supported_context(small_object().SOPClassUID, IMPLICIT)
        async with (
            driver.serving(there, [(evt.EVT_C_STORE, received.__call__)]) as elsewhere,
            driver.serving(acceptor(driver), [(evt.EVT_C_MOVE, retrieve)]) as server,
            driver.associated(driver.ae(), server, **proposal()) as assoc,
        ):
            ports.append(elsewhere.server_address[1])
            told = await told_by(assoc.send_c_move(query(), "ELSEWHERE", MOVE))
            assert told.statuses == [PENDING, PENDING, 0x0000]
            assert told.counts[-1] == (None, 2, 0, 0)

    run(scenario())
    assert received.uids == ["1.2.3.1", "1.2.3.2"]


def test_a_destination_that_is_not_there(driver: Driver, run: Run) -> None:
    async def unknown(event: Any) -> AsyncIterator[Any]:
        yield None, None

    async def unreachable(event: Any) -> AsyncIterator[Any]:
        yield LOCALHOST, 9  # discard: nobody listens there
        yield 1
        yield PENDING, small_object(1)

    async def scenario() -> None:
        for handler in (unknown, unreachable):
            async with (
                driver.serving(acceptor(driver), [(evt.EVT_C_MOVE, handler)]) as server,
                driver.associated(driver.ae(), server, **proposal()) as assoc,
            ):
                told = await told_by(assoc.send_c_move(query(), "ELSEWHERE", MOVE))
                assert told.statuses == [0xA801]
                assert (await assoc.send_c_echo()).Status == 0

    run(scenario())


def test_move_cancelled(driver: Driver, run: Run) -> None:
    received = Received()
    ports: list[int] = []

    async def retrieve(event: Any) -> AsyncIterator[Any]:
        yield LOCALHOST, ports[0]
        yield 1000
        for number in range(1, 1001):
            await asyncio.sleep(0.001)
            yield PENDING, small_object(number)

    async def scenario() -> None:
        there = driver.ae("ELSEWHERE")
        there.add_supported_context(small_object().SOPClassUID, IMPLICIT)
        async with (
            driver.serving(there, [(evt.EVT_C_STORE, received.__call__)]) as elsewhere,
            driver.serving(acceptor(driver), [(evt.EVT_C_MOVE, retrieve)]) as server,
            driver.associated(driver.ae(), server, **proposal()) as assoc,
        ):
            ports.append(elsewhere.server_address[1])
            responses = assoc.send_c_move(query(), "ELSEWHERE", MOVE)
            told = Told()
            async for status, found in responses:
                told.add(status, found)
                if len(told.statuses) == 2:
                    await responses.cancel()
            assert told.statuses[-1] == CANCELLED
            assert told.counts[-1][1] == len(received.uids)

    run(scenario())


def test_the_requestor_of_a_move_goes_away(driver: Driver, run: Run) -> None:
    """Its sub-operations end: nothing more is sent elsewhere."""
    ended = asyncio.Event()
    ports: list[int] = []
    received = Received()

    async def retrieve(event: Any) -> AsyncIterator[Any]:
        try:
            yield LOCALHOST, ports[0]
            yield 10_000
            for number in range(1, 10_001):
                await asyncio.sleep(0.001)
                yield PENDING, small_object(number)
        finally:
            ended.set()

    async def scenario() -> None:
        there = driver.ae("ELSEWHERE")
        there.add_supported_context(small_object().SOPClassUID, IMPLICIT)
        async with (
            driver.serving(there, [(evt.EVT_C_STORE, received.__call__)]) as elsewhere,
            driver.serving(acceptor(driver), [(evt.EVT_C_MOVE, retrieve)]) as server,
        ):
            ports.append(elsewhere.server_address[1])
            async with driver.associated(driver.ae(), server, **proposal()) as assoc:
                async for _ in assoc.send_c_move(query(), "ELSEWHERE", MOVE):
                    break
                assoc.abort()
            await ended.wait()

    run(scenario())
    assert 1 <= len(received.uids) < 10_000
