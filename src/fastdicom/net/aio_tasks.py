"""Coroutines that mostly need no waiting: they are run at once, and become tasks only when they do wait.

A task costs a turn of the event loop before it begins. A request that came whole, and whose handler is a
plain function, is answered without one. Python has that from 3.12 on; before, a coroutine that runs this way
has no current task, so who is about to call what may want one (`asyncio.timeout`, for instance) awaits
`as_task` first.
"""

from __future__ import annotations

import asyncio
import sys
import types
from collections.abc import Coroutine, Generator
from typing import Any


def start(coroutine: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop) -> asyncio.Task[Any] | None:
    """Run a coroutine up to where it waits.

    Parameters
    ----------
    coroutine
        The coroutine.
    loop
        The running loop.

    Returns
    -------
    asyncio.Task or None
        What runs the rest of it; None when it has ended. What it raises until then is raised.
    """
    if sys.version_info >= (3, 12):
        task = asyncio.Task(coroutine, loop=loop, eager_start=True)
        if not task.done():
            return task
        task.result()
        return None
    if asyncio.current_task(loop) is not None:  # of somebody else, whom it must not be taken for
        return loop.create_task(coroutine)
    try:
        awaited = coroutine.send(None)
    except StopIteration:
        return None
    # A bare yield, as of `as_task`, asks for nothing but the next turn; a task begins with one.
    return loop.create_task(coroutine if awaited is None else _rest(coroutine, awaited))


async def as_task() -> None:
    """Become a task, if the caller is none."""
    if asyncio.current_task() is None:
        await asyncio.sleep(0)


async def _rest(coroutine: Coroutine[Any, Any, Any], awaited: Any) -> Any:
    return await _go_on(coroutine, awaited)


@types.coroutine
def _go_on(coroutine: Coroutine[Any, Any, Any], awaited: Any) -> Generator[Any, Any, Any]:
    """Wait for what a coroutine awaits already, and then for all that it awaits further."""
    try:
        while True:
            try:
                value = yield awaited
            except BaseException as error:
                awaited = coroutine.throw(error)
            else:
                awaited = coroutine.send(value)
    except StopIteration as end:
        return end.value
