"""Coroutines that run without an event loop, and handlers that would need one."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator
from typing import Any

import pytest
from servers import associate, serving, store_ae

from fastdicom import AE, evt
from fastdicom.association.driving import drive
from fastdicom.sop_class import CTImageStorage


async def deeply(value: int) -> int:
    return value if value == 0 else 1 + await deeply(value - 1)


def test_a_coroutine_runs_to_its_end() -> None:
    assert drive(deeply(50)) == 50


def test_what_it_raises_is_raised() -> None:
    async def fail() -> None:
        await deeply(1)
        raise LookupError("nothing there")

    with pytest.raises(LookupError, match="nothing there"):
        drive(fail())


def test_one_that_waits_for_an_event_loop() -> None:
    ended: list[bool] = []

    async def wait() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            ended.append(True)

    with pytest.raises(RuntimeError, match=r"wait awaits what only an event loop brings about"):
        drive(wait())
    assert ended == [True]


async def coroutine(event: Any) -> int:
    return 0


async def generator(event: Any) -> AsyncIterator[Any]:
    yield 0xFF00, None


class Callable:
    async def __call__(self, event: Any) -> int:
        return 0


@pytest.mark.parametrize(
    "handler",
    [coroutine, generator, functools.partial(coroutine), Callable(), Callable().__call__],
    ids=["coroutine", "generator", "partial", "callable", "method"],
)
def test_a_handler_that_is_a_coroutine_function(handler: Any) -> None:
    """It is refused where it is bound, not when a request has come."""
    expected = r"the handler of EVT_C_FIND is a coroutine function; it takes an association of fastdicom\.aio"
    ae = store_ae({CTImageStorage})
    with pytest.raises(ValueError, match=expected):
        ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_FIND, handler)])
    with serving(ae) as server:
        with pytest.raises(ValueError, match=expected):
            server.bind(evt.EVT_C_FIND, handler)
        requestor = AE()
        requestor.add_requested_context(CTImageStorage)
        with pytest.raises(ValueError, match=expected):
            associate(requestor, server, evt_handlers=[(evt.EVT_C_FIND, handler)])
        with associate(requestor, server) as association, pytest.raises(ValueError, match=expected):
            association.bind(evt.EVT_C_FIND, handler)
