"""Every test runs on the event loop of the standard library, and on uvloop's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from peers import missing
from servers import DEADLINE

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def _factory(name: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if name == "asyncio":
        return asyncio.new_event_loop
    try:
        import uvloop
    except ImportError:
        missing("uvloop")
    return uvloop.new_event_loop  # type: ignore[no-any-return]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Run a coroutine; nothing may go wrong besides, and no task may be left."""

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        complaints: list[Any] = []

        async def within_deadline() -> Any:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
            result = await asyncio.wait_for(coroutine, DEADLINE)
            async with asyncio.timeout(DEADLINE):
                while asyncio.all_tasks() != {asyncio.current_task()}:
                    await asyncio.sleep(0.001)
            return result

        with asyncio.Runner(loop_factory=_factory(request.param)) as runner:
            result = runner.run(within_deadline())
        assert not complaints
        return result

    return run
