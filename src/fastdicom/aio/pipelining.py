"""Storing many objects over one association of an event loop, with the negotiated window kept full."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from fastdicom.association.pipelining import NO_MORE, StoreArguments, Storing
from fastdicom.services.outcomes import Stored

if TYPE_CHECKING:
    from fastdicom.aio.waiting import Waiting

Item = TypeVar("Item")


class PipelinedStores(Storing[Item]):
    """An asynchronous iterator over what has become of many objects, in the order of the responses.

    What it yields is what `fastdicom.association.pipelining.PipelinedStores` does. Nothing is sent before the
    first is asked for. It belongs to one task at a time; used with ``async with`` it is closed at the end.
    """

    def __init__(
        self,
        association: Waiting,
        items: Iterable[Item] | AsyncIterable[Item],
        window: int | None,
        arguments: StoreArguments,
        transfer_syntax: str | None,
    ) -> None:
        self._items: Iterator[Item] | AsyncIterator[Item]
        self._items = aiter(items) if isinstance(items, AsyncIterable) else iter(items)
        self._owner = association
        super().__init__(association, window, arguments, transfer_syntax)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Stored[Item]:
        stored = await self._next()
        if stored is None:
            raise StopAsyncIteration
        return stored

    async def aclose(self) -> list[Stored[Item]]:
        """Ask for no more items, and wait for the responses to what is under way.

        Returns
        -------
        list of Stored
            What has become of all items that had been asked for and not been told of.
        """
        return await self._finish()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        left = self._invocations() if hasattr(self, "_pipeline") else []
        if left:
            self._owner.drop_later(left)

    async def _next_item(self) -> Any:
        if isinstance(self._items, AsyncIterator):
            return await anext(self._items, NO_MORE)
        return next(self._items, NO_MORE)
