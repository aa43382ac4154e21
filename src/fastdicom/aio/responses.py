"""The responses to one C-FIND, C-GET or C-MOVE, as an asynchronous iterator (PS3.7 9.1.2 to 9.1.4).

The request goes out when the first of them is asked for. Who wants no more has the peer cancel the operation;
so does a task that is cancelled while it waits for one.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pydicom.dataset import Dataset

from fastdicom._core.exchange import Inquiry
from fastdicom.association.composite import InquiryRequest
from fastdicom.association.responses import Reading
from fastdicom.dimse.messages import C_FIND_RQ

if TYPE_CHECKING:
    from fastdicom.aio.requests import Requests


class Responses(Reading):
    """An asynchronous iterator over ``(status, identifier)``, up to the final response.

    What it yields is what `fastdicom.association.responses.Responses` does. Used with ``async with`` it is
    closed at the end; one that nobody has any more is closed, too, as is one whose `__anext__` was cancelled.
    It belongs to one task at a time.
    """

    __slots__ = ("_request",)

    def __init__(self, association: Requests, request: InquiryRequest) -> None:
        has_matches = request.elements[0x0100] == C_FIND_RQ
        super().__init__(association, None, request.transfer_syntax, has_matches=has_matches)
        self._request: InquiryRequest | None = request

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> tuple[Dataset, Any]:
        request, self._request = self._request, None
        if request is not None:
            self._inquiry = await self._association._inquire(request)
        inquiry = self._inquiry
        if inquiry is None:
            raise StopAsyncIteration
        message = inquiry.take()
        if message is None:
            await self._wait(inquiry)
            message = inquiry.take()
        elif len(inquiry.responses) == 0:
            await asyncio.sleep(0)  # others have their turn, however fast responses come
        self._association.may_go_on(inquiry)
        return self._read(message, inquiry)

    async def _wait(self, inquiry: Inquiry) -> None:
        association = self._association
        inquiry.thread = association._who()
        try:
            await association._reached(inquiry)
        except asyncio.CancelledError:
            self._inquiry = None
            association.start(association._abandon(inquiry))
            raise

    async def cancel(self) -> None:
        """Ask the peer to cancel the operation (PS3.7 9.3.2.3); nothing happens when it is over.

        The responses that are still to come can be iterated over; the last one is FE00H as a rule. One whose
        request has not gone out is over.

        Raises
        ------
        RuntimeError
            When the association is not established.
        """
        self._request = None
        await self._cancel()

    async def aclose(self) -> None:
        """Have the peer cancel the operation, unless it is over, and give up what is still to come."""
        self._request = None
        await self._give_up()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
