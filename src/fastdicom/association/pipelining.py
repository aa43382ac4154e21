"""Storing many objects over one association, with the negotiated window kept full (PS3.7 9.1.1, D.3.3.3).

`pipeline` decides what is next; here it is done, by whoever asks for the results. Who does so asks for the
items, too: an iterable that takes its time delays the results that have come meanwhile.
"""

from __future__ import annotations

from _thread import start_new_thread
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Self, TypeVar

from fastdicom._core.command import encode_command
from fastdicom._core.exchange import Answers, Invocation
from fastdicom.association import outgoing
from fastdicom.association.driving import drive
from fastdicom.association.pipeline import Pipeline, Step
from fastdicom.dimse.messages import C_STORE_RQ
from fastdicom.dimse.results import status_dataset
from fastdicom.errors import AssociationError, FastdicomError
from fastdicom.services.outcomes import Stored

if TYPE_CHECKING:
    from fastdicom.association.operations import Operations
    from fastdicom.association.waiting import Waiting

Item = TypeVar("Item")

# Objects under way where neither the peer nor the caller sets a limit.
WITHOUT_LIMIT = 16

# In the place of an item.
NO_MORE = object()

# Seconds of the caller's own between two waits that are left out of dimse_timeout together.
AWAY_AT_LEAST = 0.05


class StoreArguments(NamedTuple):
    """What `send_c_store` takes besides an object."""

    priority: int
    originator_aet: str | None
    originator_id: int | None


class Storing(ABC, Generic[Item]):
    """Many objects on their way over one association, for both drivers.

    Parameters
    ----------
    association
        The association.
    window
        How many may be under way; as many as have been negotiated when None.
    arguments, transfer_syntax
        As for `send_c_store`.
    content_of
        Returns what is to be sent of an item, should that be something else.

    Raises
    ------
    ValueError
        When the window is less than 1.
    """

    def __init__(
        self,
        association: Operations,
        window: int | None,
        arguments: StoreArguments,
        transfer_syntax: str | None,
        content_of: Callable[[Item], Any] | None = None,
    ) -> None:
        self._association = association
        self._pipeline: Pipeline[Item] = Pipeline(_window_of(association, window))
        self._arguments = arguments
        self._transfer_syntax = transfer_syntax
        self._content_of = content_of
        self._means = association._means()
        self._answers = Answers()
        self._failure: Exception | None = None  # of the iterable
        self._left = monotonic()
        self._away = 0.0

    @abstractmethod
    async def _next_item(self) -> Any:
        """Return the next item; `NO_MORE` when there is none."""

    async def _next(self) -> Stored[Item] | None:
        """Return the next result; None at the end. Raises what the iterable has raised."""
        pipeline = self._pipeline
        while True:
            step = pipeline.step
            if step is Step.SEND:
                await self._send()
            elif step is Step.ASK:
                await self._ask()
            elif step is Step.TELL:
                return pipeline.take()
            elif step is Step.WAIT:
                await self._wait()
            else:
                break
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        return None

    async def _finish(self) -> list[Stored[Item]]:
        """Ask for no more items; return what becomes of those that there are."""
        self._pipeline.stop()
        self._failure = None
        left = []
        while (stored := await self._next()) is not None:
            left.append(stored)
        return left

    async def _ask(self) -> None:
        """Ask for an item, and make it ready."""
        pipeline = self._pipeline
        try:
            item = await self._next_item()
        except Exception as error:  # which is raised once what is under way has been told
            self._failure = error
            item = NO_MORE
        if item is NO_MORE:
            pipeline.exhaust()
            return
        if pipeline.is_broken:
            pipeline.refuse(item)
            return
        try:
            if isinstance(item, outgoing.BUFFERS):  # nothing is read
                prepared = self._prepare(item)
            else:
                prepared = await self._association.apart(self._prepare, item)
        except Exception as error:  # whatever is wrong with it, the others can be sent
            pipeline.fail(item, error)
        except BaseException:
            pipeline.turn_down(item)
            raise
        else:
            pipeline.add(item, prepared)

    def _prepare(self, item: Any) -> outgoing.Outgoing:
        content = item if self._content_of is None else self._content_of(item)
        return outgoing.prepare(content, self._transfer_syntax, self._means)

    async def _send(self) -> None:
        """Send what is ready, unless others use the window."""
        pipeline, association = self._pipeline, self._association
        if pipeline.ready is None:
            return
        prepared = pipeline.ready[1]
        try:
            invocation = await self._begin(prepared.context_id)
        except AssociationError:
            if association._is_established:  # it is the caller who may not wait
                raise
            await self._break_off()
            return
        if invocation is None:
            pipeline.hold()
            return
        invocation.answers = self._answers
        pipeline.begin(invocation)
        elements = association._store_request(prepared, invocation.message_id, *self._arguments)
        is_whole = False
        try:
            is_whole = await association._send(
                prepared.context_id, encode_command(elements), prepared.data_set
            )
        except AssociationError:  # nothing has been sent
            pass
        except BaseException as error:
            association._finish(invocation)
            if not isinstance(error, Exception):
                pipeline.lose(invocation, None)
                raise
            pipeline.fail_begun(invocation, error)
            return
        if not is_whole:
            await self._break_off(invocation)

    async def _begin(self, context_id: int) -> Invocation | None:
        """Begin an operation; None when its turn comes with a response to another one of these."""
        association = self._association
        if self._pipeline.under_way:
            return association._exchange.invoke(context_id, C_STORE_RQ, None, association._who(), monotonic())
        invocation: Invocation = await association._begin(context_id, C_STORE_RQ, None, Invocation)
        return invocation

    async def _wait(self) -> None:
        """Wait for a response, or for the end of the association."""
        self._make_up()
        await self._association._reached(self._answers)
        if not self._take_answers():
            await self._break_off()
        self._left = monotonic()

    def _make_up(self) -> None:
        """Leave the time since the last wait out of dimse_timeout: nobody looked for responses meanwhile."""
        self._away += monotonic() - self._left
        if self._away > AWAY_AT_LEAST:
            for invocation in self._invocations():
                invocation.begun = min(invocation.begun + self._away, monotonic())
            self._away = 0.0

    def _take_answers(self) -> bool:
        """Take the responses that have come; tell whether there were any."""
        invocation = self._answers.take()
        has_any = invocation is not None
        while invocation is not None:
            self._association._finish(invocation)
            if invocation.response is not None:
                self._pipeline.answer(invocation, status_dataset(invocation.response.command))
            invocation = self._answers.take()
        return has_any

    async def _break_off(self, unsent: Invocation | None = None) -> None:
        """Take note that the association is over, once all that has come has been looked at."""
        association = self._association
        await association._settled()
        self._take_answers()
        lost = self._invocations()
        self._pipeline.break_off(_reason_of_end(association), unsent)
        for invocation in lost:
            association._finish(invocation)

    def _invocations(self) -> list[Invocation]:
        return [each for each in self._pipeline.under_way if isinstance(each, Invocation)]


class PipelinedStores(Storing[Item]):
    """An iterator over what has become of many objects, in the order in which the responses come.

    Each result unpacks to ``(item, status)``; see `Stored` for the rest. Nothing is sent before the first is
    asked for. When the association is over, items go on being asked for, and are told as not sent.

    It belongs to one thread at a time. As a context manager it is closed at the end.
    """

    def __init__(
        self,
        association: Waiting,
        items: Iterable[Item],
        window: int | None,
        arguments: StoreArguments,
        transfer_syntax: str | None,
        content_of: Callable[[Item], Any] | None = None,
    ) -> None:
        self._items: Iterator[Item] = iter(items)
        self._owner = association
        super().__init__(association, window, arguments, transfer_syntax, content_of)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Stored[Item]:
        stored = drive(self._next())
        if stored is None:
            raise StopIteration
        return stored

    def close(self) -> list[Stored[Item]]:
        """Ask for no more items, and wait for the responses to what is under way.

        Returns
        -------
        list of Stored
            What has become of all items that had been asked for and not been told of.
        """
        return drive(self._finish())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        left = self._invocations() if hasattr(self, "_pipeline") else []
        for invocation in left:
            invocation.is_abandoned = True
        if left:
            with suppress(RuntimeError):  # there is no thread to be had, as when the program ends
                start_new_thread(_see_off, (self._owner, left))

    async def _next_item(self) -> Any:
        return next(self._items, NO_MORE)


def _window_of(association: Operations, window: int | None) -> int:
    """Return how many may be under way, of what has been negotiated (0 for no limit) and what is wanted."""
    if window is not None and window < 1:
        raise ValueError(f"window is {window}; it must be at least 1")
    negotiated = association._exchange.invoked_limit
    if window is None:
        return negotiated or WITHOUT_LIMIT
    return min(window, negotiated or window)


def _see_off(association: Waiting, invocations: list[Invocation]) -> None:
    """Wait for responses that nobody wants, so that others find room for their operations."""
    for invocation in invocations:
        association._wait_for(invocation)
        association._finish(invocation)


def _reason_of_end(association: Operations) -> FastdicomError:
    try:
        association._check_established()
    except FastdicomError as error:
        return error
    return AssociationError("the association takes no more requests")
