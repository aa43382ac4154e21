"""An association of an event loop, as a user of the library sees it, once it is established."""

from __future__ import annotations

from contextlib import suppress
from types import TracebackType
from typing import Self

from fastdicom.aio.requests import Requests
from fastdicom.association.operations import NEVER
from fastdicom.errors import AssociationError


class Association(Requests):
    """An association with a peer, on either side of it; it belongs to the event loop it was made in.

    `AE.associate` and servers make them; `is_established` tells what came of it. Used as an asynchronous
    context manager it raises when it was not established, is released at the end, and aborted on an
    exception. What it is and has is in `Life`.
    """

    async def __aenter__(self) -> Self:
        if not self._is_established:
            raise self._failure or AssociationError("the association was not established")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            await self.release()
        else:
            self.abort()

    async def release(self) -> None:
        """Release the association in good order (PS3.8 7.2); nothing happens when it is not established.

        Operations of other tasks that are in progress are waited for; those of this one whose responses
        have not all been asked for are cancelled.
        """
        if self._is_established:
            await self._end_inquiries()
        while self._exchange.is_invoking and self._is_established:
            self._exchange.check_may_wait(self._who())
            await self._operation_ended()
        if not self._is_established:
            return
        with suppress(AssociationError):  # another task did the same, or it has just ended
            self._link.tell(self._link.provider.request_release)
        await self._reached(NEVER)

    def abort(self) -> None:
        """Abort the association at once (PS3.8 7.3); nothing happens when it is over."""
        self._break_off()

    def abort_as(self, source: int, reason: int) -> None:
        """Abort with this source and reason (PS3.8 Table 9-26)."""
        self._break_off(source, reason)

    async def wait_closed(self) -> None:
        """Wait until the connection is closed; the peer is served meanwhile."""
        if self._connection is not None:
            await self._reached(NEVER)
