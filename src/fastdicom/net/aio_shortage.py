"""Waiting for memory on an event loop: what `shortage` is for threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from fastdicom._core.buffer import BufferPool


class Shortage:
    """The wait of one link for room in the budget; it ends once.

    Parameters
    ----------
    loop
        The event loop.
    pool
        Where the memory is to come from.
    wanted
        How many bytes there was no room for.
    limit
        For how many seconds it may be waited; None for ever.
    on_end
        Called with whether there may be room.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        pool: BufferPool,
        wanted: int,
        limit: float | None,
        on_end: Callable[[bool], object],
    ) -> None:
        self._loop = loop
        self._pool = pool
        self._on_end: Callable[[bool], object] | None = on_end
        self._timer = None if limit is None else loop.call_later(limit, self.end, False)
        pool.waiting.append(self._wake)
        # Looked at once more: what has been given back before this was not told.
        if pool.has_room(wanted):
            loop.call_soon(self.end, True)

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self.end, True)

    def end(self, has_room: bool) -> None:
        """End it."""
        on_end, self._on_end = self._on_end, None
        if on_end is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        with suppress(ValueError):  # it has been called, and taken away
            self._pool.waiting.remove(self._wake)
        on_end(has_room)
        self._pool.tell_next()
