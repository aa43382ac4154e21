"""Serving on an event loop: what its driver provides for services, and how handlers are called.

A request is taken on from within the transport's callbacks, and answered there when nothing has to wait.
Handlers that are coroutine functions run on the loop, and all others in threads, so that none holds it up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar, copy_context
from inspect import isawaitable, iscoroutinefunction
from itertools import count
from typing import Any, TypeVar

from fastdicom._core.exchange import Inquiry
from fastdicom._core.pdata import Message
from fastdicom.aio.pacing import Pacing
from fastdicom.aio.waiting import Waiting
from fastdicom.association.arrivals import choose
from fastdicom.association.handlers import is_coroutine_function
from fastdicom.association.operations import LOGGER
from fastdicom.association.watchdog import FAILURES, PROCESSING_FAILURE
from fastdicom.errors import AssociationError, MessageError
from fastdicom.events import EventType, Handler, RequestEvent
from fastdicom.log import WORKING_FOR
from fastdicom.net.sinks import Arrival
from fastdicom.services.performer import Answering, Bound, Rest, Step, finished

Result = TypeVar("Result")

NUMBERS = count(1)

# Which operation of the peer is performed, in its handler and in tasks that this starts.
PERFORMING: ContextVar[int | None] = ContextVar("fastdicom_performing", default=None)


class GivenUp(BaseException):
    """A handler has taken too long: there is nothing left to be answered, and no association."""


class Results:
    """What a handler yields, or has returned to be iterated over."""

    def __init__(self, association: Serving, message: Any, results: Any) -> None:
        self._association = association
        self._message = message
        self._results = results
        self._is_given_up = False

    async def following(self, default: Any) -> Any:
        """Return the next one, or the default at the end."""
        results = self._results
        if isinstance(results, AsyncIterator):
            return await self._limited(anext(results, default))
        return await self._limited(self._association.apart(next, results, default))

    async def close(self) -> None:
        """Close the generator, if it is one."""
        results = self._results
        if self._is_given_up:
            return
        if hasattr(results, "aclose"):
            await self._limited(results.aclose())
        elif hasattr(results, "close"):
            await self._limited(self._association.apart(results.close))

    async def _limited(self, awaited: Awaitable[Result]) -> Result:
        try:
            return await self._association.limited(self._message, awaited)
        except GivenUp:
            self._is_given_up = True
            raise


class Serving(Waiting):
    """What an association needs to serve on an event loop."""

    __slots__ = ("_number",)

    def is_served_by(self, task: asyncio.Task[Any] | None) -> bool:
        """Whether a task runs a handler of this association."""
        return self._connection is not None and task in self._link.tasks

    def _serve(self, message: Message) -> None:
        """Answer a request of the peer."""
        self._number = next(NUMBERS)
        try:
            rest = self._perform(message)
        except Exception as error:
            self._end_performing(message, error)
            rest = None
        if rest is not None or self._sinks.received or self._sinks.chosen:
            context = copy_context()
            context.run(WORKING_FOR.set, self)
            context.run(PERFORMING.set, self._number)
            context.run(self.start, self._finish_serving(message, rest))

    async def _finish_serving(self, message: Message, rest: Rest) -> None:
        try:
            await finished(rest)
        except GivenUp:
            self._exchange.finish(message.command.message_id)
        except BaseException as error:
            self._end_performing(message, error)
        finally:
            if self._sinks.received or self._sinks.chosen:
                await self.apart(self._sinks.discard, message)

    def _performer(self) -> int:
        return self._number

    def _check_may_wait(self) -> None:
        exchange = self._exchange
        is_serving = PERFORMING.get() in exchange.performed.values()
        has_inquiry = any(type(each) is Inquiry for each in exchange.invoked.values())
        if exchange.is_full and is_serving and has_inquiry:
            # The peer answers a C-GET when we have answered it.
            raise AssociationError(
                f"{len(exchange.invoked)} operations are in progress, and {exchange.invoked_limit} may be; "
                "a handler runs within one of them. Nothing was sent"
            )

    # Responses.

    async def send_pending(
        self, message: Message, command: bytes, data_set: Sequence[Any] | None = None
    ) -> None:
        """Send a response that is not the last one.

        Raises
        ------
        AssociationError
            When the association has ended.
        MessageError
            When it is to be aborted, as the peer takes no PDV.
        """
        try:
            await self._send(message.context_id, command, data_set)
        except ValueError as error:
            raise MessageError(str(error)) from error

    def send_response(
        self, message: Message, command: bytes, data_set: Sequence[Any] | None = None
    ) -> Coroutine[Any, Any, None]:
        """Send the response, or the last one; what is left of that is to be awaited."""
        # Before it leaves: the peer's next request may follow at once.
        self._exchange.finish(message.command.message_id)
        self._is_ahead = self._exchange.performed_limit == 1 and self._link.reader.has_more
        return self.send_pending(message, command, data_set)

    # Handlers.

    def intervention_handler(self, event: EventType) -> Bound | None:
        """Return what decides on an event."""
        rows = self._handlers.bound.get(event)
        return rows[0] if rows else None

    async def answer_by(
        self, message: Message, bound: Bound, event: Any, failure: Any, answer: Answering
    ) -> None:
        """Have a handler say how a request is answered."""
        handler, arguments = bound
        try:
            result = await self.call(handler, event, arguments)
        except Exception:
            LOGGER.exception("the handler bound to %s raised", event.event, extra=self.log_fields)
            result = failure
        await finished(answer(self, message, result))

    async def call(self, handler: Handler, event: Any, arguments: tuple[Any, ...]) -> Any:
        """Call the handler of an intervention event: a coroutine function in a task, others in a thread."""
        message = event._message if isinstance(event, RequestEvent) else None
        if is_coroutine_function(handler):
            result = handler(event, *arguments)
            if not hasattr(result, "__anext__"):
                result = await self.limited(message, result)
        else:
            result = await self.limited(message, self.apart(handler, event, *arguments))
            if isawaitable(result):  # a plain function may have called a coroutine function
                result = await self.limited(message, result)
        is_generator = hasattr(result, "__anext__") or hasattr(result, "__next__")
        return Results(self, message, result) if is_generator else result

    async def results_of(self, results: Any) -> Any:
        """Return an iterator over what a handler has returned."""
        if isinstance(results, Results):
            return results
        if hasattr(results, "__aiter__"):
            return Results(self, None, aiter(results))
        return iter(results) if isinstance(results, list | tuple) else Results(self, None, iter(results))

    async def next_of(self, results: Any, default: Any) -> Any:
        """Return what a handler yields next, or the default at its end."""
        return await results.following(default) if isinstance(results, Results) else next(results, default)

    async def close_results(self, results: Any) -> None:
        """Close a handler's generator, so that what it holds is let go."""
        if isinstance(results, Results):
            await results.close()

    async def limited(self, message: Message | None, awaited: Awaitable[Result]) -> Result:
        """Wait for what a handler does, for no longer than `AE.handler_timeout` if it answers a request."""
        limit = self.ae.handler_timeout
        if limit is None or message is None:
            return await awaited
        try:
            async with asyncio.timeout(limit) as timeout:
                return await awaited
        except TimeoutError:
            if not timeout.expired():  # it is the handler's own
                raise
        await self._give_up(message, limit)
        raise GivenUp

    async def _give_up(self, message: Message, limit: float) -> None:
        """Answer in place of a handler that takes too long, and end the association."""
        text = "a handler has taken longer than handler_timeout, %s s: aborting"
        LOGGER.error(text, limit, extra=self.log_fields)
        self.timed_out = "handler"
        status = FAILURES.get(message.command.command_field, PROCESSING_FAILURE)
        with suppress(AssociationError, MessageError):
            await self.send_pending(message, message.command.encode_response(status))
        self.abort()

    def is_cancelled(self, message: Message) -> bool:
        """Whether the peer has asked to cancel this operation, as far as it has come yet."""
        return message.command.message_id in self._exchange.cancelled

    async def attend(self) -> None:
        """Take note of what has come while an operation is performed; AssociationError at its end."""
        await asyncio.sleep(0)
        if not self._is_established:
            self._check_established()

    # Objects that go elsewhere.

    def _choose_sink(self) -> None:
        arrival = self._sinks.arrival
        if arrival is not None:
            self.start(self._choose(arrival))

    async def _choose(self, arrival: Arrival) -> None:
        with suppress(GivenUp):
            self._link.settle(await choose(self, arrival))

    def pacing(self, send: Step, look: Step, on_end: Callable[[], object] | None = None) -> Pacing:
        """Have pending responses sent at a pace; with `on_end`, be told when the association ends."""
        return Pacing(self, self.ae.pending_interval, send, look, on_end)

    async def request_association(
        self, address: Any, port: Any, contexts: Any, options: Mapping[str, Any]
    ) -> Any:
        """Request an association with another peer, for a C-MOVE."""
        return await self.ae.associate(address, port, contexts, **options)

    async def release_association(self, association: Any) -> None:
        """Release such an association."""
        await association.release()

    async def pass_on(self, association: Any, what: Any, transfer_syntax: str | None) -> Any:
        """Send an object on another association, of threads or of an event loop, and return the status."""
        if iscoroutinefunction(association.send_c_store):
            return await association.send_c_store(what, transfer_syntax=transfer_syntax)
        return await self.apart(lambda: association.send_c_store(what, transfer_syntax=transfer_syntax))
