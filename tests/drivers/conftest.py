"""Every test runs with the blocking driver, and with that of asyncio on two event loops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from drivers.both import Driver
from peers import missing
from servers import DEADLINE

Run = Callable[[Coroutine[Any, Any, Any]], Any]

DRIVERS = {
    "blocking": Driver("asyncio", is_blocking=True, has_plain_handlers=True),
    "asyncio": Driver("asyncio", is_blocking=False, has_plain_handlers=False),
    "asyncio-plain": Driver("asyncio", is_blocking=False, has_plain_handlers=True),
    "uvloop": Driver("uvloop", is_blocking=False, has_plain_handlers=False),
}

# A thread for each plain handler that may run at once in a test.
THREADS = 32


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> Driver:
    """What a test uses."""
    return DRIVERS[request.param]


@pytest.fixture
def run(driver: Driver) -> Run:
    """Run a coroutine on the driver's event loop; nothing may go wrong besides, and no task may be left."""

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        complaints: list[Any] = []

        async def within_deadline() -> Any:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, context: complaints.append(context))
            loop.set_default_executor(ThreadPoolExecutor(THREADS))
            result = await asyncio.wait_for(coroutine, DEADLINE)
            left = asyncio.all_tasks() - {asyncio.current_task()}
            if left:  # what removes a file, for instance, in a thread
                _, left = await asyncio.wait(left, timeout=1)
            assert not left, left
            return result

        with asyncio.Runner(loop_factory=_factory(driver.loop)) as runner:
            result = runner.run(within_deadline())
        assert not complaints
        return result

    return run


def _factory(name: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if name == "asyncio":
        return asyncio.new_event_loop
    try:
        import uvloop
    except ImportError:
        missing("uvloop")
    return uvloop.new_event_loop  # type: ignore[no-any-return]
