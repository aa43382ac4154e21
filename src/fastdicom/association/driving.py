"""Coroutines without an event loop: how the blocking driver runs what it shares with asyncio.

What an association does is written once, as coroutines that await a few things of their driver: a message
sent, a goal reached, a handler called. Where those block, as they do here, a coroutine never suspends; it
runs from its first line to its end in the thread that drives it.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


def drive(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end, and return or raise what it does.

    Raises
    ------
    RuntimeError
        When it waits for something that an event loop would have to bring about.
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    name = getattr(coroutine, "__qualname__", "a coroutine")
    coroutine.close()
    raise RuntimeError(
        f"{name} awaits what only an event loop brings about; "
        "an association of fastdicom.aio is used without one"
    )
