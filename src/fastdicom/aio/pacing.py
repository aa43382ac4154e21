"""Pending responses at a pace while a C-GET or C-MOVE is performed on an event loop: a task sends them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self

from fastdicom.association.pacing import FIRST, GAP, LOOK
from fastdicom.errors import AssociationError, ProtocolError
from fastdicom.services.performer import Step

if TYPE_CHECKING:
    from fastdicom.aio.serving import Serving


class Pacing:
    """The pending responses of one operation; the parameters are those of `association.pacing.Pacing`."""

    def __init__(
        self,
        association: Serving,
        interval: float | None,
        send: Step,
        look: Step,
        on_end: Callable[[], object] | None,
    ) -> None:
        self._association = association
        self._interval = interval
        self._send = send
        self._look = look
        self._on_end = on_end
        self._is_counting = False
        self._has_counted = asyncio.Event()
        self._sending = asyncio.Lock()
        self._is_over = asyncio.Event()
        self._last = monotonic()
        self._first_left = FIRST
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_over.set()
        if self._task is not None:
            await self._task

    async def begin_counting(self) -> None:
        """Wait until nobody else counts."""
        while self._is_counting:
            self._has_counted.clear()
            await self._has_counted.wait()
        self._is_counting = True

    def try_to_count(self) -> bool:
        """Begin to count, if nobody else does; tell whether it is so."""
        if self._is_counting:
            return False
        self._is_counting = True
        return True

    def end_counting(self) -> None:
        """Let others count."""
        self._is_counting = False
        self._has_counted.set()

    async def report(self) -> None:
        """Send a pending response, as a sub-operation has ended; not so when they end too fast.

        Raises
        ------
        AssociationError
            When the association has ended.
        """
        if self._first_left:
            self._first_left -= 1
        elif monotonic() - self._last < GAP:
            return
        async with self._sending:
            await self._send_one()

    async def _run(self) -> None:
        try:
            while not self._is_over.is_set():
                await self._association.attend()
                await self._look()
                await self._beat_if_due()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._time_left()):
                        await self._is_over.wait()
        except (AssociationError, ProtocolError):
            if self._on_end is not None:
                self._on_end()

    def _time_left(self) -> float:
        if self._interval is None:
            return LOOK
        return min(LOOK, max(self._last + self._interval - monotonic(), 0.0))

    async def _beat_if_due(self) -> None:
        if self._is_due():
            async with self._sending:
                if self._is_due():
                    await self._send_one()

    def _is_due(self) -> bool:
        is_late = self._interval is not None and monotonic() >= self._last + self._interval
        return is_late and not self._is_over.is_set()

    async def _send_one(self) -> None:
        await self._send()
        self._last = monotonic()
