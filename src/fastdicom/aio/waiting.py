"""Waiting on an event loop: what its driver provides for the operations that an association invokes.

What comes is taken from within the transport's callbacks; who waits for something has a future for it.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from fastdicom._core.exchange import Goal, Inquiry, Invocation
from fastdicom._core.pdata import Message, MessageWriter
from fastdicom.aio.handlers import Handlers
from fastdicom.association import outgoing
from fastdicom.association.life import Life
from fastdicom.association.operations import NEVER
from fastdicom.errors import NoAcceptedContext
from fastdicom.net.aio_link import Link
from fastdicom.net.connection import Happening
from fastdicom.net.ending import ABORT_LINGER
from fastdicom.ul.provider import Indication

if TYPE_CHECKING:
    from fastdicom.aio.ae import ApplicationEntity

Result = TypeVar("Result")

# Responses to a query that nobody has asked for yet, before no more are received, and when they are again.
RESPONSES_KEPT = 64
RESPONSES_LEFT = 16

# What goes out as it is: to prepare it takes no longer than to ask a thread to.
BUFFERS = (bytes, bytearray, memoryview)


class Waiting(Life):
    """What an association needs to be used on an event loop."""

    __slots__ = ("_ended", "_is_holding", "_queue", "_waiters")

    ae: ApplicationEntity
    _link: Link

    def __init__(self, ae: ApplicationEntity, mode: str, handlers: Handlers) -> None:
        super().__init__(ae, mode, handlers)
        self._waiters: dict[asyncio.Future[None], Goal] = {}
        self._ended: set[asyncio.Future[None]] = set()  # of who waits for the end of any operation
        self._queue = asyncio.Lock()  # of who has first come to begin one, and may not yet
        self._is_holding = False

    def attach(self, connection: Link, negotiate: Callable[[Indication], None]) -> None:
        """Take over a link; `negotiate` is told of what decides whether there is an association."""
        connection.on_happening = self._on_happening
        super().attach(connection, negotiate)

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine that works for the association: at once, and in a task from where it waits."""
        self._link.start(coroutine)

    async def await_answer(self) -> None:
        """Negotiate: until the association is established, or the connection closed."""
        await self._reached(self._answer)

    def _on_happening(self, happening: Happening) -> None:
        request = self._take(happening)
        if request is not None:
            self._serve(request)
        elif self._waiters or self._ended:
            self._tell_all()

    def time_out(self) -> None:
        """End what has taken too long. The limit of the link is the shorter one of two timeouts."""
        if self._exchange.is_invoking or self._link.is_quiet_for(self.network_timeout):
            super().time_out()

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
            waiter = self._link.loop.create_future()
            self._waiters[waiter] = goal
            self._hold_no_more()
            try:
                await waiter
            finally:
                del self._waiters[waiter]

    async def _settled(self) -> None:
        self._link.linger(ABORT_LINGER)
        await self._reached(NEVER)

    async def _begin(
        self, context_id: int, command_field: int, message_id: int | None, kind: type[Invocation]
    ) -> Any:
        if not (self._exchange.is_full or self._queue.locked()):
            return await super()._begin(context_id, command_field, message_id, kind)
        await self._catch_up()
        self._check_may_wait()
        async with self._queue:  # first come, first served
            return await super()._begin(context_id, command_field, message_id, kind)

    async def _make_room(self) -> None:
        inquiry = self._exchange.inquiry_of(self._who())
        if inquiry is None:
            self._exchange.check_may_wait(self._who())
            await self._operation_ended()
        else:  # its responses wait until they are asked for
            await self._reached(inquiry.ending)
            self._finish(inquiry)

    @abstractmethod
    def _check_may_wait(self) -> None:
        """Make sure that the peer does not wait for us while we wait for room."""

    async def _operation_ended(self) -> None:
        """Wait until an operation has ended, or may have."""
        waiter = self._link.loop.create_future()
        self._ended.add(waiter)
        self._waiting += 1
        self._hold_no_more()
        try:
            await waiter
        finally:
            self._waiting -= 1
            self._ended.discard(waiter)

    async def _response_to(self, invocation: Invocation) -> Message | None:
        try:
            await self._reached(invocation)
        except asyncio.CancelledError:
            self._drop(invocation)
            raise
        self._finish(invocation)
        return invocation.response

    def _drop(self, *invocations: Invocation) -> None:
        """Have responses dropped that nobody waits for any more.

        The peer will answer all the same: the Message IDs are in use until then.
        """
        for invocation in invocations:
            invocation.is_abandoned = True
            if invocation.is_answered:
                self._finish(invocation)

    def drop_later(self, invocations: Sequence[Invocation]) -> None:
        """Do so in the loop: a finalizer runs in the middle of anything, in any thread."""
        if not self._link.loop.is_closed():
            self._link.loop.call_soon_threadsafe(self._drop, *invocations)

    async def prepare_c_store(self, dataset: Any, transfer_syntax: str | None) -> outgoing.Outgoing:
        """Find out what is to be sent, for `begin_c_store`; raises what `send_c_store` does."""
        means = self._means()
        if isinstance(dataset, BUFFERS):
            with suppress(NoAcceptedContext):  # it has to be converted, if that is allowed
                return outgoing.prepare(dataset, transfer_syntax, means._replace(allowed="none"))
        return await self.apart(outgoing.prepare, dataset, transfer_syntax, means)

    async def apart(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Call a function that takes its time, in a thread: it reads files, or decodes."""
        return await asyncio.to_thread(function, *arguments)

    def _who(self) -> int:
        return id(asyncio.current_task())

    def _tell_all(self) -> None:
        """Have those who wait go on, as far as what they wait for is so."""
        for waiter, goal in list(self._waiters.items()):
            if (goal.is_reached or self._is_closed) and not waiter.done():
                waiter.set_result(None)
        for waiter in self._ended:
            if not waiter.done():
                waiter.set_result(None)

    # Responses that nobody has asked for yet.

    def _note_progress(self, invocation: Invocation) -> None:
        super()._note_progress(invocation)
        if type(invocation) is Inquiry and len(invocation.responses) >= RESPONSES_KEPT:
            self._hold()

    def _hold(self) -> None:
        """Receive no more, unless somebody waits for something else than for those responses."""
        is_waited = self._ended or any(not goal.is_reached for goal in self._waiters.values())
        if not (self._is_holding or is_waited):
            self._is_holding = True
            self._link.hold()

    def _hold_no_more(self) -> None:
        if self._is_holding:
            self._is_holding = False
            self._link.go_on()

    def may_go_on(self, inquiry: Inquiry) -> None:
        """Receive again, if enough of the responses have been taken."""
        if self._is_holding and len(inquiry.responses) <= RESPONSES_LEFT:
            self._hold_no_more()

    async def _abandon(self, inquiry: Inquiry) -> None:
        await super()._abandon(inquiry)
        self._hold_no_more()

    def _abandon_later(self, inquiry: Inquiry) -> None:
        """Abandon it in a task: a finalizer runs in the middle of anything, in any thread."""
        loop = self._link.loop
        if not loop.is_closed():
            loop.call_soon_threadsafe(lambda: self.start(self._abandon(inquiry)))

    @abstractmethod
    def _serve(self, message: Message) -> None:
        """Answer a request of the peer."""
