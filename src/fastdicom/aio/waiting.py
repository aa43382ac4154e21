"""Waiting on an event loop: what its driver provides for the coroutines that all drivers share.

What comes is taken from within the transport's callbacks; who waits for something has a future for it. A
request whose answer needs no waiting is answered there as well.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from fastdicom._core.exchange import Goal, Inquiry
from fastdicom._core.pdata import MessageWriter
from fastdicom.aio.handlers import Handlers
from fastdicom.aio.pacing import Pacing
from fastdicom.association import outgoing
from fastdicom.association.arrivals import choose
from fastdicom.association.handlers import is_coroutine_function
from fastdicom.association.life import Life
from fastdicom.association.operations import NEVER
from fastdicom.events import EventType, Handler
from fastdicom.net.aio_link import Link
from fastdicom.net.connection import ABORT_LINGER, Happening
from fastdicom.net.sinks import Arrival
from fastdicom.services.performer import Step
from fastdicom.ul.provider import Indication

if TYPE_CHECKING:
    from fastdicom.aio.ae import ApplicationEntity

Result = TypeVar("Result")
Results: TypeAlias = "AsyncIterator[Any] | Iterator[Any]"


class Waiting(Life):
    """What an association needs to be used and to serve on an event loop."""

    __slots__ = ("_rooms", "_waiters")

    ae: ApplicationEntity
    _link: Link

    def __init__(self, ae: ApplicationEntity, mode: str, handlers: Handlers) -> None:
        super().__init__(ae, mode, handlers)
        self._waiters: dict[asyncio.Future[None], Goal] = {}
        self._rooms: deque[asyncio.Future[None]] = deque()  # who wants to begin an operation

    def attach(self, connection: Link, negotiate: Callable[[Indication], None]) -> None:
        """Take over a link; `negotiate` is told of what decides whether there is an association."""
        connection.on_happening = self._on_happening
        super().attach(connection, negotiate)

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine that works for the association: at once, and in a task from where it waits."""
        self._link.start(coroutine)

    def is_served_by(self, task: asyncio.Task[Any] | None) -> bool:
        """Whether a task runs a handler of this association."""
        return self._connection is not None and task in self._link.tasks

    async def await_answer(self) -> None:
        """Negotiate: until the association is established, or the connection closed."""
        await self._reached(self._answer)

    def _on_happening(self, happening: Happening) -> None:
        request = self._take(happening)
        if request is not None:
            self._link.start(self._serve(request))
        elif self._waiters:
            self._tell_all()

    def _time_out(self) -> None:
        """End what has taken too long. The limit of the link is the shorter one of two timeouts."""
        if self._exchange.is_invoking or self._link.is_quiet_for(self.network_timeout):
            super()._time_out()

    def apply_timeouts(self) -> None:
        """Bound what is waited for from now on."""
        super().apply_timeouts()
        if self.is_requestor and self._connection is not None:
            # Nothing may come for dimse_timeout while something is waited for, else for network_timeout.
            limits = [each for each in (self.dimse_timeout, self.network_timeout) if each is not None]
            shortest = min(limits, default=None)
            ae = self.ae
            self._link.set_timeouts(shortest, shortest, ae.minimum_throughput, ae.throughput_window)

    def _look(self) -> None:
        """Nothing is left to look for: what comes is told at once."""

    def _choose_sink(self) -> None:
        arrival = self._sinks.arrival
        if arrival is not None:
            self._link.start(self._choose(arrival))

    async def _choose(self, arrival: Arrival) -> None:
        self._link.settle(await choose(self, arrival))

    # For what is shared.

    async def _send(self, context_id: int, command: bytes, data_set: Sequence[Any] | None) -> bool:
        message = MessageWriter(context_id, command, data_set, self._peer_maximum_length)
        if not await self._link.send(message):
            return False
        if self._observes_messages:
            self._tell_sent(command, context_id)
        return True

    async def _reached(self, goal: Goal) -> None:
        while not goal.is_reached and not self._is_closed:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters[waiter] = goal
            try:
                await waiter
            finally:
                self._waiters.pop(waiter, None)

    async def _settled(self) -> None:
        self._link.linger(ABORT_LINGER)
        await self._reached(NEVER)

    async def _make_room(self) -> None:
        if await self._catch_up():
            return
        inquiry = self._exchange.inquiry_of(self._who())
        if inquiry is not None:  # its responses wait until they are asked for
            await self._reached(inquiry.ending)
            self._finish(inquiry)
            return
        self._exchange.check_may_wait(self._who())
        room = asyncio.get_running_loop().create_future()
        self._rooms.append(room)
        self._waiting += 1
        try:
            await room
        finally:
            self._waiting -= 1

    async def prepare_c_store(self, dataset: Any, transfer_syntax: str | None) -> outgoing.Outgoing:
        """Find out what is to be sent, for `begin_c_store`; raises what `send_c_store` does."""
        if isinstance(dataset, bytes | bytearray | memoryview):  # nothing is read, and nothing converted
            return outgoing.prepare(dataset, transfer_syntax, self._means())
        return await self.apart(outgoing.prepare, dataset, transfer_syntax, self._means())

    async def apart(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Call a function that takes its time, in a thread: it reads files, or decodes."""
        return await asyncio.to_thread(function, *arguments)

    def _who(self) -> int:
        return id(asyncio.current_task() or self)

    def _tell_all(self) -> None:
        """Have those who wait go on, as far as what they wait for is so."""
        for waiter, goal in list(self._waiters.items()):
            if (goal.is_reached or self._is_closed) and not waiter.done():
                waiter.set_result(None)
        while self._rooms and (self._is_closed or not self._is_established or not self._exchange.is_full):
            room = self._rooms.popleft()
            if not room.done():
                room.set_result(None)
                break

    def _abandon_later(self, inquiry: Inquiry) -> None:
        """Abandon it in a task: a finalizer runs in the middle of anything."""
        loop = self._link.loop
        if not loop.is_closed():
            loop.call_soon_threadsafe(lambda: self.start(self._abandon(inquiry)))

    # Handlers.

    def intervention_handler(self, event: EventType) -> tuple[Handler, tuple[Any, ...]] | None:
        """Return what decides on an event."""
        rows = self._handlers.bound.get(event)
        return rows[0] if rows else None

    async def call(self, handler: Handler, event: Any, arguments: tuple[Any, ...]) -> Any:
        """Call the handler of an intervention event: a coroutine function in a task, any other at once."""
        if not is_coroutine_function(handler):
            return handler(event, *arguments)
        result = handler(event, *arguments)
        return result if hasattr(result, "__aiter__") else await result

    async def results_of(self, results: Any) -> Results:
        """Return an iterator over what a handler has returned."""
        iterator: Results = aiter(results) if hasattr(results, "__aiter__") else iter(results)
        return iterator

    async def next_of(self, results: Results, default: Any) -> Any:
        """Return what a handler yields next, or the default at its end."""
        if isinstance(results, AsyncIterator):
            return await anext(results, default)
        return next(results, default)

    async def close_results(self, results: Any) -> None:
        """Close a handler's generator, so that what it holds is let go."""
        if hasattr(results, "aclose"):
            await results.aclose()
        else:
            getattr(results, "close", bool)()

    async def attend(self) -> None:
        """Take note of what has come while an operation is performed; AssociationError at its end."""
        await asyncio.sleep(0)
        if not self._is_established:
            self._check_established()

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
        """Send an object on another association, and return the status."""
        return await association.send_c_store(what, transfer_syntax=transfer_syntax)
